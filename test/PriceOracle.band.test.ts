import { expect } from "chai";
import { network } from "hardhat";
import { traceOf } from "./support/priceTrace.js";
import { feedOf, WAD } from "./support/sources.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const ETH = 1n;
const MOST_PRICE = 2n ** 128n - 1n;

interface Band {
  minimum: bigint;
  maximum: bigint;
}

/** Bands whose ends lie between powers of two, on them, beside them, and as far apart as they may be [wad]. */
const BANDS: Record<string, Band> = {
  "as the design's": { minimum: 30n * WAD, maximum: 300_000n * WAD },
  "that begins and ends at powers of two": { minimum: 2n ** 65n, maximum: 2n ** 78n },
  "that begins and ends just below powers of two": {
    minimum: 2n ** 65n - 1n,
    maximum: 2n ** 78n - 1n,
  },
  "that begins and ends just above powers of two": {
    minimum: 2n ** 65n + 1n,
    maximum: 2n ** 78n + 1n,
  },
  "of everything": { minimum: 1n, maximum: MOST_PRICE },
  "without a power of two inside": { minimum: 2_500n * WAD, maximum: 3_500n * WAD },
  "with one power of two inside": { minimum: 2n ** 71n - 5n, maximum: 2n ** 71n + 5n },
  "between two neighbouring powers of two": { minimum: 2n ** 71n, maximum: 2n ** 72n },
  "of one price": { minimum: 3_000n * WAD - 1n, maximum: 3_000n * WAD + 1n },
  "of one price, a power of two": { minimum: 2n ** 71n - 1n, maximum: 2n ** 71n + 1n },
  "of no price": { minimum: 3_000n * WAD, maximum: 3_000n * WAD + 1n },
};

/** The power of two that is not above x. */
const log2 = (x: bigint) => BigInt(x.toString(2).length - 1);

/** From 2^low on and below 2^high an answer is in the band without a look at it. */
const powersOf = ({ minimum, maximum }: Band) => ({
  low: log2(minimum) + 1n,
  high: log2(maximum),
});

/** A price oracle with ETH priced by a feed that speaks in WADs: every wei can be tried. */
async function deployFeed() {
  const [governor] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const oracle = await ethers.deployContract("PriceOracle", [await manager.getAddress()]);
  const feed = await ethers.deployContract("MockV3Aggregator", [18n, 3_000n * WAD]);
  return { oracle, feed };
}

type Scene = Awaited<ReturnType<typeof deployFeed>>;

async function expectJudged({ oracle, feed }: Scene, band: Band, answer: bigint) {
  await feed.updateAnswer(answer);
  if (answer > band.minimum && answer < band.maximum) {
    expect(await oracle.price(ETH), `${answer}`).to.equal(answer);
  } else {
    await expect(oracle.price(ETH), `${answer}`)
      .to.be.revertedWithCustomError(oracle, "InvalidPrice")
      .withArgs(ETH, await feed.getAddress(), answer);
  }
}

describe("PriceOracle: the band of a feed (OR3)", () => {
  for (const [name, band] of Object.entries(BANDS)) {
    it(`is exact, strictly inside, for one ${name}`, async () => {
      const scene = await loadFixture(deployFeed);
      await scene.oracle.setSources(ETH, [await feedOf(scene.feed, band)], [], 0n);
      const { low, high } = powersOf(band);
      const edges = [band.minimum, 2n ** low, 2n ** high, band.maximum];
      const around = edges.flatMap((edge) => [edge - 1n, edge, edge + 1n]);
      const between = [band.minimum / 2n, (band.minimum + band.maximum) / 2n, band.maximum * 2n];
      for (const answer of new Set([...around, ...between, -1n, 0n, 1n, 2n ** 255n - 1n])) {
        await expectJudged(scene, band, answer);
      }
    });
  }

  it("is read only where the powers of two inside of it do not say enough", async () => {
    for (const band of Object.values(BANDS)) {
      const { oracle, feed } = await loadFixture(deployFeed);
      await oracle.setSources(ETH, [await feedOf(feed, band)], [], 0n);
      const { low, high } = powersOf(band);
      const isWellInside = (answer: bigint) => answer >= 2n ** low && answer < 2n ** high;
      const edges = [band.minimum, 2n ** low, 2n ** high, band.maximum];
      for (const answer of edges.flatMap((edge) => [edge - 1n, edge, edge + 1n])) {
        if (answer <= band.minimum || answer >= band.maximum) continue;
        await feed.updateAnswer(answer);
        const { slots } = await traceOf(ethers, oracle, ETH);
        expect(slots, `${answer}`).to.equal(isWellInside(answer) ? 1 : 2);
      }
    }
  });

  it("is judged in WADs after rounding down, whatever the feed's decimals", async () => {
    const { oracle } = await loadFixture(deployFeed);
    const band = { minimum: 2n ** 71n - 1n, maximum: 2n ** 72n };
    const wide = await ethers.deployContract("MockV3Aggregator", [24n, 1n]);
    await oracle.setSources(ETH, [await feedOf(wide, band)], [], 0n);
    const million = 10n ** 6n;
    for (const [raw, price] of [
      [2n ** 71n * million - 1n, undefined],
      [2n ** 71n * million, 2n ** 71n],
      [2n ** 72n * million - 1n, 2n ** 72n - 1n],
      [2n ** 72n * million, undefined],
    ] as const) {
      await wide.updateAnswer(raw);
      if (price !== undefined) expect(await oracle.price(ETH)).to.equal(price);
      else await expect(oracle.price(ETH)).to.be.revertedWithCustomError(oracle, "InvalidPrice");
    }
  });

  it("belongs to each feed of a product and of a second source", async () => {
    const { oracle, feed } = await loadFixture(deployFeed);
    const rate = await ethers.deployContract("MockV3Aggregator", [18n, WAD]);
    const spare = await ethers.deployContract("MockV3Aggregator", [18n, 3_000n * WAD]);
    const near = { minimum: 2n ** 59n, maximum: 2n ** 60n };
    const narrow = { minimum: 2_500n * WAD, maximum: 3_500n * WAD };
    const product = [await feedOf(feed), await feedOf(rate, near)];
    await oracle.setSources(ETH, product, [await feedOf(spare, narrow)], 1_000n);
    expect(await oracle.price(ETH)).to.equal(3_000n * WAD);
    for (const [broken, answer, good] of [
      [rate, 2n ** 60n, WAD],
      [rate, 2n ** 59n, WAD],
      [spare, 3_500n * WAD, 3_000n * WAD],
      [spare, 2_500n * WAD, 3_000n * WAD],
    ] as const) {
      await broken.updateAnswer(answer);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "InvalidPrice")
        .withArgs(ETH, await broken.getAddress(), answer);
      await broken.updateAnswer(good);
      expect(await oracle.price(ETH)).to.equal(3_000n * WAD);
    }
  });

  it("is another one after governance has set another one", async () => {
    const scene = await loadFixture(deployFeed);
    const { oracle, feed } = scene;
    const price = 3_000n * WAD;
    const bands = Object.values(BANDS).filter(
      ({ minimum, maximum }) => minimum < price && price < maximum,
    );
    expect(bands.length).to.be.greaterThan(5);
    for (const band of [...bands, ...bands.toReversed()]) {
      await feed.updateAnswer(price);
      await oracle.setSources(ETH, [await feedOf(feed, band)], [], 0n);
      await expectJudged(scene, band, price);
      await expectJudged(scene, band, 300n * WAD);
    }
  });
});
