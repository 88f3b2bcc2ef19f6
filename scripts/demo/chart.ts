import type { PricePoint } from "./path.js";

/** Something that happened at a time and belongs on the chart. */
export interface ChartMark {
  /** [unix seconds] */
  readonly time: number;
  readonly symbol: string;
  /** Of two marks in one cell the weightier is drawn. */
  readonly weight: number;
}

/** How a chart is drawn. */
export interface ChartOptions {
  /** Columns of the plot itself, labels not counted. */
  readonly width: number;
  /** Rows of the plot itself. */
  readonly height: number;
  readonly marks?: readonly ChartMark[];
  /** Label of a price on the left. */
  readonly priceLabel: (price: number) => string;
  /** Label of a time below. */
  readonly timeLabel: (time: number) => string;
  /** Colours: the line, a mark's symbol, the frame. */
  readonly paint?: {
    readonly line: (text: string) => string;
    readonly mark: (symbol: string) => string;
    readonly frame: (text: string) => string;
  };
}

interface Cell {
  readonly symbol: string;
  /** 0 for the line. */
  readonly weight: number;
}

const BLOCKS = "▁▂▃▄▅▆▇█";

/** A word-sized drawing of a series: one block for each of the last `width` values. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const least = Math.min(...shown);
  const range = Math.max(...shown) - least || 1;
  return shown
    .map(
      (value) =>
        BLOCKS[Math.min(Math.floor(((value - least) / range) * BLOCKS.length), BLOCKS.length - 1)],
    )
    .join("");
}

/** The value of each column: the last price at or before the column's end. */
function resample(points: readonly PricePoint[], width: number): number[] {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return [];
  const span = last.time - first.time || 1;
  let next = 0;
  let price = first.price;
  return Array.from({ length: width }, (_, column) => {
    const end = first.time + ((column + 1) * span) / width;
    while (next < points.length && (points[next]?.time ?? Infinity) <= end) {
      price = points[next]?.price ?? price;
      next++;
    }
    return price;
  });
}

/** A line drawing of a price path, with marks on the line at the times where something happened. */
export function drawChart(points: readonly PricePoint[], options: ChartOptions): string[] {
  const { width, height, marks = [], priceLabel, timeLabel } = options;
  const paint = options.paint ?? { line: String, mark: String, frame: String };
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return [];
  const columns = resample(points, width);
  const top = Math.max(...columns);
  const bottom = Math.min(...columns);
  const rowOf = (price: number): number =>
    Math.round(((top - price) / (top - bottom || 1)) * (height - 1));

  const grid = drawLine(columns.map(rowOf), height);
  const span = last.time - first.time || 1;
  for (const { time, symbol, weight } of marks) {
    const column = Math.min(
      Math.max(Math.ceil(((time - first.time) / span) * width) - 1, 0),
      width - 1,
    );
    const row = grid[rowOf(columns[column] ?? bottom)];
    if (row !== undefined && weight > (row[column]?.weight ?? 0)) row[column] = { symbol, weight };
  }

  const labels = Array.from({ length: height }, (_, row) =>
    priceLabel(top - (row * (top - bottom)) / (height - 1 || 1)),
  );
  const gutter = Math.max(...labels.map((label) => label.length));
  const lines = grid.map((row, i) => {
    const label = i % 3 === 0 || i === height - 1 ? (labels[i] ?? "") : "";
    const cells = row.map((cell) => paintCell(cell, paint)).join("");
    return `${paint.frame(`${label.padStart(gutter)} ┤`)}${cells}`;
  });
  return [
    ...lines,
    ...timeAxis({ first: first.time, last: last.time, gutter, width, timeLabel }).map(paint.frame),
  ];
}

function paintCell(cell: Cell | undefined, paint: NonNullable<ChartOptions["paint"]>): string {
  if (cell === undefined) return " ";
  return cell.weight > 0 ? paint.mark(cell.symbol) : paint.line(cell.symbol);
}

/** Box-drawing characters that join the rows of neighbouring columns. */
function drawLine(rows: readonly number[], height: number): (Cell | undefined)[][] {
  const grid = Array.from({ length: height }, () =>
    new Array<Cell | undefined>(rows.length).fill(undefined),
  );
  const put = (row: number, column: number, symbol: string): void => {
    const line = grid[row];
    if (line !== undefined) line[column] = { symbol, weight: 0 };
  };
  rows.forEach((row, column) => {
    const before = rows[column - 1] ?? row;
    if (row === before) {
      put(row, column, "─");
      return;
    }
    const down = row > before;
    put(before, column, down ? "╮" : "╯");
    put(row, column, down ? "╰" : "╭");
    for (let between = Math.min(before, row) + 1; between < Math.max(before, row); between++)
      put(between, column, "│");
  });
  return grid;
}

const TICKS = 4;

function timeAxis(axis: {
  first: number;
  last: number;
  gutter: number;
  width: number;
  timeLabel: (time: number) => string;
}): string[] {
  const { first, last, gutter, width, timeLabel } = axis;
  const rule = new Array<string>(width).fill("─");
  const text = new Array<string>(width).fill(" ");
  for (let tick = 0; tick <= TICKS; tick++) {
    const at = Math.round((tick * (width - 1)) / TICKS);
    rule[at] = "┴";
    const label = timeLabel(first + (tick * (last - first)) / TICKS);
    // Labels are centred below their tick, but for the outermost, which stay inside.
    const start = Math.max(Math.min(at - Math.floor(label.length / 2), width - label.length), 0);
    for (let i = 0; i < label.length; i++) text[start + i] = label.charAt(i);
  }
  const margin = " ".repeat(gutter);
  return [`${margin} └${rule.join("")}`, `${margin}  ${text.join("")}`];
}
