import { expect } from "chai";
import { MaxUint256, parseUnits, ZeroAddress } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { parseWad } from "../sdk/index.js";
import { deployPlimsoll, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithTokens } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const WITHDRAW = 4n;
const FOREVER = 2n ** 40n - 1n;
const DOLLAR = 10n ** 6n;

/**
 * Branches of Vault.withdraw.tree in its order. `NotWired` is in wiring.test.ts, callbacks in reentrancy.test.ts, lost
 * tokens and refused transfers in Vault.tokens.test.ts, prices that cannot be read in feeds.test.ts.
 */
describe("Vault", () => {
  describe("withdraw", () => {
    describe("is refused", () => {
      it("to a stranger and to operators without WITHDRAW", async () => {
        const { vault, alice, bob, stranger, usdc, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await vault.connect(alice).setOperator(bob, 15n - WITHDRAW, FOREVER);
        for (const caller of [stranger, bob]) {
          await expect(vault.connect(caller).withdraw(account, usdc, 1n, caller))
            .to.be.revertedWithCustomError(vault, "NotAuthorized")
            .withArgs(account, caller.address, WITHDRAW);
        }
      });

      it("when the amount is 0", async () => {
        const { vault, alice, usdc, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await expect(vault.connect(alice).withdraw(account, usdc, 0n, alice))
          .to.be.revertedWithCustomError(vault, "ZeroAmount")
          .withArgs(await usdc.getAddress());
      });

      it("to the zero address and to the vault itself", async () => {
        const { vault, alice, usdc, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        for (const receiver of [ZeroAddress, await vault.getAddress()]) {
          await expect(vault.connect(alice).withdraw(account, usdc, 1n, receiver))
            .to.be.revertedWithCustomError(vault, "InvalidReceiver")
            .withArgs(receiver);
        }
      });

      it("when the token is not listed", async () => {
        const { vault, rules, alice, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        const unlisted = await ethers.deployContract("MockToken", ["Unlisted", "NONE", 18]);
        await unlisted.mint(vault, 1n);
        await expect(vault.connect(alice).withdraw(account, unlisted, 1n, alice))
          .to.be.revertedWithCustomError(rules, "UnknownToken")
          .withArgs(await unlisted.getAddress());
      });

      it("when the account has less cash", async () => {
        const { vault, alice, usdc, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        const available = 10_000n * DOLLAR;
        for (const amount of [available + 1n, MaxUint256]) {
          await expect(vault.connect(alice).withdraw(account, usdc, amount, alice))
            .to.be.revertedWithCustomError(vault, "InsufficientBalance")
            .withArgs(account, await usdc.getAddress(), amount, available);
        }
      });

      it("when the account has debt, which leaves it nothing to take out", async () => {
        const { vault, alice, usdc, account, trade, bob, setPrice, clearinghouse } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await trade({
          taker: alice,
          maker: bob,
          instrument: ETH_PERP,
          size: parseWad(5),
          price: parseWad(3000),
        });
        await vault.connect(alice).withdraw(account, usdc, 9_000n * DOLLAR, alice);
        await setPrice(1, 2500);
        await clearinghouse.connect(alice).settleVariation(account);
        expect(await vault.cashOf(account)).to.be.lessThan(0n);
        await expect(vault.connect(alice).withdraw(account, usdc, 1n, alice))
          .to.be.revertedWithCustomError(vault, "InsufficientBalance")
          .withArgs(account, await usdc.getAddress(), 1n, 0n);
      });

      it("when the account has less collateral, or none", async () => {
        const { vault, alice, weth, wbtc, account } =
          await networkHelpers.loadFixture(deployWithAccounts);
        const held = parseWad(2);
        await expect(vault.connect(alice).withdraw(account, weth, MaxUint256, alice))
          .to.be.revertedWithCustomError(vault, "InsufficientBalance")
          .withArgs(account, await weth.getAddress(), MaxUint256, held);
        await expect(vault.connect(alice).withdraw(account, wbtc, 1n, alice))
          .to.be.revertedWithCustomError(vault, "InsufficientBalance")
          .withArgs(account, await wbtc.getAddress(), 1n, 0n);
      });

      it("when the vault has fewer tokens, because gains are not paid in yet", async () => {
        const { vault, alice, usdc, account, bob, trade, setPrice, clearinghouse } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await trade({
          taker: alice,
          maker: bob,
          instrument: ETH_PERP,
          size: parseWad(10),
          price: parseWad(3000),
        });
        // Bob has 10,000 dollars and owes 60,000: Alice's cash is 70,000 less her fee, in a vault with 20,000.
        await setPrice(1, 9000);
        await clearinghouse.connect(alice).settleVariation(account);
        const held = 20_000n * DOLLAR;
        await expect(vault.connect(alice).withdraw(account, usdc, held + 1n, alice))
          .to.be.revertedWithCustomError(vault, "InsufficientTokens")
          .withArgs(await usdc.getAddress(), held + 1n, held);
        await vault.connect(alice).withdraw(account, usdc, held, alice);
        expect(await vault.cashOf(account)).to.equal(parseWad(49_985));
        expect(await vault.trackedOf(usdc)).to.equal(0n);
      });

      it("MA3, below initial margin, and not exactly at it", async () => {
        const { vault, alice, usdc, account, bob, trade, marginEngine } =
          await networkHelpers.loadFixture(deployWithAccounts);
        await trade({
          taker: alice,
          maker: bob,
          instrument: ETH_PERP,
          size: parseWad(40),
          price: parseWad(3000),
        });
        const { equity, initial } = await marginEngine.marginOf(account);
        const spare = await marginEngine.withdrawable(account, usdc);
        expect(spare).to.equal((equity - initial) / 10n ** 12n);
        await expect(vault.connect(alice).withdraw(account, usdc, spare + 1n, alice))
          .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
          .withArgs(account, equity - (spare + 1n) * 10n ** 12n, initial);
        await vault.connect(alice).withdraw(account, usdc, spare, alice);
        expect((await marginEngine.marginOf(account)).equity).to.be.at.least(initial);
      });
    });

    it("of cash charges the account and pays the receiver", async () => {
      const { vault, alice, dave, usdc, account } =
        await networkHelpers.loadFixture(deployWithAccounts);
      const amount = 2_500n * DOLLAR;
      const act = vault.connect(alice).withdraw(account, usdc, amount, dave);
      await expect(act)
        .to.emit(vault, "Withdrawn")
        .withArgs(account, await usdc.getAddress(), dave.address, amount, amount, parseWad(7_500));
      await expect(act).to.changeTokenBalances(ethers, usdc, [dave, vault], [amount, -amount]);
      expect(await vault.cashOf(account)).to.equal(parseWad(7_500));
      expect(await vault.trackedOf(usdc)).to.equal(17_500n * DOLLAR);
    });

    it("of collateral charges the account and forgets a token that is gone", async () => {
      const { vault, alice, weth, account } = await networkHelpers.loadFixture(deployWithAccounts);
      const part = parseWad("0.5");
      await expect(vault.connect(alice).withdraw(account, weth, part, alice))
        .to.emit(vault, "Withdrawn")
        .withArgs(account, await weth.getAddress(), alice.address, part, part, parseWad("1.5"));
      await vault.connect(alice).withdraw(account, weth, parseWad("1.5"), alice);
      expect(await vault.balancesOf(account)).to.deep.equal([parseWad(10_000), 0n, []]);
      expect(await vault.trackedOf(weth)).to.equal(0n);
      expect(await weth.balanceOf(alice)).to.equal(parseWad(2));
    });

    it("by an operator with WITHDRAW goes wherever the operator says", async () => {
      const { vault, alice, bob, stranger, usdc, account } =
        await networkHelpers.loadFixture(deployWithAccounts);
      await vault.connect(alice).setOperator(bob, WITHDRAW, FOREVER);
      await vault.connect(bob).withdraw(account, usdc, DOLLAR, stranger);
      expect(await usdc.balanceOf(stranger)).to.equal(DOLLAR);
    });

    it("of a token whose deposits are stopped works", async () => {
      const { vault, rules, alice, weth, account, asGovernance } =
        await networkHelpers.loadFixture(deployWithAccounts);
      await asGovernance(rules, "setCollateral", [
        await weth.getAddress(),
        {
          underlying: 1,
          maintenanceHaircutBps: 1500,
          initialHaircutBps: 2000,
          accepted: false,
        },
      ]);
      await vault.connect(alice).withdraw(account, weth, parseWad(2), alice);
      expect(await weth.balanceOf(alice)).to.equal(parseWad(2));
    });

    it("charges a whole wei of cash for a part of one", async () => {
      const { vault, alice, usdc, fund } = await networkHelpers.loadFixture(deployWithFineDollars);
      const account = await fund(alice, 0n, 1);
      await vault.connect(alice).withdraw(account, usdc, 1n, alice);
      expect(await vault.cashOf(account)).to.equal(parseWad(1) - 1n);
      expect(await vault.trackedOf(usdc)).to.equal(parseUnits("1", 24) - 1n);
    });
  });
});

/** Alice has 10,000 dollars and 2 WETH in her first account, Bob 10,000 dollars. */
async function deployWithAccounts(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, fund, deposit, weth } = plimsoll;
  const account = await fund(alice, 0n, 10_000);
  await deposit(alice, { token: weth, amount: 2 });
  await fund(bob, 0n, 10_000);
  return { ...plimsoll, account };
}

async function deployWithFineDollars(network: NetworkConnection) {
  return deployWithTokens(network, { USDC: { decimals: 24 } });
}
