import type { Signer } from "ethers";
import {
  type AccountId,
  connect,
  type DeploymentRecord,
  type LiquidationPreview,
  previewLiquidation,
  readAccount,
  readFund,
  readMarket,
  sendExplained,
  WAD,
} from "../sdk/index.js";

/** Who takes over what. */
export interface Liquidation {
  deployment: DeploymentRecord;
  /** Owns `liquidator`, or is its operator with LIQUIDATE. */
  signer: Signer;
  /** An account that is below its maintenance margin. */
  account: AccountId;
  /** The account that takes the slice over: it needs initial margin for it. */
  liquidator: AccountId;
  /** Underlyings that are traded, by number. */
  underlyings: readonly number[];
  /** How much dearer than previewed the slice may be, for prices move until the block [wad]. */
  slack: bigint;
}

/**
 * Liquidate with a preview. The preview is worked out by the SDK from one block's numbers, to the wei as the contract does:
 * so a keeper weighs any number of accounts without asking the node about each.
 *
 * @returns What was previewed, or nothing when the account is not below its line.
 */
export async function liquidate(request: Liquidation): Promise<LiquidationPreview | undefined> {
  const { deployment, signer, account, liquidator, underlyings } = request;
  const plimsoll = await connect(deployment, signer);
  const at = { blockTag: await plimsoll.provider.getBlockNumber() };
  const [subject, market, fund] = await Promise.all([
    readAccount(plimsoll, account, at),
    readMarket(plimsoll, underlyings, at),
    // What losses have drawn on the fund lately matters where the fund pays the liquidator, for accounts that are bankrupt or
    // nearly so: without it such a slice may be dearer than this preview. The event index knows it.
    readFund(plimsoll, new Map(), at),
  ]);
  const preview = previewLiquidation(subject, market, fund);
  if (preview.maxFraction === 0n) return undefined;

  // As much as the rule allows; a negative payment is what the liquidator is paid.
  const { clearinghouse } = plimsoll;
  const maxPayment = preview.payment + request.slack;
  await sendExplained(clearinghouse.liquidate(account, liquidator, WAD, maxPayment));
  return preview;
}
