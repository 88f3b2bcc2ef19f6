import { expect } from "chai";
import { network } from "hardhat";
import { feedOf } from "./support/sources.js";
import {
  BAND,
  deployFollowed,
  deployVolatility,
  ETH,
  idOf,
  keptOf,
  PRIOR,
  UNIT,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const FAR_FUTURE = 10n ** 10n;

async function deployUnfollowed() {
  return deployVolatility(ethers);
}

async function deployListed() {
  return deployFollowed(ethers);
}

describe("VolatilityOracle: follow", () => {
  describe("for the first time", () => {
    it("begins with the prior, after the feed's latest round", async () => {
      const { volatility, feed, start, stranger } = await loadFixture(deployUnfollowed);
      await expect(volatility.connect(stranger).follow(ETH))
        .to.emit(volatility, "FeedFollowed")
        .withArgs(ETH, await feed.getAddress(), idOf(1n, 1n))
        .and.to.emit(volatility, "RoundsFollowed")
        .withArgs(ETH, 0n, idOf(1n, 1n), 3_000n * UNIT, start, PRIOR, PRIOR);
      expect(await keptOf(volatility)).to.deep.equal({
        slowVariance: PRIOR,
        fastVariance: PRIOR,
        acceptedAt: start,
        answer: 3_000n * UNIT,
        roundId: idOf(1n, 1n),
      });
      const { slowVarianceBefore, fastVarianceBefore, before } = await volatility.volatilityOf(ETH);
      expect([slowVarianceBefore, fastVarianceBefore, before]).to.deep.equal([PRIOR, PRIOR, start]);
    });

    it("keeps the feed with the band in which the price oracle reads it", async () => {
      const { volatility, feed } = await loadFixture(deployListed);
      const { minimum, maximum } = BAND;
      expect(await volatility.feedOf(ETH)).to.deep.equal([
        await feed.getAddress(),
        minimum,
        maximum,
      ]);
    });

    it("does not look at what came before the latest round", async () => {
      const { volatility, feed, start } = await loadFixture(deployUnfollowed);
      await feed.write(1n, 2n, [
        { answer: 4_000n * UNIT, updatedAt: start + 60n },
        { answer: 2_000n * UNIT, updatedAt: start + 120n },
      ]);
      await volatility.follow(ETH);
      expect((await keptOf(volatility)).slowVariance).to.equal(PRIOR);
      expect(await volatility.poke.staticCall(ETH, 256n)).to.equal(0n);
    });

    it("tells the Rules, which listen", async () => {
      const { volatility, rules, start } = await loadFixture(deployUnfollowed);
      await expect(volatility.follow(ETH))
        .to.emit(rules, "VolatilityNoted")
        .withArgs(ETH, 6_000n, 6_000n, start);
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(0n);
    });

    it("leaves what is read at the prior, to the wei", async () => {
      const { volatility, rules } = await loadFixture(deployUnfollowed);
      const { initial, maintenance } = await rules.marginRatesOf(ETH);
      await volatility.follow(ETH);
      const after = await rules.marginRatesOf(ETH);
      expect([after.initial, after.maintenance]).to.deep.equal([initial, maintenance]);
      expect([after.slowSigma, after.fastSigma]).to.deep.equal([6n * 10n ** 17n, 6n * 10n ** 17n]);
    });

    it("knows nothing of an underlying that is not followed", async () => {
      const { volatility } = await loadFixture(deployUnfollowed);
      await expect(volatility.volatilityOf(ETH))
        .to.be.revertedWithCustomError(volatility, "NotFollowed")
        .withArgs(ETH);
      expect(await volatility.feedOf(ETH)).to.deep.equal([ethers.ZeroAddress, 0n, 0n]);
    });
  });

  describe("refused", () => {
    it("when the feed is followed already, with its band", async () => {
      const { volatility, feed } = await loadFixture(deployListed);
      await expect(volatility.follow(ETH))
        .to.be.revertedWithCustomError(volatility, "AlreadyFollowed")
        .withArgs(ETH, await feed.getAddress());
    });

    it("when the price is a product, or has no source", async () => {
      const { volatility, prices, feed } = await loadFixture(deployUnfollowed);
      const one = await feedOf(feed, BAND);
      await prices.setSources(ETH, [one, one], [], 0n);
      for (const [underlying, feeds] of [
        [ETH, 2n],
        [9n, 0n],
      ]) {
        await expect(volatility.follow(underlying!))
          .to.be.revertedWithCustomError(volatility, "NotOneFeed")
          .withArgs(underlying, feeds);
      }
    });

    it("when the underlying has no prior", async () => {
      const { volatility, prices, rules, feed } = await loadFixture(deployUnfollowed);
      await prices.setSources(9n, [await feedOf(feed, BAND)], [], 0n);
      await expect(volatility.follow(9n)).to.be.revertedWithCustomError(rules, "UnknownInstrument");
    });

    for (const [name, round] of Object.entries({
      "is empty": { answer: 0n, updatedAt: 0n },
      "has a price and no time": { answer: 3_000n * UNIT, updatedAt: 0n },
      "is zero": { answer: 0n, updatedAt: 1_790_000_000n },
      "is negative": { answer: -1n, updatedAt: 1_790_000_000n },
      "is at the band's lower end": { answer: 30n * UNIT, updatedAt: 1_790_000_000n },
      "is at the band's upper end": { answer: 300_000n * UNIT, updatedAt: 1_790_000_000n },
      "is of the future": { answer: 3_000n * UNIT, updatedAt: FAR_FUTURE },
    })) {
      it(`when the feed's latest round ${name}`, async () => {
        const { volatility, feed } = await loadFixture(deployUnfollowed);
        await feed.write(1n, 2n, [round]);
        await expect(volatility.follow(ETH))
          .to.be.revertedWithCustomError(volatility, "NoRoundToFollow")
          .withArgs(ETH, await feed.getAddress());
      });
    }

    for (const [edge, answer] of [
      ["lower", 30n * UNIT + 1n],
      ["upper", 300_000n * UNIT - 1n],
    ] as const) {
      it(`not when it is the last inside of the band's ${edge} end`, async () => {
        const { volatility, feed, start } = await loadFixture(deployUnfollowed);
        await feed.write(1n, 2n, [{ answer, updatedAt: start }]);
        await volatility.follow(ETH);
        expect((await keptOf(volatility)).answer).to.equal(answer);
      });
    }

    it("when the feed is silent", async () => {
      const { volatility, prices } = await loadFixture(deployUnfollowed);
      for (const failure of [0n, 1n, 2n, 3n]) {
        const broken = await ethers.deployContract("MockBrokenFeed", [8n, failure]);
        await prices.setSources(ETH, [await feedOf(broken, BAND)], [], 0n);
        await expect(volatility.follow(ETH), `failure ${failure}`)
          .to.be.revertedWithCustomError(volatility, "NoRoundToFollow")
          .withArgs(ETH, await broken.getAddress());
      }
    });

    it("when the latest round's number does not fit", async () => {
      const { volatility, feed, start } = await loadFixture(deployUnfollowed);
      await feed.write(1n, 2n ** 48n, [{ answer: 3_000n * UNIT, updatedAt: start }]);
      await expect(volatility.follow(ETH))
        .to.be.revertedWithCustomError(volatility, "NoRoundToFollow")
        .withArgs(ETH, await feed.getAddress());
    });
  });
});
