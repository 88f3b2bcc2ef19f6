import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Table from "cli-table3";
import { UsageError } from "../prices/errors.js";
import { csvOf, jsonOf } from "./documents.js";
import { marketOf } from "./market.js";
import { assetOf, type BacktestOptions } from "./options.js";
import { about, pageOf } from "./page.js";
import { openProgress } from "./progress.js";
import { backtest, type Detail, type Results } from "./results.js";
import { type Rows, ruleRows, sliceRows } from "./rows.js";
import { csvOfCandles, sampleCandles } from "./sample.js";
import { readSeries } from "./series.js";
import { findings } from "./verdict.js";

/** Two years of hours. */
const SAMPLE = { seed: 1, hours: 17_520, start: 2_000 };

const NO_LINES = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid", "middle"].flatMap((side) =>
    ["", "-mid", "-left", "-right"].map((part) => [`${side}${part}`, ""]),
  ),
);

/** Does what the command line asked for; everything that is said goes to `say`. */
export async function runBacktest(
  options: BacktestOptions,
  say: (line: string) => void,
): Promise<void> {
  if (options.sample !== undefined) {
    const candles = sampleCandles(SAMPLE);
    write(options.sample, csvOfCandles(candles));
    say(`${options.sample}: ${candles.length} made-up candles of an hour.`);
    return;
  }

  const { coverage, fixed } = options;
  const files: { results: Results; detail: Detail }[] = [];
  for (const path of options.prices) {
    const market = marketOf(options.asset ?? assetOf(path));
    const series = await readSeries(path, options.horizon);
    const progress = openProgress(`Volatility of ${series.file}`);
    const file = backtest(series, { market, question: { coverage, fixed } }, progress.at);
    progress.done();
    files.push(file);
    tell(file.results, say);
  }

  const results = files.map((file) => file.results);
  const documents = {
    "report.html": pageOf(files, { coverage, fixed }),
    "results.json": jsonOf(results, { coverage, fixed }),
    "results.csv": csvOf(results),
  };
  for (const [name, content] of Object.entries(documents)) write(join(options.out, name), content);
  const paths = Object.keys(documents).map((name) => join(options.out, name));
  say(`\nWritten: ${paths.join(", ")}`);
}

function tell(results: Results, say: (line: string) => void): void {
  say(`\n${results.market.name}: ${results.series.file}`);
  say(`${about(results)}\n`);
  say(tableOf(ruleRows(results)));
  say(tableOf(sliceRows(results, "year")));
  say(tableOf(sliceRows(results, "regime")));
  for (const finding of findings(results)) say(`- ${finding}`);
}

/** Columns stand apart by two spaces; the first holds words, the others numbers or a verdict. */
function tableOf([head = [], ...rows]: Rows): string {
  const table = new Table({
    head: [...head],
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    colAligns: head.map((_, place) => (place === 0 ? "left" : "right")),
    wordWrap: true,
    colWidths: head.map((_, place) => (place === 0 ? 32 : place === 8 ? 25 : 13)),
  });
  table.push(...rows.map((row) => [...row]));
  return `${table.toString()}\n`;
}

function write(path: string, content: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  } catch (error) {
    throw new UsageError(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? "unknown"}).`,
      "Give --out a folder, or --sample a file, that you may write to.",
    );
  }
}
