import { bpsUp, divDown, divideUp, divUp, excess, max, min } from "./wad.js";
import { mulDown, mulUp, WAD, WAD_OF_BPS } from "./wad.js";

/**
 * What cash costs and earns, to the wei: section 7 of the design, `clearing/Interest.sol` and `clearing/CashPool.sol`; what loans and losses ask of the pool is in `lending.ts`.
 *
 * An account stores a principal; an index turns it into cash. Nothing here changes what it is given: a pool is a value,
 * and each step returns the next one.
 */

/** What borrowing costs, as governance sets it: the names are those of the contract. */
export interface CashRules {
  /** The borrow rate while all cash is there [bps per year]. */
  readonly baseBps: bigint;
  /** What it rises by from no utilisation to all, up to the kink [bps per year]. */
  readonly slopeBps: bigint;
  /** The utilisation above which it rises faster [bps]. */
  readonly kinkBps: bigint;
  /** The same as `slopeBps` above the kink [bps per year]. */
  readonly slopeAboveBps: bigint;
  /** The insurance fund's share of what lenders would receive [percent]. */
  readonly reservePercent: bigint;
  /** The most that all accounts may owe together after a loan [whole settlement currency]. */
  readonly borrowCap: bigint;
}

/** What cash is worth: the two indices of a pool. */
export interface CashIndices {
  /** Positive cash for a unit of its principal [wad]. */
  readonly supplyIndex: bigint;
  /** Debt for a unit of its principal [wad]. */
  readonly borrowIndex: bigint;
}

/** All cash together, as it was stored at `accruedAt`. */
export interface CashPool extends CashIndices {
  readonly rules: CashRules;
  /** T: settlement tokens that the vault counts [wad]. */
  readonly tokens: bigint;
  /** The sum of all cash less the tokens [wad]. */
  readonly net: bigint;
  /** The sum of the principals of debts, as a positive number [wad]. */
  readonly debt: bigint;
  /** When the indices last moved, or the first debt arose; without debts it means nothing [unix seconds]. */
  readonly accruedAt: bigint;
  /** The insurance fund's part of the interest that it has not got yet [wad]. */
  readonly reserved: bigint;
  /** The share that lenders had lost at `lostAt` and that was not forgotten then [wad]. */
  readonly lostShare: bigint;
  /** When they last lost [unix seconds]. */
  readonly lostAt: bigint;
}

/** An account's cash after a change. */
export interface ChangedCash {
  /** What is stored [wad]. */
  readonly principal: bigint;
  /** What that is worth [wad]. */
  readonly cash: bigint;
}

/** The numbers of the rule that nobody can change. */
export const INTEREST = {
  /** [seconds] */
  year: 31_536_000n,
  /** Where the borrow index ends instead of overflowing [wad]. */
  mostBorrowIndex: (1n << 80n) - 1n,
  /** The same for the supply index [wad]. */
  mostSupplyIndex: (1n << 72n) - 1n,
} as const;

const MOST_RESERVED = (1n << 112n) - 1n;
const LEAST_NET = -(1n << 103n);

/** A pool as it is before anybody has cash: both indices are 1. */
export function newCashPool(rules: CashRules): CashPool {
  return {
    rules,
    tokens: 0n,
    net: 0n,
    debt: 0n,
    supplyIndex: WAD,
    borrowIndex: WAD,
    accruedAt: 0n,
    reserved: 0n,
    lostShare: 0n,
    lostAt: 0n,
  };
}

/**
 * What a signed principal is worth [wad]:
 *
 *     cash = principal x supplyIndex, rounded down        principal >= 0
 *     cash = principal x borrowIndex, the debt rounded up   principal < 0
 */
export function presentOf(principal: bigint, { supplyIndex, borrowIndex }: CashIndices): bigint {
  return mulDown(principal, principal < 0n ? borrowIndex : supplyIndex);
}

/** The signed principal of cash: cash / index, rounded down, of a debt away from 0 [wad]. */
export function principalOf(cash: bigint, { supplyIndex, borrowIndex }: CashIndices): bigint {
  return divDown(cash, cash < 0n ? borrowIndex : supplyIndex);
}

/**
 * An account's cash after a change of it, as `CashPool.change` does it:
 *
 *     principal' = principalOf(presentOf(principal) + amount)
 *
 * The cash may end less than index + 1 wei below cash + amount, never above it.
 *
 * @param amount What the cash changes by [wad].
 * @param indices Those of a pool that has been accrued.
 */
export function changedCash(principal: bigint, amount: bigint, indices: CashIndices): ChangedCash {
  const after = principal + amount;
  if (indices.supplyIndex === WAD && principal >= 0n && after >= 0n) {
    return { principal: after, cash: after };
  }
  const kept = principalOf(presentOf(principal, indices) + amount, indices);
  return { principal: kept, cash: presentOf(kept, indices) };
}

/**
 * A pool after one of its accounts went from one principal to another: it keeps the sum of debts. Time counts from the
 * first debt on.
 *
 * @param time Of the change [unix seconds].
 */
export function withDebtMoved(
  pool: CashPool,
  before: bigint,
  after: bigint,
  time: bigint,
): CashPool {
  const more = min(before, 0n) - min(after, 0n);
  if (more === 0n) return pool;
  return {
    ...pool,
    debt: pool.debt + more,
    accruedAt: pool.debt === 0n ? time : pool.accruedAt,
  };
}

/** D: the sum of all debts, rounded down [wad]. */
export function owedIn(pool: CashPool): bigint {
  return mulDown(pool.debt, pool.borrowIndex);
}

/** S = T + net + D: the sum of all positive cash, rounded down, never below 0 [wad]. */
export function positiveCashIn(pool: CashPool): bigint {
  return max(pool.tokens + owedIn(pool) + pool.net, 0n);
}

/** u = 1 - T / S between 0 and 1, 0 when S is 0, rounded up [wad]. */
export function utilisationOf(pool: CashPool): bigint {
  const positive = positiveCashIn(pool);
  return pool.tokens >= positive ? 0n : divUp(positive - pool.tokens, positive);
}

/**
 * base + slope x min(u, kink) + slopeAbove x max(u - kink, 0), rounded up [wad per year].
 *
 * @param utilisation u [wad].
 */
export function borrowRateOf(rules: CashRules, utilisation: bigint): bigint {
  const kink = rules.kinkBps * WAD_OF_BPS;
  return (
    rules.baseBps * WAD_OF_BPS +
    bpsUp(min(utilisation, kink), rules.slopeBps) +
    bpsUp(excess(utilisation, kink), rules.slopeAboveBps)
  );
}

/** rate x min(D, S) / S x (1 - reserve): what positive cash receives, rounded down [wad per year]. */
export function supplyRateOf(pool: CashPool, borrowRate: bigint): bigint {
  const positive = positiveCashIn(pool);
  if (positive === 0n) return 0n;
  const received = (borrowRate * min(owedIn(pool), positive)) / positive;
  return lendersPart(received, pool.rules);
}

/**
 * By how much debts grow: g = x + x^2 / 2 + x^3 / 6 with x = rate x elapsed / year, each term rounded up [wad].
 *
 * @param borrowRate [wad per year]
 * @param elapsed [seconds]
 */
export function growthOf(borrowRate: bigint, elapsed: bigint): bigint {
  const x = divideUp(borrowRate * elapsed, INTEREST.year);
  const square = mulUp(x, x);
  return x + divideUp(square, 2n) + divideUp(mulUp(square, x), 6n);
}

/**
 * The pool at a time, as every act finds it:
 *
 *     borrowIndex += borrowIndex x g, rounded up
 *     supplyIndex += supplyIndex x earned / S, rounded down   earned = g x min(D, S) x (1 - reserve), at most the debts' growth
 *     reserved    += what debts grow by less what positive cash grows by; net falls by the same
 *
 * Without debts nothing accrues, and it is the pool itself.
 *
 * @param time Not before `accruedAt` [unix seconds].
 * @throws RangeError when it is: what the indices were then is not known any more.
 */
export function accruedPool(pool: CashPool, time: bigint): CashPool {
  if (pool.debt === 0n || pool.accruedAt === time) return pool;
  if (time < pool.accruedAt) {
    throw new RangeError(`Interest has accrued until ${pool.accruedAt}, which is after ${time}`);
  }
  const rate = borrowRateOf(pool.rules, utilisationOf(pool));
  const g = growthOf(rate, time - pool.accruedAt);
  const positive = positiveCashIn(pool);
  const borrowIndex = min(pool.borrowIndex + mulUp(pool.borrowIndex, g), INTEREST.mostBorrowIndex);
  let toFund = mulDown(pool.debt, borrowIndex - pool.borrowIndex);
  let supplyIndex = pool.supplyIndex;
  if (positive !== 0n) {
    const lent = min(owedIn(pool), positive);
    const earned = min(lendersPart(mulDown(lent, g), pool.rules), toFund);
    supplyIndex = min(supplyIndex + (supplyIndex * earned) / positive, INTEREST.mostSupplyIndex);
    // S was rounded down by less than one: with one more this is at least what positive cash grows by.
    const moved = supplyIndex - pool.supplyIndex;
    toFund = excess(toFund, divideUp((positive + 1n) * moved, pool.supplyIndex));
  }
  toFund = min(min(toFund, MOST_RESERVED - pool.reserved), pool.net - LEAST_NET);
  return {
    ...pool,
    supplyIndex,
    borrowIndex,
    net: pool.net - toFund,
    reserved: pool.reserved + toFund,
    accruedAt: time,
  };
}

/** What the reserve leaves of interest, rounded down. */
function lendersPart(interest: bigint, { reservePercent }: CashRules): bigint {
  return (interest * (100n - reservePercent)) / 100n;
}
