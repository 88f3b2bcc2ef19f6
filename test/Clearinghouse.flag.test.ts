import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployDefaultMarket, FLAG_LIFE, sinkBelow, sinkToDebt } from "./fixtures/default.js";
import type { LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployUnreadMarket, sinkWithSpeck, SPECKS } from "./fixtures/unread.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { time } = networkHelpers;

describe("Clearinghouse.flag", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const flag = (account: AccountId) => market.clearinghouse.connect(market.stranger).flag(account);
  const delay = () => BigInt(market.parameters.liquidation.deleverageDelay);

  /** A size of a bankrupt account's ETH closed against the house. */
  async function deleverage(account: AccountId, size = WAD) {
    return market.clearinghouse.deleverage(account, market.house, ETH_PERP, size);
  }

  /** Brings the next transaction to a time, with prices that are fresh then. */
  async function goTo(at: bigint): Promise<void> {
    await time.increaseTo(at - 60n);
    await market.refreshPrices();
    await time.setNextBlockTimestamp(at);
  }

  describe("when the account is bankrupt", () => {
    it("remembers when anybody flagged it, and says so", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      expect(await clearinghouse.flaggedAt(account)).to.equal(0n);
      await expect(flag(account))
        .to.emit(clearinghouse, "Flagged")
        .withArgs(account, -parseWad(300));
      expect(await clearinghouse.flaggedAt(account)).to.equal(BigInt(await time.latest()));
    });

    it("changes nothing of what anybody has", async () => {
      const { vault, clearinghouse, house } = market;
      const account = await sinkBelow(market, 300);
      const state = async () => [
        ...(await Promise.all([account, house].map((each) => vault.cashOf(each)))),
        ...(await clearinghouse.positionOf(account, ETH_PERP)),
        ...(await clearinghouse.indicesOf(ETH_PERP)),
      ];
      const before = await state();
      await flag(account);
      expect(await state()).to.deep.equal(before);
    });

    it("keeps nobody from liquidating it", async () => {
      const account = await sinkBelow(market, 300);
      await flag(account);
      await market.fund(market.liquidator, 0n, 100_000);
      await market.liquidate(account);
      expect(await market.clearinghouse.instrumentsOf(account)).to.deep.equal([]);
      // The flag went with the bankruptcy.
      expect(await market.clearinghouse.flaggedAt(account)).to.equal(0n);
      await expect(flag(account))
        .to.be.revertedWithCustomError(market.clearinghouse, "NotBankrupt")
        .withArgs(account, 0n);
    });

    it("flags one that has nothing but a debt", async () => {
      const account = await sinkToDebt(market, 300);
      await expect(flag(account))
        .to.emit(market.clearinghouse, "Flagged")
        .withArgs(account, -parseWad(300));
    });
  });

  describe("when it was flagged before", () => {
    it("AD3: is not renewed while the flag is good, to the second: nobody puts its day off", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await flag(account);
      const flaggedAt = await clearinghouse.flaggedAt(account);
      await expect(flag(account))
        .to.be.revertedWithCustomError(clearinghouse, "AlreadyFlagged")
        .withArgs(account, flaggedAt);
      await goTo(flaggedAt + delay() + FLAG_LIFE);
      await expect(flag(account))
        .to.be.revertedWithCustomError(clearinghouse, "AlreadyFlagged")
        .withArgs(account, flaggedAt);
      await time.setNextBlockTimestamp(flaggedAt + delay() + FLAG_LIFE + 1n);
      await flag(account);
      expect(await clearinghouse.flaggedAt(account)).to.equal(flaggedAt + delay() + FLAG_LIFE + 1n);
    });

    it("begins a new delay when it is flagged again after its day", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await flag(account);
      const first = await clearinghouse.flaggedAt(account);
      await goTo(first + delay() + FLAG_LIFE + 1n);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(clearinghouse, "DeleverageNotDue")
        .withArgs(account, first + delay());
      await flag(account);
      const second = await clearinghouse.flaggedAt(account);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(clearinghouse, "DeleverageNotDue")
        .withArgs(account, second + delay());
      await market.passTime(delay());
      await deleverage(account);
    });

    it("AD3: is void once anybody found the account with equity, even if it is bankrupt again", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await flag(account);
      await market.setPrice(ETH, 2_730);
      await expect(flag(account)).to.emit(clearinghouse, "FlagRemoved").withArgs(account, 0n);
      expect(await clearinghouse.flaggedAt(account)).to.equal(0n);
      await market.setPrice(ETH, 2_700);
      await market.passTime(delay());
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(clearinghouse, "DeleverageNotDue")
        .withArgs(account, 0n);
      await flag(account);
      await market.passTime(delay());
      await deleverage(account);
    });

    it("AD3: is lifted by a deposit that pays what was missing, whoever brings it", async () => {
      const { clearinghouse, vault, usdc, stranger } = market;
      const account = await sinkBelow(market, 300);
      await flag(account);
      await usdc.mint(stranger, 300_000_000n);
      await usdc.connect(stranger).approve(vault, 300_000_000n);
      await vault.connect(stranger).deposit(account, usdc, 300_000_000n);
      await market.passTime(delay());
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(clearinghouse, "NotBankrupt")
        .withArgs(account, 0n);
      await expect(flag(account)).to.emit(clearinghouse, "FlagRemoved").withArgs(account, 0n);
    });
  });

  describe("when the account is not bankrupt", () => {
    it("AD3: refuses one that has exactly nothing, one that is below its line, and a healthy one", async () => {
      const { clearinghouse, house } = market;
      const account = await sinkBelow(market, 300);
      for (const [price, equity] of [
        [2_730, 0n],
        [2_780, parseWad(500)],
        [2_990, parseWad(2_600)],
      ] as const) {
        await market.setPrice(ETH, price);
        await expect(flag(account))
          .to.be.revertedWithCustomError(clearinghouse, "NotBankrupt")
          .withArgs(account, equity);
      }
      const { equity } = await market.marginOf(house);
      await expect(flag(house))
        .to.be.revertedWithCustomError(clearinghouse, "NotBankrupt")
        .withArgs(house, equity);
    });

    it("AD3: refuses the insurance fund and accounts that nobody has used", async () => {
      const { clearinghouse, fundAccount, stranger, accountNumbered } = market;
      await expect(flag(fundAccount)).to.be.revertedWithCustomError(clearinghouse, "FundIsNoParty");
      const unused = accountNumbered(stranger, 7n);
      await expect(flag(unused))
        .to.be.revertedWithCustomError(clearinghouse, "NotBankrupt")
        .withArgs(unused, 0n);
    });
  });

  describe("when a price cannot be read", () => {
    it("judges a speck by its last price", async () => {
      const unread = await networkHelpers.loadFixture(deployUnreadMarket);
      market = unread;
      const { account, equity } = await sinkWithSpeck(unread, "a perpetual", () => -parseWad(300));
      await unread.kill(SPECKS["a perpetual"], "answers zero");
      await expect(flag(account))
        .to.emit(market.clearinghouse, "Flagged")
        .withArgs(account, equity);
    });

    it("reverts with the oracle's reason when it is more than a speck", async () => {
      const account = await sinkBelow(market, 300);
      const feed = market.feedOf("ETH/USD");
      await feed.updateAnswer(0n);
      await expect(flag(account))
        .to.be.revertedWithCustomError(market.oracle, "InvalidPrice")
        .withArgs(ETH, await feed.getAddress(), 0n);
    });
  });
});
