import { expect } from "chai";
import { type BaseContract, concat, getAddress, keccak256, toBeHex } from "ethers";
import hre from "hardhat";
import {
  accountId,
  buildOrder,
  KINDS,
  type Order,
  ownerOf,
  parseWad,
  perpetual,
  subAccountOf,
} from "../sdk/index.js";
import { zeroOf } from "./fixtures/abi.js";
import { deployWithTraders, PRICE, type Trading } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

function contractsOf(trading: Trading): [string, BaseContract][] {
  const { exchange, clearinghouse, vault, marginEngine, rules, oracle } = trading;
  const { lens, router, standingTopUp, liquidationAutomation } = trading;
  return Object.entries({
    exchange,
    clearinghouse,
    vault,
    marginEngine,
    rules,
    oracle,
    lens,
    router,
    standingTopUp,
    liquidationAutomation,
  });
}

describe("Every contract", () => {
  describe("ether (MT1)", () => {
    it("MT1: has no payable function, and no function that takes plain ether", async () => {
      for (const [name, contract] of contractsOf(await load())) {
        contract.interface.forEachFunction((fragment) => {
          expect(fragment.payable, `${name}.${fragment.name}`).to.be.false;
        });
        expect(contract.interface.receive, name).to.be.false;
        expect(contract.interface.fallback, name).to.equal(null);
        expect(contract.interface.deploy.payable, name).to.be.false;
      }
    });

    it("MT1: refuses ether, alone, with unknown data and with each of its functions", async () => {
      const trading = await load();
      const { accessManager, addresses, stranger } = trading;
      const value = 1n;
      for (const [, contract] of contractsOf(trading)) {
        const to = await contract.getAddress();
        const calls = ["0x", "0xdeadbeef"];
        contract.interface.forEachFunction((fragment) => {
          const zeros = fragment.inputs.map(zeroOf);
          calls.push(contract.interface.encodeFunctionData(fragment, zeros));
        });
        for (const data of calls) {
          // Refused for the ether: whatever else could be wrong would have a reason.
          const sent = stranger.call({ to, data, value });
          await expect(sent).to.be.revertedWithoutReason(ethers);
        }
      }
      for (const to of [await accessManager.getAddress(), addresses.contracts.DefaultProcess]) {
        await expect(stranger.call({ to, value })).to.be.revertedWithoutReason(ethers);
      }
    });

    it("MT1: hands on no ether that governance would send along", async () => {
      const { accessManager, exchange, schedule, passTime, governance } = await load();
      const { target, data, delay } = await schedule(exchange, "setFeeRates", [0n, 0n, 0n]);
      await passTime(delay);
      const manager = accessManager.connect(governance);
      await expect(manager.execute(target, data, { value: 1n })).to.be.revertedWithCustomError(
        accessManager,
        "FailedCall",
      );
      await manager.execute(target, data);
    });

    it("MT1: holds no ether after trades, deposits and withdrawals", async () => {
      const trading = await load();
      const { alice, bob, usdc, vault, accountOf, buy, sell, match } = trading;
      await match(await buy(alice, 1), [await sell(bob, 1)], [1]);
      await vault.connect(alice).withdraw(accountOf(alice), usdc, 1n, alice.address);
      for (const [name, contract] of contractsOf(trading)) {
        expect(await ethers.provider.getBalance(contract), name).to.equal(0n);
      }
    });
  });
});

describe("Keys (MT3)", () => {
  describe("hashOrder", () => {
    const base = buildOrder({
      account: accountId(getAddress(toBeHex(0xabcdef, 20)), 1n),
      instrument: ETH_PERP,
      size: parseWad(1),
      limitPrice: PRICE,
      expiry: 2_000_000_000n,
      nonce: 7n,
    });
    /** Each field by itself, one up, and to another end of its type. */
    const changed: Record<keyof Order, unknown[]> = {
      account: [accountId(ownerOf(base.account), 2n), toBeHex(0, 32)],
      instrument: [ETH_PERP + 1n, 2n ** 256n - 1n],
      size: [base.size + 1n, -base.size],
      limitPrice: [base.limitPrice + 1n, 0n],
      triggerPrice: [1n, base.limitPrice],
      maxFee: [base.maxFee + 1n, 0n],
      expiry: [base.expiry + 1n, 0n],
      flags: [1n, 255n],
      nonce: [base.nonce + 1n, 2n ** 64n - 1n],
      builder: [toBeHex(1, 32), concat(["0x01", toBeHex(0, 31)])],
    };

    it("MT3: differs when any one field differs, and when two fields change places", async () => {
      const { exchange } = await load();
      const orders = [
        base,
        ...Object.entries(changed).flatMap(([field, values]) =>
          values.map((value) => ({ ...base, [field]: value })),
        ),
        { ...base, limitPrice: base.triggerPrice, triggerPrice: base.limitPrice },
        { ...base, limitPrice: base.size, size: base.limitPrice },
        { ...base, expiry: base.nonce, nonce: base.expiry },
        { ...base, maxFee: base.nonce, nonce: base.maxFee },
      ];
      const hashes = await Promise.all(orders.map((order) => exchange.hashOrder(order)));
      expect(new Set(hashes).size).to.equal(orders.length);
    });

    it("MT3: is not the hash of the order's bytes alone, and no account's id", async () => {
      const { exchange, clearinghouse } = await load();
      const hash = await exchange.hashOrder(base);
      const encoded = exchange.interface.encodeFunctionData("hashOrder", [base]);
      expect(hash).not.to.equal(keccak256(`0x${encoded.slice(10)}`));
      expect(await clearinghouse.instrumentsOf(hash)).to.deep.equal([]);
    });
  });

  describe("account and instrument ids", () => {
    it("MT3: distinct owners and sub-accounts give distinct accounts, and can be read back", () => {
      const random = randomFrom(3);
      const seen = new Map<string, string>();
      for (let i = 0; i < 500; i++) {
        const owner = getAddress(toBeHex(random.between(1n, 2n ** 160n - 1n), 20));
        const subAccount = random.between(0n, 2n ** random.between(0n, 96n) - 1n);
        const account = accountId(owner, subAccount);
        expect([ownerOf(account), subAccountOf(account)]).to.deep.equal([owner, subAccount]);
        const pair = `${owner} ${subAccount.toString()}`;
        expect(seen.get(account) ?? pair).to.equal(pair);
        seen.set(account, pair);
      }
    });

    it("MT3: an instrument's number is no account that anyone could find a key for", () => {
      // It is below 2^200, so as an account its owner would be an address that begins with seven zero bytes and the kind.
      for (const underlying of [1, 2, 2 ** 24 - 1]) {
        const instrument = perpetual(underlying);
        expect(instrument < 2n ** 200n).to.be.true;
        expect(instrument >> 192n).to.equal(KINDS.perpetual);
        const owner = ownerOf(toBeHex(instrument, 32));
        expect(BigInt(owner) < 2n ** 104n).to.be.true;
      }
    });

    it("MT3: nonces share a word of 256 with no other word, account or sub-account", async () => {
      const { exchange, accountOf, alice, bob } = await load();
      const nonces = [0n, 255n, 256n, 2n ** 63n, 2n ** 64n - 1n];
      await exchange.connect(alice).cancel(accountOf(alice), [255n, 2n ** 63n]);
      const used = (account: string) =>
        Promise.all(nonces.map((nonce) => exchange.isNonceUsed(account, nonce)));
      expect(await used(accountOf(alice))).to.deep.equal([false, true, false, true, false]);
      for (const other of [accountId(alice.address, 1n), accountOf(bob)]) {
        expect(await used(other)).to.deep.equal(nonces.map(() => false));
      }
    });
  });
});
