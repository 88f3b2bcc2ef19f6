import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";
import { UsageError } from "./errors.js";

/** One bar of a price series. */
export interface Candle {
  /** Opening time [unix seconds]. */
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** The columns a price file must have, in any order; others are ignored. */
const CANDLE_COLUMNS = ["ts", "open", "high", "low", "close", "volume"] as const;

type Column = (typeof CANDLE_COLUMNS)[number];

const COLUMN_LIST = CANDLE_COLUMNS.join(",");
/** Longer than any row of prices; a binary file has longer ones [bytes]. */
const LONGEST_ROW = 65_536;
/** Later than any second that makes sense, earlier than any millisecond that does: 5138-11-16. */
const LATEST_SECOND = 1e11;

/**
 * Reads a price file, plain or gzipped, as a stream.
 *
 * @param path File with the columns `ts,open,high,low,close,volume`, oldest row first.
 * @throws UsageError with the line and the cure for anything that is not such a file.
 */
export async function readCandles(path: string): Promise<Candle[]> {
  const file = basename(path);
  const candles: Candle[] = [];
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: LONGEST_ROW,
    info: true,
  });
  const collect = (rows: AsyncIterable<ParsedRow>) => collectRows(file, rows, candles);

  try {
    const gzipped = path.endsWith(".gz") || (await beginsAsGzip(path));
    const source = createReadStream(path);
    if (gzipped) await pipeline(source, createGunzip(), parser, collect);
    else await pipeline(source, parser, collect);
  } catch (error) {
    throw explain(error, path);
  }

  if (candles.length === 0) {
    throw new UsageError(
      `${file} has no price rows.`,
      `Give it a header line ${COLUMN_LIST} and one row for each candle.`,
    );
  }
  return candles;
}

/** A gzipped file may have lost its ending on the way. */
async function beginsAsGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** What csv-parse hands over for each record when `info` is set. */
interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

async function collectRows(
  file: string,
  rows: AsyncIterable<ParsedRow>,
  candles: Candle[],
): Promise<void> {
  let places: Map<Column, number> | undefined;
  for await (const row of rows) {
    if (places === undefined) {
      places = readHeader(file, row.record);
      continue;
    }
    candles.push(
      parseCandle({
        file,
        line: row.info.lines,
        record: row.record,
        places,
        previous: candles.at(-1),
      }),
    );
  }
}

function readHeader(file: string, header: readonly string[]): Map<Column, number> {
  if (header.some((cell) => cell.includes("\0"))) {
    throw new UsageError(
      `${file} is not a text file.`,
      `Give a CSV file, or name it .gz when it is gzipped.`,
    );
  }
  // A binary file that happens to have no NUL byte in its first line is caught here as well: the columns are missing.
  const names = header.map((name) => name.toLowerCase());
  const missing = CANDLE_COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    const shown = header.join(",").replace(/[^\x20-\x7e]/g, "?");
    throw new UsageError(
      `${file} has no column ${missing.join(", ")}: its first line is "${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}".`,
      `The first line must name the columns ${COLUMN_LIST}.`,
    );
  }
  return new Map(CANDLE_COLUMNS.map((column) => [column, names.indexOf(column)]));
}

/** One row with what is needed to judge it. */
interface CandleRow {
  readonly file: string;
  readonly line: number;
  readonly record: readonly string[];
  /** Where each column stands in the record. */
  readonly places: ReadonlyMap<Column, number>;
  /** The row before, when there is one. */
  readonly previous: Candle | undefined;
}

/** Turns one row into a candle, or says what is wrong with it. */
function parseCandle({ file, line, record, places, previous }: CandleRow): Candle {
  const fail = (problem: string, cure: string): never => {
    throw new UsageError(`${file}, line ${line}: ${problem}.`, cure);
  };
  const read = (column: Column): number => {
    const text = record[places.get(column) ?? -1] ?? "";
    // Number("") is 0 and Number("0x10") is 16: only plain decimals are prices.
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
      fail(
        `the ${column} "${text}" is not a number`,
        "Every cell must be a plain decimal number such as 193.25; correct or remove the row.",
      );
    }
    return Number(text);
  };

  const [ts, open, high, low, close, volume] = CANDLE_COLUMNS.map(read) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (!Number.isInteger(ts) || ts <= 0) {
    fail(
      `the ts ${ts} is not a time in whole unix seconds`,
      "Give the bar's opening time as seconds since 1970.",
    );
  }
  if (ts >= LATEST_SECOND)
    fail(`the ts ${ts} looks like milliseconds`, "Divide the ts column by 1000.");
  for (const [column, value] of Object.entries({ open, high, low, close })) {
    if (!(value > 0) || !Number.isFinite(value)) {
      fail(
        `the ${column} ${value} is not a positive price`,
        "Prices must be above 0; correct or remove the row.",
      );
    }
  }
  if (volume < 0)
    fail(
      `the volume ${volume} is negative`,
      "Volumes must be 0 or more; correct or remove the row.",
    );
  if (high < Math.max(open, close) || low > Math.min(open, close)) {
    fail(
      `open ${open} and close ${close} are not between low ${low} and high ${high}`,
      "The low must be the lowest and the high the highest of the four; correct or remove the row.",
    );
  }
  if (previous !== undefined && ts <= previous.ts) {
    fail(
      `the ts ${ts} does not come after ${previous.ts} on the row before`,
      "Sort the rows by ts, oldest first, and keep one row for each ts.",
    );
  }
  return { ts, open, high, low, close };
}

/** Says in a sentence why a file could not be read. */
function explain(error: unknown, path: string): unknown {
  if (error instanceof UsageError) return error;
  const file = basename(path);
  if (error instanceof CsvError) {
    return new UsageError(
      `${file} is not proper CSV (${error.code}).`,
      `Quote no cells and put one candle on each line: ${COLUMN_LIST}.`,
    );
  }

  const code = (error as NodeJS.ErrnoException).code ?? "";
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new UsageError(`There is no file ${path}.`, "Check the path given to --prices.");
    case "EISDIR":
      return new UsageError(`${path} is a folder.`, "Give --prices a file in it.");
    case "EACCES":
    case "EPERM":
      return new UsageError(`${path} may not be read.`, "Change its permissions or copy it.");
    case "Z_DATA_ERROR":
      return new UsageError(
        `${file} is named .gz but is not gzip, or it is damaged.`,
        "Name it .csv when it is plain text; otherwise compress it again with gzip.",
      );
    case "Z_BUF_ERROR":
      return new UsageError(
        `${file} is cut off: the gzip stream ends too early.`,
        "Download or compress it again.",
      );
    default:
      return error;
  }
}
