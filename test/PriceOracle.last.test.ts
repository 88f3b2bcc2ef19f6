import { expect } from "chai";
import { network } from "hardhat";
import { feedOf, HOUR, MAXIMUM_AGE, WAD } from "./support/sources.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const ETH = 1n;
const DOLLAR = WAD;
const PRICE = 3_000n * DOLLAR;
const GRACE = 3_600n;
const ALLOWED_BPS = 200n;

/** How long a price that was accepted says anything. */
const LAST_PRICE_SECONDS = 259_200n;
const NOTED_PRICE_SECONDS = 14_400n;

/** How far new sources may be from old ones. */
const AGREEMENT_BPS = 200n;

/** PUSH1 0, PUSH1 0, REVERT: a proxy to which access was taken away. */
const REVERTING_CODE = "0x60006000fd";

async function deployOracle() {
  const [governor, stranger] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const oracle = await ethers.deployContract("PriceOracle", [await manager.getAddress()]);
  return { oracle, stranger: stranger! };
}

/** A feed of 18 decimals, so that answers are prices. */
async function deployFeed(price: bigint) {
  return ethers.deployContract("MockV3Aggregator", [18n, price]);
}

async function deployOneFeed() {
  const deployed = await deployOracle();
  const feed = await deployFeed(PRICE);
  await deployed.oracle.setSources(ETH, [await feedOf(feed)], [], 0n);
  return { ...deployed, feed, updatedAt: await feed.latestTimestamp() };
}

async function deployTwoSources() {
  const deployed = await deployOracle();
  const [first, second] = [await deployFeed(PRICE), await deployFeed(2_980n * DOLLAR)];
  const { oracle } = deployed;
  await oracle.setSources(ETH, [await feedOf(first)], [await feedOf(second)], ALLOWED_BPS);
  return { ...deployed, first, second };
}

/** wstETH in dollars: a rate that is good for a day times dollars that are good for an hour. */
async function deployComposite() {
  const deployed = await deployOracle();
  const [rate, dollars] = [await deployFeed((12n * WAD) / 10n), await deployFeed(PRICE)];
  const { oracle } = deployed;
  const daily = { maximumAge: 86_400n, minimum: WAD / 2n, maximum: 2n * WAD };
  await oracle.setSources(ETH, [await feedOf(rate, daily), await feedOf(dollars)], [], 0n);
  return { ...deployed, rate, dollars };
}

async function deploySequencer() {
  const deployed = await deployOneFeed();
  const uptime = await ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  await deployed.oracle.setSequencer(await uptime.getAddress(), GRACE);
  await time.increase(GRACE);
  await deployed.feed.updateAnswer(PRICE);
  return { ...deployed, uptime };
}

type Feed = Awaited<ReturnType<typeof deployFeed>>;

/** An answer with a time of its own, as a feed that fell silent then still gives it. */
async function answerAt(feed: Feed, price: bigint, updatedAt: bigint): Promise<void> {
  await feed.updateRoundData(2n, price, updatedAt, updatedAt);
}

async function now(): Promise<bigint> {
  return BigInt(await time.latest());
}

describe("PriceOracle: notePrice", () => {
  it("keeps today's price for anyone who asks it to, and tells", async () => {
    const { oracle, feed, stranger } = await loadFixture(deployOneFeed);
    await expect(oracle.connect(stranger).notePrice(ETH))
      .to.emit(oracle, "PriceNoted")
      .withArgs(ETH, PRICE);
    await networkHelpers.setCode(await feed.getAddress(), REVERTING_CODE);
    expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
  });

  it("keeps the newest price only", async () => {
    const { oracle, feed } = await loadFixture(deployOneFeed);
    await oracle.notePrice(ETH);
    await feed.updateAnswer(2_000n * DOLLAR);
    await oracle.notePrice(ETH);
    await networkHelpers.setCode(await feed.getAddress(), REVERTING_CODE);
    expect(await oracle.lastPrice(ETH)).to.equal(2_000n * DOLLAR);
  });

  it("does not change the price", async () => {
    const { oracle, feed } = await loadFixture(deployOneFeed);
    await oracle.notePrice(ETH);
    await feed.updateAnswer(2_000n * DOLLAR);
    expect(await oracle.price(ETH)).to.equal(2_000n * DOLLAR);
  });

  it("keeps nothing that is no price today, with the reason (OR1, OR2)", async () => {
    const { oracle, feed, updatedAt } = await loadFixture(deployOneFeed);
    const address = await feed.getAddress();
    await expect(oracle.notePrice(7n))
      .to.be.revertedWithCustomError(oracle, "UnknownUnderlying")
      .withArgs(7n);
    await feed.updateAnswer(0n);
    await expect(oracle.notePrice(ETH))
      .to.be.revertedWithCustomError(oracle, "InvalidPrice")
      .withArgs(ETH, address, 0n);
    await answerAt(feed, PRICE, updatedAt);
    await time.increaseTo(updatedAt + MAXIMUM_AGE + 1n);
    await expect(oracle.notePrice(ETH))
      .to.be.revertedWithCustomError(oracle, "StalePrice")
      .withArgs(ETH, address, updatedAt, MAXIMUM_AGE);
  });

  it("keeps nothing while the sequencer is down (SQ1)", async () => {
    const { oracle, uptime } = await loadFixture(deploySequencer);
    await uptime.updateAnswer(1n);
    await expect(oracle.notePrice(ETH))
      .to.be.revertedWithCustomError(oracle, "SequencerDown")
      .withArgs(await now(), GRACE);
  });
});

describe("PriceOracle: lastPrice", () => {
  async function expectNone({
    oracle,
  }: {
    oracle: Awaited<ReturnType<typeof deployOracle>>["oracle"];
  }): Promise<void> {
    await expect(oracle.lastPrice(ETH))
      .to.be.revertedWithCustomError(oracle, "NoLastPrice")
      .withArgs(ETH);
  }

  it("names an underlying without sources", async () => {
    const { oracle } = await loadFixture(deployOneFeed);
    await expect(oracle.lastPrice(7n))
      .to.be.revertedWithCustomError(oracle, "UnknownUnderlying")
      .withArgs(7n);
  });

  describe("when the source is stale", () => {
    it("is what it said last, up to and including three days", async () => {
      const { oracle, updatedAt } = await loadFixture(deployOneFeed);
      for (const age of [MAXIMUM_AGE + 1n, LAST_PRICE_SECONDS]) {
        await time.increaseTo(updatedAt + age);
        expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
      }
    });

    it("is nothing one second later", async () => {
      const scene = await loadFixture(deployOneFeed);
      await time.increaseTo(scene.updatedAt + LAST_PRICE_SECONDS + 1n);
      await expectNone(scene);
    });

    for (const [name, answer] of [
      ["zero", 0n],
      ["negative", -1n],
      ["at the minimum", DOLLAR],
      ["at the maximum", 1_000_000n * DOLLAR],
    ] as const) {
      it(`is nothing when that was ${name}: it never was a price (OR2)`, async () => {
        const scene = await loadFixture(deployOneFeed);
        await scene.feed.updateAnswer(answer);
        await time.increase(2 * HOUR);
        await expectNone(scene);
      });
    }

    it("is what was one tick inside the band", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await feed.updateAnswer(DOLLAR + 1n);
      await time.increase(2 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(DOLLAR + 1n);
    });

    it("is nothing when it has no time, or one in the future", async () => {
      const scene = await loadFixture(deployOneFeed);
      await answerAt(scene.feed, PRICE, 0n);
      await expectNone(scene);
      await answerAt(scene.feed, PRICE, (await now()) + 100n);
      await expectNone(scene);
    });

    it("is nothing when it does not answer at all", async () => {
      const scene = await loadFixture(deployOneFeed);
      await networkHelpers.setCode(await scene.feed.getAddress(), REVERTING_CODE);
      await expectNone(scene);
    });
  });

  describe("when the source is fresh", () => {
    it("says nothing of a good price: that is what `price` is for", async () => {
      await expectNone(await loadFixture(deployOneFeed));
    });

    it("says nothing of an invalid one, not even what was said before it (OR2)", async () => {
      const scene = await loadFixture(deployOneFeed);
      await scene.feed.updateAnswer(0n);
      await expectNone(scene);
    });

    it("says nothing of two that are too far apart", async () => {
      const scene = await loadFixture(deployTwoSources);
      await scene.second.updateAnswer(2_000n * DOLLAR);
      await expectNone(scene);
    });

    for (const [name, answer] of [
      ["invalid", 0n],
      ["too far from the other", 2_000n * DOLLAR],
    ] as const) {
      it(`is the noted price when a source is ${name}`, async () => {
        const { oracle, second } = await loadFixture(deployTwoSources);
        await oracle.notePrice(ETH);
        await second.updateAnswer(answer);
        expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
      });
    }

    it("is what the stale source said when the other is fresh and invalid", async () => {
      const { oracle, second } = await loadFixture(deployTwoSources);
      await time.increase(2 * HOUR);
      await second.updateAnswer(0n);
      expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
    });
  });

  describe("when both sources are stale", () => {
    for (const [newer, expected] of [
      ["primary", PRICE],
      ["secondary", 2_980n * DOLLAR],
    ] as const) {
      it(`is what the ${newer} said when it is the newer one`, async () => {
        const { oracle, first, second } = await loadFixture(deployTwoSources);
        const at = await now();
        await answerAt(first, PRICE, newer === "primary" ? at : at - 1n);
        await answerAt(second, 2_980n * DOLLAR, newer === "primary" ? at - 1n : at);
        await time.increase(2 * HOUR);
        expect(await oracle.lastPrice(ETH)).to.equal(expected);
      });
    }

    it("is what the primary said when they are equally old", async () => {
      const { oracle, first, second } = await loadFixture(deployTwoSources);
      const at = await now();
      await answerAt(first, PRICE, at);
      await answerAt(second, 2_980n * DOLLAR, at);
      await time.increase(2 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
    });

    it("is what the older one said when the newer answer is no price", async () => {
      const { oracle, first, second } = await loadFixture(deployTwoSources);
      const at = await now();
      await answerAt(first, -1n, at);
      await answerAt(second, 2_980n * DOLLAR, at - 100n);
      await time.increase(2 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(2_980n * DOLLAR);
    });
  });

  describe("when a price was noted", () => {
    it("is the note when the source fell silent before it", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await oracle.notePrice(ETH);
      await answerAt(feed, 2_000n * DOLLAR, (await now()) - 1n);
      await time.increase(2 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
    });

    it("is what the source said when it spoke after the note", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await oracle.notePrice(ETH);
      await answerAt(feed, 2_000n * DOLLAR, (await now()) + 1n);
      await time.increase(2 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(2_000n * DOLLAR);
    });

    it("gives way to an older answer of a stale source once it is too old itself", async () => {
      const { oracle, feed, updatedAt } = await loadFixture(deployOneFeed);
      await oracle.notePrice(ETH);
      await answerAt(feed, 2_000n * DOLLAR, updatedAt);
      await time.increase(5 * HOUR);
      expect(await oracle.lastPrice(ETH)).to.equal(2_000n * DOLLAR);
    });

    it("serves up to and including four hours, not a second longer", async () => {
      const scene = await loadFixture(deployOneFeed);
      await scene.oracle.notePrice(ETH);
      const notedAt = await now();
      await networkHelpers.setCode(await scene.feed.getAddress(), REVERTING_CODE);
      await time.increaseTo(notedAt + NOTED_PRICE_SECONDS);
      expect(await scene.oracle.lastPrice(ETH)).to.equal(PRICE);
      await time.increaseTo(notedAt + NOTED_PRICE_SECONDS + 1n);
      await expectNone(scene);
    });
  });

  describe("when the source is a product of feeds", () => {
    it("is as old as the oldest answer", async () => {
      const scene = await loadFixture(deployComposite);
      const { oracle, rate, dollars } = scene;
      const at = await now();
      await answerAt(rate, (11n * WAD) / 10n, at - 50_000n);
      await answerAt(dollars, PRICE, at - 2n * BigInt(HOUR));
      expect(await oracle.lastPrice(ETH)).to.equal(3_300n * DOLLAR);
      await time.increaseTo(at - 50_000n + LAST_PRICE_SECONDS);
      expect(await oracle.lastPrice(ETH)).to.equal(3_300n * DOLLAR);
      await time.increaseTo(at - 50_000n + LAST_PRICE_SECONDS + 1n);
      await expectNone(scene);
    });

    it("is nothing when one of them answers no price, however good the others", async () => {
      const scene = await loadFixture(deployComposite);
      await scene.rate.updateAnswer(0n);
      await time.increase(2 * HOUR);
      await expectNone(scene);
    });
  });

  it("asks the sequencer first, to the second (SQ1)", async () => {
    const { oracle, uptime, feed } = await loadFixture(deploySequencer);
    const silentSince = await feed.latestTimestamp();
    await uptime.updateAnswer(1n);
    const downSince = await now();
    await time.increaseTo(silentSince + MAXIMUM_AGE + 1n);
    await expect(oracle.lastPrice(ETH))
      .to.be.revertedWithCustomError(oracle, "SequencerDown")
      .withArgs(downSince, GRACE);
    await uptime.updateAnswer(0n);
    const upSince = await now();
    await time.increaseTo(upSince + GRACE - 1n);
    await expect(oracle.lastPrice(ETH))
      .to.be.revertedWithCustomError(oracle, "SequencerDown")
      .withArgs(upSince, GRACE);
    await time.increaseTo(upSince + GRACE);
    expect(await oracle.lastPrice(ETH)).to.equal(PRICE);
  });
});

describe("PriceOracle: setSources for an underlying that has sources", () => {
  async function replaceBy(
    { oracle }: { oracle: Awaited<ReturnType<typeof deployOracle>>["oracle"] },
    price: bigint,
  ) {
    return oracle.setSources(ETH, [await feedOf(await deployFeed(price))], [], 0n);
  }

  const EDGE = (PRICE * AGREEMENT_BPS) / 10_000n;

  for (const side of [-1n, 1n]) {
    const where = side < 0n ? "below" : "above";

    it(`takes a source exactly 2 % ${where} the old one, and none a wei further`, async () => {
      const scene = await loadFixture(deployOneFeed);
      await expect(replaceBy(scene, PRICE + side * (EDGE + 1n)))
        .to.be.revertedWithCustomError(scene.oracle, "SourcesDisagree")
        .withArgs(ETH, PRICE, PRICE + side * (EDGE + 1n), AGREEMENT_BPS);
      expect(await scene.oracle.price(ETH)).to.equal(PRICE);
      await replaceBy(scene, PRICE + side * EDGE);
      expect(await scene.oracle.price(ETH)).to.equal(PRICE + side * EDGE);
    });

    it(`compares with the last price when the old source is silent, 2 % ${where} it`, async () => {
      const scene = await loadFixture(deployOneFeed);
      await time.increase(2 * HOUR);
      await expect(replaceBy(scene, PRICE + side * (EDGE + 1n)))
        .to.be.revertedWithCustomError(scene.oracle, "SourcesDisagree")
        .withArgs(ETH, PRICE, PRICE + side * (EDGE + 1n), AGREEMENT_BPS);
      await replaceBy(scene, PRICE + side * EDGE);
      expect(await scene.oracle.price(ETH)).to.equal(PRICE + side * EDGE);
    });
  }

  it("compares with the noted price when the old source is dead or disputed", async () => {
    const scene = await loadFixture(deployTwoSources);
    await scene.oracle.notePrice(ETH);
    await scene.second.updateAnswer(2_000n * DOLLAR);
    await expect(replaceBy(scene, 2_000n * DOLLAR))
      .to.be.revertedWithCustomError(scene.oracle, "SourcesDisagree")
      .withArgs(ETH, PRICE, 2_000n * DOLLAR, AGREEMENT_BPS);
    await networkHelpers.setCode(await scene.first.getAddress(), REVERTING_CODE);
    await networkHelpers.setCode(await scene.second.getAddress(), REVERTING_CODE);
    await expect(replaceBy(scene, 2_000n * DOLLAR))
      .to.be.revertedWithCustomError(scene.oracle, "SourcesDisagree")
      .withArgs(ETH, PRICE, 2_000n * DOLLAR, AGREEMENT_BPS);
  });

  it("takes any price once there is no last one: dead sources do not stay for ever", async () => {
    const scene = await loadFixture(deployOneFeed);
    const snapshot = await networkHelpers.takeSnapshot();
    await networkHelpers.setCode(await scene.feed.getAddress(), REVERTING_CODE);
    await replaceBy(scene, 5n * DOLLAR);
    expect(await scene.oracle.price(ETH)).to.equal(5n * DOLLAR);

    await snapshot.restore();
    await time.increaseTo(scene.updatedAt + LAST_PRICE_SECONDS - 100n);
    const late = await feedOf(await deployFeed(5n * DOLLAR));
    await time.setNextBlockTimestamp(scene.updatedAt + LAST_PRICE_SECONDS);
    await expect(scene.oracle.setSources(ETH, [late], [], 0n))
      .to.be.revertedWithCustomError(scene.oracle, "SourcesDisagree")
      .withArgs(ETH, PRICE, 5n * DOLLAR, AGREEMENT_BPS);
    await time.setNextBlockTimestamp(scene.updatedAt + LAST_PRICE_SECONDS + 1n);
    await scene.oracle.setSources(ETH, [late], [], 0n);
    expect(await scene.oracle.price(ETH)).to.equal(5n * DOLLAR);
  });

  it("wants a new source that can be read, and keeps the old one otherwise", async () => {
    const { oracle } = await loadFixture(deployOneFeed);
    const dead = await ethers.deployContract("MockBrokenFeed", [18n, 0n]);
    await expect(oracle.setSources(ETH, [await feedOf(dead)], [], 0n))
      .to.be.revertedWithCustomError(oracle, "StalePrice")
      .withArgs(ETH, await dead.getAddress(), 0n, MAXIMUM_AGE);
    expect(await oracle.price(ETH)).to.equal(PRICE);
  });

  it("waits until the sequencer is up and its grace period over (SQ1)", async () => {
    const scene = await loadFixture(deploySequencer);
    await scene.uptime.updateAnswer(1n);
    const downSince = await now();
    await expect(replaceBy(scene, PRICE))
      .to.be.revertedWithCustomError(scene.oracle, "SequencerDown")
      .withArgs(downSince, GRACE);
    await scene.uptime.updateAnswer(0n);
    const upSince = await now();
    const next = await feedOf(await deployFeed(PRICE));
    await time.setNextBlockTimestamp(upSince + GRACE - 1n);
    await expect(scene.oracle.setSources(ETH, [next], [], 0n))
      .to.be.revertedWithCustomError(scene.oracle, "SequencerDown")
      .withArgs(upSince, GRACE);
    await time.setNextBlockTimestamp(upSince + GRACE);
    await scene.oracle.setSources(ETH, [next], [], 0n);
  });

  it("compares nothing when an underlying is listed: no account can hold it yet", async () => {
    const { oracle } = await loadFixture(deployOneFeed);
    await oracle.setSources(2n, [await feedOf(await deployFeed(5n * DOLLAR))], [], 0n);
    expect(await oracle.price(2n)).to.equal(5n * DOLLAR);
  });

  it("lets neither a secondary nor another deviation carry a price past 2 %", async () => {
    const { oracle, feed } = await loadFixture(deployOneFeed);
    const far = await feedOf(await deployFeed(2_000n * DOLLAR));
    await expect(oracle.setSources(ETH, [far], [await feedOf(feed)], 5_000n))
      .to.be.revertedWithCustomError(oracle, "SourcesDisagree")
      .withArgs(ETH, PRICE, 2_000n * DOLLAR, AGREEMENT_BPS);
    await oracle.setSources(ETH, [await feedOf(feed)], [far], 5_000n);
    expect(await oracle.price(ETH)).to.equal(PRICE);
  });
});
