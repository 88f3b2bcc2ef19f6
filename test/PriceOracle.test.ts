import { expect } from "chai";
import { network } from "hardhat";
import { traceOf } from "./support/priceTrace.js";
import { feedOf, HOUR, MAXIMUM_AGE, WAD } from "./support/sources.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, mine, time } = networkHelpers;

const ETH = 1n;
const PRICE = 3_000n * WAD;
const ALLOWED_BPS = 200n;
const GRACE = 3_600n;

const FAILURES = [
  ["reverts", 0n],
  ["reverts with a bomb", 1n],
  ["returns less than a round", 2n],
  ["returns a bomb", 3n],
] as const;

async function deployOracle() {
  const [governor] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const oracle = await ethers.deployContract("PriceOracle", [await manager.getAddress()]);
  return { oracle };
}

async function deployOneFeed() {
  const { oracle } = await deployOracle();
  const feed = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * 10n ** 8n]);
  await oracle.setSources(ETH, [await feedOf(feed)], [], 0n);
  return { oracle, feed };
}

async function deployTwoSources() {
  const { oracle } = await deployOracle();
  const first = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * 10n ** 8n]);
  const second = await ethers.deployContract("MockV3Aggregator", [18n, 2_980n * WAD]);
  await oracle.setSources(ETH, [await feedOf(first)], [await feedOf(second)], ALLOWED_BPS);
  return { oracle, first, second };
}

/** wstETH in dollars: 1.2 stETH x 0.999 ETH x 3,000 dollars, each feed with decimals of its own. */
async function deployComposite() {
  const { oracle } = await deployOracle();
  const rate = await ethers.deployContract("MockV3Aggregator", [18n, (12n * WAD) / 10n]);
  const peg = await ethers.deployContract("MockV3Aggregator", [6n, 999_000n]);
  const dollars = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * 10n ** 8n]);
  const spare = await ethers.deployContract("MockV3Aggregator", [8n, 3_600n * 10n ** 8n]);
  const ratio = { minimum: WAD / 2n, maximum: 2n * WAD };
  const product = [
    await feedOf(rate, { ...ratio, maximumAge: 86_400n }),
    await feedOf(peg, { ...ratio, maximumAge: 43_200n }),
    await feedOf(dollars),
  ];
  await oracle.setSources(ETH, product, [], 0n);
  return { oracle, rate, peg, dollars, spare, product };
}

async function deploySequencer() {
  const { oracle } = await deployOneFeed();
  const uptime = await ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  await oracle.setSequencer(await uptime.getAddress(), GRACE);
  const since = await time.latest();
  return { oracle, uptime, since };
}

describe("PriceOracle: price", () => {
  describe("when the underlying has one feed", () => {
    it("returns the answer as a WAD", async () => {
      const { oracle } = await loadFixture(deployOneFeed);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });

    it("names an underlying without sources", async () => {
      const { oracle } = await loadFixture(deployOneFeed);
      const unknown = oracle.price(7n);
      await expect(unknown).to.be.revertedWithCustomError(oracle, "UnknownUnderlying").withArgs(7n);
    });

    // TK3: the price does not depend on how a feed writes it.
    for (const decimals of [0n, 6n, 8n, 18n, 24n]) {
      it(`returns the same price from a feed of ${decimals} decimals`, async () => {
        const { oracle } = await loadFixture(deployOracle);
        const answer = 3_000n * 10n ** decimals;
        const feed = await ethers.deployContract("MockV3Aggregator", [decimals, answer]);
        await oracle.setSources(ETH, [await feedOf(feed)], [], 0n);
        expect(await oracle.price(ETH)).to.equal(PRICE);
      });
    }

    it("rounds an answer of more than 18 decimals down", async () => {
      const { oracle } = await loadFixture(deployOracle);
      const feed = await ethers.deployContract("MockV3Aggregator", [
        24n,
        3n * 10n ** 24n + 999_999n,
      ]);
      await oracle.setSources(ETH, [await feedOf(feed)], [], 0n);
      expect(await oracle.price(ETH)).to.equal(3n * WAD);
    });

    it("reads one storage slot of its own and makes one call", async () => {
      const { oracle } = await loadFixture(deployOneFeed);
      const { slots, calls } = await traceOf(ethers, oracle, ETH);
      expect(slots).to.equal(1);
      expect(calls).to.equal(1);
    });

    it("costs less than 19,000 gas cold, the mock feed's own 12,000 included", async () => {
      const { oracle } = await loadFixture(deployOneFeed);
      expect((await traceOf(ethers, oracle, ETH)).gas).to.be.lessThan(19_000);
    });
  });

  describe("when the answer grows old (OR1)", () => {
    it("is still good at exactly its maximum age", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await time.increaseTo((await feed.latestTimestamp()) + MAXIMUM_AGE);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });

    it("is refused one second later", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      const updatedAt = await feed.latestTimestamp();
      await time.increaseTo(updatedAt + MAXIMUM_AGE + 1n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), updatedAt, MAXIMUM_AGE);
    });

    it("takes an answer without a time for stale, whatever it says", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await feed.updateRoundData(2n, 0n, 0n, 0n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), 0n, MAXIMUM_AGE);
    });

    it("takes an answer from the future for stale until its time has come", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      const soon = BigInt(await time.latest()) + 100n;
      await feed.updateRoundData(2n, 3_000n * 10n ** 8n, soon, soon);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), soon, MAXIMUM_AGE);
      await time.increaseTo(soon);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });
  });

  describe("when the answer is at the edge of its band (OR2)", () => {
    const unit = 10n ** 8n;
    const refused = { zero: 0n, "minus one": -1n, minimum: unit, maximum: 1_000_000n * unit };
    const extremes = { "int256's least": -(2n ** 255n), "int256's most": 2n ** 255n - 1n };
    for (const [name, answer] of Object.entries({ ...refused, ...extremes })) {
      it(`refuses ${name}`, async () => {
        const { oracle, feed } = await loadFixture(deployOneFeed);
        await feed.updateAnswer(answer);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "InvalidPrice")
          .withArgs(ETH, await feed.getAddress(), answer);
      });
    }

    for (const answer of [unit + 1n, 1_000_000n * unit - 1n]) {
      it(`accepts one tick inside, ${answer}`, async () => {
        const { oracle, feed } = await loadFixture(deployOneFeed);
        await feed.updateAnswer(answer);
        expect(await oracle.price(ETH)).to.equal(answer * 10n ** 10n);
      });
    }

    it("refuses an answer at the aggregator's clamp under the widest band it takes", async () => {
      const { oracle } = await loadFixture(deployOracle);
      const args = [8n, 10n * unit, unit, 10_000n * unit];
      const feed = await ethers.deployContract("MockClampedAggregator", args);
      const band = { minimum: WAD, maximum: 10_000n * WAD };
      await oracle.setSources(ETH, [await feedOf(feed, band)], [], 0n);
      for (const clamp of [await feed.minAnswer(), await feed.maxAnswer()]) {
        await feed.updateAnswer(clamp);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "InvalidPrice")
          .withArgs(ETH, await feed.getAddress(), clamp);
      }
    });
  });

  describe("when the source is a product of feeds", () => {
    it("multiplies them", async () => {
      const { oracle } = await loadFixture(deployComposite);
      expect(await oracle.price(ETH)).to.equal((35_964n * WAD) / 10n);
    });

    it("rounds the product down", async () => {
      const { oracle, rate, peg } = await loadFixture(deployComposite);
      await rate.updateAnswer(WAD + 1n);
      await peg.updateAnswer(999_999n);
      const first = ((WAD + 1n) * 999_999n * 10n ** 12n) / WAD;
      expect(await oracle.price(ETH)).to.equal((first * 3_000n * WAD) / WAD);
    });

    it("holds each feed to an age of its own", async () => {
      const { oracle, rate, peg, dollars } = await loadFixture(deployComposite);
      const updatedAt = await peg.latestTimestamp();
      await time.increaseTo(updatedAt + 43_200n);
      await dollars.updateAnswer(3_000n * 10n ** 8n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await peg.getAddress(), updatedAt, 43_200n);
      await peg.updateAnswer(999_000n);
      expect(await oracle.price(ETH)).to.equal((35_964n * WAD) / 10n);
      expect(BigInt(await time.latest()) - (await rate.latestTimestamp())).to.be.greaterThan(
        43_200n,
      );
    });

    it("names an invalid feed although an earlier one is stale", async () => {
      const { oracle, rate, dollars } = await loadFixture(deployComposite);
      await rate.updateRoundData(2n, WAD, 1n, 1n);
      await dollars.updateAnswer(-5n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "InvalidPrice")
        .withArgs(ETH, await dollars.getAddress(), -5n);
    });

    it("yields to a secondary when one of its feeds is stale", async () => {
      const { oracle, peg, spare, product } = await loadFixture(deployComposite);
      await oracle.setSources(ETH, product, [await feedOf(spare)], ALLOWED_BPS);
      expect(await oracle.price(ETH)).to.equal((35_964n * WAD) / 10n);
      await peg.updateRoundData(2n, 999_000n, 1n, 1n);
      expect(await oracle.price(ETH)).to.equal(3_600n * WAD);
    });
  });

  describe("when there are two sources", () => {
    it("returns the primary while they agree", async () => {
      const { oracle } = await loadFixture(deployTwoSources);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });

    for (const side of [-1n, 1n]) {
      it(`allows exactly the deviation ${side < 0n ? "below" : "above"} and no more`, async () => {
        const { oracle, second } = await loadFixture(deployTwoSources);
        const edge = PRICE + (side * PRICE * ALLOWED_BPS) / 10_000n;
        await second.updateAnswer(edge);
        expect(await oracle.price(ETH)).to.equal(PRICE);
        await second.updateAnswer(edge + side);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "PriceDeviation")
          .withArgs(ETH, PRICE, edge + side, ALLOWED_BPS);
      });
    }

    it("yields to a fresh secondary when the primary is stale", async () => {
      const { oracle, second } = await loadFixture(deployTwoSources);
      await time.increase(2 * HOUR);
      await second.updateAnswer(2_000n * WAD);
      expect(await oracle.price(ETH)).to.equal(2_000n * WAD);
    });

    it("uses the primary alone when the secondary is stale", async () => {
      const { oracle, first } = await loadFixture(deployTwoSources);
      await time.increase(2 * HOUR);
      await first.updateAnswer(2_000n * 10n ** 8n);
      expect(await oracle.price(ETH)).to.equal(2_000n * WAD);
    });

    it("names the primary when both are stale", async () => {
      const { oracle, first } = await loadFixture(deployTwoSources);
      const updatedAt = await first.latestTimestamp();
      await time.increase(2 * HOUR);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await first.getAddress(), updatedAt, MAXIMUM_AGE);
    });

    it("does not replace an invalid primary by the secondary", async () => {
      const { oracle, first } = await loadFixture(deployTwoSources);
      await first.updateAnswer(0n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "InvalidPrice")
        .withArgs(ETH, await first.getAddress(), 0n);
    });

    for (const primary of ["fresh", "stale"]) {
      it(`has no price when the secondary is invalid and the primary ${primary}`, async () => {
        const { oracle, second } = await loadFixture(deployTwoSources);
        if (primary === "stale") await time.increase(2 * HOUR);
        await second.updateAnswer(-7n);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "InvalidPrice")
          .withArgs(ETH, await second.getAddress(), -7n);
      });
    }
  });

  describe("when a feed is dead", () => {
    for (const [name, failure] of FAILURES) {
      it(`counts a primary that ${name} as stale`, async () => {
        const { oracle, second } = await loadFixture(deployTwoSources);
        const dead = await ethers.deployContract("MockBrokenFeed", [8n, failure]);
        // New numbers: what replaces known sources must be readable and agree with them.
        const [alone, backed] = [ETH + 1n, ETH + 2n];
        await oracle.setSources(alone, [await feedOf(dead)], [], 0n);
        await expect(oracle.price(alone))
          .to.be.revertedWithCustomError(oracle, "StalePrice")
          .withArgs(alone, await dead.getAddress(), 0n, MAXIMUM_AGE);
        await oracle.setSources(backed, [await feedOf(dead)], [await feedOf(second)], ALLOWED_BPS);
        expect(await oracle.price(backed)).to.equal(2_980n * WAD);
      });

      it(`uses the primary alone when the secondary ${name}`, async () => {
        const { oracle, first } = await loadFixture(deployTwoSources);
        const dead = await ethers.deployContract("MockBrokenFeed", [8n, failure]);
        await oracle.setSources(ETH, [await feedOf(first)], [await feedOf(dead)], ALLOWED_BPS);
        expect(await oracle.price(ETH)).to.equal(PRICE);
      });

      it(`pays no more for a secondary that ${name} than for any other (GK2)`, async () => {
        const { oracle, first } = await loadFixture(deployTwoSources);
        const { ownGas: usual } = await traceOf(ethers, oracle, ETH);
        const dead = await ethers.deployContract("MockBrokenFeed", [8n, failure]);
        await oracle.setSources(ETH, [await feedOf(first)], [await feedOf(dead)], ALLOWED_BPS);
        expect((await traceOf(ethers, oracle, ETH)).ownGas).to.be.at.most(usual);
      });
    }

    it("counts a feed whose code is gone as stale", async () => {
      const { oracle, feed } = await loadFixture(deployOneFeed);
      await networkHelpers.setCode(await feed.getAddress(), "0x");
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), 0n, MAXIMUM_AGE);
    });

    it("leaves other underlyings readable (OR4)", async () => {
      const { oracle } = await loadFixture(deployOneFeed);
      const dead = await ethers.deployContract("MockBrokenFeed", [8n, 0n]);
      await oracle.setSources(2n, [await feedOf(dead)], [], 0n);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });

    it("never lets a caller who holds back gas choose the secondary", async () => {
      const { oracle, first, second } = await loadFixture(deployTwoSources);
      await second.updateAnswer(2_950n * WAD);
      await first.updateAnswer(2_990n * 10n ** 8n);
      const data = oracle.interface.encodeFunctionData("price", [ETH]);
      const enough = await oracle.price.estimateGas(ETH);
      for (let gasLimit = 22_000n; gasLimit < enough + 4_000n; gasLimit += 250n) {
        const call = { to: await oracle.getAddress(), data, gasLimit };
        const seen = await ethers.provider.call(call).catch(() => null);
        if (seen !== null) expect(BigInt(seen)).to.equal(2_990n * WAD);
      }
    });
  });

  describe("when the chain has a sequencer", () => {
    const down = (since: number | bigint) => [BigInt(since), GRACE] as const;

    it("reads two storage slots of its own", async () => {
      const { oracle, since } = await loadFixture(deploySequencer);
      await time.increaseTo(BigInt(since) + GRACE);
      expect((await traceOf(ethers, oracle, ETH)).slots).to.equal(2);
    });

    it("refuses prices until the grace period is over (SQ1)", async () => {
      const { oracle, uptime } = await loadFixture(deploySequencer);
      const since = await restarted(uptime);
      await time.increaseTo(since + GRACE - 1n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "SequencerDown")
        .withArgs(...down(since));
      await mine(1);
      expect(BigInt(await time.latest())).to.equal(since + GRACE);
      expect(await oracle.price(ETH)).to.equal(PRICE);
    });

    it("refuses prices while the sequencer is down, however long (SQ1)", async () => {
      const { oracle, uptime, since } = await loadFixture(deploySequencer);
      await uptime.updateRoundData(2n, 1n, since, since);
      for (const wait of [0, 2 * HOUR]) {
        await time.increase(wait + 1);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "SequencerDown")
          .withArgs(...down(since));
      }
    });

    // SQ2: a round that says nothing sensible counts as down.
    for (const answer of [2n, -1n]) {
      it(`counts an answer of ${answer} as down (SQ2)`, async () => {
        const { oracle, uptime, since } = await loadFixture(deploySequencer);
        await time.increase(2 * HOUR);
        await uptime.updateRoundData(2n, answer, since, since);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "SequencerDown")
          .withArgs(...down(since));
      });
    }

    it("counts a feed that was never initialised as down (SQ2)", async () => {
      const { oracle, uptime, since } = await loadFixture(deploySequencer);
      await time.increase(2 * HOUR);
      await uptime.updateRoundData(2n, 0n, since, 0n);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "SequencerDown")
        .withArgs(...down(0n));
    });

    it("counts a start in the future as down (SQ2)", async () => {
      const { oracle, uptime, since } = await loadFixture(deploySequencer);
      const future = BigInt(since) + 100_000n;
      await uptime.updateRoundData(2n, 0n, since, future);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "SequencerDown")
        .withArgs(...down(future));
    });

    for (const [name, failure] of FAILURES) {
      it(`counts an uptime feed that ${name} as down (SQ2)`, async () => {
        const { oracle } = await loadFixture(deploySequencer);
        const dead = await ethers.deployContract("MockBrokenFeed", [0n, failure]);
        await oracle.setSequencer(await dead.getAddress(), GRACE);
        await expect(oracle.price(ETH))
          .to.be.revertedWithCustomError(oracle, "SequencerDown")
          .withArgs(...down(0n));
      });
    }

    it("asks for underlyings set before the sequencer and for those set after it", async () => {
      const { oracle, uptime } = await loadFixture(deploySequencer);
      const feed = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * 10n ** 8n]);
      await oracle.setSources(2n, [await feedOf(feed)], [], 0n);
      const since = await restarted(uptime);
      for (const underlying of [ETH, 2n]) {
        await expect(oracle.price(underlying))
          .to.be.revertedWithCustomError(oracle, "SequencerDown")
          .withArgs(...down(since));
      }
    });

    it("asks no more once the address is zero, which means none (SQ2)", async () => {
      const { oracle, uptime } = await loadFixture(deploySequencer);
      await restarted(uptime);
      await oracle.setSequencer(ethers.ZeroAddress, 0n);
      expect(await oracle.price(ETH)).to.equal(PRICE);
      expect((await traceOf(ethers, oracle, ETH)).slots).to.equal(1);
    });
  });
});

/** The sequencer's restart in a block of its own; the time since which it is up. */
async function restarted(uptime: { updateAnswer(answer: bigint): Promise<unknown> }) {
  await uptime.updateAnswer(0n);
  return BigInt(await time.latest());
}
