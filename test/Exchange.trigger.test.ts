import { expect } from "chai";
import hre from "hardhat";
import { accountId, type Order, ORDER_FLAGS, ORDER_TYPES, parseWad } from "../sdk/index.js";
import { PRICE } from "./fixtures/exchange.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithStops, STOP, WORST } from "./fixtures/triggers.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithStops);

const { reduceOnly, postOnly, fillOrKill, triggerAbove, triggerBelow } = ORDER_FLAGS;
const TRADE = 1;
const END_OF_TIME = 2n ** 40n - 1n;

/** Both triggers, each with what lies one wei before the price that it waits for. */
const TRIGGERS = [
  { name: "TRIGGER_ABOVE", flags: triggerAbove, early: 1n },
  { name: "TRIGGER_BELOW", flags: triggerBelow, early: -1n },
] as const;

/** Alice and Bob, one of whom trades on a condition, and takes or rests. */
async function loadPair(side: "taker" | "maker") {
  const trading = await load();
  const { alice, bob, buy, sell, match } = trading;
  const orderOf = (changes: object, isBuying: boolean) =>
    isBuying ? buy(alice, 1, changes) : sell(alice, 1, changes);

  /** Alice's order with the changes meets a plain one of Bob. */
  async function meet(changes: object, isBuying = true) {
    const order = await orderOf(changes, isBuying);
    const plain = isBuying ? await sell(bob, 1) : await buy(bob, 1);
    const act = side === "taker" ? match(order, [plain], [1]) : match(plain, [order], [1]);
    return { order, act };
  }
  return { ...trading, meet };
}

describe("Exchange", () => {
  for (const side of ["taker", "maker"] as const) {
    describe(`matchOrders with a trigger in the ${side}'s order`, () => {
      for (const { name, flags, early } of TRIGGERS) {
        for (const isBuying of [true, false]) {
          const who = isBuying ? "who buys" : "who sells";

          it(`${name}: fills one ${who}, at the trigger price and one wei beyond it`, async () => {
            const { meet, alice, sizeOf } = await loadPair(side);
            for (const triggerPrice of [PRICE, PRICE - early]) {
              await (
                await meet({ flags, triggerPrice }, isBuying)
              ).act;
            }
            expect(await sizeOf(alice)).to.equal(parseWad(isBuying ? 5 : 1));
          });

          it(`${name}: refuses one ${who}, one wei before the trigger price`, async () => {
            const { exchange, meet, hashOf } = await loadPair(side);
            const triggerPrice = PRICE + early;
            const { order, act } = await meet({ flags, triggerPrice }, isBuying);
            await expect(act)
              .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
              .withArgs(hashOf(order), triggerPrice, PRICE);
          });
        }

        it(`refuses ${name} without a trigger price`, async () => {
          const { exchange, meet, hashOf } = await loadPair(side);
          const { order, act } = await meet({ flags });
          await expect(act)
            .to.be.revertedWithCustomError(exchange, "InvalidOrder")
            .withArgs(hashOf(order));
        });
      }

      it("refuses a trigger price without its flag, whatever other flags there are", async () => {
        const { exchange, meet, hashOf } = await loadPair(side);
        for (const flags of [0n, reduceOnly, postOnly, fillOrKill | reduceOnly]) {
          const { order, act } = await meet({ flags, triggerPrice: PRICE });
          await expect(act)
            .to.be.revertedWithCustomError(exchange, "InvalidOrder")
            .withArgs(hashOf(order));
        }
      });

      it("refuses both flags at once, with a trigger price and without", async () => {
        const { exchange, meet, hashOf } = await loadPair(side);
        for (const others of [0n, reduceOnly, fillOrKill]) {
          for (const triggerPrice of [0n, PRICE]) {
            const flags = triggerAbove | triggerBelow | others;
            const { order, act } = await meet({ flags, triggerPrice });
            await expect(act)
              .to.be.revertedWithCustomError(exchange, "InvalidFlags")
              .withArgs(hashOf(order), flags);
          }
        }
      });
    });
  }

  describe("matchOrders with a trigger and another flag", () => {
    it("REDUCE_ONLY: ends a position, and dies with it", async () => {
      const { clearinghouse, setPrice, accountOf, alice, stop, fill } = await load();
      const [first, second] = [await stop(alice, 3), await stop(alice, 1)];
      await setPrice(ETH, 2_940);
      await fill(first, 3);
      await expect(fill(second, 1))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(alice), ETH_PERP, 0n, parseWad(-1));
    });

    it("REDUCE_ONLY: without it, opens a position at a price", async () => {
      const { setPrice, dave, stop, fill, sizeOf } = await load();
      await setPrice(ETH, 2_940);
      await fill(await stop(dave, 1, { flags: triggerBelow }), 1);
      expect(await sizeOf(dave)).to.equal(parseWad(-1));
    });

    it("FILL_OR_KILL: fills wholly or not at all, once the price is there", async () => {
      const { exchange, setPrice, alice, stop, fill, sizeOf, hashOf } = await load();
      const order = await stop(alice, 3, { flags: triggerBelow | fillOrKill });
      await expect(fill(order, 3))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(order), STOP, PRICE);
      await setPrice(ETH, 2_940);
      await expect(fill(order, 2))
        .to.be.revertedWithCustomError(exchange, "NotWhollyFilled")
        .withArgs(hashOf(order), parseWad(2), parseWad(3));
      await fill(order, 3);
      expect(await sizeOf(alice)).to.equal(0n);
    });

    it("POST_ONLY: rests until the price is there, and never takes", async () => {
      const { exchange, setPrice, alice, carol, buy, match, sizeOf, ...trading } = await load();
      const order = await trading.stop(alice, 1, { flags: triggerBelow | postOnly });
      for (const price of [3_000, 2_940]) {
        await setPrice(ETH, price);
        await expect(trading.fill(order, 1))
          .to.be.revertedWithCustomError(exchange, "PostOnly")
          .withArgs(trading.hashOf(order));
      }
      await match(await buy(carol, 1), [order], [1]);
      expect(await sizeOf(alice)).to.equal(parseWad(2));
    });
  });

  describe("matchOrders with a trigger that was reached before", () => {
    it("refuses what is left of an order while the price is back, and fills it later", async () => {
      const { exchange, accountOf, setPrice, alice, stop, fill, hashOf, sizeOf } = await load();
      const order = await stop(alice, 3);
      await setPrice(ETH, 2_940);
      await fill(order, 1);
      await setPrice(ETH, 2_951);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(order), STOP, parseWad("2951"));
      expect(await exchange.fillableOf([order.order])).to.deep.equal([parseWad(2)]);
      await setPrice(ETH, 2_950);
      await fill(order, 2);
      expect(await sizeOf(alice)).to.equal(0n);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(order), accountOf(alice), order.order.nonce);
    });

    it("remembers nothing of a price that came and went", async () => {
      const { exchange, setPrice, alice, stop, fill, hashOf } = await load();
      const order = await stop(alice, 1);
      await setPrice(ETH, 2_900);
      await setPrice(ETH, 3_000);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(order), STOP, PRICE);
    });
  });

  describe("matchOrders with triggers in several orders of a batch", () => {
    it("fills all when each is reached, the taker's above and a maker's below", async () => {
      const { setPrice, alice, bob, carol, buy, stop, match, sizeOf } = await load();
      await setPrice(ETH, 2_940);
      const flags = triggerAbove | reduceOnly;
      const taker = await buy(bob, 3, { flags, triggerPrice: parseWad("2940") });
      const own = { flags: triggerBelow, triggerPrice: parseWad("2940") };
      await match(taker, [await stop(alice, 1), await stop(carol, 1, own)], [1, 1]);
      expect(await sizeOf(bob)).to.equal(parseWad(-1));
    });

    it("does nothing when the last maker's is not reached", async () => {
      const { exchange, setPrice, alice, bob, carol, buy, stop, match, hashOf, sizeOf } =
        await load();
      await setPrice(ETH, 2_940);
      const waiting = await stop(carol, 1, { flags: triggerBelow, triggerPrice: 1n });
      await expect(match(await buy(bob, 2), [await stop(alice, 1), waiting], [1, 1]))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(waiting), 1n, parseWad("2940"));
      expect(await sizeOf(bob)).to.equal(parseWad(-3));
    });
  });

  describe("matchOrders with a trigger in an order that ended while it waited", () => {
    it("refuses one that was cancelled, by its nonce and by all below one", async () => {
      const { exchange, accountOf, setPrice, alice, stop, fill, hashOf } = await load();
      const [one, other] = [await stop(alice, 1), await stop(alice, 1)];
      const [account, least] = [accountOf(alice), other.order.nonce + 1n];
      expect(await exchange.fillableOf([one.order])).to.deep.equal([parseWad(1)]);
      await exchange.connect(alice).cancel(account, [one.order.nonce]);
      await setPrice(ETH, 2_940);
      await expect(fill(one, 1))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(one), account, one.order.nonce);
      await exchange.connect(alice).cancelUpTo(account, least);
      await expect(fill(other, 1))
        .to.be.revertedWithCustomError(exchange, "NonceCancelled")
        .withArgs(hashOf(other), account, other.order.nonce, least);
    });

    it("refuses one that expired, although the price is there", async () => {
      const { exchange, setPrice, alice, carol, buy, stop, match, hashOf } = await load();
      const expiry = BigInt(await networkHelpers.time.latest()) + 60n;
      const order = await stop(alice, 1, { expiry });
      await setPrice(ETH, 2_940);
      const bid = await buy(carol, 1, { limitPrice: STOP });
      await networkHelpers.time.setNextBlockTimestamp(expiry + 1n);
      await expect(match(order, [bid], [1]))
        .to.be.revertedWithCustomError(exchange, "OrderExpired")
        .withArgs(hashOf(order), expiry, expiry + 1n);
    });
  });

  describe("matchOrders, who signed an order with a trigger", () => {
    const changes: Record<string, Partial<Order>> = {
      "its trigger price was moved": { triggerPrice: PRICE },
      "its trigger was turned round": { flags: triggerAbove | reduceOnly, triggerPrice: STOP },
      "its trigger was taken off": { flags: reduceOnly, triggerPrice: 0n },
    };
    for (const [what, change] of Object.entries(changes)) {
      it(`SO7: refuses it when ${what} after signing`, async () => {
        const { exchange, accountOf, alice, stop, fill, hashOf } = await load();
        const { order, signature } = await stop(alice, 1);
        const changed = { order: { ...order, ...change }, signature };
        await expect(fill(changed, 1))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(changed), accountOf(alice));
      });
    }

    it("fills what an operator with TRADE signed", async () => {
      const { vault, domain, setPrice, alice, dave, stop, fill, sizeOf } = await load();
      await vault.connect(alice).setOperator(dave, TRADE, END_OF_TIME);
      const { order } = await stop(alice, 1);
      const signature = await dave.signTypedData(domain, ORDER_TYPES, order);
      await setPrice(ETH, 2_940);
      await fill({ order, signature }, 1);
      expect(await sizeOf(alice)).to.equal(parseWad(2));
    });

    it("fills what a wallet contract signed (ERC-1271), only once the price is there", async () => {
      const { exchange, vault, clearinghouse, usdc, domain, setPrice, ...trading } = await load();
      const { dave, stranger, stop, fill, hashOf } = trading;
      const wallet = await ethers.deployContract("MockWallet", [dave.address]);
      const account = accountId(await wallet.getAddress());
      await usdc.mint(stranger, 10n ** 10n);
      await usdc.connect(stranger).approve(vault, 10n ** 10n);
      await vault.connect(stranger).deposit(account, usdc, 10n ** 10n);
      const order = { ...(await stop(dave, 1, { flags: triggerBelow })).order, account };
      const signed = { order, signature: await dave.signTypedData(domain, ORDER_TYPES, order) };
      await expect(fill(signed, 1))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(signed), STOP, PRICE);
      await setPrice(ETH, 2_940);
      await fill(signed, 1);
      expect((await clearinghouse.positionOf(account, ETH_PERP)).size).to.equal(parseWad(-1));
    });
  });

  describe("matchOrders with a trigger, the price it is filled at", () => {
    it("is the maker's, down to the limit and not one wei worse", async () => {
      const { exchange, clearinghouse, accountOf, setPrice, alice, carol, ...trading } =
        await load();
      const { buy, stop, match, hashOf } = trading;
      await setPrice(ETH, 2_940);
      const order = await stop(alice, 3);
      const below = await buy(carol, 1, { limitPrice: WORST - 1n });
      await expect(match(order, [below], [1]))
        .to.be.revertedWithCustomError(exchange, "LimitPriceCrossed")
        .withArgs(hashOf(order), WORST, WORST - 1n);
      await match(order, [await buy(carol, 1, { limitPrice: WORST })], [1]);
      await match(order, [await buy(carol, 1, { limitPrice: parseWad("2990") })], [1]);
      const position = await clearinghouse.positionOf(accountOf(carol), ETH_PERP);
      expect(position.size).to.equal(parseWad(2));
    });

    it("is nobody's when the price jumps beyond the limit and its band: the order waits", async () => {
      const { exchange, clearinghouse, setPrice, alice, carol, buy, stop, match, ...trading } =
        await load();
      const order = await stop(alice, 3);
      await setPrice(ETH, 2_700);
      const fair = await buy(carol, 3, { limitPrice: parseWad("2700") });
      await expect(match(order, [fair], [3]))
        .to.be.revertedWithCustomError(exchange, "LimitPriceCrossed")
        .withArgs(trading.hashOf(order), WORST, parseWad("2700"));
      const generous = await buy(carol, 3, { limitPrice: WORST });
      await expect(match(order, [generous], [3]))
        .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
        .withArgs(ETH_PERP, WORST, parseWad("2700"), parseWad("135"));
      await setPrice(ETH, 2_900);
      await match(order, [generous], [3]);
      expect(await trading.sizeOf(alice)).to.equal(0n);
    });
  });
});
