import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import { accountId, mulUp, packBuilder, parseWad } from "../sdk/index.js";
import { deployWithTraders, PRICE, STAKE } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

const TAKER_FEE = parseWad("0.0005");
const MAKER_FEE = parseWad("0.0002");
const MOST_FEE_RATE = parseWad("0.01");

describe("Exchange", () => {
  describe("matchOrders, fees", () => {
    it("charges taker and maker their rates on the notional, in what they are worth", async () => {
      const { alice, bob, buy, sell, match, equityOf } = await load();
      await match(await buy(alice, 2), [await sell(bob, 2)], [2]);
      expect(await equityOf(alice)).to.equal(STAKE - parseWad(3));
      expect(await equityOf(bob)).to.equal(STAKE - parseWad("1.2"));
    });

    it("keeps them in the reserve until anyone divides them between insurance fund and treasury", async () => {
      const { clearinghouse, vault, treasury, alice, bob, buy, sell, match, cashOf } = await load();
      await match(await buy(alice, 2), [await sell(bob, 2)], [2]);
      expect(await clearinghouse.reserve()).to.equal(parseWad("4.2"));
      expect(await cashOf(treasury)).to.equal(0n);
      await clearinghouse.distributeFees();
      expect(await clearinghouse.reserve()).to.equal(0n);
      expect(await vault.cashOf(await clearinghouse.insuranceFund())).to.equal(parseWad("2.1"));
      expect(await cashOf(treasury)).to.equal(parseWad("2.1"));
    });

    it("takes them from the quotes, so that nobody's cash changes, and announces them", async () => {
      const { vault, clearinghouse, accountOf, alice, bob, buy, sell, match, cashOf } =
        await load();
      const matched = match(await buy(alice, 1), [await sell(bob, 1)], [1]);
      await expect(matched)
        .to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(alice), ETH_PERP, parseWad(1), -parseWad("3001.5"))
        .and.to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(bob), ETH_PERP, -parseWad(1), parseWad("2999.4"))
        .and.to.emit(clearinghouse, "FeesReserved")
        .withArgs(parseWad("2.1"), parseWad("2.1"));
      await expect(matched).not.to.emit(vault, "CashPosted");
      expect([await cashOf(alice), await cashOf(bob)]).to.deep.equal([STAKE, STAKE]);
    });

    it("gives the fund everything when its share is the whole", async () => {
      const { asGovernance, clearinghouse, vault, treasury, ...trading } = await load();
      const { alice, bob, buy, sell, match, cashOf } = trading;
      await asGovernance(clearinghouse, "setFeeShares", [treasury.address, parseWad(1)]);
      await match(await buy(alice, 2), [await sell(bob, 2)], [2]);
      await clearinghouse.distributeFees();
      expect(await vault.cashOf(await clearinghouse.insuranceFund())).to.equal(parseWad("4.2"));
      expect(await cashOf(treasury)).to.equal(0n);
    });

    it("rounds a fee up, and gives the odd wei to the fund", async () => {
      const { exchange, clearinghouse, vault, stranger, treasury, ...trading } = await load();
      const { alice, bob, buy, sell, cashOf, equityOf } = trading;
      // One wei of ETH for 3,000 wei: 1.5 wei and 0.6 wei become 2 and 1.
      const match = exchange.connect(stranger).matchOrders;
      await match(await buy(alice, 1), [await sell(bob, 1)], [1n]);
      expect(await equityOf(alice)).to.equal(STAKE - 2n);
      expect(await equityOf(bob)).to.equal(STAKE - 1n);
      await clearinghouse.distributeFees();
      expect(await vault.cashOf(await clearinghouse.insuranceFund())).to.equal(2n);
      expect(await cashOf(treasury)).to.equal(1n);
    });

    it("rounds the notional up, too, before the fee", async () => {
      const { exchange, clearinghouse, accountOf, stranger, ...trading } = await load();
      const { alice, bob, buy, sell } = trading;
      // Two wei of ETH for 6,000.5 wei: 3.0005 wei and 1.2002 wei, where 6,000 would pay 3 and 1.2.
      const price = { limitPrice: parseWad("3000.25") };
      const match = exchange.connect(stranger).matchOrders;
      await expect(match(await buy(alice, 1, price), [await sell(bob, 1, price)], [2n]))
        .to.emit(clearinghouse, "TradeCleared")
        .withArgs(ETH_PERP, accountOf(alice), accountOf(bob), 2n, price.limitPrice, 4n, 2n);
      expect(await clearinghouse.reserve()).to.equal(6n);
    });

    describe("when an order allows just the venue's rate", () => {
      it("fills it", async () => {
        const { alice, bob, buy, sell, match, equityOf } = await load();
        const taker = await buy(alice, 1, { maxFee: TAKER_FEE });
        await match(taker, [await sell(bob, 1, { maxFee: MAKER_FEE })], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.5"));
      });
    });

    describe("when an order allows one wei less than the rates together", () => {
      it("refuses a taker's", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const taker = await buy(alice, 1, { maxFee: TAKER_FEE - 1n });
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(taker), TAKER_FEE, TAKER_FEE - 1n);
      });

      it("refuses a maker's, its builder's fee counted in", async () => {
        const { exchange, carol, alice, bob, buy, sell, match, hashOf } = await load();
        const ratio = parseWad("0.0003");
        const maxFee = MAKER_FEE + ratio - 1n;
        const builder = packBuilder(carol.address, ratio);
        const maker = await sell(bob, 1, { maxFee, builder });
        await expect(match(await buy(alice, 1), [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(maker), maxFee + 1n, maxFee);
      });

      it("refuses more than 1 % for a builder, whatever the order allows", async () => {
        const { exchange, carol, alice, bob, buy, sell, match, hashOf, equityOf } = await load();
        const maxFee = 2n ** 64n - 1n;
        for (const ratio of [MOST_FEE_RATE + 1n, 2n ** 96n - 1n]) {
          const taker = await buy(alice, 1, { maxFee, builder: packBuilder(carol.address, ratio) });
          await expect(match(taker, [await sell(bob, 1)], [1]))
            .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
            .withArgs(hashOf(taker), ratio, MOST_FEE_RATE);
        }
        const builder = packBuilder(carol.address, MOST_FEE_RATE);
        await match(await buy(alice, 1, { maxFee, builder }), [await sell(bob, 1)], [1]);
        expect(await equityOf(carol)).to.equal(STAKE + parseWad(30));
      });
    });

    describe("when an order names a builder", () => {
      it("refuses a ratio for nobody", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const taker = await buy(alice, 1, { builder: packBuilder(ZeroAddress, 1n) });
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidOrder")
          .withArgs(hashOf(taker));
      });

      it("pays the builder's first account what was signed, and the venue its own", async () => {
        const { clearinghouse, vault, stranger, carol, ...trading } = await load();
        const { alice, bob, buy, sell, match, equityOf } = trading;
        const builder = packBuilder(stranger.address, parseWad("0.0004"));
        const taker = await buy(alice, 1, { builder });
        const makers = [
          await sell(bob, 1, { builder: packBuilder(carol.address, parseWad("0.0001")) }),
        ];
        await match(taker, makers, [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("2.7"));
        expect(await equityOf(bob)).to.equal(STAKE - parseWad("0.9"));
        expect(await vault.cashOf(accountId(stranger.address))).to.equal(parseWad("1.2"));
        expect(await equityOf(carol)).to.equal(STAKE + parseWad("0.3"));
        expect(await clearinghouse.reserve()).to.equal(parseWad("2.1"));
      });

      it("pays one builder of several orders for each of them", async () => {
        const { carol, alice, bob, dave, buy, sell, match, equityOf, excessOfClaims } =
          await load();
        const builder = packBuilder(carol.address, parseWad("0.0001"));
        const makers = [await sell(bob, 1, { builder }), await sell(dave, 1, { builder })];
        await match(await buy(alice, 2, { builder }), makers, [1, 1]);
        expect(await equityOf(carol)).to.equal(STAKE + parseWad("1.2"));
        expect(await excessOfClaims()).to.equal(0n);
      });

      it("charges nothing for a builder without a ratio", async () => {
        const { carol, alice, bob, buy, sell, match, equityOf } = await load();
        const builder = packBuilder(carol.address, 0n);
        await match(await buy(alice, 1, { builder }), [await sell(bob, 1)], [1]);
        expect(await equityOf(carol)).to.equal(STAKE);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.5"));
      });
    });

    it("never charges more than maxFee of the notional, rounded up, for venue and builder each", async () => {
      const { exchange, carol, stranger, alice, bob, buy, sell, equityOf } = await load();
      const ratio = parseWad("0.0001");
      const taker = await buy(alice, 1, {
        maxFee: TAKER_FEE + ratio,
        builder: packBuilder(carol.address, ratio),
      });
      const maker = await sell(bob, 1);
      const match = exchange.connect(stranger).matchOrders;
      for (const fill of [1n, 7n, 333n, 10n ** 9n + 7n, 10n ** 17n + 1n]) {
        const before = await equityOf(alice);
        await match(taker, [maker], [fill]);
        const notional = mulUp(fill, PRICE);
        const charged = before - (await equityOf(alice));
        expect(charged).to.equal(mulUp(notional, TAKER_FEE) + mulUp(notional, ratio));
        // Two roundings where maxFee alone would have one.
        expect(charged - mulUp(notional, taker.order.maxFee) <= 1n).to.be.true;
      }
    });
  });
});
