import { expect } from "chai";
import { network } from "hardhat";
import {
  aggregatorOf,
  deployFollowed,
  ETH,
  idOf,
  keptOf,
  PRIOR,
  UNIT,
  writeAfterFirst,
  poke,
  variancesOf,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const PRICE = 3_000n * UNIT;
const HOUR = 3_600n;

async function deployListed() {
  return deployFollowed(ethers);
}

describe("VolatilityOracle: rounds that do not count", () => {
  describe("passes over", () => {
    const after: [bigint, bigint] = [3_030n * UNIT, HOUR];
    for (const [name, passed] of Object.entries({
      "a round of zero": [0n, 60n],
      "a negative round": [-(2n ** 100n), 60n],
      "a round at the band's lower end": [30n * UNIT, 60n],
      "a round at the band's upper end": [300_000n * UNIT, 60n],
      "a million times the price": [3_000_000_000n * UNIT, 60n],
      "the most that a feed can say": [2n ** 191n - 1n, 60n],
      "a round older than the last accepted one": [3_500n * UNIT, -1n],
    } as Record<string, [bigint, bigint]>)) {
      it(`${name}: the next one is as if it had not been`, async () => {
        const scene = await loadFixture(deployListed);
        await writeAfterFirst(scene, [passed, after]);
        const before = await keptOf(scene.volatility);
        await expect(scene.volatility.poke(ETH, 1n))
          .to.emit(scene.volatility, "RoundsFollowed")
          .withArgs(ETH, 1n, idOf(1n, 2n), PRICE, scene.start, PRIOR, PRIOR)
          .and.not.to.emit(scene.rules, "VolatilityNoted");
        expect(await keptOf(scene.volatility)).to.deep.equal({
          ...before,
          roundId: idOf(1n, 2n),
        });
        await poke(scene);
        expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
      });
    }

    for (const refuses of [false, true]) {
      it(`an empty round that ${refuses ? "reverts" : "answers zeros"}`, async () => {
        const scene = await loadFixture(deployListed);
        const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
        await aggregator.setRefusesEmpty(refuses);
        await aggregator.write(5n, [{ answer: after[0], updatedAt: scene.start + after[1] }]);
        expect(await poke(scene)).to.equal(4n);
        expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
      });
    }

    it("a round with a price but no time", async () => {
      const scene = await loadFixture(deployListed);
      await scene.feed.write(1n, 2n, [{ answer: 3_500n * UNIT, updatedAt: 0n }]);
      expect(await poke(scene)).to.equal(1n);
      expect(await variancesOf(scene)).to.deep.equal([PRIOR, PRIOR]);
    });

    it("a broken round for good: what it says later is not looked at", async () => {
      const scene = await loadFixture(deployListed);
      const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
      await writeAfterFirst(scene, [[3_500n * UNIT, 60n], after]);
      await aggregator.setBroken(2n, true);
      await poke(scene);
      await aggregator.setBroken(2n, false);
      expect(await poke(scene)).to.equal(0n);
      expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
    });
  });
});
