/**
 * The arithmetic of funding, written from its formulas and not from the contracts. Rates are in 1e-15 per period of eight
 * hours, times in seconds; a division of bigints rounds towards 0, as funding does.
 */

const PERIOD = 28_800n;
const FADE = 300n;
const RATE_UNIT = 10n ** 15n;
export const MILLIONTH = 10n ** 9n;
/** How many periods are in a year, times how much finer a WAD is than a rate. */
export const PER_YEAR = 1_095n * 1_000n;

export interface ReferenceFundingRules {
  interestMillionths: number;
  deadBandMillionths: number;
  capMillionths: number;
  depthShareBps: number;
}

/** What funding goes on from: as of a trade. */
export interface ReferenceFunding {
  /** [wad] */
  mark: bigint;
  /** [1e-15 per period] */
  premium: bigint;
  interestMillionths: bigint;
}

/** mark x (interest x t + premium x integral of what is left of it) [wad] */
export function accruedAfter(funding: ReferenceFunding, elapsed: bigint): bigint {
  const { mark, premium, interestMillionths } = funding;
  const time = elapsed < FADE ? elapsed : FADE;
  const ofInterest = interestMillionths * MILLIONTH * elapsed;
  const ofPremium = (premium * (2n * FADE * time - time * time)) / (2n * FADE);
  return (mark * (ofInterest + ofPremium)) / (RATE_UNIT * PERIOD);
}

/** premium x max(0, 1 - t / FADE) [1e-15 per period] */
export function fadedAfter(premium: bigint, elapsed: bigint): bigint {
  return elapsed >= FADE ? 0n : (premium * (FADE - elapsed)) / FADE;
}
