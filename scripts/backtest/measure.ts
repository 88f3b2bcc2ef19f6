import type { Windows } from "./series.js";

/** A rule as it was over all stretches of a file. */
export interface Measured {
  readonly title: string;
  /** What all its rates were multiplied by. */
  readonly multiplier: number;
  /** At the beginning of each stretch, as a share of notional. */
  readonly rates: Float64Array;
  /** How far each rate is above the lowest of the last hour and day, as ratios. */
  readonly riseOfHour: Float64Array;
  readonly riseOfDay: Float64Array;
}

/** How a rule did over some stretches. Shares are of notional unless said otherwise. */
export interface Figures {
  readonly windows: number;
  readonly averageRequirement: number;
  readonly breaches: number;
  /** Share of the stretches without a breach. */
  readonly coverage: number;
  /** The largest move less the requirement; 0 without a breach. */
  readonly worstShortfall: number;
  /** When that stretch began; null without a breach [unix seconds]. */
  readonly worstAt: number | null;
  /** All shortfalls together: what positions of one size would have lost beyond their requirement. */
  readonly totalShortfall: number;
  /** The largest rise of the requirement within an hour and a day, as ratios. */
  readonly largestRiseOfHour: number;
  readonly largestRiseOfDay: number;
}

/** A rate for each stretch, multiplied, with its rises. */
export function measured(
  title: string,
  { windows, base, multiplier }: { windows: Windows; base: Float64Array; multiplier: number },
): Measured {
  return {
    title,
    multiplier,
    rates: base.map((rate) => rate * multiplier),
    riseOfHour: risesWithin(3_600, windows.time, base),
    riseOfDay: risesWithin(86_400, windows.time, base),
  };
}

/** The larger of both sides' moves in each stretch: a requirement holds for longs and shorts. */
export function worstMoves({ rise, fall }: Windows): Float64Array {
  return rise.map((up, i) => Math.max(up, fall[i] ?? 0));
}

/**
 * What rates must be multiplied by so that no more than the allowed share of the moves is beyond them. A stretch is
 * breached below the multiplier move / rate, so the answer is a quantile of those and needs no search.
 *
 * @param coverage Share of the stretches that must not be breached.
 */
export function multiplierFor(coverage: number, moves: Float64Array, rates: Float64Array): number {
  const needed = moves.map((move, i) => move / (rates[i] ?? 1)).sort();
  // 73,000 x (1 - 0.999) is 73.0000001 in floating point, and could as well be 72.9999999.
  const allowed = Math.floor(needed.length * (1 - coverage) + 1e-6);
  return needed[needed.length - 1 - Math.min(allowed, needed.length - 1)] ?? 1;
}

/**
 * How a rule did.
 *
 * @param among Which stretches count; without it all.
 */
export function figuresOf(
  rule: Measured,
  { time }: Windows,
  { moves, among }: { moves: Float64Array; among?: (window: number) => boolean },
): Figures {
  let [windows, required, breaches, total] = [0, 0, 0, 0];
  let [worst, worstAt]: [number, number | null] = [0, null];
  let [hour, day] = [1, 1];
  for (let i = 0; i < moves.length; i++) {
    if (among?.(i) === false) continue;
    const rate = rule.rates[i] ?? 0;
    const shortfall = (moves[i] ?? 0) - rate;
    windows++;
    required += rate;
    hour = Math.max(hour, rule.riseOfHour[i] ?? 1);
    day = Math.max(day, rule.riseOfDay[i] ?? 1);
    // Of the move that the multiplier was made from, only rounding can be left.
    if (shortfall <= 1e-12) continue;
    breaches++;
    total += shortfall;
    if (shortfall > worst) [worst, worstAt] = [shortfall, time[i] ?? null];
  }
  return {
    windows,
    averageRequirement: windows === 0 ? 0 : required / windows,
    breaches,
    coverage: windows === 0 ? 1 : 1 - breaches / windows,
    worstShortfall: worst,
    worstAt,
    totalShortfall: total,
    largestRiseOfHour: hour,
    largestRiseOfDay: day,
  };
}

/**
 * Each rate against the lowest one of the time before it, itself included. Times need not be evenly spaced.
 *
 * @param span How far back [seconds].
 */
export function risesWithin(span: number, times: Float64Array, rates: Float64Array): Float64Array {
  // Places whose rates rise from front to back: the front is the lowest of the span.
  const lowest: number[] = [];
  let front = 0;
  return rates.map((rate, i) => {
    while (lowest.length > front && (rates[lowest.at(-1) ?? 0] ?? 0) >= rate) lowest.pop();
    lowest.push(i);
    while ((times[lowest[front] ?? i] ?? 0) < (times[i] ?? 0) - span) front++;
    return rate / (rates[lowest[front] ?? i] ?? rate);
  });
}

/** The value below which a share of them lies. */
export function quantile(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? 0;
}

export function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

/** The share of entries for which something holds. */
export function shareOf(
  values: Float64Array,
  holds: (value: number, place: number) => boolean,
): number {
  let counted = 0;
  values.forEach((value, place) => {
    if (holds(value, place)) counted++;
  });
  return counted / Math.max(values.length, 1);
}
