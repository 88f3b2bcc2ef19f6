import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type BaseWallet, HDNodeWallet, type TypedDataDomain } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { deploy, type DeployedAddresses } from "../../ignition/deploy.js";
import type { DeploymentParameters } from "../../ignition/parameters.js";
import {
  type AccountId,
  accountId,
  type DeploymentRecord,
  type InstrumentId,
  orderDomain,
  perpetual,
} from "../../sdk/index.js";
import {
  type Clearinghouse,
  Clearinghouse__factory,
  type Exchange,
  Exchange__factory,
  type MarginEngine,
  MarginEngine__factory,
  MockToken__factory,
  type MockToken,
  MockV3Aggregator__factory,
  PriceOracle__factory,
  Rules__factory,
  type Vault,
  Vault__factory,
} from "../../typechain-types/index.js";
import type { Asset } from "./cast.js";
import { Chain } from "./chain.js";
import { DemoFailure } from "./errors.js";
import type { Underlying } from "./options.js";
import { parameters, PRICE_FEEDS, type Prices } from "./parameters.js";

/** A token of the market. */
export interface MarketToken {
  readonly symbol: string;
  readonly contract: MockToken;
  readonly address: string;
  readonly decimals: number;
}

/** The deployed protocol with everything around it. */
export interface Market {
  /** Where the node answers. */
  readonly url: string;
  /** Where everything is, as `npm run deploy` would have written it. */
  readonly deployment: DeploymentRecord;
  readonly chain: Chain;
  readonly vault: Vault;
  readonly clearinghouse: Clearinghouse;
  readonly engine: MarginEngine;
  readonly exchange: Exchange;
  readonly settlement: MarketToken;
  readonly collaterals: readonly MarketToken[];
  readonly instruments: Readonly<Record<Underlying, InstrumentId>>;
  /** The EIP-712 domain of orders. */
  readonly domain: TypedDataDomain;
  /** The insurance fund and the treasury: accounts whom nobody in the cast owns. */
  readonly fund: AccountId;
  readonly treasury: AccountId;
  /** Plays Chainlink and the order book's operator: pays gas for what belongs to nobody. */
  readonly operator: BaseWallet;
  /** How many contracts there are, and who governs them. */
  readonly contractCount: number;
  readonly feeds: Readonly<Record<string, Feed>>;
}

/** A mock of a Chainlink feed. */
interface Feed {
  readonly address: string;
  readonly decimals: number;
}

/** The phrase of every Hardhat node: worthless keys, known to all. */
const PHRASE = "test test test test test test test test test test test junk";
/** Keys before this one belong to the deployer, governance, the guardian and the treasury. */
const FIRST_OWNER = 10;

/** Deploys everything through the Ignition modules, with tokens and feeds of its own, at the given first prices. */
export async function openMarket(url: string, prices: Prices): Promise<Market> {
  const atFirst = structuredClone(parameters);
  for (const [underlying, name] of Object.entries(PRICE_FEEDS)) {
    const mock = atFirst.feeds[name]?.mock;
    if (mock === undefined) throw new DemoFailure(`The local parameters give no mock for ${name}.`);
    mock.answer = prices[underlying as Underlying].toFixed(mock.decimals);
  }
  const connection = await hre.network.create({ network: "localhost", override: { url } });
  const { contracts, tokens, feeds } = await deployOnce(connection, atFirst);

  const chain = await Chain.connect(url, [
    Clearinghouse__factory.createInterface(),
    Vault__factory.createInterface(),
    Exchange__factory.createInterface(),
    MarginEngine__factory.createInterface(),
    PriceOracle__factory.createInterface(),
    Rules__factory.createInterface(),
  ]);
  const operator = walletOf(0);
  const clearinghouse = Clearinghouse__factory.connect(contracts.Clearinghouse, chain.provider);
  const tokenOf = ({ symbol, decimals }: { symbol: string; decimals: number }): MarketToken => {
    const address = tokens[symbol];
    if (address === undefined) throw new DemoFailure(`The deployment has no token ${symbol}.`);
    return {
      symbol,
      address,
      decimals,
      contract: MockToken__factory.connect(address, chain.provider),
    };
  };
  const numberOf = (symbol: string): number => {
    const found = parameters.underlyings.find((underlying) => underlying.symbol === symbol);
    if (found === undefined) throw new DemoFailure(`The parameters have no underlying ${symbol}.`);
    return found.number;
  };
  return {
    url,
    deployment: await recordOf(chain, { contracts, tokens, feeds }),
    chain,
    clearinghouse,
    vault: Vault__factory.connect(contracts.Vault, chain.provider),
    engine: MarginEngine__factory.connect(contracts.MarginEngine, chain.provider),
    exchange: Exchange__factory.connect(contracts.Exchange, chain.provider),
    settlement: tokenOf(parameters.settlementToken),
    collaterals: parameters.collaterals.map(tokenOf),
    instruments: { eth: perpetual(numberOf("ETH")), btc: perpetual(numberOf("BTC")) },
    domain: orderDomain({ chainId: chain.chainId, exchange: contracts.Exchange }),
    fund: (await clearinghouse.insuranceFund()) as AccountId,
    treasury: accountId(parameters.governance.treasury),
    operator,
    contractCount: Object.keys(contracts).length,
    feeds: Object.fromEntries(
      Object.entries(feeds).map(([name, address]) => [
        name,
        { address, decimals: parameters.feeds[name]?.mock?.decimals ?? 8 },
      ]),
    ),
  };
}

/** Ignition keeps a journal of each deployment to resume it; this chain is gone within minutes, and so is its journal. */
async function deployOnce(
  connection: NetworkConnection,
  parameters: DeploymentParameters,
): Promise<DeployedAddresses> {
  const deploymentId = `demo-${process.pid}`;
  const journal = join(hre.config.paths.ignition, "deployments", deploymentId);
  try {
    await rm(journal, { recursive: true, force: true });
    return await deploy(connection, parameters, { deploymentId });
  } finally {
    await rm(journal, { recursive: true, force: true });
  }
}

async function recordOf(chain: Chain, addresses: DeployedAddresses): Promise<DeploymentRecord> {
  const block = await chain.provider.getBlock("latest");
  if (!block?.hash) throw new DemoFailure("The node has no latest block.");
  const { number, hash } = block;
  return {
    network: "localhost",
    chainId: Number(chain.chainId),
    block: { number, hash },
    ...addresses,
  };
}

/** The token for an asset of the cast. */
export function tokenFor(market: Market, asset: Asset): MarketToken {
  const token = [market.settlement, ...market.collaterals].find(({ symbol }) => symbol === asset);
  if (token === undefined) throw new DemoFailure(`The market has no ${asset}.`);
  return token;
}

/** The key of the n-th owner of the cast. */
export function ownerWallet(n: number): BaseWallet {
  return walletOf(FIRST_OWNER + n);
}

/** Writes answers into feeds, all in one block at the given time. */
export async function reportAnswers(
  { chain, feeds, operator }: Market,
  answers: ReadonlyMap<string, number>,
  timestamp: number,
): Promise<void> {
  const transactions = [];
  for (const [name, answer] of answers) {
    const feed = feeds[name];
    if (feed === undefined) throw new DemoFailure(`The market has no feed ${name}.`);
    const aggregator = MockV3Aggregator__factory.connect(feed.address, chain.provider);
    const request = await aggregator.updateAnswer.populateTransaction(
      scaled(answer, feed.decimals),
    );
    transactions.push({ wallet: operator, request });
  }
  await chain.sendTogether(transactions, timestamp);
}

/** Eight decimals of a display number are kept, as many as Chainlink's prices have. */
function scaled(value: number, decimals: number): bigint {
  return (BigInt(Math.round(value * 1e8)) * 10n ** BigInt(decimals)) / 10n ** 8n;
}

function walletOf(index: number): BaseWallet {
  return HDNodeWallet.fromPhrase(PHRASE, undefined, `m/44'/60'/0'/0/${index}`);
}
