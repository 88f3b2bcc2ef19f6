import type { NetworkConnection } from "hardhat/types/network";
import type { UnderlyingParametersStruct } from "../../typechain-types/contracts/Rules.js";
import type { MockPhasedFeed, VolatilityOracle } from "../../typechain-types/index.js";
import { feedOf, WAD } from "./sources.js";

export const ETH = 1n;
export const DAY = 86_400n;
export const UNIT = 10n ** 8n;
/** 60 % a year, as a variance [1e-12 per year]. */
export const PRIOR = 360_000_000_000n;
/** Phase and round in the number of a proxy's round. */
export const idOf = (phase: bigint, round: bigint): bigint => (phase << 64n) | round;

/** The feed's band [wad]. */
export const BAND = { minimum: 30n * WAD, maximum: 300_000n * WAD };

/** ETH as the design lists it. */
export const RATES = {
  maintenanceBaseBps: 200n,
  maintenanceSlopeBps: 300n,
  maintenanceFloorBps: 300n,
  maintenanceCapBps: 2_000n,
  initialFloorBps: 500n,
  maintenanceToInitialBps: 6_000n,
  priorSigmaPercent: 60n,
} as const;

export const UNDERLYING: UnderlyingParametersStruct = {
  ...RATES,
  tradeBandBps: 300n,
  leastTradeBandBps: 50n,
  kinds: 2n,
  openInterestCap: 100_000_000n,
};

export const BRACKETS = {
  firstEnd: 1_000_000n,
  secondEnd: 5_000_000n,
  thirdEnd: 20_000_000n,
  secondFactorBps: 15_000n,
  thirdFactorBps: 20_000n,
  lastFactorBps: 30_000n,
};

/** A round as it is written: dollars with up to 8 decimals are `UNIT`s. */
export interface MockRound {
  answer: bigint;
  updatedAt: bigint;
}

export type VolatilityScene = Awaited<ReturnType<typeof deployVolatility>>;

/**
 * Price oracle, Rules and volatility oracle without the rest; the deployer governs, without delays. ETH is priced by a
 * phased feed, at phase 1, whose first round is 3,000 dollars at `start`, a month ago: rounds can be written up to now
 * without waiting. Nothing is followed yet.
 */
export async function deployVolatility(ethers: NetworkConnection["ethers"], decimals = 8n) {
  const [governor, stranger] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const authority = await manager.getAddress();
  const prices = await ethers.deployContract("PriceOracle", [authority]);
  const rules = await ethers.deployContract("Rules", [authority]);
  await rules.setUnderlying(ETH, UNDERLYING);
  await rules.setBrackets(ETH, BRACKETS);
  const feed = await ethers.deployContract("MockPhasedFeed", [decimals, 1n]);
  await prices.setSources(ETH, [await feedOf(feed, BAND)], [], 0n);
  const volatility = await ethers.deployContract("VolatilityOracle", [
    await prices.getAddress(),
    await rules.getAddress(),
  ]);
  await rules.setVolatilityOracle(await volatility.getAddress());
  const block = await ethers.provider.getBlock("latest");
  const start = BigInt(block!.timestamp) - 30n * DAY;
  const first = { answer: 3_000n * 10n ** decimals, updatedAt: start };
  await feed.write(1n, 1n, [first]);
  return {
    prices,
    rules,
    feed,
    volatility,
    start,
    first,
    governor: governor!,
    stranger: stranger!,
  };
}

/** The same, and ETH's feed is followed. */
export async function deployFollowed(ethers: NetworkConnection["ethers"]) {
  const scene = await deployVolatility(ethers);
  await scene.volatility.follow(ETH);
  return scene;
}

/** Everything that rounds alone decide. */
export async function keptOf(oracle: VolatilityOracle, underlying = ETH) {
  const { slowVariance, fastVariance, acceptedAt, answer, roundId } =
    await oracle.volatilityOf(underlying);
  return { slowVariance, fastVariance, acceptedAt, answer, roundId };
}

/** Writes rounds of phase 1 after the first one: answers [feed's decimals] at seconds after the first one's. */
export async function writeAfterFirst(
  { feed, start }: Pick<VolatilityScene, "feed" | "start">,
  rounds: [bigint, bigint][],
) {
  const written: MockRound[] = rounds.map(([answer, seconds]) => ({
    answer,
    updatedAt: start + seconds,
  }));
  await feed.write(1n, 2n, written);
}

/** Pokes, and tells how many rounds it looked at. */
export async function poke(
  { volatility }: Pick<VolatilityScene, "volatility">,
  most = 256n,
): Promise<bigint> {
  const looked = await volatility.poke.staticCall(ETH, most);
  await volatility.poke(ETH, most);
  return looked;
}

/** Slow and fast, as of the last accepted round [1e-12 per year]. */
export async function variancesOf({ volatility }: Pick<VolatilityScene, "volatility">) {
  const { slowVariance, fastVariance } = await volatility.volatilityOf(ETH);
  return [slowVariance, fastVariance];
}

/** An aggregator of the feed, to be made to fail. */
export async function aggregatorOf(
  ethers: NetworkConnection["ethers"],
  feed: MockPhasedFeed,
  phase: bigint,
) {
  return ethers.getContractAt("MockPhaseAggregator", await feed.phaseAggregators(phase));
}
