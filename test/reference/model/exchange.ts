import {
  mulUp,
  type Order,
  ORDER_FLAGS,
  ownerOf,
  type AccountId,
  underlyingOf,
} from "../../../sdk/index.js";
import { abs, min } from "../margin.js";
import { priceOf } from "./oracle.js";
import { demand } from "./refusal.js";
import { clear, type Leg } from "./trades.js";
import { isAuthorized } from "./vault.js";
import type { World } from "./world.js";

/** What the Exchange makes of two signed orders: a fill at the maker's price and fees on its notional, rounded up. */

export interface Signed {
  order: Order;
  /** Who signed. */
  signer: string;
}

/** The taker's order against one maker's, for so much [wad]. */
export function matchOrders(
  world: World,
  exchange: string,
  match: { taker: Signed; maker: Signed; size: bigint },
): void {
  const { taker, maker, size } = match;
  checkOrder(world, taker);
  demand((taker.order.flags & ORDER_FLAGS.postOnly) === 0n, "PostOnly");
  demandTrigger(world, taker.order);
  checkOrder(world, maker);
  const [bid, ask] = taker.order.size > 0n ? [taker, maker] : [maker, taker];
  const isPair =
    taker.order.instrument === maker.order.instrument && bid.order.size > 0n && ask.order.size < 0n;
  demand(isPair, "OrdersDoNotMatch");
  demand(ask.order.limitPrice <= bid.order.limitPrice, "LimitPriceCrossed");
  demandTrigger(world, maker.order);
  recordFill(world, maker.order, size);
  const price = maker.order.limitPrice;
  const notional = mulUp(size, price);
  const takerLeg = legOf(taker.order, notional, ratesOf(world, taker.order).taker);
  const makerLeg = legOf(maker.order, notional, ratesOf(world, maker.order).maker);
  recordFill(world, taker.order, size);
  const trade = {
    instrument: taker.order.instrument,
    size: taker.order.size > 0n ? size : -size,
    price,
    taker: takerLeg,
    maker: makerLeg,
  };
  clear(world, exchange, [trade]);
}

function checkOrder(world: World, { order, signer }: Signed): void {
  const { triggerAbove, triggerBelow } = ORDER_FLAGS;
  const triggers = [triggerAbove, triggerBelow].filter((flag) => (order.flags & flag) !== 0n);
  demand(order.size !== 0n && order.limitPrice !== 0n, "InvalidOrder");
  demand(triggers.length < 2, "InvalidFlags");
  demand(triggers.length === (order.triggerPrice === 0n ? 0 : 1), "InvalidOrder");
  demand(world.now <= order.expiry, "OrderExpired");
  demand(!world.usedNonces.has(keyOf(order)), "NonceUsed");
  const account = order.account as AccountId;
  const isSigned = signer === ownerOf(account) || isAuthorized(world, account, signer, "trade");
  demand(isSigned, "InvalidSignature");
}

/** Today's index price is on the trigger's side of it, or exactly there; an order without a trigger asks for no price. */
function demandTrigger(world: World, { instrument, flags, triggerPrice }: Order): void {
  if (triggerPrice === 0n) return;
  const beyond = priceOf(world, underlyingOf(instrument)) - triggerPrice;
  const isAbove = (flags & ORDER_FLAGS.triggerAbove) !== 0n;
  demand(isAbove ? beyond >= 0n : beyond <= 0n, "TriggerNotReached");
}

/** A wholly filled order uses up its nonce. */
function recordFill(world: World, order: Order, size: bigint): void {
  const filled = world.fills.get(keyOf(order)) ?? 0n;
  const left = abs(order.size) - filled;
  demand(size > 0n && size <= left, "InvalidFill");
  if ((order.flags & ORDER_FLAGS.fillOrKill) !== 0n) {
    demand(size === abs(order.size), "NotWhollyFilled");
  }
  if (size === left) world.usedNonces.add(keyOf(order));
  else world.fills.set(keyOf(order), filled + size);
}

/** The lower of the rates of the account's tier and of tier 0, for each side. */
function ratesOf({ rules, feeTiers }: World, order: Order): { taker: bigint; maker: bigint } {
  const [base] = rules.feeTiers as [{ taker: bigint; maker: bigint }];
  const own = rules.feeTiers[feeTiers.get(order.account as AccountId) ?? 0] ?? base;
  return { taker: min(own.taker, base.taker), maker: min(own.maker, base.maker) };
}

/** The rates together are within what was signed; builders take none here. */
function legOf(order: Order, notional: bigint, rate: bigint): Leg {
  demand(rate <= order.maxFee, "FeeAboveMaximum");
  return {
    account: order.account as AccountId,
    fee: mulUp(notional, rate),
    builderFee: 0n,
    builder: ownerOf(order.account),
    reduceOnly: (order.flags & ORDER_FLAGS.reduceOnly) !== 0n,
  };
}

function keyOf(order: Order): string {
  return `${order.account} ${order.nonce}`;
}
