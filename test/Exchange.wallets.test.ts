import { expect } from "chai";
import hre from "hardhat";
import { accountId, ORDER_TYPES, parseWad } from "../sdk/index.js";
import { deployWithTraders } from "./fixtures/exchange.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const TRADE = 1;
const END_OF_TIME = 2n ** 40n - 1n;

/** What a wallet can be told to answer, in the order of the mock. */
const ANSWER = {
  reverts: 1,
  wrongMagic: 2,
  dirtyMagic: 3,
  tooShort: 4,
  megabyteOfZeros: 5,
  megabyteAfterMagic: 6,
};

/** A wallet contract of Alice's key with 10,000 dollars, and words for its orders. */
async function deployWithWallet(network: typeof connection) {
  const trading = await deployWithTraders(network);
  const { vault, usdc, domain, alice, stranger } = trading;
  const wallet = await ethers.deployContract("MockWallet", [alice.address]);
  const account = accountId(await wallet.getAddress());
  const amount = 10_000n * 10n ** 6n;
  await usdc.mint(stranger, amount);
  await usdc.connect(stranger).approve(vault, amount);
  await vault.connect(stranger).deposit(account, usdc, amount);

  /** An order of the wallet to buy 2 ETH. */
  async function orderBy(signer: typeof alice) {
    const order = { ...(await trading.buy(alice, 2)).order, account };
    return { order, signature: await signer.signTypedData(domain, ORDER_TYPES, order) };
  }
  return { ...trading, wallet, account, orderBy };
}
const load = () => networkHelpers.loadFixture(deployWithWallet);

describe("Exchange", () => {
  describe("matchOrders for the account of a wallet contract (ERC-1271)", () => {
    it("fills what the wallet says it signed, as taker and as maker", async () => {
      const { clearinghouse, account, alice, bob, orderBy, sell, match } = await load();
      await match(await orderBy(alice), [await sell(bob, 1)], [1]);
      await match(await sell(bob, 1), [await orderBy(alice)], [1]);
      expect((await clearinghouse.instrumentsOf(account)).length).to.equal(1);
    });

    it("SO1: keeps what is filled as for any other order", async () => {
      const { exchange, account, alice, bob, orderBy, sell, match, hashOf } = await load();
      const order = await orderBy(alice);
      await match(order, [await sell(bob, 1)], [1]);
      expect(await exchange.filledOf(hashOf(order))).to.equal(parseWad(1));
      await match(order, [await sell(bob, 1)], [1]);
      await expect(match(order, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "NonceUsed")
        .withArgs(hashOf(order), account, order.order.nonce);
    });

    it("refuses another key's signature", async () => {
      const { exchange, account, bob, stranger, orderBy, sell, match, hashOf } = await load();
      const order = await orderBy(stranger);
      await expect(match(order, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "InvalidSignature")
        .withArgs(hashOf(order), account);
    });

    it("fills what an operator of the wallet signed", async () => {
      const { vault, clearinghouse, wallet, account, carol, bob, orderBy, sell, match } =
        await load();
      const data = vault.interface.encodeFunctionData("setOperator", [
        carol.address,
        TRADE,
        END_OF_TIME,
      ]);
      await wallet.execute(vault, data);
      await match(await orderBy(carol), [await sell(bob, 1)], [1]);
      expect((await clearinghouse.instrumentsOf(account)).length).to.equal(1);
    });

    it("does not ask a contract that is an operator: operators sign with a key", async () => {
      const { exchange, vault, wallet, alice, bob, domain, ...trading } = await load();
      const { accountOf, buy, sell, match, hashOf } = trading;
      await vault.connect(bob).setOperator(wallet, TRADE, END_OF_TIME);
      const { order } = await buy(bob, 1);
      const signature = await alice.signTypedData(domain, ORDER_TYPES, order);
      await expect(match({ order, signature }, [await sell(trading.carol, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "InvalidSignature")
        .withArgs(hashOf({ order, signature }), accountOf(bob));
    });

    it("SO7: refuses what the wallet no longer stands by", async () => {
      const { exchange, wallet, account, alice, bob, orderBy, sell, match, hashOf } = await load();
      const order = await orderBy(alice);
      await match(order, [await sell(bob, 1)], [1]);
      await wallet.setAnswer(ANSWER.reverts);
      await expect(match(order, [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(exchange, "InvalidSignature")
        .withArgs(hashOf(order), account);
    });

    const refused = {
      reverts: ANSWER.reverts,
      "answers another word": ANSWER.wrongMagic,
      "answers the right bytes with more behind them in the word": ANSWER.dirtyMagic,
      "answers 31 bytes": ANSWER.tooShort,
      "answers a megabyte of zeros": ANSWER.megabyteOfZeros,
    };
    for (const [what, answer] of Object.entries(refused)) {
      it(`refuses the order when the wallet ${what}`, async () => {
        const { exchange, wallet, account, alice, bob, orderBy, sell, match, hashOf } =
          await load();
        await wallet.setAnswer(answer);
        const order = await orderBy(alice);
        await expect(match(order, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "InvalidSignature")
          .withArgs(hashOf(order), account);
      });
    }

    it("pays for a megabyte once, in the wallet: no copy of it is made", async () => {
      const { wallet, alice, bob, orderBy, sell, match } = await load();
      const cheap = await (await match(await orderBy(alice), [await sell(bob, 1)], [1])).wait();
      await wallet.setAnswer(ANSWER.megabyteAfterMagic);
      const dear = await (await match(await orderBy(alice), [await sell(bob, 1)], [1])).wait();
      // Memory of 2^20 bytes costs 3 x 2^15 + 2^30 / 512 = 2,195,456.
      const extra = (dear?.gasUsed ?? 0n) - (cheap?.gasUsed ?? 0n);
      expect(extra < 2_250_000n, `${extra.toString()} gas`).to.be.true;
    });
  });
});
