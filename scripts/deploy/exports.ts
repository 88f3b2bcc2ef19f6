import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type JsonFragment, Interface } from "ethers";
import hre from "hardhat";
import { CONTRACTS } from "../../ignition/deploy.js";
import { type DeploymentRecord, readRecord } from "./record.js";

type Abi = readonly JsonFragment[];

const HEADER = "// Made by `npm run export`; changes are lost.\n";

/**
 * Writes what a frontend needs into `<root>/exports`: each contract's ABI as JSON and as a typed constant, and the
 * addresses of every record in `<root>/deployments` by chain id. Returns the folder.
 *
 * An ABI has more than its contract declares. A revert passes through the contracts that lie between: the Vault's errors
 * reach whoever calls the Exchange, and a token's reach whoever calls the Vault. So each ABI ends with every custom
 * error there is; names are unique, so none is ambiguous. The events of a linked library are logged at the address of
 * the contract that uses it, hence are in that contract's ABI too.
 */
export async function writeExports(root: string): Promise<string> {
  const folder = path.join(root, "exports");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, "abi"), { recursive: true });

  const errors = await everyError();
  const constants: string[] = [];
  for (const contract of CONTRACTS) {
    const abi = merge([...(await abiWithLibraries(contract)), ...errors]);
    writeFileSync(path.join(folder, "abi", `${contract}.json`), json(abi));
    constants.push(constant(abiName(contract), abi));
  }
  writeFileSync(path.join(folder, "abi", "errors.json"), json(errors));
  constants.push(constant("errorsAbi", errors));

  const deployments = Object.fromEntries(
    readRecords(path.join(root, "deployments")).map((record) => [record.chainId, record]),
  );
  writeFileSync(path.join(folder, "deployments.json"), json(deployments));
  writeFileSync(path.join(folder, "abis.ts"), HEADER + constants.join(""));
  writeFileSync(
    path.join(folder, "deployments.ts"),
    `${HEADER}/** By chain id. */\n${constant("deployments", deployments)}`,
  );
  writeFileSync(
    path.join(folder, "index.ts"),
    `${HEADER}export * from "./abis.js";\nexport * from "./deployments.js";\n`,
  );
  return folder;
}

/** `StandardMargin` is exported as `standardMarginAbi`. */
function abiName(contract: string): string {
  return `${contract.charAt(0).toLowerCase()}${contract.slice(1)}Abi`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function constant(name: string, value: unknown): string {
  return `export const ${name} = ${JSON.stringify(value, null, 2)} as const;\n`;
}

async function abiWithLibraries(contract: string): Promise<Abi> {
  const { abi, linkReferences } = await hre.artifacts.readArtifact(contract);
  const libraries = Object.entries(linkReferences).flatMap(([source, names]) =>
    // The compiler's name of a source, without the root that Hardhat gives it.
    Object.keys(names).map((name) => `${source.replace(/^project\//, "")}:${name}`),
  );
  const events: JsonFragment[] = [];
  for (const library of libraries) {
    const artifact = await hre.artifacts.readArtifact(library);
    events.push(...(artifact.abi as Abi).filter(({ type }) => type === "event"));
  }
  return [...(abi as Abi), ...events];
}

/**
 * The custom errors of the protocol's own sources, of the AccessManager, and of a standard token (ERC-6093), sorted.
 */
async function everyError(): Promise<Abi> {
  const names = [...(await hre.artifacts.getAllFullyQualifiedNames())].filter(
    (name) =>
      /^contracts\/(?!mocks\/|testing\/)/.test(name) ||
      /[/:](AccessManager|MockToken)$/.test(name.replace(/\.sol:/, ":")),
  );
  const errors: JsonFragment[] = [];
  for (const name of names) {
    const { abi } = await hre.artifacts.readArtifact(name);
    errors.push(...(abi as Abi).filter(({ type }) => type === "error"));
  }
  return [...merge(errors)].sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
}

/** Without what occurs twice. */
function merge(abi: Abi): Abi {
  const known = new Set<string>();
  return abi.filter((fragment) => {
    const [parsed] = new Interface([fragment]).fragments;
    const signature = parsed?.format("minimal") ?? "";
    if (known.has(signature)) return false;
    known.add(signature);
    return true;
  });
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
