import { MaxUint256 } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import { type DeploymentParameters, wadOf } from "../../../ignition/parameters.js";
import { ROLES } from "../../../ignition/roles.js";
import { type AccountId, accountId, perpetual, wadOfAmount } from "../../../sdk/index.js";
import { deployPlimsollWith, type Plimsoll } from "../../fixtures/plimsoll.js";
import { followedFrom, type Round } from "../model/volatility.js";
import { emptyWorld, type TokenRules, type World, type WorldRules } from "../model/world.js";
import { scenarioParameters } from "./parameters.js";

/** The contracts of one variant, with everything that acts need, and the model of them. */
export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Deploys a variant with a venue without orders, a reader, and owners who have every token. */
export async function openStage(connection: NetworkConnection, variant: number) {
  const parameters = scenarioParameters(variant);
  const plimsoll = await deployPlimsollWith(connection, parameters);
  const { ethers, networkHelpers } = connection;
  const { vault, clearinghouse, marginEngine, rules: rulebook, volatilityOracle } = plimsoll;
  const { usdc, weth, wsteth, wbtc } = plimsoll;
  const venue = await ethers.deployContract("MockVenue", [clearinghouse]);
  const reader = await ethers.deployContract("MockReader", [
    vault,
    clearinghouse,
    marginEngine,
    rulebook,
    volatilityOracle,
  ]);
  const actor = await ethers.deployContract("MockActor");
  const unlisted = await ethers.deployContract("MockToken", ["Unlisted", "NONE", 18]);
  await plimsoll.asGovernance(clearinghouse, "setVenue", [await venue.getAddress(), true]);
  // Scenarios last days: a governor that need not wait for them.
  for (const role of [ROLES.RISK, ROLES.MODULES]) {
    const { accessManager, deployer: governor } = plimsoll;
    await plimsoll.asGovernance(accessManager, "grantRole", [role, governor.address, 0n]);
  }
  // A new holder waits as long as an act of the role would.
  await plimsoll.passTime(parameters.governance.delaySeconds.MODULES);
  await plimsoll.refreshPrices();

  const { alice, bob, carol, dave, stranger, guardian, treasury, deployer } = plimsoll;
  const owners = [alice, bob, carol, dave];
  const tokens = [usdc, weth, wsteth, wbtc];
  for (const holder of [...owners, stranger]) {
    for (const token of tokens) {
      await token.mint(holder, 10n ** 40n);
      await token.connect(holder).approve(vault, MaxUint256);
    }
  }

  const addressOf = async (contract: { getAddress(): Promise<string> }) => contract.getAddress();
  const [venueAddress, exchangeAddress] = [
    await addressOf(venue),
    await addressOf(plimsoll.exchange),
  ];
  const rules: WorldRules = {
    ...rulesOf(parameters),
    fund: (await clearinghouse.insuranceFund()) as AccountId,
    treasury: accountId(treasury.address),
    guardian: guardian.address,
    governor: deployer.address,
    venues: new Set([venueAddress, exchangeAddress]),
  };
  const world = emptyWorld(rules, BigInt(await networkHelpers.time.latest()));
  await loadFeeds(plimsoll, world);

  return {
    connection,
    plimsoll,
    world,
    owners,
    venue,
    reader,
    actor,
    snapshot: await networkHelpers.takeSnapshot(),
    addresses: {
      venue: venueAddress,
      exchange: exchangeAddress,
      vault: await addressOf(vault),
      clearinghouse: await addressOf(clearinghouse),
      oracle: await addressOf(plimsoll.oracle),
      rules: await addressOf(rulebook),
      volatilityOracle: await addressOf(volatilityOracle),
      reader: await addressOf(reader),
      actor: await addressOf(actor),
      unlisted: await addressOf(unlisted),
      tokens: await Promise.all(tokens.map(addressOf)),
      feeds: plimsoll.addresses.feeds,
    },
    instruments: [...rules.underlyings.values()]
      .filter(({ market }) => market !== undefined)
      .map(({ number }) => perpetual(number)),
  };
}

/** The deployment's parameters as the model takes them. */
function rulesOf(
  parameters: DeploymentParameters,
): Omit<WorldRules, "fund" | "treasury" | "guardian" | "governor" | "venues"> {
  const { underlyings, collaterals, settlementToken, feeds, fees } = parameters;
  const numberOf = (symbol: string) => underlyings.find((one) => one.symbol === symbol)!.number;
  const token = ({ decimals, limits }: typeof settlementToken | (typeof collaterals)[number]) => {
    const amountOf = (whole: string) => (wadOf(whole) * 10n ** BigInt(decimals)) / 10n ** 18n;
    return {
      decimals,
      depositCap: amountOf(limits.depositCap),
      outflowAmount: amountOf(limits.outflowAmount),
      outflowBps: limits.outflowBps,
    };
  };
  const collateralOf = (one: (typeof collaterals)[number]): TokenRules => {
    const { initialHaircutBps, maintenanceHaircutBps } = one;
    const underlying = numberOf(one.underlying);
    return { ...token(one), collateral: { underlying, initialHaircutBps, maintenanceHaircutBps } };
  };
  return {
    underlyings: new Map(
      underlyings.map(({ number, primary, market }) => [
        number,
        { number, feeds: primary, ...(market === undefined ? {} : { market }) },
      ]),
    ),
    feeds: new Map(
      Object.entries(feeds).map(([name, { maximumAgeSeconds, minimum, maximum, mock }]) => [
        name,
        {
          maximumAge: BigInt(maximumAgeSeconds),
          minimum: wadOf(minimum),
          maximum: wadOf(maximum),
          decimals: mock!.decimals,
        },
      ]),
    ),
    tokens: [token(settlementToken), ...collaterals.map(collateralOf)],
    liquidation: parameters.liquidation,
    cash: parameters.cash,
    peg: {
      underlying: numberOf(settlementToken.peg.underlying),
      allowedBps: settlementToken.peg.allowedBps,
    },
    fundShare: wadOf(fees.fundShare),
    feeTiers: fees.tiers.map(({ taker, maker }) => ({ taker: wadOf(taker), maker: wadOf(maker) })),
  };
}

async function loadFeeds({ feedOf }: Plimsoll, world: World): Promise<void> {
  for (const name of world.rules.feeds.keys()) {
    const feed = feedOf(name);
    const answer = wadOfAmount(await feed.latestAnswer(), Number(await feed.decimals()));
    world.feeds.set(name, { answer, updatedAt: await feed.latestTimestamp() });
  }
  // The deployment follows feeds from their first round on; what they have said since waits for who pokes.
  for (const { number, market, feeds } of world.rules.underlyings.values()) {
    if (market === undefined) continue;
    const feed = feedOf(feeds[0]!);
    const rounds: Round[] = [];
    for (let id = 1n; id <= (await feed.latestRound()); ++id) {
      const [answer, updatedAt] = [await feed.getAnswer(id), await feed.getTimestamp(id)];
      rounds.push({ answer, updatedAt });
    }
    const [first, ...ahead] = rounds as [Round, ...Round[]];
    world.followed.set(number, followedFrom(first, ahead, BigInt(market.priorSigmaPercent)));
  }
}
