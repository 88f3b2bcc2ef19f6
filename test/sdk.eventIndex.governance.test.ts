import { expect } from "chai";
import { network } from "hardhat";
import type { EventIndex } from "../sdk/eventIndex/eventIndex.js";
import { catchUp } from "../sdk/eventIndex/follow.js";
import { WAD } from "../sdk/index.js";
import { ROLES } from "../ignition/roles.js";
import { differencesOf, indexOf, indexOptions, sourceFor } from "./fixtures/eventIndex.js";
import { BTC, deployPlimsollAlive, ETH, USDC } from "./fixtures/plimsoll.js";
import { ratesOf } from "./fixtures/rates.js";
import { successionActions } from "./fixtures/succession.js";

const connection = await network.create();
const { ethers, networkHelpers } = connection;
const { loadFixture } = networkHelpers;

const DAY = 86_400n;

/** A deployment whose first account may do everything that governance may, at once, and an index of it. */
async function deployGoverned() {
  const plimsoll = await deployPlimsollAlive(connection);
  const { accessManager, deployer, parameters } = plimsoll;
  for (const role of [ROLES.RISK, ROLES.LISTING, ROLES.MODULES]) {
    await plimsoll.asGovernance(accessManager, "grantRole", [role, deployer.address, 0n]);
  }
  await plimsoll.passTime(parameters.governance.delaySeconds.MODULES);
  const later = await ethers.deployContract("VolatilityOracle", [plimsoll.oracle, plimsoll.rules]);
  const { deployment } = await indexOptions(plimsoll);
  const laterVolatilityOracles = [await later.getAddress()];
  const options = { deployment: { ...deployment, laterVolatilityOracles } };
  return { ...plimsoll, later, options };
}

type Scene = Pick<
  Awaited<ReturnType<typeof deployGoverned>>,
  | "clearinghouse"
  | "exchange"
  | "marginEngine"
  | "oracle"
  | "passTime"
  | "rules"
  | "vault"
  | "volatilityOracle"
>;

/** The index is equal now, and a day later, and when all ramps are over. */
async function expectEqual(scene: Scene, index: EventIndex): Promise<void> {
  for (const wait of [0n, DAY, 3n * DAY]) {
    if (wait > 0n) await scene.passTime(wait);
    await catchUp(index, { source: sourceFor(index, connection) });
    expect(await differencesOf(index, scene), `${wait} seconds later`).to.deep.equal([]);
  }
}

async function load() {
  const scene = await loadFixture(deployGoverned);
  const index = await indexOf(scene, scene.options);
  const equal = (changed: Partial<Scene> = {}) => expectEqual({ ...scene, ...changed }, index);
  return { ...scene, index, equal };
}

describe("The event index of what governance does", () => {
  it("follows freezes, the peg, venues, fees and limits", async () => {
    const { clearinghouse, exchange, guardian, index, rules, vault, weth, usdc, ...scene } =
      await load();
    const venue = await ethers.deployContract("MockVenue", [clearinghouse]);
    await rules.connect(guardian).freezeUnderlying(ETH);
    await rules.connect(guardian).freezeCollateral(weth);
    await scene.setFeed("USDC/USD", "0.95");
    await clearinghouse.notePeg();
    await clearinghouse.setVenue(venue, true);
    await clearinghouse.setVenue(exchange, false);
    await clearinghouse.setFeeShares(scene.alice, WAD / 4n);
    await exchange.setFeeRates(0, 300_000_000_000_000n, 100_000_000_000_000n);
    await exchange.setFeeRates(3, 200_000_000_000_000n, 0n);
    await exchange.setFeeTier([scene.accountOf(scene.alice)], 3);
    await vault.setTokenLimits(weth, { depositCap: 10n, outflowAmount: 5n, outflowBps: 2_000n });
    const cash = { ...scene.parameters.cash, baseBps: 500, borrowCap: 77 };
    await vault.setCashRules(cash);
    await vault.connect(scene.bob).setOperator(scene.carol, 5, 2n ** 40n - 1n);
    await scene.equal();
    expect(index.state.singles.peg).to.deep.equal({
      underlying: USDC,
      allowedBps: BigInt(scene.parameters.settlementToken.peg.allowedBps),
      depegged: true,
    });
    expect(index.state.venues.has((await venue.getAddress()).toLowerCase())).to.equal(true);
    await clearinghouse.setPeg(USDC, 700);
    await vault.connect(scene.bob).setOperator(scene.carol, 0, 0);
    await scene.equal();
    expect(await usdc.decimals()).to.equal(6n);
  });

  it("follows every ramp, from where it begins", async () => {
    const scene = await load();
    const { parameters, rules, weth } = scene;
    const found = parameters.underlyings.find(({ number }) => number === ETH)!;
    const { brackets, funding } = found.market!;
    const ratesWith = (changes: Parameters<typeof ratesOf>[2]) => ratesOf(scene, ETH, changes);
    await rules.setBrackets(ETH, { ...brackets, secondFactorBps: 16_000 });
    await rules.setFundingRules(ETH, { ...funding, deadBandMillionths: 700 });
    await rules.setUnderlying(BTC, ratesOf(scene, BTC, { maintenanceFloorBps: 400 }));
    const haircut = { underlying: ETH, maintenanceHaircutBps: 2_500, initialHaircutBps: 3_000 };
    await rules.setCollateral(weth, { ...haircut, accepted: true });
    const { liquidation } = parameters;
    await rules.setLiquidationRules({ ...liquidation, minimumMargin: 35 });
    await scene.passTime(DAY);
    // On their way to one value they turn to another.
    await rules.setCollateral(weth, { ...haircut, maintenanceHaircutBps: 100, accepted: false });
    await rules.setLiquidationRules({ ...liquidation, minimumMargin: 5, minimumMarginOfItem: 9 });
    await rules.setUnderlying(ETH, ratesWith({ tradeBandBps: 400 }));
    await scene.equal();
    await rules.setUnderlying(ETH, ratesWith({ maintenanceBaseBps: 350, priorSigmaPercent: 80 }));
    await scene.equal();
  });

  it("follows another volatility oracle, also while a ramp runs", async () => {
    const { index, later, parameters, rules, volatilityOracle, ...scene } = await load();
    const { brackets } = parameters.underlyings.find(({ number }) => number === ETH)!.market!;
    await rules.setBrackets(ETH, { ...brackets, secondFactorBps: 16_000 });
    await later.follow(ETH);
    await later.follow(BTC);
    await rules.setVolatilityOracle(later);
    await scene.passTime(DAY);
    await scene.setPrice(ETH, 3_300);
    await scene.setPrice(BTC, 60_500);
    await later.poke(ETH, 100);
    await later.poke(BTC, 100);
    await volatilityOracle.poke(ETH, 100);
    await scene.equal({ volatilityOracle: later });
    await scene.equal();
    expect(index.state.underlyings.get(ETH)?.notedBy).to.equal(2n);
    expect(index.state.underlyings.get(ETH)?.formerRates?.parameters?.kinds).to.equal(0n);
    expect(index.state.underlyings.get(BTC)?.formerRates?.hasOwnVolatility).to.equal(true);
  });

  it("follows other sources, and the feed that is followed with them", async () => {
    const { index, oracle, volatilityOracle, ...scene } = await load();
    const [feed] = (await oracle.sourcesOf(ETH)).primary;
    const other = {
      aggregator: feed!.aggregator,
      maximumAge: 4_000n,
      minimum: WAD,
      maximum: feed!.maximum,
    };
    await oracle.setSources(ETH, [other], [], 0);
    await volatilityOracle.follow(ETH);
    await oracle.notePrice(ETH);
    await oracle.replaceSources(BTC, [other], [other, other], 100);
    await scene.equal();
    expect(index.state.notedPrices.get(ETH)?.price).to.be.above(0n);
  });

  it("follows a new margin engine", async () => {
    const scene = await load();
    const { clearinghouse, equal, index, marginEngine, vault } = scene;
    const { engineAfter } = successionActions(connection, scene);
    const stricter = await engineAfter(marginEngine, "MockStricterEngine");
    await clearinghouse.setMarginEngine(stricter);
    await vault.wire(clearinghouse, stricter);
    await equal({ marginEngine: stricter });
    const { endOfBlend, vaultMarginEngine } = index.state.singles.wiring;
    expect(endOfBlend).to.equal(await stricter.endOfBlend());
    expect(vaultMarginEngine).to.equal((await stricter.getAddress()).toLowerCase());
  });
});
