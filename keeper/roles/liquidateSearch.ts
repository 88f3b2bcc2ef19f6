import type { BelowLine } from "../state/belowLine.js";
import type { LiquidationPlans } from "./liquidatePlan.js";

/** How plans are looked for. */
export interface SearchOptions {
  /** Accounts below the line, the most urgent first. */
  readonly candidates: Iterator<BelowLine, undefined>;
  readonly plan: (accounts: readonly BelowLine[]) => LiquidationPlans;
  /** So many plans are enough. */
  readonly most: number;
}

/** What was found. */
export interface Search extends Omit<LiquidationPlans, "isWhole"> {
  /** Those that were not left: what is planned, and what may be instead of it. */
  readonly accounts: readonly BelowLine[];
  /** Whether all candidates were looked at. */
  readonly isWhole: boolean;
}

/** So many accounts are taken at a time for each plan that is wanted. */
const CHOICE = 4;
/** After so many times, accounts that were not reached wait for the next block. */
const MOST_BATCHES = 4;

/**
 * Plans until there are enough: accounts that do not fit or do not pay, however many and however urgent, do not keep those
 * behind them from being reached.
 */
export function searchPlans({ candidates, most, plan }: SearchOptions): Search {
  const left: LiquidationPlans["left"][number][] = [];
  let accounts: BelowLine[] = [];
  for (let batch = 1; ; ++batch) {
    const fresh = taken(candidates, most * CHOICE);
    const isEnd = fresh.length < most * CHOICE;
    accounts = [...accounts, ...fresh].sort((a, b) => b.risk - a.risk);
    const found = plan(accounts);
    left.push(...found.left);
    const without = new Set(found.left.map(({ account }) => account));
    accounts = accounts.filter(({ account }) => !without.has(account));
    // Those that do not fit may have kept it from trying the others.
    const isWhole = isEnd && found.isWhole;
    if (isWhole || found.plans.length >= most || batch === MOST_BATCHES) {
      return { plans: found.plans, left, accounts, isWhole };
    }
  }
}

function taken<T>(from: Iterator<T, undefined>, count: number): T[] {
  const items: T[] = [];
  while (items.length < count) {
    const next = from.next();
    if (next.done === true) break;
    items.push(next.value);
  }
  return items;
}
