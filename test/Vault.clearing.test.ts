import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, type AccountId, parseWad } from "../sdk/index.js";
import { expectConservation } from "./fixtures/conservation.js";
import { deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const HALF = parseWad("0.5");
const WHOLE = parseWad(1);

/** A giver and a receiver who are posted nothing besides. */
const both = (from: AccountId, to: AccountId) =>
  [from, to].map((account) => ({ account, cash: 0n }));

/** What the vault does for the clearinghouse alone; who else may not is in Vault.authority.test.ts. */
describe("Vault", () => {
  describe("post", () => {
    it("changes cash and says what it is afterwards", async () => {
      const { vault, asClearinghouse, from, to } = await networkHelpers.loadFixture(deployHoldings);
      const postings = [
        { account: from, cash: parseWad(-150) },
        { account: to, cash: parseWad(150) },
      ];
      await expect(vault.connect(asClearinghouse).post(postings))
        .to.emit(vault, "CashPosted")
        .withArgs(from, parseWad(-150), parseWad(-50))
        .to.emit(vault, "CashPosted")
        .withArgs(to, parseWad(150), parseWad(150));
      expect(await vault.cashOf(from)).to.equal(parseWad(-50));
    });

    it("is silent about changes of 0", async () => {
      const { vault, asClearinghouse, from } = await networkHelpers.loadFixture(deployHoldings);
      const act = vault.connect(asClearinghouse).post([{ account: from, cash: 0n }]);
      await expect(act).to.not.emit(vault, "CashPosted");
    });

    it("follows a settlement of variation to the wei", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
      const { alice, bob, fund, trade, setPrice, vault, clearinghouse } = plimsoll;
      const account = await fund(alice, 0n, 10_000);
      const other = await fund(bob, 0n, 10_000);
      const [size, price] = [parseWad(2), parseWad(3000)];
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      await setPrice(ETH, 3100);
      // 2 x 100 less a fee of 3.
      await expect(clearinghouse.connect(alice).settleVariation(account))
        .to.emit(vault, "CashPosted")
        .withArgs(account, parseWad(197), parseWad(10_197));
      await expectConservation(plimsoll, [account, other]);
    });
  });

  describe("moveSlice", () => {
    it("posts what comes with it, once for each account", async () => {
      const { vault, asClearinghouse, from, to } = await networkHelpers.loadFixture(deployHoldings);
      const postings = [
        { account: from, cash: parseWad(7) },
        { account: to, cash: -parseWad(8) },
      ];
      await expect(vault.connect(asClearinghouse).moveSlice(parseWad("0.25"), postings))
        .to.emit(vault, "CashPosted")
        .withArgs(from, parseWad(-18), parseWad(82))
        .to.emit(vault, "CashPosted")
        .withArgs(to, parseWad(17), parseWad(17));
    });

    it("moves the fraction of cash and of every token and says what is left", async () => {
      const { vault, asClearinghouse, from, to, weth, wbtc } =
        await networkHelpers.loadFixture(deployHoldings);
      await expect(vault.connect(asClearinghouse).moveSlice(parseWad("0.25"), both(from, to)))
        .to.emit(vault, "CashPosted")
        .withArgs(from, parseWad(-25), parseWad(75))
        .to.emit(vault, "CashPosted")
        .withArgs(to, parseWad(25), parseWad(25))
        .to.emit(vault, "Transferred")
        .withArgs(from, to, await weth.getAddress(), WHOLE / 2n, (WHOLE * 3n) / 2n, WHOLE / 2n)
        .to.emit(vault, "Transferred")
        // A quarter of 7 units is 1, rounded down for the receiver.
        .withArgs(from, to, await wbtc.getAddress(), 1n, 6n, 1n);
    });

    it("leaves a token of which the fraction is less than a unit, and says nothing of it", async () => {
      const { vault, asClearinghouse, from, to } = await networkHelpers.loadFixture(deployHoldings);
      const act = await vault.connect(asClearinghouse).moveSlice(parseWad("0.1"), both(from, to));
      const receipt = await act.wait();
      expect(receipt?.logs).to.have.length(3);
      expect(await vault.balancesOf(from)).to.deep.equal([
        parseWad(90),
        0b101n,
        [parseWad("1.8"), 7n],
      ]);
      expect(await vault.balancesOf(to)).to.deep.equal([parseWad(10), 1n, [parseWad("0.2")]]);
    });

    it("moves everything at a fraction of 1, and no token is left in the set", async () => {
      const { vault, asClearinghouse, from, to } = await networkHelpers.loadFixture(deployHoldings);
      const before = await vault.balancesOf(from);
      await vault.connect(asClearinghouse).moveSlice(WHOLE, both(from, to));
      expect(await vault.balancesOf(from)).to.deep.equal([0n, 0n, []]);
      expect(await vault.balancesOf(to)).to.deep.equal(before);
    });

    it("rounds debt up and cash down for the receiver", async () => {
      const { vault, asClearinghouse, from, to } = await networkHelpers.loadFixture(deployHoldings);
      const asks = vault.connect(asClearinghouse);
      await asks.post([{ account: from, cash: -parseWad(100) - 3n }]);
      await asks.moveSlice(HALF, both(from, to));
      expect(await vault.cashOf(from)).to.equal(-1n);
      expect(await vault.cashOf(to)).to.equal(-2n);
      await asks.post([{ account: from, cash: 4n }]);
      await asks.moveSlice(HALF, both(from, to));
      expect(await vault.cashOf(from)).to.equal(2n);
      expect(await vault.cashOf(to)).to.equal(-1n);
    });
  });

  describe("views", () => {
    it("know nothing of collateral that is not listed", async () => {
      const { vault, rules, from, stranger } = await networkHelpers.loadFixture(deployHoldings);
      await expect(vault.collateralOf(from, stranger))
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(stranger.address);
      expect(await vault.trackedOf(stranger)).to.equal(0n);
    });

    it("show an account that was never used as empty", async () => {
      const { vault, stranger } = await networkHelpers.loadFixture(deployHoldings);
      const account = accountId(stranger.address, 3n);
      expect(await vault.balancesOf(account)).to.deep.equal([0n, 0n, []]);
      expect(await vault.cashOf(account)).to.equal(0n);
    });
  });
});

/** Alice has 100 dollars, 2 WETH and 7 units of WBTC, Bob nothing; the clearinghouse can be told what to do. */
async function deployHoldings(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, fund, deposit, weth, wbtc, clearinghouse } = plimsoll;
  const from = await fund(alice, 0n, 100);
  await deposit(alice, { token: weth, amount: 2 });
  await deposit(alice, { token: wbtc, amount: "0.00000007" });
  const address = await clearinghouse.getAddress();
  await networkHelpers.setBalance(address, 10n ** 18n);
  const asClearinghouse = await ethers.getImpersonatedSigner(address);
  return { ...plimsoll, asClearinghouse, from, to: accountId(bob.address) };
}
