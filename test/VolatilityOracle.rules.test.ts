import { expect } from "chai";
import { network } from "hardhat";
import { onTheWay } from "./fixtures/ramps.js";
import { perpetual } from "../sdk/index.js";
import { type MarginRates, ratesOf, sigmaAt, type Sigmas } from "../sdk/volatility.js";
import {
  BAND,
  BRACKETS,
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
  type VolatilityScene,
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

/** What is read of variances so many seconds after their round, exactly [wad]. */
function readAfter(variances: bigint[], seconds: bigint, priorSigmaPercent = 60n): Sigmas {
  const [slowVariance, fastVariance] = variances as [bigint, bigint];
  const price = { mantissa: 1n, shift: 0n };
  const listing = { ...LISTING, priorSigmaPercent };
  return sigmaAt({ listing, price, lastTime: 0n, slowVariance, fastVariance }, seconds);
}

/** The rates of now, which everything that is required follows from. */
async function ratesNow({ rules }: Pick<VolatilityScene, "rules">) {
  const { maintenance, initial } = await rules.marginRatesOf(ETH);
  return { maintenance, initial };
}

/** The rates on their way between two that both move with volatility. */
function ratesOnTheWay(from: MarginRates, to: MarginRates, seconds: bigint): MarginRates {
  return {
    maintenance: onTheWay(from.maintenance, to.maintenance, seconds),
    initial: onTheWay(from.initial, to.initial, seconds),
  };
}

describe("Rules: volatility", () => {
  describe("while there are no rounds", () => {
    it("moves towards the prior from above, exactly", async () => {
      const { volatility, rules, roundAt } = await loadFixture(deployRestless);
      const variances = await variancesOf({ volatility });
      for (const seconds of [4_000n, DAY, 3n * DAY, 30n * DAY, 1_000n * DAY]) {
        await time.increaseTo(roundAt + seconds);
        const rates = await rules.marginRatesOf(ETH);
        const { slow, fast } = readAfter(variances, seconds);
        expect([rates.slowSigma, rates.fastSigma]).to.deep.equal([slow, fast]);
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
      const variances = await variancesOf(scene);
      const calm = scene.start + 250n * HOUR;
      const atTheRound = readAfter(variances, 0n).slow;
      expect(atTheRound).to.be.lessThan(PRIOR_SIGMA / 2n);
      const now = BigInt(await time.latest());
      const rates = await scene.rules.marginRatesOf(ETH);
      const { slow, fast } = readAfter(variances, now - calm);
      expect([rates.slowSigma, rates.fastSigma]).to.deep.equal([slow, fast]);
      expect(rates.slowSigma).to.be.greaterThan(atTheRound).and.lessThan(PRIOR_SIGMA);
      await time.increase(2_000n * DAY);
      const later = await scene.rules.marginRatesOf(ETH);
      expect(later.slowSigma)
        .to.be.greaterThan(599n * 10n ** 15n)
        .and.at.most(PRIOR_SIGMA);
    });

    it("moves towards a new prior; what is required of it, and what fills a gap, comes in a straight line", async () => {
      const scene = await loadFixture(deployRestless);
      const { rules, volatility, roundAt } = scene;
      const variances = await variancesOf({ volatility });
      const before = await ratesNow(scene);
      const begin = BigInt(await time.latest()) + 10n;
      await time.setNextBlockTimestamp(begin);
      await rules.setUnderlying(ETH, { ...UNDERLYING, priorSigmaPercent: 100n });
      const after = await ratesNow(scene);
      const silence = begin - roundAt;
      // It is what the old prior makes of it in this second, and not a wei more than before.
      expect(after).to.deep.equal(ratesOf(RATES, readAfter(variances, silence)));
      expect(after.maintenance).to.be.at.most(before.maintenance);
      for (const seconds of [1n, RAMP / 3n, RAMP / 2n, RAMP - 1n, RAMP, 1_000n * DAY]) {
        await time.increaseTo(begin + seconds);
        const own = readAfter(variances, silence + seconds, 100n);
        const rates = await rules.marginRatesOf(ETH);
        expect([rates.priorSigma, rates.slowSigma, rates.fastSigma]).to.deep.equal([
          onTheWay(PRIOR_SIGMA, 10n ** 18n, seconds),
          own.slow,
          own.fast,
        ]);
        const target = ratesOf(RATES, own);
        expect([rates.targetMaintenance, rates.targetInitial]).to.deep.equal([
          target.maintenance,
          target.initial,
        ]);
        const former = ratesOf(RATES, readAfter(variances, silence + seconds));
        expect(await ratesNow(scene)).to.deep.equal(ratesOnTheWay(former, target, seconds));
      }
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

    /** The oracle itself, as a caller. */
    async function oracleOf({ volatility }: Pick<VolatilityScene, "volatility">) {
      const oracle = await ethers.getImpersonatedSigner(await volatility.getAddress());
      await networkHelpers.setBalance(oracle.address, 10n ** 20n);
      return oracle;
    }

    it("refuses a round of the future, and one without a time", async () => {
      const scene = await loadFixture(deployUnlistened);
      const rules = scene.rules.connect(await oracleOf(scene));
      const at = BigInt(await time.latest()) + 100n;
      for (const [late, roundAt] of [
        [0n, at + 1n],
        [1n, 0n],
      ] as const) {
        await time.setNextBlockTimestamp(at + late);
        await expect(rules.noteVolatility(ETH, 1n, 1n, roundAt))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(ethers.encodeBytes32String("roundAt"), roundAt, 1n, at + late);
      }
      await time.setNextBlockTimestamp(at + 10n);
      await expect(rules.noteVolatility(ETH, 1n, 2n, at + 10n))
        .to.emit(rules, "VolatilityNoted")
        .withArgs(ETH, 1n, 2n, at + 10n);
    });

    it("refuses an underlying that is not listed, or has no brackets yet", async () => {
      const scene = await loadFixture(deployUnlistened);
      await scene.rules.setUnderlying(2n, UNDERLYING);
      const rules = scene.rules.connect(await oracleOf(scene));
      for (const underlying of [2n, 9n]) {
        await expect(rules.noteVolatility(underlying, 1n, 1n, 1n))
          .to.be.revertedWithCustomError(rules, "UnknownInstrument")
          .withArgs(perpetual(Number(underlying)));
      }
    });

    it("begins a ramp when the first that it is told is not the prior, from the prior's rates", async () => {
      for (const [slow, fast] of [
        [12_000n, 6_000n],
        [6_000n, 12_000n],
        [6_001n, 6_000n],
        [65_535n, 65_535n],
        [0n, 0n],
      ] as const) {
        const scene = await loadFixture(deployUnlistened);
        const rules = scene.rules.connect(await oracleOf(scene));
        const before = await ratesNow(scene);
        const at = BigInt(await time.latest()) + 10n;
        await time.setNextBlockTimestamp(at);
        await rules.noteVolatility(ETH, slow, fast, at);
        expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(at + RAMP);
        expect(await ratesNow(scene)).to.deep.equal(before);
        await time.increaseTo(at + RAMP);
        expect((await ratesNow(scene)).maintenance).not.to.equal(
          slow === 6_000n ? 0n : before.maintenance,
        );
      }
    });

    it("begins none when it is the prior, nor with what comes later", async () => {
      const scene = await loadFixture(deployUnlistened);
      const rules = scene.rules.connect(await oracleOf(scene));
      const at = BigInt(await time.latest());
      await rules.noteVolatility(ETH, 6_000n, 6_000n, at);
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(0n);
      await rules.noteVolatility(ETH, 12_000n, 12_000n, at);
      const { endOfRamp, maintenance } = await rules.marginRatesOf(ETH);
      expect(endOfRamp).to.equal(0n);
      expect(maintenance).to.be.greaterThan(55n * 10n ** 15n);
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
      expect(after.endOfRamp).to.equal(0n);
      expect(after.lastRoundAt).to.equal(before.lastRoundAt);
      expect(before.slowSigma - after.slowSigma).to.be.within(0n, 10n ** 13n);
      // The former one is no longer listened to, though it still follows.
      await feed.write(1n, 5n, [{ answer: 3_300n * UNIT, updatedAt: start + 30n * DAY }]);
      await expect(volatility.poke(ETH, 256n))
        .to.emit(volatility, "RoundsFollowed")
        .and.not.to.emit(rules, "VolatilityNoted");
    });

    it("blends in from the rates of the former's sigma over three days, in a straight line", async () => {
      const scene = await loadFixture(deploySecond);
      const { rules, second, volatility, feed, start, stranger, roundAt } = scene;
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      const writtenAt = start + 30n * DAY;
      await feed.write(1n, 5n, [{ answer: 3_000n * UNIT, updatedAt: writtenAt }]);
      const noteAt = BigInt(await time.latest()) + 100n;
      await time.setNextBlockTimestamp(noteAt);
      await second.connect(stranger).poke(ETH, 256n);

      const formerVariances = await variancesOf({ volatility });
      const variances = await variancesOf({ volatility: second });
      for (const seconds of [0n, 1n, RAMP / 4n, RAMP / 2n, RAMP - 1n, RAMP, RAMP + DAY]) {
        if (seconds !== 0n) await time.increaseTo(noteAt + seconds);
        const now = noteAt + seconds;
        const own = readAfter(variances, now - writtenAt);
        // The former's goes on to the prior by itself, from its own last round.
        const former = ratesOf(RATES, readAfter(formerVariances, now - roundAt));
        const target = ratesOf(RATES, own);
        expect(former.maintenance).to.be.greaterThan(target.maintenance);
        expect(await ratesNow(scene)).to.deep.equal(ratesOnTheWay(former, target, seconds));
        const rates = await rules.marginRatesOf(ETH);
        expect([rates.slowSigma, rates.fastSigma]).to.deep.equal([own.slow, own.fast]);
        expect([rates.targetMaintenance, rates.targetInitial]).to.deep.equal([
          target.maintenance,
          target.initial,
        ]);
        expect(rates.endOfRamp).to.equal(noteAt + RAMP);
        expect(rates.lastRoundAt).to.equal(writtenAt);
      }
    });

    it("keeps the end of its blend however often it notes something", async () => {
      const scene = await loadFixture(deploySecond);
      const { rules, second, feed, start } = scene;
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      const write = async (round: bigint) =>
        feed.write(1n, round, [
          { answer: 3_000n * UNIT, updatedAt: start + 30n * DAY + round - 20n },
        ]);
      await write(5n);
      await second.poke(ETH, 256n);
      const { endOfRamp } = await rules.marginRatesOf(ETH);
      await time.increase(DAY);
      await write(6n);
      await second.poke(ETH, 256n);
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(endOfRamp);
    });

    it("has rates and brackets wait for the end of its blend", async () => {
      const { rules, second, feed, start } = await loadFixture(deploySecond);
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      await feed.write(1n, 5n, [{ answer: 3_000n * UNIT, updatedAt: start + 30n * DAY }]);
      await second.poke(ETH, 256n);
      const { endOfRamp } = await rules.marginRatesOf(ETH);
      const tighter = { ...UNDERLYING, maintenanceBaseBps: 300n };
      const smaller = { ...BRACKETS, firstEnd: 900_000n };
      const changes = [
        () => rules.setUnderlying(ETH, tighter),
        () => rules.setBrackets(ETH, smaller),
      ] as const;
      for (const change of changes) {
        await time.setNextBlockTimestamp(endOfRamp - 1n);
        await expect(change())
          .to.be.revertedWithCustomError(rules, "RampNotOver")
          .withArgs(ETH, endOfRamp);
      }
      await time.increaseTo(endOfRamp);
      await changes[0]();
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.be.greaterThan(endOfRamp);
    });

    it("blends in from the middle of another blend: from the rates of that second, in whole basis points", async () => {
      const scene = await loadFixture(deploySecond);
      const { rules, second, feed, start, volatility } = scene;
      await second.follow(ETH);
      await rules.setVolatilityOracle(second);
      await feed.write(1n, 5n, [{ answer: 3_000n * UNIT, updatedAt: start + 30n * DAY }]);
      await second.poke(ETH, 256n);
      await time.increase(DAY);
      // The first one again, as the third.
      await rules.setVolatilityOracle(volatility);
      const at = BigInt(await time.latest()) + 100n;
      await time.increaseTo(at);
      const before = await ratesNow(scene);
      // In the next second both sigmas are nearer to the prior, and the blend is further, by next to nothing.
      await time.setNextBlockTimestamp(at + 1n);
      await volatility.poke(ETH, 256n);
      const after = await ratesNow(scene);
      for (const which of ["maintenance", "initial"] as const) {
        expect(after[which] % 10n ** 14n).to.equal(0n);
        expect(before[which] - after[which]).to.be.within(0n, 10n ** 14n + 10n ** 12n);
      }
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(at + 1n + RAMP);

      // From there in a straight line to what the third one's sigma asks for, whatever the second one's was.
      const { lastRoundAt } = await rules.marginRatesOf(ETH);
      const variances = await variancesOf({ volatility });
      for (const seconds of [RAMP / 2n, RAMP]) {
        await time.increaseTo(at + 1n + seconds);
        const own = readAfter(variances, at + 1n + seconds - lastRoundAt);
        const target = ratesOf(RATES, own);
        expect(await ratesNow(scene)).to.deep.equal(ratesOnTheWay(after, target, seconds));
      }
    });
  });
});
