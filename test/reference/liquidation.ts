import { WAD } from "../../sdk/index.js";
import { ceilDiv, floorDiv, type LiquidationParameters, max, min, sum } from "./margin.js";

/**
 * The price of a slice, by DESIGN section 6.1. I, L and A are for the whole account; rounding is against the liquidator
 * and the account, so for the fund.
 */

const BPS = 10_000n;

export interface ReferenceTerms {
  /** I [wad] */
  incentive: bigint;
  /** L [wad] */
  pays: bigint;
  /** A [wad] */
  receives: bigint;
}

/** What one liquidation moves in cash [wad]. */
export interface ReferenceSettlement {
  payment: bigint;
  toAccount: bigint;
  toInsurance: bigint;
  /** What goes down the waterfall: gains haircut, then deficit. */
  loss: bigint;
}

/** rho M = rhoMin M + (rhoMax - rhoMin) (M - max(R, 0)); linear in R between R = 0 and R = M */
function auctionIncentive(equity: bigint, maintenance: bigint, rules: LiquidationParameters) {
  const missing = maintenance - max(equity, 0n);
  const slope = BigInt(rules.mostIncentiveBps - rules.leastIncentiveBps);
  return leastIncentive(maintenance, rules) + (missing * slope) / BPS;
}

/** rhoMin x M */
export function leastIncentive(maintenance: bigint, rules: LiquidationParameters): bigint {
  return (maintenance * BigInt(rules.leastIncentiveBps)) / BPS;
}

/** I = min(rho M, max(R, rhoMin M));  L = R - I;  A = max(R - I - kappa M, 0) */
export function referenceTerms(
  equity: bigint,
  maintenance: bigint,
  rules: LiquidationParameters,
): ReferenceTerms {
  const affordable = max(equity, leastIncentive(maintenance, rules));
  const incentive = min(auctionIncentive(equity, maintenance, rules), affordable);
  const pays = equity - incentive;
  const fee = ceilDiv(maintenance * BigInt(rules.insuranceFeeBps), BPS);
  return { incentive, pays, receives: max(pays - fee, 0n) };
}

/** T = (1 + buffer) x M */
export function targetOf(maintenance: bigint, rules: LiquidationParameters): bigint {
  return maintenance + ceilDiv(maintenance * BigInt(rules.bufferBps), BPS);
}

/** f = (T - R) / (T - R + A), 1 when A = 0; for a requirement that a slice scales */
export function referenceFraction(
  equity: bigint,
  maintenance: bigint,
  rules: LiquidationParameters,
): bigint {
  const { receives } = referenceTerms(equity, maintenance, rules);
  const gap = targetOf(maintenance, rules) - equity;
  return receives === 0n ? WAD : ceilDiv(gap * WAD, gap + receives);
}

/** f (I - R): what the fund is asked for, when the liquidator is to be paid */
export function referenceDue(options: {
  equity: bigint;
  maintenance: bigint;
  fraction: bigint;
  rules: LiquidationParameters;
}): bigint {
  const { pays } = referenceTerms(options.equity, options.maintenance, options.rules);
  return max(-ceilDiv(pays * options.fraction, WAD), 0n);
}

/** An instrument of the account that asks the insurance fund. */
export interface ReferenceDraw {
  /** |size| x index price [wad] */
  weight: bigint;
  /** What its holders have drawn and is not forgotten yet [wad] */
  drawn: bigint;
}

/**
 * What each instrument draws: its part of what is due, at most share x (fund + drawn) - drawn, and all no more than is due
 * and there. An account without instruments asks as one of its own.
 */
export function referenceFundDraws(options: {
  due: bigint;
  fundCash: bigint;
  draws: ReferenceDraw[];
  rules: LiquidationParameters;
}): bigint[] {
  const { due, fundCash, draws, rules } = options;
  const total = sum(draws.map(({ weight }) => weight));
  let left = min(due, fundCash);
  return draws.map(({ weight, drawn }) => {
    const cap = ((fundCash + drawn) * BigInt(rules.fundDrawCapBps)) / BPS;
    const part = min(ceilDiv(due * weight, total), min(max(cap - drawn, 0n), left));
    left -= part;
    return part;
  });
}

/** f L from the liquidator, f A to the account, f (L - A) to the fund, which pays no more than it may */
export function referenceSettlement(options: {
  equity: bigint;
  maintenance: bigint;
  fraction: bigint;
  /** What the fund pays of what is due from it [wad] */
  fundPays: bigint;
  rules: LiquidationParameters;
}): ReferenceSettlement {
  const { equity, fraction, fundPays } = options;
  const { pays, receives } = referenceTerms(equity, options.maintenance, options.rules);
  const payment = ceilDiv(pays * fraction, WAD);
  const toAccount = floorDiv(receives * fraction, WAD);
  const due = toAccount - payment;
  if (due <= 0n) return { payment, toAccount, toInsurance: -due, loss: 0n };

  // The fund's lack is cut from the incentive first: only the account's own loss goes further down.
  const ownLoss = ceilDiv(max(-equity, 0n) * fraction, WAD);
  const loss = min(due - fundPays, ownLoss);
  return { payment: payment + (due - fundPays - loss), toAccount, toInsurance: -fundPays, loss };
}
