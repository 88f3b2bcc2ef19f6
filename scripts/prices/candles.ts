import { type Cells, readTable, type TableShape } from "./table.js";

/** One bar of a price series. */
export interface Candle {
  /** Opening time [unix seconds]. */
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** Later than any second that makes sense, earlier than any millisecond that does: 5138-11-16. */
const LATEST_SECOND = 1e11;

/** A file of candles. */
export const CANDLES: TableShape<Candle> = {
  columns: ["ts", "open", "high", "low", "close", "volume"],
  noun: "candle",
  parse: parseCandle,
};

/**
 * Reads a price file, plain or gzipped.
 *
 * @param path File with the columns `ts,open,high,low,close,volume`, oldest row first.
 * @throws UsageError with the line and the cure for anything that is not such a file.
 */
export async function readCandles(path: string): Promise<Candle[]> {
  return (await readTable(path, [CANDLES])).rows;
}

/**
 * Refuses what is no time.
 *
 * @param least What is early enough to be one [unix seconds].
 */
export function readTime(cells: Cells, least: number): number {
  const ts = cells.number("ts");
  if (!Number.isInteger(ts) || ts < least) {
    cells.fail(
      `the ts ${ts} is not a time in whole unix seconds`,
      "Give the bar's opening time as seconds since 1970.",
    );
  }
  if (ts >= LATEST_SECOND)
    cells.fail(`the ts ${ts} looks like milliseconds`, "Divide the ts column by 1000.");
  return ts;
}

/** Turns one row into a candle, or says what is wrong with it. */
function parseCandle(cells: Cells, previous: Candle | undefined): Candle {
  // Every cell is read before any is judged: what is not a number is the first thing to mend.
  const [, open, high, low, close, volume] = CANDLES.columns.map(cells.number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ts = readTime(cells, 1);
  for (const [column, value] of Object.entries({ open, high, low, close })) {
    if (!(value > 0) || !Number.isFinite(value)) {
      cells.fail(
        `the ${column} ${value} is not a positive price`,
        "Prices must be above 0; correct or remove the row.",
      );
    }
  }
  if (volume < 0)
    cells.fail(
      `the volume ${volume} is negative`,
      "Volumes must be 0 or more; correct or remove the row.",
    );
  if (high < Math.max(open, close) || low > Math.min(open, close)) {
    cells.fail(
      `open ${open} and close ${close} are not between low ${low} and high ${high}`,
      "The low must be the lowest and the high the highest of the four; correct or remove the row.",
    );
  }
  if (previous !== undefined && ts <= previous.ts) {
    cells.fail(
      `the ts ${ts} does not come after ${previous.ts} on the row before`,
      "Sort the rows by ts, oldest first, and keep one row for each ts.",
    );
  }
  return { ts, open, high, low, close };
}
