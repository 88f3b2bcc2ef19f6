import type { AccountId, InstrumentId } from "../../../sdk/index.js";
import type { ReferenceMargin } from "../margin.js";
import { realQuoteOf, tradeQuote } from "./ledger.js";
import { lenientPrices, type Quote } from "./oracle.js";
import { demand } from "./refusal.js";
import {
  isRiskless,
  marginOfValuation,
  type Portfolio,
  portfolioOf,
  requireFew,
  valuationOf,
} from "./valuation.js";
import type { Position, World } from "./world.js";

/** The gate of DESIGN section 4: what an account may do while it is not worth its initial margin. */

/** A trade as one of its parties sees it. */
interface OwnTrade {
  instrument: InstrumentId;
  /** What it bought [wad]. */
  size: bigint;
  price: bigint;
}

/** What a call did to an account. */
export interface Change {
  account: AccountId;
  trades: OwnTrade[];
  /** How many trades there were in all: each may round a value down by a wei. */
  count: bigint;
  /** What the venue and builders took from it [wad]. */
  venueFees: bigint;
  builderFees: bigint;
}

/** Whether the account is worth less than its initial margin, or nobody knows. */
export function isDoubtful(world: World, id: AccountId, known: Map<number, Quote>): boolean {
  if (isRiskless(portfolioOf(world, id))) return false;
  const { margin, isRead } = atLastPrices(world, id, known);
  requireFew(world, id);
  return !isRead || margin.equity < margin.initial;
}

/** Refuses unless the account is safer than before. */
export function requireSafer(world: World, known: Map<number, Quote>, change: Change): void {
  const account = portfolioOf(world, change.account);
  const undone = undo(world, account, change);
  const options = { prices: lenientPrices(world, known), addOn: true };
  const realOf = ({ quote }: Position) => quote;
  const before = marginOfValuation(valuationOf(world, undone, { ...options, realOf }));
  const { margin: afterwards, isRead } = atLastPrices(world, change.account, known);
  const isSafer = isRead
    ? isHealthier(before, afterwards, change.count)
    : isNoGift(before, afterwards, change.venueFees + change.count);
  demand(isSafer && isReduction(undone, account), "RiskNotReduced");
}

/**
 * The account with its trades and fees undone, its quotes being the real ones. This is what the gate compares with
 * (docs/invariants.md, I8): it differs from the account as it really was by what builders paid it in the call, and by the
 * 2 wei that writing a position in a book with moved indices rounds off.
 */
function undo(world: World, account: Portfolio, change: Change): Portfolio {
  let cash = account.cash + change.venueFees + change.builderFees;
  const positions = new Map<InstrumentId, Position>();
  for (const position of account.positions) {
    const { instrument, size } = position;
    positions.set(instrument, { instrument, size, quote: realQuoteOf(world, position) });
  }
  for (const { instrument, size, price } of change.trades) {
    const held = positions.get(instrument) ?? { instrument, size: 0n, quote: 0n };
    held.size -= size;
    held.quote += tradeQuote(size, price);
    if (held.size === 0n) cash += held.quote;
    if (held.size === 0n) positions.delete(instrument);
    else positions.set(instrument, held);
  }
  return { ...account, cash, positions: [...positions.values()] };
}

/** The account at the prices of the act, items without one at their last. */
function atLastPrices(world: World, id: AccountId, known: Map<number, Quote>) {
  const options = { prices: lenientPrices(world, known), addOn: true };
  const valuation = valuationOf(world, portfolioOf(world, id), options);
  const isRead = !valuation.items.some(({ isUnread }) => isUnread);
  return { margin: marginOfValuation(valuation), isRead };
}

/** At the prices of the act, items without one at their last: whether the account is below its line. */
export function isBelowMaintenance(
  world: World,
  id: AccountId,
  known: Map<number, Quote>,
): boolean {
  if (isRiskless(portfolioOf(world, id))) return false;
  const { equity, maintenance } = atLastPrices(world, id, known).margin;
  requireFew(world, id);
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
function isReduction(before: Portfolio, after: Portfolio): boolean {
  return after.positions.every(({ instrument, size }) => {
    const was = before.positions.find((held) => held.instrument === instrument)?.size ?? 0n;
    return size > 0n ? was >= size : was <= size;
  });
}
