import { type JsonFragment, Interface } from "ethers";
import hre from "hardhat";
import { CONTRACTS } from "../../ignition/deploy.js";

type Abi = readonly JsonFragment[];

const HEADER = "// Made by `npm run abi`; changes are lost.\n";

/** The ABIs of a deployment's contracts, and the custom errors that any of them may pass on. */
export interface Abis {
  /** By contract, in the order of deployment, without errors. */
  readonly contracts: ReadonlyMap<string, Abi>;
  /** Every custom error there is, sorted by name. */
  readonly errors: Abi;
}

/**
 * The one place where ABIs for users are made, from the artifacts of the last build.
 *
 * An ABI has more than its contract declares. A revert passes through the contracts that lie between: the Vault's errors
 * reach whoever calls the Exchange, and a token's reach whoever calls the Vault. So every ABI is used with every custom
 * error there is; no two have one selector. The events of a linked library are logged at the address of the contract that
 * uses it, hence are in that contract's ABI too.
 */
export async function readAbis(): Promise<Abis> {
  const contracts = new Map<string, Abi>();
  for (const contract of CONTRACTS) contracts.set(contract, merge(await ownAbi(contract)));
  return { contracts, errors: await everyError() };
}

/** A contract's whole ABI as JSON has it. */
export function wholeAbi({ contracts, errors }: Abis, contract: string): Abi {
  return [...(contracts.get(contract) ?? []), ...errors];
}

/** The TypeScript sources of typed constants by file name: one file a contract, the errors, and an index of all. */
export function abiSources({ contracts, errors }: Abis): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  sources.set(
    "errors.ts",
    `${HEADER}\n/** Every custom error that a call may meet. */\nexport const errorsAbi = ${list(errors)};\n`,
  );
  for (const [contract, abi] of contracts) {
    sources.set(
      `${contract}.ts`,
      `${HEADER}import { errorsAbi } from "./errors.js";\n\n` +
        `/** The ABI of ${contract}, with every custom error that a call may meet. */\n` +
        `export const ${abiName(contract)} = ${list(abi, "...errorsAbi")};\n`,
    );
  }
  const names = [...contracts.keys()];
  const lines = [
    ...names.map((name) => `import { ${abiName(name)} } from "./${name}.js";`),
    "",
    `export * from "./errors.js";`,
    ...names.map((name) => `export * from "./${name}.js";`),
    "",
    "/** All ABIs by the contract's name. */",
    "export const ABIS = {",
    ...names.map((name) => `  ${name}: ${abiName(name)},`),
    "} as const;",
    "",
  ];
  sources.set("index.ts", HEADER + lines.join("\n"));
  return sources;
}

/** `StandardMargin` is exported as `standardMarginAbi`. */
function abiName(contract: string): string {
  return `${contract.charAt(0).toLowerCase()}${contract.slice(1)}Abi`;
}

/** One fragment a line, so that a change of a contract is a change of a line. */
function list(abi: Abi, ...further: string[]): string {
  const lines = [...abi.map((fragment) => JSON.stringify(fragment)), ...further];
  return `[\n${lines.map((line) => `  ${line},\n`).join("")}] as const`;
}

async function ownAbi(contract: string): Promise<Abi> {
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
  return [...(abi as Abi).filter(({ type }) => type !== "error"), ...events];
}

/** The custom errors of the protocol's own sources, of the AccessManager, and of a standard token (ERC-6093), sorted. */
async function everyError(): Promise<Abi> {
  const names = [...(await hre.artifacts.getAllFullyQualifiedNames())].filter(
    (name) =>
      /^contracts\/(?!mocks\/|testing\/)/.test(name) ||
      /[/:](AccessManager|MockToken)$/.test(name.replace(/\.sol:/, ":")),
  );
  const errors: JsonFragment[] = [];
  for (const name of names.sort()) {
    const { abi } = await hre.artifacts.readArtifact(name);
    errors.push(...(abi as Abi).filter(({ type }) => type === "error"));
  }
  return [...merge(errors)].sort((a, b) => (signatureOf(a) < signatureOf(b) ? -1 : 1));
}

/** Without what occurs twice. */
function merge(abi: Abi): Abi {
  const known = new Set<string>();
  return abi.filter((fragment) => {
    const signature = signatureOf(fragment);
    if (known.has(signature)) return false;
    known.add(signature);
    return true;
  });
}

function signatureOf(fragment: JsonFragment): string {
  const [parsed] = new Interface([fragment]).fragments;
  return parsed?.format("minimal") ?? "";
}
