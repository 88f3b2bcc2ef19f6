import { rmSync } from "node:fs";
import path from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { deploy, type DeployedAddresses } from "../ignition/deploy.js";
import {
  type DeploymentParameters,
  InconsistentParametersError,
  isLocal,
  MissingParametersError,
  namedVariables,
  readParameters,
} from "../ignition/parameters.js";
import { DeployError } from "./deploy/errors.js";
import { writeExports } from "./deploy/exports.js";
import { preflight } from "./deploy/preflight.js";
import { type DeploymentRecord, readRecord, writeRecord } from "./deploy/record.js";
import { networkVariables, requirePrivateKeys, requireVariables } from "./deploy/variables.js";

interface DeployOptions {
  network: string;
  parameters?: string;
  out: string;
  reset: boolean;
}

async function main(options: DeployOptions): Promise<void> {
  const { network, out, reset } = options;
  const config = hre.config.networks[network];
  if (config === undefined) {
    const known = Object.keys(hre.config.networks).join(", ");
    throw new DeployError(`hardhat.config.ts has no network "${network}" (there are: ${known}).`);
  }
  const simulated = config.type === "edr-simulated";
  const parameters = await readGivenParameters(
    network,
    options.parameters ?? (simulated || network === "localhost" ? "local" : network),
  );

  const connection = await hre.network.getOrCreate(network);
  const chainId = await requireNode(connection);
  if (!isLocal(parameters)) await requirePreflight(connection, parameters);
  const defaultBuildProfile = isLocal(parameters) ? "default" : "production";
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true, defaultBuildProfile });

  const file = path.join(out, "deployments", `${network}.json`);
  // Ignition resumes where an earlier run stopped; the name keeps this apart from its command line's deployments.
  const deploymentId = `plimsoll-${network}`;
  const memory = path.join(hre.config.paths.ignition, "deployments", deploymentId);
  // A restarted local node is another chain: what Ignition remembers of the last one is worth nothing.
  if (reset || (isLocal(parameters) && !(await isSameChain(connection, file)))) {
    rmSync(memory, { recursive: true, force: true });
  }
  const addresses = await deploy(connection, parameters, { deploymentId });

  print(addresses);
  if (simulated) {
    console.log(`The network "${network}" lives in this process: all of it is gone now.`);
    return;
  }
  writeRecord(file, { network, chainId, block: await latestBlock(connection), ...addresses });
  const folder = await writeExports(out);
  const [record, exported] = [file, folder].map((name) => path.relative(process.cwd(), name));
  console.log(`Addresses are in ${record}, ABIs for frontends in ${exported}/.`);
  console.log(describeGovernance(parameters));
}

/** The parameters with the values of their variables, once everything that the network needs is there. */
async function readGivenParameters(network: string, name: string): Promise<DeploymentParameters> {
  const { url, accounts } = networkVariables(network);
  const holders = namedVariables(name);
  const values = await requireVariables([...url, ...accounts, ...holders]);
  requirePrivateKeys(accounts, values);
  return readParameters(name, values);
}

/** The chain id, or a sentence that says how to start a node. */
async function requireNode(connection: NetworkConnection): Promise<number> {
  try {
    return Number(await connection.provider.request({ method: "eth_chainId" }));
  } catch (error) {
    const { networkName, networkConfig } = connection;
    // No more than the host: the rest of a provider's URL may be a key.
    const url =
      networkConfig.type === "http" ? new URL(await networkConfig.url.getUrl()).host : networkName;
    const cure =
      networkName === "localhost"
        ? "start one with `npx hardhat node --hostname 127.0.0.1` in another terminal"
        : "check its URL";
    throw new DeployError(`No node answers at ${url}: ${cure}, then run this again.`, {
      cause: error,
    });
  }
}

/** Prints what there is on the chain; throws when it is not what the parameters say. */
async function requirePreflight(
  { ethers }: NetworkConnection,
  parameters: DeploymentParameters,
): Promise<void> {
  const [deployer] = await ethers.getSigners();
  if (deployer === undefined) throw new Error("The network has no account to deploy with");
  const checks = await preflight(ethers.provider, { deployer: deployer.address, parameters });
  for (const { what, found, problem } of checks) {
    console.log(`${problem === undefined ? "ok   " : "WRONG"} ${what}: ${found}`);
  }
  const problems = checks.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) {
    throw new DeployError([...problems, "Nothing was sent."].join("\n"));
  }
}

/** Whether the chain still has the block of its last recorded deployment. */
async function isSameChain(connection: NetworkConnection, file: string): Promise<boolean> {
  const record = readRecord(file);
  if (record === undefined) return false;
  const found = await connection.ethers.provider.getBlock(record.block.number);
  return found?.hash === record.block.hash;
}

async function latestBlock(connection: NetworkConnection): Promise<DeploymentRecord["block"]> {
  const block = await connection.ethers.provider.getBlock("latest");
  if (!block?.hash) throw new Error("The node has no latest block");
  return { number: block.number, hash: block.hash };
}

function print({ contracts, tokens, feeds }: DeployedAddresses): void {
  const table = new Table({ head: ["", "name", "address"], style: { head: [], border: [] } });
  for (const [kind, addresses] of Object.entries({
    contract: contracts,
    token: tokens,
    feed: feeds,
  })) {
    for (const [name, address] of Object.entries(addresses)) table.push([kind, name, address]);
  }
  console.log(table.toString());
}

function describeGovernance({ governance }: DeploymentParameters): string {
  const { RISK, LISTING, MODULES } = governance.delaySeconds;
  const days = [RISK, LISTING, MODULES].map((seconds) => `${seconds / 86_400} days`);
  return (
    `Governed by ${governance.admin} with delays of ${days.join(", ")} ` +
    "(numbers, listings, modules); the deployer has no rights left."
  );
}

/** A problem whose message is for people: ours, or one that Hardhat numbers, such as a malformed URL. */
function isForPeople(error: unknown): error is Error {
  return (
    error instanceof DeployError ||
    error instanceof MissingParametersError ||
    error instanceof InconsistentParametersError ||
    (error instanceof Error && error.name === "HardhatError")
  );
}

const program = new Command()
  .name("npm run deploy --")
  .description("Deploys Plimsoll with the parameters of ignition/parameters/<network>.json")
  .option("--network <name>", "a network of hardhat.config.ts", "localhost")
  .option("--parameters <name>", "another file of ignition/parameters, without .json")
  .option("--out <folder>", "where deployments/ and exports/ go", hre.config.paths.root)
  .option("--reset", "deploy anew where an earlier deployment would be completed", false)
  .addHelpText(
    "after",
    "\nlocalhost and simulated networks use local.json, which brings its own tokens and feeds." +
      "\nOn other networks the chain is compared with the parameters before anything is sent, and a deployment" +
      "\nthat was interrupted goes on where it stopped. docs/deployment.md has it step by step.",
  )
  .parse();

try {
  await main(program.opts<DeployOptions>());
} catch (error) {
  if (!isForPeople(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
