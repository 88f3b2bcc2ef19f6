import { expect } from "chai";
import { concat, Signature, toBeHex } from "ethers";
import hre from "hardhat";
import { type Order, ORDER_TYPES, parseWad, signOrder } from "../sdk/index.js";
import { deployWithTraders, PRICE, type Trading } from "./fixtures/exchange.js";
import { BTC_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);

const [TRADE, ALL_BUT_TRADE] = [1, 14];
const END_OF_TIME = 2n ** 40n - 1n;
/** Order of the curve of Ethereum's keys. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Bob sells to an order of Alice's account that `signer` signed. */
async function takeBy(trading: Trading, signer: Trading["alice"]) {
  const { domain, alice, bob, buy, sell, match } = trading;
  const { order } = await buy(alice, 1);
  const taker = await signOrder(signer, domain, order);
  return { taker, act: match(taker, [await sell(bob, 1)], [1]) };
}

describe("Exchange", () => {
  describe("matchOrders, signatures", () => {
    describe("when somebody else signed", () => {
      it("SO7: refuses a stranger's signature, and the counterparty's", async () => {
        const trading = await load();
        const { exchange, accountOf, alice, bob, stranger, hashOf } = trading;
        for (const signer of [stranger, bob]) {
          const { taker, act } = await takeBy(trading, signer);
          await expect(act)
            .to.be.revertedWithCustomError(exchange, "InvalidSignature")
            .withArgs(hashOf(taker), accountOf(alice));
        }
      });

      it("refuses an order in the name of the insurance fund: it has no key", async () => {
        const { exchange, clearinghouse, alice, bob, buy, sell, match, hashOf } = await load();
        const account = await clearinghouse.insuranceFund();
        const { order, signature } = await buy(alice, 1);
        const taker = { order: { ...order, account }, signature };
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), account);
      });

      it("refuses an account of the zero address, whatever the signature", async () => {
        const { exchange, bob, alice, buy, sell, match, hashOf } = await load();
        const account = toBeHex(5, 32);
        const { order } = await buy(alice, 1);
        for (const signature of ["0x", concat([toBeHex(0, 64), "0x1b"])]) {
          const taker = { order: { ...order, account }, signature };
          await expect(match(taker, [await sell(bob, 1)], [1]))
            .to.be.revertedWithCustomError(exchange, "InvalidSignature")
            .withArgs(hashOf(taker), account);
        }
      });
    });

    describe("when a field was changed after signing", () => {
      const changed: Partial<Order> = {
        instrument: BTC_PERP,
        size: parseWad(2),
        limitPrice: PRICE + 1n,
        maxFee: parseWad("0.01"),
        expiry: END_OF_TIME,
        flags: 1n,
        nonce: 10n ** 18n,
        builder: toBeHex(1n << 96n, 32),
      };
      for (const [field, value] of Object.entries(changed)) {
        it(`refuses the order: its ${field} was signed`, async () => {
          const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
          const { order, signature } = await buy(alice, 1);
          const taker = { order: { ...order, [field]: value }, signature };
          await expect(match(taker, [await sell(bob, 1)], [1]))
            .to.be.revertedWithCustomError(exchange, "InvalidSignature")
            .withArgs(hashOf(taker), accountOf(alice));
        });
      }

      it("SO7: refuses an order of the first account for the second of the same owner", async () => {
        const { exchange, fund, alice, bob, buy, sell, match, hashOf } = await load();
        const account = await fund(alice, 2n, 10_000);
        const { order, signature } = await buy({ signer: alice, subAccount: 1n }, 1);
        const taker = { order: { ...order, account }, signature };
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), account);
      });

      it("refuses an order signed for another contract", async () => {
        const { exchange, vault, domain, accountOf, alice, ...trading } = await load();
        const { order } = await trading.buy(alice, 1);
        const elsewhere = { ...domain, verifyingContract: await vault.getAddress() };
        const signature = await alice.signTypedData(elsewhere, ORDER_TYPES, order);
        const taker = { order, signature };
        await expect(trading.match(taker, [await trading.sell(trading.bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(trading.hashOf(taker), accountOf(alice));
      });
    });

    describe("when an operator signed", () => {
      it("fills the order with TRADE, in each account of the owner", async () => {
        const trading = await load();
        const { vault, domain, alice, bob, carol, fund, buy, sell, match, sizeOf } = trading;
        await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
        await (
          await takeBy(trading, carol)
        ).act;
        const second = { signer: alice, subAccount: 3n };
        await fund(alice, 3n, 1_000);
        const taker = await signOrder(carol, domain, (await buy(second, 1)).order);
        await match(taker, [await sell(bob, 1)], [1]);
        expect(await sizeOf(alice)).to.equal(parseWad(1));
        expect(await sizeOf(second)).to.equal(parseWad(1));
      });

      it("refuses it with every permission but TRADE", async () => {
        const trading = await load();
        const { exchange, vault, accountOf, alice, carol, hashOf } = trading;
        await vault.connect(alice).setOperator(carol.address, ALL_BUT_TRADE, END_OF_TIME);
        const { taker, act } = await takeBy(trading, carol);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), accountOf(alice));
      });

      it("SO7: refuses what a removed operator signed before", async () => {
        const { exchange, vault, domain, accountOf, alice, bob, carol, ...trading } = await load();
        const { buy, sell, match, hashOf } = trading;
        await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
        const taker = await signOrder(carol, domain, (await buy(alice, 2)).order);
        await match(taker, [await sell(bob, 1)], [1]);
        await vault.connect(alice).setOperator(carol.address, 0, 0);
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), accountOf(alice));
      });

      it("SO7: refuses it one second after the operator's time, not before", async () => {
        const { exchange, vault, domain, accountOf, alice, bob, carol, ...trading } = await load();
        const { buy, sell, match, hashOf } = trading;
        const until = (await networkHelpers.time.latest()) + 100;
        await vault.connect(alice).setOperator(carol.address, TRADE, until);
        const taker = await signOrder(carol, domain, (await buy(alice, 2)).order);
        const maker = await sell(bob, 2);
        await networkHelpers.time.setNextBlockTimestamp(until);
        await match(taker, [maker], [1]);
        await networkHelpers.time.setNextBlockTimestamp(until + 1);
        await expect(match(taker, [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), accountOf(alice));
      });

      it("gives no rights over accounts of other owners", async () => {
        const trading = await load();
        const { exchange, vault, accountOf, alice, bob, carol, hashOf } = trading;
        await vault.connect(bob).setOperator(carol.address, TRADE, END_OF_TIME);
        const { taker, act } = await takeBy(trading, carol);
        await expect(act)
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(taker), accountOf(alice));
      });
    });

    describe("when one signature is written in another way (SO3)", () => {
      const encodings: Record<string, (signature: Signature) => string> = {
        "in 64 bytes": ({ compactSerialized }) => compactSerialized,
        "with the other s of the curve": ({ r, s, v }) =>
          concat([r, toBeHex(CURVE_ORDER - BigInt(s), 32), v === 27 ? "0x1c" : "0x1b"]),
        "with a v of 0 or 1": ({ r, s, yParity }) => concat([r, s, toBeHex(yParity, 1)]),
        "with the wrong v": ({ r, s, v }) => concat([r, s, v === 27 ? "0x1c" : "0x1b"]),
        "with a byte more": ({ serialized }) => concat([serialized, "0x00"]),
        "in no bytes": () => "0x",
      };
      for (const [how, encode] of Object.entries(encodings)) {
        it(`SO3: refuses it ${how}, after a fill by the usual one as before`, async () => {
          const { exchange, accountOf, alice, bob, buy, sell, match, hashOf } = await load();
          const usual = await buy(alice, 2);
          const other = { ...usual, signature: encode(Signature.from(usual.signature)) };
          const refuse = async () => {
            await expect(match(other, [await sell(bob, 1)], [1]))
              .to.be.revertedWithCustomError(exchange, "InvalidSignature")
              .withArgs(hashOf(usual), accountOf(alice));
          };
          await refuse();
          await match(usual, [await sell(bob, 1)], [1]);
          await refuse();
          expect(await exchange.filledOf(hashOf(usual))).to.equal(parseWad(1));
        });
      }
    });
  });
});
