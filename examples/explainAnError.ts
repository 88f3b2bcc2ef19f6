import type { Signer } from "ethers";
import {
  accountId,
  connect,
  type Deployment,
  ExplainedError,
  type Explanation,
  readErrorContext,
  sendExplained,
} from "../sdk/index.js";

/**
 * Explain an error: withdraws more than there is, and returns what the SDK says about it. `sentence` and `cure` are for
 * people, `remedy` and `until` for programs, `values` has the exact numbers.
 */
export async function withdrawTooMuch(
  deployment: Deployment,
  owner: Signer,
  amount: bigint,
): Promise<Explanation | undefined> {
  const plimsoll = await connect(deployment, owner);
  // Symbols and decimals, so that amounts can be read: once is enough.
  const context = await readErrorContext(plimsoll, new Map([[1, "ETH"]]));
  const { vault } = plimsoll;
  const address = await owner.getAddress();
  try {
    const token = await vault.SETTLEMENT_TOKEN();
    await sendExplained(vault.withdraw(accountId(address), token, amount, address), context);
    return undefined;
  } catch (error) {
    // What is no ExplainedError is a bug of the program.
    if (!(error instanceof ExplainedError)) throw error;
    return error.explanation;
  }
}
