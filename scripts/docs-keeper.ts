/** `npm run docs:keeper`: the tables of the keeper's pages, from the keeper's schema. See `--help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { KEEPER_PAGES, renewedPage } from "../keeper/operations/settingsPage.js";
import { report } from "./sources.js";

const { check } = new Command()
  .name("npm run docs:keeper --")
  .description(`Writes the tables of ${KEEPER_PAGES.join(" and ")}: settings, secrets and alarms`)
  .option("--check", "write nothing; exit 1 when the page is out of date")
  .parse()
  .opts<{ check?: true }>();

const pages = KEEPER_PAGES.map((name) => {
  const file = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const page = readFileSync(file, "utf8");
  return { name, file, page, renewed: renewedPage(page) };
});

if (check === true) {
  const old = pages.filter(({ page, renewed }) => page !== renewed);
  report(
    old.map(({ name }) => `${name} is out of date; run \`npm run docs:keeper\` and commit it.`),
    "The keeper's pages say what its schema says.",
  );
} else {
  for (const { file, renewed } of pages) writeFileSync(file, renewed);
  console.log(`Written to ${KEEPER_PAGES.join(" and ")}.`);
}
