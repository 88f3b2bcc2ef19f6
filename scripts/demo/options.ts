import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { UsageError } from "./errors.js";

/** Which price the file or the synthetic path drives; the other follows. */
export type Underlying = "eth" | "btc";

/** What the command line asked for. */
export interface DemoOptions {
  /** Price file; without it the synthetic crash. */
  readonly prices: string | undefined;
  /** Where the stretch begins [unix seconds]; without it around the largest fall. */
  readonly from: number | undefined;
  /** Length of the stretch [hours]. */
  readonly hours: number;
  readonly underlying: Underlying;
  readonly seed: number;
  /** Only one JSON document on standard output. */
  readonly json: boolean;
}

const DEFAULT_HOURS = 36;
const DEFAULT_SEED = 1;
const MOST_HOURS = 24 * 366;

const EXAMPLES = `
Examples:
  npm run demo                                         the synthetic crash, about a minute
  npm run demo -- --seed 7                             another path, other account sizes
  npm run demo -- --prices eth_5m.csv.gz               the worst 36 hours of a file
  npm run demo -- --prices btc_1h.csv --from 2021-05-18T12:00Z --hours 48
  npm run --silent demo -- --json | jq .invariants     for machines

A price file has the columns ts,open,high,low,close,volume with ts in unix seconds, oldest row first; .gz is read as gzip.
A file whose name starts with btc drives BTC/USD and ETH follows; any other drives ETH/USD and BTC follows.

Exit codes: 0 every invariant holds, 1 one does not or the run failed, 2 wrong usage or a wrong file.`;

/** `undefined` means that help was asked for and has been printed. */
export function parseOptions(args: readonly string[]): DemoOptions | undefined {
  const command = createCommand();
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const problem = error.message.replace(/^error: /, "").trim();
    throw new UsageError(
      `${problem.charAt(0).toUpperCase()}${problem.slice(1)}${/[.?]$/.test(problem) ? "" : "."}`,
      "Run with --help to see the options.",
    );
  }

  const given = command.opts<{
    prices?: string;
    from?: number;
    hours: number;
    underlying?: Underlying;
    seed: number;
    json?: boolean;
  }>();
  if (given.from !== undefined && given.prices === undefined) {
    throw new UsageError(
      "--from needs a price file: the synthetic crash has no dates.",
      "Add --prices <file> or leave --from out.",
    );
  }
  return {
    prices: given.prices,
    from: given.from,
    hours: given.hours,
    underlying:
      given.underlying ?? (/(^|[\\/])btc[^\\/]*$/i.test(given.prices ?? "") ? "btc" : "eth"),
    seed: given.seed,
    json: given.json ?? false,
  };
}

function createCommand(): Command {
  return new Command("npm run demo --")
    .description(
      "A market crash, watched from the clearinghouse: a local chain, two dozen accounts, funding and interest, margin calls, " +
        "liquidations, bankruptcies and who pays for them, invariants.",
    )
    .addOption(
      new Option(
        "--prices <file>",
        "candles to replay instead of the synthetic crash (.csv or .csv.gz)",
      ),
    )
    .addOption(
      new Option(
        "--from <time>",
        "begin here, ISO date (UTC) or unix seconds; default: around the largest fall",
      ).argParser(parseTime),
    )
    .addOption(
      new Option("--hours <n>", "how many hours to replay")
        .argParser(parseHours)
        .default(DEFAULT_HOURS),
    )
    .addOption(
      new Option("--underlying <name>", "which price the file drives").choices(["eth", "btc"]),
    )
    .addOption(
      new Option("--seed <n>", "seed of account sizes and of the synthetic path")
        .argParser(parseSeed)
        .default(DEFAULT_SEED),
    )
    .addOption(new Option("--json", "print one JSON document and nothing else"))
    .allowExcessArguments(false)
    .addHelpText("after", EXAMPLES)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
}

/** An ISO date, in UTC unless it says otherwise, or unix seconds. */
function parseTime(text: string): number {
  if (/^\d{1,11}$/.test(text)) return Number(text);
  if (/^\d{12,}$/.test(text))
    throw new InvalidArgumentError("It looks like milliseconds: give unix seconds.");
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?(Z|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  const [, date = "", time = "00:00", zone = "Z"] = match ?? [];
  const milliseconds = Date.parse(`${date}T${time}${zone}`);
  // Date.parse takes 2021-02-30 for 2 March: the day must come back as it was given.
  const real =
    !Number.isNaN(milliseconds) && new Date(`${date}T00:00Z`).toISOString().startsWith(date);
  if (match === null || !real) {
    throw new InvalidArgumentError(
      "Give a date such as 2020-03-12 or 2020-03-12T10:00Z, or unix seconds.",
    );
  }
  return Math.floor(milliseconds / 1000);
}

function parseHours(text: string): number {
  const hours = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (!(hours > 0 && hours <= MOST_HOURS)) {
    throw new InvalidArgumentError(`Give a number of hours above 0 and up to ${MOST_HOURS}.`);
  }
  return hours;
}

function parseSeed(text: string): number {
  const seed = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(seed <= 0xffffffff))
    throw new InvalidArgumentError("Give a whole number from 0 to 4294967295.");
  return seed;
}
