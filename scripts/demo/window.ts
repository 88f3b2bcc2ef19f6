import { UsageError } from "./errors.js";
import type { Candle } from "../prices/candles.js";
import { candleSpacing, walkCandles, type PricePoint } from "./path.js";

/** A fall from a high to a later low. */
export interface Drawdown {
  readonly peak: PricePoint;
  readonly trough: PricePoint;
  /** (peak - trough) / peak, between 0 and 1. */
  readonly drop: number;
}

/** A stretch of a price file. */
export interface PriceWindow {
  readonly candles: readonly Candle[];
  /** The largest fall within the stretch; absent when the price never falls. */
  readonly drawdown: Drawdown | undefined;
}

/** Which stretch is wanted. */
export interface WindowRequest {
  /** Length [hours]. */
  readonly hours: number;
  /** Opening time of the stretch [unix seconds]; without it the stretch with the largest fall is taken. */
  readonly from?: number | undefined;
}

/** A share of the spare time goes before the peak, so that there is calm before the storm and an aftermath. */
const CALM_SHARE = 0.4;

/**
 * Takes a stretch out of a price series: from a given time, or around the largest fall that fits into the given hours.
 *
 * @throws UsageError when the wanted stretch is outside of the file or holds fewer than two candles.
 */
export function selectWindow(
  candles: readonly Candle[],
  { hours, from }: WindowRequest,
): PriceWindow {
  const first = candles[0];
  const last = candles.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a window needs candles");
  const seconds = hours * 3600;

  if (from !== undefined && (from < first.ts || from > last.ts)) {
    throw new UsageError(
      `--from ${isoOf(from)} is outside of the file, which covers ${isoOf(first.ts)} to ${isoOf(last.ts)}.`,
      "Choose a time in between, or leave --from out to get the largest fall.",
    );
  }
  const begin = from ?? placeFall(candles, seconds);

  const chosen = candles.filter((candle) => candle.ts >= begin && candle.ts < begin + seconds);
  if (chosen.length < 2) {
    throw new UsageError(
      `There ${chosen.length === 1 ? "is only 1 candle" : "are no candles"} in the ${hours} hours from ${isoOf(begin)}.`,
      "Ask for more --hours or another --from; the demo needs two candles at least.",
    );
  }
  return { candles: chosen, drawdown: worstDrawdown(walkCandles(chosen), seconds) };
}

/**
 * The largest fall from a high to a later low at most `seconds` apart. One pass: the candidates for the high are kept in
 * a queue of falling prices, so that each point enters and leaves it once.
 */
export function worstDrawdown(
  points: readonly PricePoint[],
  seconds: number,
): Drawdown | undefined {
  const highs: PricePoint[] = [];
  let oldest = 0;
  let worst: Drawdown | undefined;

  for (const point of points) {
    while (oldest < highs.length && point.time - (highs[oldest]?.time ?? 0) > seconds) oldest++;
    while (highs.length > oldest && (highs.at(-1)?.price ?? 0) <= point.price) highs.pop();
    highs.push(point);

    const peak = highs[oldest];
    if (peak === undefined) continue;
    const drop = (peak.price - point.price) / peak.price;
    if (drop > 0 && drop > (worst?.drop ?? 0)) worst = { peak, trough: point, drop };
  }
  return worst;
}

/** Where the stretch with the largest fall begins, so that calm comes before it and an aftermath behind [unix seconds]. */
function placeFall(candles: readonly Candle[], seconds: number): number {
  const first = candles[0]?.ts ?? 0;
  const last = candles.at(-1)?.ts ?? 0;
  const spacing = candleSpacing(candles);
  // The peak's whole candle must fit in front of the trough: a stretch is made of whole candles.
  const fall = worstDrawdown(walkCandles(candles), seconds - spacing - 1);
  if (fall === undefined) return first;

  const spare = seconds - (fall.trough.time - fall.peak.time);
  const wanted = Math.floor(fall.peak.time - Math.max(spare * CALM_SHARE, spacing));
  return Math.max(Math.min(wanted, last + spacing - seconds), first);
}

/** A time as people and --from write it: 2020-03-12T10:40Z. */
export function isoOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;
}
