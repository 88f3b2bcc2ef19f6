import { expect } from "chai";
import { parseUnits } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad } from "../sdk/index.js";
import { expectConservation } from "./fixtures/conservation.js";
import { deployPlimsoll } from "./fixtures/plimsoll.js";
import { deployWithTokens, mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const DOLLAR = 10n ** 6n;
const ETHER = 10n ** 18n;

describe("Vault", () => {
  describe("with a token that keeps a fee", () => {
    it("TK1: credits what arrived", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithFees);
      const { vault, alice, weth } = plimsoll;
      await mintApproved(plimsoll, alice, weth, ETHER);
      const account = accountId(alice.address);
      const received = (ETHER * 99n) / 100n;
      await expect(vault.connect(alice).deposit(account, weth, ETHER))
        .to.emit(vault, "Deposited")
        .withArgs(account, await weth.getAddress(), alice.address, received, received);
      expect(await weth.balanceOf(vault)).to.equal(received);
      expect(await vault.trackedOf(weth)).to.equal(received);
      expect(await vault.collateralOf(account, weth)).to.equal(received);
    });

    it("TK1: credits cash for what arrived", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithFees);
      const { vault, alice, usdc } = plimsoll;
      await mintApproved(plimsoll, alice, usdc, 100n * DOLLAR);
      const account = accountId(alice.address);
      await vault.connect(alice).deposit(account, usdc, 100n * DOLLAR);
      expect(await vault.cashOf(account)).to.equal(parseWad(99));
      await expectConservation(plimsoll, [account]);
    });

    it("TK1: lets everything be withdrawn, and the token's fee is the receiver's", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithFees);
      const { vault, alice, usdc } = plimsoll;
      await mintApproved(plimsoll, alice, usdc, 100n * DOLLAR);
      const account = accountId(alice.address);
      await vault.connect(alice).deposit(account, usdc, 100n * DOLLAR);
      await vault.connect(alice).withdraw(account, usdc, 99n * DOLLAR, alice);
      expect(await usdc.balanceOf(alice)).to.equal((DOLLAR * 9801n) / 100n);
      expect(await vault.trackedOf(usdc)).to.equal(0n);
      await expectConservation(plimsoll, [account]);
    });

    it("TK1: refuses a deposit of which nothing arrives", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithFees);
      const { vault, alice, weth } = plimsoll;
      await (await ethers.getContractAt("FeeOnTransferToken", weth)).setFee(10_000);
      await mintApproved(plimsoll, alice, weth, ETHER);
      await expect(vault.connect(alice).deposit(accountId(alice.address), weth, ETHER))
        .to.be.revertedWithCustomError(vault, "ZeroAmount")
        .withArgs(await weth.getAddress());
    });
  });

  describe("that lost a tenth of a token", () => {
    it("TK2: pays every withdrawal nine tenths, whoever leaves first", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithLoss);
      const { vault, weth, alice, bob, carol, accountOf } = plimsoll;
      for (const [owner, parts] of [
        [alice, [ETHER]],
        [bob, [ETHER / 2n, ETHER / 2n]],
        [carol, [ETHER / 3n, ETHER / 3n, ETHER - 2n * (ETHER / 3n)]],
      ] as const) {
        for (const amount of parts) {
          const paid = (amount * 9n) / 10n;
          const left = (await vault.collateralOf(accountOf(owner), weth)) - amount;
          await expect(vault.connect(owner).withdraw(accountOf(owner), weth, amount, owner))
            .to.emit(vault, "Withdrawn")
            .withArgs(
              accountOf(owner),
              await weth.getAddress(),
              owner.address,
              amount,
              (value: bigint) => value === paid || value === paid + 1n,
              left,
            );
        }
        expect(await weth.balanceOf(owner)).to.be.within(
          (ETHER * 9n) / 10n - 3n,
          (ETHER * 9n) / 10n,
        );
      }
      expect(await vault.trackedOf(weth)).to.equal(0n);
      expect(await weth.balanceOf(vault)).to.be.at.most(3n);
    });

    it("TK2: pays all other tokens in full", async () => {
      const { vault, usdc, wbtc, alice, accountOf } =
        await networkHelpers.loadFixture(deployWithLoss);
      const account = accountOf(alice);
      await vault.connect(alice).withdraw(account, usdc, 100n * DOLLAR, alice);
      await vault.connect(alice).withdraw(account, wbtc, 10n, alice);
      expect(await usdc.balanceOf(alice)).to.equal(100n * DOLLAR);
      expect(await wbtc.balanceOf(alice)).to.equal(10n);
    });

    it("TK2: shares a loss of settlement tokens in the same way", async () => {
      const { vault, usdc, weth, alice, bob, accountOf } =
        await networkHelpers.loadFixture(deployWithLoss);
      await usdc.burn(vault, 30n * DOLLAR);
      for (const owner of [alice, bob]) {
        await vault.connect(owner).withdraw(accountOf(owner), usdc, 100n * DOLLAR, owner);
        expect(await usdc.balanceOf(owner)).to.equal(90n * DOLLAR);
      }
      await vault.connect(alice).withdraw(accountOf(alice), weth, ETHER, alice);
      expect(await weth.balanceOf(alice)).to.equal((ETHER * 9n) / 10n);
    });

    it("TK2: takes no more of it, for who brings tokens now would pay for those lost before", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithLoss);
      const { vault, weth, usdc, dave, alice, accountOf } = plimsoll;
      for (const token of [weth, usdc]) await mintApproved(plimsoll, dave, token, ETHER);
      const [held, tracked] = [(ETHER * 27n) / 10n, 3n * ETHER];
      const bring = async () => vault.connect(dave).deposit(accountOf(dave), weth, ETHER);
      await expect(bring())
        .to.be.revertedWithCustomError(vault, "TokensMissing")
        .withArgs(await weth.getAddress(), held, tracked);
      await vault.connect(dave).deposit(accountOf(dave), usdc, DOLLAR);
      await vault.connect(alice).withdraw(accountOf(alice), weth, ETHER, alice);
      expect(await weth.balanceOf(alice)).to.equal((ETHER * 9n) / 10n);
      await weth.mint(vault, (ETHER * 2n) / 10n);
      await bring();
      expect(await vault.collateralOf(accountOf(dave), weth)).to.equal(ETHER);
    });

    it("TK2: pays in full again when the loss is made good", async () => {
      const { vault, weth, alice, bob, accountOf } =
        await networkHelpers.loadFixture(deployWithLoss);
      await weth.mint(vault, (ETHER * 3n) / 10n);
      for (const owner of [alice, bob]) {
        await vault.connect(owner).withdraw(accountOf(owner), weth, ETHER, owner);
        expect(await weth.balanceOf(owner)).to.equal(ETHER);
      }
    });

    it("TK2: gives a surplus to nobody", async () => {
      const { vault, weth, alice, accountOf } = await networkHelpers.loadFixture(deployWithLoss);
      await weth.mint(vault, 10n * ETHER);
      await vault.connect(alice).withdraw(accountOf(alice), weth, ETHER, alice);
      expect(await weth.balanceOf(alice)).to.equal(ETHER);
    });
  });

  describe("with a token that refuses transfers", () => {
    it("refuses its deposits and withdrawals with the token's reason and changes nothing", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithRefusals);
      const { vault, alice, weth, account } = plimsoll;
      const token = await ethers.getContractAt("RevertingToken", weth);
      await token.setRefusing(true);
      const here = await vault.getAddress();
      await mintApproved(plimsoll, alice, weth, 1n);
      await expect(vault.connect(alice).deposit(account, weth, 1n))
        .to.be.revertedWithCustomError(token, "TransferRefused")
        .withArgs(alice.address, here);
      await expect(vault.connect(alice).withdraw(account, weth, 1n, alice))
        .to.be.revertedWithCustomError(token, "TransferRefused")
        .withArgs(here, alice.address);
      expect(await vault.collateralOf(account, weth)).to.equal(ETHER);
      expect(await vault.trackedOf(weth)).to.equal(ETHER);
    });

    it("still moves it between accounts and pays all other tokens", async () => {
      const { vault, alice, usdc, weth, account } =
        await networkHelpers.loadFixture(deployWithRefusals);
      await (await ethers.getContractAt("RevertingToken", weth)).setRefusing(true);
      await vault.connect(alice).withdraw(account, usdc, DOLLAR, alice);
      const other = accountId(alice.address, 1n);
      await vault.connect(alice).transfer(account, other, weth, ETHER);
      expect(await vault.collateralOf(other, weth)).to.equal(ETHER);
    });
  });

  describe("with a token that returns nothing", () => {
    it("takes and pays it as any other", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithOldTokens);
      const { vault, alice, usdc, weth } = plimsoll;
      const account = accountId(alice.address);
      for (const token of [usdc, weth]) {
        await mintApproved(plimsoll, alice, token, 100n);
        await vault.connect(alice).deposit(account, token, 100n);
        await vault.connect(alice).withdraw(account, token, 40n, alice);
        expect(await token.balanceOf(alice)).to.equal(40n);
        expect(await vault.trackedOf(token)).to.equal(60n);
      }
    });
  });
});

async function deployWithFees(network: NetworkConnection) {
  const kind = "FeeOnTransferToken";
  const plimsoll = await deployWithTokens(network, { USDC: { kind }, WETH: { kind } });
  for (const token of [plimsoll.usdc, plimsoll.weth]) {
    await (await ethers.getContractAt(kind, token)).setFee(100);
  }
  return plimsoll;
}

/** Alice, Bob and Carol have one WETH, 100 dollars and a little WBTC each; the vault has lost a tenth of its WETH. */
async function deployWithLoss(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, carol, fund, deposit, vault, weth, wbtc } = plimsoll;
  for (const owner of [alice, bob, carol]) {
    await fund(owner, 0n, 100);
    await deposit(owner, { token: weth, amount: 1 });
    await deposit(owner, { token: wbtc, amount: "0.0000001" });
  }
  await weth.burn(vault, parseUnits("0.3", 18));
  return plimsoll;
}

async function deployWithRefusals(network: NetworkConnection) {
  const plimsoll = await deployWithTokens(network, { WETH: { kind: "RevertingToken" } });
  const account = await plimsoll.fund(plimsoll.alice, 0n, 10);
  await plimsoll.deposit(plimsoll.alice, { token: plimsoll.weth, amount: 1 });
  return { ...plimsoll, account };
}

async function deployWithOldTokens(network: NetworkConnection) {
  const kind = "NoReturnToken";
  return deployWithTokens(network, { USDC: { kind }, WETH: { kind } });
}
