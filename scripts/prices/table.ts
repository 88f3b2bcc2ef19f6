import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";
import { UsageError } from "./errors.js";

/** What a kind of table is called. */
interface TableNames {
  /** In any order and in lower case; a file may have others besides, which are ignored. */
  readonly columns: readonly string[];
  /** What one row is, for messages: "candle". */
  readonly noun: string;
}

/** A kind of table: which columns it has and what a row of it means. */
export interface TableShape<Row> extends TableNames {
  /**
   * @param previous The row before, when there is one.
   * @throws What {@link Cells.fail} throws.
   */
  parse(cells: Cells, previous: Row | undefined): Row;
}

/** One row of a table with what is needed to judge it. */
export interface Cells {
  /** The cell of a column as it stands in the file. */
  text(column: string): string;
  /** The cell of a column as a number; anything but a plain decimal is refused. */
  number(column: string): number;
  /** Refuses the row, naming file and line. */
  fail(problem: string, cure: string): never;
}

/** Longer than any row of prices; a binary file has longer ones [bytes]. */
const LONGEST_ROW = 65_536;
/** How much of a wrong header a message shows. */
const SHOWN_HEADER = 60;

/**
 * Reads a CSV file, plain or gzipped, as a stream.
 *
 * @param shapes What the file may be: the first whose columns its header has.
 * @returns The rows, and which of the shapes they have.
 * @throws UsageError with the line and the cure for anything that is not such a file.
 */
export async function readTable<Row>(
  path: string,
  shapes: readonly TableShape<Row>[],
): Promise<{ shape: TableShape<Row>; rows: Row[] }> {
  const file = basename(path);
  const rows: Row[] = [];
  let found: TableShape<Row> | undefined;
  const collect = async (parsed: AsyncIterable<ParsedRow>): Promise<void> => {
    let places = new Map<string, number>();
    for await (const { record, info } of parsed) {
      if (found === undefined) {
        found = shapeOf(file, record, shapes);
        places = placesOf(record);
        continue;
      }
      rows.push(found.parse(cellsOf({ file, line: info.lines, record, places }), rows.at(-1)));
    }
  };

  try {
    await streamRows(path, collect);
  } catch (error) {
    throw explain(error, path, shapes);
  }

  if (found === undefined || rows.length === 0) {
    throw new UsageError(
      `${file} has no price rows.`,
      `Give it a header line ${headersOf(shapes)} and one row for each ${nounsOf(shapes)}.`,
    );
  }
  return { shape: found, rows };
}

async function streamRows(
  path: string,
  collect: (parsed: AsyncIterable<ParsedRow>) => Promise<void>,
): Promise<void> {
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: LONGEST_ROW,
    info: true,
  });
  const gzipped = path.endsWith(".gz") || (await beginsAsGzip(path));
  const source = createReadStream(path);
  if (gzipped) await pipeline(source, createGunzip(), parser, collect);
  else await pipeline(source, parser, collect);
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

function placesOf(header: readonly string[]): Map<string, number> {
  // Of two columns with one name the first counts.
  const named = header.map((name, place) => [name.toLowerCase(), place] as const);
  return new Map(named.reverse());
}

function shapeOf<Row>(
  file: string,
  header: readonly string[],
  shapes: readonly TableShape<Row>[],
): TableShape<Row> {
  if (header.some((cell) => cell.includes("\0"))) {
    throw new UsageError(
      `${file} is not a text file.`,
      `Give a CSV file, or name it .gz when it is gzipped.`,
    );
  }
  // A binary file that happens to have no NUL byte in its first line is caught here as well: the columns are missing.
  const places = placesOf(header);
  const lacks = (shape: TableShape<Row>) => shape.columns.filter((column) => !places.has(column));
  const fitting = shapes.find((shape) => lacks(shape).length === 0);
  if (fitting !== undefined) return fitting;
  const missing = shapes.map((shape) => lacks(shape).join(", "));
  const shown = header.join(",").replace(/[^\x20-\x7e]/g, "?");
  throw new UsageError(
    `${file} has no column ${missing.join(", or else ")}: its first line is "${shown.length > SHOWN_HEADER ? `${shown.slice(0, SHOWN_HEADER)}...` : shown}".`,
    `The first line must name the columns ${headersOf(shapes)}.`,
  );
}

function cellsOf(row: {
  file: string;
  line: number;
  record: readonly string[];
  places: ReadonlyMap<string, number>;
}): Cells {
  const fail = (problem: string, cure: string): never => {
    throw new UsageError(`${row.file}, line ${row.line}: ${problem}.`, cure);
  };
  const text = (column: string): string => row.record[row.places.get(column) ?? -1] ?? "";
  const number = (column: string): number => {
    const cell = text(column);
    // Number("") is 0 and Number("0x10") is 16: only plain decimals are prices.
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell)) {
      fail(
        `the ${column} "${cell}" is not a number`,
        "Every cell must be a plain decimal number such as 193.25; correct or remove the row.",
      );
    }
    return Number(cell);
  };
  return { text, number, fail };
}

function headersOf(shapes: readonly TableNames[]): string {
  return shapes.map(({ columns }) => columns.join(",")).join(" or ");
}

function nounsOf(shapes: readonly TableNames[]): string {
  return shapes.map(({ noun }) => noun).join(" or ");
}

/** Says in a sentence why a file could not be read. */
function explain(error: unknown, path: string, shapes: readonly TableNames[]): unknown {
  if (error instanceof UsageError) return error;
  const file = basename(path);
  if (error instanceof CsvError) {
    return new UsageError(
      `${file} is not proper CSV (${error.code}).`,
      `Quote no cells and put one ${nounsOf(shapes)} on each line: ${headersOf(shapes)}.`,
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
