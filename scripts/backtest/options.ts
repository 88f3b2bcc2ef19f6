import { existsSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { UsageError } from "../prices/errors.js";

/** What the command line asked for. */
export interface BacktestOptions {
  readonly prices: readonly string[];
  /** `eth`, `btc` or a file of parameters; without it told by each file's name. */
  readonly asset: string | undefined;
  /** Share of the stretches that must not be breached. */
  readonly coverage: number;
  /** Without it what fits the file [seconds]. */
  readonly horizon: number | undefined;
  /** The static requirement to compare with, as a share of notional. */
  readonly fixed: number;
  /** The folder that the report is written to. */
  readonly out: string;
  /** Write made-up candles here instead. */
  readonly sample: string | undefined;
}

const DEFAULT_COVERAGE = 0.999;
const DEFAULT_STATIC = 0.05;
const DEFAULT_OUT = "backtest";
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const LONGEST_HORIZON = 30 * 86_400;

const EXAMPLES = `
Examples:
  npm run backtest -- --prices eth_1h.csv.gz btc_1h.csv.gz     both files in one report
  npm run backtest -- --prices eth_1m.csv --horizon 15m        what must last a quarter of an hour
  npm run backtest -- --prices btc_usd_rounds.csv --coverage 0.9999
  npm run backtest -- --prices sol_1h.csv --asset sol.json     a market that is not deployed
  npm run backtest -- --sample sample.csv                      two years of made-up prices to try it with

A price file has the columns ts,open,high,low,close,volume (candles, ts = the bar's opening) or ts,roundId,answer (rounds
of a Chainlink feed, 8 decimals), ts in unix seconds; candles stand in order, .gz is read as gzip. A file whose name
begins with btc, or has btc_usd in it, is BTC, any other ETH, unless --asset says so. The parameters of ETH and BTC are
those of ignition/parameters/local.json; a file of parameters is JSON with the same fields, minimum and maximum of the
feed if answers are to be bounded.

Written to the folder of --out: report.html (to read), results.json, results.csv (to go on with).

Exit codes: 0 the report is written, 2 wrong usage or a wrong file.`;

const HOW_TO_GET_PRICES =
  "Check the path. Any exchange's candles will do, with the first line ts,open,high,low,close,volume and ts in unix " +
  "seconds; --sample sample.csv writes made-up ones to try the command with.";

/** `undefined` means that help was asked for and has been printed. */
export function parseOptions(args: readonly string[]): BacktestOptions | undefined {
  const command = createCommand();
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw explain(error);
  }

  const {
    prices = [],
    asset,
    coverage,
    horizon,
    static: fixed,
    out,
    sample,
  } = command.opts<{
    prices?: string[];
    asset?: string;
    coverage: number;
    horizon?: number;
    static: number;
    out: string;
    sample?: string;
  }>();
  if (prices.length === 0 && sample === undefined) {
    throw new UsageError(
      "There are no prices to test with.",
      "Give --prices one or more files, or --sample sample.csv to make one up; --help shows examples.",
    );
  }
  const missing = prices.find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw new UsageError(`There is no file ${missing}.`, HOW_TO_GET_PRICES);
  }
  return { prices, asset, coverage, horizon, fixed, out, sample };
}

/** What commander says, as a sentence with a cure. */
function explain(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const problem = error.message.replace(/^error: /, "").trim();
  return new UsageError(
    `${problem.charAt(0).toUpperCase()}${problem.slice(1)}${/[.?]$/.test(problem) ? "" : "."}`,
    "Run with --help to see the options.",
  );
}

/** Which market a file's name speaks of. */
export function assetOf(path: string): string {
  return /(^|[\\/])btc[^\\/]*$|btc_usd[^\\/]*$/i.test(path) ? "btc" : "eth";
}

function createCommand(): Command {
  return new Command("npm run backtest --")
    .description(
      "What margin requirements would have been over a price history, and when they were not enough: a static one, one that " +
        "follows volatility, and the deployed rule.",
    )
    .addOption(new Option("--prices <file...>", "candles or rounds (.csv or .csv.gz)"))
    .addOption(new Option("--asset <name>", "eth, btc or a JSON file of parameters"))
    .addOption(
      new Option("--coverage <share>", "share of the stretches that must not be breached")
        .argParser(parseShare({ least: 0.5, most: 0.999999 }))
        .default(DEFAULT_COVERAGE),
    )
    .addOption(
      new Option(
        "--horizon <time>",
        "how long a requirement must last: 15m, 1h, 900s; default: one bar, at least 15m",
      ).argParser(parseTime),
    )
    .addOption(
      new Option("--static <share>", "the static requirement to compare with")
        .argParser(parseShare({ least: 0.0001, most: 1 }))
        .default(DEFAULT_STATIC),
    )
    .addOption(new Option("--out <folder>", "where the report is written").default(DEFAULT_OUT))
    .addOption(new Option("--sample <file>", "write made-up hourly candles to this file and stop"))
    .allowExcessArguments(false)
    .addHelpText("after", EXAMPLES)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
}

function parseShare({ least, most }: { least: number; most: number }): (text: string) => number {
  return (text) => {
    const share = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
    if (!(share >= least && share <= most)) {
      throw new InvalidArgumentError(`Give a share from ${least} to ${most}, not per cent.`);
    }
    return share;
  };
}

/** [seconds] */
function parseTime(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0 && seconds <= LONGEST_HORIZON)) {
    throw new InvalidArgumentError("Give a time such as 15m, 1h or 900s, at most 30d.");
  }
  return seconds;
}
