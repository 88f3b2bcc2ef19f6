/** `npm run docs:events`: the tables of docs/events.md, from the contracts. See `--help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { FILE, renewed, unexplainedEvents } from "./events/page.js";
import { report } from "./sources.js";

const { check } = new Command()
  .name("npm run docs:events --")
  .description(`Writes the tables of ${FILE}: what each event says and leaves behind`)
  .option("--check", "write nothing; exit 1 when the page is out of date")
  .parse()
  .opts<{ check?: true }>();

const file = fileURLToPath(new URL(`../${FILE}`, import.meta.url));
const page = readFileSync(file, "utf8");
const renewedPage = renewed(page);
const problems = unexplainedEvents().map(
  (event) => `Nobody says what ${event} leaves behind: add it to scripts/events/states.ts.`,
);

if (check === true) {
  if (page !== renewedPage) {
    problems.push(`${FILE} is out of date; run \`npm run docs:events\` and commit it.`);
  }
  report(problems, `${FILE} has every event of the contracts.`);
} else {
  writeFileSync(file, renewedPage);
  report(problems, `Written to ${FILE}.`);
}
