import { createRandom } from "../demo/random.js";
import type { Candle } from "../prices/candles.js";

/** What shapes made-up candles. */
export interface SampleRequest {
  readonly seed: number;
  /** How many hours. */
  readonly hours: number;
  /** Price at the beginning [dollars]. */
  readonly start: number;
}

/** 2023-01-01 [unix seconds]. */
const BEGIN = 1_672_531_200;
const HOUR = 3_600;
const HOURS_OF_YEAR = 8_760;
/** Volatility goes back to this with a half-life of two days, and is itself thrown about. */
const USUAL_LOG_SIGMA = Math.log(0.6);
const RETURN_TO_USUAL = Math.LN2 / 48;
const LOG_SIGMA_NOISE = 0.09;
/** Now and then the price jumps within an hour, and volatility with it. */
const JUMP_CHANCE = 1 / 1_500;
const JUMP = { usual: 0.05, more: 0.07 };
/** Steps of a candle's path. */
const STEPS = 12;
/** One bar in so many is missing, as in real files. */
const MISSING = 1_000;

/**
 * Makes up hourly candles with what a margin rule has to stand: quiet weeks, storms that come and go, jumps, missing bars.
 * The same request gives the same candles. They say nothing about any market.
 */
export function sampleCandles({ seed, hours, start }: SampleRequest): Candle[] {
  const random = createRandom(seed);
  const candles: Candle[] = [];
  let price = start;
  let logSigma = USUAL_LOG_SIGMA;
  for (let hour = 0; hour < hours; hour++) {
    logSigma += RETURN_TO_USUAL * (USUAL_LOG_SIGMA - logSigma) + LOG_SIGMA_NOISE * random.normal();
    const jumps = random.uniform() < JUMP_CHANCE;
    const fall = random.uniform() < 0.6;
    const size = JUMP.usual + JUMP.more * random.uniform();
    if (jumps) logSigma = Math.max(logSigma, Math.log(1.5));
    const jumpAt = jumps ? Math.floor(random.uniform() * STEPS) : -1;
    const deviation = Math.exp(logSigma) / Math.sqrt(HOURS_OF_YEAR * STEPS);

    const path = [price];
    for (let step = 0; step < STEPS; step++) {
      const jump = step === jumpAt ? (fall ? -size : size) : 0;
      price *= Math.exp(deviation * random.normal() - (deviation * deviation) / 2 + jump);
      path.push(price);
    }
    if (random.uniform() * MISSING < 1) continue;
    const inside = path.map((value) => Math.round(value * 100) / 100);
    candles.push({
      ts: BEGIN + hour * HOUR,
      open: inside[0] ?? price,
      high: Math.max(...inside),
      low: Math.min(...inside),
      close: inside.at(-1) ?? price,
    });
  }
  return candles;
}

/** Candles as a file of them. */
export function csvOfCandles(candles: readonly Candle[]): string {
  const rows = candles.map(({ ts, open, high, low, close }) => [ts, open, high, low, close, 0]);
  return `${["ts,open,high,low,close,volume", ...rows.map((row) => row.join(","))].join("\n")}\n`;
}
