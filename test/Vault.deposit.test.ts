import { expect } from "chai";
import { parseUnits, ZeroAddress } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad } from "../sdk/index.js";
import { deployPlimsoll, ETH } from "./fixtures/plimsoll.js";
import { deployWithTokens, mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const TRANSFER = 2n;
const FOREVER = 2n ** 40n - 1n;
const DOLLARS_100 = parseUnits("100", 6);
const ONE_WETH = parseWad(1);

/** Branches of Vault.deposit.tree in its order; `NotWired` is in wiring.test.ts, callbacks in reentrancy.test.ts. */
describe("Vault", () => {
  describe("deposit", () => {
    describe("is refused", () => {
      it("to an account whose owner is the zero address", async () => {
        const { vault, alice, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        await expect(vault.connect(alice).deposit(accountId(ZeroAddress, 1n), usdc, DOLLARS_100))
          .to.be.revertedWithCustomError(vault, "InvalidReceiver")
          .withArgs(ZeroAddress);
      });

      it("when the token is not listed", async () => {
        const { vault, rules, alice, unlisted } = await networkHelpers.loadFixture(deployWithMoney);
        await expect(vault.connect(alice).deposit(accountId(alice.address), unlisted, 1n))
          .to.be.revertedWithCustomError(rules, "UnknownToken")
          .withArgs(await unlisted.getAddress());
      });

      it("when the token's deposits are stopped, whoever holds it", async () => {
        const plimsoll = await networkHelpers.loadFixture(deployWithMoney);
        const { vault, alice, weth, deposit } = plimsoll;
        const account = await deposit(alice, { token: weth, amount: 1 });
        const terms = { underlying: ETH, maintenanceHaircutBps: 1500, initialHaircutBps: 2000 };
        await plimsoll.asGovernance(plimsoll.rules, "setCollateral", [
          await weth.getAddress(),
          { ...terms, accepted: false },
        ]);
        await expect(vault.connect(alice).deposit(account, weth, ONE_WETH))
          .to.be.revertedWithCustomError(vault, "DepositsStopped")
          .withArgs(await weth.getAddress());
      });

      it("when a stranger brings collateral that the account does not hold", async () => {
        const { vault, alice, stranger, weth } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address);
        await expect(vault.connect(stranger).deposit(account, weth, ONE_WETH))
          .to.be.revertedWithCustomError(vault, "StrangerDepositRefused")
          .withArgs(account, await weth.getAddress(), stranger.address);
      });

      it("when a stranger brings collateral that the account held once", async () => {
        const { vault, alice, stranger, weth, deposit } =
          await networkHelpers.loadFixture(deployWithMoney);
        const account = await deposit(alice, { token: weth, amount: 1 });
        await vault.connect(alice).withdraw(account, weth, ONE_WETH, alice);
        await expect(vault.connect(stranger).deposit(account, weth, ONE_WETH))
          .to.be.revertedWithCustomError(vault, "StrangerDepositRefused")
          .withArgs(account, await weth.getAddress(), stranger.address);
      });

      it("when an operator without TRANSFER brings a new token", async () => {
        const { vault, alice, stranger, weth } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address);
        await vault.connect(alice).setOperator(stranger, 15n - TRANSFER, FOREVER);
        await expect(vault.connect(stranger).deposit(account, weth, ONE_WETH))
          .to.be.revertedWithCustomError(vault, "StrangerDepositRefused")
          .withArgs(account, await weth.getAddress(), stranger.address);
      });

      it("when the caller's allowance is too small", async () => {
        const { vault, alice, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        await usdc.connect(alice).approve(vault, DOLLARS_100 - 1n);
        await expect(vault.connect(alice).deposit(accountId(alice.address), usdc, DOLLARS_100))
          .to.be.revertedWithCustomError(usdc, "ERC20InsufficientAllowance")
          .withArgs(await vault.getAddress(), DOLLARS_100 - 1n, DOLLARS_100);
      });

      it("when the caller has too little", async () => {
        const { vault, alice, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        const held = await usdc.balanceOf(alice);
        await expect(vault.connect(alice).deposit(accountId(alice.address), usdc, held + 1n))
          .to.be.revertedWithCustomError(usdc, "ERC20InsufficientBalance")
          .withArgs(alice.address, held, held + 1n);
      });

      it("when the amount is 0", async () => {
        const { vault, alice, usdc, weth } = await networkHelpers.loadFixture(deployWithMoney);
        for (const token of [usdc, weth]) {
          await expect(vault.connect(alice).deposit(accountId(alice.address), token, 0n))
            .to.be.revertedWithCustomError(vault, "ZeroAmount")
            .withArgs(await token.getAddress());
        }
      });

      it("when the vault would hold more collateral than its cap, not when it is reached", async () => {
        const plimsoll = await networkHelpers.loadFixture(deployWithMoney);
        const { vault, alice, bob, weth } = plimsoll;
        const limits = { depositCap: ONE_WETH, outflowAmount: 0n, outflowBps: 1_000n };
        await plimsoll.asGovernance(vault, "setTokenLimits", [await weth.getAddress(), limits]);
        await vault.connect(bob).deposit(accountId(bob.address), weth, 1n);
        const account = accountId(alice.address);
        await expect(vault.connect(alice).deposit(account, weth, ONE_WETH))
          .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
          .withArgs(await weth.getAddress(), ONE_WETH + 1n, ONE_WETH);
        await vault.connect(alice).deposit(account, weth, ONE_WETH - 1n);
        expect(await vault.trackedOf(weth)).to.equal(ONE_WETH);
      });

      it("when settlement tokens of more than 18 decimals are less than one wei of cash", async () => {
        const plimsoll = await networkHelpers.loadFixture(deployWithFineDollars);
        const { vault, alice, usdc } = plimsoll;
        await mintApproved(plimsoll, alice, usdc, 10n ** 6n);
        const account = accountId(alice.address);
        await expect(vault.connect(alice).deposit(account, usdc, 10n ** 6n - 1n))
          .to.be.revertedWithCustomError(vault, "ZeroAmount")
          .withArgs(await usdc.getAddress());
        await vault.connect(alice).deposit(account, usdc, 10n ** 6n);
        expect(await vault.cashOf(account)).to.equal(1n);
      });
    });

    describe("of the settlement token", () => {
      it("credits cash and says so", async () => {
        const { vault, alice, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address, 7n);
        const bring = async () => vault.connect(alice).deposit(account, usdc, DOLLARS_100);
        await expect(bring())
          .to.emit(vault, "Deposited")
          .withArgs(account, await usdc.getAddress(), alice.address, DOLLARS_100, parseWad(100));
        await expect(bring())
          .to.emit(vault, "Deposited")
          .withArgs(account, await usdc.getAddress(), alice.address, DOLLARS_100, parseWad(200));
        expect(await vault.cashOf(account)).to.equal(parseWad(200));
        expect(await vault.trackedOf(usdc)).to.equal(2n * DOLLARS_100);
      });

      it("moves the caller's tokens, and nobody else's, when a stranger pays", async () => {
        const { vault, alice, stranger, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address);
        await expect(
          vault.connect(stranger).deposit(account, usdc, DOLLARS_100),
        ).to.changeTokenBalances(
          ethers,
          usdc,
          [stranger, alice, vault],
          [-DOLLARS_100, 0n, DOLLARS_100],
        );
        expect(await vault.cashOf(account)).to.equal(parseWad(100));
        expect(await vault.cashOf(accountId(stranger.address))).to.equal(0n);
      });

      it("does not count tokens that were sent without a deposit", async () => {
        const { vault, alice, usdc } = await networkHelpers.loadFixture(deployWithMoney);
        await usdc.connect(alice).transfer(vault, DOLLARS_100);
        expect(await vault.trackedOf(usdc)).to.equal(0n);
        await vault.connect(alice).deposit(accountId(alice.address), usdc, 1n);
        expect(await vault.trackedOf(usdc)).to.equal(1n);
      });
    });

    describe("of collateral", () => {
      it("credits the owner's new token and says so", async () => {
        const { vault, alice, weth, wbtc } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address);
        await expect(vault.connect(alice).deposit(account, wbtc, 5n))
          .to.emit(vault, "Deposited")
          .withArgs(account, await wbtc.getAddress(), alice.address, 5n, 5n);
        await vault.connect(alice).deposit(account, weth, 1n);
        await expect(vault.connect(alice).deposit(account, wbtc, 2n))
          .to.emit(vault, "Deposited")
          .withArgs(account, await wbtc.getAddress(), alice.address, 2n, 7n);
        // Bits 0 and 2 are the places of WETH and WBTC; cash stays as it was.
        expect(await vault.balancesOf(account)).to.deep.equal([0n, 0b101n, [1n, 7n]]);
        expect(await vault.collateralOf(account, wbtc)).to.equal(7n);
        expect(await vault.trackedOf(wbtc)).to.equal(7n);
      });

      it("takes a new token from an operator with TRANSFER", async () => {
        const { vault, alice, bob, weth } = await networkHelpers.loadFixture(deployWithMoney);
        const account = accountId(alice.address);
        await vault.connect(alice).setOperator(bob, TRANSFER, FOREVER);
        await vault.connect(bob).deposit(account, weth, 3n);
        expect(await vault.collateralOf(account, weth)).to.equal(3n);
      });

      it("takes a held token from a stranger", async () => {
        const { vault, alice, stranger, weth, deposit } =
          await networkHelpers.loadFixture(deployWithMoney);
        const account = await deposit(alice, { token: weth, amount: 1 });
        await expect(vault.connect(stranger).deposit(account, weth, 1n))
          .to.emit(vault, "Deposited")
          .withArgs(account, await weth.getAddress(), stranger.address, 1n, ONE_WETH + 1n);
      });
    });

    it("OR1, I9: needs no price", async () => {
      const { vault, oracle, alice, usdc, weth, feedOf } =
        await networkHelpers.loadFixture(deployWithMoney);
      const account = accountId(alice.address);
      const [, , , updatedAt] = await feedOf("ETH/USD").latestRoundData();
      await networkHelpers.time.increase(3_901);
      await expect(oracle.price(ETH))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feedOf("ETH/USD").getAddress(), updatedAt, 3_900n);
      await vault.connect(alice).deposit(account, weth, 1n);
      await vault.connect(alice).deposit(account, usdc, 1n);
    });
  });
});

/** Alice, Bob and a stranger have tokens of every kind, and the vault may take them. */
async function deployWithMoney(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, stranger, usdc, weth, wbtc } = plimsoll;
  const unlisted = await ethers.deployContract("MockToken", ["Unlisted", "NONE", 18]);
  for (const owner of [alice, bob, stranger]) {
    await mintApproved(plimsoll, owner, usdc, parseUnits("1000", 6));
    await mintApproved(plimsoll, owner, weth, parseWad(10));
    await mintApproved(plimsoll, owner, wbtc, parseUnits("10", 8));
    await mintApproved(plimsoll, owner, unlisted, 10n);
  }
  return { ...plimsoll, unlisted };
}

/** A settlement token whose unit is a millionth of a wei of cash. */
async function deployWithFineDollars(network: NetworkConnection) {
  return deployWithTokens(network, { USDC: { decimals: 24 } });
}
