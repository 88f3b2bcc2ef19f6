import { expect } from "chai";
import { MaxUint256 } from "ethers";
import hre from "hardhat";
import { accountId, buildOrder, hashOrder, type Order, parseWad } from "../sdk/index.js";
import { deployWithTraders } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

const [TRADE, ALL_BUT_TRADE] = [1, 14];
const END_OF_TIME = 2n ** 40n - 1n;
const MOST_NONCE = 2n ** 64n - 1n;

describe("Exchange", () => {
  describe("cancel", () => {
    it("ends the orders with these nonces, and announces them", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
      const account = accountOf(alice);
      const nonce = 700n;
      const order = await buy(alice, 1, { nonce });
      await expect(exchange.connect(alice).cancel(account, [nonce, 0n, MOST_NONCE]))
        .to.emit(exchange, "OrdersCancelled")
        .withArgs(account, [nonce, 0n, MOST_NONCE]);
      for (const gone of [nonce, 0n, MOST_NONCE]) {
        expect(await exchange.isNonceUsed(account, gone)).to.be.true;
      }
      for (const left of [nonce - 1n, nonce + 1n, 1n, MOST_NONCE - 1n]) {
        expect(await exchange.isNonceUsed(account, left)).to.be.false;
      }
      await expect(match(order, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(order), account, nonce);
    });

    it("leaves the same nonces of other accounts alone, also of the same owner", async () => {
      const { exchange, accountOf, alice, bob } = await load();
      await exchange.connect(alice).cancel(accountOf(alice), [5n]);
      expect(await exchange.isNonceUsed(accountId(alice.address, 1n), 5n)).to.be.false;
      expect(await exchange.isNonceUsed(accountOf(bob), 5n)).to.be.false;
    });

    it("may be done twice, and before any order was signed", async () => {
      const { exchange, accountOf, alice } = await load();
      await exchange.connect(alice).cancel(accountOf(alice), [5n, 5n]);
      await exchange.connect(alice).cancel(accountOf(alice), [5n]);
      expect(await exchange.isNonceUsed(accountOf(alice), 5n)).to.be.true;
    });

    it("may be done by an operator with TRADE", async () => {
      const { exchange, vault, accountOf, alice, carol } = await load();
      await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
      await exchange.connect(carol).cancel(accountOf(alice), [5n]);
      expect(await exchange.isNonceUsed(accountOf(alice), 5n)).to.be.true;
    });

    it("works while no price can be read", async () => {
      const { exchange, accountOf, alice } = await load();
      await networkHelpers.time.increase(7 * 86_400);
      await exchange.connect(alice).cancel(accountOf(alice), [5n]);
      expect(await exchange.isNonceUsed(accountOf(alice), 5n)).to.be.true;
    });

    it("SO5: is refused to strangers, to a counterparty and to operators without TRADE", async () => {
      const { exchange, vault, accountOf, alice, bob, carol, stranger } = await load();
      await vault.connect(alice).setOperator(carol.address, ALL_BUT_TRADE, END_OF_TIME);
      for (const caller of [stranger, bob, carol]) {
        await expect(exchange.connect(caller).cancel(accountOf(alice), [5n]))
          .to.be.revertedWithCustomError(exchange, "CancelRefused")
          .withArgs(accountOf(alice), caller.address);
        await expect(exchange.connect(caller).cancelUpTo(accountOf(alice), 5n))
          .to.be.revertedWithCustomError(exchange, "CancelRefused")
          .withArgs(accountOf(alice), caller.address);
      }
      expect(await exchange.isNonceUsed(accountOf(alice), 5n)).to.be.false;
      expect(await exchange.leastNonceOf(accountOf(alice))).to.equal(0n);
    });

    it("SO5: is refused to an operator whose time is over or who was removed", async () => {
      const { exchange, vault, accountOf, alice, carol } = await load();
      const until = (await networkHelpers.time.latest()) + 100;
      await vault.connect(alice).setOperator(carol.address, TRADE, until);
      await networkHelpers.time.increaseTo(until + 1);
      await expect(exchange.connect(carol).cancel(accountOf(alice), [5n]))
        .to.be.revertedWithCustomError(exchange, "CancelRefused")
        .withArgs(accountOf(alice), carol.address);
      await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
      await vault.connect(alice).setOperator(carol.address, 0, 0);
      await expect(exchange.connect(carol).cancel(accountOf(alice), [5n]))
        .to.be.revertedWithCustomError(exchange, "CancelRefused")
        .withArgs(accountOf(alice), carol.address);
    });

    it("SO5: in one transaction ends a fill in the next one of the same block", async () => {
      const { exchange, accountOf, alice, bob, stranger, buy, sell, sizeOf } = await load();
      const [order, maker] = [await buy(alice, 1), await sell(bob, 1)];
      const gas = { gasLimit: 2_000_000 };
      await ethers.provider.send("evm_setAutomine", [false]);
      try {
        const cancel = await exchange
          .connect(alice)
          .cancel(accountOf(alice), [order.order.nonce], { ...gas, maxPriorityFeePerGas: 2n });
        const fill = await exchange
          .connect(stranger)
          .matchOrders(order, [maker], [parseWad(1)], { ...gas, maxPriorityFeePerGas: 1n });
        await networkHelpers.mine();
        const receipts = await Promise.all(
          [cancel, fill].map(({ hash }) => ethers.provider.getTransactionReceipt(hash)),
        );
        expect(receipts.map((receipt) => receipt?.status)).to.deep.equal([1, 0]);
        expect(receipts[0]?.blockNumber).to.equal(receipts[1]?.blockNumber);
        expect(receipts[0]?.index).to.equal(0);
      } finally {
        await ethers.provider.send("evm_setAutomine", [true]);
      }
      expect(await sizeOf(alice)).to.equal(0n);
    });
  });

  describe("cancelUpTo", () => {
    it("ends every order below a nonce, not the one that has it", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, hashOf, sizeOf } = await load();
      const account = accountOf(alice);
      const [below, at] = [await buy(alice, 1), await buy(alice, 1)];
      const least = at.order.nonce;
      await expect(exchange.connect(alice).cancelUpTo(account, least))
        .to.emit(exchange, "OrdersCancelledUpTo")
        .withArgs(account, least);
      expect(await exchange.leastNonceOf(account)).to.equal(least);
      await expect(match(below, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceCancelled")
        .withArgs(hashOf(below), account, below.order.nonce, least);
      await match(at, [await sell(bob, 1)], [1]);
      expect(await sizeOf(alice)).to.equal(parseWad(1));
    });

    it("only moves forward", async () => {
      const { exchange, accountOf, alice } = await load();
      const account = accountOf(alice);
      const upTo = (nonce: bigint) => exchange.connect(alice).cancelUpTo(account, nonce);
      await expect(upTo(0n))
        .to.be.revertedWithCustomError(exchange, "NonceBelowCurrent")
        .withArgs(0n, 0n);
      await upTo(100n);
      for (const nonce of [99n, 100n]) {
        await expect(upTo(nonce))
          .to.be.revertedWithCustomError(exchange, "NonceBelowCurrent")
          .withArgs(nonce, 100n);
      }
      await upTo(MOST_NONCE);
      expect(await exchange.leastNonceOf(account)).to.equal(MOST_NONCE);
    });
  });

  describe("fillableOf", () => {
    it("says what is left of fresh, partly filled, filled, cancelled and expired orders", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match } = await load();
      const past = BigInt(await networkHelpers.time.latest());
      const orders = [];
      for (let i = 0; i < 4; i++) orders.push(await buy(bob, 2));
      const [old, filled, cancelled, partly] = orders as [...Four<(typeof orders)[number]>];
      const [fresh, sale] = [await buy(bob, 2), await sell(bob, 3)];
      const expired = await buy(bob, 2, { expiry: past });
      await match(await sell(alice, 3), [filled, partly], [2, "0.5"]);
      await exchange.connect(bob).cancel(accountOf(bob), [cancelled.order.nonce]);
      await exchange.connect(bob).cancelUpTo(accountOf(bob), filled.order.nonce);
      const all = [old, filled, cancelled, partly, fresh, sale, expired].map(({ order }) => order);
      expect(await exchange.fillableOf(all)).to.deep.equal(
        [0, 0, 0, 1.5, 2, 3, 0].map((left) => parseWad(left)),
      );
    });
  });

  describe("filledOf", () => {
    it("says what is filled of an order until it is wholly filled", async () => {
      const { exchange, alice, bob, buy, sell, match, hashOf } = await load();
      const maker = await sell(bob, 2);
      expect(await exchange.filledOf(hashOf(maker))).to.equal(0n);
      await match(await buy(alice, 1), [maker], ["0.75"]);
      expect(await exchange.filledOf(hashOf(maker))).to.equal(parseWad("0.75"));
      await match(await buy(alice, 2), [maker], ["1.25"]);
      expect(await exchange.filledOf(hashOf(maker))).to.equal(0n);
      expect(await exchange.fillableOf([maker.order])).to.deep.equal([0n]);
    });
  });

  describe("hashOrder", () => {
    const [int128, uint128] = [2n ** 127n, 2n ** 128n];
    const extremes: Partial<Order>[] = [
      { size: -int128, limitPrice: uint128 - 1n, triggerPrice: uint128 - 1n },
      { size: int128 - 1n, maxFee: 2n ** 64n - 1n, expiry: END_OF_TIME, flags: 255n },
      { instrument: MaxUint256, nonce: MOST_NONCE, builder: ethers.toBeHex(MaxUint256, 32) },
      { size: 0n, limitPrice: 0n, maxFee: 0n, expiry: 0n, nonce: 0n },
    ];
    it("is what a wallet computes by EIP-712, at both ends of every type", async () => {
      const { exchange, domain, accountOf, alice } = await load();
      const account = accountOf(alice);
      const plain = { account, instrument: ETH_PERP, size: 1n, limitPrice: 1n, expiry: 1n };
      for (const changes of extremes) {
        const order = buildOrder({ ...plain, ...changes });
        expect(await exchange.hashOrder(order)).to.equal(hashOrder(domain, order));
      }
    });
  });
});

type Four<T> = [T, T, T, T];
