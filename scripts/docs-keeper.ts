/** `npm run docs:keeper`: the tables of docs/keeper.md, from the keeper's schema. See `--help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { KEEPER_PAGE, renewedPage } from "../keeper/operations/settingsPage.js";
import { report } from "./sources.js";

const { check } = new Command()
  .name("npm run docs:keeper --")
  .description(`Writes the tables of ${KEEPER_PAGE}: settings, secrets and alarms`)
  .option("--check", "write nothing; exit 1 when the page is out of date")
  .parse()
  .opts<{ check?: true }>();

const file = fileURLToPath(new URL(`../${KEEPER_PAGE}`, import.meta.url));
const page = readFileSync(file, "utf8");
const renewed = renewedPage(page);

if (check === true) {
  const isOld = page !== renewed;
  report(
    isOld ? [`${KEEPER_PAGE} is out of date; run \`npm run docs:keeper\` and commit it.`] : [],
    `${KEEPER_PAGE} says what the schema says.`,
  );
} else {
  writeFileSync(file, renewed);
  console.log(`Written to ${KEEPER_PAGE}.`);
}
