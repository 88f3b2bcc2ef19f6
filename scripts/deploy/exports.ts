import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { abiSources, readAbis, wholeAbi } from "../abi/abis.js";
import { type DeploymentRecord, readRecord } from "./record.js";

const HEADER = "// Made by `npm run export`; changes are lost.\n";

/**
 * Writes what a frontend needs into `<root>/exports`: each contract's ABI as JSON and as the typed constant that sdk/abi
 * has, and the addresses of every record in `<root>/deployments` by chain id. Returns the folder.
 */
export async function writeExports(root: string): Promise<string> {
  const folder = path.join(root, "exports");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, "abi"), { recursive: true });

  const abis = await readAbis();
  for (const contract of abis.contracts.keys()) {
    writeFileSync(path.join(folder, "abi", `${contract}.json`), json(wholeAbi(abis, contract)));
  }
  writeFileSync(path.join(folder, "abi", "errors.json"), json(abis.errors));
  for (const [file, source] of abiSources(abis)) {
    writeFileSync(path.join(folder, "abi", file), source);
  }

  const deployments = Object.fromEntries(
    readRecords(path.join(root, "deployments")).map((record) => [record.chainId, record]),
  );
  writeFileSync(path.join(folder, "deployments.json"), json(deployments));
  writeFileSync(
    path.join(folder, "deployments.ts"),
    `${HEADER}/** By chain id. */\nexport const deployments = ${JSON.stringify(deployments, null, 2)} as const;\n`,
  );
  writeFileSync(
    path.join(folder, "index.ts"),
    `${HEADER}export * from "./abi/index.js";\nexport * from "./deployments.js";\n`,
  );
  return folder;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readRecords(folder: string): DeploymentRecord[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => readRecord(path.join(folder, file)) ?? []);
}
