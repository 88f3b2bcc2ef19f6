import type { Market } from "./market.js";
import {
  type Figures,
  figuresOf,
  mean,
  type Measured,
  measured,
  multiplierFor,
  quantile,
  shareOf,
  worstMoves,
} from "./measure.js";
import { percent } from "./format.js";
import { halfLives, staticShareOf, staticShares, type Variant } from "./sensitivity.js";
import type { Series, Windows } from "./series.js";
import { type Readings, readVolatility } from "./volatility.js";

/**
 * The rules that are compared: the deployed one, the static one as given and one that asks as much as the deployed one
 * does on average; then three at equal coverage.
 */
export const RULES = [
  "deployed",
  "static",
  "staticSame",
  "staticEqual",
  "ewmaEqual",
  "chosenEqual",
] as const;
export type RuleName = (typeof RULES)[number];

/** Some stretches of a file and how the rules did there. */
export interface Slice {
  readonly kind: "all" | "year" | "regime";
  readonly label: string;
  readonly rules: Readonly<Record<RuleName, Figures>>;
}

/** What the deployed initial requirement was. Shares are of notional unless said otherwise. */
interface InitialFigures {
  readonly average: number;
  /** 1 / requirement. */
  readonly medianLeverage: number;
  readonly leastLeverage: number;
  /** Share of the stretches in which its floor decided. */
  readonly atFloor: number;
  /** Share in which the fast volatility decided. */
  readonly byFast: number;
  /** Stretches in which the fast volatility alone would have asked less than maintenance. */
  readonly fastAloneBelowMaintenance: number;
  /** Stretches whose move was larger than what lies between initial and maintenance. */
  readonly straightToMaintenance: number;
  readonly breaches: number;
}

/** Everything that is reported of one file. */
export interface Results {
  readonly series: Omit<Series, "rounds" | "windows">;
  readonly market: Market;
  readonly passedOver: number;
  readonly titles: Readonly<Record<RuleName, string>>;
  readonly multipliers: Readonly<Record<RuleName, number>>;
  readonly slices: readonly Slice[];
  readonly initial: InitialFigures;
  /** Of the deployed maintenance requirement: share of the stretches. */
  readonly atFloor: number;
  readonly atCap: number;
  /** Quantiles of the slow volatility, by share. */
  readonly sigma: readonly {
    readonly share: number;
    readonly slow: number;
    readonly fast: number;
  }[];
  readonly staticShare: number;
  readonly staticShares: readonly Variant[];
  readonly halfLives: readonly Variant[];
}

/** What the charts need besides: arrays that are too long for JSON. */
export interface Detail {
  readonly windows: Windows;
  readonly moves: Float64Array;
  readonly rules: Readonly<Record<RuleName, Measured>>;
}

/** What the command line asked for, as far as the figures depend on it. */
export interface Question {
  /** Share of the stretches that must not be breached. */
  readonly coverage: number;
  /** The static requirement that is compared as it is, as a share of notional. */
  readonly fixed: number;
}

/** Slow volatility that separates the regimes [per square root of a year]. */
const REGIMES = [0.4, 0.6, 0.8, 1.2];
const SIGMA_SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

/**
 * Runs all rules over a series.
 *
 * @param onProgress Told the share that is done, from time to time.
 */
export function backtest(
  series: Series,
  { market, question }: { market: Market; question: Question },
  onProgress: (share: number) => void,
): { results: Results; detail: Detail } {
  const readings = readVolatility(series, market, onProgress);
  const { windows, slow, fast, maintenance } = readings;
  const moves = worstMoves(windows);
  const rules = rulesOf(readings, moves, question);
  const judged = { windows, moves, coverage: question.coverage };
  const floor = Number(market.rates.maintenanceFloorBps) / 10_000;
  const cap = Number(market.rates.maintenanceCapBps) / 10_000;
  const results: Results = {
    series: aboutOf(series),
    market,
    passedOver: readings.passedOver,
    titles: byRule((name) => rules[name].title),
    multipliers: byRule((name) => rules[name].multiplier),
    slices: slicesOf({ windows, moves, rules }, slow),
    initial: initialFigures(market, readings, moves),
    atFloor: shareOf(maintenance, (rate) => rate <= floor),
    atCap: shareOf(maintenance, (rate) => rate >= cap),
    sigma: SIGMA_SHARES.map((share) => ({
      share,
      slow: quantile(slow, share),
      fast: quantile(fast, share),
    })),
    staticShare: staticShareOf(market),
    staticShares: staticShares(market, readings, judged),
    halfLives: halfLives(market, readings, judged),
  };
  return { results, detail: { windows, moves, rules } };
}

/** A series without what is too long to print. */
function aboutOf(series: Series): Results["series"] {
  const { file, shape, rows, from, to, spacing, horizon, holes, skipped } = series;
  return { file, shape, rows, from, to, spacing, horizon, holes, skipped };
}

function byRule<Value>(valueOf: (name: RuleName) => Value): Record<RuleName, Value> {
  return Object.fromEntries(RULES.map((name) => [name, valueOf(name)])) as Record<RuleName, Value>;
}

function rulesOf(
  { windows, slow, maintenance }: Readings,
  moves: Float64Array,
  { coverage, fixed }: Question,
): Record<RuleName, Measured> {
  const flat = maintenance.map(() => fixed);
  const one = (title: string, base: Float64Array, multiplier = 1): Measured =>
    measured(title, { windows, base, multiplier });
  const equal = (title: string, base: Float64Array): Measured =>
    one(title, base, multiplierFor(coverage, moves, base));
  return {
    deployed: one("chosen rule as deployed", maintenance),
    static: one(`static ${percent(fixed)}`, flat),
    staticSame: one("static at the same average", flat, mean(maintenance) / fixed),
    staticEqual: equal("static at equal coverage", flat),
    ewmaEqual: equal("pure EWMA at equal coverage", slow),
    chosenEqual: equal("chosen rule at equal coverage", maintenance),
  };
}

function slicesOf({ windows, moves, rules }: Detail, slow: Float64Array): Slice[] {
  const slice = (
    kind: Slice["kind"],
    label: string,
    among: (window: number) => boolean,
  ): Slice => ({
    kind,
    label,
    rules: byRule((name) => figuresOf(rules[name], windows, { moves, among })),
  });
  const years = Array.from(windows.time, (time) => new Date(time * 1000).getUTCFullYear());
  const regimes = Array.from(slow, (sigma) => REGIMES.filter((end) => sigma >= end).length);
  const percents = REGIMES.map((end) => Math.round(end * 100));
  return [
    slice("all", "all", () => true),
    ...[...new Set(years)].map((year) => slice("year", `${year}`, (i) => years[i] === year)),
    ...[...REGIMES.keys(), REGIMES.length]
      .map((regime) => slice("regime", regimeLabel(percents, regime), (i) => regimes[i] === regime))
      .filter(({ rules: { deployed } }) => deployed.windows > 0),
  ];
}

function regimeLabel(percents: readonly number[], regime: number): string {
  const [from, to] = [percents[regime - 1], percents[regime]];
  if (from === undefined) return `sigma below ${String(to)} %`;
  return to === undefined ? `sigma from ${from} %` : `sigma ${from} to ${to} %`;
}

function initialFigures(
  { rates }: Market,
  { slow, fast, maintenance, initial }: Readings,
  moves: Float64Array,
): InitialFigures {
  const [base, slope, floor, cap, least, ratio] = [
    rates.maintenanceBaseBps,
    rates.maintenanceSlopeBps,
    rates.maintenanceFloorBps,
    rates.maintenanceCapBps,
    rates.initialFloorBps,
    rates.maintenanceToInitialBps,
  ].map((bps) => Number(bps) / 10_000) as [number, number, number, number, number, number];
  const alone = fast.map((sigma) =>
    Math.max(Math.min(Math.max(base + slope * sigma, floor), cap) / ratio, least),
  );
  const countOf = (holds: (rate: number, place: number) => boolean): number =>
    Math.round(shareOf(initial, holds) * initial.length);
  return {
    average: mean(initial),
    medianLeverage: 1 / quantile(initial, 0.5),
    leastLeverage: 1 / quantile(initial, 1),
    atFloor: shareOf(initial, (rate) => rate <= least),
    byFast: shareOf(fast, (sigma, i) => sigma > (slow[i] ?? 0)),
    fastAloneBelowMaintenance: countOf((_, i) => (alone[i] ?? 0) < (maintenance[i] ?? 0)),
    straightToMaintenance: countOf((rate, i) => (moves[i] ?? 0) > rate - (maintenance[i] ?? 0)),
    breaches: countOf((rate, i) => (moves[i] ?? 0) > rate),
  };
}
