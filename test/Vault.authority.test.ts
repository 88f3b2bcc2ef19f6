import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { getAddress, parseUnits, toBeHex } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, accountId, parseWad } from "../sdk/index.js";
import type { MockToken } from "../typechain-types/index.js";
import { deployPlimsoll, ETH_PERP, type Plimsoll } from "./fixtures/plimsoll.js";
import { mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const DOLLAR = 10n ** 6n;
const MOST_SUB_ACCOUNT = 2n ** 96n - 1n;

type Victims = Awaited<ReturnType<typeof deployWithVictims>>;

describe("Vault", () => {
  describe("accounts", () => {
    it("OP2: keep the money of every sub-account apart, up to the last number", async () => {
      const { vault, alice, fund } = await networkHelpers.loadFixture(deployPlimsoll);
      const subAccounts = [0n, 1n, 255n, 256n, 2n ** 32n, 2n ** 95n, MOST_SUB_ACCOUNT];
      for (const [place, subAccount] of subAccounts.entries()) {
        await fund(alice, subAccount, place + 1);
      }
      for (const [place, subAccount] of subAccounts.entries()) {
        const cash = await vault.cashOf(accountId(alice.address, subAccount));
        expect(cash).to.equal(parseWad(place + 1));
      }
    });

    it("OP2: of neighbouring addresses are not each other's, whatever the number", async () => {
      const { vault, alice, usdc, fund } = await networkHelpers.loadFixture(deployPlimsoll);
      for (const step of [-1n, 1n]) {
        const neighbour = getAddress(toBeHex(BigInt(alice.address) + step, 20));
        const caller = await ethers.getImpersonatedSigner(neighbour);
        await networkHelpers.setBalance(neighbour, 10n ** 18n);
        for (const subAccount of [0n, MOST_SUB_ACCOUNT]) {
          const account = await fund(alice, subAccount, 1);
          expect(await vault.cashOf(accountId(neighbour, subAccount))).to.equal(0n);
          await expect(vault.connect(caller).withdraw(account, usdc, 1n, caller))
            .to.be.revertedWithCustomError(vault, "NotAuthorized")
            .withArgs(account, neighbour, 4n);
          await expect(vault.connect(caller).transfer(account, accountId(neighbour), usdc, 1n))
            .to.be.revertedWithCustomError(vault, "NotAuthorized")
            .withArgs(account, neighbour, 2n);
        }
      }
    });

    it("OP2: exchange money between the first and the last number only by the owner", async () => {
      const { vault, alice, bob, usdc, fund } = await networkHelpers.loadFixture(deployPlimsoll);
      const first = await fund(alice, 0n, 1);
      const last = accountId(alice.address, MOST_SUB_ACCOUNT);
      await expect(vault.connect(bob).transfer(first, last, usdc, DOLLAR))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(first, bob.address, 2n);
      await vault.connect(alice).transfer(first, last, usdc, DOLLAR);
      expect(await vault.cashOf(last)).to.equal(parseWad(1));
    });

    it("OP2: of another owner are another owner's although the sub-account's number is the same", async () => {
      const { vault, alice, bob, usdc, fund } = await networkHelpers.loadFixture(deployPlimsoll);
      const from = await fund(alice, MOST_SUB_ACCOUNT, 1);
      const to = accountId(bob.address, MOST_SUB_ACCOUNT);
      await expect(vault.connect(alice).transfer(from, to, usdc, DOLLAR))
        .to.be.revertedWithCustomError(vault, "NotSameOwner")
        .withArgs(from, to);
    });
  });

  describe("a stranger", () => {
    it("OP3: cannot take anything from anybody by any choice of account, sender and receiver", async () => {
      const victims = await networkHelpers.loadFixture(deployWithVictims);
      const { vault, stranger, usdc, weth, accounts, owners } = victims;
      const asStranger = vault.connect(stranger);
      const targets = [...accounts, accountId(stranger.address), await fundOf(victims)];
      const receivers = [stranger.address, ...owners.map(({ address }) => address)];

      const calls: (() => Promise<unknown>)[] = [];
      for (const token of [usdc, weth]) {
        for (const account of targets) {
          calls.push(async () => asStranger.deposit(account, token, 1n));
          for (const to of receivers) {
            calls.push(async () => asStranger.withdraw(account, token, 1n, to));
          }
          for (const to of targets) {
            calls.push(async () => asStranger.transfer(account, to, token, 1n));
          }
        }
      }
      expect(calls.length).to.equal(2 * 5 * (1 + 3 + 5));
      for (const call of calls) {
        const before = await wealthOf(victims);
        await call().catch(() => undefined);
        expectNoneFell(before, await wealthOf(victims));
      }
    });

    it("OP3: cannot deposit with tokens that others allowed the vault to take", async () => {
      const { vault, alice, stranger, usdc } = await networkHelpers.loadFixture(deployWithVictims);
      await usdc.connect(stranger).transfer(alice, await usdc.balanceOf(stranger));
      expect(await usdc.allowance(alice, vault)).to.be.greaterThan(DOLLAR);
      for (const owner of [alice, stranger]) {
        await expect(vault.connect(stranger).deposit(accountId(owner.address), usdc, DOLLAR))
          .to.be.revertedWithCustomError(usdc, "ERC20InsufficientBalance")
          .withArgs(stranger.address, 0n, DOLLAR);
      }
    });

    it("OP3: cannot spend another's account as liquidator, nor sign for it, nor cancel its orders", async () => {
      const victims = await networkHelpers.loadFixture(deployWithVictims);
      const { clearinghouse, exchange, vault, stranger, signedOrderOf, bob, accounts } = victims;
      const [account, other] = accounts as [AccountId, AccountId];
      await expect(
        clearinghouse.connect(stranger).liquidate(other, account, parseWad(1), parseWad(1)),
      )
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(account, stranger.address, 8n);

      const offer = { instrument: ETH_PERP, size: parseWad(1), limitPrice: parseWad(3000) };
      const forged = await signedOrderOf(stranger, offer);
      const order = { ...forged.order, account };
      const maker = await signedOrderOf(bob, { ...offer, size: -offer.size });
      await expect(
        exchange.connect(stranger).matchOrders({ ...forged, order }, [maker], [offer.size]),
      )
        .to.be.revertedWithCustomError(exchange, "InvalidSignature")
        .withArgs(await exchange.hashOrder(order), account);

      await expect(exchange.connect(stranger).cancel(account, [1n]))
        .to.be.revertedWithCustomError(exchange, "CancelRefused")
        .withArgs(account, stranger.address);
      await expect(exchange.connect(stranger).cancelUpTo(account, 1n))
        .to.be.revertedWithCustomError(exchange, "CancelRefused")
        .withArgs(account, stranger.address);
    });

    it("I4: cannot post cash or move a slice", async () => {
      const { vault, stranger, accounts } = await networkHelpers.loadFixture(deployWithVictims);
      const postings = accounts.slice(0, 2).map((account) => ({ account, cash: 1n }));
      await expect(vault.connect(stranger).post(postings))
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(stranger.address);
      await expect(vault.connect(stranger).moveSlice(1n, postings))
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(stranger.address);
    });
  });

  describe("the insurance fund", () => {
    it("OP3: has no key: nobody takes its cash out, and anybody may add to it", async () => {
      const { vault, clearinghouse, alice, stranger, usdc } =
        await networkHelpers.loadFixture(deployWithVictims);
      const insuranceFund = await clearinghouse.insuranceFund();
      await vault.connect(alice).deposit(insuranceFund, usdc, DOLLAR);
      expect(await vault.cashOf(insuranceFund)).to.equal(parseWad(1));
      for (const caller of [alice, stranger]) {
        await expect(vault.connect(caller).withdraw(insuranceFund, usdc, 1n, caller))
          .to.be.revertedWithCustomError(vault, "NotAuthorized")
          .withArgs(insuranceFund, caller.address, 4n);
      }
    });
  });
});

/** Two accounts of Alice and one of Bob, all with cash and WETH; everybody has allowed the vault to take more. */
async function deployWithVictims(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, stranger, vault, usdc, weth } = plimsoll;
  const owners: HardhatEthersSigner[] = [alice, bob];
  for (const owner of [...owners, stranger]) {
    await mintApproved(plimsoll, owner, usdc, parseUnits("1000", 6));
    await mintApproved(plimsoll, owner, weth, parseWad(10));
  }
  const accounts: AccountId[] = [];
  for (const [owner, subAccount] of [
    [alice, 0n],
    [alice, 1n],
    [bob, 0n],
  ] as const) {
    const account = accountId(owner.address, subAccount);
    await vault.connect(owner).deposit(account, usdc, 100n * DOLLAR);
    await vault.connect(owner).deposit(account, weth, parseWad(1));
    accounts.push(account);
  }
  return { ...plimsoll, owners, accounts };
}

async function fundOf({ clearinghouse }: Plimsoll): Promise<AccountId> {
  return (await clearinghouse.insuranceFund()) as AccountId;
}

/** What everybody but the stranger has, in accounts and in wallets. */
async function wealthOf({ vault, owners, accounts, usdc, weth }: Victims): Promise<bigint[]> {
  const balances = accounts.flatMap((account) => [
    vault.cashOf(account),
    vault.collateralOf(account, weth),
  ]);
  const wallets = owners.flatMap((owner) =>
    [usdc, weth].map(async (token: MockToken) => token.balanceOf(owner)),
  );
  return Promise.all([...balances, ...wallets]);
}

function expectNoneFell(before: bigint[], afterwards: bigint[]): void {
  for (const [place, amount] of afterwards.entries()) {
    expect(amount, `balance ${place}`).to.be.at.least(before[place] ?? 0n);
  }
}
