import {
  abs,
  bpsDown,
  type Delta,
  excess,
  min,
  mulUp,
  type Order,
  ORDER_FLAGS,
} from "../../../sdk/index.js";
import { type BookOrder, hasFlag, hasTrigger } from "../orders/bookOrder.js";
import { builderRateOf, type FeePair, reducibleOf } from "../orders/checks.js";

/** An order with what can still be filled of it. */
export interface OpenOrder extends BookOrder {
  /** [wad] */
  readonly left: bigint;
}

/** What {@link decideMatch} looks at. */
export interface MatchFacts {
  /** Its price is reached. */
  readonly taker: OpenOrder;
  /** Orders of the other side of its instrument; those with a trigger are passed over. */
  readonly makers: readonly OpenOrder[];
  /** The index price [wad]. */
  readonly mark: bigint;
  /** How far from it a trade may be [bps]. */
  readonly bandBps: bigint;
  /** Whether the underlying is frozen, so that everybody may only reduce. */
  readonly isFrozen: boolean;
  /** More than a transaction should have. */
  readonly mostMakers: number;
  readonly feesOf: (account: string) => FeePair;
  /** What an account holds of the instrument [wad]. */
  readonly sizeOf: (account: string) => bigint;
  /** Whether it passes the gate after trades and fees [wad]. */
  readonly passes: (account: string, trades: readonly Delta[], fees: bigint) => boolean;
  /** What other matches have taken of makers already [wad]. */
  readonly taken: ReadonlyMap<string, bigint>;
}

/** A maker with what is filled of it. */
interface Fill {
  readonly maker: OpenOrder;
  /** [wad] */
  readonly size: bigint;
}

/** A match: the taker against makers, best price first. */
export interface Match {
  readonly taker: OpenOrder;
  readonly fills: readonly Fill[];
  /** What is filled of the taker [wad]. */
  readonly size: bigint;
  /** At the makers' prices [wad]. */
  readonly notional: bigint;
}

/**
 * Against whom an order is matched whose trigger is reached: makers of other accounts that its limit allows and the band
 * around the mark too, the best price first and of equal prices the oldest, until nothing is left of it. Whoever may only
 * reduce is filled up to what it holds. A maker that would be refused, for its margin or because it wants all or nothing, is
 * passed over.
 */
export function decideMatch(facts: MatchFacts): Match | undefined {
  const { taker, feesOf } = facts;
  const { order } = taker.signed;
  const side = order.size > 0n ? 1n : -1n;
  let left = reducibleLeft(facts, taker, order.size, 0n);
  const fills: Fill[] = [];
  const trades: Delta[] = [];
  const changes = new Map<string, bigint>();
  let [fees, notional] = [0n, 0n];
  for (const maker of eligibleMakers(facts)) {
    if (left === 0n || fills.length === facts.mostMakers) break;
    const fill = fillOf(facts, maker, left, changes.get(maker.signed.order.account) ?? 0n);
    if (fill === undefined) continue;
    const { account, limitPrice: price } = maker.signed.order;
    changes.set(account, (changes.get(account) ?? 0n) - side * fill);
    fills.push({ maker, size: fill });
    trades.push({ instrument: order.instrument, size: side * fill, price });
    const value = mulUp(fill, price);
    fees += mulUp(value, feesOf(order.account).taker) + mulUp(value, builderRateOf(order));
    notional += value;
    left -= fill;
  }
  const size = fills.reduce((sum, fill) => sum + fill.size, 0n);
  if (size === 0n || (hasFlag(order, "fillOrKill") && size !== abs(order.size))) return undefined;
  if (!facts.passes(order.account, trades, fees)) return undefined;
  return { taker, fills, size, notional };
}

/** Makers that the taker's limit and the band allow, in the order in which they are filled. */
function eligibleMakers({ bandBps, makers, mark, taker }: MatchFacts): OpenOrder[] {
  const { order } = taker.signed;
  const band = bpsDown(mark, bandBps);
  const isBuying = order.size > 0n;
  return makers
    .filter(({ signed }) => isOpposite(order, signed.order))
    .filter(({ signed: { order: maker } }) => {
      const isCrossed = isBuying
        ? maker.limitPrice > order.limitPrice
        : maker.limitPrice < order.limitPrice;
      return !isCrossed && abs(maker.limitPrice - mark) <= band;
    })
    .sort((a, b) => {
      const [left, right] = [a.signed.order.limitPrice, b.signed.order.limitPrice];
      if (left !== right) return left < right === isBuying ? -1 : 1;
      return a.takenAt - b.takenAt || (a.hash < b.hash ? -1 : 1);
    });
}

function isOpposite(taker: Order, maker: Order): boolean {
  return (
    maker.instrument === taker.instrument &&
    maker.size > 0n !== taker.size > 0n &&
    maker.account !== taker.account &&
    !hasTrigger(maker)
  );
}

/** How much of a maker is filled; nothing when it would be refused [wad]. */
function fillOf(
  facts: MatchFacts,
  maker: OpenOrder,
  left: bigint,
  changed: bigint,
): bigint | undefined {
  const { order } = maker.signed;
  const available = excess(maker.left, facts.taken.get(maker.hash) ?? 0n);
  const open = reducibleLeft(facts, { ...maker, left: available }, order.size, changed);
  const size = min(left, open);
  if (size === 0n) return undefined;
  if (hasFlag(order, "fillOrKill") && size !== abs(order.size)) return undefined;
  const fees = facts.feesOf(order.account);
  const value = mulUp(size, order.limitPrice);
  const charged = mulUp(value, fees.maker) + mulUp(value, builderRateOf(order));
  const change = order.size > 0n ? size : -size;
  const trade = { instrument: order.instrument, size: change, price: order.limitPrice };
  return facts.passes(order.account, [trade], charged) ? size : undefined;
}

/**
 * What can be filled of an order when it may only reduce: up to what its account holds then [wad].
 *
 * @param changed What the account's position changes by before [wad].
 */
function reducibleLeft(
  { isFrozen, sizeOf }: MatchFacts,
  { left, signed: { order } }: OpenOrder,
  size: bigint,
  changed: bigint,
): bigint {
  if (!isFrozen && (order.flags & ORDER_FLAGS.reduceOnly) === 0n) return left;
  return min(left, reducibleOf(sizeOf(order.account) + changed, size));
}
