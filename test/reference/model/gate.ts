import { type AccountId } from "../../../sdk/index.js";
import { type ReferenceMargin } from "../margin.js";
import { lenientPrices, type Quote } from "./oracle.js";
import { demand } from "./refusal.js";
import { isRiskless, marginOfValuation, valuationOf } from "./valuation.js";
import { accountOf, type Account, type World } from "./world.js";

/** The gate of DESIGN section 4: what an account may do while it is not worth its initial margin. */

/** What trades did to an account. */
export interface Change {
  account: AccountId;
  /** The world before them. */
  before: World;
  /** How many there were in the call: each may round a value down by a wei. */
  trades: bigint;
  /** What the venue took [wad]. */
  venueFees: bigint;
}

/** Whether the account is worth less than its initial margin, or nobody knows. */
export function isDoubtful(world: World, id: AccountId, known: Map<number, Quote>): boolean {
  if (isRiskless(accountOf(world, id))) return false;
  const { margin, isRead } = atLastPrices(world, id, known);
  return !isRead || margin.equity < margin.initial;
}

/** Refuses unless the account is safer than before. */
export function requireSafer(world: World, known: Map<number, Quote>, change: Change): void {
  const { account, before: worldBefore } = change;
  const { margin: before } = atLastPrices(worldBefore, account, known);
  const { margin: afterwards, isRead } = atLastPrices(world, account, known);
  const isSafer = isRead
    ? isHealthier(before, afterwards, change.trades)
    : isNoGift(before, afterwards, change.venueFees + change.trades);
  demand(isSafer, "RiskNotReduced");
  const isReduced = isReduction(accountOf(worldBefore, account), accountOf(world, account));
  demand(isReduced, "RiskNotReduced");
}

/** The account at the prices of the act, items without one at their last. */
function atLastPrices(world: World, id: AccountId, known: Map<number, Quote>) {
  const options = { prices: lenientPrices(world, known), addOn: true };
  const valuation = valuationOf(world, accountOf(world, id), options);
  const isRead = !valuation.items.some(({ isUnread }) => isUnread);
  return { margin: marginOfValuation(valuation), isRead };
}

/** At the prices of the act, items without one at their last: whether the account is below its line. */
export function isBelowMaintenance(
  world: World,
  id: AccountId,
  known: Map<number, Quote>,
): boolean {
  if (isRiskless(accountOf(world, id))) return false;
  const { equity, maintenance } = atLastPrices(world, id, known).margin;
  return equity < maintenance;
}

/** M > 0, M' <= M, and R' >= 0 with R' M >= R M'; without equity R' >= R, but for the wei of rounding. */
function isHealthier(before: ReferenceMargin, after: ReferenceMargin, wei: bigint): boolean {
  if (before.maintenance === 0n || after.maintenance > before.maintenance) return false;
  if (before.equity < 0n) return after.equity >= before.equity - wei;
  const healthStays = after.equity * before.maintenance >= before.equity * after.maintenance;
  return after.equity >= 0n && healthStays;
}

/** While an item has no price: equity falls by nothing but the venue's fees. */
function isNoGift(before: ReferenceMargin, after: ReferenceMargin, allowed: bigint): boolean {
  return after.maintenance <= before.maintenance && after.equity >= before.equity - allowed;
}

/** No position is larger, on the other side, or new. */
function isReduction(before: Account, after: Account): boolean {
  return after.positions.every(({ instrument, size }) => {
    const was = before.positions.find((held) => held.instrument === instrument)?.size ?? 0n;
    return size > 0n ? was >= size : was <= size;
  });
}
