import { mulDown, mulUp, WAD } from "../../sdk/index.js";
import { ceilDiv, max, min } from "./margin.js";

/** What cash costs, as the parameters say it. */
export interface Rates {
  baseBps: number;
  slopeBps: number;
  kinkBps: number;
  slopeAboveBps: number;
  reservePercent: number;
}

/** All cash together [wad]. */
export interface CashPool {
  /** What the vault counts of the settlement token. */
  tokens: bigint;
  /** The sum of all cash less the tokens. */
  net: bigint;
  /** The sum of the principals of debts. */
  debt: bigint;
  supplyIndex: bigint;
  borrowIndex: bigint;
  /** What waits for the insurance fund. */
  reserved: bigint;
}

const YEAR = 365n * 86_400n;
const BPS = 10n ** 14n;

/** S: the sum of positive cash. */
export function positiveCash({ tokens, net, debt, borrowIndex }: CashPool): bigint {
  return max(tokens + mulDown(debt, borrowIndex) + net, 0n);
}

/** u: the part of positive cash that is not there as tokens. */
export function utilisationOf(pool: CashPool): bigint {
  const positive = positiveCash(pool);
  return pool.tokens >= positive ? 0n : ceilDiv((positive - pool.tokens) * WAD, positive);
}

/** The borrow rate at a utilisation [wad per year]. */
export function borrowRateOf(used: bigint, rates: Rates): bigint {
  const kink = BigInt(rates.kinkBps) * BPS;
  const below = ceilDiv(min(used, kink) * BigInt(rates.slopeBps), 10_000n);
  const above = ceilDiv(max(used - kink, 0n) * BigInt(rates.slopeAboveBps), 10_000n);
  return BigInt(rates.baseBps) * BPS + below + above;
}

/** The pool after so many seconds in which nothing happened; it is indebted. */
export function afterSeconds(pool: CashPool, rates: Rates, seconds: bigint): CashPool {
  const rate = borrowRateOf(utilisationOf(pool), rates);
  const x = ceilDiv(rate * seconds, YEAR);
  const square = mulUp(x, x);
  const growth = x + ceilDiv(square, 2n) + ceilDiv(mulUp(square, x), 6n);

  const positive = positiveCash(pool);
  const lent = min(mulDown(pool.debt, pool.borrowIndex), positive);
  const borrowIndex = pool.borrowIndex + mulUp(pool.borrowIndex, growth);
  const paid = mulDown(pool.debt, borrowIndex - pool.borrowIndex);
  const earned = (mulDown(lent, growth) * BigInt(100 - rates.reservePercent)) / 100n;
  const raise = positive === 0n ? 0n : (pool.supplyIndex * min(earned, paid)) / positive;
  const toFund = max(paid - ceilDiv((positive + 1n) * raise, pool.supplyIndex), 0n);
  return {
    ...pool,
    net: pool.net - toFund,
    supplyIndex: pool.supplyIndex + raise,
    borrowIndex,
    reserved: pool.reserved + toFund,
  };
}
