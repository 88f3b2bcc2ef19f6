import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  Contract,
  ContractFactory,
  hexlify,
  type InterfaceAbi,
  type JsonRpcProvider,
  parseUnits,
  toBeHex,
  toUtf8Bytes,
} from "ethers";
import type { DeploymentParameters } from "../../ignition/parameters.js";
import { RehearsalError } from "./errors.js";

const ARTIFACTS = new URL("../../cache/rehearsal/artifacts/", import.meta.url);
const TOKEN = "contracts/mocks/MockToken.sol/MockToken.json";
const FEED =
  "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol/MockV3Aggregator.json";
/** What the mock feed calls itself, in its code: replaced by a name of the same length. */
const FEED_DESCRIPTION = "v0.8/tests/MockV3Aggregator.sol";
/** More than the constructors write, mappings aside. */
const SLOTS = 10;

/** Dollars for one unit of each feed that can be stood in for. */
const ANSWERS: Readonly<Record<string, string>> = {
  "ETH/USD": "3000",
  "BTC/USD": "100000",
  "USDC/USD": "1",
};

interface Artifact {
  abi: InterfaceAbi;
  bytecode: string;
}

/** Contracts that stand where the real ones are on the chain of the parameters, by symbol and by name. */
export interface StandIns {
  tokens: Record<string, Contract>;
  feeds: Record<string, Contract>;
}

/**
 * Puts a mock at every address of the parameters. Each is made by its own constructor somewhere else, then its code and its
 * storage are copied to the address.
 */
export async function placeStandIns(
  provider: JsonRpcProvider,
  { settlementToken, collaterals, feeds }: DeploymentParameters,
): Promise<StandIns> {
  const standIns: StandIns = { tokens: {}, feeds: {} };
  const token = readArtifact(TOKEN);
  for (const { symbol, decimals, address } of [settlementToken, ...collaterals]) {
    const args = [symbol, symbol, decimals];
    standIns.tokens[symbol] = await place(provider, token, { address: given(address), args });
  }

  const aggregator = readArtifact(FEED);
  for (const [name, { decimals = 8, address }] of Object.entries(feeds)) {
    const answer = ANSWERS[name];
    if (answer === undefined) {
      throw new RehearsalError(
        `There is no answer to stand in for ${name}: add one to standIns.ts.`,
      );
    }
    const price = parseUnits(answer, decimals);
    const feed = await place(provider, aggregator, {
      address: given(address),
      args: [decimals, price],
      description: name.replace("/", " / "),
    });
    // The history lies in mappings, which are not copied.
    await feed.getFunction("updateAnswer")(price);
    standIns.feeds[name] = feed;
  }
  return standIns;
}

async function place(
  provider: JsonRpcProvider,
  artifact: Artifact,
  at: { address: string; args: readonly unknown[]; description?: string },
): Promise<Contract> {
  const signer = await provider.getSigner();
  const factory = new ContractFactory(artifact.abi, artifact.bytecode, signer);
  const original = await (await factory.deploy(...at.args)).waitForDeployment();
  const from = await original.getAddress();
  const code = await provider.getCode(from);
  await provider.send("hardhat_setCode", [at.address, described(code, at.description)]);
  for (let slot = 0; slot < SLOTS; slot++) {
    const value = await provider.getStorage(from, slot);
    await provider.send("hardhat_setStorageAt", [
      at.address,
      `0x${slot.toString(16)}`,
      toBeHex(BigInt(value), 32),
    ]);
  }
  return new Contract(at.address, artifact.abi, signer);
}

/** The code of a feed that calls itself by another name, padded with spaces. */
function described(code: string, description?: string): string {
  if (description === undefined) return code;
  const bytes = (text: string) => hexlify(toUtf8Bytes(text)).slice(2);
  const [mine, theirs] = [
    bytes(FEED_DESCRIPTION),
    bytes(description.padEnd(FEED_DESCRIPTION.length)),
  ];
  if (!code.includes(mine)) throw new RehearsalError("The mock feed does not describe itself.");
  return code.replace(mine, theirs);
}

function given(address?: string): string {
  if (address === undefined)
    throw new RehearsalError("Only parameters with addresses are rehearsed.");
  return address;
}

function readArtifact(file: string): Artifact {
  return JSON.parse(readFileSync(fileURLToPath(new URL(file, ARTIFACTS)), "utf8")) as Artifact;
}
