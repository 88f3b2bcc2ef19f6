import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import { parseWad, perpetual, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { CAPPED, fundingScenes, OPEN } from "./fixtures/funding.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { accruedAfter, MILLIONTH } from "./reference/funding.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

const HOUR = 3_600;
const DAY = 86_400;

const { load, loadOpen, loadPremium, current } = fundingScenes(networkHelpers);

describe("Clearinghouse", () => {
  afterEach(async () => {
    await expectBooks(current());
  });

  describe("funding without a premium", () => {
    it("makes longs pay shorts the interest: 0.01 % of the notional in eight hours", async () => {
      const { alice, bob, equityOf, goTo, start } = await loadOpen();
      const [longs, shorts] = [await equityOf(alice), await equityOf(bob)];
      await goTo(start, 8 * HOUR);
      expect((await equityOf(alice)) - longs).to.equal(parseWad(-300));
      expect((await equityOf(bob)) - shorts).to.equal(parseWad(300));
    });

    it("is the same at any second, as the view says it (I10)", async () => {
      const { funding, goTo, price, start } = await loadOpen();
      for (const seconds of [1, 7, HOUR, 86_400, 30 * 86_400]) {
        await goTo(start, seconds);
        const { rate, premium, longIndex, shortIndex } = await funding();
        expect([rate, premium]).to.deep.equal([100n * MILLIONTH, 0n]);
        const flat = { mark: price, premium: 0n, interestMillionths: 100n };
        expect(longIndex).to.equal(accruedAfter(flat, BigInt(seconds)));
        expect(shortIndex).to.equal(longIndex);
      }
    });

    it("tells the rate of a year: 10.95 %", async () => {
      const { clearinghouse } = await loadOpen();
      const { rate, premium } = await clearinghouse.fundingOf(ETH_PERP);
      expect([rate, premium]).to.deep.equal([parseWad("0.1095"), 0n]);
    });

    it("is nothing in a market that was never traded, whoever looks", async () => {
      const { clearinghouse } = await load();
      expect(await clearinghouse.fundingOf(ETH_PERP)).to.deep.equal([0n, 0n, 0n, 0n]);
    });

    it("costs a position that is held for no time nothing", async () => {
      const { clear, carol, bob, equityOf, start, clearAt } = await loadOpen();
      await clearAt(start, HOUR, { buyer: carol, seller: bob, fee: 0 });
      const held = await equityOf(carol);
      expect(held).to.equal(parseWad(20_000_000));
      await clear(
        { buyer: bob, seller: carol, fee: 0 },
        { buyer: carol, seller: bob, dollars: 90_000, fee: 0 },
        { buyer: bob, seller: carol, dollars: 90_000, fee: 0 },
      );
      // One second of interest on 30,000 dollars, and the two roundings of each write.
      const second = parseWad(3) / 28_800n;
      expect(held - (await equityOf(carol))).to.be.within(second - 10n, second + 10n);
    });

    it("is counted at the mark of the last trade, whatever the price is meanwhile", async () => {
      const { alice, setPrice, goTo, equityOf, start, clearinghouse } = await loadOpen();
      await setPrice(ETH, 2_900);
      const held = await equityOf(alice);
      const since = await time.latest();
      await goTo(start, HOUR);
      const size = (await clearinghouse.positionOf(alice, ETH_PERP)).size;
      expect(size).to.equal(parseWad(1_000));
      const paid = BigInt(start + HOUR - since) * parseWad(300);
      expect((await equityOf(alice)) - held).to.be.closeTo(-paid / 28_800n, 1_000_000n);
    });
  });

  describe("funding of a position", () => {
    it("is in its equity and leaves with variation settlement, to the wei", async () => {
      const { clearinghouse, vault, alice, owners, start, goTo, equityOf } = await loadPremium();
      await goTo(start, 8 * HOUR);
      const [cash, held] = [await vault.cashOf(alice), await equityOf(alice)];
      await clearinghouse.connect(owners.stranger).settleVariation(alice);
      const settled = await vault.cashOf(alice);
      // A second of interest more than when the equity was read.
      const second = parseWad(OPEN) / 10_000n / 28_800n;
      expect(settled - cash).to.be.closeTo(held - cash - second, 1_000_000n);
      expect(await equityOf(alice)).to.be.within(settled - 2n, settled);
    });

    it("leaves with the position as it is closed at the mark", async () => {
      const { clearinghouse, vault, clearAt, alice, bob, start, goTo, state } = await loadPremium();
      const [longs, shorts] = [await vault.cashOf(alice), await vault.cashOf(bob)];
      const { size } = await clearinghouse.positionOf(alice, ETH_PERP);
      await goTo(start, 8 * HOUR - 1);
      await clearAt(start, 8 * HOUR, { buyer: bob, seller: alice, size, fee: 0 });
      const funding = (size * accruedAfter(state, 28_800n)) / WAD;
      const paid = size * 30n + (size * 3_030n * 700n) / 1_000_000n + funding;
      expect(longs - (await vault.cashOf(alice))).to.be.within(paid, paid + 4n);
      const received = size * 30n + funding;
      expect((await vault.cashOf(bob)) - shorts).to.be.within(received - 4n, received);
    });

    it("brings an account below the line by itself, and it is liquidated", async () => {
      const { clear, clearinghouse, marginEngine, bob, carol, owners, newTrader, goTo } =
        await load();
      const thin = await newTrader(owners.dave, 20_000);
      await clear({ buyer: thin, seller: bob, dollars: 300_000 });
      const from = await time.latest();
      await goTo(from, DAY);
      expect(await marginEngine.statusOf(thin)).to.equal(0n);
      await goTo(from, 100 * DAY);
      expect(await marginEngine.statusOf(thin)).to.equal(2n);
      const { equity } = await marginEngine.marginOf(thin);
      const charged = (parseWad(300_000) * 300n) / 10_000n;
      expect(equity).to.be.closeTo(parseWad(20_000 - 210) - charged, 1_000_000n);
      await expect(
        clearinghouse.connect(owners.carol).liquidate(thin, carol, WAD, MaxInt256),
      ).to.emit(clearinghouse, "Liquidated");
    });

    it("is not today's rate for all the time that has passed", async () => {
      const { clearAt, funding, goTo, alice, bob, start, price } = await loadOpen();
      await goTo(start, 30 * DAY - 1);
      await clearAt(start, 30 * DAY, { buyer: alice, seller: bob, dollars: OPEN, premium: 10_000 });
      const flat = { mark: price, premium: 0n, interestMillionths: 100n };
      const { longIndex, premium } = await funding();
      expect(longIndex).to.equal(accruedAfter(flat, BigInt(30 * DAY)));
      expect(premium).to.equal(CAPPED);
    });

    it("is announced with both indices, mark, interest and premium at each trade", async () => {
      const { clearinghouse, clearAt, carol, bob, start, state, price } = await loadPremium();
      const index = accruedAfter(state, 100n);
      const left = (CAPPED * 200n) / 300n;
      await expect(clearAt(start, 100, { buyer: carol, seller: bob, fee: 0 }))
        .to.emit(clearinghouse, "FundingAccrued")
        .withArgs(ETH_PERP, index, index, price, 100n, left);
    });

    it("is of one instrument alone", async () => {
      const { clearinghouse, start, goTo } = await loadPremium();
      await goTo(start, DAY);
      expect(await clearinghouse.fundingOf(perpetual(2))).to.deep.equal([0n, 0n, 0n, 0n]);
    });
  });

  describe("accrueFunding", () => {
    it("does nothing while the rules are those in force", async () => {
      const { clearinghouse, owners, start, goTo } = await loadPremium();
      await goTo(start, 60);
      await expect(clearinghouse.connect(owners.stranger).accrueFunding(ETH_PERP)).to.not.emit(
        clearinghouse,
        "FundingAccrued",
      );
    });

    it("comes to the same after 0, 1 and 50 calls, to the wei", async () => {
      const { clearinghouse, start, goTo, funding, fromHere, state } = await loadPremium();
      const calls = (count: number) => async () => {
        for (let call = 0; call < count; ++call) await clearinghouse.accrueFunding(ETH_PERP);
        await goTo(start, HOUR);
        return funding();
      };
      const [never, once, often] = await fromHere(...[0, 1, 50].map(calls));
      expect(never!.longIndex).to.equal(accruedAfter(state, 3_600n));
      expect(once).to.deep.equal(never);
      expect(often).to.deep.equal(never);
    });

    it("takes a new interest in, from then on", async () => {
      const { clearinghouse, owners, announceRules, open, goTo, funding, price } = await load();
      const change = await announceRules({ interestMillionths: -300 });
      const start = await open(OPEN);
      await change();
      await time.setNextBlockTimestamp(start + 1_000);
      const index = accruedAfter({ mark: price, premium: 0n, interestMillionths: 100n }, 1_000n);
      await expect(clearinghouse.connect(owners.stranger).accrueFunding(ETH_PERP))
        .to.emit(clearinghouse, "FundingAccrued")
        .withArgs(ETH_PERP, index, index, price, -300n, 0n);
      await goTo(start, 3_000);
      const { rate, longIndex } = await funding();
      expect(rate).to.equal(-300n * MILLIONTH);
      const negative = { mark: price, premium: 0n, interestMillionths: -300n };
      expect(longIndex).to.equal(index + accruedAfter(negative, 2_000n));
    });

    it("does not know what is not listed", async () => {
      const { clearinghouse } = await load();
      for (const unknown of [perpetual(3), ETH_PERP | 1n, 0n]) {
        await expect(clearinghouse.accrueFunding(unknown))
          .to.be.revertedWithCustomError(current().rules, "UnknownInstrument")
          .withArgs(unknown);
      }
    });
  });
});
