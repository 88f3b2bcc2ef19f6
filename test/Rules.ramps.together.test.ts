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
  onTheWay,
  RAMP_SECONDS,
  rateFields,
  RATES,
  ratesAtPrior,
} from "./fixtures/ramps.js";

const connection = await network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;
const load = () => loadFixture(deployListedRules);
const now = async () => BigInt(await time.latest());

const FREEZE_SECONDS = 259_200n;
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
const SMALL = { ...BRACKETS, firstEnd: 500_000n };

function rateFieldsOf(parameters: typeof RATES): Fields {
  const { tradeBandBps, leastTradeBandBps, kinds, openInterestCap, ...moving } = parameters;
  expect(tradeBandBps + leastTradeBandBps + kinds + openInterestCap).to.be.greaterThan(0n);
  return moving;
}

/** What both margin rates are so long after they began to move at the prior from the old ones. */
const ratesOnTheWay = (to: Fields, passed: bigint) =>
  allOnTheWay(ratesAtPrior(OLD_RATES), ratesAtPrior(to), passed);

describe("Rules", () => {
  describe("setUnderlying, on a ramp", () => {
    it("gives both rates and the prior on straight lines, whatever fields move", async () => {
      const { rules } = await load();
      const target = { ...HIGH, maintenanceSlopeBps: 700n, priorSigmaPercent: 90n };
      await rules.setUnderlying(ETH, target);
      const begun = await now();
      for (const passed of [0n, 50_000n, HALF, 200_000n, RAMP_SECONDS]) {
        if (passed !== 0n) await time.increaseTo(begun + passed);
        const { initial, maintenance } = ratesOnTheWay(rateFieldsOf(target), passed);
        const [word] = await rules.instrumentRules(ETH_PERPETUAL);
        expect(word & (2n ** 64n - 1n)).to.equal(maintenance);
        expect((word >> 64n) & (2n ** 64n - 1n)).to.equal(initial);
        const rates = await rules.marginRatesOf(ETH);
        expect([rates.initial, rates.maintenance]).to.deep.equal([initial, maintenance]);
        const prior = 9n * 10n ** 17n;
        const onItsWay = onTheWay(6n * 10n ** 17n, prior, passed);
        // Nobody follows the feed: sigma is the prior that the new rules know.
        expect([rates.priorSigma, rates.slowSigma, rates.fastSigma]).to.deep.equal([
          onItsWay,
          prior,
          prior,
        ]);
      }
    });

    it("never leaves what lies between both ends, where fields that move would", async () => {
      const { rules } = await load();
      // 4.4 % by a cap that goes, and 3.8 % by a slope that falls: the fields half-way would give 10.4 %.
      const capped = { ...RATES, maintenanceSlopeBps: 2_000n, maintenanceCapBps: 440n };
      await rules.setUnderlying(2n, capped);
      await rules.setBrackets(2n, BRACKETS);
      await rules.setUnderlying(2n, RATES);
      const begun = await now();
      const [from, to] = [44n * 10n ** 15n, 38n * 10n ** 15n];
      for (const passed of [0n, 50_000n, HALF, 200_000n, RAMP_SECONDS]) {
        if (passed !== 0n) await time.increaseTo(begun + passed);
        const { maintenance } = await rules.marginRatesOf(2n);
        expect(maintenance).to.equal(onTheWay(from, to, passed));
      }
    });

    it("shows where rates come from and go, until when, and what they would be there", async () => {
      const { rules } = await load();
      await rules.setUnderlying(ETH, HIGH);
      const begun = await now();
      await rules.setBrackets(ETH, BRACKETS);
      await time.increaseTo(begun + HALF);
      const rates = await rules.marginRatesOf(ETH);
      expect(rateFields(rates.rules)).to.deep.equal(HIGH_RATES);
      expect(rateFields(rates.formerRules)).to.deep.equal(OLD_RATES);
      expect(bracketFields(rates.targetBrackets)).to.deep.equal(BRACKETS);
      expect(rates.endOfRamp).to.equal(begun + RAMP_SECONDS);
      const { initial, maintenance } = ratesAtPrior(HIGH_RATES);
      expect([rates.targetInitial, rates.targetMaintenance]).to.deep.equal([initial, maintenance]);
      expect(rates.maintenance).to.be.lessThan(maintenance);

      await time.increaseTo(begun + RAMP_SECONDS);
      const there = await rules.marginRatesOf(ETH);
      expect(there.formerRules).to.equal(0n);
      expect([there.initial, there.maintenance]).to.deep.equal([initial, maintenance]);
    });

    it("changes trade bands, kinds and the cap of open interest at once, ramp or not", async () => {
      const { rules } = await load();
      const upper = (word: bigint) => (word >> 128n) & (2n ** 80n - 1n);
      const read = async () => upper((await rules.tradingRules(ETH_PERPETUAL))[0]);
      const before = await read();
      const others = { tradeBandBps: 401n, leastTradeBandBps: 31n, openInterestCap: 7n };
      const given = 401n | (31n << 16n) | (2n << 32n) | (7n << 40n);
      await rules.setUnderlying(ETH, { ...HIGH, ...others });
      expect(await read()).to.equal(given);
      await time.increase(HALF);
      const begun = (await rules.marginRatesOf(ETH)).endOfRamp - RAMP_SECONDS;
      await rules.setUnderlying(ETH, HIGH);
      const passed = (await now()) - begun;
      expect(await read()).to.equal(before);
      const rates = await rules.marginRatesOf(ETH);
      expect(rates.endOfRamp, "the ramp goes on").to.equal(begun + RAMP_SECONDS);
      expect(rates.maintenance).to.equal(ratesOnTheWay(HIGH_RATES, passed).maintenance);
    });

    it("is not disturbed by a freeze, and does not end it", async () => {
      const { rules } = await load();
      await rules.setUnderlying(ETH, HIGH);
      const begun = await now();
      await time.increaseTo(begun + 1_000n);
      await rules.freezeUnderlying(ETH);
      const until = (await now()) + FREEZE_SECONDS;
      const frozen = async () =>
        ((await rules.tradingRules(ETH_PERPETUAL))[0] >> 208n) & (2n ** 40n - 1n);
      expect(await frozen()).to.equal(until);
      for (const passed of [HALF, RAMP_SECONDS]) {
        await time.increaseTo(begun + passed);
        const { initial, maintenance } = await rules.marginRatesOf(ETH);
        expect({ initial, maintenance }).to.deep.equal(ratesOnTheWay(HIGH_RATES, passed));
      }
      await rules.setUnderlying(ETH, RATES);
      expect(await frozen()).to.equal(until);
    });
  });

  describe("rates and brackets of one underlying", () => {
    it("take turns: neither brings back where the other came from", async () => {
      const { rules } = await load();
      const read = async () => {
        const { initial, maintenance, brackets } = await rules.marginRatesOf(ETH);
        expect(await rules.bracketsOf(ETH_PERPETUAL)).to.equal(brackets);
        return [{ initial, maintenance }, bracketFields(brackets)];
      };
      /** Reads at the beginning, half-way and at the end of the ramp that has just begun. */
      const expectAlong = async (expected: (passed: bigint) => [Fields, Fields]) => {
        const begun = await now();
        for (const passed of [0n, HALF, RAMP_SECONDS]) {
          if (passed !== 0n) await time.increaseTo(begun + passed);
          expect(await read()).to.deep.equal(expected(passed));
        }
      };
      const [low, high] = [ratesAtPrior(OLD_RATES), ratesAtPrior(HIGH_RATES)];
      await rules.setUnderlying(ETH, HIGH);
      await expectAlong((passed) => [allOnTheWay(low, high, passed), BRACKETS]);
      await rules.setBrackets(ETH, SMALL);
      await expectAlong((passed) => [high, allOnTheWay(BRACKETS, SMALL, passed)]);
      await rules.setUnderlying(ETH, RATES);
      await expectAlong((passed) => [allOnTheWay(high, low, passed), SMALL]);
      const steep = { ...SMALL, lastFactorBps: 80_000n };
      await rules.setBrackets(ETH, steep);
      await expectAlong((passed) => [low, allOnTheWay(SMALL, steep, passed)]);
    });

    it("leave funding rules alone, which change at once while brackets move", async () => {
      const { rules } = await load();
      await rules.setBrackets(ETH, SMALL);
      const begun = await now();
      await time.increaseTo(begun + HALF - 1n);
      const funding = { interestMillionths: 100n, deadBandMillionths: 500n, capMillionths: 7_500n };
      await rules.setFundingRules(ETH, { ...funding, depthShareBps: 3_200n });
      const [, brackets] = await rules.tradingRules(ETH_PERPETUAL);
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
      await time.increase(HALF);
      expect(await rules.instrumentRules(other)).to.deep.equal(before);
      await time.increase(HALF);
      await rules.setBrackets(ETH, SMALL);
      await time.increase(HALF);
      expect(await rules.instrumentRules(other)).to.deep.equal(before);
      expect(await rules.bracketsOf(other)).not.to.equal(await rules.bracketsOf(ETH_PERPETUAL));
    });

    it("may be set in any order before both are there, and act at once", async () => {
      const { rules } = await load();
      const perpetual = ETH_PERPETUAL + (2n << 168n);
      await rules.setBrackets(3n, BRACKETS);
      // Ends and factors together: nobody holds anything yet.
      const others = { ...SMALL, lastFactorBps: 80_000n };
      await expect(rules.setBrackets(3n, others))
        .to.emit(rules, "BracketsSet")
        .withArgs(3n, Object.values(others), 0n);
      await expect(rules.setUnderlying(3n, HIGH))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(3n, Object.values(HIGH), 0n);
      const [word] = await rules.instrumentRules(perpetual);
      expect(bracketFields(await rules.bracketsOf(perpetual))).to.deep.equal(others);
      expect(word & (2n ** 64n - 1n)).to.equal(ratesAtPrior(HIGH_RATES).maintenance);
    });
  });
});
