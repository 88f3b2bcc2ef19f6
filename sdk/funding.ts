import type { AccountId } from "./ids.js";
import { tradeQuoteOf, type SideIndices } from "./ledger.js";
import { abs, bpsUp, divideUp, max, min, mulUp, ONE_BPS, parseWad, WAD } from "./wad.js";

/**
 * What longs pay shorts, to the wei: section 5 of the design, `clearing/Funding.sol` and `Clearinghouse.clear`.
 *
 *     P(t)     = P x max(0, 1 - t / fade)          what is left of the premium of the last trades
 *     rate     = interest + P(t)                   for a period
 *     index   += mark x integral of the rate       mark is the index price at the last trade
 *
 * Only trades move P, its time and the mark, so everything at a time follows from what was stored last.
 */

/** How funding follows the premium, as governance sets it: the names are those of the contract. */
export interface FundingRules {
  /** What longs pay shorts without any premium [signed, millionths per period]. */
  readonly interestMillionths: bigint;
  /** How far a trade's premium may be from the interest without effect [millionths]. */
  readonly deadBandMillionths: bigint;
  /** The highest rate, either way [millionths per period]. */
  readonly capMillionths: bigint;
  /** The part of the open interest that must be traded to set the premium anew [bps]. */
  readonly depthShareBps: bigint;
}

/** What is stored of an instrument's funding, as of `accruedAt`: what `FundingAccrued` says. */
export interface FundingState extends SideIndices {
  /** The index price at the last trade [wad]. */
  readonly mark: bigint;
  /** The constant part of the rate since then [millionths per period]. */
  readonly interest: bigint;
  /** P [1e-15 per period]. */
  readonly premium: bigint;
  /** [unix seconds] */
  readonly accruedAt: bigint;
}

/** A trade as funding looks at it. */
export interface ObservedTrade {
  readonly taker: AccountId;
  readonly maker: AccountId;
  /** What the taker's position changes by [wad]. */
  readonly size: bigint;
  /** [wad] */
  readonly price: bigint;
  /** What both sides paid the venue; builders' fees do not count [wad]. */
  readonly venueFees: bigint;
}

/** Trades of one taker in one instrument that follow each other in one call. */
export interface TradeRun {
  readonly trades: readonly ObservedTrade[];
  /** The index price [wad]. */
  readonly mark: bigint;
  readonly rules: FundingRules;
  /** The instrument's open interest before them and after them [wad]. */
  readonly openBefore: bigint;
  readonly openAfter: bigint;
}

/** The numbers of the rule that nobody can change. */
export const FUNDING = {
  /** The time for which rates are quoted [seconds]. */
  period: 28_800n,
  /** After this time without a trade nothing is left of a premium [seconds]. */
  fade: 300n,
  /** The fees of both sides that a trade must have paid to count wholly [millionths of notional]. */
  feeRate: 500n,
  /** The least notional that sets the premium anew [wad]. */
  leastDepth: parseWad(250_000),
  /** One in the unit of stored premium rates. */
  unit: 10n ** 15n,
} as const;

const { fade, feeRate, leastDepth, period, unit } = FUNDING;

/** One millionth in the unit of stored premium rates. */
const MILLIONTH = 10n ** 9n;
const MILLION = 1_000_000n;
/** [seconds] */
const YEAR = 31_536_000n;

/**
 * What longs have paid and shorts received for one unit of size since `accruedAt`, towards 0 [wad]:
 *
 *     mark x (interest x t + P x s x (2 fade - s) / (2 fade)) / period,   s = min(t, fade)
 *
 * @param time Not before `accruedAt` [unix seconds].
 * @throws RangeError when it is: what the indices were then is not known any more.
 */
export function fundingSince(state: FundingState, time: bigint): bigint {
  const elapsed = time - state.accruedAt;
  if (elapsed < 0n) {
    throw new RangeError(`Funding has accrued until ${state.accruedAt}, which is after ${time}`);
  }
  const fading = min(elapsed, fade);
  const ofPremium = (state.premium * fading * (2n * fade - fading)) / (2n * fade);
  return (state.mark * (state.interest * MILLIONTH * elapsed + ofPremium)) / (unit * period);
}

/** What each side has been charged for one unit of size until a time [wad]. */
export function indicesAt(state: FundingState, time: bigint): SideIndices {
  const funding = fundingSince(state, time);
  return { longIndex: state.longIndex + funding, shortIndex: state.shortIndex + funding };
}

/** What is left of the premium at a time, rounded towards 0 [1e-15 per period]. */
export function premiumAt({ premium, accruedAt }: FundingState, time: bigint): bigint {
  const elapsed = time - accruedAt;
  return elapsed >= fade ? 0n : (premium * (fade - elapsed)) / fade;
}

/** What longs pay shorts at a time: interest + P, negative when shorts pay [1e-15 per period]. */
export function fundingRateAt(state: FundingState, time: bigint): bigint {
  return state.interest * MILLIONTH + premiumAt(state, time);
}

/** A rate for a period as one for a year, towards 0: the unit of `Clearinghouse.fundingOf` [wad per year]. */
export function perYear(rate: bigint): bigint {
  return (rate * YEAR * WAD) / (period * unit);
}

/**
 * What a trade says of the rate beyond the interest [1e-15 per period]:
 *
 *     g = price / mark - 1 - interest, less the dead band; clamped so that interest + g is within the cap
 *
 * @param price At which it was made [wad].
 * @param mark The index price [wad].
 */
export function observedPremium(price: bigint, mark: bigint, rules: FundingRules): bigint {
  const interest = rules.interestMillionths * MILLIONTH;
  const deadBand = rules.deadBandMillionths * MILLIONTH;
  const cap = rules.capMillionths * MILLIONTH;
  const beyond = ((price - mark) * unit) / mark - interest;
  if (abs(beyond) <= deadBand) return 0n;
  const outside = beyond > 0n ? beyond - deadBand : beyond + deadBand;
  return min(max(outside, -cap - interest), cap - interest);
}

/** How much of a trade's notional counts: as far as it has paid the fees, rounded down [wad]. */
export function countedNotional(notional: bigint, venueFees: bigint): bigint {
  return min(notional, (venueFees * MILLION) / feeRate);
}

/** The notional that sets the premium anew, rounded up [wad]. */
export function depthOf(openNotional: bigint, rules: FundingRules): bigint {
  return max(leastDepth, bpsUp(openNotional, rules.depthShareBps));
}

/** The least share of open interest as depth that the Rules take for a cap [bps]. */
export function leastDepthShareBps(capMillionths: bigint): bigint {
  return divideUp(2n * capMillionths * fade * ONE_BPS, period * feeRate);
}

/**
 * What is stored after a run of trades at a mark that could be read:
 *
 *     P <- P + w (g - P),   w = min(1, counted / depth)     P has faded until now, g is the average of the trades
 *
 * Trades between accounts of one owner say nothing. At the last mark nothing but open interest changes: this is not
 * for such trades.
 *
 * @param time Of the trades [unix seconds].
 */
export function fundingAfter(state: FundingState, run: TradeRun, time: bigint): FundingState {
  const { trades, mark, rules } = run;
  let counted = 0n;
  let weighted = 0n;
  for (const { taker, maker, size, price, venueFees } of trades) {
    if (haveOneOwner(taker, maker)) continue;
    const counts = countedNotional(abs(tradeQuoteOf(size, price)), venueFees);
    counted += counts;
    weighted += observedPremium(price, mark, rules) * counts;
  }
  let premium = premiumAt(state, time);
  if (counted !== 0n) {
    const average = weighted / counted;
    const depth = depthOf(mulUp(max(run.openBefore, run.openAfter), mark), rules);
    if (counted >= depth) premium = average;
    else premium += ((average - premium) * counted) / depth;
  }
  const interest = rules.interestMillionths;
  return { ...indicesAt(state, time), mark, interest, premium, accruedAt: time };
}

/** The owner is the first 20 bytes; compared as text, for an index does it for every trade. */
function haveOneOwner(taker: AccountId, maker: AccountId): boolean {
  return taker.slice(0, 42).toLowerCase() === maker.slice(0, 42).toLowerCase();
}
