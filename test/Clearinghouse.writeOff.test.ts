import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import {
  bearersOf,
  deployDefaultMarket,
  deployLendersMarket,
  sinkBelow,
  sinkToDebt,
} from "./fixtures/default.js";
import type { LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();

/** What half of a thousand dollars forgets of a day's draws while a test goes on: 60 seconds. */
const A_MINUTE = parseWad("0.35");

describe("Clearinghouse.writeOff", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const writeOff = (account: AccountId) =>
    market.clearinghouse.connect(market.stranger).writeOff(account);

  async function expectRefused(account: AccountId, cash: bigint): Promise<void> {
    await expect(writeOff(account))
      .to.be.revertedWithCustomError(market.clearinghouse, "NothingToWriteOff")
      .withArgs(account, cash);
  }

  describe("when there is nothing to write off", () => {
    it("refuses accounts without a debt", async () => {
      const { house, fundAccount, stranger, accountNumbered } = market;
      await expectRefused(house, await market.vault.cashOf(house));
      await expect(writeOff(fundAccount)).to.be.revertedWithCustomError(
        market.clearinghouse,
        "FundIsNoParty",
      );
      await expectRefused(accountNumbered(stranger, 3n), 0n);
    });

    it("refuses a debt beside a position, however bankrupt the account is", async () => {
      const account = await sinkBelow(market, 300);
      await market.clearinghouse.settleVariation(account);
      await expectRefused(account, -parseWad(300));
    });

    it("refuses a debt beside collateral: a liquidation resolves that, and takes both", async () => {
      const { alice, weth, clearinghouse } = market;
      const account = await market.fund(alice, 0n, 10_000);
      await market.deposit(alice, { token: weth, amount: 10 });
      await market.sink(account, [{ instrument: ETH_PERP, size: 20n * WAD }], {
        prices: { [ETH]: 2_000 },
        equity: () => parseWad(9_000),
      });
      await market.clear({ account, instrument: ETH_PERP, size: -20n * WAD });
      await market.setPrice(ETH, 1_000);
      await expectRefused(account, -parseWad(11_000));
      await market.fund(market.liquidator, 0n, 100_000);
      await market.liquidate(account);
      expect(await clearinghouse.deficit()).to.equal(parseWad(1_000));
      await expectRefused(account, 0n);
    });

    it("refuses a debt beside a single wei of a token", async () => {
      const { alice, vault, weth } = market;
      const account = await sinkToDebt(market, 300);
      await market.deposit(alice, { token: weth, amount: "0.000000000000000001" });
      await expectRefused(account, -parseWad(300));
      await market.fund(market.liquidator, 0n, 100_000);
      await market.liquidate(account);
      expect(await vault.collateralOf(account, weth)).to.equal(0n);
    });
  });

  describe("when there is nothing but a debt", () => {
    it("lets the fund pay, and leaves the account empty", async () => {
      await market.endow(1_000);
      const account = await sinkToDebt(market, 300);
      await expect(writeOff(account))
        .to.emit(market.clearinghouse, "WrittenOff")
        .withArgs(account, parseWad(300), parseWad(300))
        .and.to.emit(market.vault, "CashPosted")
        .withArgs(account, parseWad(300), 0n);
      expect(await market.vault.cashOf(account)).to.equal(0n);
      expect(await bearersOf(market)).to.deep.include({ fund: parseWad(700), deficit: 0n });
    });

    it("lets the fund pay no more than half of it in a day, and records the rest", async () => {
      await market.endow(400);
      const account = await sinkToDebt(market, 300);
      await expect(writeOff(account))
        .to.emit(market.clearinghouse, "DeficitChanged")
        .withArgs(parseWad(100));
      expect(await bearersOf(market)).to.deep.equal({
        fund: parseWad(200),
        longIndex: 0n,
        shortIndex: 0n,
        deficit: parseWad(100),
      });
    });

    it("counts what instruments drew in the day: nobody draws twice by closing first", async () => {
      await market.endow(1_000);
      const bankrupt = await sinkBelow(market, 2_000, { prices: { [ETH]: 2_600 } });
      await market.fund(market.liquidator, 0n, 100_000);
      await market.liquidate(bankrupt);
      expect((await bearersOf(market)).fund).to.equal(parseWad(500));
      await market.setPrice(ETH, 3_000);
      const account = await sinkToDebt(market, 300, { subAccount: 1n });
      await writeOff(account);
      const { fund } = await bearersOf(market);
      expect(fund).to.be.within(parseWad(500) - A_MINUTE, parseWad(500));
    });

    it("records all of it when nobody else bears anything", async () => {
      const account = await sinkToDebt(market, 300);
      await expect(writeOff(account))
        .to.emit(market.clearinghouse, "WrittenOff")
        .withArgs(account, parseWad(300), 0n);
      expect((await bearersOf(market)).deficit).to.equal(parseWad(300));
    });

    it("lets those who have cash bear the rest by their cash, and nobody more than its share of a day", async () => {
      market = await networkHelpers.loadFixture(deployLendersMarket);
      const { vault, house, fundAccount, dave } = market;
      const legs = [{ instrument: ETH_PERP, size: 100n * WAD }];
      const account = await sinkToDebt(market, 15_000, {
        legs,
        prices: { [ETH]: 2_600 },
        stake: 45_000,
      });
      const small = await market.fund(dave, 0n, 10_000);
      await market.endow(1_000);
      const cash = async () =>
        Promise.all([house, small, fundAccount].map((each) => vault.cashOf(each)));
      const before = await cash();
      await expect(writeOff(account))
        .to.emit(vault, "LendersCharged")
        .and.to.emit(market.clearinghouse, "DeficitChanged");
      const after = await cash();
      // A hundredth of each; of the fund, of what its draw of 500 leaves.
      expect(before[0]! - after[0]!).to.be.within(before[0]! / 100n, before[0]! / 100n + 2n);
      expect(after[1]).to.equal(parseWad(9_900));
      expect(after[2]).to.be.within(parseWad(495) - 2n, parseWad(495));
      const borne = (before.reduce((total, each) => total + each) - parseWad(500)) / 100n;
      const { deficit } = await bearersOf(market);
      expect(deficit - (parseWad(14_500) - borne)).to.be.within(-2n, 2n);
    });
  });

  describe("AD4: bad debt is counted once", () => {
    it("AD4: is not written off a second time", async () => {
      await market.endow(1_000);
      const account = await sinkToDebt(market, 300);
      await writeOff(account);
      const { fund } = await bearersOf(market);
      await expectRefused(account, 0n);
      expect((await bearersOf(market)).fund).to.equal(fund);
    });

    it("AD4: what comes in later pays the account's own debt first, and less is written off", async () => {
      const { vault, usdc, stranger, clearinghouse } = market;
      await market.endow(1_000);
      const account = await sinkToDebt(market, 300);
      await usdc.mint(stranger, 120_000_000n);
      await usdc.connect(stranger).approve(vault, 120_000_000n);
      await vault.connect(stranger).deposit(account, usdc, 120_000_000n);
      expect(await vault.cashOf(account)).to.equal(-parseWad(180));
      await expect(writeOff(account))
        .to.emit(clearinghouse, "WrittenOff")
        .withArgs(account, parseWad(180), parseWad(180));
    });

    it("AD4: a builder's fee to an indebted owner pays the debt, not the owner", async () => {
      const { vault, alice, dave, house } = market;
      const account = await sinkToDebt(market, 300);
      const payer = await market.fund(dave, 0n, 10_000);
      const trade = await market.tradeOf({ account: payer, instrument: ETH_PERP, size: WAD });
      const taker = { ...trade.taker, builderFee: parseWad(20), builder: alice.address };
      await market.venue.clear([{ ...trade, taker, maker: { ...trade.maker, account: house } }]);
      expect(await vault.cashOf(account)).to.equal(-parseWad(280));
      expect(await market.marginEngine.withdrawable(account, market.usdc)).to.equal(0n);
    });

    it("AD4: after it the account begins anew: what comes in then is its own", async () => {
      const { vault, alice, usdc } = market;
      await market.endow(1_000);
      const account = await sinkToDebt(market, 300);
      await writeOff(account);
      await market.fund(alice, 0n, 100);
      await vault.connect(alice).withdraw(account, usdc, 100_000_000n, alice);
      expect(await vault.cashOf(account)).to.equal(0n);
    });

    it("AD4: all that was paid and recorded for several accounts is what they lacked", async () => {
      const { clearinghouse } = market;
      await market.endow(500);
      const lacked = [300, 200, 500];
      for (const [place, dollars] of lacked.entries()) {
        await market.setPrice(ETH, 3_000);
        await writeOff(await sinkToDebt(market, dollars, { subAccount: BigInt(place) }));
      }
      const events = await clearinghouse.queryFilter(clearinghouse.filters.WrittenOff());
      const fromFund = events.reduce((total, { args }) => total + args.fromFund, 0n);
      const { fund, deficit } = await bearersOf(market);
      expect(parseWad(500) - fund).to.equal(fromFund);
      expect(fromFund + deficit).to.equal(parseWad(1_000));
    });
  });
});
