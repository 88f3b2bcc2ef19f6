/** `npm run demo`: a market crash on a local chain, watched from the clearinghouse. See `--help`. */
import hre from "hardhat";
import { DemoFailure, UsageError } from "./demo/errors.js";
import { type DemoOptions, parseOptions } from "./demo/options.js";
import { loadScenario } from "./demo/source.js";
import { openTerminal } from "./demo/terminal.js";

async function main(options: DemoOptions): Promise<number> {
  const scenario = await loadScenario(options);
  const terminal = openTerminal({ silent: options.json });
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
  // The types and ABIs that the rest needs are there only now.
  const { runDemo } = await import("./demo/run.js");
  const report = await runDemo(options, scenario, terminal);
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return report.exitStatus;
}

// A reader such as `head` may leave early: end quietly, as other commands do, and not with success.
const SIGPIPE_EXIT_CODE = 141;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(SIGPIPE_EXIT_CODE);
});

try {
  const options = parseOptions(process.argv.slice(2));
  process.exitCode = options === undefined ? 0 : await main(options);
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1;
  if (!(error instanceof UsageError || error instanceof DemoFailure)) throw error;
  process.stderr.write(`${error.message}\n`);
}
