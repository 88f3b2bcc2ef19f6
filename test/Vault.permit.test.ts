import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { parseUnits, Signature, ZeroHash } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad } from "../sdk/index.js";
import type { MockToken } from "../typechain-types/index.js";
import { deployPlimsoll, type Plimsoll } from "./fixtures/plimsoll.js";
import { deployWithTokens, signPermit } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const AMOUNT = parseUnits("100", 6);
const DEADLINE = 2n ** 40n;

/** Branches of Vault.depositWithPermit in Vault.deposit.tree; `NotWired` is in wiring.test.ts. */
describe("Vault", () => {
  describe("depositWithPermit", () => {
    it("deposits with the permit and uses up its allowance", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, alice, usdc } = plimsoll;
      const account = accountId(alice.address);
      await expect(depositWithPermit(plimsoll, alice, await permit(plimsoll, alice, usdc)))
        .to.emit(vault, "Deposited")
        .withArgs(account, await usdc.getAddress(), alice.address, AMOUNT, parseWad(100));
      expect(await usdc.allowance(alice, vault)).to.equal(0n);
      expect(await usdc.balanceOf(vault)).to.equal(AMOUNT);
    });

    it("MT2: deposits although somebody else used the permit first", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, alice, stranger, usdc } = plimsoll;
      const signed = await permit(plimsoll, alice, usdc);
      await usdc
        .connect(stranger)
        .permit(alice, vault, AMOUNT, DEADLINE, signed.v, signed.r, signed.s);
      await depositWithPermit(plimsoll, alice, signed);
      expect(await vault.cashOf(accountId(alice.address))).to.equal(parseWad(100));
    });

    it("MT2: says what is missing when a used permit's allowance is spent", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, alice, usdc } = plimsoll;
      const signed = await permit(plimsoll, alice, usdc);
      await depositWithPermit(plimsoll, alice, signed);
      await expect(depositWithPermit(plimsoll, alice, signed))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), alice.address, 0n, AMOUNT);
    });

    it("MT2: refuses a permit that somebody else signed", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, alice, stranger, usdc } = plimsoll;
      const signed = await permit(plimsoll, alice, usdc);
      await expect(depositWithPermit(plimsoll, stranger, signed))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), stranger.address, 0n, AMOUNT);
      expect(await usdc.allowance(alice, vault)).to.equal(0n);
    });

    it("deposits with a bad permit when the allowance suffices", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, alice, usdc } = plimsoll;
      await usdc.connect(alice).approve(vault, AMOUNT - 1n);
      const bad = Signature.from({ r: ZeroHash, s: ZeroHash, v: 27 });
      await expect(depositWithPermit(plimsoll, alice, bad))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), alice.address, AMOUNT - 1n, AMOUNT);
      await usdc.connect(alice).approve(vault, AMOUNT);
      await depositWithPermit(plimsoll, alice, bad);
      expect(await vault.cashOf(accountId(alice.address))).to.equal(parseWad(100));
    });

    it("MT2: works for a token without permit when the allowance suffices", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithOldDollars);
      const { vault, alice, usdc } = plimsoll;
      const none = Signature.from({ r: ZeroHash, s: ZeroHash, v: 27 });
      await expect(depositWithPermit(plimsoll, alice, none))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), alice.address, 0n, AMOUNT);
      await usdc.connect(alice).approve(vault, AMOUNT);
      await depositWithPermit(plimsoll, alice, none);
      expect(await vault.cashOf(accountId(alice.address))).to.equal(parseWad(100));
    });

    it("never calls a token that is not listed", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployWithDollars);
      const { vault, rules, alice } = plimsoll;
      const unlisted = await ethers.deployContract("MockToken", ["Unlisted", "NONE", 18]);
      const { v, r, s } = await permit(plimsoll, alice, unlisted);
      const account = accountId(alice.address);
      await expect(
        vault.connect(alice).depositWithPermit(account, unlisted, AMOUNT, DEADLINE, v, r, s),
      )
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(await unlisted.getAddress());
      expect(await unlisted.nonces(alice)).to.equal(0n);
    });
  });
});

async function deployWithDollars(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  for (const owner of [plimsoll.alice, plimsoll.stranger]) {
    await plimsoll.usdc.mint(owner, 2n * AMOUNT);
  }
  return plimsoll;
}

/** The settlement token is one of those that return nothing and know no permit. */
async function deployWithOldDollars(network: NetworkConnection) {
  const plimsoll = await deployWithTokens(network, { USDC: { kind: "NoReturnToken" } });
  await plimsoll.usdc.mint(plimsoll.alice, AMOUNT);
  return plimsoll;
}

/** A permit for the vault to take the amount. */
async function permit({ vault }: Plimsoll, owner: HardhatEthersSigner, token: MockToken) {
  return signPermit(owner, { token, spender: vault, amount: AMOUNT, deadline: DEADLINE });
}

/** A deposit to the caller's own first account. */
async function depositWithPermit(
  { vault, usdc }: Plimsoll,
  caller: HardhatEthersSigner,
  { v, r, s }: Signature,
) {
  return vault
    .connect(caller)
    .depositWithPermit(accountId(caller.address), usdc, AMOUNT, DEADLINE, v, r, s);
}
