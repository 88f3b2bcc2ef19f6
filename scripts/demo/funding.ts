import { WAD } from "../../sdk/index.js";

/** What one market's funding has moved since the beginning [wad]. */
export interface FundingTotals {
  readonly instrument: bigint;
  /** By the interest part of the rate, which longs pay where it is positive. */
  readonly interest: bigint;
  /** By premiums above the index: longs paid shorts. */
  readonly above: bigint;
  /** By premiums below the index: shorts paid longs. */
  readonly below: bigint;
}

/** All that longs paid shorts; negative: shorts paid longs [wad]. */
export function netOf({ interest, above, below }: FundingTotals): bigint {
  return interest + above - below;
}

/** The state from which an instrument's funding goes on, as `FundingAccrued` announces it. */
export interface FundingState {
  /** Index price at the last trade [wad]. */
  readonly mark: bigint;
  /** [millionths per period] */
  readonly interest: bigint;
  /** What the premium adds to it, fading from now on [1e-15 per period]. */
  readonly premium: bigint;
}

/** The time for which rates are quoted [seconds]. */
const PERIOD = 8n * 3600n;
/** After this time without a trade nothing is left of a premium [seconds]. */
const FADE = 300n;
/** One, and one millionth, in the unit of premiums. */
const UNIT = 10n ** 15n;
const MILLIONTH = 10n ** 9n;

interface Entry extends FundingState {
  /** When that state was written [unix seconds]. */
  readonly since: bigint;
  /** Until when payments are counted [unix seconds]. */
  until: bigint;
  /** [wad] */
  openInterest: bigint;
  readonly paid: { interest: bigint; above: bigint; below: bigint };
}

/**
 * Counts what funding moves between longs and shorts. The chain itself keeps only what one unit of size was charged; what
 * that comes to depends on how much was open at each moment, which the events tell.
 */
export class FundingLedger {
  private readonly entries = new Map<bigint, Entry>();

  /** More or less is open from a time on. */
  setOpenInterest(instrument: bigint, openInterest: bigint, time: number): void {
    const entry = this.entries.get(instrument) ?? {
      ...{ mark: 0n, interest: 0n, premium: 0n, since: BigInt(time), until: BigInt(time) },
      openInterest,
      paid: { interest: 0n, above: 0n, below: 0n },
    };
    this.entries.set(instrument, entry);
    count(entry, BigInt(time));
    entry.openInterest = openInterest;
  }

  /** Funding goes on from another state from a time on. */
  setState(instrument: bigint, state: FundingState, time: number): void {
    const before = this.entries.get(instrument);
    if (before !== undefined) count(before, BigInt(time));
    this.entries.set(instrument, {
      openInterest: before?.openInterest ?? 0n,
      paid: before?.paid ?? { interest: 0n, above: 0n, below: 0n },
      ...state,
      since: BigInt(time),
      until: BigInt(time),
    });
  }

  /** All until a time. */
  totalsAt(time: number): FundingTotals[] {
    return [...this.entries].map(([instrument, entry]) => {
      count(entry, BigInt(time));
      return { instrument, ...entry.paid };
    });
  }
}

/** Brings an entry's payments to a time. */
function count(entry: Entry, time: bigint): void {
  const { mark, interest, premium, since, until, openInterest, paid } = entry;
  if (time <= until) return;
  const perUnit = (area: bigint): bigint => (mark * area) / (UNIT * PERIOD);
  const byInterest = perUnit(interest * MILLIONTH * (time - until));
  const byPremium = perUnit(
    premiumArea(premium, time - since) - premiumArea(premium, until - since),
  );
  paid.interest += (byInterest * openInterest) / WAD;
  if (byPremium > 0n) paid.above += (byPremium * openInterest) / WAD;
  else paid.below -= (byPremium * openInterest) / WAD;
  entry.until = time;
}

/** The integral of a premium that fades in a straight line [1e-15 per period x seconds]. */
function premiumArea(premium: bigint, elapsed: bigint): bigint {
  const time = elapsed < FADE ? elapsed : FADE;
  return (premium * time * (2n * FADE - time)) / (2n * FADE);
}
