import { WAD } from "../../sdk/index.js";

/**
 * The arithmetic of funding, written from its formulas and not from the contracts. Rates are in 1e-15 per period of eight
 * hours, times in seconds; a division of bigints rounds towards 0, as funding does.
 */

const PERIOD = 28_800n;
const FADE = 300n;
const RATE_UNIT = 10n ** 15n;
export const MILLIONTH = 10n ** 9n;
/** What a trade must pay in fees to count wholly, in millionths of notional. */
const FEE_RATE = 500n;
const LEAST_DEPTH = 250_000n * WAD;
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

/** g: the premium of a price beyond interest and dead band, within what the cap leaves [1e-15 per period] */
function saidBy(price: bigint, mark: bigint, rules: ReferenceFundingRules): bigint {
  const interest = BigInt(rules.interestMillionths) * MILLIONTH;
  const band = BigInt(rules.deadBandMillionths) * MILLIONTH;
  const cap = BigInt(rules.capMillionths) * MILLIONTH;
  const beyond = ((price - mark) * RATE_UNIT) / mark - interest;
  if (beyond >= -band && beyond <= band) return 0n;
  const said = beyond > 0n ? beyond - band : beyond + band;
  const [least, most] = [-cap - interest, cap - interest];
  return said < least ? least : said > most ? most : said;
}

/** max($250k, share x open interest), rounded up [wad] */
function depthOf(openNotional: bigint, rules: ReferenceFundingRules): bigint {
  const share = (openNotional * BigInt(rules.depthShareBps) + 9_999n) / 10_000n;
  return share > LEAST_DEPTH ? share : LEAST_DEPTH;
}

/** P + min(1, counted / depth) x (g - P) [1e-15 per period] */
function movedTo(premium: bigint, said: bigint, counted: bigint, depth: bigint): bigint {
  if (counted >= depth) return said;
  return premium + ((said - premium) * counted) / depth;
}
