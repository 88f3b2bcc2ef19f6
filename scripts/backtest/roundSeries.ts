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
  // A round that is dated before the one ahead of it is passed over here as by the oracle.
  let latest = 0;
  const rounds = priced.filter(({ ts }) => {
    if (ts < latest) return false;
    latest = ts;
    return true;
  });
  const holes = rounds.filter(
    ({ ts }, i) => ts - (rounds[i - 1]?.ts ?? ts) > LONGEST_SILENCE,
  ).length;

  let skipped = 0;
  let next = 0;
  const first = rounds[0]?.ts ?? 0;
  for (let start = first; start + horizon <= latest; start += horizon) {
    while ((rounds[next]?.ts ?? Infinity) <= start) next++;
    const answer = dollarsOf(rounds[next - 1]);
    let silent = false;
    let [high, low] = [answer, answer];
    let k = next;
    for (; ; k++) {
      const [before, round] = [rounds[k - 1], rounds[k]];
      if (before === undefined || round === undefined || before.ts >= start + horizon) break;
      if (round.ts - before.ts > LONGEST_SILENCE) silent = true;
      if (round.ts > start + horizon) break;
      high = Math.max(high, dollarsOf(round));
      low = Math.min(low, dollarsOf(round));
    }
    if (silent) {
      skipped++;
      continue;
    }
    time.push(start);
    price.push(answer);
    rise.push(high / answer - 1);
    fall.push(1 - low / answer);
  }
  return { windows: columns({ time, price, rise, fall }), holes, skipped };
}

function dollarsOf(round: FeedRound | undefined): number {
  return Number(round?.answer ?? 0n) / 10 ** FEED_DECIMALS;
}
