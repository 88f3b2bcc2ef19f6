import type { AccountSnapshot, FundSnapshot, MarketSnapshot } from "../margin/snapshot.js";
import { marginOfValuation, valuationForLiquidation } from "../margin/valuation.js";
import { WAD } from "../wad.js";
import { fundPaymentOf } from "./fund.js";
import { leastFraction, leavesDust } from "./slice.js";
import { dueFromFund, settlementOf, termsOf } from "./terms.js";
import type { LiquidationSettlement, LiquidationTerms } from "./terms.js";

/** Liquidations as `MarginEngine` says them, to the wei. */

/** Slices below one millionth are refused [wad]. */
export const LEAST_FRACTION = 10n ** 12n;

/** What `MarginEngine.previewLiquidation` says: all 0 for an account that is not below its line. */
export interface LiquidationPreview {
  /** The largest slice that may be taken [wad]. */
  readonly maxFraction: bigint;
  /** What the liquidator would pay for it; negative when it would be paid [wad]. */
  readonly payment: bigint;
  /** What the account would receive [wad]. */
  readonly toAccount: bigint;
  /** What the insurance fund would receive; negative when it would pay [wad]. */
  readonly toInsurance: bigint;
}

/** A slice of an account below its line, with all that it costs. */
export interface Slice {
  readonly refusal?: never;
  readonly terms: LiquidationTerms;
  /** [wad] */
  readonly fraction: bigint;
  readonly settlement: LiquidationSettlement;
}

/** Why there is no slice: the contract's error of this name. */
export interface RefusedSlice {
  readonly refusal: "NotLiquidatable" | "FractionTooSmall" | "MustCloseWhole";
}

/**
 * The largest slice and what it costs: `MarginEngine.previewLiquidation`.
 *
 * @throws MissingPriceError when too much of the account cannot be read.
 */
export function previewLiquidation(
  account: AccountSnapshot,
  market: MarketSnapshot,
  fund: FundSnapshot,
): LiquidationPreview {
  const slice = sliceOf(account, market, fund);
  if (slice.refusal !== undefined) {
    return { maxFraction: 0n, payment: 0n, toAccount: 0n, toInsurance: 0n };
  }
  const { payment, toAccount, toInsurance } = slice.settlement;
  return { maxFraction: slice.fraction, payment, toAccount, toInsurance };
}

/**
 * The slice that `Clearinghouse.liquidate` takes: at most `mostFraction`, and no more than the rule allows.
 *
 * @param mostFraction [wad]
 * @throws MissingPriceError when too much of the account cannot be read.
 */
export function sliceOf(
  account: AccountSnapshot,
  market: MarketSnapshot,
  fund: FundSnapshot,
  mostFraction = WAD,
): Slice | RefusedSlice {
  const valuation = valuationForLiquidation(account, market);
  const { equity, maintenance } = marginOfValuation(valuation, market);
  if (equity >= maintenance) return { refusal: "NotLiquidatable" };
  const terms = termsOf(equity, maintenance, market.liquidation);
  const least = leastFraction(valuation, terms, market);
  if (mostFraction < least) {
    if (mostFraction < LEAST_FRACTION) return { refusal: "FractionTooSmall" };
    if (least === WAD && leavesDust(valuation, mostFraction, market)) {
      return { refusal: "MustCloseWhole" };
    }
  }
  const fraction = mostFraction < least ? mostFraction : least;
  const due = dueFromFund(terms, fraction);
  const fundPays = due === 0n ? 0n : fundPaymentOf(account, due, market, fund);
  return { terms, fraction, settlement: settlementOf(terms, fraction, fundPays) };
}
