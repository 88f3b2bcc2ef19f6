import { expect } from "chai";
import { network } from "hardhat";
import {
  allOnTheWay,
  BRACKETS,
  bracketFields,
  deployListedRules,
  ETH,
  ETH_PERPETUAL,
  type Fields,
  RAMP_SECONDS,
  rateFields,
  RATES,
} from "./fixtures/ramps.js";

const connection = await network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;
const load = () => loadFixture(deployListedRules);
const now = async () => BigInt(await time.latest());

const FREEZE_SECONDS = 259_200n;
const BPS = 10n ** 14n;
const HALF = RAMP_SECONDS / 2n;

/** What the fixture has set of rates and of brackets, and what is set instead. */
const OLD_RATES = rateFieldsOf(RATES);
const HIGH = {
  ...RATES,
  maintenanceBaseBps: 400n,
  maintenanceFloorBps: 600n,
  initialFloorBps: 900n,
};
const HIGH_RATES = rateFieldsOf(HIGH);
const SMALL = { ...BRACKETS, firstEnd: 500_000n, lastFactorBps: 80_000n };

function rateFieldsOf(parameters: typeof RATES): Fields {
  const { tradeBandBps, leastTradeBandBps, kinds, openInterestCap, ...moving } = parameters;
  expect(tradeBandBps + leastTradeBandBps + kinds + openInterestCap).to.be.greaterThan(0n);
  return moving;
}

/** ceil(a / b) */
const divUp = (a: bigint, b: bigint) => (a + b - 1n) / b;
const most = (a: bigint, b: bigint) => (a > b ? a : b);
const least = (a: bigint, b: bigint) => (a < b ? a : b);

/** Both margin rates at the prior [wad]. */
function ratesAtPrior(fields: Fields): { initial: bigint; maintenance: bigint } {
  const of = (name: keyof typeof RATES) => fields[name]!;
  const sigma = of("priorSigmaPercent") * 10n ** 16n;
  const linear = of("maintenanceBaseBps") * BPS + divUp(of("maintenanceSlopeBps") * sigma, 10_000n);
  const floored = most(linear, of("maintenanceFloorBps") * BPS);
  const maintenance = least(floored, of("maintenanceCapBps") * BPS);
  const initial = divUp(maintenance * 10_000n, of("maintenanceToInitialBps"));
  return { maintenance, initial: most(initial, of("initialFloorBps") * BPS) };
}

describe("Rules", () => {
  describe("setUnderlying, on a ramp", () => {
    it("gives the rates of now, which follow from the values of now", async () => {
      const { rules } = await load();
      const target = { ...HIGH, maintenanceSlopeBps: 700n, priorSigmaPercent: 90n };
      await rules.setUnderlying(ETH, target);
      const begun = await now();
      for (const passed of [0n, 50_000n, HALF, 200_000n, RAMP_SECONDS]) {
        if (passed !== 0n) await time.increaseTo(begun + passed);
        const fields = allOnTheWay(OLD_RATES, rateFieldsOf(target), passed);
        const { initial, maintenance } = ratesAtPrior(fields);
        const [word] = await rules.instrumentRules(ETH_PERPETUAL);
        expect(word & (2n ** 64n - 1n)).to.equal(maintenance);
        expect((word >> 64n) & (2n ** 64n - 1n)).to.equal(initial);
        const rates = await rules.marginRatesOf(ETH);
        expect([rates.initial, rates.maintenance]).to.deep.equal([initial, maintenance]);
        const sigma = fields.priorSigmaPercent! * 10n ** 16n;
        expect([rates.priorSigma, rates.slowSigma, rates.fastSigma]).to.deep.equal(
          Array(3).fill(sigma),
        );
      }
    });

    it("shows where the ramp ends, when, and what the rates would be there", async () => {
      const { rules } = await load();
      await rules.setUnderlying(ETH, HIGH);
      const begun = await now();
      await rules.setBrackets(ETH, BRACKETS);
      await time.increaseTo(begun + HALF);
      const rates = await rules.marginRatesOf(ETH);
      expect(rateFields(rates.targetRules)).to.deep.equal(HIGH_RATES);
      expect(rateFields(rates.rules)).to.deep.equal(allOnTheWay(OLD_RATES, HIGH_RATES, HALF));
      expect(bracketFields(rates.targetBrackets)).to.deep.equal(BRACKETS);
      expect(rates.endOfRamp).to.equal(begun + RAMP_SECONDS);
      const { initial, maintenance } = ratesAtPrior(HIGH_RATES);
      expect([rates.targetInitial, rates.targetMaintenance]).to.deep.equal([initial, maintenance]);
      expect(rates.maintenance).to.be.lessThan(maintenance);

      await time.increaseTo(begun + RAMP_SECONDS);
      const there = await rules.marginRatesOf(ETH);
      expect(there.rules).to.equal(there.targetRules);
      expect([there.initial, there.maintenance]).to.deep.equal([initial, maintenance]);
    });

    it("changes trade bands, kinds and the cap of open interest at once, ramp or not", async () => {
      const { rules } = await load();
      const upper = (word: bigint) => (word >> 128n) & (2n ** 80n - 1n);
      const before = upper((await rules.instrumentRules(ETH_PERPETUAL))[0]);
      const others = { tradeBandBps: 401n, leastTradeBandBps: 31n, openInterestCap: 7n };
      const given = 401n | (31n << 16n) | (2n << 32n) | (7n << 40n);
      await rules.setUnderlying(ETH, { ...HIGH, ...others });
      expect(upper((await rules.instrumentRules(ETH_PERPETUAL))[0])).to.equal(given);
      await time.increase(HALF);
      const begun = (await rules.marginRatesOf(ETH)).endOfRamp - RAMP_SECONDS;
      await rules.setUnderlying(ETH, HIGH);
      const passed = (await now()) - begun;
      expect(upper((await rules.instrumentRules(ETH_PERPETUAL))[0])).to.equal(before);
      const rates = await rules.marginRatesOf(ETH);
      expect(rates.endOfRamp, "the ramp goes on").to.equal(begun + RAMP_SECONDS);
      expect(rateFields(rates.rules)).to.deep.equal(allOnTheWay(OLD_RATES, HIGH_RATES, passed));
    });

    it("is not disturbed by a freeze, and does not end it", async () => {
      const { rules } = await load();
      await rules.setUnderlying(ETH, HIGH);
      const begun = await now();
      await time.increaseTo(begun + 1_000n);
      await rules.freezeUnderlying(ETH);
      const until = (await now()) + FREEZE_SECONDS;
      const frozen = async () =>
        ((await rules.instrumentRules(ETH_PERPETUAL))[0] >> 208n) & (2n ** 40n - 1n);
      expect(await frozen()).to.equal(until);
      for (const passed of [HALF, RAMP_SECONDS]) {
        await time.increaseTo(begun + passed);
        expect(rateFields((await rules.marginRatesOf(ETH)).rules)).to.deep.equal(
          allOnTheWay(OLD_RATES, HIGH_RATES, passed),
        );
      }
      await rules.setUnderlying(ETH, RATES);
      expect(await frozen()).to.equal(until);
    });
  });

  describe("rates and brackets of one underlying", () => {
    it("go on together from where they are when brackets are set while rates move", async () => {
      const { rules } = await load();
      await rules.setUnderlying(ETH, HIGH);
      const begun = await now();
      await time.setNextBlockTimestamp(begun + 100_003n);
      await expect(rules.setBrackets(ETH, SMALL))
        .to.emit(rules, "BracketsSet")
        .withArgs(ETH, Object.values(SMALL), begun + 100_003n + RAMP_SECONDS);
      const from = allOnTheWay(OLD_RATES, HIGH_RATES, 100_003n);
      for (const passed of [0n, HALF, RAMP_SECONDS]) {
        if (passed !== 0n) await time.increaseTo(begun + 100_003n + passed);
        const rates = await rules.marginRatesOf(ETH);
        expect(rateFields(rates.rules)).to.deep.equal(allOnTheWay(from, HIGH_RATES, passed));
        expect(bracketFields(rates.brackets)).to.deep.equal(allOnTheWay(BRACKETS, SMALL, passed));
      }
    });

    it("go on together from where they are when rates are set while brackets move", async () => {
      const { rules } = await load();
      await rules.setBrackets(ETH, SMALL);
      const begun = await now();
      await time.setNextBlockTimestamp(begun + 100_003n);
      await expect(rules.setUnderlying(ETH, HIGH))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(ETH, Object.values(HIGH), begun + 100_003n + RAMP_SECONDS);
      const from = allOnTheWay(BRACKETS, SMALL, 100_003n);
      for (const passed of [0n, HALF, RAMP_SECONDS]) {
        if (passed !== 0n) await time.increaseTo(begun + 100_003n + passed);
        const rates = await rules.marginRatesOf(ETH);
        expect(rateFields(rates.rules)).to.deep.equal(allOnTheWay(OLD_RATES, HIGH_RATES, passed));
        expect(bracketFields(rates.brackets)).to.deep.equal(allOnTheWay(from, SMALL, passed));
      }
    });

    it("leave funding rules alone, which change at once while brackets move", async () => {
      const { rules } = await load();
      await rules.setBrackets(ETH, SMALL);
      const begun = await now();
      await time.increaseTo(begun + HALF - 1n);
      const funding = { interestMillionths: 100n, deadBandMillionths: 500n, capMillionths: 7_500n };
      await rules.setFundingRules(ETH, { ...funding, depthShareBps: 3_200n });
      const [, brackets] = await rules.instrumentRules(ETH_PERPETUAL);
      expect(brackets >> 192n).to.equal(100n | (500n << 16n) | (7_500n << 32n) | (3_200n << 48n));
      expect(bracketFields(brackets)).to.deep.equal(allOnTheWay(BRACKETS, SMALL, HALF));
    });

    it("do not move those of another underlying", async () => {
      const { rules } = await load();
      await rules.setUnderlying(2n, RATES);
      await rules.setBrackets(2n, BRACKETS);
      const other = ETH_PERPETUAL + (1n << 168n);
      const before = await rules.instrumentRules(other);
      await rules.setUnderlying(ETH, HIGH);
      await rules.setBrackets(ETH, SMALL);
      await time.increase(HALF);
      expect(await rules.instrumentRules(other)).to.deep.equal(before);
    });

    it("may be set in any order before both are there, and act at once", async () => {
      const { rules } = await load();
      const perpetual = ETH_PERPETUAL + (2n << 168n);
      await rules.setBrackets(3n, BRACKETS);
      await expect(rules.setBrackets(3n, SMALL))
        .to.emit(rules, "BracketsSet")
        .withArgs(3n, Object.values(SMALL), 0n);
      await expect(rules.setUnderlying(3n, HIGH))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(3n, Object.values(HIGH), 0n);
      const [word, brackets] = await rules.instrumentRules(perpetual);
      expect(bracketFields(brackets)).to.deep.equal(SMALL);
      expect(word & (2n ** 64n - 1n)).to.equal(ratesAtPrior(HIGH_RATES).maintenance);
    });
  });
});
