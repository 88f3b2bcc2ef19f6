import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { deploy, type DeployedAddresses } from "../../ignition/deploy.js";
import { type DeploymentParameters, readParameters } from "../../ignition/parameters.js";
import { perpetual, underlyingOf } from "../../sdk/index.js";
import type { MockToken } from "../../typechain-types/index.js";
import { isProductionBuild } from "../sources.js";

/** Before it are the deployer and those whom the parameters name. */
const FIRST_TRADER = 4;

/** Underlyings to trade beside the local ones, with the same rules as ETH, and their prices in dollars. */
const MORE_UNDERLYINGS = [
  { symbol: "SOL", number: 6, price: "150" },
  { symbol: "LINK", number: 7, price: "15" },
  { symbol: "AVAX", number: 8, price: "25" },
];

/** Five perpetuals on five underlyings, each priced by one feed of its own. */
const FEEDS = new Map([
  [perpetual(1), "ETH/USD"],
  [perpetual(2), "BTC/USD"],
  ...MORE_UNDERLYINGS.map(({ symbol, number }) => [perpetual(number), `${symbol}/USD`] as const),
]);

export const PERPETUALS = [...FEEDS.keys()];

/** The first block's time; the network would otherwise begin now. */
const START = "2026-01-01T00:00:00Z";

/** The time of the measured block, far behind any preparation [unix seconds]. */
export const ACT_TIME = Date.UTC(2026, 0, 6) / 1_000;

/** A deployment with its contracts, tokens, feeds and people. */
export type Deployment = Awaited<ReturnType<typeof deployProduction>>;

/** Builds with the production profile and deploys that on a simulated network of its own. */
export async function deployProduction() {
  await hre.tasks
    .getTask("build")
    .run({ quiet: true, noTests: true, defaultBuildProfile: "production" });
  const connection = await hre.network.create({
    network: "hardhatMainnet",
    override: { initialDate: START },
  });
  const addresses = await deploy(connection, parametersOfFiveMarkets());
  await requireProduction(Object.keys(addresses.contracts));
  return {
    connection,
    addresses,
    ...(await contractsAt(connection, addresses)),
    ...(await pricesAt(connection, addresses)),
    ...(await governedBy(connection, addresses)),
    ...(await peopleOf(connection)),
  };
}

/** The local parameters with three more underlyings to trade. */
function parametersOfFiveMarkets(): DeploymentParameters {
  const local = readParameters("local");
  const market = local.underlyings.find(({ symbol }) => symbol === "ETH")?.market;
  const feed = local.feeds["ETH/USD"];
  if (market === undefined || feed?.mock === undefined) throw new Error("ETH has no local market");

  const { mock, ...limits } = feed;
  const feeds = { ...local.feeds };
  const underlyings = [...local.underlyings];
  for (const { symbol, number, price } of MORE_UNDERLYINGS) {
    const name = `${symbol}/USD`;
    feeds[name] = { ...limits, minimum: "0.1", mock: { ...mock, answer: price } };
    const sources = { primary: [name], secondary: [], allowedDeviationBps: 0 };
    underlyings.push({ symbol, number, ...sources, market });
  }
  return { ...local, feeds, underlyings };
}

/** Refuses artifacts of another profile: their figures would look like ours and mean nothing. */
async function requireProduction(contracts: string[]): Promise<void> {
  for (const name of contracts) {
    const buildInfoId = await hre.artifacts.getBuildInfoId(name);
    if (buildInfoId === undefined || !isProductionBuild(buildInfoId)) {
      throw new Error(`The artifact of ${name} is not from the production profile`);
    }
  }
}

async function contractsAt({ ethers }: NetworkConnection, addresses: DeployedAddresses) {
  const { contracts, tokens } = addresses;
  const tokenAt = async (symbol: string): Promise<MockToken> =>
    ethers.getContractAt("MockToken", tokens[symbol] ?? "");
  return {
    volatilityOracle: await ethers.getContractAt("VolatilityOracle", contracts.VolatilityOracle),
    vault: await ethers.getContractAt("Vault", contracts.Vault),
    clearinghouse: await ethers.getContractAt("Clearinghouse", contracts.Clearinghouse),
    marginEngine: await ethers.getContractAt("MarginEngine", contracts.MarginEngine),
    exchange: await ethers.getContractAt("Exchange", contracts.Exchange),
    standingTopUp: await ethers.getContractAt("StandingTopUp", contracts.StandingTopUp),
    usdc: await tokenAt("USDC"),
    weth: await tokenAt("WETH"),
    wsteth: await tokenAt("wstETH"),
    wbtc: await tokenAt("WBTC"),
  };
}

async function pricesAt(
  { ethers, networkHelpers }: NetworkConnection,
  { feeds }: DeployedAddresses,
) {
  const contracts = await Promise.all(
    Object.values(feeds).map((address) => ethers.getContractAt("MockV3Aggregator", address)),
  );

  /** Every feed repeats its answer, so that none is too old. */
  async function refreshPrices(): Promise<void> {
    for (const feed of contracts) await feed.updateAnswer(await feed.latestAnswer());
  }

  /** Moves the prices of perpetuals by so many hundredths of a percent. */
  async function movePrices(instruments: bigint[], bps: bigint): Promise<void> {
    for (const instrument of instruments) {
      const address = feeds[FEEDS.get(instrument) ?? ""] ?? "";
      const feed = await ethers.getContractAt("MockV3Aggregator", address);
      await feed.updateAnswer(((await feed.latestAnswer()) * (10_000n + bps)) / 10_000n);
    }
  }

  /** So many seconds before the act, every feed has answered the same again. */
  async function waitUntil(secondsBeforeAct: number): Promise<void> {
    await networkHelpers.time.setNextBlockTimestamp(ACT_TIME - secondsBeforeAct);
    await refreshPrices();
  }

  return { refreshPrices, movePrices, waitUntil };
}

async function governedBy(
  { ethers, networkHelpers }: NetworkConnection,
  { contracts }: DeployedAddresses,
) {
  const { admin, delaySeconds } = readParameters("local").governance;
  const accessManager = await ethers.getContractAt("AccessManager", contracts.AccessManager);
  const rules = await ethers.getContractAt("Rules", contracts.Rules);

  /** Governance announces other funding rules for a perpetual and sets them after its delay. */
  async function changeFundingRules(perpetual: bigint): Promise<void> {
    const governance = await ethers.getSigner(admin);
    const call = rules.interface.encodeFunctionData("setFundingRules", [
      underlyingOf(perpetual),
      {
        interestMillionths: 50,
        deadBandMillionths: 500,
        capMillionths: 6_000,
        depthShareBps: 2_500,
      },
    ]);
    await accessManager.connect(governance).schedule(rules, call, 0);
    await networkHelpers.time.increase(delaySeconds.RISK);
    await accessManager.connect(governance).execute(rules, call);
  }

  return { changeFundingRules };
}

/** Who takes part: the house is the other side of what is prepared, the relay sends what anyone may. */
async function peopleOf({ ethers }: NetworkConnection) {
  const [taker, house, holder, debtor, liquidator, relay, ...makers] = (
    await ethers.getSigners()
  ).slice(FIRST_TRADER, FIRST_TRADER + 11);
  if (!taker || !house || !holder || !debtor || !liquidator || !relay) {
    throw new Error("The network has too few accounts");
  }
  return { taker, house, holder, debtor, liquidator, relay, makers };
}
