import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import hre from "hardhat";
import { parseWad, type SignedOrder } from "../sdk/index.js";
import { deployWithTraders, PRICE } from "./fixtures/exchange.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

/**
 * An account of Bob's between its two margins: long 10 ETH from 3,000, ETH now at 2,930, worth 4.2 % of its notional.
 * A sale at the low end of the band lowers its health, so alone it is refused.
 */
async function deployWithMarginCall(network: typeof connection) {
  const trading = await deployWithTraders(network);
  const { alice, bob } = trading;
  const thin = { signer: bob, subAccount: 1n };
  await trading.fund(bob, 1n, 1_950);
  await trading.match(await trading.buy(thin, 10), [await trading.sell(alice, 10)], [10]);
  await trading.setPrice(ETH, 2_930);
  return { ...trading, thin };
}

/** What a side is charged of its notional at a rate [wad, bps]. */
function feeOf(notional: bigint, rate: bigint): bigint {
  return (notional * rate) / 10_000n;
}

describe("Exchange", () => {
  describe("matchOrders with several makers", () => {
    it("fills each maker at its own price, and the taker at all of them", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, dave, buy, sell, match } = await load();
      const prices = ["2990", "2995", "3000"].map(parseWad) as [bigint, bigint, bigint];
      const taker = await buy(alice, 6);
      await match(
        taker,
        [
          await sell(bob, 1, { limitPrice: prices[0] }),
          await sell(carol, 2, { limitPrice: prices[1] }),
          await sell(dave, 5, { limitPrice: prices[2] }),
        ],
        [1, 2, 3],
      );
      const quotes = [prices[0], 2n * prices[1], 3n * prices[2]] as const;
      const positionOf = (trader: typeof alice) =>
        clearinghouse.positionOf(accountOf(trader), ETH_PERP);
      const bought = quotes[0] + quotes[1] + quotes[2];
      expect(await positionOf(alice)).to.deep.equal([parseWad(6), -bought - feeOf(bought, 5n)]);
      for (const [place, trader] of [bob, carol, dave].entries()) {
        const sold = quotes[place] ?? 0n;
        const size = -parseWad(place + 1);
        expect(await positionOf(trader)).to.deep.equal([size, sold - feeOf(sold, 2n)]);
      }
    });

    it("announces the taker's fill once, and each trade at its price", async () => {
      const { exchange, clearinghouse, accountOf, alice, bob, carol, buy, sell, match, hashOf } =
        await load();
      const taker = await buy(alice, 3);
      const better = { limitPrice: PRICE - parseWad(1) };
      const makers = [await sell(bob, 1, better), await sell(carol, 2)];
      const taking = [hashOf(taker), accountOf(alice), taker.order.nonce] as const;
      const traded = (maker: typeof bob) => [ETH_PERP, accountOf(alice), accountOf(maker)] as const;
      await expect(match(taker, makers, [1, 2]))
        .to.emit(exchange, "OrderFilled")
        .withArgs(...taking, parseWad(3), parseWad(3), 0n)
        .and.to.emit(clearinghouse, "TradeCleared")
        .withArgs(...traded(bob), parseWad(1), better.limitPrice, anyValue, anyValue)
        .and.to.emit(clearinghouse, "TradeCleared")
        .withArgs(...traded(carol), parseWad(2), PRICE, anyValue, anyValue);
      expect(await exchange.isNonceUsed(accountOf(alice), taker.order.nonce)).to.be.true;
    });

    it("does all of it or nothing", async () => {
      const { exchange, alice, bob, carol, buy, sell, match, hashOf, sizeOf, cashOf } =
        await load();
      const taker = await buy(alice, 2);
      const good = await sell(bob, 1);
      const expensive = await sell(carol, 1, { limitPrice: PRICE + 1n });
      const cash = await cashOf(bob);
      await expect(match(taker, [good, expensive], [1, 1]))
        .to.be.revertedWithCustomError(exchange, "LimitPriceCrossed")
        .withArgs(hashOf(taker), PRICE, PRICE + 1n);
      expect(await exchange.fillableOf([taker.order, good.order])).to.deep.equal([
        parseWad(2),
        parseWad(1),
      ]);
      expect(await sizeOf(bob)).to.equal(0n);
      expect(await cashOf(bob)).to.equal(cash);
    });

    it("books balance afterwards, and longs hold what shorts do", async () => {
      const { clearinghouse, alice, bob, carol, buy, sell, match, sizeOf, excessOfClaims } =
        await load();
      await match(await buy(alice, 3), [await sell(bob, 1), await sell(carol, 2)], [1, 2]);
      await match(await sell(bob, 2), [await buy(carol, 1), await buy(alice, 1)], [1, 1]);
      const sizes = await Promise.all([alice, bob, carol].map((trader) => sizeOf(trader)));
      expect(sizes).to.deep.equal([parseWad(4), parseWad(-3), parseWad(-1)]);
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(parseWad(4));
      expect(await excessOfClaims()).to.equal(0n);
    });

    describe("when one maker's account cannot bear its fill", () => {
      it("fails as a whole, naming the account with its margins", async () => {
        const { marginEngine, accountOf, fund, alice, bob, carol, buy, sell, match, sizeOf } =
          await load();
        const poor = { signer: carol, subAccount: 7n };
        await fund(carol, 7n, 100);
        const taker = await buy(alice, 2);
        const makers = [await sell(bob, 1), await sell(poor, 1)];
        // Before: no position, so nothing was required. After: 3,000 x (3.8 % / 0.6, rounded up), and a fee of 0.6 paid.
        const before = [parseWad(100), 0n, 0n];
        const afterwards = [parseWad("99.4"), parseWad(190) + 2_000n, parseWad(114)];
        await expect(match(taker, makers, [1, 1]))
          .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
          .withArgs(accountOf(poor), before, afterwards);
        expect(await sizeOf(bob)).to.equal(0n);
      });
    });

    describe("when a maker's account is below its margin in between, but not at the end", () => {
      it("is refused the bad fill alone", async () => {
        const { marginEngine, alice, thin, buy, sell, match } =
          await networkHelpers.loadFixture(deployWithMarginCall);
        const low = await sell(thin, 3, { limitPrice: parseWad(2_784) });
        await expect(match(await buy(alice, 3), [low], [3])).to.be.revertedWithCustomError(
          marginEngine,
          "RiskNotReduced",
        );
      });

      it("is checked once, after the good fill as well", async () => {
        const { alice, thin, buy, sell, match, sizeOf, marginOf } =
          await networkHelpers.loadFixture(deployWithMarginCall);
        const low = await sell(thin, 3, { limitPrice: parseWad(2_784) });
        const high = await sell(thin, 3, { limitPrice: parseWad(3_070) });
        const limitPrice = parseWad(3_070);
        const before = await marginOf(thin);
        await match(await buy(alice, 6, { limitPrice }), [low, high], [3, 3]);
        expect(await sizeOf(thin)).to.equal(parseWad(4));
        const { equity, maintenance } = await marginOf(thin);
        expect(equity * before.maintenance >= before.equity * maintenance).to.be.true;
      });
    });

    describe("when a maker's order comes twice in one batch", () => {
      async function twice(sizes: (number | string)[]) {
        const trading = await load();
        const { alice, bob, buy, sell, match } = trading;
        const maker: SignedOrder = await sell(bob, 2);
        const act = match(await buy(alice, 5), [maker, maker], sizes);
        return { ...trading, maker, act };
      }

      it("fills it twice, as far as it goes", async () => {
        const { exchange, accountOf, bob, maker, act, sizeOf, hashOf } = await twice([1, 1]);
        await act;
        expect(await sizeOf(bob)).to.equal(parseWad(-2));
        expect(await exchange.isNonceUsed(accountOf(bob), maker.order.nonce)).to.be.true;
        expect(await exchange.filledOf(hashOf(maker))).to.equal(0n);
      });

      it("SO4: refuses the second fill when the two are more than its size", async () => {
        const { exchange, act, hashOf, maker } = await twice(["1.5", 1]);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "InvalidFill")
          .withArgs(hashOf(maker), parseWad(1), parseWad("0.5"));
      });

      it("SO4: refuses the second fill when the first was the whole of it", async () => {
        const { exchange, accountOf, bob, act, hashOf, maker } = await twice([2, 1]);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "NonceUsed")
          .withArgs(hashOf(maker), accountOf(bob), maker.order.nonce);
      });
    });

    describe("when there are as many makers as there may be", () => {
      it("clears 64, and refuses 65", async function () {
        const { exchange, alice, bob, buy, sell, match, sizeOf } = await load();
        const makers: SignedOrder[] = [];
        for (let i = 0; i < 65; i++) makers.push(await sell(bob, 1));
        const taker = await buy(alice, 65);
        const sizes = makers.map(() => "0.1");
        await expect(match(taker, makers, sizes))
          .to.be.revertedWithCustomError(exchange, "InvalidBatch")
          .withArgs(65n, 65n);
        await match(taker, makers.slice(1), sizes.slice(1));
        expect(await sizeOf(alice)).to.equal(parseWad("6.4"));
      });
    });
  });
});
