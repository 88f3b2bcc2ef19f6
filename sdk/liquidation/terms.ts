import type { LiquidationSnapshot } from "../margin/snapshot.js";
import { bpsDown, bpsUp, divUp, max, min, mulDown, mulUp, WAD } from "../wad.js";

/**
 * The price of a slice of an account below the line, to the wei: section 6.1 of the design, `clearing/Liquidation.sol`.
 *
 *     incentive   I = min(rho x M, max(R, rhoMin x M)),  rho from rhoMin at R = M to rhoMax at R <= 0, linear in R
 *     pays        L = R - I
 *     receives    A = max(R - I - kappa x M, 0)
 *     insurance   L - A
 */

/** The terms on which an account is liquidated: prices are for the whole of it, whatever the slice [wad]. */
export interface LiquidationTerms {
  /** R: the account's equity. */
  readonly equity: bigint;
  /** M: its maintenance requirement. */
  readonly maintenance: bigint;
  /** I: the liquidator's discount. */
  readonly incentive: bigint;
  /** L: what the liquidator pays; negative when it is paid. */
  readonly payment: bigint;
  /** A: what the account receives. */
  readonly toAccount: bigint;
}

/** The terms turned into cash for a slice [wad]. */
export interface LiquidationSettlement {
  /** What the liquidator pays; negative when it is paid. */
  readonly payment: bigint;
  /** What the account receives. */
  readonly toAccount: bigint;
  /** What the insurance fund receives; negative when it pays. */
  readonly toInsurance: bigint;
  /** What neither the account nor the fund could bear: it goes down the waterfall. */
  readonly loss: bigint;
}

/**
 * The terms for an account, rounded against the liquidator or the account, so for the fund.
 *
 * @param equity R, below `maintenance` [wad].
 * @param maintenance M [wad].
 */
export function termsOf(
  equity: bigint,
  maintenance: bigint,
  rules: LiquidationSnapshot,
): LiquidationTerms {
  const { leastIncentiveBps, mostIncentiveBps, insuranceFeeBps } = rules;
  const missing = maintenance - max(equity, 0n);
  const least = bpsDown(maintenance, leastIncentiveBps);
  const offered = least + bpsDown(missing, mostIncentiveBps - leastIncentiveBps);
  const incentive = min(offered, max(equity, least));
  const payment = equity - incentive;
  const toAccount = max(payment - bpsUp(maintenance, insuranceFeeBps), 0n);
  return { equity, maintenance, incentive, payment, toAccount };
}

/** T: what the account is to be worth afterwards, (1 + buffer) x M, rounded up [wad]. */
export function targetOf(maintenance: bigint, { bufferBps }: LiquidationSnapshot): bigint {
  return maintenance + bpsUp(maintenance, bufferBps);
}

/**
 * The least slice that restores an account whose requirement shrinks with the slice: (T - R) / (T - R + A), rounded up; 1
 * when the account receives nothing for what it gives [wad].
 *
 * @param target T, above R [wad].
 */
export function proportionalFraction(
  { equity, toAccount }: LiquidationTerms,
  target: bigint,
): bigint {
  return toAccount === 0n ? WAD : divUp(target - equity, target - equity + toAccount);
}

/**
 * How far the account would be above its target after a slice: R (1 - f) + A f - T(1 - f); negative: below [wad].
 *
 * @param fraction f [wad].
 * @param target T(1 - f): the target of what remains [wad].
 */
export function surplusAfter(
  { equity, toAccount }: LiquidationTerms,
  fraction: bigint,
  target: bigint,
): bigint {
  return mulDown(equity, WAD - fraction) + mulDown(toAccount, fraction) - target;
}

/** What the insurance fund is asked to pay for a slice: what the liquidator is to be paid beyond what is given [wad]. */
export function dueFromFund({ payment }: LiquidationTerms, fraction: bigint): bigint {
  return max(-mulUp(payment, fraction), 0n);
}

/**
 * Turns terms into cash for a slice, given what the insurance fund pays of what is due from it. What the fund lacks beyond
 * the account's own loss, -min(R, 0) x f, is taken from the incentive: only that loss goes further down the waterfall.
 *
 * @param fraction [wad]
 * @param fundPays [wad]
 */
export function settlementOf(
  terms: LiquidationTerms,
  fraction: bigint,
  fundPays: bigint,
): LiquidationSettlement {
  const payment = mulUp(terms.payment, fraction);
  const toAccount = mulDown(terms.toAccount, fraction);
  const toInsurance = payment - toAccount;
  if (toInsurance >= 0n) return { payment, toAccount, toInsurance, loss: 0n };
  const missing = -toInsurance - fundPays;
  const ownLoss = mulUp(max(-terms.equity, 0n), fraction);
  const loss = min(missing, ownLoss);
  return { payment: payment + missing - loss, toAccount, toInsurance: -fundPays, loss };
}
