import { expect } from "chai";
import { network } from "hardhat";
import {
  DAY,
  deployFollowed,
  ETH,
  PRIOR,
  UNIT,
  writeAfterFirst,
  poke,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture } = networkHelpers;

const HOUR = 3_600n;

async function deployListed() {
  return deployFollowed(ethers);
}

describe("VolatilityOracle: volatility of a day before", () => {
  describe("history", () => {
    const hours = (count: number): [bigint, bigint][] =>
      Array.from({ length: count }, (_, place) => [
        (3_000n + BigInt((place * 13) % 40)) * UNIT,
        BigInt(place + 1) * HOUR,
      ]);

    it("tells the variances of the listing until there are some of a day later", async () => {
      const scene = await loadFixture(deployListed);
      await writeAfterFirst(scene, hours(23));
      await poke(scene);
      const { before, slowVarianceBefore } = await scene.volatility.volatilityOf(ETH);
      expect([before, slowVarianceBefore]).to.deep.equal([scene.start, PRIOR]);
    });

    it("tells those of one to two days before the last round, round by round", async () => {
      const scene = await loadFixture(deployListed);
      await writeAfterFirst(scene, hours(100));
      const seen = new Map<bigint, [bigint, bigint]>([[scene.start, [PRIOR, PRIOR]]]);
      for (let round = 1; round <= 100; ++round) {
        await scene.volatility.poke(ETH, 1n);
        const known = await scene.volatility.volatilityOf(ETH);
        seen.set(known.acceptedAt, [known.slowVariance, known.fastVariance]);
        const age = known.acceptedAt - known.before;
        expect(age, `round ${round}`).to.be.at.most(2n * DAY);
        if (round >= 24) expect(age, `round ${round}`).to.be.at.least(DAY);
        expect([known.slowVarianceBefore, known.fastVarianceBefore]).to.deep.equal(
          seen.get(known.before),
        );
      }
    });

    it("is the same however the rounds are divided among pokes", async () => {
      const scene = await loadFixture(deployListed);
      await writeAfterFirst(scene, hours(100));
      await scene.volatility.poke(ETH, 256n);
      const together = await scene.volatility.volatilityOf(ETH);
      const again = await loadFixture(deployListed);
      await writeAfterFirst(again, hours(100));
      for (let done = 0n; done < 100n; done += 7n) await again.volatility.poke(ETH, 7n);
      const parts = await again.volatility.volatilityOf(ETH);
      expect(parts.acceptedAt - parts.before)
        .to.be.at.least(DAY)
        .and.at.most(2n * DAY);
      expect([
        together.slowVarianceBefore,
        together.fastVarianceBefore,
        together.before,
      ]).to.deep.equal([parts.slowVarianceBefore, parts.fastVarianceBefore, parts.before]);
    });
  });
});
