import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { deploy, type DeployedAddresses } from "../ignition/deploy.js";
import {
  type DeploymentParameters,
  isLocal,
  MissingParametersError,
  readParameters,
} from "../ignition/parameters.js";

/** What `deployments/<network>.json` keeps for keepers, frontends and people. */
interface DeploymentRecord extends DeployedAddresses {
  network: string;
  chainId: number;
  /** A block that has everything in it; its hash tells this chain from a later one of the same name. */
  block: { number: number; hash: string };
}

/** A problem that the user can cure; printed without a stack. */
class DeployError extends Error {
  override readonly name = "DeployError";
}

const root = hre.config.paths.root;

async function main({ network, reset }: { network: string; reset: boolean }): Promise<void> {
  const config = hre.config.networks[network];
  if (config === undefined) {
    const known = Object.keys(hre.config.networks).join(", ");
    throw new DeployError(`hardhat.config.ts has no network "${network}" (there are: ${known}).`);
  }
  const simulated = config.type === "edr-simulated";
  const parameters = readParameters(simulated || network === "localhost" ? "local" : network);

  const defaultBuildProfile = isLocal(parameters) ? "default" : "production";
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true, defaultBuildProfile });
  const connection = await hre.network.getOrCreate(network);
  const chainId = await requireNode(connection);

  const file = path.join(root, "deployments", `${network}.json`);
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
  const record = { network, chainId, block: await latestBlock(connection), ...addresses };
  write(file, record);
  console.log(`Written to ${path.relative(process.cwd(), file)}.`);
  console.log(describeGovernance(parameters));
}

/** The chain id, or a sentence that says how to start a node. */
async function requireNode(connection: NetworkConnection): Promise<number> {
  try {
    return Number(await connection.provider.request({ method: "eth_chainId" }));
  } catch (error) {
    const { networkName, networkConfig } = connection;
    const url = networkConfig.type === "http" ? await networkConfig.url.getUrl() : networkName;
    const cure =
      networkName === "localhost"
        ? "start one with `npx hardhat node --hostname 127.0.0.1` in another terminal"
        : "check its URL";
    throw new DeployError(`No node answers at ${url}: ${cure}, then run this again.`, {
      cause: error,
    });
  }
}

/** Whether the chain still has the block of its last recorded deployment. */
async function isSameChain(connection: NetworkConnection, file: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const { block } = JSON.parse(readFileSync(file, "utf8")) as DeploymentRecord;
  const found = await connection.ethers.provider.getBlock(block.number);
  return found?.hash === block.hash;
}

async function latestBlock(connection: NetworkConnection): Promise<DeploymentRecord["block"]> {
  const block = await connection.ethers.provider.getBlock("latest");
  if (!block?.hash) throw new Error("The node has no latest block");
  return { number: block.number, hash: block.hash };
}

function write(file: string, record: DeploymentRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
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

const program = new Command()
  .name("npm run deploy --")
  .description("Deploys Plimsoll with the parameters of ignition/parameters/<network>.json")
  .option("--network <name>", "a network of hardhat.config.ts", "localhost")
  .option("--reset", "deploy anew where an earlier deployment would be completed", false)
  .addHelpText(
    "after",
    "\nlocalhost and simulated networks use local.json, which brings its own tokens and feeds." +
      "\nOn other networks a deployment that was interrupted goes on where it stopped.",
  )
  .parse();

try {
  await main(program.opts<{ network: string; reset: boolean }>());
} catch (error) {
  if (!(error instanceof DeployError || error instanceof MissingParametersError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
