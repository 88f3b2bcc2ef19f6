import { type InstrumentId, mulUp, ownerOf, underlyingOf, WAD } from "../../../sdk/index.js";
import { abs, max, min } from "../margin.js";
import type { Trade } from "./trades.js";
import { shareUp } from "./units.js";
import { bookOf, type FundingRules, type InstrumentBook, type World } from "./world.js";

/**
 * DESIGN section 5: longs pay shorts mark x rate x time, the mark being that of the last trade. The rate is an interest and a
 * premium, which trades move towards what they were above or below the mark, and which fades evenly without trades.
 */

/** Rates are for this time, and a premium is gone after that [seconds]. */
const PERIOD = 8n * 3_600n;
const FADE = 300n;

/** Premiums are kept in this unit of a rate; rules are in millionths. */
const ONE = 10n ** 15n;
const MILLIONTH = 10n ** 9n;

/** What both sides of a trade pay in fees when all of its notional counts [millionths]. */
const FEE_RATE = 500n;

/** The notional that sets the premium anew, at least [wad]. */
const LEAST_DEPTH = 250_000n * WAD;

/** P(t) = P x (1 - t / FADE), rounded towards 0 [1e-15 per period] */
function premiumNow({ premium, accruedAt }: InstrumentBook, now: bigint): bigint {
  return (premium * max(FADE - (now - accruedAt), 0n)) / FADE;
}

/**
 * What one unit of size has been charged by now: mark x (interest x t + P x (t' - t'^2 / (2 FADE))) / PERIOD, t' = min(t, FADE),
 * rounded towards 0 [wad].
 */
export function fundingNow(book: InstrumentBook, now: bigint): bigint {
  const elapsed = now - book.accruedAt;
  const fading = min(elapsed, FADE);
  const ofPremium = (book.premium * (2n * FADE * fading - fading * fading)) / (2n * FADE);
  const area = book.interest * MILLIONTH * elapsed + ofPremium;
  return book.funding + (book.lastMark * area) / (ONE * PERIOD);
}

/** What the trades of one run say about the premium. */
export interface Observation {
  /** How much of their notional counts [wad]. */
  counted: bigint;
  /** Sum of what each says x what counts of it. */
  said: bigint;
}

/** Adds what a trade says: nothing between accounts of one owner, and as much as it has paid in fees. */
export function observe(
  world: World,
  seen: Observation,
  { trade, mark }: { trade: Trade; mark: bigint },
): void {
  const { taker, maker, instrument, size, price } = trade;
  if (ownerOf(taker.account) === ownerOf(maker.account)) return;
  const notional = (abs(size) * price) / WAD;
  const counted = min(notional, ((taker.fee + maker.fee) * 1_000_000n) / FEE_RATE);
  const rules = world.fundingRules.get(underlyingOf(instrument))!;
  seen.counted += counted;
  seen.said += saidOf(rules, price, mark) * counted;
}

/** g: how far the price is from the mark beyond interest -+ dead band, such that the whole rate is within its cap. */
function saidOf(rules: FundingRules, price: bigint, mark: bigint): bigint {
  const [interest, deadBand, cap] = [
    rules.interestMillionths,
    rules.deadBandMillionths,
    rules.capMillionths,
  ].map((millionths) => BigInt(millionths) * MILLIONTH) as [bigint, bigint, bigint];
  const premium = ((price - mark) * ONE) / mark - interest;
  const beyond = max(abs(premium) - deadBand, 0n);
  return max(min(premium < 0n ? -beyond : beyond, cap - interest), -cap - interest);
}

/**
 * From now on funding is counted at a new mark, with today's rules: P <- P + w (g - P), w = min(1, counted / depth), the depth a share of the
 * open interest at the mark.
 *
 * @param most The open interest, the larger of before and after the trades [wad].
 */
export function setFunding(
  world: World,
  instrument: InstrumentId,
  { mark, most, seen }: { mark: bigint; most: bigint; seen: Observation },
): void {
  const book = bookOf(world, instrument);
  const rules = world.fundingRules.get(underlyingOf(instrument))!;
  book.funding = fundingNow(book, world.now);
  book.premium = premiumNow(book, world.now);
  book.interest = BigInt(rules.interestMillionths);
  book.accruedAt = world.now;
  book.lastMark = mark;
  if (seen.counted === 0n) return;
  const depth = max(LEAST_DEPTH, shareUp(mulUp(most, mark), rules.depthShareBps));
  const average = seen.said / seen.counted;
  const weight = min(seen.counted, depth);
  book.premium += ((average - book.premium) * weight) / depth;
}

/** Lets a new interest take effect; without one nothing changes. */
export function accrueFunding(world: World, instrument: InstrumentId): void {
  const book = bookOf(world, instrument);
  const { interestMillionths } = world.fundingRules.get(underlyingOf(instrument))!;
  if (book.interest === BigInt(interestMillionths)) return;
  const seen = { counted: 0n, said: 0n };
  setFunding(world, instrument, { mark: book.lastMark, most: 0n, seen });
}

/** The whole rate and the premium's part of it, as `fundingOf` says them [wad per year]. */
export function ratesOf(book: InstrumentBook, now: bigint): { rate: bigint; premium: bigint } {
  const periods = (365n * 86_400n) / PERIOD;
  const perYear = (rate: bigint) => (rate * periods * WAD) / ONE;
  const premium = premiumNow(book, now);
  return { rate: perYear(book.interest * MILLIONTH + premium), premium: perYear(premium) };
}

/** The open interest of all instruments at their last marks, each in whole settlement currency, rounded down [wad]. */
export function openNotionalOf({ books }: World): bigint {
  const whole = [...books.values()].map((book) => (book.openInterest * book.lastMark) / WAD / WAD);
  return whole.reduce((total, notional) => total + notional, 0n) * WAD;
}
