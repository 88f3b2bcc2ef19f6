import type { InstrumentId } from "../ids.js";
import { tradeQuoteOf } from "../ledger.js";
import type { Status } from "../lens.js";
import { excess } from "../wad.js";
import type { AccountSnapshot, Margin, MarketSnapshot, PositionSnapshot } from "./snapshot.js";
import { isRiskless, marginOfValuation, valuationOf } from "./valuation.js";

/** Margins as `MarginEngine` says them, to the wei, and what-if. */

/** A change of one position that has been or might be made. */
export interface Delta {
  readonly instrument: InstrumentId;
  /** What is bought (positive) or sold (negative) [wad]. */
  readonly size: bigint;
  /** At which price [wad]. */
  readonly price: bigint;
}

/**
 * What an account is worth and must be worth at today's prices: `MarginEngine.marginOf`.
 *
 * @throws MissingPriceError when one of them cannot be read.
 */
export function marginOf(account: AccountSnapshot, market: MarketSnapshot): Margin {
  return marginOfValuation(valuationOf(account, market, "view"), market);
}

/** Where an account with such a margin stands. */
export function statusOf({ equity, initial, maintenance }: Margin): Status {
  if (equity < 0n) return "Bankrupt";
  if (equity < maintenance) return "Liquidatable";
  return equity < initial ? "MarginCall" : "Healthy";
}

/**
 * The margin as if trades and a change of cash were done: `MarginEngine.marginWith`.
 *
 * @param cash What its cash changes by [wad].
 * @throws MissingPriceError when a price cannot be read.
 */
export function marginWith(
  account: AccountSnapshot,
  deltas: readonly Delta[],
  cash: bigint,
  market: MarketSnapshot,
): Margin {
  return marginOf(accountWith(account, deltas, cash), market);
}

/**
 * The account as if trades and a change of cash were done:
 *
 *     size += d,   real quote -= d x price towards 0      a position that is gone leaves its real quote as cash
 *
 * A real trade rounds each real quote that it writes down by at most 2 wei more, as does the change of cash.
 */
export function accountWith(
  account: AccountSnapshot,
  deltas: readonly Delta[],
  cash: bigint,
): AccountSnapshot {
  let changed: AccountSnapshot = { ...account, cash: account.cash + cash };
  for (const { instrument, size, price } of deltas) {
    if (size === 0n) continue;
    const traded = { instrument, size, realQuote: -tradeQuoteOf(size, price) };
    changed = withPosition(changed, traded);
  }
  return changed;
}

/** The account as it was before trades and a change of cash: the same arithmetic backwards. */
export function accountWithout(
  account: AccountSnapshot,
  deltas: readonly Delta[],
  cash: bigint,
): AccountSnapshot {
  const undone = deltas.map(({ instrument, size, price }) => ({ instrument, size: -size, price }));
  return accountWith(account, undone, -cash);
}

/** The account with a position more, added to what it holds of the instrument. */
export function withPosition(account: AccountSnapshot, more: PositionSnapshot): AccountSnapshot {
  const place = account.positions.findIndex(({ instrument }) => instrument === more.instrument);
  const held = account.positions[place];
  if (held === undefined) return { ...account, positions: [...account.positions, more] };
  const size = held.size + more.size;
  const realQuote = held.realQuote + more.realQuote;
  if (size !== 0n) {
    return { ...account, positions: account.positions.with(place, { ...held, size, realQuote }) };
  }
  const positions = account.positions.filter((_, other) => other !== place);
  return { ...account, cash: account.cash + realQuote, positions };
}

/**
 * Whether a withdrawal or the like would be let pass: the account has neither position nor debt, or is worth its initial
 * margin.
 *
 * @throws MissingPriceError when a price cannot be read that it depends on.
 */
export function isSpared(account: AccountSnapshot, market: MarketSnapshot): boolean {
  if (isRiskless(account)) return true;
  const { equity, initial } = marginOf(account, market);
  return equity >= initial;
}

/** Whether an account is to be called for margin. */
export interface MarginCall {
  /** `Clearinghouse.callMargin` would go through. */
  readonly isDue: boolean;
  /** How much it has too little; 0 when it has enough [wad]. */
  readonly shortfall: bigint;
  /** Before this it is not called again [unix seconds]. */
  readonly earliest: bigint;
}

/** Between two calls of an account lies at least this [seconds]. */
export const CALL_INTERVAL = 3_600n;

/**
 * Whether `callMargin` is due: equity is below the initial margin, and the last call is an hour old.
 *
 * @param calledAt `Clearinghouse.calledAt`: 0 when the account never was called [unix seconds].
 * @throws MissingPriceError when a price cannot be read.
 */
export function marginCallOf(
  account: AccountSnapshot,
  market: MarketSnapshot,
  calledAt: bigint,
): MarginCall {
  const { equity, initial } = marginOf(account, market);
  const shortfall = excess(initial, equity);
  const earliest = calledAt + CALL_INTERVAL;
  return { isDue: shortfall > 0n && market.time >= earliest, shortfall, earliest };
}
