import {
  type AccountId,
  type AccountSnapshot,
  formatWad,
  insuranceFundOf,
  type Margin,
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

/** After so many accounts that turn out not to be below the line, or cannot be read, the others wait for the next block. */
const MOST_MISSES = 4_000;

/**
 * Accounts that may be below the line by the fast arithmetic, the largest risk first; those of which something cannot be read
 * come last, for many of them nobody may liquidate. The insurance fund's account is never among them.
 *
 * @param view Of a block.
 * @param guardBps Accounts up to so far above the line are listed too [bps].
 */
export function nearLine({ book, index, prices }: KeeperView, guardBps: number): AccountId[] {
  const fund = insuranceFundOf(index);
  const areAllRead = [...prices.values()].every(({ price }) => price !== undefined);
  const listed = book.below({ guard: guardBps / 10_000 });
  // In a crash there are thousands: their numbers are read where they are.
  const { equity, maintenance } = book.columns;
  const rankOf = (account: AccountId): Rank => {
    const slot = book.slotOf(account) ?? -1;
    const risk = 2 * (maintenance[slot] ?? Number.NaN) - (equity[slot] ?? Number.NaN);
    if (Number.isNaN(risk)) return { account, isRead: false, risk: Number.NEGATIVE_INFINITY };
    const isRead = areAllRead || book.marginOf(account)?.isRead === true;
    return { account, isRead, risk };
  };
  return listed
    .filter((account) => account !== fund)
    .map(rankOf)
    .sort((a, b) => {
      if (a.isRead !== b.isRead) return a.isRead ? -1 : 1;
      // Not by a difference: of two infinite ones that is no number.
      return a.risk === b.risk ? 0 : b.risk - a.risk;
    })
    .map(({ account }) => account);
}

/** Where an account comes among others. */
interface Rank {
  readonly account: AccountId;
  /** Whether today's prices of all that it has are known. */
  readonly isRead: boolean;
  /** [wad] */
  readonly risk: number;
}

/**
 * Those of the listed accounts that are below the line by the exact arithmetic, one after the other: none is computed before
 * it is asked for. What goes wrong with one is told to the view.
 *
 * @param view Of a block.
 * @param listed In the order in which they are wanted.
 * @param isExcluded Those that are not of interest.
 * @param giveUp Told of those that were looked at in vain when they were so many that the others wait: whoever begins with
 * the same ones at the next block never reaches the others.
 */
export function* belowLine(
  view: KeeperView,
  listed: readonly AccountId[],
  isExcluded: (account: AccountId) => boolean,
  giveUp?: (misses: readonly AccountId[]) => void,
): Generator<BelowLine, undefined> {
  const misses: AccountId[] = [];
  for (const account of listed) {
    if (isExcluded(account)) continue;
    let found: BelowLine | undefined;
    try {
      found = exactlyBelow(view, account);
    } catch (error) {
      view.failed(error instanceof MissingPriceError ? "price missing" : "margin", account, error);
    }
    if (found !== undefined) yield found;
    else if (misses.push(account) >= MOST_MISSES) {
      giveUp?.(misses);
      return undefined;
    }
  }
  return undefined;
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
