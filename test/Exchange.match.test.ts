import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployWithTraders, PRICE } from "./fixtures/exchange.js";
import { BTC_PERP, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

/** The latest time that an expiry can say. */
const END_OF_TIME = 2n ** 40n - 1n;

describe("Exchange", () => {
  describe("matchOrders", () => {
    describe("when the batch is malformed", () => {
      it("refuses a batch without a maker", async () => {
        const { exchange, alice, buy, match } = await load();
        await expect(match(await buy(alice, 1), [], []))
          .to.be.revertedWithCustomError(exchange, "InvalidBatch")
          .withArgs(0n, 0n);
      });

      it("refuses more makers than sizes, and fewer", async () => {
        const { exchange, alice, bob, buy, sell, match } = await load();
        const [taker, maker] = [await buy(alice, 2), await sell(bob, 1)];
        await expect(match(taker, [maker], []))
          .to.be.revertedWithCustomError(exchange, "InvalidBatch")
          .withArgs(1n, 0n);
        await expect(match(taker, [maker], [1, 1]))
          .to.be.revertedWithCustomError(exchange, "InvalidBatch")
          .withArgs(1n, 2n);
      });
    });

    describe("when an order is not valid by itself", () => {
      const broken = {
        "a size of 0": { size: 0n },
        "a limit price of 0": { limitPrice: 0n },
        "a trigger price without its flag": { triggerPrice: PRICE },
      };
      for (const [what, changes] of Object.entries(broken)) {
        it(`refuses ${what}, in the taker's order as in the maker's`, async () => {
          const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
          const taker = await buy(alice, 1, changes);
          await expect(match(taker, [await sell(bob, 1)], [1]))
            .to.be.revertedWithCustomError(exchange, "InvalidOrder")
            .withArgs(hashOf(taker));
          const maker = await sell(bob, 1, changes);
          await expect(match(await buy(alice, 1), [maker], [1]))
            .to.be.revertedWithCustomError(exchange, "InvalidOrder")
            .withArgs(hashOf(maker));
        });
      }
    });

    describe("when an order has an expiry (SO6)", () => {
      async function matchAt(expiry: bigint, now: bigint) {
        const { alice, bob, buy, sell, match, ...rest } = await load();
        const taker = await buy(alice, 1, { expiry });
        const maker = await sell(bob, 1);
        await networkHelpers.time.setNextBlockTimestamp(now);
        return { ...rest, alice, taker, act: match(taker, [maker], [1]) };
      }
      const soon = async () => BigInt(await networkHelpers.time.latest()) + 60n;

      for (const early of [1n, 0n]) {
        it(`SO6: fills it ${early} seconds before its last second has passed`, async () => {
          await load();
          const expiry = await soon();
          const { act, sizeOf, alice } = await matchAt(expiry, expiry - early);
          await act;
          expect(await sizeOf(alice)).to.equal(parseWad(1));
        });
      }

      it("SO6: refuses it one second after its last", async () => {
        await load();
        const expiry = await soon();
        const { act, exchange, hashOf, taker } = await matchAt(expiry, expiry + 1n);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "OrderExpired")
          .withArgs(hashOf(taker), expiry, expiry + 1n);
      });

      it("SO6: takes an expiry of 0 as past, not as never", async () => {
        await load();
        const now = await soon();
        const { act, exchange, hashOf, taker } = await matchAt(0n, now);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "OrderExpired")
          .withArgs(hashOf(taker), 0n, now);
      });

      it("SO6: fills one that expires at the end of the type's time", async () => {
        await load();
        const { act, sizeOf, alice } = await matchAt(END_OF_TIME, await soon());
        await act;
        expect(await sizeOf(alice)).to.equal(parseWad(1));
      });

      it("SO6: holds makers to the same rule", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const expiry = await soon();
        const maker = await sell(bob, 1, { expiry });
        const taker = await buy(alice, 1);
        await networkHelpers.time.setNextBlockTimestamp(expiry + 1n);
        await expect(match(taker, [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "OrderExpired")
          .withArgs(hashOf(maker), expiry, expiry + 1n);
      });
    });

    describe("when a maker does not fit the taker", () => {
      it("refuses another instrument", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const taker = await buy(alice, 1);
        const maker = await sell(bob, 1, { instrument: BTC_PERP });
        await expect(match(taker, [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "OrdersDoNotMatch")
          .withArgs(hashOf(taker), hashOf(maker));
      });

      it("refuses two buyers, and two sellers", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        for (const side of [buy, sell]) {
          const [taker, maker] = [await side(alice, 1), await side(bob, 1)];
          await expect(match(taker, [maker], [1]))
            .to.be.revertedWithCustomError(exchange, "OrdersDoNotMatch")
            .withArgs(hashOf(taker), hashOf(maker));
        }
      });

      it("refuses a maker one wei beyond a buyer's limit, and a seller's", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const buyer = await buy(alice, 1);
        const dear = { limitPrice: PRICE + 1n };
        await expect(match(buyer, [await sell(bob, 1, dear)], [1]))
          .to.be.revertedWithCustomError(exchange, "LimitPriceCrossed")
          .withArgs(hashOf(buyer), PRICE, PRICE + 1n);
        const seller = await sell(alice, 1);
        const cheap = { limitPrice: PRICE - 1n };
        await expect(match(seller, [await buy(bob, 1, cheap)], [1]))
          .to.be.revertedWithCustomError(exchange, "LimitPriceCrossed")
          .withArgs(hashOf(seller), PRICE, PRICE - 1n);
      });
    });

    describe("when a fill does not fit an order", () => {
      it("refuses a fill of 0", async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const maker = await sell(bob, 1);
        await expect(match(await buy(alice, 1), [maker], [0]))
          .to.be.revertedWithCustomError(exchange, "InvalidFill")
          .withArgs(hashOf(maker), 0n, parseWad(1));
      });

      it("refuses one wei more than is left of a maker, and of the taker", async () => {
        const { exchange, stranger, alice, bob, buy, sell, match, hashOf } = await load();
        const [taker, maker] = [await buy(alice, 5), await sell(bob, 2)];
        await match(taker, [maker], [1]);
        await expect(exchange.connect(stranger).matchOrders(taker, [maker], [parseWad(1) + 1n]))
          .to.be.revertedWithCustomError(exchange, "InvalidFill")
          .withArgs(hashOf(maker), parseWad(1) + 1n, parseWad(1));
        const large = await sell(bob, 9);
        await expect(exchange.connect(stranger).matchOrders(taker, [large], [parseWad(4) + 1n]))
          .to.be.revertedWithCustomError(exchange, "InvalidFill")
          .withArgs(hashOf(taker), parseWad(4) + 1n, parseWad(4));
      });
    });

    describe("when the clearinghouse refuses the trade", () => {
      it("MA4: refuses a maker that is the taker's own account", async () => {
        const { clearinghouse, accountOf, alice, buy, sell, match } = await load();
        await expect(match(await buy(alice, 1), [await sell(alice, 1)], [1]))
          .to.be.revertedWithCustomError(clearinghouse, "SelfDealing")
          .withArgs(accountOf(alice));
      });

      it("refuses an instrument that is not listed", async () => {
        const { rules, alice, bob, buy, sell, match } = await load();
        const instrument = ETH_PERP + 1n;
        const [taker, maker] = [
          await buy(alice, 1, { instrument }),
          await sell(bob, 1, { instrument }),
        ];
        await expect(match(taker, [maker], [1]))
          .to.be.revertedWithCustomError(rules, "UnknownInstrument")
          .withArgs(instrument);
      });
    });

    describe("when two orders cross", () => {
      it("opens both positions at the maker's price, whoever sends it", async () => {
        const { clearinghouse, accountOf, alice, bob, buy, sell, match } = await load();
        const price = parseWad("2990");
        const maker = await sell(bob, 2, { limitPrice: price });
        await match(await buy(alice, 2), [maker], [2]);
        expect(await clearinghouse.positionOf(accountOf(alice), ETH_PERP)).to.deep.equal([
          parseWad(2),
          // 5,980 dollars, and 0.05 % of it; the maker's 0.02 % below.
          -parseWad("5982.99"),
        ]);
        expect(await clearinghouse.positionOf(accountOf(bob), ETH_PERP)).to.deep.equal([
          parseWad(-2),
          parseWad("5978.804"),
        ]);
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(parseWad(2));
      });

      it("announces both fills and the trade, with what is filled in all", async () => {
        const { exchange, clearinghouse, accountOf, alice, bob, buy, sell, match, hashOf } =
          await load();
        const [taker, maker] = [await sell(alice, 3), await buy(bob, 5)];
        await match(taker, [maker], [1]);
        const nonces = [taker.order.nonce, maker.order.nonce] as const;
        const [seller, buyer] = [accountOf(alice), accountOf(bob)];
        const fill = parseWad("0.5");
        const [ofTaker, ofMaker] = [parseWad("1.5"), parseWad("3.5")];
        await expect(match(taker, [maker], ["0.5"]))
          .to.emit(exchange, "OrderFilled")
          .withArgs(hashOf(taker), seller, nonces[0], fill, parseWad("1.5"), ofTaker)
          .and.to.emit(exchange, "OrderFilled")
          .withArgs(hashOf(maker), buyer, nonces[1], fill, parseWad("1.5"), ofMaker)
          .and.to.emit(clearinghouse, "TradeCleared")
          .withArgs(ETH_PERP, seller, buyer, -fill, PRICE, parseWad("0.75"), parseWad("0.3"));
        expect(await exchange.filledOf(hashOf(taker))).to.equal(parseWad("1.5"));
        expect(await exchange.filledOf(hashOf(maker))).to.equal(parseWad("1.5"));
      });
    });
  });
});
