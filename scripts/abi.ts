/** `npm run abi`: writes the typed ABI constants of sdk/abi/ from the contracts. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import hre from "hardhat";
import { abiSources, readAbis } from "./abi/abis.js";

const { build } = new Command()
  .name("npm run abi --")
  .description("Writes sdk/abi/: each contract's ABI as a typed constant")
  .option("--no-build", "use what was compiled last")
  .parse()
  .opts<{ build: boolean }>();

if (build) await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
const folder = path.join(hre.config.paths.root, "sdk", "abi");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const sources = abiSources(await readAbis());
for (const [file, source] of sources) writeFileSync(path.join(folder, file), source);
console.log(`${sources.size} files are written to sdk/abi/.`);
