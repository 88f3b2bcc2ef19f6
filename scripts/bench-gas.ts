/** `npm run bench:gas`: what every act costs, beside what it may. See `--help`. */
import { Command } from "commander";
import {
  fallAdvice,
  figuresTable,
  growthProblems,
  readFigures,
  writeFigures,
} from "./bench/figures.js";
import { measureAll } from "./bench/measure.js";
import { openMarket } from "./bench/market.js";
import { report } from "./sources.js";

const program = new Command()
  .name("npm run bench:gas --")
  .description(
    "Measures whole transactions on production builds and compares them with bench/gas.json",
  )
  .option("--write", "write the figures to bench/gas.json; so does the command without options")
  .option("--check", "write nothing; exit 1 when a figure grew by more than 2 % or is missing")
  .addHelpText(
    "after",
    "\nThe same code gives the same figures on every run. docs/gas.md says how they are measured.",
  )
  .parse();
const { write, check } = program.opts<{ write?: boolean; check?: boolean }>();
if (write && check) program.error("--write and --check exclude each other.");

const committed = readFigures();
const figures = await measureAll(await openMarket());
console.log(figuresTable(figures, committed));
console.log("Gas of whole transactions, net of refunds; artifacts of the production profile.");
if (check) {
  const advice = fallAdvice(figures, committed);
  if (advice !== undefined) console.log(advice);
  report(growthProblems(figures, committed), "No figure grew by more than 2 %.");
} else {
  console.log(`Written to ${writeFigures(figures)}.`);
}
