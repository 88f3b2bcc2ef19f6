/**
 * `npm run bench:keeper -- [--check] [--only NAME]`: measures the keeper, prints its figures beside their limits and writes
 * them to bench/keeper.json. With `--check` it fails when a limit is not kept. With `--only` it measures that one and writes
 * nothing.
 */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Option, program } from "commander";
import Table from "cli-table3";
import { measureInChild, report } from "./bench/keeper/child.js";
import { type Measurement, rowsOf } from "./bench/keeper/figures.js";
import { measure, type MeasurementName, MEASUREMENTS } from "./bench/keeper/measurements.js";

const FILE = fileURLToPath(new URL("../bench/keeper.json", import.meta.url));

const {
  check,
  measure: inside,
  only,
} = program
  .option("--check", "fail when a limit is not kept")
  .addOption(new Option("--only <name>", "measure one thing").choices([...MEASUREMENTS]))
  .addOption(new Option("--measure <name>").choices([...MEASUREMENTS]).hideHelp())
  .parse()
  .opts<{ check?: true; only?: MeasurementName; measure?: MeasurementName }>();

if (inside === undefined) await measureAll(only === undefined ? MEASUREMENTS : [only]);
else await report(await measure(inside));

async function measureAll(names: readonly MeasurementName[]): Promise<void> {
  const figures: Measurement["figures"] = {};
  const details: Record<string, unknown> = {};
  for (const name of names) {
    const measured = await measureInChild(name);
    Object.assign(figures, measured.figures);
    details[name] = measured.details;
    console.log(`${name}: ${JSON.stringify(measured.details)}`);
  }
  const rows = rowsOf(figures);
  const table = new Table({ head: ["figure", "measured", "limit", ""] });
  for (const { isKept, limit, measured, name } of rows) {
    table.push([name, measured.toFixed(1), limit, isKept ? "kept" : "NOT KEPT"]);
  }
  console.log(table.toString());
  if (names.length === MEASUREMENTS.length) {
    const date = new Date().toISOString().slice(0, 10);
    const machine = { processor: cpus()[0]?.model ?? "", cores: cpus().length };
    const written = { ...figures, date, machine, node: process.version, details };
    await writeFile(FILE, `${JSON.stringify(written, undefined, 2)}\n`);
  }
  if (check === true && rows.some(({ isKept }) => !isKept)) process.exitCode = 1;
}
