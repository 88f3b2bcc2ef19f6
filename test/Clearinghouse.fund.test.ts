import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import { readParameters } from "../ignition/parameters.js";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { bearersOf, deployDefaultMarket, sinkBelow, sinkToDebt } from "./fixtures/default.js";
import { deployLiquidationMarketWith, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC_PERP, ETH, ETH_PERP, stillParameters } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const DAY = 86_400n;
/** What half of a thousand dollars forgets of a day's draws while a test goes on: 60 seconds. */
const A_MINUTE = parseWad("0.35");

/** The market of liquidations in which debt bears interest, a fifth of it for the fund. */
async function deployLendingMarket(network: typeof connection) {
  const { cash } = readParameters("local");
  return deployLiquidationMarketWith(network, { ...stillParameters(), cash });
}

describe("Clearinghouse: the insurance fund", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const fundCash = async () => (await bearersOf(market)).fund;
  const deficit = async () => market.clearinghouse.deficit();

  /** A loss that nobody bears: a debt, written off while the fund is empty. */
  async function recordDeficit(dollars: number): Promise<void> {
    const account = await sinkToDebt(market, dollars);
    await market.clearinghouse.writeOff(account);
    await market.setPrice(ETH, 3_000);
    // Where debt bears interest, with that of some seconds.
    expect(await deficit()).to.be.within(parseWad(dollars), parseWad(dollars) + WAD / 1_000_000n);
  }

  /** A trade that pays a fee: half is the fund's. */
  async function earn(dollars: number): Promise<void> {
    const account = await market.fund(market.dave, 9n, 50_000);
    const trade = await market.tradeOf({ account, instrument: BTC_PERP, size: 1n });
    const taker = { ...trade.taker, fee: parseWad(dollars) };
    await market.venue.clear([{ ...trade, taker }]);
  }

  describe("repays a recorded deficit before it has anything itself", () => {
    it("from fees, as they are divided", async () => {
      const { clearinghouse, treasury, vault } = market;
      await recordDeficit(1_000);
      await earn(1_000);
      await expect(clearinghouse.connect(market.stranger).distributeFees())
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(0n, parseWad(500), parseWad(500))
        .and.to.emit(clearinghouse, "DeficitChanged")
        .withArgs(parseWad(500));
      await earn(1_400);
      await expect(clearinghouse.distributeFees())
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(parseWad(200), parseWad(700), parseWad(500));
      expect([await fundCash(), await deficit()]).to.deep.equal([parseWad(200), 0n]);
      expect(await vault.cashOf(accountId(treasury.address))).to.equal(parseWad(1_200));
    });

    it("from the fee of a liquidation", async () => {
      const { clearinghouse } = market;
      await recordDeficit(100);
      await market.fund(market.liquidator, 0n, 100_000);
      const account = await sinkBelow(market, -900, { subAccount: 1n });
      const tx = await market.liquidate(account);
      const [event] = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), "latest");
      const income = event?.args.toInsurance ?? 0n;
      expect(income).to.be.within(1n, parseWad(100));
      await expect(tx)
        .to.emit(clearinghouse, "DeficitChanged")
        .withArgs(parseWad(100) - income);
      expect(await fundCash()).to.equal(0n);
    });

    it("from its share of interest", async () => {
      market = await networkHelpers.loadFixture(deployLendingMarket);
      const { clearinghouse, vault, alice, dave, usdc, weth } = market;
      await recordDeficit(1_000);
      const [before, earned] = [await deficit(), await fundCash()];
      const borrower = await market.deposit(dave, { token: weth, amount: 100 });
      await vault.connect(dave).withdraw(borrower, usdc, 100_000n * 10n ** 6n, alice);
      await market.passTime(30n * DAY);
      await vault.accrueInterest();
      const waiting = await vault.interestReserve();
      expect(waiting).to.be.within(1n, parseWad(1_000));
      await clearinghouse.distributeFees();
      expect(await vault.interestReserve()).to.be.below(waiting);
      const repaid = before - (await deficit());
      expect(repaid).to.be.at.least(waiting);
      // It has no more than what it got before there was a deficit, and the interest on that.
      expect(await fundCash()).to.be.within(earned, earned + earned / 100n);
    });

    it("before it pays for the next loss: that finds what is left", async () => {
      const { clearinghouse } = market;
      await recordDeficit(100);
      await earn(1_000);
      const account = await sinkToDebt(market, 300, { subAccount: 1n });
      // 500 are the fund's; 100 repay, and of 400 half may be drawn, less what is forgotten of nothing.
      await expect(clearinghouse.writeOff(account))
        .to.emit(clearinghouse, "WrittenOff")
        .withArgs(account, parseWad(300), parseWad(200));
      expect([await fundCash(), await deficit()]).to.deep.equal([parseWad(200), parseWad(100)]);
    });
  });

  describe("repayDeficit", () => {
    it("takes what anybody deposited to the fund, within its share of a day", async () => {
      const { clearinghouse, stranger } = market;
      await recordDeficit(1_000);
      await market.endow(1_000);
      // The deposit alone repays nothing.
      expect([await fundCash(), await deficit()]).to.deep.equal([parseWad(1_000), parseWad(1_000)]);
      await expect(clearinghouse.connect(stranger).repayDeficit())
        .to.emit(clearinghouse, "DeficitChanged")
        .withArgs(parseWad(500))
        .and.to.emit(market.vault, "CashPosted")
        .withArgs(market.fundAccount, -parseWad(500), parseWad(500));
      await clearinghouse.repayDeficit();
      expect(await deficit()).to.be.within(parseWad(500) - A_MINUTE, parseWad(500));
      await market.passTime(DAY);
      await clearinghouse.repayDeficit();
      expect(await deficit()).to.be.within(parseWad(250) - A_MINUTE, parseWad(250));
    });

    it("takes no more than the deficit", async () => {
      await recordDeficit(100);
      await market.endow(1_000);
      await market.clearinghouse.repayDeficit();
      expect([await fundCash(), await deficit()]).to.deep.equal([parseWad(900), 0n]);
    });

    it("begins with fees that wait", async () => {
      await recordDeficit(1_000);
      await earn(1_000);
      await market.clearinghouse.repayDeficit();
      expect([await fundCash(), await deficit()]).to.deep.equal([0n, parseWad(500)]);
    });

    it("does nothing without a deficit, and nothing without a fund", async () => {
      const { clearinghouse, vault } = market;
      await market.endow(100);
      await expect(clearinghouse.repayDeficit()).not.to.emit(vault, "CashPosted");
      expect(await fundCash()).to.equal(parseWad(100));
    });

    it("finds nothing in an empty fund, and leaves the deficit", async () => {
      await recordDeficit(100);
      await expect(market.clearinghouse.repayDeficit()).not.to.emit(market.vault, "CashPosted");
      expect(await deficit()).to.equal(parseWad(100));
    });
  });

  describe("takeFromFund", () => {
    const take = async (to: string, dollars: number) =>
      market.asGovernance(market.clearinghouse, "takeFromFund", [to, parseWad(dollars)]);

    it("gives cash to an account, down to the floor and no wei further", async () => {
      const { clearinghouse, vault, treasury, dave } = market;
      const to = accountId(treasury.address);
      await market.endow(2_000);
      const account = await market.fund(dave, 0n, 50_000);
      await market.clear({ account, instrument: ETH_PERP, size: 10n * WAD });
      // 2 % of 30,000 dollars of open interest.
      expect(await clearinghouse.openNotional()).to.equal(parseWad(30_000));
      const args = [to, parseWad(1_400) + 1n];
      await expect(market.asGovernance(clearinghouse, "takeFromFund", args))
        .to.be.revertedWithCustomError(clearinghouse, "FundBelowFloor")
        .withArgs(parseWad(600) - 1n, parseWad(600));
      await expect(take(to, 1_400))
        .to.emit(clearinghouse, "FundTaken")
        .withArgs(to, parseWad(1_400), parseWad(600));
      expect([await fundCash(), await vault.cashOf(to)]).to.deep.equal([
        parseWad(600),
        parseWad(1_400),
      ]);
    });

    it("counts all instruments at the marks of their last trades", async () => {
      const { clearinghouse, dave } = market;
      const account = await market.fund(dave, 0n, 100_000);
      await market.clear({ account, instrument: ETH_PERP, size: 10n * WAD });
      await market.clear({ account, instrument: BTC_PERP, size: -WAD / 10n });
      await market.setPrice(ETH, 2_000);
      expect(await clearinghouse.openNotional()).to.equal(parseWad(40_000));
      await market.clear({ account, instrument: ETH_PERP, size: -WAD });
      expect(await clearinghouse.openNotional()).to.equal(parseWad(28_000));
      await market.clear({ account, instrument: ETH_PERP, size: -9n * WAD });
      await market.clear({ account, instrument: BTC_PERP, size: WAD / 10n });
      expect(await clearinghouse.openNotional()).to.equal(0n);
    });

    it("takes no more than there is", async () => {
      await market.endow(100);
      await expect(take(market.house, 101))
        .to.be.revertedWithCustomError(market.clearinghouse, "FundBelowFloor")
        .withArgs(-parseWad(1), 0n);
    });

    it("divides the fees that wait first, and counts them", async () => {
      await earn(1_000);
      await take(market.house, 500);
      expect([await fundCash(), await market.clearinghouse.reserve()]).to.deep.equal([0n, 0n]);
    });

    it("waits until a recorded deficit is repaid", async () => {
      const { clearinghouse } = market;
      await recordDeficit(1_000);
      await market.endow(1_900);
      await expect(take(market.house, 1))
        .to.be.revertedWithCustomError(clearinghouse, "DeficitFirst")
        // Half of the fund may repay it at once.
        .withArgs(parseWad(50));
      await clearinghouse.repayDeficit();
      await market.passTime(DAY);
      await clearinghouse.repayDeficit();
      await take(market.house, 2);
      expect(await fundCash()).to.equal(parseWad(898));
    });

    it("refuses the fund itself as receiver", async () => {
      await market.endow(100);
      await expect(take(market.fundAccount, 1)).to.be.revertedWithCustomError(
        market.clearinghouse,
        "FundIsNoParty",
      );
    });

    it("GV3: is nobody's but the role's, after its delay", async () => {
      const { clearinghouse, addresses, guardian, treasury, alice, stranger, governance } = market;
      await market.endow(100);
      const args = [accountId(stranger.address), 1n] as const;
      for (const caller of [stranger, alice, treasury, guardian]) {
        await expect(clearinghouse.connect(caller).takeFromFund(...args))
          .to.be.revertedWithCustomError(clearinghouse, "AccessManagedUnauthorized")
          .withArgs(caller.address);
      }
      for (const [name, address] of Object.entries(addresses.contracts)) {
        if (name === "AccessManager") continue;
        await networkHelpers.setBalance(address, 10n ** 20n);
        const caller = await ethers.getImpersonatedSigner(address);
        await expect(clearinghouse.connect(caller).takeFromFund(...args), name)
          .to.be.revertedWithCustomError(clearinghouse, "AccessManagedUnauthorized")
          .withArgs(address);
      }
      // Its holder must announce it and wait.
      const data = clearinghouse.interface.encodeFunctionData("takeFromFund", [...args]);
      const [immediate, delay] = await market.accessManager.canCall(
        governance,
        clearinghouse,
        data.slice(0, 10),
      );
      expect([immediate, delay]).to.deep.equal([false, 7n * DAY]);
      expect(await fundCash()).to.equal(parseWad(100));
    });
  });

  describe("what is deposited to it", () => {
    it("works at once, and nobody takes it out again", async () => {
      const { vault, usdc, fundAccount, stranger } = market;
      await market.endow(1_000);
      expect(await fundCash()).to.equal(parseWad(1_000));
      const account = await sinkToDebt(market, 300);
      expect(await market.clearinghouse.fundPaymentOf(account, parseWad(300))).to.equal(
        parseWad(300),
      );
      await expect(vault.connect(stranger).withdraw(fundAccount, usdc, 1n, stranger))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(fundAccount, stranger.address, 4n);
    });

    it("AD4: falls by exactly what losses were covered with", async () => {
      const { clearinghouse } = market;
      await market.endow(10_000);
      const debt = await sinkToDebt(market, 300, { subAccount: 1n });
      await clearinghouse.writeOff(debt);
      await market.setPrice(ETH, 3_000);
      const account = await sinkBelow(market, 200, { subAccount: 2n });
      await clearinghouse.flag(account);
      await market.passTime(market.parameters.liquidation.deleverageDelay);
      await clearinghouse.deleverage(account, market.house, ETH_PERP, 10n * WAD);
      expect(await fundCash()).to.equal(parseWad(9_500));
      expect(await deficit()).to.equal(0n);
    });
  });

  it("pays nobody who is not named: a fee share without a treasury goes to the fund", async () => {
    const { clearinghouse, vault } = market;
    await market.asGovernance(clearinghouse, "setFeeShares", [ZeroAddress, WAD]);
    await earn(100);
    await clearinghouse.distributeFees();
    expect(await fundCash()).to.equal(parseWad(100));
    expect(await vault.cashOf(accountId(ZeroAddress))).to.equal(0n);
  });
});
