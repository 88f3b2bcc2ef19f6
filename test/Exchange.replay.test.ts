import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { hashOrder, parseWad, type SignedOrder, signOrder } from "../sdk/index.js";
import { deployWithTraders, PRICE } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";

const connection = await hre.network.create();
const fork = await hre.network.create({ override: { chainId: 31_338 } });

const load = (network: NetworkConnection = connection) =>
  network.networkHelpers.loadFixture(deployWithTraders);

describe("Exchange", () => {
  describe("matchOrders, an order that is done (SO1)", () => {
    it("SO1: refuses an order that was wholly filled, at once or in parts", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      for (const parts of [[1], ["0.4", "0.6"]]) {
        const taker = await buy(alice, 1);
        for (const part of parts) await match(taker, [await sell(bob, 1)], [part]);
        await expect(match(taker, [await sell(bob, 1)], ["0.1"]))
          .to.be.revertedWithCustomError(exchange, "NonceUsed")
          .withArgs(hashOf(taker), accountOf(alice), taker.order.nonce);
      }
    });

    it("SO1: refuses it as a maker, too", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      const maker = await sell(bob, 1);
      await match(await buy(alice, 1), [maker], [1]);
      await expect(match(await buy(alice, 1), [maker], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(maker), accountOf(bob), maker.order.nonce);
    });

    it("SO1: refuses an order that was cancelled before any fill", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      const taker = await buy(alice, 1);
      await exchange.connect(alice).cancel(accountOf(alice), [taker.order.nonce]);
      await expect(match(taker, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(taker), accountOf(alice), taker.order.nonce);
    });

    it("SO1: refuses the rest of an order that was partly filled, then cancelled", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf, sizeOf } = await load();
      const [one, other] = [await buy(alice, 1), await buy(alice, 1)];
      const least = other.order.nonce + 1n;
      for (const taker of [one, other]) await match(taker, [await sell(bob, 1)], ["0.6"]);
      await exchange.connect(alice).cancel(accountOf(alice), [one.order.nonce]);
      await expect(match(one, [await sell(bob, 1)], ["0.4"]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(one), accountOf(alice), one.order.nonce);
      await exchange.connect(alice).cancelUpTo(accountOf(alice), least);
      await expect(match(other, [await sell(bob, 1)], ["0.4"]))
        .to.be.revertedWithCustomError(exchange, "NonceCancelled")
        .withArgs(hashOf(other), accountOf(alice), other.order.nonce, least);
      expect(await sizeOf(alice)).to.equal(parseWad("1.2"));
    });

    it("refuses another order with the nonce of one that was wholly filled", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      const first = await buy(alice, 1);
      const second = await buy(alice, 2, { nonce: first.order.nonce });
      await match(first, [await sell(bob, 1)], [1]);
      await expect(match(second, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(second), accountOf(alice), first.order.nonce);
    });

    it("fills two orders with one nonce side by side until one of them is wholly filled", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      const first = await buy(alice, 1);
      const { nonce } = first.order;
      const second = await buy(alice, 2, { nonce });
      for (const taker of [first, second]) await match(taker, [await sell(bob, 1)], ["0.9"]);
      await match(first, [await sell(bob, 1)], ["0.1"]);
      await expect(match(second, [await sell(bob, 1)], ["0.1"]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(second), accountOf(alice), nonce);
    });
  });

  describe("matchOrders after a fork of the chain (SO2)", () => {
    /** The same Exchange, code and address, on a chain with another id. */
    async function bothChains() {
      const [here, there] = [await load(), await load(fork)];
      const address = await here.exchange.getAddress();
      expect(await there.exchange.getAddress()).to.equal(address);
      const code = await connection.ethers.provider.getCode(address);
      await fork.networkHelpers.setCode(address, code);
      return { here, there };
    }

    it("SO2: hashes orders for the chain that it is on, and for its address", async () => {
      const { here, there } = await bothChains();
      const { order } = await here.buy(here.alice, 1);
      const hashes = await Promise.all([here, there].map((side) => side.exchange.hashOrder(order)));
      expect(hashes).to.deep.equal([here, there].map(({ domain }) => hashOrder(domain, order)));
      expect(hashes[0]).not.to.equal(hashes[1]);
    });

    it("SO2: refuses there what was signed here, and here what was signed there", async () => {
      const { here, there } = await bothChains();
      for (const [home, abroad] of [
        [here, there],
        [there, here],
      ] as const) {
        const taker = await home.buy(home.alice, 1);
        await expect(abroad.match(taker, [await abroad.sell(abroad.bob, 1)], [1]))
          .to.be.revertedWithCustomError(abroad.exchange, "InvalidSignature")
          .withArgs(abroad.hashOf(taker), home.accountOf(home.alice));
      }
    });

    it("SO2: fills there what was signed for there", async () => {
      const { there } = await bothChains();
      const { order } = await there.buy(there.alice, 1);
      const taker = await signOrder(there.alice, there.domain, order);
      await there.match(taker, [await there.sell(there.bob, 1)], [1]);
      expect(await there.sizeOf(there.alice)).to.equal(parseWad(1));
    });
  });

  describe("matchOrders in many partial fills (SO4)", () => {
    const FILLS = 50;
    const SIZE = parseWad(10);
    /** Nothing divides it, so that each fill is rounded. */
    const limitPrice = PRICE + 123_456_789_012_345_679n;
    /** One of the settlement token's [wad]. */
    const UNIT = 10n ** 12n;

    for (const [side, sign] of [
      ["selling", -1n],
      ["buying", 1n],
    ] as const) {
      it(`SO4: never fills a ${side} maker beyond its size or worse than its limit`, async () => {
        const { exchange, clearinghouse, stranger, ...trading } = await load();
        const { accountOf, alice, carol, dave, bob, hashOf, excessOfClaims } = trading;
        const random = randomFrom(Number(sign) + 40);
        const maker: SignedOrder = await trading.buy(bob, 10, { size: sign * SIZE, limitPrice });
        let filled = 0n;
        let fees = 0n;
        for (let i = 0; i < FILLS; i++) {
          const left = SIZE - filled;
          const fill = random.between(1n, (2n * left) / BigInt(FILLS - i + 2));
          const size = -sign * random.between(fill, 2n * fill);
          const taker = await trading.buy(random.pick([alice, carol, dave]), 1, {
            size,
            limitPrice,
          });
          const match = exchange.connect(stranger).matchOrders;
          if (i % 10 === 0) {
            const whole = await trading.buy(alice, 1, { size: -sign * SIZE * 2n, limitPrice });
            await expect(match(whole, [maker], [left + 1n]))
              .to.be.revertedWithCustomError(exchange, "InvalidFill")
              .withArgs(hashOf(maker), left + 1n, left);
          }
          await match(taker, [maker], [fill]);
          filled += fill;
          const [cleared] = await clearinghouse.queryFilter(
            clearinghouse.filters.TradeCleared(),
            "latest",
          );
          fees += cleared?.args.makerFee ?? 0n;
          const held = await clearinghouse.positionOf(accountOf(bob), ETH_PERP);
          expect(held.size).to.equal(sign * filled);
          expect(await exchange.filledOf(hashOf(maker))).to.equal(filled);
          // In units of 1e-36: what was paid or received before fees, against size x limit.
          const worse = -sign * filled * limitPrice - (held.quote + fees) * 10n ** 18n;
          expect(worse < UNIT * 10n ** 18n).to.be.true;
        }
        await exchange
          .connect(stranger)
          .matchOrders(
            await trading.buy(alice, 1, { size: sign * (filled - SIZE), limitPrice }),
            [maker],
            [SIZE - filled],
          );
        expect(await exchange.fillableOf([maker.order])).to.deep.equal([0n]);
        expect(await excessOfClaims()).to.equal(0n);
      });
    }
  });
});
