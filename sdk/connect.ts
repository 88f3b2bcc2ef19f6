import { type BaseContract, Contract, type ContractRunner, type Provider } from "ethers";
import type {
  AccessManager,
  Clearinghouse,
  Exchange,
  Lens,
  LiquidationAutomation,
  MarginEngine,
  PriceOracle,
  Router,
  Rules,
  StandingTopUp,
  Vault,
  VolatilityOracle,
} from "../typechain-types/index.js";
import { ABIS } from "./abi/index.js";
import type { ErrorContext, TokenInfo } from "./errors/formats.js";

/** A contract of a deployment. */
export type ContractName = keyof typeof ABIS;

/** What `npm run deploy` writes to `deployments/<network>.json`. */
export interface Deployment {
  readonly network: string;
  readonly chainId: number;
  /** A block that has everything in it; its hash tells this chain from another of the same id. */
  readonly block: { readonly number: number; readonly hash: string };
  readonly contracts: Readonly<Record<ContractName, string>>;
  /** Addresses by symbol. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Chainlink feeds' addresses by name. */
  readonly feeds: Readonly<Record<string, string>>;
}

/** The TypeChain types of the contracts that are called: all but the library, which the clearinghouse calls. */
interface ContractTypes {
  AccessManager: AccessManager;
  PriceOracle: PriceOracle;
  Rules: Rules;
  VolatilityOracle: VolatilityOracle;
  Vault: Vault;
  Clearinghouse: Clearinghouse;
  MarginEngine: MarginEngine;
  Exchange: Exchange;
  Lens: Lens;
  Router: Router;
  StandingTopUp: StandingTopUp;
  LiquidationAutomation: LiquidationAutomation;
}

/** A contract that is called. The compiler finds one that {@link ContractTypes} forgets. */
type Callable = Exclude<ContractName, "DefaultProcess">;
/** As the rest of the SDK calls them. */
type Key<N extends Callable> = N extends "PriceOracle" ? "oracle" : Uncapitalize<N>;
type Contracts = { readonly [N in Callable as Key<N>]: ContractTypes[N] };

/** A deployment's typed contracts, `vault` to `router`, with what they run on. */
export interface Plimsoll extends Contracts {
  readonly deployment: Deployment;
  readonly provider: Provider;
}

/** Why no connection was made: a sentence with the cure. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
}

/**
 * Typed contracts of a deployment. Their ABIs have every custom error, so that ethers names those that come from deeper
 * contracts too.
 *
 * @param deployment The content of `deployments/<network>.json`.
 * @param runner A provider to read with, or a signer with a provider to send with.
 * @throws ConnectError when the chain is another one, or a contract is not there.
 */
export async function connect(deployment: Deployment, runner: ContractRunner): Promise<Plimsoll> {
  const provider = runner.provider;
  if (!provider) {
    throw new ConnectError("The signer has no provider: connect it to one with signer.connect().");
  }
  await requireChain(deployment, provider);
  const names = (Object.keys(ABIS) as ContractName[]).filter(isCallable);
  await Promise.all(names.map((name) => requireCode(deployment, provider, name)));

  const contracts: Record<string, BaseContract> = {};
  for (const name of names) {
    const key = name === "PriceOracle" ? "oracle" : name.charAt(0).toLowerCase() + name.slice(1);
    contracts[key] = new Contract(deployment.contracts[name], ABIS[name], runner);
  }
  return { ...(contracts as unknown as Contracts), deployment, provider };
}

/** What {@link connect} gives, with another runner: for a second signer. No check is made again. */
export function connectAs(plimsoll: Plimsoll, runner: ContractRunner): Plimsoll {
  const { deployment, provider, ...contracts } = plimsoll;
  const entries = Object.entries(contracts as Record<string, BaseContract>);
  const connected = Object.fromEntries(
    entries.map(([key, contract]) => [key, contract.connect(runner)]),
  );
  return { ...(connected as unknown as Contracts), deployment, provider };
}

/**
 * What makes explanations of errors readable: symbols and decimals of the deployment's tokens, and names of its contracts.
 *
 * @param symbols Symbols of underlyings by number, which no contract knows.
 */
export async function readErrorContext(
  { deployment, provider, vault }: Plimsoll,
  symbols: ReadonlyMap<number, string> = new Map(),
): Promise<ErrorContext> {
  const abi = ["function decimals() view returns (uint8)"];
  const tokens = await Promise.all(
    Object.entries(deployment.tokens).map(async ([symbol, address]) => {
      const token = new Contract(address, abi, provider);
      const decimals = Number(await token.getFunction("decimals")());
      return [address, { symbol, decimals }] as [string, TokenInfo];
    }),
  );
  const cash = (await vault.SETTLEMENT_TOKEN()).toLowerCase();
  const settlement = tokens.find(([address]) => address.toLowerCase() === cash)?.[1];
  const names = Object.entries(deployment.contracts).map(
    ([name, address]) => [address, name] as [string, string],
  );
  return {
    tokens: new Map(tokens),
    ...(settlement === undefined ? {} : { settlement }),
    symbols,
    names: new Map(names),
  };
}

function isCallable(name: ContractName): name is Callable {
  return name !== "DefaultProcess";
}

async function requireChain(
  { network, chainId, block }: Deployment,
  provider: Provider,
): Promise<void> {
  const { chainId: actual } = await provider.getNetwork();
  if (actual !== BigInt(chainId)) {
    throw new ConnectError(
      `The node is on chain ${actual.toString()}, and "${network}" is on chain ${chainId}: use a node of that chain.`,
    );
  }
  const found = await provider.getBlock(block.number);
  if (found?.hash !== block.hash) {
    throw new ConnectError(
      `The node's chain ${chainId} has no block ${block.number} with the hash of "${network}": ` +
        "wait until it has caught up, or, if the chain was restarted, deploy again.",
    );
  }
}

async function requireCode(
  { contracts, network }: Deployment,
  provider: Provider,
  name: ContractName,
): Promise<void> {
  const address = (contracts as Partial<Record<ContractName, string>>)[name];
  if (address === undefined) {
    throw new ConnectError(
      `The record of "${network}" has no ${name}: it is of an older release; use that release's SDK.`,
    );
  }
  if ((await provider.getCode(address)) === "0x") {
    throw new ConnectError(
      `There is no ${name} at ${address}: correct the record of "${network}".`,
    );
  }
}
