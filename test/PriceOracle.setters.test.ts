import { expect } from "chai";
import { network } from "hardhat";
import { feedOf, MAXIMUM_AGE, WAD } from "./support/sources.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const ETH = 1n;
const UNIT = 10n ** 8n;
const MOST_PRICE = 2n ** 128n - 1n;
const WEEK = 604_800n;
const nameOf = ethers.encodeBytes32String;

async function deployOracle() {
  const [governor, stranger] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const oracle = await ethers.deployContract("PriceOracle", [await manager.getAddress()]);
  const feed = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * UNIT]);
  const uptime = await ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  return { oracle, manager, feed, uptime, stranger: stranger! };
}

/** An aggregator clamped to [1, 10,000] dollars, and a proxy before it. */
async function deployClamped() {
  const { oracle } = await deployOracle();
  const clamp = [UNIT, 10_000n * UNIT];
  const aggregator = await ethers.deployContract("MockClampedAggregator", [8n, UNIT, ...clamp]);
  const behind = await aggregator.getAddress();
  const proxy = await ethers.deployContract("MockFeedProxy", [8n, 3_000n * UNIT, behind]);
  return { oracle, aggregator, proxy };
}

describe("PriceOracle: setters", () => {
  describe("setSources", () => {
    it("is refused to a stranger", async () => {
      const { oracle, feed, stranger } = await loadFixture(deployOracle);
      const sources = oracle.connect(stranger).setSources(ETH, [await feedOf(feed)], [], 0n);
      await expect(sources)
        .to.be.revertedWithCustomError(oracle, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells the sources that it was given, in its event and when asked", async () => {
      const { oracle, feed, uptime } = await loadFixture(deployOracle);
      const primary = [await feedOf(feed), await feedOf(uptime, { maximumAge: 86_400n })];
      const secondary = [await feedOf(feed, { minimum: 2n * WAD, maximum: 5n * WAD })];
      const rows = (feeds: typeof primary) =>
        feeds.map((one) => [one.aggregator, one.maximumAge, one.minimum, one.maximum]);
      await expect(oracle.setSources(ETH, primary, secondary, 150n))
        .to.emit(oracle, "SourcesSet")
        .withArgs(ETH, rows(primary), rows(secondary), 150n);
      const stored = await oracle.sourcesOf(ETH);
      expect(stored).to.deep.equal([rows(primary), rows(secondary), 150n]);
    });

    it("tells no sources of an underlying that has none", async () => {
      const { oracle } = await loadFixture(deployOracle);
      expect(await oracle.sourcesOf(ETH)).to.deep.equal([[], [], 0n]);
    });

    it("replaces the sources, a composite by a single feed included", async () => {
      const { oracle, feed } = await loadFixture(deployOracle);
      const single = await feedOf(feed);
      await oracle.setSources(ETH, [single, single, single], [single, single], 5_000n);
      await oracle.setSources(ETH, [single], [], 0n);
      const [primary, secondary, deviation] = await oracle.sourcesOf(ETH);
      expect([primary.length, secondary.length, deviation]).to.deep.equal([1, 0, 0n]);
      expect(await oracle.price(ETH)).to.equal(3_000n * WAD);
    });

    it("refuses underlying 0", async () => {
      const { oracle, feed } = await loadFixture(deployOracle);
      await expect(oracle.setSources(0n, [await feedOf(feed)], [], 0n))
        .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
        .withArgs(nameOf("underlying"), 0n, 1n, 2n ** 24n - 1n);
    });

    for (const [primary, secondary, given] of [
      [0, 0, 0],
      [4, 0, 4],
      [1, 4, 4],
    ] as const) {
      it(`refuses ${primary} primary and ${secondary} secondary feeds`, async () => {
        const { oracle, feed } = await loadFixture(deployOracle);
        const one = await feedOf(feed);
        const first = Array.from({ length: primary }, () => one);
        const second = Array.from({ length: secondary }, () => one);
        await expect(oracle.setSources(ETH, first, second, secondary === 0 ? 0n : 100n))
          .to.be.revertedWithCustomError(oracle, "WrongNumberOfFeeds")
          .withArgs(given, 3n);
      });
    }

    for (const [deviation, hasSecondary, least, most] of [
      [1n, false, 0n, 0n],
      [0n, true, 1n, 5_000n],
      [5_001n, true, 1n, 5_000n],
    ] as const) {
      const where = hasSecondary ? "with" : "without";
      it(`refuses a deviation of ${deviation} bps ${where} a secondary`, async () => {
        const { oracle, feed } = await loadFixture(deployOracle);
        const one = await feedOf(feed);
        await expect(oracle.setSources(ETH, [one], hasSecondary ? [one] : [], deviation))
          .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
          .withArgs(nameOf("allowedDeviationBps"), deviation, least, most);
      });
    }

    for (const [title, overrides, name, value, least, most] of [
      ["an age below a minute", { maximumAge: 59n }, "maximumAge", 59n, 60n, WEEK],
      ["an age above a week", { maximumAge: WEEK + 1n }, "maximumAge", WEEK + 1n, 60n, WEEK],
      ["a minimum of 0", { minimum: 0n }, "minimum", 0n, 1n, MOST_PRICE],
      ["a maximum at the minimum", { maximum: WAD }, "maximum", WAD, WAD + 1n, MOST_PRICE],
    ] as const) {
      it(`refuses ${title}, in either source`, async () => {
        const { oracle, feed } = await loadFixture(deployOracle);
        const [good, bad] = [await feedOf(feed), await feedOf(feed, overrides)];
        for (const [primary, secondary] of [
          [bad, good],
          [good, bad],
        ] as const) {
          await expect(oracle.setSources(ETH, [primary], [secondary], 100n))
            .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
            .withArgs(nameOf(name), value, least, most);
        }
      });
    }

    it("takes the ends of every bound", async () => {
      const { oracle, feed } = await loadFixture(deployOracle);
      const low = await feedOf(feed, { maximumAge: 60n, minimum: 1n, maximum: 2n });
      const high = await feedOf(feed, { maximumAge: WEEK, minimum: 1n, maximum: MOST_PRICE });
      await expect(oracle.setSources(2n ** 24n - 1n, [low], [high], 5_000n)).not.to.revert(ethers);
      await expect(oracle.setSources(1n, [high], [low], 1n)).not.to.revert(ethers);
    });

    it("refuses feeds whose product could round down to 0", async () => {
      const { oracle, feed } = await loadFixture(deployOracle);
      const tiny = await feedOf(feed, { minimum: 10n ** 9n - 1n });
      await expect(oracle.setSources(ETH, [tiny, tiny], [], 0n))
        .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
        .withArgs(nameOf("productOfMinimums"), 0n, 1n, MOST_PRICE);
    });

    it("refuses feeds whose product could outgrow a price", async () => {
      const { oracle, feed } = await loadFixture(deployOracle);
      const vast = await feedOf(feed, { maximum: 10n ** 29n });
      await expect(oracle.setSources(ETH, [vast, vast], [], 0n))
        .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
        .withArgs(nameOf("productOfMaximums"), 10n ** 40n, 1n, MOST_PRICE);
    });

    it("refuses a feed of more than 24 decimals (TK3)", async () => {
      const { oracle } = await loadFixture(deployOracle);
      const feed = await ethers.deployContract("MockV3Aggregator", [25n, 1n]);
      await expect(oracle.setSources(ETH, [await feedOf(feed)], [], 0n))
        .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
        .withArgs(nameOf("decimals"), 25n, 0n, 24n);
    });

    it("refuses an address that does not say its decimals", async () => {
      const { oracle, manager, stranger } = await loadFixture(deployOracle);
      const zero = { getAddress: () => Promise.resolve(ethers.ZeroAddress) };
      for (const nothing of [manager, stranger, zero]) {
        await expect(oracle.setSources(ETH, [await feedOf(nothing)], [], 0n))
          .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
          .withArgs(nameOf("decimals"), 2n ** 256n - 1n, 0n, 24n);
      }
    });

    it("takes a feed that is silent today", async () => {
      const { oracle } = await loadFixture(deployOracle);
      const dead = await ethers.deployContract("MockBrokenFeed", [8n, 0n]);
      await oracle.setSources(ETH, [await feedOf(dead)], [], 0n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await dead.getAddress(), 0n, MAXIMUM_AGE);
    });

    // OR2: an answer at the clamp can never lie inside the band.
    for (const which of ["proxy", "aggregator"] as const) {
      describe(`when the ${which} leads to a clamp (OR2)`, () => {
        it("takes a band that is the clamp itself", async () => {
          const { oracle, ...feeds } = await loadFixture(deployClamped);
          const band = { minimum: WAD, maximum: 10_000n * WAD };
          const sources = oracle.setSources(ETH, [await feedOf(feeds[which], band)], [], 0n);
          await expect(sources).not.to.revert(ethers);
        });

        it("refuses a minimum below it", async () => {
          const { oracle, ...feeds } = await loadFixture(deployClamped);
          const band = { minimum: WAD - 1n, maximum: 10_000n * WAD };
          await expect(oracle.setSources(ETH, [await feedOf(feeds[which], band)], [], 0n))
            .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
            .withArgs(nameOf("minimum"), WAD - 1n, WAD, MOST_PRICE);
        });

        it("refuses a maximum above it", async () => {
          const { oracle, ...feeds } = await loadFixture(deployClamped);
          const band = { minimum: WAD, maximum: 10_000n * WAD + 1n };
          await expect(oracle.setSources(ETH, [await feedOf(feeds[which], band)], [], 0n))
            .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
            .withArgs(nameOf("maximum"), 10_000n * WAD + 1n, WAD + 1n, 10_000n * WAD);
        });
      });
    }

    it("takes any band under a clamp as wide as those of today's aggregators", async () => {
      const { oracle } = await loadFixture(deployOracle);
      const widest = [-(2n ** 191n), 2n ** 191n - 1n];
      const feed = await ethers.deployContract("MockClampedAggregator", [0n, 1n, ...widest]);
      const band = { minimum: 1n, maximum: MOST_PRICE };
      const sources = oracle.setSources(ETH, [await feedOf(feed, band)], [], 0n);
      await expect(sources).not.to.revert(ethers);
    });

    it("serves 256 underlyings and refuses one more, but never a change of one of them", async () => {
      const { oracle, feed, uptime } = await loadFixture(deployOracle);
      const one = await feedOf(feed);
      for (let id = 1n; id <= 256n; ++id) await oracle.setSources(id, [one], [], 0n);
      await expect(oracle.setSources(257n, [one], [], 0n))
        .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
        .withArgs(nameOf("underlyings"), 257n, 1n, 256n);
      await expect(oracle.setSources(256n, [one], [], 0n)).not.to.revert(ethers);
      const marking = await oracle.setSequencer(await uptime.getAddress(), 60n);
      expect((await marking.wait())!.gasUsed).to.be.lessThan(2_000_000n);
    });
  });

  describe("setSequencer", () => {
    it("is refused to a stranger", async () => {
      const { oracle, uptime, stranger } = await loadFixture(deployOracle);
      const set = oracle.connect(stranger).setSequencer(await uptime.getAddress(), 3_600n);
      await expect(set)
        .to.be.revertedWithCustomError(oracle, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells the feed and the grace period, at both ends of its bound", async () => {
      const { oracle, uptime } = await loadFixture(deployOracle);
      for (const grace of [60n, 86_400n]) {
        await expect(oracle.setSequencer(await uptime.getAddress(), grace))
          .to.emit(oracle, "SequencerSet")
          .withArgs(await uptime.getAddress(), grace);
      }
    });

    it("tells that there is none", async () => {
      const { oracle } = await loadFixture(deployOracle);
      await expect(oracle.setSequencer(ethers.ZeroAddress, 0n))
        .to.emit(oracle, "SequencerSet")
        .withArgs(ethers.ZeroAddress, 0n);
    });

    for (const [present, grace, least, most] of [
      [true, 59n, 60n, 86_400n],
      [true, 86_401n, 60n, 86_400n],
      [false, 1n, 0n, 0n],
    ] as const) {
      const where = present ? "with" : "without";
      it(`refuses ${grace} seconds of grace ${where} a sequencer`, async () => {
        const { oracle, uptime } = await loadFixture(deployOracle);
        const feed = present ? await uptime.getAddress() : ethers.ZeroAddress;
        await expect(oracle.setSequencer(feed, grace))
          .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
          .withArgs(nameOf("gracePeriodSeconds"), grace, least, most);
      });
    }

    it("refuses a price feed and an address that is no feed", async () => {
      const { oracle, feed, stranger } = await loadFixture(deployOracle);
      for (const [target, decimals] of [
        [await feed.getAddress(), 8n],
        [stranger.address, 2n ** 256n - 1n],
      ] as const) {
        await expect(oracle.setSequencer(target, 3_600n))
          .to.be.revertedWithCustomError(oracle, "FeedParameterOutOfBounds")
          .withArgs(nameOf("decimals"), decimals, 0n, 0n);
      }
    });
  });
});
