import type { Candle } from "../prices/candles.js";

/** A price at a time. */
export interface PricePoint {
  /** [unix seconds] */
  readonly time: number;
  readonly price: number;
}

/** The prices a feed reports, and the rule by which it did. */
export interface FeedPath {
  readonly points: readonly PricePoint[];
  /** A report is due when the price has moved by this much since the last one (ratio). */
  readonly deviation: number;
  /** A report is due when this much time has passed since the last one [seconds]. */
  readonly heartbeat: number;
}

/** Chainlink's own rule for ETH/USD and BTC/USD on Ethereum: half a percent or an hour. */
const CHAINLINK_DEVIATION = 0.005;
const CHAINLINK_HEARTBEAT = 3600;
/** How much wider the deviation gets while a path has too many reports. */
const WIDENING = 1.05;

/**
 * Walks candles as prices went: open, then the extreme against the candle's direction, then the other one, then close. A
 * rising candle is taken to have dipped first, a falling one to have risen first.
 */
export function walkCandles(candles: readonly Candle[]): PricePoint[] {
  const spacing = candleSpacing(candles);
  const points: PricePoint[] = [];
  for (const { ts, open, high, low, close } of candles) {
    const [second, third] = close >= open ? [low, high] : [high, low];
    points.push({ time: ts, price: open });
    points.push({ time: ts + Math.floor(spacing / 3), price: second });
    points.push({ time: ts + Math.floor((2 * spacing) / 3), price: third });
    points.push({ time: ts + spacing - 1, price: close });
  }
  return points;
}

/** The time between candles: the smallest distance, as files have holes [seconds]. */
export function candleSpacing(candles: readonly Candle[]): number {
  let spacing = Infinity;
  for (let i = 1; i < candles.length; i++) {
    spacing = Math.min(spacing, (candles[i]?.ts ?? 0) - (candles[i - 1]?.ts ?? 0));
  }
  return Number.isFinite(spacing) ? spacing : 60;
}

/**
 * Reduces a walk to what a Chainlink feed would have reported of it: a new answer when the price has moved by the
 * deviation or the heartbeat is over. Only prices of the walk are reported, nothing in between is made up. When that is
 * too many reports the deviation is widened (and for long stretches the heartbeat) until they fit.
 *
 * @param walk Prices in order of time.
 * @param mostSteps Most reports in all, 2 at least.
 */
export function sampleFeed(walk: readonly PricePoint[], mostSteps: number): FeedPath {
  const first = walk[0];
  const last = walk.at(-1);
  if (first === undefined || last === undefined || mostSteps < 2)
    throw new RangeError("a path needs two steps");

  // At most half of the reports may come from the heartbeat alone.
  const heartbeat = Math.max(
    CHAINLINK_HEARTBEAT,
    Math.ceil((2 * (last.time - first.time)) / mostSteps),
  );
  let deviation = CHAINLINK_DEVIATION;
  let points = report(walk, { deviation, heartbeat });
  while (points.length > mostSteps) {
    deviation *= WIDENING;
    points = report(walk, { deviation, heartbeat });
  }
  return { points, deviation, heartbeat };
}

function report(
  walk: readonly PricePoint[],
  { deviation, heartbeat }: { deviation: number; heartbeat: number },
): PricePoint[] {
  const reports: PricePoint[] = [];
  for (const [i, point] of walk.entries()) {
    const previous = reports.at(-1);
    const due =
      previous === undefined ||
      i === walk.length - 1 ||
      Math.abs(point.price / previous.price - 1) >= deviation ||
      point.time - previous.time >= heartbeat;
    if (!due) continue;
    // Two prices of one second cannot be two reports: the later one stands.
    if (previous !== undefined && point.time <= previous.time) reports.pop();
    reports.push(point);
  }
  return reports;
}

/**
 * The other underlying's price while the driven one moves: its log return is beta times the driven one's.
 *
 * @param start The follower's price at the beginning.
 * @param move The driven price over its own price at the beginning.
 */
export function followPrice(start: number, { move, beta }: { move: number; beta: number }): number {
  return start * move ** beta;
}
