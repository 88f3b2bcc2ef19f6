/** `npm run bench:gas`: what every act costs, beside what it may. See `--help`. */
import { Command, Option } from "commander";
import { ACTS, type ActName } from "./bench/acts.js";
import { rewriteDocument } from "./bench/document.js";
import {
  fallAdvice,
  figuresTable,
  growthProblems,
  readFigures,
  writeFigures,
} from "./bench/figures.js";
import { measureAll } from "./bench/measure.js";
import { openMarket } from "./bench/market.js";
import { profile } from "./bench/profile.js";
import { report } from "./sources.js";

const program = new Command()
  .name("npm run bench:gas --")
  .description(
    "Measures whole transactions on production builds and compares them with bench/gas.json",
  )
  .addOption(
    new Option(
      "--write",
      "write bench/gas.json and the tables of docs/gas.md; so does the command without options",
    ).conflicts(["check", "profile"]),
  )
  .addOption(
    new Option(
      "--check",
      "write nothing; exit 1 when a figure grew by more than 2 % or is missing",
    ).conflicts("profile"),
  )
  .addOption(
    new Option(
      "--profile <act>",
      "only print where the gas of one act goes, by class and by contract, as Markdown",
    ).choices(Object.keys(ACTS)),
  )
  .addHelpText(
    "after",
    "\nThe same code gives the same figures on every run. docs/gas.md says how they are measured.",
  )
  .parse();
const options = program.opts<{ write?: true; check?: true; profile?: ActName }>();

async function compare({ check }: { check: boolean }): Promise<void> {
  const committed = readFigures();
  const market = await openMarket();
  const figures = await measureAll(market);
  console.log(figuresTable(figures, committed));
  console.log("Gas of whole transactions, net of refunds; artifacts of the production profile.");
  if (!check) {
    console.log(
      `Written to ${writeFigures(figures)} and ${await rewriteDocument(market, figures)}.`,
    );
    return;
  }
  const advice = fallAdvice(figures, committed);
  if (advice !== undefined) console.log(advice);
  report(growthProblems(figures, committed), "No figure grew by more than 2 %.");
}

if (options.profile === undefined) await compare({ check: options.check === true });
else console.log(await profile(await openMarket(), options.profile));
