import { expect } from "chai";
import { network } from "hardhat";
import { feedOf, WAD } from "./support/sources.js";
import {
  BAND,
  DAY,
  deployFollowed,
  ETH,
  idOf,
  keptOf,
  PRIOR,
  UNIT,
  type VolatilityScene,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

async function deployListed() {
  return deployFollowed(ethers);
}

/** Another feed of ETH's, at phase 4, with one round, and governance has the price oracle read it. */
async function replaceFeed(
  { prices }: VolatilityScene,
  round: { answer: bigint; updatedAt: bigint },
) {
  const other = await ethers.deployContract("MockPhasedFeed", [8n, 4n]);
  await other.write(4n, 7n, [round]);
  await prices.setSources(ETH, [await feedOf(other, BAND)], [], 0n);
  return other;
}

describe("VolatilityOracle: follow another source", () => {
  describe("after governance has replaced the source", () => {
    it("does not compare the new feed's price with the former's: volatility goes on", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      await feed.write(1n, 2n, [{ answer: 3_300n * UNIT, updatedAt: start + 60n }]);
      await volatility.poke(ETH, 256n);
      const before = await keptOf(volatility);
      const other = await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start + 60n });
      await expect(volatility.follow(ETH))
        .to.emit(volatility, "FeedFollowed")
        .withArgs(ETH, await other.getAddress(), idOf(4n, 7n));
      expect(await keptOf(volatility)).to.deep.equal({
        ...before,
        answer: 9_000n * UNIT,
        roundId: idOf(4n, 7n),
      });
    });

    it("takes the time between the two as one without news", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      await feed.write(1n, 2n, [{ answer: 3_030n * UNIT, updatedAt: start + 3_600n }]);
      await volatility.poke(ETH, 256n);
      await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start + 3_600n + DAY });
      await volatility.follow(ETH);
      const kept = await keptOf(volatility);
      // (373,947 x 364,837,480,467 + 86,400 x 360e9) / 460,347 and (124,649 x 374,240,861,431 + ...) / 211,049, up.
      expect(kept.slowVariance).to.equal(363_929_560_328n);
      expect(kept.fastVariance).to.equal(368_410_886_271n);
      expect(kept.acceptedAt).to.equal(start + 3_600n + DAY);
    });

    it("does not go back in time when the new feed's latest round is older", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, start } = scene;
      await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start - 60n });
      await volatility.follow(ETH);
      expect(await keptOf(volatility)).to.deep.equal({
        slowVariance: PRIOR,
        fastVariance: PRIOR,
        acceptedAt: start,
        answer: 9_000n * UNIT,
        roundId: idOf(4n, 7n),
      });
    });

    it("looks first at the former feed's last rounds", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      await feed.write(1n, 2n, [{ answer: 3_030n * UNIT, updatedAt: start + 3_600n }]);
      await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start + 3_600n });
      await expect(volatility.follow(ETH))
        .to.emit(volatility, "RoundsFollowed")
        .withArgs(
          ETH,
          1n,
          idOf(4n, 7n),
          9_000n * UNIT,
          start + 3_600n,
          364_837_480_467n,
          374_240_861_431n,
        );
    });

    it("looks at 256 of the former feed's rounds at most, and lets the others go", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      const rounds = Array.from({ length: 257 }, (_, place) => ({
        answer: (3_000n + BigInt(place % 2)) * UNIT,
        updatedAt: start + 60n * BigInt(place + 1),
      }));
      // The last one would not be missed if it were heard.
      rounds[256]!.answer = 9_000n * UNIT;
      await feed.write(1n, 2n, rounds);
      const end = start + 60n * 257n;
      const snapshot = await networkHelpers.takeSnapshot();
      await volatility.poke(ETH, 256n);
      const { slowVariance, fastVariance, acceptedAt } = await keptOf(volatility);
      expect(acceptedAt).to.equal(end - 60n);
      await snapshot.restore();

      await replaceFeed(scene, { answer: 3_000n * UNIT, updatedAt: end });
      // A minute without news between the two.
      const silent = (variance: bigint, memory: bigint) =>
        (memory * variance + PRIOR * 60n + memory + 59n) / (memory + 60n);
      await expect(volatility.follow(ETH))
        .to.emit(volatility, "RoundsFollowed")
        .withArgs(
          ETH,
          256n,
          idOf(4n, 7n),
          3_000n * UNIT,
          end,
          silent(slowVariance, 373_947n),
          silent(fastVariance, 124_649n),
        );
    });

    it("refuses a feed that does not say its decimals any more, and stays with the former", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, start } = scene;
      const before = await keptOf(volatility);
      const other = await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start });
      await networkHelpers.setCode(await other.getAddress(), "0x60006000fd");
      await expect(volatility.follow(ETH))
        .to.be.revertedWithCustomError(volatility, "NoRoundToFollow")
        .withArgs(ETH, await other.getAddress());
      expect(await keptOf(volatility)).to.deep.equal(before);
    });

    it("follows the former feed until then, whatever the price oracle reads", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start });
      await feed.write(1n, 2n, [{ answer: 3_030n * UNIT, updatedAt: start + 3_600n }]);
      await volatility.poke(ETH, 256n);
      expect((await keptOf(volatility)).slowVariance).to.equal(364_837_480_467n);
      expect((await volatility.feedOf(ETH)).feed).to.equal(await feed.getAddress());
    });

    it("lets a silent former feed go, with what it did not say", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, feed, start } = scene;
      await networkHelpers.setCode(await feed.getAddress(), "0x60006000fd");
      await replaceFeed(scene, { answer: 9_000n * UNIT, updatedAt: start });
      await volatility.follow(ETH);
      expect((await keptOf(volatility)).roundId).to.equal(idOf(4n, 7n));
    });

    it("may follow a feed of other decimals", async () => {
      const scene = await loadFixture(deployListed);
      const { volatility, prices, start } = scene;
      const wide = await ethers.deployContract("MockPhasedFeed", [18n, 1n]);
      await wide.write(1n, 1n, [
        { answer: 3_000n * WAD, updatedAt: start },
        { answer: 3_030n * WAD, updatedAt: start + 3_600n },
      ]);
      const aggregator = await ethers.getContractAt(
        "MockPhaseAggregator",
        await wide.phaseAggregators(1n),
      );
      await aggregator.setLatestRound(1n);
      await prices.setSources(ETH, [await feedOf(wide, BAND)], [], 0n);
      await volatility.follow(ETH);
      await aggregator.setLatestRound(2n);
      await volatility.poke(ETH, 1n);
      const kept = await keptOf(volatility);
      // 3,000e18 is above 2^56, but its low bits are 0: nothing is lost of it.
      expect(kept.slowVariance).to.equal(364_837_480_467n);
      // 3,030 x 10^18 has 15 bits more than are kept, and 19 zeros at its end.
      expect(kept.answer).to.equal(3_030n * WAD);
    });
  });

  describe("after governance has changed the band", () => {
    it("looks at the rounds so far in the old band and at later ones in the new one", async () => {
      const { volatility, prices, feed, start } = await loadFixture(deployListed);
      await feed.write(1n, 2n, [{ answer: 3_030n * UNIT, updatedAt: start + 3_600n }]);
      const band = { minimum: 2_900n * WAD, maximum: 3_020n * WAD };
      await prices.setSources(ETH, [await feedOf(feed, band)], [], 0n);
      await volatility.follow(ETH);
      const kept = await keptOf(volatility);
      expect([kept.answer, kept.slowVariance]).to.deep.equal([3_030n * UNIT, 364_837_480_467n]);
      expect(await volatility.feedOf(ETH)).to.deep.equal([
        await feed.getAddress(),
        band.minimum,
        band.maximum,
      ]);

      await feed.write(1n, 3n, [{ answer: 3_020n * UNIT, updatedAt: start + 7_200n }]);
      expect(await volatility.poke.staticCall(ETH, 5n)).to.equal(1n);
      await volatility.poke(ETH, 5n);
      expect(await keptOf(volatility)).to.deep.equal({ ...kept, roundId: idOf(1n, 3n) });
    });

    it("moves nothing by itself", async () => {
      const { volatility, prices, feed } = await loadFixture(deployListed);
      const before = await volatility.volatilityOf(ETH);
      await time.increase(DAY);
      await prices.setSources(ETH, [await feedOf(feed, { ...BAND, minimum: WAD })], [], 0n);
      await volatility.follow(ETH);
      expect(await volatility.volatilityOf(ETH)).to.deep.equal(before);
    });
  });
});
