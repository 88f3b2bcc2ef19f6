/** `npm run export`: ABIs and addresses for frontends, as JSON and TypeScript. See docs/deployment.md. */
import path from "node:path";
import { Command } from "commander";
import hre from "hardhat";
import { writeExports } from "./deploy/exports.js";

const { out } = new Command()
  .name("npm run export --")
  .description("Writes exports/: every contract's ABI, and the addresses of deployments/*.json")
  .option("--out <folder>", "where deployments/ is and exports/ goes", hre.config.paths.root)
  .parse()
  .opts<{ out: string }>();

await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
console.log(`Written to ${path.relative(process.cwd(), await writeExports(out))}/.`);
