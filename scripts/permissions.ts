/** `npm run docs:permissions`: the tables of docs/permissions.md, from ignition/roles.ts. See `--help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { FILE, renewed } from "./permissions/page.js";
import { report } from "./sources.js";

const { check } = new Command()
  .name("npm run docs:permissions --")
  .description(`Writes the tables of ${FILE}: who may call what, as ignition/roles.ts says`)
  .option("--check", "write nothing; exit 1 when the page is out of date")
  .parse()
  .opts<{ check?: true }>();

const file = fileURLToPath(new URL(`../${FILE}`, import.meta.url));
const page = readFileSync(file, "utf8");
const renewedPage = renewed(page);

if (check === true) {
  const isOld = page !== renewedPage;
  report(
    isOld ? [`${FILE} is out of date; run \`npm run docs:permissions\` and commit it.`] : [],
    `${FILE} says what ignition/roles.ts says.`,
  );
} else {
  writeFileSync(file, renewedPage);
  console.log(`Written to ${FILE}.`);
}
