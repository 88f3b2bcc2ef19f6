import {
  type AccountId,
  type AccountSnapshot,
  formatWad,
  insuranceFundOf,
  type Margin,
  type MarginBook,
  marginOfValuation,
  MissingPriceError,
  valuationForLiquidation,
} from "../../sdk/index.js";
import type { KeeperView } from "./view.js";

/** An account that a liquidator may take a slice of, exactly. */
export interface BelowLine {
  readonly account: AccountId;
  readonly snapshot: AccountSnapshot;
  /** As a liquidation sees it: what cannot be read counts at its last price, less what it requires. */
  readonly margin: Margin;
  /** What a move of twice its maintenance requirement would cost beyond what it has [settlement currency]. */
  readonly risk: number;
}

/** Which accounts are looked at. */
export interface BelowLineOptions {
  /** Accounts up to so far above the line are computed exactly [bps]. */
  readonly guardBps: number;
  /** So many are given at most, those with the largest risk. */
  readonly most: number;
  /** Those that are not of interest. */
  readonly isExcluded: (account: AccountId) => boolean;
}

/** What was found. */
export interface Found {
  /** The largest risk first. */
  readonly below: readonly BelowLine[];
  /** Looked at, and above the line. */
  readonly guarded: readonly AccountId[];
  /** Too much of them cannot be read, so nobody may liquidate them now. */
  readonly unread: readonly AccountId[];
  /** How many accounts the fast arithmetic listed. */
  readonly listed: number;
}

/**
 * The accounts below the line: the book lists those that may be, the largest risk first, and the exact arithmetic decides.
 * The insurance fund's account is never among them.
 */
export function belowLine(view: KeeperView, options: BelowLineOptions): Found {
  const { guardBps, isExcluded, most } = options;
  const fund = insuranceFundOf(view.index);
  const listed = view.book.below({ guard: guardBps / 10_000 });
  const ranked = ranking(view.book, listed);
  const below: BelowLine[] = [];
  const guarded: AccountId[] = [];
  const unread: AccountId[] = [];
  for (const { account } of ranked) {
    if (below.length >= most) break;
    if (account === fund || isExcluded(account)) continue;
    try {
      const found = exactlyBelow(view, account);
      if (found === undefined) guarded.push(account);
      else below.push(found);
    } catch (error) {
      view.failed(error instanceof MissingPriceError ? "price missing" : "margin", account, error);
      unread.push(account);
    }
  }
  below.sort((a, b) => b.risk - a.risk);
  return { below, guarded, unread, listed: listed.length };
}

/**
 * An account as a liquidation sees it; nothing when it is not below the line.
 *
 * @throws MissingPriceError when too much of it cannot be read.
 */
export function exactlyBelow(view: KeeperView, account: AccountId): BelowLine | undefined {
  const snapshot = view.snapshotOf(account);
  const margin = marginOfValuation(valuationForLiquidation(snapshot, view.market), view.market);
  if (margin.equity >= margin.maintenance) return undefined;
  return { account, snapshot, margin, risk: riskOf(margin) };
}

/** What a move of twice the maintenance requirement would cost beyond the equity [settlement currency]. */
export function riskOf({ equity, maintenance }: Pick<Margin, "equity" | "maintenance">): number {
  return Number(formatWad(2n * maintenance - equity));
}

/** Accounts by the same near enough; what cannot be valued at all comes last, for nobody may liquidate it. */
function ranking(book: MarginBook, accounts: readonly AccountId[]): { account: AccountId }[] {
  // In a crash there are thousands: their numbers are read where they are.
  const { equity, maintenance } = book.columns;
  return accounts
    .map((account) => {
      const slot = book.slotOf(account) ?? -1;
      const risk = 2 * (maintenance[slot] ?? Number.NaN) - (equity[slot] ?? Number.NaN);
      return { account, rank: Number.isNaN(risk) ? Number.NEGATIVE_INFINITY : risk };
    })
    .sort((a, b) => b.rank - a.rank);
}
