import type { Candle } from "../prices/candles.js";
import { createRandom, type Random } from "./random.js";

/** What shapes a synthetic crash. */
export interface SyntheticRequest {
  readonly seed: number;
  /** Price at the beginning. */
  readonly start: number;
  /** Time of the first candle [unix seconds]. */
  readonly begin: number;
  /** Length; the story is stretched over it [hours]. */
  readonly hours: number;
}

/** One act of the story. */
interface Act {
  /** Share of the whole time. */
  readonly share: number;
  /** Log return from its beginning to its end, before the seed's variation. */
  readonly drift: number;
  /** Standard deviation of the log return over the act, pinned to 0 at both ends. */
  readonly noise: number;
  /** Sudden falls within the act, as log returns. */
  readonly jumps: readonly number[];
}

/** Calm, a squeeze that hurts shorts, a slide, the crash with three gaps, the bounce, the aftermath. */
const STORY: readonly Act[] = [
  { share: 0.14, drift: 0, noise: 0.008, jumps: [] },
  { share: 0.1, drift: 0.075, noise: 0.008, jumps: [] },
  { share: 0.26, drift: -0.13, noise: 0.018, jumps: [] },
  { share: 0.22, drift: -0.275, noise: 0.03, jumps: [-0.045, -0.095, -0.05] },
  { share: 0.16, drift: 0.2, noise: 0.022, jumps: [] },
  { share: 0.12, drift: 0.02, noise: 0.012, jumps: [] },
];

/** How far the seed may stretch or shrink an act's drift and jumps. */
const VARIATION = 0.06;
/** A candle's length; shorter when the whole story is. */
const CANDLE_SECONDS = 300;
const LEAST_CANDLES = 144;
const POINTS_PER_CANDLE = 5;

/**
 * Makes up a crash: a path like a jump diffusion whose acts are pinned at their ends, so that every seed tells the same
 * story (a fall of about 45 %) along another path. Five-minute candles; the same request gives the same candles.
 */
export function syntheticCandles({ seed, start, begin, hours }: SyntheticRequest): Candle[] {
  const random = createRandom(seed);
  const seconds = hours * 3600;
  const spacing = Math.max(Math.min(CANDLE_SECONDS, Math.floor(seconds / LEAST_CANDLES)), 1);
  const candleCount = Math.max(Math.round(seconds / spacing), LEAST_CANDLES);
  const prices: number[] = [];
  let level = 0;
  let end = 0;
  for (const act of STORY) {
    const from = Math.round(end * candleCount);
    end += act.share;
    const candles = Math.round(end * candleCount) - from;
    const returns = actReturns(act, { points: candles * POINTS_PER_CANDLE, random });
    for (const value of returns) prices.push(start * Math.exp(level + value));
    level += returns.at(-1) ?? 0;
  }

  const candles: Candle[] = [];
  for (let i = 0; i * POINTS_PER_CANDLE < prices.length; i++) {
    const inside = prices.slice(i * POINTS_PER_CANDLE, (i + 1) * POINTS_PER_CANDLE).map(toCents);
    candles.push({
      ts: begin + i * spacing,
      open: inside[0] ?? start,
      high: Math.max(...inside),
      low: Math.min(...inside),
      close: inside.at(-1) ?? start,
    });
  }
  return candles;
}

/** The log returns of an act since its beginning: drift, a Brownian bridge and jumps at the first point of a candle. */
function actReturns(act: Act, { points, random }: { points: number; random: Random }): number[] {
  const scale = random.between(1 - VARIATION, 1 + VARIATION);
  const jumps = act.jumps.map((jump, i) => {
    // Jumps are spread over the middle of the act, each at the opening of a candle.
    const place = (0.25 + (0.5 * (i + random.uniform() * 0.6)) / act.jumps.length) * points;
    return { at: Math.floor(place / POINTS_PER_CANDLE) * POINTS_PER_CANDLE, by: jump * scale };
  });

  const walk = [0];
  for (let i = 1; i <= points; i++)
    walk.push((walk[i - 1] ?? 0) + random.normal() / Math.sqrt(points));
  const drop = walk[points] ?? 0;
  return Array.from({ length: points }, (_, i) => {
    const done = (i + 1) / points;
    const bridge = act.noise * ((walk[i + 1] ?? 0) - drop * done);
    const jumped = jumps.reduce((sum, jump) => (i >= jump.at ? sum + jump.by : sum), 0);
    return act.drift * scale * done + bridge + jumped;
  });
}

function toCents(price: number): number {
  return Math.round(price * 100) / 100;
}
