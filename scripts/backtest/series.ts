import { basename } from "node:path";
import type { PriceRound } from "../../sdk/index.js";
import { type Candle, CANDLES } from "../prices/candles.js";
import { UsageError } from "../prices/errors.js";
import { type FeedRound, inOrder, ROUNDS } from "../prices/rounds.js";
import { readTable } from "../prices/table.js";
import { candleRounds, candleWindows } from "./candleSeries.js";
import { lengthOf } from "./format.js";
import { feedRounds, feedWindows } from "./roundSeries.js";

/**
 * Stretches of one horizon, each with the requirement's moment at its beginning: arrays by column, one entry for each.
 * `rise` and `fall` are the largest moves within the stretch against the price at its beginning, as shares of it.
 */
export interface Windows {
  /** [unix seconds] */
  readonly time: Float64Array;
  /** At the beginning [dollars]. */
  readonly price: Float64Array;
  readonly rise: Float64Array;
  readonly fall: Float64Array;
}

/** A price file as the backtest sees it. */
export interface Series {
  readonly file: string;
  readonly shape: "candles" | "rounds";
  /** Rows of the file. */
  readonly rows: number;
  /** First and last time that a price is known of [unix seconds]. */
  readonly from: number;
  readonly to: number;
  /** The length of a bar, or the median time between two rounds [seconds]. */
  readonly spacing: number;
  /** [seconds] */
  readonly horizon: number;
  /** What the volatility oracle is told, in order. */
  readonly rounds: readonly PriceRound[];
  readonly windows: Windows;
  /** Bars that the file lacks, or silences of the feed that are longer than it is allowed. */
  readonly holes: number;
  /** Stretches left out because a hole falls into them. */
  readonly skipped: number;
}

/** Of files whose bars are shorter, and of rounds [seconds]. */
const DEFAULT_HORIZON = 900;
/** Fewer say nothing about one move in a thousand. */
const LEAST_WINDOWS = 100;

/**
 * Reads a price file of either shape.
 *
 * @param horizon How far ahead a requirement must cover; without it one bar, at least 15 minutes [seconds].
 * @throws UsageError for a file that is neither, or that the horizon does not fit.
 */
export async function readSeries(path: string, horizon: number | undefined): Promise<Series> {
  const { shape, rows } = await readTable<Candle | FeedRound>(path, [CANDLES, ROUNDS]);
  const file = basename(path);
  const series =
    shape === (CANDLES as typeof shape)
      ? candleSeries(file, { candles: rows as Candle[], horizon })
      : roundSeries(file, { feed: inOrder(file, rows as FeedRound[]), horizon });
  if (series.windows.time.length < LEAST_WINDOWS) {
    throw new UsageError(
      `${file} has ${series.windows.time.length} whole stretches of ${lengthOf(series.horizon)}: too few to judge a rule by.`,
      `Give a longer file or a shorter --horizon; ${LEAST_WINDOWS} are the least, and 10,000 make 99.9 % mean something.`,
    );
  }
  return series;
}

/** @param horizon [seconds] */
export function candleSeries(
  file: string,
  { candles, horizon }: { candles: readonly Candle[]; horizon: number | undefined },
): Series {
  const spacing = spacingOf(candles.map(({ ts }) => ts));
  const bars = Math.max(Math.ceil(DEFAULT_HORIZON / spacing), 1);
  const chosen = horizon ?? bars * spacing;
  if (chosen % spacing !== 0) {
    throw new UsageError(
      `${file} has bars of ${lengthOf(spacing)}, which do not fill a horizon of ${lengthOf(chosen)}.`,
      `Give --horizon a multiple of ${lengthOf(spacing)}.`,
    );
  }
  return {
    file,
    shape: "candles",
    rows: candles.length,
    from: candles[0]?.ts ?? 0,
    to: (candles.at(-1)?.ts ?? 0) + spacing,
    spacing,
    horizon: chosen,
    rounds: candleRounds(candles, spacing),
    ...candleWindows(candles, { spacing, bars: chosen / spacing }),
  };
}

/** @param horizon [seconds] */
export function roundSeries(
  file: string,
  { feed, horizon = DEFAULT_HORIZON }: { feed: readonly FeedRound[]; horizon?: number | undefined },
): Series {
  const priced = feed.filter(({ ts, answer }) => ts > 0 && answer > 0n);
  return {
    file,
    shape: "rounds",
    rows: feed.length,
    from: priced[0]?.ts ?? 0,
    to: priced.at(-1)?.ts ?? 0,
    spacing: spacingOf(priced.map(({ ts }) => ts)),
    horizon,
    rounds: feedRounds(feed),
    ...feedWindows(priced, horizon),
  };
}

/** The median step, which missing rows do not move. */
function spacingOf(times: readonly number[]): number {
  const steps = times
    .slice(1)
    .map((time, i) => time - (times[i] ?? 0))
    .sort((a, b) => a - b);
  return Math.max(steps[Math.floor(steps.length / 2)] ?? 1, 1);
}
