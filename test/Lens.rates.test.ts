import { expect } from "chai";
import { network } from "hardhat";
import { ratesOf } from "../sdk/volatility.js";
import {
  BRACKETS,
  DAY,
  deployFollowed,
  deployVolatility,
  ETH,
  RATES,
  UNDERLYING,
  UNIT,
  writeAfterFirst,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const PRIOR_SIGMA = 6n * 10n ** 17n;

/** What the prior requires: 2 % + 3 % x 0.6, and 10,000 / 6,000 of it, up [wad]. */
const OF_PRIOR = { maintenance: 38n * 10n ** 15n, initial: 63_333_333_333_333_334n };

async function withLens<Scene extends { rules: { getAddress(): Promise<string> } }>(scene: Scene) {
  const clearinghouse = ethers.ZeroAddress;
  const lens = await ethers.deployContract("Lens", [clearinghouse, await scene.rules.getAddress()]);
  return { ...scene, lens };
}

async function deployUnfollowed() {
  return withLens(await deployVolatility(ethers));
}

async function deployListed() {
  return withLens(await deployFollowed(ethers));
}

describe("Lens: ratesOf", () => {
  it("shows the Rules' rates with all that they follow from", async () => {
    const { lens, rules } = await loadFixture(deployListed);
    const { current } = await lens.ratesOf(ETH);
    expect(current).to.deep.equal(await rules.marginRatesOf(ETH));
    expect(current.maintenance).to.equal(OF_PRIOR.maintenance);
    expect(current.initial).to.equal(OF_PRIOR.initial);
    expect(current.priorSigma).to.equal(PRIOR_SIGMA);
  });

  it("shows the volatility and rates of a day before", async () => {
    const { lens, volatility, start, ...scene } = await loadFixture(deployListed);
    const ago = 30n * DAY - 4n * DAY;
    await writeAfterFirst({ ...scene, start }, [
      [3_000n * UNIT, ago],
      [3_300n * UNIT, ago + 60n],
      [3_310n * UNIT, ago + DAY + 120n],
      [3_600n * UNIT, ago + DAY + 180n],
      [3_600n * UNIT, ago + 2n * DAY + 180n],
    ]);
    for (let round = 0; round < 5; ++round) await volatility.poke(ETH, 1n);
    const known = await volatility.volatilityOf(ETH);
    const movement = await lens.ratesOf(ETH);
    expect(movement.before).to.equal(start + ago + DAY + 120n);
    expect(movement.before).to.equal(known.before);
    for (const [sigma, variance] of [
      [movement.slowSigma, known.slowVarianceBefore],
      [movement.fastSigma, known.fastVarianceBefore],
    ] as const) {
      const square = variance * 10n ** 24n;
      expect(sigma * sigma).to.be.at.least(square);
      expect((sigma - 1n) ** 2n).to.be.lessThan(square);
    }
    const rates = ratesOf(RATES, { slow: movement.slowSigma, fast: movement.fastSigma });
    expect([movement.maintenance, movement.initial]).to.deep.equal([
      rates.maintenance,
      rates.initial,
    ]);
  });

  it("shows the listing's volatility as that of before while it is new", async () => {
    const { lens, start } = await loadFixture(deployListed);
    const { before, slowSigma, fastSigma, maintenance, initial } = await lens.ratesOf(ETH);
    expect([before, slowSigma, fastSigma]).to.deep.equal([start, PRIOR_SIGMA, PRIOR_SIGMA]);
    expect({ maintenance, initial }).to.deep.equal(OF_PRIOR);
  });

  for (const [name, oracle] of Object.entries({
    "nothing is followed": undefined,
    "there is no oracle": "none",
    "the oracle is no volatility oracle": "other",
  })) {
    it(`shows the rates of now and nothing of before when ${name}`, async () => {
      const scene = await loadFixture(deployUnfollowed);
      let { lens, rules } = scene;
      if (oracle === "none") {
        rules = await ethers.deployContract("Rules", [await rules.authority()]);
        await rules.setUnderlying(ETH, UNDERLYING);
        await rules.setBrackets(ETH, BRACKETS);
        ({ lens } = await withLens({ ...scene, rules }));
      }
      if (oracle === "other") await rules.setVolatilityOracle(scene.feed);
      const movement = await lens.ratesOf(ETH);
      expect(movement.current.maintenance).to.equal(OF_PRIOR.maintenance);
      const { before, slowSigma, fastSigma, maintenance, initial } = movement;
      expect([before, slowSigma, fastSigma, maintenance, initial]).to.deep.equal(
        Array<bigint>(5).fill(0n),
      );
    });
  }

  it("is refused for an underlying that is not listed", async () => {
    const { lens, rules } = await loadFixture(deployUnfollowed);
    await expect(lens.ratesOf(9n)).to.be.revertedWithCustomError(rules, "UnknownInstrument");
  });

  it("shows what a ramp is on its way to", async () => {
    const { lens, rules } = await loadFixture(deployListed);
    await rules.setUnderlying(ETH, { ...UNDERLYING, maintenanceBaseBps: 500n });
    const { current } = await lens.ratesOf(ETH);
    expect(current.maintenance).to.be.within(
      OF_PRIOR.maintenance,
      OF_PRIOR.maintenance + 10n ** 12n,
    );
    expect(current.targetMaintenance).to.equal(68n * 10n ** 15n);
  });
});
