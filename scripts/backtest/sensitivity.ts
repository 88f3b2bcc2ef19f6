import { VOLATILITY } from "../../sdk/index.js";
import type { Market } from "./market.js";
import { figuresOf, measured, multiplierFor } from "./measure.js";
import type { Windows } from "./series.js";
import type { Readings } from "./volatility.js";

/** The rule with one of its numbers changed, at the same coverage. */
export interface Variant {
  /** The number: the static share, or the half-life [hours]. */
  readonly value: number;
  /** Whether it is what the parameters say. */
  readonly chosen: boolean;
  readonly averageRequirement: number;
  readonly worstShortfall: number;
  readonly largestRiseOfDay: number;
}

/** What a variant is judged on. */
interface Judged {
  readonly windows: Windows;
  readonly moves: Float64Array;
  readonly coverage: number;
}

const HOURS = [6, 12, 24, 48, 72, 120, 168, 336];
const SLOW_HOURS = 72;
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** The deployed rule's static share: A of A + B sigma where sigma is the prior. */
export function staticShareOf({ rates, listing }: Market): number {
  const base = Number(rates.maintenanceBaseBps);
  const slope = (Number(rates.maintenanceSlopeBps) * Number(listing.priorSigmaPercent)) / 100;
  return base + slope === 0 ? 1 : base / (base + slope);
}

/**
 * What the static share does: from a rate that follows volatility alone to one that does not follow it at all. Without
 * floor and cap, which would hide the difference.
 */
export function staticShares(
  market: Market,
  { windows, slow }: Readings,
  judged: Judged,
): Variant[] {
  const prior = Number(market.listing.priorSigmaPercent) / 100;
  const deployed = staticShareOf(market);
  return [...SHARES, deployed]
    .sort((a, b) => a - b)
    .map((share) =>
      variantOf(
        { value: share, chosen: share === deployed, windows },
        slow.map((sigma) => share * prior + (1 - share) * sigma),
        judged,
      ),
    );
}

/** What the half-life of the slow volatility does to the deployed rule, computed in floating point. */
export function halfLives(market: Market, readings: Readings, judged: Judged): Variant[] {
  const [base, slope, floor, cap] = [
    market.rates.maintenanceBaseBps,
    market.rates.maintenanceSlopeBps,
    market.rates.maintenanceFloorBps,
    market.rates.maintenanceCapBps,
  ].map((bps) => Number(bps) / 10_000) as [number, number, number, number];
  return HOURS.map((hours) =>
    variantOf(
      { value: hours, chosen: hours === SLOW_HOURS, windows: readings.windows },
      sigmasWith(hours, market, readings).map((sigma) =>
        Math.min(Math.max(base + slope * sigma, floor), cap),
      ),
      judged,
    ),
  );
}

function variantOf(
  { value, chosen, windows }: { value: number; chosen: boolean; windows: Windows },
  base: Float64Array,
  { moves, coverage }: Judged,
): Variant {
  const multiplier = multiplierFor(coverage, moves, base);
  const rule = measured("variant", { windows, base, multiplier });
  const { averageRequirement, worstShortfall, largestRiseOfDay } = figuresOf(rule, windows, {
    moves,
  });
  return { value, chosen, averageRequirement, worstShortfall, largestRiseOfDay };
}

/** The rule's volatility with another half-life, at the beginning of each stretch. */
export function sigmasWith(
  hours: number,
  { listing }: Market,
  { taken, windows }: Readings,
): Float64Array {
  const memory = (hours * 3_600) / Math.LN2;
  const year = Number(VOLATILITY.year);
  const gap = Number(VOLATILITY.honestGap);
  const most = Number(VOLATILITY.mostMove) / 1e18;
  const mostBps = Number(VOLATILITY.mostSigmaBps);
  const prior = (Number(listing.priorSigmaPercent) / 100) ** 2;
  let variance = prior;
  let next = 1;
  return windows.time.map((time) => {
    for (; (taken.time[next] ?? Infinity) <= time; next++) {
      const elapsed = (taken.time[next] ?? 0) - (taken.time[next - 1] ?? 0);
      const [before, after] = [taken.price[next - 1] ?? 1, taken.price[next] ?? 1];
      const squared = Math.min((after - before) ** 2 / (before * after), most);
      const moved = Math.max(squared * year, prior * Math.max(elapsed - gap, 0));
      variance = (memory * variance + moved) / (memory + elapsed);
    }
    const waited = time - (taken.time[next - 1] ?? time);
    const noted = Math.min(Math.ceil(Math.sqrt(variance) * 10_000), mostBps) / 10_000;
    return (memory * noted + Math.sqrt(prior) * waited) / (memory + waited);
  });
}
