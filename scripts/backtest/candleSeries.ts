import type { PriceRound } from "../../sdk/index.js";
import type { Candle } from "../prices/candles.js";
import { FEED_DECIMALS } from "./market.js";
import type { Windows } from "./series.js";

/** Chainlink's mainnet feeds of ETH and BTC write when the price has moved this far ... */
const DEVIATION = 0.005;
/** ... or when this long has passed [seconds]. */
const HEARTBEAT = 3_600;

/**
 * What a feed would report of candles: a close when it is half a per cent away from the last one reported, or an hour
 * later. Of hourly bars that is every close, at the end of its bar.
 */
export function candleRounds(candles: readonly Candle[], spacing: number): PriceRound[] {
  const rounds: PriceRound[] = [];
  let reported = { price: 0, time: -Infinity };
  for (const { ts, close } of candles) {
    const time = ts + spacing;
    const moved = Math.abs(close / reported.price - 1) >= DEVIATION;
    if (!moved && time - reported.time < HEARTBEAT) continue;
    reported = { price: close, time };
    rounds.push({
      answer: BigInt(Math.round(close * 10 ** FEED_DECIMALS)),
      updatedAt: BigInt(time),
    });
  }
  return rounds;
}

/**
 * One stretch from the close of each bar over the highs and lows of the next `bars`. A stretch that a missing bar falls
 * into is left out: what the price did there is not known.
 */
export function candleWindows(
  candles: readonly Candle[],
  { spacing, bars }: { spacing: number; bars: number },
): { windows: Windows; holes: number; skipped: number } {
  const time: number[] = [];
  const price: number[] = [];
  const rise: number[] = [];
  const fall: number[] = [];
  let holes = 0;
  let skipped = 0;
  for (let i = 0; i + 1 < candles.length; i++) {
    const start = candles[i] as Candle;
    const step = (candles[i + 1] as Candle).ts - start.ts;
    holes += Math.max(Math.round(step / spacing) - 1, 0);
    const last = candles[i + bars];
    if (last === undefined) continue;
    if (last.ts - start.ts !== bars * spacing) {
      skipped++;
      continue;
    }
    let [high, low] = [0, Infinity];
    for (let k = i + 1; k <= i + bars; k++) {
      const bar = candles[k] as Candle;
      high = Math.max(high, bar.high);
      low = Math.min(low, bar.low);
    }
    time.push(start.ts + spacing);
    price.push(start.close);
    rise.push(Math.max(high / start.close - 1, 0));
    fall.push(Math.max(1 - low / start.close, 0));
  }
  return { windows: columns({ time, price, rise, fall }), holes, skipped };
}

/** Plain lists as arrays that are quick to run through. */
export function columns(lists: Readonly<Record<keyof Windows, readonly number[]>>): Windows {
  return {
    time: Float64Array.from(lists.time),
    price: Float64Array.from(lists.price),
    rise: Float64Array.from(lists.rise),
    fall: Float64Array.from(lists.fall),
  };
}
