import { borrowRateOf, positiveCashIn, supplyRateOf, utilisationOf } from "./interest.js";
import type { CashIndices, CashPool } from "./interest.js";
import { abs, bpsDown, divDown, divUp, excess, min, mulDown, mulUp, ONE_BPS, WAD } from "./wad.js";

/** What loans and losses ask of all cash together, to the wei: `clearing/CashPool.sol`. */

/** The numbers of lending that nobody can change. */
export const LENDING = {
  /** Losses never bring the supply index below this [wad]. */
  leastSupplyIndex: 10n ** 12n,
  /** After this time lenders may lose their whole capped share again [seconds]. */
  lossWindow: 86_400n,
} as const;

/** What there is to know of a pool, as `Vault.cashPool` says it [wad]. */
export interface CashFigures extends CashIndices {
  /** u, rounded up. */
  readonly utilisation: bigint;
  /** What debts pay, rounded up [wad per year]. */
  readonly borrowRate: bigint;
  /** What positive cash receives, rounded down [wad per year]. */
  readonly supplyRate: bigint;
  /** S: the sum of all positive cash, rounded down. */
  readonly positiveCash: bigint;
  /** The sum of all debts, rounded up. */
  readonly debt: bigint;
}

/** What lenders bear of a loss. */
export interface LendersCharge {
  readonly pool: CashPool;
  /** What positive cash fell by, rounded down; at most the loss [wad]. */
  readonly borne: bigint;
}

/**
 * Charges a loss to all positive cash by the supply index, at most a share of it, which is regained evenly over a day:
 *
 *     share        = min(loss / S, cap - lost),  lost = lostShare - cap x (time - lostAt) / day
 *     supplyIndex -= supplyIndex x share, not below its least value
 *
 * @param pool Accrued.
 * @param loss What is to be borne [wad].
 * @param capBps The largest share that lenders lose at once and again in each day [bps].
 * @param time [unix seconds]
 */
export function chargedLenders(
  pool: CashPool,
  loss: bigint,
  capBps: bigint,
  time: bigint,
): LendersCharge {
  const positive = positiveCashIn(pool);
  if (positive === 0n) return { pool, borne: 0n };
  const cap = bpsDown(WAD, min(capBps, ONE_BPS));
  const forgotten = (cap * (time - pool.lostAt)) / LENDING.lossWindow;
  const lost = excess(pool.lostShare, forgotten);
  const share = min(divDown(min(loss, positive), positive), excess(cap, lost));
  const index = pool.supplyIndex;
  const fall = min(mulDown(index, share), excess(index, LENDING.leastSupplyIndex));
  const borne = (positive * fall) / index;
  if (borne === 0n) return { pool, borne };
  const lostShare = lost + divUp(fall, index);
  const charged = { supplyIndex: index - fall, net: pool.net - borne, lostShare, lostAt: time };
  return { pool: { ...pool, ...charged }, borne };
}

/** What bounds loans: a pool, or as much of it as a snapshot has. */
export interface LoanTerms extends CashIndices {
  /** The sum of the principals of debts, as a positive number [wad]. */
  readonly debt: bigint;
  /** The most that all accounts may owe together after a loan [whole settlement currency]. */
  readonly borrowCap: bigint;
}

/** How much more may be borrowed by all together, rounded down [wad]. */
export function loanRoomOf(terms: LoanTerms): bigint {
  return mulDown(excess(mostDebtOf(terms), terms.debt), terms.borrowIndex);
}

/**
 * What can be taken from an account's cash so that afterwards it is not below `least` and all debts together are not
 * above their cap; a change of cash by it keeps both, with its rounding [wad].
 *
 * @param cash The account's at this moment [wad].
 * @param least What must be left; negative: what it may owe [wad].
 */
export function spareCash(terms: LoanTerms, cash: bigint, least: bigint): bigint {
  const { supplyIndex, borrowIndex, debt, borrowCap } = terms;
  if (cash <= least) return 0n;
  if (least >= 0n) return excess(cash, mulUp(divUp(least, supplyIndex), supplyIndex));
  // A borrow index is never below 1, so the principal of a debt follows from what it is worth: the product rounded up.
  const others = debt - (cash < 0n ? divDown(-cash, borrowIndex) : 0n);
  const room = excess(mostDebtOf(terms), others);
  const allowed = min(abs(least), borrowCap * WAD);
  const owed = min(divDown(allowed, borrowIndex), room);
  return excess(cash, -mulDown(owed, borrowIndex));
}

/**
 * What there is to know of a pool.
 *
 * @param pool Accrued.
 */
export function figuresOf(pool: CashPool): CashFigures {
  const utilisation = utilisationOf(pool);
  const borrowRate = borrowRateOf(pool.rules, utilisation);
  return {
    supplyIndex: pool.supplyIndex,
    borrowIndex: pool.borrowIndex,
    utilisation,
    borrowRate,
    supplyRate: supplyRateOf(pool, borrowRate),
    positiveCash: positiveCashIn(pool),
    debt: mulUp(pool.debt, pool.borrowIndex),
  };
}

/** The principal of the most debt that loans may make [wad]. */
function mostDebtOf({ borrowCap, borrowIndex }: LoanTerms): bigint {
  return divDown(borrowCap * WAD, borrowIndex);
}
