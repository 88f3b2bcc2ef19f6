import { expect } from "chai";
import { network } from "hardhat";
import {
  DAY,
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
const { loadFixture, time } = networkHelpers;

const PRICE = 3_000n * UNIT;
const HOUR = 3_600n;
const MOST_VARIANCE = 10n ** 14n;

async function deployListed() {
  return deployFollowed(ethers);
}

describe("VolatilityOracle: poke", () => {
  it("is refused before the feed is followed", async () => {
    const { volatility } = await loadFixture(deployListed);
    await expect(volatility.poke(9n, 1n))
      .to.be.revertedWithCustomError(volatility, "NotFollowed")
      .withArgs(9n);
  });

  describe("one round", () => {
    // T = 373,947 and 124,649 seconds; variances were 0.36; in 1e-12, divisions of variances rounded up.
    // What the Rules are told are their square roots, in basis points, rounded up.
    for (const { name, round, variances, bps } of [
      {
        // (30 / 3,000) (30 / 3,030) = 0.00009900990099009: x 31,536,000 = 3,122.376237623763
        // (T 0.36 + 3,122.376237623763) / (T + 3,600)
        name: "of 1 % up, an hour later",
        round: [3_030n * UNIT, HOUR],
        variances: [364_837_480_467n, 374_240_861_431n],
        bps: [6_041n, 6_118n],
      },
      {
        // T 0.36 / (T + 3,600)
        name: "that repeats the price, an hour later: calm",
        round: [PRICE, HOUR],
        variances: [356_567_314_798n, 349_894_658_049n],
        bps: [5_972n, 5_916n],
      },
      {
        // T 0.36 + 3,122.376237623763 over T
        name: "of 1 % up in the same second",
        round: [3_030n * UNIT, 0n],
        variances: [368_349_782_824n, 385_049_348_472n],
        bps: [6_070n, 6_206n],
      },
      {
        // T 0.36 / (T + 3,900)
        name: "that repeats the price after the longest honest gap",
        round: [PRICE, 3_900n],
        variances: [356_284_210_276n, 349_078_094_735n],
        bps: [5_969n, 5_909n],
      },
      {
        // (T 0.36 + 0.36 x 1) / (T + 3,901)
        name: "that repeats the price a second after that: as the prior says, for that second",
        round: [PRICE, 3_901n],
        variances: [356_284_220_110n, 349_078_179_697n],
        bps: [5_969n, 5_909n],
      },
      {
        // (T 0.36 + 0.36 x 86,400) / (T + 90,300)
        name: "that repeats the price after a day's gap",
        round: [PRICE, 3_900n + DAY],
        variances: [356_975_747_824n, 353_468_218_043n],
        bps: [5_975n, 5_946n],
      },
      {
        // Counted as 20 %: (T 0.36 + 0.04 x 31,536,000) / (T + 60)
        name: "of almost a hundred times the price, a minute later",
        round: [299_999n * UNIT, 60n],
        variances: [3_732_713_344_938n, 10_474_894_674_803n],
        bps: [19_321n, 32_365n],
      },
    ] as { name: string; round: [bigint, bigint]; variances: bigint[]; bps: bigint[] }[]) {
      it(`${name}, moves the variances to the wei`, async () => {
        const scene = await loadFixture(deployListed);
        await writeAfterFirst(scene, [round]);
        const [slow, fast] = variances;
        const at = scene.start + round[1];
        await expect(scene.volatility.connect(scene.stranger).poke(ETH, 1n))
          .to.emit(scene.volatility, "RoundsFollowed")
          .withArgs(ETH, 1n, idOf(1n, 2n), round[0], at, slow, fast)
          .and.to.emit(scene.rules, "VolatilityNoted")
          .withArgs(ETH, bps[0], bps[1], at);
        expect(await keptOf(scene.volatility)).to.deep.equal({
          slowVariance: slow,
          fastVariance: fast,
          acceptedAt: at,
          answer: round[0],
          roundId: idOf(1n, 2n),
        });
      });
    }

    it("counts the same up and down", async () => {
      const scene = await loadFixture(deployListed);
      await writeAfterFirst(scene, [
        [3_600n * UNIT, HOUR],
        [PRICE, 2n * HOUR],
      ]);
      await poke(scene, 1n);
      const [slow] = await variancesOf(scene);
      await poke(scene, 1n);
      // 600^2 / (3,000 x 3,600) = 1/30 both times, in 18 digits.
      const moved = (33_333_333_333_333_333n * 31_536_000n + 999_999n) / 1_000_000n;
      const next = (v: bigint) => (373_947n * v + moved + 377_546n) / 377_547n;
      expect(slow).to.equal(next(PRIOR));
      expect((await variancesOf(scene))[0]).to.equal(next(next(PRIOR)));
    });

    it("never counts for more than a sigma of 10 makes of it", async () => {
      const scene = await loadFixture(deployListed);
      const rounds = Array.from({ length: 200 }, (_, place): [bigint, bigint] => [
        place % 2 === 0 ? 31n * UNIT : 299_999n * UNIT,
        30n * DAY - 200n + BigInt(place),
      ]);
      await writeAfterFirst(scene, rounds);
      await poke(scene);
      expect(await variancesOf(scene)).to.deep.equal([MOST_VARIANCE, MOST_VARIANCE]);
      const { slowSigma, maintenance, initial } = await scene.rules.marginRatesOf(ETH);
      expect(slowSigma).to.be.at.most(10n ** 19n);
      expect(maintenance).to.equal(2n * 10n ** 17n);
      expect(initial).to.equal(333_333_333_333_333_334n);
    });
  });

  describe("bounds", () => {
    async function deployMany() {
      const scene = await deployListed();
      await writeAfterFirst(
        scene,
        Array.from({ length: 300 }, (_, place) => [
          (2_990n + BigInt((place * 7) % 20)) * UNIT,
          BigInt(place + 1) * 600n,
        ]),
      );
      return scene;
    }

    it("looks at as many rounds as it is asked to, and goes on where it ended", async () => {
      const scene = await loadFixture(deployMany);
      expect(await poke(scene, 10n)).to.equal(10n);
      expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 11n));
      expect(await poke(scene, 1n)).to.equal(1n);
      expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 12n));
    });

    it("looks at 256 rounds at most", async () => {
      const scene = await loadFixture(deployMany);
      expect(await poke(scene, 2n ** 256n - 1n)).to.equal(256n);
      expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 257n));
      expect(await poke(scene, 2n ** 256n - 1n)).to.equal(44n);
    });

    for (const [name, most] of [
      ["asked for none", 0n],
      ["there is nothing new", 256n],
    ] as const) {
      it(`changes nothing and is silent when ${name}`, async () => {
        const scene = await loadFixture(most === 0n ? deployMany : deployListed);
        const before = await scene.volatility.volatilityOf(ETH);
        expect(await scene.volatility.poke.staticCall(ETH, most)).to.equal(0n);
        const poked = await scene.volatility.poke(ETH, most);
        expect((await poked.wait())?.logs).to.deep.equal([]);
        expect(await scene.volatility.volatilityOf(ETH)).to.deep.equal(before);
      });
    }

    it("looks at nothing while the feed does not answer, and at all of it after", async () => {
      const scene = await loadFixture(deployMany);
      const address = await scene.feed.getAddress();
      const code = await ethers.provider.getCode(address);
      await networkHelpers.setCode(address, "0x60006000fd");
      expect(await poke(scene)).to.equal(0n);
      await networkHelpers.setCode(address, code);
      expect(await poke(scene)).to.equal(256n);
    });
  });

  it("waits for a round of the future, and for those behind it", async () => {
    const scene = await loadFixture(deployListed);
    const due = 31n * DAY;
    await writeAfterFirst(scene, [
      [PRICE, HOUR],
      [3_030n * UNIT, due],
      [PRICE, 2n * HOUR],
    ]);
    expect(await poke(scene)).to.equal(1n);
    expect(await poke(scene)).to.equal(0n);
    await time.setNextBlockTimestamp(scene.start + due - 1n);
    await scene.volatility.poke(ETH, 256n);
    expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(1n, 2n));
    await scene.volatility.poke(ETH, 256n);
    const kept = await keptOf(scene.volatility);
    // The third is older than the second, which was accepted.
    expect([kept.roundId, kept.acceptedAt, kept.answer]).to.deep.equal([
      idOf(1n, 4n),
      scene.start + due,
      3_030n * UNIT,
    ]);
  });
});
