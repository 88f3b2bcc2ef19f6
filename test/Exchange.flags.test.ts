import { expect } from "chai";
import hre from "hardhat";
import { ORDER_FLAGS, parseWad } from "../sdk/index.js";
import { deployWithTraders } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const { reduceOnly, postOnly, fillOrKill } = ORDER_FLAGS;

/** Alice is long 3 ETH and Bob short 3. */
async function deployWithPositions(network: typeof connection) {
  const trading = await deployWithTraders(network);
  const { alice, bob } = trading;
  await trading.match(await trading.buy(alice, 3), [await trading.sell(bob, 3)], [3]);
  return trading;
}
const load = () => networkHelpers.loadFixture(deployWithPositions);

describe("Exchange", () => {
  describe("matchOrders with REDUCE_ONLY", () => {
    const flags = reduceOnly;

    it("reduces a long as a taker and a short as a maker", async () => {
      const { alice, bob, buy, sell, match, sizeOf } = await load();
      await match(await sell(alice, 2, { flags }), [await buy(bob, 2, { flags })], [2]);
      expect(await sizeOf(alice)).to.equal(parseWad(1));
      expect(await sizeOf(bob)).to.equal(parseWad(-1));
    });

    it("closes wholly", async () => {
      const { clearinghouse, accountOf, alice, bob, buy, sell, match } = await load();
      await match(await sell(alice, 3, { flags }), [await buy(bob, 3, { flags })], [3]);
      expect(await clearinghouse.instrumentsOf(accountOf(alice))).to.deep.equal([]);
      expect(await clearinghouse.instrumentsOf(accountOf(bob))).to.deep.equal([]);
    });

    it("refuses to open a position, on either side", async () => {
      const { clearinghouse, accountOf, bob, carol, buy, sell, match } = await load();
      await expect(match(await buy(carol, 1, { flags }), [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(carol), ETH_PERP, 0n, parseWad(1));
      await expect(match(await buy(bob, 1), [await sell(carol, 1, { flags })], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(carol), ETH_PERP, 0n, parseWad(-1));
    });

    it("refuses to grow a position", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, buy, sell, match } = await load();
      await expect(match(await buy(alice, 1, { flags }), [await sell(carol, 1)], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(alice), ETH_PERP, parseWad(3), parseWad(1));
      await expect(match(await sell(bob, 1, { flags }), [await buy(carol, 1)], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-3), parseWad(-1));
    });

    it("refuses to flip a position, even by one wei", async () => {
      const { clearinghouse, exchange, stranger, accountOf, alice, bob, carol, buy, sell } =
        await load();
      const size = parseWad(3) + 1n;
      const match = exchange.connect(stranger).matchOrders;
      await expect(match(await sell(alice, 4, { flags }), [await buy(carol, 4)], [size]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(alice), ETH_PERP, parseWad(3), -size);
      await expect(match(await buy(bob, 4, { flags }), [await sell(carol, 4)], [size]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-3), size);
    });

    it("looks at all fills of a batch together", async () => {
      const { clearinghouse, accountOf, alice, carol, dave, buy, sell, match } = await load();
      const taker = await sell(alice, 4, { flags });
      await expect(match(taker, [await buy(carol, 2), await buy(dave, 2)], [2, 2]))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(alice), ETH_PERP, parseWad(3), parseWad(-4));
    });
  });

  describe("matchOrders with POST_ONLY", () => {
    it("refuses to take", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const taker = await buy(alice, 1, { flags: postOnly });
      await expect(match(taker, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "PostOnly")
        .withArgs(hashOf(taker));
    });

    it("rests as a maker, wholly and partly", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const maker = await sell(bob, 2, { flags: postOnly });
      await match(await buy(alice, 1), [maker], [1]);
      expect(await exchange.filledOf(hashOf(maker))).to.equal(parseWad(1));
      await match(await buy(alice, 1), [maker], [1]);
      expect(await exchange.fillableOf([maker.order])).to.deep.equal([0n]);
    });
  });

  describe("matchOrders with FILL_OR_KILL", () => {
    const flags = fillOrKill;

    it("refuses to fill a taker partly", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const taker = await buy(alice, 3, { flags });
      await expect(match(taker, [await sell(bob, 2)], [2]))
        .to.be.revertedWithCustomError(exchange, "NotWhollyFilled")
        .withArgs(hashOf(taker), parseWad(2), parseWad(3));
    });

    it("refuses to fill a maker partly", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const maker = await sell(bob, 3, { flags });
      await expect(match(await buy(alice, 2), [maker], [2]))
        .to.be.revertedWithCustomError(exchange, "NotWhollyFilled")
        .withArgs(hashOf(maker), parseWad(2), parseWad(3));
    });

    it("refuses to fill a maker in two parts of one batch", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const maker = await sell(bob, 3, { flags });
      await expect(match(await buy(alice, 3), [maker, maker], [2, 1]))
        .to.be.revertedWithCustomError(exchange, "NotWhollyFilled")
        .withArgs(hashOf(maker), parseWad(2), parseWad(3));
    });

    it("fills a taker wholly from several makers", async () => {
      const { alice, bob, carol, buy, sell, match, sizeOf } = await load();
      const taker = await buy(alice, 3, { flags });
      await match(taker, [await sell(bob, 5), await sell(carol, 1)], [2, 1]);
      expect(await sizeOf(alice)).to.equal(parseWad(6));
    });
  });

  describe("matchOrders with flags that say nothing", () => {
    const contradicting = [postOnly | fillOrKill, reduceOnly | postOnly | fillOrKill];
    for (const flags of [24n, 25n, 32n, 40n, 128n, 255n, ...contradicting]) {
      it(`refuses flags of ${flags.toString()}, in the taker's order as in the maker's`, async () => {
        const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
        const taker = await buy(alice, 1, { flags });
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidFlags")
          .withArgs(hashOf(taker), flags);
        const maker = await sell(bob, 1, { flags });
        await expect(match(await buy(alice, 1), [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidFlags")
          .withArgs(hashOf(maker), flags);
      });
    }

    it("takes flags that agree: REDUCE_ONLY with FILL_OR_KILL or with POST_ONLY", async () => {
      const { alice, bob, buy, sell, match, sizeOf } = await load();
      const taker = await sell(alice, 1, { flags: reduceOnly | fillOrKill });
      await match(taker, [await buy(bob, 1, { flags: reduceOnly | postOnly })], [1]);
      expect(await sizeOf(alice)).to.equal(parseWad(2));
    });
  });
});
