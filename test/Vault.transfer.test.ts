import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad } from "../sdk/index.js";
import { expectConservation } from "./fixtures/conservation.js";
import { deployPlimsoll, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithTokens } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const TRANSFER = 2n;
const FOREVER = 2n ** 40n - 1n;
const DOLLAR = 10n ** 6n;

describe("Vault", () => {
  describe("transfer", () => {
    describe("is refused", () => {
      it("to a stranger and to operators without TRANSFER", async () => {
        const { vault, alice, bob, stranger, usdc, from, to } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await vault.connect(alice).setOperator(bob, 15n - TRANSFER, FOREVER);
        for (const caller of [stranger, bob]) {
          await expect(vault.connect(caller).transfer(from, to, usdc, 1n))
            .to.be.revertedWithCustomError(vault, "NotAuthorized")
            .withArgs(from, caller.address, TRANSFER);
        }
      });

      it("from an account to itself", async () => {
        const { vault, alice, usdc, from } = await networkHelpers.loadFixture(deployWithAccounts);
        await expect(vault.connect(alice).transfer(from, from, usdc, 1n))
          .to.be.revertedWithCustomError(vault, "SameAccount")
          .withArgs(from);
      });

      it("to an account of another owner, even one who gave the caller every right", async () => {
        const { vault, alice, bob, usdc, from } =
          await networkHelpers.loadFixture(deployWithAccounts);
        const other = accountId(bob.address);
        await vault.connect(bob).setOperator(alice, 15n, FOREVER);
        await expect(vault.connect(alice).transfer(from, other, usdc, 1n))
          .to.be.revertedWithCustomError(vault, "NotSameOwner")
          .withArgs(from, other);
      });

      it("when the amount is 0", async () => {
        const { vault, alice, usdc, from, to } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await expect(vault.connect(alice).transfer(from, to, usdc, 0n))
          .to.be.revertedWithCustomError(vault, "ZeroAmount")
          .withArgs(await usdc.getAddress());
      });

      it("when the token is not listed", async () => {
        const { vault, rules, alice, from, to } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await expect(vault.connect(alice).transfer(from, to, alice.address, 1n))
          .to.be.revertedWithCustomError(rules, "UnknownToken")
          .withArgs(alice.address);
      });

      it("when the account has less", async () => {
        const { vault, alice, usdc, weth, from, to } =
          await networkHelpers.loadFixture(deployWithAccounts);
        for (const [token, available] of [
          [usdc, 10_000n * DOLLAR],
          [weth, parseWad(2)],
        ] as const) {
          await expect(vault.connect(alice).transfer(from, to, token, available + 1n))
            .to.be.revertedWithCustomError(vault, "InsufficientBalance")
            .withArgs(from, await token.getAddress(), available + 1n, available);
        }
      });

      it("below the giving account's initial margin, whatever the owner has elsewhere", async () => {
        const { vault, alice, bob, usdc, from, to, trade, marginEngine, fund } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await fund(alice, 1n, 1_000_000);
        await trade({
          taker: alice,
          maker: bob,
          instrument: ETH_PERP,
          size: parseWad(60),
          price: parseWad(3000),
        });
        const spare = await marginEngine.withdrawable(from, usdc);
        const { equity, initial } = await marginEngine.marginOf(from);
        await expect(vault.connect(alice).transfer(from, to, usdc, spare + 1n))
          .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
          .withArgs(from, equity - (spare + 1n) * 10n ** 12n, initial);
        await vault.connect(alice).transfer(from, to, usdc, spare);
      });

      it("when an amount of more than 18 decimals is less than one wei of cash", async () => {
        const { vault, alice, usdc, fund } =
          await networkHelpers.loadFixture(deployWithFineDollars);
        const from = await fund(alice, 0n, 1);
        const to = accountId(alice.address, 1n);
        await expect(vault.connect(alice).transfer(from, to, usdc, 10n ** 6n - 1n))
          .to.be.revertedWithCustomError(vault, "ZeroAmount")
          .withArgs(await usdc.getAddress());
        // Charged 2 wei, credited 1: rounding is never in the owner's favour.
        await vault.connect(alice).transfer(from, to, usdc, 10n ** 6n + 1n);
        expect(await vault.cashOf(from)).to.equal(parseWad(1) - 2n);
        expect(await vault.cashOf(to)).to.equal(1n);
      });
    });

    it("moves cash and says what both accounts have", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithAccounts);
      const { vault, alice, usdc, from, to, everyone } = plimsoll;
      const act = vault.connect(alice).transfer(from, to, usdc, 4_000n * DOLLAR);
      await expect(act)
        .to.emit(vault, "Transferred")
        .withArgs(
          from,
          to,
          await usdc.getAddress(),
          4_000n * DOLLAR,
          parseWad(6_000),
          parseWad(4_000),
        );
      await expect(act).to.not.emit(usdc, "Transfer");
      expect(await vault.cashOf(from)).to.equal(parseWad(6_000));
      expect(await vault.cashOf(to)).to.equal(parseWad(4_000));
      await expectConservation(plimsoll, everyone);
    });

    it("moves collateral and says what both accounts have", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithAccounts);
      const { vault, alice, weth, from, to, everyone } = plimsoll;
      await vault.connect(alice).transfer(from, to, weth, parseWad("0.5"));
      await expect(vault.connect(alice).transfer(from, to, weth, parseWad("1.5")))
        .to.emit(vault, "Transferred")
        .withArgs(from, to, await weth.getAddress(), parseWad("1.5"), 0n, parseWad(2));
      expect(await vault.balancesOf(from)).to.deep.equal([parseWad(10_000), 0n, []]);
      expect(await vault.balancesOf(to)).to.deep.equal([0n, 1n, [parseWad(2)]]);
      await expectConservation(plimsoll, everyone);
    });

    it("works in both directions for an operator with TRANSFER", async () => {
      const { vault, alice, bob, usdc, from, to } =
        await networkHelpers.loadFixture(deployWithAccounts);
      await vault.connect(alice).setOperator(bob, TRANSFER, FOREVER);
      await vault.connect(bob).transfer(from, to, usdc, DOLLAR);
      await vault.connect(bob).transfer(to, from, usdc, DOLLAR);
      expect(await vault.cashOf(from)).to.equal(parseWad(10_000));
    });
  });
});

/** Alice has 10,000 dollars and 2 WETH in one account and nothing in another; Bob has 10,000 dollars. */
async function deployWithAccounts(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, fund, deposit, weth } = plimsoll;
  const from = await fund(alice, 0n, 10_000);
  await deposit(alice, { token: weth, amount: 2 });
  const to = accountId(alice.address, 1n);
  const everyone = [from, to, await fund(bob, 0n, 20_000)];
  return { ...plimsoll, from, to, everyone };
}

async function deployWithFineDollars(network: NetworkConnection) {
  return deployWithTokens(network, { USDC: { decimals: 24 } });
}
