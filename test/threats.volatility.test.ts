import { expect } from "chai";
import { network } from "hardhat";
import { randomFrom } from "./fixtures/random.js";
import { feedOf } from "./support/sources.js";
import {
  aggregatorOf,
  BAND,
  BRACKETS,
  DAY,
  deployFollowed,
  ETH,
  keptOf,
  type MockRound,
  poke,
  PRIOR,
  UNDERLYING,
  UNIT,
  variancesOf,
  writeAfterFirst,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const PRICE = 3_000n * UNIT;
const HOUR = 3_600n;
const MINUTE = 60n;

async function deployListed() {
  return deployFollowed(ethers);
}

/** An hourly feed up to now, that repeats its price but for small moves. */
async function deployCalm() {
  const scene = await deployListed();
  const hours = Array.from({ length: 720 }, (_, hour): [bigint, bigint] => [
    (3_000n + BigInt((hour * 7) % 11)) * UNIT,
    BigInt(hour + 1) * HOUR,
  ]);
  for (let done = 0; done < hours.length; done += 240) {
    const part = hours.slice(done, done + 240);
    const rounds = part.map(([answer, at]) => ({ answer, updatedAt: scene.start + at }));
    await scene.feed.write(1n, BigInt(done + 2), rounds);
    await poke(scene);
  }
  return scene;
}

/** Rounds, zeros, gaps and a change of phase; what is kept after each number of rounds, by one oracle. */
async function deployEventful() {
  const scene = await deployListed();
  const { feed, start, volatility } = scene;
  await writeAfterFirst(scene, [
    [3_100n * UNIT, MINUTE],
    [0n, 2n * MINUTE],
    [3_050n * UNIT, DAY],
    [3_070n * UNIT, DAY + MINUTE],
  ]);
  await feed.prepare(2n);
  const next: MockRound[] = [
    { answer: 3_200n * UNIT, updatedAt: start + 2n * DAY },
    { answer: 3_150n * UNIT, updatedAt: start + 2n * DAY + HOUR },
  ];
  await feed.write(2n, 1n, next);
  await feed.moveTo(2n);
  const snapshot = await networkHelpers.takeSnapshot();
  const words = [await keptOf(volatility)];
  while ((await poke(scene, 1n)) !== 0n) words.push(await keptOf(volatility));
  await snapshot.restore();
  return { ...scene, words };
}

describe("Volatility under attack", () => {
  describe("a feed that is wrong for one round (OR2, OR3)", () => {
    for (const [name, wrong] of Object.entries({
      "a million times the price": 3_000_000_000n * UNIT,
      "the band's end": 300_000n * UNIT,
      zero: 0n,
      "less than zero": -PRICE,
    })) {
      it(`moves nothing when it prints ${name}`, async () => {
        const scene = await loadFixture(deployListed);
        const back = 30n * DAY - HOUR;
        await writeAfterFirst(scene, [[PRICE, back]]);
        await poke(scene);
        const before = await variancesOf(scene);
        const at = scene.start + back + MINUTE;
        await scene.feed.write(1n, 3n, [{ answer: wrong, updatedAt: at }]);
        await expect(scene.volatility.poke(ETH, 256n)).not.to.emit(scene.rules, "VolatilityNoted");
        expect(await variancesOf(scene)).to.deep.equal(before);
      });
    }

    it("raises maintenance by less than 6.5 points inside the band, there and back, at any price", async () => {
      for (const wrong of [30n * UNIT + 1n, 2_000n * UNIT, 4_500n * UNIT, 300_000n * UNIT - 1n]) {
        const scene = await loadFixture(deployListed);
        const back = 30n * DAY - HOUR;
        await writeAfterFirst(scene, [[PRICE, back]]);
        await poke(scene);
        const before = await scene.rules.marginRatesOf(ETH);
        await scene.feed.write(1n, 3n, [
          { answer: wrong, updatedAt: scene.start + back + MINUTE },
          { answer: PRICE, updatedAt: scene.start + back + 2n * MINUTE },
        ]);
        await poke(scene);
        const after = await scene.rules.marginRatesOf(ETH);
        // Two moves of 20 %: 2 x 0.04 x 31,536,000 / 373,947 = 6.75, and sqrt(6.75 + 0.36) = 2.67; 3 % of 2.07.
        expect(after.slowSigma).to.be.at.most(267n * 10n ** 16n);
        expect(after.maintenance - before.maintenance).to.be.at.most(65n * 10n ** 15n);
        expect(after.maintenance).to.be.lessThan(101n * 10n ** 15n);
      }
    });

    it("is forgotten: half of its variance in about three days, and the cap is not held for weeks", async () => {
      const scene = await loadFixture(deployListed);
      const back = 30n * DAY - HOUR;
      await writeAfterFirst(scene, [
        [PRICE, back],
        [299_999n * UNIT, back + MINUTE],
        [PRICE, back + 2n * MINUTE],
      ]);
      await poke(scene);
      const [slow] = await variancesOf(scene);
      const rounds = Array.from({ length: 105 }, (_, place) => ({
        answer: PRICE,
        updatedAt: scene.start + back + 2n * MINUTE + BigInt(place + 1) * HOUR,
      }));
      await scene.feed.write(1n, 5n, rounds);
      await time.increaseTo(rounds[104]!.updatedAt);
      await poke(scene);
      const [after] = await variancesOf(scene);
      expect(after!).to.be.lessThan(slow! / 2n);
    });
  });

  describe("a feed that stops (OR1, OR4)", () => {
    it("is read as ever nearer to the prior, whoever pokes", async () => {
      const scene = await loadFixture(deployCalm);
      let { slowSigma } = await scene.rules.marginRatesOf(ETH);
      expect(slowSigma).to.be.lessThan(45n * 10n ** 16n);
      for (let days = 0; days < 10; ++days) {
        await time.increase(DAY);
        expect(await poke(scene)).to.equal(0n);
        const later = (await scene.rules.marginRatesOf(ETH)).slowSigma;
        expect(later)
          .to.be.greaterThan(slowSigma)
          .and.lessThan(6n * 10n ** 17n);
        slowSigma = later;
      }
    });

    it("does not become calm by repeating its price after a day", async () => {
      const scene = await loadFixture(deployCalm);
      await time.increase(DAY);
      const { slowSigma: silent } = await scene.rules.marginRatesOf(ETH);
      const { answer, acceptedAt, slowVariance } = await keptOf(scene.volatility);
      const now = BigInt(await time.latest());
      await scene.feed.write(1n, 722n, [{ answer, updatedAt: now }]);
      await poke(scene);
      const { slowSigma } = await scene.rules.marginRatesOf(ETH);
      // 3,900 honest seconds of it count as calm, the others as the prior says: of a variance of 0.02 a root of 0.29.
      const gap = now - acceptedAt;
      const whole = 373_947n + gap;
      const exact = 373_947n * slowVariance + PRIOR * (gap - 3_900n);
      const { slowVariance: after } = await keptOf(scene.volatility);
      expect(after * whole >= exact && (after - 1n) * whole < exact).to.equal(true);
      // While it was silent sigma went to the prior, now its square has: no lower than that.
      expect(slowSigma).to.be.greaterThan(silent);
    });

    it("leaves another underlying's volatility alone when it reverts", async () => {
      const scene = await loadFixture(deployListed);
      const { prices, rules, feed, volatility, start } = scene;
      const other = await ethers.deployContract("MockPhasedFeed", [8n, 1n]);
      await other.write(1n, 1n, [{ answer: PRICE, updatedAt: start }]);
      await rules.setUnderlying(2n, UNDERLYING);
      await rules.setBrackets(2n, BRACKETS);
      await prices.setSources(2n, [await feedOf(other, BAND)], [], 0n);
      await volatility.follow(2n);
      await networkHelpers.setCode(await feed.getAddress(), "0x60006000fd");
      await other.write(1n, 2n, [{ answer: 3_030n * UNIT, updatedAt: start + HOUR }]);
      await volatility.poke(2n, 256n);
      expect((await keptOf(volatility, 2n)).slowVariance).to.equal(364_837_480_467n);
      expect(await poke(scene)).to.equal(0n);
    });
  });

  describe("who pokes (OR5, SQ3)", () => {
    it("cannot change what comes of the rounds by when it does, or by who it is", async () => {
      const { words, ...scene } = await loadFixture(deployEventful);
      const signers = await ethers.getSigners();
      const random = randomFrom(7);
      for (let trial = 0; trial < 12; ++trial) {
        const snapshot = await networkHelpers.takeSnapshot();
        for (let looked = 1n; looked !== 0n;) {
          await time.increase(random.between(1n, DAY));
          const most = random.between(1n, 4n);
          const poker = scene.volatility.connect(random.pick(signers));
          looked = await poker.poke.staticCall(ETH, most);
          await poker.poke(ETH, most);
        }
        expect(await keptOf(scene.volatility)).to.deep.equal(words[words.length - 1]);
        await snapshot.restore();
      }
    });

    it("cannot move the second of a poke to gain: what is read differs by the silence alone", async () => {
      const scene = await loadFixture(deployEventful);
      await poke(scene);
      const now = BigInt(await time.latest());
      const early = await scene.rules.marginRatesOf(ETH);
      await time.increaseTo(now + 15n);
      const late = await scene.rules.marginRatesOf(ETH);
      const moved = early.maintenance - late.maintenance;
      expect(moved < 0n ? -moved : moved).to.be.lessThan(2n * 10n ** 12n);
    });

    it("cannot change anything by follow while the price oracle's source stays", async () => {
      const { volatility, feed, stranger } = await loadFixture(deployEventful);
      await expect(volatility.connect(stranger).follow(ETH))
        .to.be.revertedWithCustomError(volatility, "AlreadyFollowed")
        .withArgs(ETH, await feed.getAddress());
    });

    it("cannot have a round that is not there yet passed over", async () => {
      const scene = await loadFixture(deployListed);
      const aggregator = await aggregatorOf(ethers, scene.feed, 1n);
      for (let times = 0; times < 5; ++times) expect(await poke(scene)).to.equal(0n);
      await aggregator.write(2n, [{ answer: 3_030n * UNIT, updatedAt: scene.start + HOUR }]);
      await poke(scene);
      expect(await variancesOf(scene)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
    });

    it("cannot have a round passed over by giving too little gas", async () => {
      const { words, ...scene } = await loadFixture(deployEventful);
      const { volatility, stranger } = scene;
      const all = await volatility.poke.estimateGas(ETH, 256n);
      const random = randomFrom(11);
      const seen = { reverted: 0, whole: 0 };
      for (let trial = 0n; trial < 150n; ++trial) {
        const snapshot = await networkHelpers.takeSnapshot();
        // Evenly from what a call costs to more than enough, and a random bit of it more.
        const gasLimit = 25_000n + (trial * all) / 145n + random.between(0n, all / 145n);
        let poked = true;
        try {
          const sent = await volatility.connect(stranger).poke(ETH, 256n, { gasLimit });
          await sent.wait();
        } catch {
          poked = false;
        }
        const kept = await keptOf(volatility);
        if (!poked) {
          seen.reverted++;
          expect(kept, `with ${gasLimit} gas`).to.deep.equal(words[0]);
        } else if (kept.roundId !== words[0]!.roundId) {
          seen.whole++;
          expect(kept, `with ${gasLimit} gas`).to.deep.equal(words[words.length - 1]);
        }
        await snapshot.restore();
      }
      expect(seen.reverted).to.be.greaterThan(100);
      expect(seen.whole).to.be.greaterThan(0);
    });
  });

  it("begins with the prior, not with what the first poker would like", async () => {
    const scene = await loadFixture(deployListed);
    expect(await variancesOf(scene)).to.deep.equal([PRIOR, PRIOR]);
  });
});
