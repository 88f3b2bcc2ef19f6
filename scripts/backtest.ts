/** `npm run backtest`: margin rules over a price history, and a report of when they were not enough. See `--help`. */
import { parseOptions } from "./backtest/options.js";
import { runBacktest } from "./backtest/run.js";
import { UsageError } from "./prices/errors.js";

// A reader such as `head` may leave early: end quietly, as other commands do, and not with success.
const SIGPIPE_EXIT_CODE = 141;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(SIGPIPE_EXIT_CODE);
});

try {
  const options = parseOptions(process.argv.slice(2));
  if (options !== undefined) {
    await runBacktest(options, (line) => process.stdout.write(`${line}\n`));
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
