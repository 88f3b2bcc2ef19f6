import { expect } from "chai";
import { network } from "hardhat";
import { feedOf } from "./support/sources.js";
import {
  aggregatorOf,
  BAND,
  deployFollowed,
  deployVolatility,
  ETH,
  idOf,
  keptOf,
  poke,
  UNIT,
  variancesOf,
  type VolatilityScene,
  writeAfterFirst,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const HOUR = 3_600n;

async function deployListed() {
  return deployFollowed(ethers);
}

/** Dollars at hours after the first round, as rounds of a phase from its first on. */
async function writePhase(
  { feed, start }: VolatilityScene,
  phase: bigint,
  rounds: [number, number][],
) {
  if ((await feed.phaseAggregators(phase)) === ethers.ZeroAddress) await feed.prepare(phase);
  await feed.write(
    phase,
    1n,
    rounds.map(([dollars, hours]) => ({
      answer: BigInt(dollars) * UNIT,
      updatedAt: start + BigInt(hours) * HOUR,
    })),
  );
}

/** What the same rounds make of the variances when one aggregator writes them one after the other. */
async function inOnePhase(rounds: [number, number][]) {
  const scene = await loadFixture(deployListed);
  await writeAfterFirst(
    scene,
    rounds.map(([dollars, hours]) => [BigInt(dollars) * UNIT, BigInt(hours) * HOUR]),
  );
  await poke(scene);
  return variancesOf(scene);
}

describe("VolatilityOracle: phases of a feed", () => {
  it("goes on with the next phase where the last one ends; going there counts as one", async () => {
    const expected = await inOnePhase([
      [3_030, 1],
      [2_990, 2],
      [3_050, 3],
    ]);
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_030, 1],
    ]);
    await writePhase(scene, 2n, [
      [2_990, 2],
      [3_050, 3],
    ]);
    await scene.feed.moveTo(2n);
    expect(await poke(scene)).to.equal(4n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(2n, 2n));
    expect(await poke(scene)).to.equal(0n);
  });

  it("is in the next phase, before its first round, when that is as far as was asked", async () => {
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 2n, [[2_990, 2]]);
    await scene.feed.moveTo(2n);
    const before = await keptOf(scene.volatility);
    await expect(scene.volatility.poke(ETH, 1n)).not.to.emit(scene.rules, "VolatilityNoted");
    expect(await keptOf(scene.volatility)).to.deep.equal({ ...before, roundId: idOf(2n, 0n) });
    expect(await poke(scene, 1n)).to.equal(1n);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(2n, 1n));
  });

  it("does not look at a phase's round 0, as which a proxy answers no price and no time", async () => {
    const scene = await loadFixture(deployListed);
    const [slow, fast] = await variancesOf(scene);
    await scene.feed.prepare(2n);
    await scene.feed.write(2n, 0n, [{ answer: 9_000n * UNIT, updatedAt: scene.start + HOUR }]);
    await scene.feed.moveTo(2n);
    // The proxy's latest round is 2^65, and says nothing.
    expect(await scene.feed.latestRound()).to.equal(idOf(2n, 0n));
    expect(await poke(scene)).to.equal(1n);
    expect(await variancesOf(scene)).to.deep.equal([slow, fast]);
    await scene.feed.write(2n, 1n, [{ answer: 3_030n * UNIT, updatedAt: scene.start + HOUR }]);
    expect(await poke(scene)).to.equal(1n);
    expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
  });

  it("passes over a first round without answer and time", async () => {
    const expected = await inOnePhase([
      [3_030, 1],
      [2_990, 2],
    ]);
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_030, 1],
    ]);
    await scene.feed.prepare(2n);
    await scene.feed.write(2n, 1n, [
      { answer: 0n, updatedAt: 0n },
      { answer: 2_990n * UNIT, updatedAt: scene.start + 2n * HOUR },
    ]);
    await scene.feed.moveTo(2n);
    expect(await poke(scene)).to.equal(4n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
  });

  describe("where two aggregators speak at a time", () => {
    const old: [number, number][] = [
      [3_000, 0],
      [3_030, 1],
      [3_100, 3],
      [3_200, 5],
    ];
    const young: [number, number][] = [
      [3_010, 2],
      [3_110, 4],
      [3_190, 6],
    ];

    async function deployOverlap() {
      const scene = await deployListed();
      await writePhase(scene, 1n, old);
      await writePhase(scene, 2n, young);
      return scene;
    }

    it("counts the new one from its first round on", async () => {
      const expected = await inOnePhase([[3_030, 1], ...young]);
      const scene = await loadFixture(deployOverlap);
      await scene.feed.moveTo(2n);
      await poke(scene);
      expect(await variancesOf(scene)).to.deep.equal(expected);
    });

    it("counts every moment once when the old one was followed until later", async () => {
      const expected = await inOnePhase([...old.slice(1), [3_190, 6]]);
      const scene = await loadFixture(deployOverlap);
      await poke(scene);
      expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 4n));
      await scene.feed.moveTo(2n);
      await poke(scene);
      expect(await variancesOf(scene)).to.deep.equal(expected);
    });

    it("does not hear what the old one goes on to say, whenever it is poked", async () => {
      const expected = await inOnePhase([[3_030, 1], ...young, [3_180, 9]]);
      const scene = await loadFixture(deployOverlap);
      await scene.feed.moveTo(2n);
      const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
      const goesOn = { answer: 5_000n * UNIT, updatedAt: scene.start + 8n * HOUR };
      await aggregator.write(5n, [goesOn]);
      await poke(scene, 3n);
      await aggregator.write(6n, [goesOn]);
      await poke(scene);
      await writePhase(scene, 2n, [...young, [3_180, 9]]);
      await aggregator.write(7n, [goesOn]);
      await poke(scene);
      expect(await variancesOf(scene)).to.deep.equal(expected);
    });

    it("is in the old one until the proxy moves", async () => {
      const scene = await loadFixture(deployOverlap);
      expect(await poke(scene)).to.equal(3n);
      expect(await poke(scene)).to.equal(0n);
    });
  });

  it("goes through several phases in one call, and over those that never were", async () => {
    const expected = await inOnePhase([
      [3_030, 1],
      [2_990, 2],
      [3_050, 3],
      [3_020, 4],
    ]);
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_030, 1],
    ]);
    await writePhase(scene, 2n, [[2_990, 2]]);
    await writePhase(scene, 3n, [[3_050, 3]]);
    await writePhase(scene, 7n, [[3_020, 4]]);
    await scene.feed.moveTo(7n);
    // Four rounds and six phases further.
    expect(await poke(scene)).to.equal(10n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(7n, 1n));
  });

  it("ends a phase whose aggregator does not say its last round at its first empty one", async () => {
    const expected = await inOnePhase([
      [3_030, 1],
      [2_990, 2],
    ]);
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_030, 1],
    ]);
    await writePhase(scene, 2n, [[2_990, 2]]);
    await scene.feed.moveTo(2n);
    const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
    await aggregator.setMute(true);
    // Round 2 of the old phase, the step to the new one, and its round 1.
    expect(await poke(scene)).to.equal(3n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(2n, 1n));
  });

  it("leaves out what comes after an empty round of such a phase", async () => {
    const expected = await inOnePhase([[2_990, 4]]);
    const scene = await loadFixture(deployListed);
    const late = { answer: 3_030n * UNIT, updatedAt: scene.start + HOUR };
    await scene.feed.write(1n, 3n, [late]);
    await writePhase(scene, 2n, [[2_990, 4]]);
    await scene.feed.moveTo(2n);
    await (await aggregatorOf(ethers, scene.feed, 1n)).setMute(true);
    expect(await poke(scene)).to.equal(2n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
  });

  it("does not hear what such an aggregator says after the next one's first round", async () => {
    const expected = await inOnePhase([
      [3_030, 1],
      [2_990, 2],
    ]);
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_030, 1],
      [3_500, 3],
    ]);
    await writePhase(scene, 2n, [[2_990, 2]]);
    await scene.feed.moveTo(2n);
    await (await aggregatorOf(ethers, scene.feed, 1n)).setMute(true);
    expect(await poke(scene)).to.equal(3n);
    expect(await variancesOf(scene)).to.deep.equal(expected);
  });

  it("does not go back when the proxy does, and goes on when it is there again", async () => {
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 2n, [[3_030, 1]]);
    await scene.feed.moveTo(2n);
    await poke(scene);
    const before = await keptOf(scene.volatility);
    await scene.feed.moveTo(1n);
    await writePhase(scene, 1n, [
      [3_000, 0],
      [3_500, 5],
    ]);
    expect(await poke(scene)).to.equal(0n);
    expect(await keptOf(scene.volatility)).to.deep.equal(before);
    await scene.feed.moveTo(2n);
    await writePhase(scene, 2n, [
      [3_030, 1],
      [3_040, 2],
    ]);
    expect(await poke(scene)).to.equal(1n);
  });

  it("crosses a jump of more phases than one call goes through", async () => {
    const scene = await loadFixture(deployListed);
    await writePhase(scene, 301n, [[3_030, 1]]);
    await scene.feed.moveTo(301n);
    expect(await poke(scene)).to.equal(256n);
    expect(await poke(scene)).to.equal(45n);
    expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
  });

  it("follows a feed without phases", async () => {
    const scene = await deployVolatility(ethers);
    const { prices, volatility, start } = scene;
    const plain = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * UNIT]);
    await plain.updateRoundData(1n, 3_000n * UNIT, start, start);
    await prices.setSources(ETH, [await feedOf(plain, BAND)], [], 0n);
    await volatility.follow(ETH);
    expect((await keptOf(volatility)).roundId).to.equal(1n);
    await plain.updateRoundData(2n, 3_030n * UNIT, start + HOUR, start + HOUR);
    expect(await poke(scene)).to.equal(1n);
    expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
    expect((await keptOf(volatility)).roundId).to.equal(2n);
  });

  it("is not kept busy by a latest round beyond what fits", async () => {
    const scene = await loadFixture(deployListed);
    const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
    await aggregator.setLatestRound(2n ** 48n + 5n);
    expect(await poke(scene, 3n)).to.equal(3n);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 4n));
  });
});
