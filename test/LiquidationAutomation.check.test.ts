import { expect } from "chai";
import { AbiCoder, dataLength } from "ethers";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import {
  type AutomationMarket,
  deployAutomationMarket,
  encodeBatch,
  MOST_GAS,
  WHOLE,
} from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { ethers, networkHelpers } = await hre.network.create();

/** Between two checks [seconds]. */
const PERIOD = 30;
/** Far from now, and the first of three periods [unix seconds]. */
const BEGIN = 2_100_000_060;
/** What one read of the network may send or receive [bytes]. */
const MOST_BYTES = 5_000;

const pageOf = (from: bigint, count: bigint) =>
  AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [from, count]);

describe("LiquidationAutomation.checkUpkeep", () => {
  let market: AutomationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployAutomationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  it("finds nothing on an empty list, nor among healthy accounts", async () => {
    const { automation } = market;
    expect(await market.proposed()).to.deep.equal([]);
    await automation.watch(await market.sinkAccounts(2));
    await market.setPrice(ETH, 3_000);
    expect(await market.proposed()).to.deep.equal([]);
  });

  it("proposes every account below the line, whole, and the perform takes them all", async () => {
    const { automation, clearinghouse } = market;
    const accounts = await market.sinkAccounts(3);
    await automation.watch(accounts);
    const entries = await market.proposed();
    expect(entries).to.have.deep.members(accounts.map((account) => ({ account, share: WHOLE })));
    await market.runOnce();
    const taken = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
    expect(taken.map(({ args }) => args.account)).to.have.members(accounts);
    expect(await market.proposed()).to.deep.equal([]);
  });

  it("proposes nothing while its owner has stopped it", async () => {
    const { automation, asOwner } = market;
    await automation.watch(await market.sinkAccounts(1));
    await asOwner.setTaking(false);
    expect(await market.proposed()).to.deep.equal([]);
  });

  it("reads the part of the list that it is told", async () => {
    const { automation } = market;
    const accounts = await market.sinkAccounts(4);
    await automation.watch(accounts);
    const found = async (from: bigint, count: bigint) =>
      (await market.proposed(pageOf(from, count))).map(({ account }) => account);
    expect(await found(1n, 2n)).to.have.members(accounts.slice(1, 3));
    expect(await found(3n, 2n ** 256n - 1n)).to.have.members(accounts.slice(3));
    expect(await found(4n, 1n)).to.deep.equal([]);
    expect(await found(0n, 0n)).to.deep.equal([]);
  });

  it("begins anywhere, so that each account comes first in its turn", async () => {
    const { automation } = market;
    const accounts = await market.sinkAccounts(3);
    await automation.watch(accounts);
    const first = new Set<AccountId>();
    await begin();
    for (let i = 1; i <= 12; ++i) {
      await networkHelpers.time.increaseTo(BEGIN + i * PERIOD);
      first.add((await market.proposed())[0]!.account);
    }
    expect([...first]).to.have.members(accounts);
  });

  it("proposes what its margin carries, for all entries together", async () => {
    const { automation, marginEngine, own } = market;
    const accounts = await market.sinkAccounts(3);
    await automation.watch(accounts);
    // One whole slice needs about 1,300 dollars.
    await market.leaveWith(2_000);
    const entries = await market.proposed();
    expect(entries[0]!.share).to.equal(WHOLE);
    expect(entries[1]!.share).to.be.within(2_000, 8_000);
    expect(entries).to.have.length(2);
    await expect(market.runOnce()).not.to.emit(automation, "LiquidationFailed");
    await marginEngine.requireInitialOfLiquidator(own, []);
  });

  it("leaves out what is too large for it, and what must be closed whole", async () => {
    const { automation } = market;
    // A part of it would leave less than the minimum margin.
    const small = { price: 2_850, size: (3n * WAD) / 10n };
    const [account] = await market.sinkAccounts(1, small);
    await automation.watch([account!]);
    await market.leaveWith(100);
    expect(await market.proposed()).to.deep.equal([{ account, share: WHOLE }]);
    for (const dollars of [20, 0]) {
      await market.leaveWith(dollars);
      expect(await market.proposed()).to.deep.equal([]);
    }
  });

  it("counts what its owner wants free", async () => {
    const { automation, asOwner } = market;
    await automation.watch(await market.sinkAccounts(1));
    await asOwner.setLeastFreeMargin(parseWad(1_000_000));
    expect(await market.proposed()).to.deep.equal([]);
    await asOwner.setLeastFreeMargin(parseWad(999_500));
    const [entry] = await market.proposed();
    expect(entry?.share).to.be.within(1, WHOLE - 1);
    await expect(market.runOnce()).not.to.emit(automation, "LiquidationFailed");
  });

  it("proposes at most 15 accounts of one perpetual, which cost less than 5,000,000 gas and 600 bytes", async () => {
    const { automation, clearinghouse } = market;
    const accounts = await market.sinkAccounts(18);
    await automation.watch(accounts);
    const [, data] = await automation.checkUpkeep("0x");
    const entries = await market.proposed();
    expect(entries).to.have.length(15);
    expect(dataLength(data)).to.equal(15 * 34);
    expect(dataLength(data)).to.be.lessThan(MOST_BYTES);
    const act = await market.runOnce();
    expect((await act.wait())!.gasUsed).to.be.lessThan(MOST_GAS);
    const taken = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
    expect(taken.map(({ args }) => args.account)).to.deep.equal(
      entries.map(({ account }) => account),
    );
    expect(await market.proposed()).to.have.length(3);
  });

  it("stops in time when it is given less gas than a batch needs", async () => {
    const { automation, clearinghouse } = market;
    const accounts = await market.sinkAccounts(6);
    const data = encodeBatch(...accounts);
    const act = await automation.performUpkeep(data, { gasLimit: 700_000n });
    await expect(act).not.to.emit(automation, "LiquidationFailed");
    const taken = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
    expect(taken.length).to.be.within(1, 4);
  });

  it("goes on while a feed is dead, for the accounts that do not depend on it", async () => {
    const { automation, clear, alice, connection } = market;
    const [sinking] = (await market.sinkAccounts(1)) as [AccountId];
    const other = await market.fund(alice, 7n, 100_000);
    await clear({ account: other, instrument: BTC_PERP, size: WAD });
    await automation.watch([other, sinking]);
    const broken = await connection.ethers.deployContract("MockBrokenFeed", [8, 3]);
    const code = await ethers.provider.getCode(broken);
    await networkHelpers.setCode(await market.feedOf("BTC/USD").getAddress(), code);
    expect(await market.proposed()).to.deep.equal([{ account: sinking, share: WHOLE }]);
    await market.runOnce();
    // Its own account holds no bitcoin; if it did, it would try and the act would decide.
    expect(await market.proposed()).to.deep.equal([]);
  });

  it("tries whole slices when its own margin cannot be read", async () => {
    const { automation, clear, own, connection, clearinghouse } = market;
    await market.oracle.notePrice(BTC);
    const [sinking] = (await market.sinkAccounts(1)) as [AccountId];
    await clear({ account: own, instrument: BTC_PERP, size: WAD / 1_000n });
    await automation.watch([sinking]);
    const broken = await connection.ethers.deployContract("MockBrokenFeed", [8, 0]);
    const code = await ethers.provider.getCode(broken);
    await networkHelpers.setCode(await market.feedOf("BTC/USD").getAddress(), code);
    await expect(market.marginEngine.marginOf(own)).to.revert(ethers);
    expect(await market.proposed()).to.deep.equal([{ account: sinking, share: WHOLE }]);
    await market.runOnce();
    expect((await clearinghouse.positionOf(own, ETH_PERP)).size).to.be.greaterThan(0n);
  });

  it("sees every page of a list, whatever the rhythm of who looks", async () => {
    const { automation } = market;
    await automation.watch(await market.sinkAccounts(2));
    await writeLength(automation, 3 * 250);
    await begin();
    let now = BEGIN;
    for (const [stride, least] of [
      [1, 3],
      [6, 1],
    ] as const) {
      let seen = 0;
      for (let i = 0; i < 9; ++i) {
        now += PERIOD * stride;
        await networkHelpers.time.increaseTo(now);
        // Only the first page has accounts of which there is anything to say.
        if ((await market.proposed()).length > 0) ++seen;
      }
      expect(seen, `every ${stride} periods`).to.be.within(least, 8);
    }
  });

  /** The same moments in every run: the first of a round of pages. */
  async function begin(): Promise<void> {
    await networkHelpers.time.increaseTo(BEGIN);
    await market.refreshPrices();
  }

  /** A longer list than is worth building: what is beyond is the account 0, which has nothing. */
  async function writeLength(contract: typeof market.automation, length: number): Promise<void> {
    const address = await contract.getAddress();
    for (let slot = 0; slot < 20; ++slot) {
      const value = await networkHelpers.getStorageAt(address, slot);
      if (BigInt(value) !== (await contract.watchedCount())) continue;
      const snapshot = await networkHelpers.takeSnapshot();
      await networkHelpers.setStorageAt(address, slot, length);
      if ((await contract.watchedCount()) === BigInt(length)) return;
      await snapshot.restore();
    }
    throw new Error("The length of the list was not found");
  }
});
