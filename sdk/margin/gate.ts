import type { AccountSnapshot, Margin, MarketSnapshot, PositionSnapshot } from "./snapshot.js";
import { accountWithout, type Delta } from "./margin.js";
import { isRead, isRiskless, marginOfValuation, valuationOf } from "./valuation.js";

/** The gate of section 4 of the design: what an account below its initial margin may still do. */

/** What an account did in one call. */
export interface Acts {
  readonly trades: readonly Delta[];
  /** What the venue charged it [wad]. */
  readonly venueFees: bigint;
  /** What builders charged it [wad]. */
  readonly builderFees: bigint;
}

/**
 * Whether an account passes the gate after its acts, as `Clearinghouse.clear` asks: it is worth its initial margin, or no
 * position has grown and its health has not fallen. While an item has no price now, it may only have reduced, at no price
 * worse than the last mark.
 *
 * @param afterwards The account after its acts: {@link accountWith} of what it was and did.
 * @throws MissingPriceError when something has not even a last price.
 */
export function passesGate(
  afterwards: AccountSnapshot,
  acts: Acts,
  market: MarketSnapshot,
): boolean {
  if (isRiskless(afterwards)) return true;
  const valuation = valuationOf(afterwards, market, "trade");
  const margin = marginOfValuation(valuation, market);
  const allRead = isRead(valuation);
  if (allRead && margin.equity >= margin.initial) return true;
  const fees = acts.venueFees + acts.builderFees;
  const undone = accountWithout(afterwards, acts.trades, -fees);
  const before = marginOfValuation(valuationOf(undone, market, "trade"), market);
  const trades = BigInt(acts.trades.length);
  const safer = allRead
    ? isSafer(before, margin, trades)
    : isNoGift(before, margin, acts.venueFees + trades);
  return safer && isReduction(undone.positions, afterwards.positions);
}

/**
 * With equity, health R / M must not fall, and without, equity must not; never by division:
 *
 *     M > 0,  M' <= M,  and   R >= 0:  R' >= 0 and R' x M >= R x M'      R < 0:  R' >= R
 *
 * @param allowed By how many wei equity below 0 may fall all the same: one for each trade's rounding.
 */
export function isSafer(before: Margin, afterwards: Margin, allowed = 0n): boolean {
  if (before.maintenance === 0n || afterwards.maintenance > before.maintenance) return false;
  if (before.equity < 0n) return afterwards.equity >= before.equity - allowed;
  return (
    afterwards.equity >= 0n &&
    afterwards.equity * before.maintenance >= before.equity * afterwards.maintenance
  );
}

/** Whether no position is larger than before, on the other side, or new. */
export function isReduction(
  before: readonly PositionSnapshot[],
  afterwards: readonly PositionSnapshot[],
): boolean {
  const sizes = new Map(before.map(({ instrument, size }) => [instrument, size]));
  return afterwards.every(({ instrument, size }) => {
    const held = sizes.get(instrument) ?? 0n;
    return size > 0n ? held >= size : held <= size;
  });
}

/** While an item cannot be read, nobody knows what the account is really worth: no equity may leave it but fees. */
function isNoGift(before: Margin, afterwards: Margin, allowed: bigint): boolean {
  return (
    afterwards.maintenance <= before.maintenance && afterwards.equity >= before.equity - allowed
  );
}
