/** `npm run keeper`: the keeper service and what belongs to it. See `--help` and docs/keeper.md. */
import { systemClock } from "../keeper/clock.js";
import { keep } from "../keeper/keep.js";
import { MIGRATIONS } from "../keeper/migrations.js";
import { runCommandLine } from "../keeper/operations/commandLine.js";
import { openDatabase } from "../keeper/storage/openDatabase.js";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  service: keep,
  openDatabase,
  migrations: MIGRATIONS,
  clock: systemClock,
  terminal: { input: process.stdin, output: process.stdout },
  write: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
});
