import {
  type AccountId,
  type AccountSnapshot,
  formatWad,
  insuranceFundOf,
  type Margin,
  marginOfValuation,
  MissingPriceError,
  valuationForLiquidation,
  WAD,
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
  const ranked = listed
    .filter((account) => account !== fund && !isExcluded(account))
    .map((account) => ({ account, rank: nearRiskOf(view, account) }))
    .sort((a, b) => b.rank - a.rank);
  const below: BelowLine[] = [];
  const guarded: AccountId[] = [];
  const unread: AccountId[] = [];
  for (const { account } of ranked) {
    if (below.length >= most) break;
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

/** The same near enough; what cannot be valued at all comes last, for nobody may liquidate it. */
function nearRiskOf({ book }: KeeperView, account: AccountId): number {
  const margin = book.marginOf(account);
  if (margin === undefined) return Number.NEGATIVE_INFINITY;
  const risk = 2 * margin.maintenance - margin.equity;
  return Number.isFinite(risk) ? risk / Number(WAD) : Number.NEGATIVE_INFINITY;
}
