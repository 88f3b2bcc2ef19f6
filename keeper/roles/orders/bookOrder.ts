import {
  abs,
  type AccountId,
  type IndexState,
  nonceKey,
  type Order,
  ORDER_FLAGS,
  type SignedOrder,
} from "../../../sdk/index.js";

/** An order of the book. */
export interface BookOrder {
  /** The EIP-712 digest, in lower case. */
  readonly hash: string;
  readonly signed: SignedOrder;
  /** When it was taken in: among equal prices the first is filled first [unix milliseconds]. */
  readonly takenAt: number;
}

/** What the index knows of orders. */
export type OrderState = Pick<IndexState, "fills" | "nonces" | "terms">;

const TRIGGERS = ORDER_FLAGS.triggerAbove | ORDER_FLAGS.triggerBelow;

/** Whether an order waits for a price; the others rest, for those that wait. */
export function hasTrigger({ flags }: Pick<Order, "flags">): boolean {
  return (flags & TRIGGERS) !== 0n;
}

/** Whether an order has one of {@link ORDER_FLAGS}. */
export function hasFlag({ flags }: Pick<Order, "flags">, flag: keyof typeof ORDER_FLAGS): boolean {
  return (flags & ORDER_FLAGS[flag]) !== 0n;
}

/** Whether an order's nonce is used up, or cancelled with all below. */
export function isNonceGone(state: OrderState, { account, nonce }: Order): boolean {
  const id = account as AccountId;
  if (nonce < (state.terms.get(id)?.leastNonce ?? 0n)) return true;
  return (((state.nonces.get(nonceKey(id, nonce)) ?? 0n) >> (nonce & 255n)) & 1n) === 1n;
}

/**
 * How much of an order can still be filled, whatever the price: `Exchange.fillableOf` [wad].
 *
 * @param time Of the block [unix seconds].
 */
export function leftOf(
  state: OrderState,
  { hash, signed: { order } }: Pick<BookOrder, "hash" | "signed">,
  time: bigint,
): bigint {
  if (time > order.expiry || isNonceGone(state, order)) return 0n;
  return abs(order.size) - (state.fills.get(hash) ?? 0n);
}
