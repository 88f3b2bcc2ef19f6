import { VOLATILITY, type PriceRound } from "../../sdk/index.js";
import type { FeedRound } from "../prices/rounds.js";
import { columns } from "./candleSeries.js";
import { FEED_DECIMALS } from "./market.js";
import type { Windows } from "./series.js";

/** A feed that is silent for longer has not reported what the price did [seconds]. */
const LONGEST_SILENCE = Number(VOLATILITY.honestGap);

/** Rounds as they are: those that are no price are for the oracle to pass over. */
export function feedRounds(feed: readonly FeedRound[]): PriceRound[] {
  return feed.map(({ ts, answer }) => ({ answer, updatedAt: BigInt(ts) }));
}

/**
 * Stretches that follow each other without overlap, from the first round on; the price at the beginning is the last
 * answer, and the moves are those that the feed reported. Each counts once however many rounds fall into it, so that
 * busy hours, which have more of them, weigh no more than others. One that a silence reaches into is left out.
 *
 * @param priced Rounds with a price and a time.
 * @param horizon [seconds]
 */
export function feedWindows(
  priced: readonly FeedRound[],
  horizon: number,
): { windows: Windows; holes: number; skipped: number } {
  const time: number[] = [];
  const price: number[] = [];
  const rise: number[] = [];
  const fall: number[] = [];
  const rounds = inTime(priced);
  const holes = rounds.filter((round, i) => isSilent(rounds[i - 1], round)).length;
  let skipped = 0;
  let next = 0;
  const [first, last] = [rounds[0]?.ts ?? 0, rounds.at(-1)?.ts ?? 0];
  for (let start = first; start + horizon <= last; start += horizon) {
    while ((rounds[next]?.ts ?? Infinity) <= start) next++;
    const answer = dollarsOf(rounds[next - 1]);
    const range = rangeUntil(start + horizon, rounds, next);
    if (range === undefined) {
      skipped++;
      continue;
    }
    time.push(start);
    price.push(answer);
    rise.push(range.high / answer - 1);
    fall.push(1 - range.low / answer);
  }
  return { windows: columns({ time, price, rise, fall }), holes, skipped };
}

/** The highest and lowest answer from the one before `next` on; `undefined` when a silence reaches into the time. */
function rangeUntil(
  end: number,
  rounds: readonly FeedRound[],
  next: number,
): { high: number; low: number } | undefined {
  let [high, low] = [0, Infinity];
  for (let k = next - 1; ; k++) {
    const [round, after] = [rounds[k], rounds[k + 1]];
    if (round === undefined || round.ts > end) return { high, low };
    if (round.ts < end && isSilent(round, after)) return undefined;
    high = Math.max(high, dollarsOf(round));
    low = Math.min(low, dollarsOf(round));
  }
}

function isSilent(before: FeedRound | undefined, after: FeedRound | undefined): boolean {
  return before !== undefined && after !== undefined && after.ts - before.ts > LONGEST_SILENCE;
}

/** A round that is dated before the one ahead of it is passed over here as by the oracle. */
function inTime(rounds: readonly FeedRound[]): FeedRound[] {
  let latest = 0;
  return rounds.filter(({ ts }) => {
    if (ts < latest) return false;
    latest = ts;
    return true;
  });
}

function dollarsOf(round: FeedRound | undefined): number {
  return Number(round?.answer ?? 0n) / 10 ** FEED_DECIMALS;
}
