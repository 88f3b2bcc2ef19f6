import {
  ContractTransactionReceipt,
  type ContractTransactionResponse,
  Interface,
  isError,
} from "ethers";
import { explainError, type Explanation, formatExplanation } from "./explain.js";
import type { ErrorContext } from "./formats.js";

/** An error whose message is a sentence with the cure; what the library threw is its cause. */
export class ExplainedError extends Error {
  override readonly name = "ExplainedError";

  constructor(
    /** The same for programs. */
    readonly explanation: Explanation,
    cause: unknown,
  ) {
    super(formatExplanation(explanation), { cause });
  }
}

/**
 * Waits until a transaction is in a block.
 *
 * @param sending What a contract's method returned: `sendExplained(vault.deposit(...))`.
 * @param context What makes explanations readable.
 * @returns Its receipt, or that of the same call that the sender sent again with another fee: its logs are not decoded.
 * @throws ExplainedError when it was not sent, reverted in its block, or another transaction took its place.
 */
export async function sendExplained(
  sending: Promise<ContractTransactionResponse>,
  context: ErrorContext = {},
): Promise<ContractTransactionReceipt> {
  let response: ContractTransactionResponse | undefined;
  try {
    response = await sending;
    const receipt = await response.wait();
    if (receipt === null) throw new Error("The transaction was waited for without a confirmation");
    return receipt;
  } catch (error) {
    const again = receiptOfSame(error);
    if (again !== undefined) return again;
    // A receipt does not say why a transaction reverted: the same call on the block before mostly does.
    const reason = (response && (await replay(response))) ?? error;
    throw new ExplainedError(explainError(reason, context), error);
  }
}

/** The receipt of a transaction that was sent again with another fee alone, and has passed. */
function receiptOfSame(error: unknown): ContractTransactionReceipt | undefined {
  if (!isError(error, "TRANSACTION_REPLACED") || error.reason !== "repriced") return undefined;
  const { receipt } = error;
  if (receipt.status !== 1) return undefined;
  return new ContractTransactionReceipt(new Interface([]), receipt.provider, receipt);
}

/** What the transaction's call throws on the state before its block; undefined if nothing, or if nobody can say. */
async function replay(response: ContractTransactionResponse): Promise<unknown> {
  const { provider, from, to, data, value, hash } = response;
  let blockTag: number;
  try {
    const receipt = await provider.getTransactionReceipt(hash);
    if (receipt?.status !== 0) return undefined;
    blockTag = receipt.blockNumber - 1;
  } catch {
    return undefined;
  }
  try {
    await provider.call({ from, to, data, value, blockTag });
    return undefined;
  } catch (error) {
    return error;
  }
}
