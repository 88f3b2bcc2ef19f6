/** `npm run rehearse`: a deployment to a real chain, played on a local node that passes for it. See `--help`. */
import { rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { Command } from "commander";
import { JsonRpcProvider, toBeHex, Wallet } from "ethers";
import {
  type DeploymentParameters,
  MissingParametersError,
  namedVariables,
  readParameters,
} from "../ignition/parameters.js";
import { DemoFailure } from "./demo/errors.js";
import { startNode } from "./demo/node.js";
import { DEPLOYMENT_GAS } from "./deploy/preflight.js";
import { readRecord } from "./deploy/record.js";
import { runHardhat, runScript } from "./rehearse/children.js";
import { RehearsalError } from "./rehearse/errors.js";
import { type Explorer, passed, startExplorer, type Verdict } from "./rehearse/explorer.js";
import { smokeTest } from "./rehearse/smoke.js";
import { placeStandIns } from "./rehearse/standIns.js";

interface RehearsalOptions {
  parameters: string;
  buildProfile: string;
}

const OUT = fileURLToPath(new URL("../cache/rehearsal", import.meta.url));
const NETWORK = "rehearsal";
const MUCH_ETHER = toBeHex(10n ** 21n);

async function main(options: RehearsalOptions): Promise<void> {
  const holders = Object.fromEntries(
    namedVariables(options.parameters).map((name) => [name, Wallet.createRandom().address]),
  );
  const parameters = readParameters(options.parameters, holders);
  for (const folder of ["deployments", "exports", "ignition"]) {
    rmSync(path.join(OUT, folder), { recursive: true, force: true });
  }

  const { chainId } = parameters;
  const node = await startNode(chainId === undefined ? {} : { chainId });
  const provider = new JsonRpcProvider(node.url, undefined, {
    cacheTimeout: -1,
    pollingInterval: 20,
  });
  try {
    say(`A node that passes for chain ${chainId ?? 31_337} answers at ${node.url}.`);
    const explorer = await startExplorer(provider);
    try {
      await rehearse(options, { provider, url: node.url, explorer, parameters, holders });
    } finally {
      await explorer.stop();
    }
  } finally {
    provider.destroy();
    await node.stop();
  }
}

async function rehearse(
  options: RehearsalOptions,
  stage: {
    provider: JsonRpcProvider;
    url: string;
    explorer: Explorer;
    parameters: DeploymentParameters;
    holders: Record<string, string>;
  },
): Promise<void> {
  const { provider, explorer, parameters } = stage;
  const deployer = Wallet.createRandom();
  const variables = {
    ...stage.holders,
    HARDHAT_BUILD_PROFILE: options.buildProfile,
    REHEARSAL_RPC_URL: stage.url,
    REHEARSAL_PRIVATE_KEY: deployer.privateKey,
    REHEARSAL_EXPLORER_URL: explorer.url,
    REHEARSAL_CHAIN_ID: `${parameters.chainId ?? 31_337}`,
  };

  say(`Compiling with the profile ${options.buildProfile} ...`);
  await runHardhat(["build", "--quiet", "--no-tests"], variables);
  const standIns = await placeStandIns(provider, parameters);
  await provider.send("hardhat_setBalance", [deployer.address, MUCH_ETHER]);
  say("Mocks stand where the parameters have tokens and feeds.");

  const toNetwork = ["--network", NETWORK];
  const fromFile = ["--parameters", options.parameters, "--out", OUT];
  process.stdout.write(
    await runScript("scripts/deploy.ts", [...toNetwork, ...fromFile], variables),
  );
  say(`Deployed with ${(await gasOf(provider, deployer.address)).toLocaleString("en")} gas.`);

  const lines = await smokeTest(provider, { out: OUT, parameters, standIns });
  for (const line of lines) say(`Smoke test: ${line}.`);

  say("Submitting the sources to an explorer that compiles them ...");
  const id = `plimsoll-${NETWORK}`;
  const complaint = await runHardhat(["ignition", "verify", id, ...toNetwork], variables).then(
    () => "",
    (error: unknown) => {
      if (error instanceof RehearsalError) return `\n${error.message}`;
      throw error;
    },
  );
  printVerdicts(explorer.verdicts);
  const record = readRecord(path.join(OUT, "deployments", `${NETWORK}.json`));
  const deployed = Object.entries(record?.contracts ?? {});
  const unproven = deployed.filter(([, address]) => !proves(explorer.verdicts, address));
  if (deployed.length === 0 || unproven.length > 0) {
    const names = unproven.map(([name]) => name).join(", ");
    throw new RehearsalError(`The sources of ${names} were not verified.${complaint}`);
  }
  say(`All ${deployed.length} contracts are verified. The rehearsal is complete.`);
}

function proves(verdicts: readonly Verdict[], address: string): boolean {
  return verdicts.some((verdict) => verdict.address === address.toLowerCase() && passed(verdict));
}

/** What the deployer's transactions used; throws when the preflight would ask for less. */
async function gasOf(provider: JsonRpcProvider, deployer: string): Promise<bigint> {
  let gas = 0n;
  for (let number = await provider.getBlockNumber(); number > 0; number--) {
    const block = await provider.getBlock(number, true);
    for (const { hash, from } of block?.prefetchedTransactions ?? []) {
      if (from !== deployer) continue;
      gas += (await provider.getTransactionReceipt(hash))?.gasUsed ?? 0n;
    }
  }
  if (gas > DEPLOYMENT_GAS) {
    throw new RehearsalError(
      `The deployment used ${gas} gas, more than the preflight asks for: raise DEPLOYMENT_GAS.`,
    );
  }
  return gas;
}

function printVerdicts(verdicts: readonly Verdict[]): void {
  const head = ["contract", "address", "sources", "runtime code", "creation"];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { contract, address, sources, runtime, creation } of verdicts) {
    const name = contract.slice(contract.lastIndexOf(":") + 1);
    table.push([name, address, sources, runtime, creation]);
  }
  console.log(table.toString());
}

function say(line: string): void {
  console.log(line);
}

const program = new Command()
  .name("npm run rehearse --")
  .description("Plays a deployment on a local node that passes for the chain of the parameters")
  .option("--parameters <name>", "a file of ignition/parameters with addresses", "sepolia")
  .option("--build-profile <name>", "production, or default to compile sooner", "production")
  .addHelpText(
    "after",
    "\nStarts a node on loopback with that chain's id, puts mocks where the parameters have tokens and feeds, runs" +
      "\n`npm run deploy` against it, uses what was deployed once, and submits all sources to an explorer on" +
      "\nloopback that compiles them. Sends nothing anywhere else, and neither reads nor writes the records of real" +
      "\ndeployments: all it leaves is in cache/rehearsal.",
  )
  .parse();

try {
  await main(program.opts<RehearsalOptions>());
} catch (error) {
  const isForPeople =
    error instanceof RehearsalError ||
    error instanceof DemoFailure ||
    error instanceof MissingParametersError;
  if (!isForPeople) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
