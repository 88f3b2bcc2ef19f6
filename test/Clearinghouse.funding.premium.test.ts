import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import { mulDown, parseWad } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { CAPPED, fundingScenes, OPEN } from "./fixtures/funding.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { accruedAfter, fadedAfter, MILLIONTH } from "./reference/funding.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

const HOUR = 3_600;
const DEPTH = 960_000;

const { load, loadOpen, current } = fundingScenes(networkHelpers);

describe("Clearinghouse", () => {
  /** The premium right after the trade of Carol and Bob [1e-15 per period]. */
  async function premiumAfter(trade: { dollars?: number; premium?: number; fee?: number }) {
    const { clear, funding, carol, bob } = current();
    await clear({ buyer: carol, seller: bob, ...trade });
    return (await funding()).premium;
  }

  afterEach(async () => {
    await expectBooks(current());
  });

  describe("the premium that a trade says", () => {
    for (const [premium, said, words] of [
      [100, 0n, "nothing at the interest"],
      [600, 0n, "nothing at the upper end of the dead band"],
      [-400, 0n, "nothing at the lower end of the dead band"],
      [601, 1n, "what is above the dead band"],
      [-401, -1n, "what is below the dead band"],
      [1_600, 1_000n, "what is beyond the interest and the dead band"],
      [-1_400, -1_000n, "the same below, where shorts pay"],
      [8_000, 7_400n, "the cap less the interest, just reached"],
      [8_001, 7_400n, "no more than the cap allows"],
      [50_000, 7_400n, "no more at the edge of the trade band"],
      [-7_999, -7_599n, "nearly the cap below"],
      [-8_000, -7_600n, "the cap below, interest included, just reached"],
      [-50_000, -7_600n, "no more at the lower edge of the trade band"],
    ] as const) {
      it(`is ${words}: ${said} millionths at a price ${premium} millionths from the mark`, async () => {
        const { funding, clear, alice, bob } = await load();
        await clear({ buyer: alice, seller: bob, dollars: 300_000, premium });
        const { rate, premium: stored } = await funding();
        expect(stored).to.equal(said * MILLIONTH);
        expect(rate).to.equal((said + 100n) * MILLIONTH);
      });
    }
  });

  describe("the weight of a trade", () => {
    it("is its notional over 32 % of open interest", async () => {
      // Of size that changes hands: Alice sells what Carol buys, so open interest stays.
      const { clear, funding, alice, carol } = await loadOpen(6_000_000);
      await clear({ buyer: carol, seller: alice, dollars: 480_000, premium: 10_000 });
      // The price is 1 % above, and so is the notional.
      const counted = 480_000n * 1_010_000n;
      const exact = (CAPPED * counted) / (1_920_000n * 1_000_000n);
      expect((await funding()).premium).to.be.closeTo(exact, 1n);
    });

    it("is its notional over 250,000 dollars while little is open", async () => {
      await load();
      expect(await premiumAfter({ dollars: 100_000, premium: 10_000 })).to.be.closeTo(
        (CAPPED * 101_000n) / 250_000n,
        1n,
      );
    });

    it("is all with the whole depth, and not more than all", async () => {
      await load();
      expect(await premiumAfter({ dollars: 247_524, premium: 10_000 })).to.be.lessThan(CAPPED);
      expect(await premiumAfter({ dollars: 247_526, premium: 10_000 })).to.equal(CAPPED);
      expect(await premiumAfter({ dollars: 3_000_000, premium: 10_000 })).to.equal(CAPPED);
    });

    it("is of the open interest after a trade that opens", async () => {
      const { clear, funding, carol, bob } = await loadOpen(OPEN);
      await clear({ buyer: carol, seller: bob, dollars: 1_000_000, premium: 10_000 });
      const exact = (CAPPED * 1_010_000n) / 1_280_000n;
      expect((await funding()).premium).to.be.closeTo(exact, 1n);
    });

    it("is of the open interest before a trade that closes", async () => {
      const { clear, funding, alice, bob } = await loadOpen(OPEN);
      await clear({ buyer: bob, seller: alice, dollars: 500_000, premium: 10_000 });
      const exact = (CAPPED * 505_000n) / BigInt(DEPTH);
      expect((await funding()).premium).to.be.closeTo(exact, 1n);
    });

    it("adds up over a taker's trades, each with what it says", async () => {
      const { clear, funding, alice, bob, carol } = await loadOpen(OPEN);
      await clear(
        { buyer: carol, seller: alice, dollars: 96_000, premium: 10_000 },
        { buyer: carol, seller: bob, dollars: 48_000 },
      );
      const depth = (3_048_000n * 3_200n) / 10_000n;
      expect((await funding()).premium).to.be.closeTo((CAPPED * 96_960n) / depth, 1n);
    });

    it("is applied after the premium of before has faded", async () => {
      const { clearAt, funding, alice, bob } = await load();
      await clearAt(await time.latest(), 10, { ...sides(alice, bob), premium: 10_000 });
      const from = await time.latest();
      await clearAt(from, 100, { buyer: bob, seller: alice, dollars: 100_000, premium: 1_600 });
      const left = fadedAfter(CAPPED, 100n);
      const moved = left + ((1_000n * MILLIONTH - left) * 100_160n) / 250_000n;
      expect((await funding()).premium).to.be.closeTo(moved, 1n);
    });
  });

  describe("what counts of a trade", () => {
    for (const [fee, counted] of [
      [700, 1_000n],
      [500, 1_000n],
      [499, 998n],
      [300, 600n],
      [1, 2n],
      [0, 0n],
    ] as const) {
      it(`is ${counted} thousandths when both sides paid ${fee} millionths in fees`, async () => {
        await load();
        const premium = await premiumAfter({ dollars: 100_000, premium: 10_000, fee });
        const exact = (CAPPED * 101_000n * counted) / 250_000_000n;
        expect(premium).to.be.closeTo(exact, 1n);
      });
    }

    it("is the same whichever side paid", async () => {
      const { venue, tradeOf, alice, bob, funding } = await load();
      const trade = await tradeOf({ ...sides(alice, bob), dollars: 100_000, premium: 10_000 });
      const { taker, maker } = trade;
      const split = {
        taker: { ...taker, fee: taker.fee / 3n },
        maker: { ...maker, fee: taker.fee },
      };
      await venue.clear([{ ...trade, ...split }]);
      expect((await funding()).premium).to.be.closeTo((CAPPED * 101_000n) / 250_000n, 1n);
    });

    it("does not include what builders received", async () => {
      const { venue, tradeOf, alice, bob, funding, stranger } = await load();
      const trade = await tradeOf({ ...sides(alice, bob), premium: 10_000 });
      const { taker } = trade;
      const builder = { fee: 0n, builderFee: taker.fee, builder: stranger.address };
      await venue.clear([{ ...trade, taker: { ...taker, ...builder } }]);
      expect((await funding()).premium).to.equal(0n);
    });

    it("is nothing between two accounts of one owner", async () => {
      const { clear, funding, owners, newTrader } = await load();
      const buyer = await newTrader(owners.dave, 1_000_000, 1n);
      const seller = await newTrader(owners.dave, 1_000_000, 2n);
      await clear({ buyer, seller, dollars: 1_000_000, premium: 10_000 });
      expect((await funding()).premium).to.equal(0n);
    });

    it("is nothing at the last mark, and funding goes on as it was", async () => {
      const { clear, clearAt, funding, alice, bob, price, venue, clearinghouse } = await load();
      await clear({ ...sides(alice, bob), premium: 10_000 });
      const from = await time.latest();
      await time.increase(4_000);
      // The feed has been silent for too long: both sides reduce at exactly the last mark.
      const leg = { fee: 0n, builderFee: 0n, builder: ZeroAddress, reduceOnly: true };
      const silent = {
        instrument: ETH_PERP,
        size: parseWad(-10),
        price,
        taker: { ...leg, account: alice, fee: parseWad(21) },
        maker: { ...leg, account: bob },
      };
      await time.setNextBlockTimestamp(from + 5_000);
      await expect(venue.clear([silent])).to.not.emit(clearinghouse, "FundingAccrued");
      const { longIndex, premium, rate } = await funding();
      const state = { mark: price, premium: CAPPED, interestMillionths: 100n };
      expect(longIndex).to.equal(accruedAfter(state, 5_000n));
      expect([premium, rate]).to.deep.equal([0n, 100n * MILLIONTH]);
      await current().refreshPrices();
      await clearAt(from, 6_000, { buyer: bob, seller: alice });
      expect((await funding()).longIndex).to.equal(accruedAfter(state, 6_000n));
    });
  });

  describe("the fading of the premium", () => {
    it("is a straight line to 0 in five minutes, to the second", async () => {
      const { clear, funding, goTo, alice, bob, price } = await load();
      await clear({ ...sides(alice, bob), premium: 10_000 });
      const from = await time.latest();
      const state = { mark: price, premium: CAPPED, interestMillionths: 100n };
      for (const seconds of [0, 1, 75, 150, 299, 300, 301, 3_000]) {
        if (seconds !== 0) await goTo(from, seconds);
        const { premium, rate, longIndex, shortIndex } = await funding();
        expect(premium).to.equal(fadedAfter(CAPPED, BigInt(seconds)));
        expect(rate).to.equal(premium + 100n * MILLIONTH);
        expect(longIndex).to.equal(accruedAfter(state, BigInt(seconds)));
        expect(shortIndex).to.equal(longIndex);
      }
    });

    it("charges half of the first rate for the five minutes, then the interest alone", async () => {
      const { clear, equityOf, goTo, alice, bob, clearinghouse, price } = await load();
      await clear({ ...sides(alice, bob), dollars: 3_000_000, premium: 10_000 });
      const [from, held] = [await time.latest(), await equityOf(alice)];
      await goTo(from, 8 * HOUR);
      const { size } = await clearinghouse.positionOf(alice, ETH_PERP);
      const notional = mulDown(size, price);
      const exact = (notional * (7_400n * 150n + 100n * 28_800n)) / (1_000_000n * 28_800n);
      expect(held - (await equityOf(alice))).to.be.within(exact, exact + 1_000_000n);
    });
  });
});

/** Who opens in most tests: enough to set the premium anew. */
function sides<T>(buyer: T, seller: T) {
  return { buyer, seller, dollars: 300_000 };
}
