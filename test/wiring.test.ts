import { expect } from "chai";
import { parseUnits, ZeroHash } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad } from "../sdk/index.js";
import { deployPlimsoll, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const AMOUNT = parseUnits("100", 6);

/** Contracts that were deployed and not yet told of one another; the first account is their governance. */
describe("Before it is wired", () => {
  describe("the vault", () => {
    it("refuses deposits", async () => {
      const { vault, usdc, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      await expect(vault.connect(owner).deposit(account, usdc, AMOUNT))
        .to.be.revertedWithCustomError(vault, "NotWired")
        .withArgs();
    });

    it("refuses deposits with permit", async () => {
      const { vault, usdc, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      await expect(
        vault
          .connect(owner)
          .depositWithPermit(account, usdc, AMOUNT, 2n ** 40n, 27, ZeroHash, ZeroHash),
      )
        .to.be.revertedWithCustomError(vault, "NotWired")
        .withArgs();
    });

    it("refuses withdrawals and transfers", async () => {
      const { vault, usdc, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      await expect(vault.connect(owner).withdraw(account, usdc, 1n, owner))
        .to.be.revertedWithCustomError(vault, "NotWired")
        .withArgs();
      const other = accountId(owner.address, 1n);
      await expect(vault.connect(owner).transfer(account, other, usdc, 1n))
        .to.be.revertedWithCustomError(vault, "NotWired")
        .withArgs();
    });

    it("takes postings and slices from nobody", async () => {
      const { vault, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      await expect(vault.connect(owner).post([{ account, cash: 1n }]))
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(owner.address);
      await expect(vault.connect(owner).moveSlice(1n, [{ account, cash: 1n }]))
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(owner.address);
    });
  });

  describe("the clearinghouse", () => {
    it("refuses to settle variation", async () => {
      const { clearinghouse, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      await expect(clearinghouse.connect(owner).settleVariation(account))
        .to.be.revertedWithCustomError(clearinghouse, "NotWired")
        .withArgs();
    });

    it("refuses to liquidate", async () => {
      const { clearinghouse, owner, account } = await networkHelpers.loadFixture(deployUnwired);
      const other = accountId(owner.address, 1n);
      await expect(clearinghouse.connect(owner).liquidate(account, other, parseWad(1), 0n))
        .to.be.revertedWithCustomError(clearinghouse, "NotWired")
        .withArgs();
    });

    it("refuses to clear, even for a venue", async () => {
      const { clearinghouse, venue } = await networkHelpers.loadFixture(deployUnwired);
      await clearinghouse.setVenue(venue, true);
      await expect(clearinghouse.connect(venue).clear([]))
        .to.be.revertedWithCustomError(clearinghouse, "NotWired")
        .withArgs();
    });
  });
});

describe("Wiring", () => {
  it("takes contracts only", async () => {
    const { vault, clearinghouse, rules, owner } = await networkHelpers.loadFixture(deployUnwired);
    for (const [first, second] of [
      [owner, rules],
      [clearinghouse, owner],
    ] as const) {
      await expect(vault.wire(first, second))
        .to.be.revertedWithCustomError(vault, "NotAContract")
        .withArgs(owner.address);
    }
    await expect(clearinghouse.setMarginEngine(owner))
      .to.be.revertedWithCustomError(clearinghouse, "NotAContract")
      .withArgs(owner.address);
    await expect(clearinghouse.setVenue(owner, true))
      .to.be.revertedWithCustomError(clearinghouse, "NotAContract")
      .withArgs(owner.address);
  });

  it("sets the vault's clearinghouse for ever and its margin engine again", async () => {
    const { vault, clearinghouse, rules } = await networkHelpers.loadFixture(deployUnwired);
    const [first, engine] = [await clearinghouse.getAddress(), await rules.getAddress()];
    // Any contract will do: what matters is which slot may be written twice.
    await expect(vault.wire(first, engine)).to.emit(vault, "VaultWired").withArgs(first, engine);
    await expect(vault.wire(first, first)).to.emit(vault, "VaultWired").withArgs(first, first);
    await expect(vault.wire(engine, engine))
      .to.be.revertedWithCustomError(vault, "ClearinghouseAlreadySet")
      .withArgs(first);
  });

  it("is governance's alone", async () => {
    const { vault, clearinghouse, marginEngine, stranger } =
      await networkHelpers.loadFixture(deployPlimsoll);
    await expect(vault.connect(stranger).wire(clearinghouse, marginEngine))
      .to.be.revertedWithCustomError(vault, "AccessManagedUnauthorized")
      .withArgs(stranger.address);
    await expect(clearinghouse.connect(stranger).setMarginEngine(marginEngine))
      .to.be.revertedWithCustomError(clearinghouse, "AccessManagedUnauthorized")
      .withArgs(stranger.address);
  });

  it("of a vault refuses a settlement token of more than 24 decimals", async () => {
    const { manager, rules, vault } = await networkHelpers.loadFixture(deployUnwired);
    const fine = await ethers.deployContract("MockToken", ["Fine", "FINE", 25]);
    await expect(ethers.deployContract("Vault", [manager, fine, rules]))
      .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
      .withArgs(ethers.encodeBytes32String("decimals"), 25n, 0n, 24n);
    expect(await vault.SETTLEMENT_DECIMALS()).to.equal(6n);
  });

  it("keeps trades out before the exchange is a venue", async () => {
    const scene = await networkHelpers.loadFixture(deployPlimsoll);
    const { clearinghouse, exchange, asGovernance, trade, fund, alice, bob } = scene;
    await fund(alice, 0n, 1_000);
    await fund(bob, 0n, 1_000);
    await asGovernance(clearinghouse, "setVenue", [await exchange.getAddress(), false]);
    const [size, price] = [parseWad("0.1"), parseWad(3000)];
    await expect(trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price }))
      .to.be.revertedWithCustomError(clearinghouse, "NotVenue")
      .withArgs(await exchange.getAddress());
  });
});

async function deployUnwired(network: NetworkConnection) {
  const [deployer, owner] = await network.ethers.getSigners();
  if (deployer === undefined || owner === undefined) throw new Error("There are no accounts");
  const { deployContract } = network.ethers;
  const manager = await deployContract("AccessManager", [deployer]);
  const usdc = await deployContract("MockToken", ["USD Coin", "USDC", 6]);
  const oracle = await deployContract("PriceOracle", [manager]);
  const rules = await deployContract("Rules", [manager]);
  const vault = await deployContract("Vault", [manager, usdc, rules]);
  const library = await deployContract("DefaultProcess");
  const clearinghouse = await deployContract("Clearinghouse", [manager, vault, oracle, rules], {
    libraries: { DefaultProcess: await library.getAddress() },
  });
  await usdc.mint(owner, AMOUNT);
  await usdc.connect(owner).approve(vault, AMOUNT);
  const venueAddress = await rules.getAddress();
  await networkHelpers.setBalance(venueAddress, 10n ** 18n);
  const venue = await network.ethers.getImpersonatedSigner(venueAddress);
  const account = accountId(owner.address);
  return { manager, usdc, rules, vault, clearinghouse, owner, venue, account };
}
