import { buildOrder, type Order, ORDER_FLAGS, type OrderRequest } from "./orders.js";

/** What must be said about an order that closes a position at a price; the rest is as for any order. */
export interface ExitRequest extends Omit<OrderRequest, "size"> {
  /** What is to be closed: the size that the account holds, or a part of it; above 0 for a long [wad]. */
  position: bigint;
  /** The index price at which the order comes to life [wad]. */
  triggerPrice: bigint;
  /** Others of {@link ORDER_FLAGS} than those of the trigger and `reduceOnly`. */
  flags?: bigint;
}

const TRIGGERS = ORDER_FLAGS.triggerAbove | ORDER_FLAGS.triggerBelow;

/**
 * An order that ends a loss: a long sells while the index price is at or below the trigger price, a short buys while it is
 * at or above it. It only reduces, so that it dies with the position.
 *
 * `limitPrice` is the worst price, and all that bounds what an exit costs: whoever matches the order chooses the moment. A
 * price that jumps beyond the limit leaves the order unfilled; a limit that is far away gives that much to the counterparty,
 * though never a price outside of the clearinghouse's band around the mark. What is left of a partly filled order waits
 * again for the price to be beyond the trigger. Without a fresh index price nothing is filled.
 *
 * @throws RangeError for an empty position, a trigger price of 0, or flags that the function chooses.
 */
export function stopLoss(request: ExitRequest): Order {
  return exit(request, request.position > 0n ? "triggerBelow" : "triggerAbove");
}

/**
 * An order that takes a gain: a long sells while the index price is at or above the trigger price, a short buys while it
 * is at or below it. Otherwise as {@link stopLoss}.
 *
 * @throws RangeError for an empty position, a trigger price of 0, or flags that the function chooses.
 */
export function takeProfit(request: ExitRequest): Order {
  return exit(request, request.position > 0n ? "triggerAbove" : "triggerBelow");
}

/**
 * Whether an order may be filled at an index price as far as its trigger is concerned, as `Exchange.matchOrders` judges
 * it; true for an order without a trigger.
 *
 * @param indexPrice What `PriceOracle.price` says of the instrument's underlying: never a last or a traded price [wad].
 */
export function isTriggered(
  { flags, triggerPrice }: Pick<Order, "flags" | "triggerPrice">,
  indexPrice: bigint,
): boolean {
  if ((flags & ORDER_FLAGS.triggerAbove) !== 0n) return indexPrice >= triggerPrice;
  if ((flags & ORDER_FLAGS.triggerBelow) !== 0n) return indexPrice <= triggerPrice;
  return true;
}

function exit(
  { position, flags = 0n, ...request }: ExitRequest,
  trigger: "triggerAbove" | "triggerBelow",
): Order {
  if (position === 0n) throw new RangeError("There is no position to close");
  if (request.triggerPrice <= 0n) throw new RangeError("The trigger price must be above 0");
  if ((flags & TRIGGERS) !== 0n) throw new RangeError("The side of the trigger is not for flags");
  return buildOrder({
    ...request,
    size: -position,
    flags: flags | ORDER_FLAGS.reduceOnly | ORDER_FLAGS[trigger],
  });
}
