import type { Signer } from "ethers";
import {
  type AccountId,
  connect,
  type Deployment,
  type InstrumentId,
  mulDown,
  orderDomain,
  orderStatuses,
  parseWad,
  type OrderStatus,
  type SignedOrder,
  signOrder,
  stopLoss,
} from "../sdk/index.js";

/** What is protected from which price on. */
export interface Protection {
  deployment: Deployment;
  owner: Signer;
  account: AccountId;
  instrument: InstrumentId;
  /** Index price as a decimal number. */
  triggerPrice: string;
  /** [unix seconds] */
  expiry: bigint;
}

/** The limit is 2 % beyond the trigger: the worst price that the owner takes. */
const LIMIT = parseWad("0.98");

/**
 * A stop-loss for a long position: signed now, it can be filled by anyone while the index price is at or below the trigger.
 * It only reduces, so it cannot open a short when the position is gone. What it cannot promise is in docs/known-limits.md.
 */
export async function placeStopLoss(
  request: Protection,
): Promise<{ signed: SignedOrder; status: OrderStatus | undefined }> {
  const { deployment, owner, account, instrument } = request;
  const plimsoll = await connect(deployment, owner);
  const { size: position } = await plimsoll.clearinghouse.positionOf(account, instrument);

  const triggerPrice = parseWad(request.triggerPrice);
  const limitPrice = mulDown(triggerPrice, LIMIT);
  const { expiry } = request;
  const order = stopLoss({ account, instrument, position, triggerPrice, limitPrice, expiry });
  const { chainId } = await plimsoll.provider.getNetwork();
  const exchange = await plimsoll.exchange.getAddress();
  const signed = await signOrder(owner, orderDomain({ chainId, exchange }), order);

  // Give `signed` to whoever matches orders. Its status says whether it waits for the price.
  const [status] = await orderStatuses(plimsoll, [order]);
  return { signed, status };
}
