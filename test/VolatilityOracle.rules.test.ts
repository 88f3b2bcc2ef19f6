import { expect } from "chai";
import { network } from "hardhat";
import { perpetual } from "../sdk/index.js";
import { ratesOf, sigmaAt, type VolatilityState } from "../sdk/volatility.js";
import {
  BAND,
  DAY,
  deployFollowed,
  deployVolatility,
  ETH,
  poke,
  PRIOR,
  RATES,
  UNDERLYING,
  UNIT,
  variancesOf,
  writeAfterFirst,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const HOUR = 3_600n;
const PRIOR_SIGMA = 6n * 10n ** 17n;
const RAMP = 259_200n;
const LISTING = { priorSigmaPercent: 60n, decimals: 8n, ...BAND };

async function deployUnlistened() {
  return deployVolatility(ethers);
}

/** Followed, with a restless minute an hour ago: 20 % up and down, then nothing. */
async function deployRestless() {
  const scene = await deployFollowed(ethers);
  const back = 30n * DAY - HOUR;
  await writeAfterFirst(scene, [
    [3_000n * UNIT, back],
    [3_600n * UNIT, back + 30n],
    [3_000n * UNIT, back + 60n],
  ]);
  await poke(scene);
  return { ...scene, roundAt: scene.start + back + 60n };
}

/** The square root of variances [1e-12 per year] as a sigma, rounded up [wad]. */
function sigmaOf(variance: bigint): bigint {
  const price = { mantissa: 1n, shift: 0n };
  const state: VolatilityState = {
    listing: LISTING,
    price,
    lastTime: 0n,
    slowVariance: variance,
    fastVariance: variance,
  };
  return sigmaAt(state, 0n).slow;
}

/** T variance + prior dt over T + dt, rounded up. */
function silent(variance: bigint, seconds: bigint, memory: bigint): bigint {
  return (memory * variance + PRIOR * seconds + memory + seconds - 1n) / (memory + seconds);
}

describe("Rules: volatility", () => {
  describe("while there are no rounds", () => {
    it("moves towards the prior from above, exactly", async () => {
      const { volatility, rules, roundAt } = await loadFixture(deployRestless);
      const [slow, fast] = await variancesOf({ volatility });
      for (const seconds of [4_000n, DAY, 3n * DAY, 30n * DAY, 1_000n * DAY]) {
        await time.increaseTo(roundAt + seconds);
        const rates = await rules.marginRatesOf(ETH);
        expect(rates.slowSigma).to.equal(sigmaOf(silent(slow!, seconds, 373_947n)));
        expect(rates.fastSigma).to.equal(sigmaOf(silent(fast!, seconds, 124_649n)));
        const expected = ratesOf(RATES, { slow: rates.slowSigma, fast: rates.fastSigma });
        expect([rates.maintenance, rates.initial]).to.deep.equal([
          expected.maintenance,
          expected.initial,
        ]);
        const { rules: word } = await rules.instrumentRules(perpetual(1));
        expect([word & (2n ** 64n - 1n), (word >> 64n) & (2n ** 64n - 1n)]).to.deep.equal([
          expected.maintenance,
          expected.initial,
        ]);
        expect(rates.slowSigma).to.be.greaterThan(PRIOR_SIGMA);
        expect(rates.lastRoundAt).to.equal(roundAt);
      }
      expect((await rules.marginRatesOf(ETH)).slowSigma).to.be.lessThan(
        PRIOR_SIGMA + 5n * 10n ** 16n,
      );
    });

    it("moves towards the prior from below, and never to zero", async () => {
      const scene = await loadFixture(deployUnlistened);
      await scene.volatility.follow(ETH);
      await writeAfterFirst(
        scene,
        Array.from({ length: 250 }, (_, hour) => [3_000n * UNIT, BigInt(hour + 1) * HOUR]),
      );
      await poke(scene);
      const [slow, fast] = await variancesOf(scene);
      const calm = scene.start + 250n * HOUR;
      expect(sigmaOf(slow!)).to.be.lessThan(PRIOR_SIGMA / 2n);
      const now = BigInt(await time.latest());
      const rates = await scene.rules.marginRatesOf(ETH);
      expect(rates.slowSigma).to.equal(sigmaOf(silent(slow!, now - calm, 373_947n)));
      expect(rates.fastSigma).to.equal(sigmaOf(silent(fast!, now - calm, 124_649n)));
      expect(rates.slowSigma).to.be.greaterThan(sigmaOf(slow!)).and.lessThan(PRIOR_SIGMA);
      await time.increase(2_000n * DAY);
      const later = await scene.rules.marginRatesOf(ETH);
      expect(later.slowSigma)
        .to.be.greaterThan(599n * 10n ** 15n)
        .and.at.most(PRIOR_SIGMA);
    });

    it("goes to where the prior is on its way", async () => {
      const { rules, roundAt } = await loadFixture(deployRestless);
      await rules.setUnderlying(ETH, { ...UNDERLYING, priorSigmaPercent: 100n });
      await time.increase(RAMP / 2n);
      const { priorSigma } = await rules.marginRatesOf(ETH);
      expect(priorSigma).to.equal(80n * 10n ** 16n);
      await time.increaseTo(roundAt + 1_000n * DAY);
      const { slowSigma } = await rules.marginRatesOf(ETH);
      expect(slowSigma).to.be.within(10n ** 18n, 10n ** 18n + 3n * 10n ** 16n);
    });
  });

  describe("setVolatilityOracle", () => {
    it("is governance's, and tells", async () => {
      const { rules, volatility, stranger } = await loadFixture(deployUnlistened);
      await expect(rules.connect(stranger).setVolatilityOracle(volatility))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
      expect(await rules.volatilityOracle()).to.deep.equal([await volatility.getAddress(), 1n]);
      await expect(rules.setVolatilityOracle(volatility))
        .to.emit(rules, "VolatilityOracleSet")
        .withArgs(await volatility.getAddress(), 2n);
    });

    it("refuses what is no contract", async () => {
      const { rules, stranger } = await loadFixture(deployUnlistened);
      for (const nobody of [ethers.ZeroAddress, stranger.address]) {
        await expect(rules.setVolatilityOracle(nobody))
          .to.be.revertedWithCustomError(rules, "NotAVolatilityOracle")
          .withArgs(nobody);
      }
    });
  });

  describe("noteVolatility", () => {
    it("is the volatility oracle's", async () => {
      const { rules, governor, stranger } = await loadFixture(deployUnlistened);
      for (const caller of [governor, stranger]) {
        await expect(rules.connect(caller).noteVolatility(ETH, 1n, 1n, 1n))
          .to.be.revertedWithCustomError(rules, "NotVolatilityOracle")
          .withArgs(caller.address);
      }
    });

    it("refuses a round of the future", async () => {
      const { rules, volatility } = await loadFixture(deployUnlistened);
      const oracle = await ethers.getImpersonatedSigner(await volatility.getAddress());
      await networkHelpers.setBalance(oracle.address, 10n ** 20n);
      const at = BigInt(await time.latest()) + 100n;
      await time.setNextBlockTimestamp(at);
      await expect(rules.connect(oracle).noteVolatility(ETH, 1n, 1n, at + 1n))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(ethers.encodeBytes32String("roundAt"), at + 1n, 0n, at);
      await time.setNextBlockTimestamp(at + 10n);
      await expect(rules.connect(oracle).noteVolatility(ETH, 1n, 2n, at + 10n))
        .to.emit(rules, "VolatilityNoted")
        .withArgs(ETH, 1n, 2n, at + 10n);
    });
  });

  describe("a second oracle", () => {
    /** Another oracle has followed the feed from its latest round on. */
    async function deploySecond() {
      const scene = await deployRestless();
      const { prices, rules } = scene;
      const second = await ethers.deployContract("VolatilityOracle", [
        await prices.getAddress(),
        await rules.getAddress(),
      ]);
      return { ...scene, second };
    }

    it("may follow before it is listened to, and changes nothing by that", async () => {
      const { rules, second } = await loadFixture(deploySecond);
      await expect(second.follow(ETH)).not.to.emit(rules, "VolatilityNoted");
      const { slowVariance } = await second.volatilityOf(ETH);
      expect(slowVariance).to.equal(PRIOR);
      expect((await rules.marginRatesOf(ETH)).slowSigma).to.be.greaterThan(PRIOR_SIGMA);
    });

    it("leaves what the former one said until it says something", async () => {
      const { rules, second, volatility, feed, start } = await loadFixture(deploySecond);
      await second.follow(ETH);
      const before = await rules.marginRatesOf(ETH);
      await rules.setVolatilityOracle(second);
      const after = await rules.marginRatesOf(ETH);
      expect(after.endOfBlend).to.equal(0n);
      expect(before.slowSigma - after.slowSigma).to.be.within(0n, 10n ** 13n);
      // The former one is no longer listened to, though it still follows.
      await feed.write(1n, 5n, [{ answer: 3_300n * UNIT, updatedAt: start + 30n * DAY }]);
      await expect(volatility.poke(ETH, 256n))
        .to.emit(volatility, "RoundsFollowed")
        .and.not.to.emit(rules, "VolatilityNoted");
    });

    it("blends in from the former's sigma over three days, in a straight line", async () => {
      const { rules, second, feed, start, stranger } = await loadFixture(deploySecond);
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      const answer = 3_000n * UNIT;
      await feed.write(1n, 5n, [{ answer, updatedAt: start + 30n * DAY }]);
      const noteAt = BigInt(await time.latest()) + 100n;
      await time.setNextBlockTimestamp(noteAt - 1n);
      await networkHelpers.mine();
      const before = await rules.marginRatesOf(ETH, { blockTag: "pending" });
      await time.setNextBlockTimestamp(noteAt);
      await second.connect(stranger).poke(ETH, 256n);

      const at = await rules.marginRatesOf(ETH);
      const whole = (sigma: bigint) => (sigma / 10n ** 14n) * 10n ** 14n;
      const former = { slow: whole(before.slowSigma), fast: whole(before.fastSigma) };
      expect([at.slowSigma, at.fastSigma]).to.deep.equal([former.slow, former.fast]);
      expect(at.endOfBlend).to.equal(noteAt + RAMP);

      const [slow, fast] = await variancesOf({ volatility: second });
      await time.increaseTo(noteAt + RAMP / 2n);
      const seconds = noteAt + RAMP / 2n - (start + 30n * DAY);
      const own = {
        slow: sigmaOf(silent(slow!, seconds, 373_947n)),
        fast: sigmaOf(silent(fast!, seconds, 124_649n)),
      };
      const half = await rules.marginRatesOf(ETH);
      // Both are on the way down; rounded towards where they came from.
      expect(half.slowSigma).to.equal(former.slow - (former.slow - own.slow) / 2n);
      expect(half.fastSigma).to.equal(former.fast - (former.fast - own.fast) / 2n);

      await time.increaseTo(noteAt + RAMP);
      const end = await rules.marginRatesOf(ETH);
      const all = noteAt + RAMP - (start + 30n * DAY);
      expect(end.slowSigma).to.equal(sigmaOf(silent(slow!, all, 373_947n)));
    });

    it("keeps the end of its blend however often it notes something", async () => {
      const { rules, second, feed, start } = await loadFixture(deploySecond);
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      const write = async (round: bigint) =>
        feed.write(1n, round, [
          { answer: 3_000n * UNIT, updatedAt: start + 30n * DAY + round - 20n },
        ]);
      await write(5n);
      await second.poke(ETH, 256n);
      const { endOfBlend } = await rules.marginRatesOf(ETH);
      await time.increase(DAY);
      await write(6n);
      await second.poke(ETH, 256n);
      expect((await rules.marginRatesOf(ETH)).endOfBlend).to.equal(endOfBlend);
    });

    it("begins another blend from the middle of one", async () => {
      const { rules, second, feed, start, volatility } = await loadFixture(deploySecond);
      await rules.setVolatilityOracle(second);
      await second.follow(ETH);
      await time.increase(DAY);
      // The first one again, as the third.
      await rules.setVolatilityOracle(volatility);
      await feed.write(1n, 5n, [{ answer: 3_000n * UNIT, updatedAt: start + 30n * DAY }]);
      const before = (await rules.marginRatesOf(ETH)).slowSigma;
      await volatility.poke(ETH, 256n);
      const after = (await rules.marginRatesOf(ETH)).slowSigma;
      expect(before - after).to.be.within(0n, 2n * 10n ** 14n);
    });
  });
});
