import { expect } from "chai";
import hre from "hardhat";
import { expectBooks } from "./fixtures/books.js";
import { CAPPED, fundingScenes, OPEN } from "./fixtures/funding.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { accruedAfter, MILLIONTH } from "./reference/funding.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

const HOUR = 3_600;

const { load, loadOpen, loadPremium, current } = fundingScenes(networkHelpers);

describe("Clearinghouse", () => {
  afterEach(async () => {
    await expectBooks(current());
  });

  describe("a position opened and closed in one block (FI1)", () => {
    const FLASH = 40_000_000;

    it("at the mark changes nobody's funding", async () => {
      const { fromHere, clearAt, goTo, funding, carol, bob, start } = await loadOpen();
      const [without, after] = await fromHere(
        async () => {
          await clearAt(start, 10, { buyer: carol, seller: bob, dollars: 1 });
          await goTo(start, 8 * HOUR);
          return funding();
        },
        async () => {
          const buy = { buyer: carol, seller: bob, dollars: FLASH };
          await clearAt(start, 10, buy, { ...buy, buyer: bob, seller: carol });
          await goTo(start, 8 * HOUR);
          return funding();
        },
      );
      expect(after).to.deep.equal(without);
    });

    it("above the mark costs its fees more than all longs pay for it", async () => {
      const { fromHere, clearAt, goTo, funding, clearinghouse, carol, bob, start } =
        await loadOpen();
      const buy = { buyer: carol, seller: bob, dollars: FLASH, premium: 40_000 };
      const [without, after] = await fromHere(
        async () => {
          await goTo(start, 8 * HOUR);
          return { index: (await funding()).longIndex, fees: 0n };
        },
        async () => {
          const before = await clearinghouse.reserve();
          await clearAt(start, 10, buy, { ...buy, buyer: bob, seller: carol });
          const fees = (await clearinghouse.reserve()) - before;
          await goTo(start, 8 * HOUR);
          return { index: (await funding()).longIndex, fees };
        },
      );
      const paid = (after!.index - without!.index) * 1_000n;
      expect(paid).to.be.greaterThan(0n).and.lessThan(after!.fees);
    });
  });

  describe("a change of the funding rules (FI2)", () => {
    for (const change of [
      { interestMillionths: 400 },
      { interestMillionths: -7_500 },
      { capMillionths: 1_000 },
      { deadBandMillionths: 10_000 },
      { depthShareBps: 65_535 },
      { interestMillionths: 0, deadBandMillionths: 0, capMillionths: 0, depthShareBps: 0 },
    ]) {
      it(`to ${JSON.stringify(change)} prices no second of the past`, async () => {
        const { fromHere, announceRules, alice, bob, clear, clearinghouse, funding, price } =
          await load();
        const execute = await announceRules(change);
        await clear({ buyer: alice, seller: bob, dollars: OPEN, premium: 10_000 });
        const start = await time.latest();
        const at = (seconds: number) => time.setNextBlockTimestamp(start + seconds);
        const accrue = async () => clearinghouse.accrueFunding(ETH_PERP);

        const [first, last, never] = await fromHere(
          async () => {
            await at(60);
            await execute();
            await at(1_000);
            await accrue();
            return funding();
          },
          async () => {
            await at(998);
            await accrue();
            await at(999);
            await execute();
            await at(1_000);
            await accrue();
            return funding();
          },
          async () => {
            await at(1_000);
            await accrue();
            return funding();
          },
        );
        expect(first).to.deep.equal(last);
        const { longIndex, shortIndex } = never!;
        expect([first!.longIndex, first!.shortIndex]).to.deep.equal([longIndex, shortIndex]);
        const state = { mark: price, premium: CAPPED, interestMillionths: 100n };
        expect(longIndex).to.equal(accruedAfter(state, 1_000n));
      });
    }
  });

  describe("fifteen seconds more or less (SQ3)", () => {
    for (const moment of [15, 285, 300, 8 * HOUR]) {
      it(`are worth their own funding and no more, ${moment} s after a premium`, async () => {
        const { fromHere, clearAt, goTo, funding, carol, bob, start, state } = await loadPremium();
        const ending = (moved: number) => async () => {
          await goTo(start, moment + moved - 1);
          await clearAt(start, moment + moved, { buyer: carol, seller: bob, dollars: 1 });
          return (await funding()).longIndex;
        };
        const [early, due, late] = await fromHere(...[-13, 0, 15].map(ending));
        // The highest rate that there was, for the seconds that were won or lost.
        const most = (seconds: bigint) =>
          (state.mark * (CAPPED + 100n * MILLIONTH) * seconds) / (28_800n * 10n ** 15n) + 1n;
        expect(late! - due!).to.be.within(1n, most(15n));
        expect(due! - early!).to.be.within(1n, most(13n));
      });
    }
  });
});
