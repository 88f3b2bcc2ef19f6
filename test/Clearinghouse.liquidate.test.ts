import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";
import type { ReferenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

const LIQUIDATE = 8;
const FOREVER = 2n ** 40n - 1n;

describe("Clearinghouse.liquidate", () => {
  let market: LiquidationMarket;
  let account: AccountId;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
    account = await market.fund(market.alice, 0n, 5_000);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** Alice is long 10 ETH from 3,000, worth so much at 2,800 dollars or what is given. */
  async function sinkTo(
    equity: (margin: ReferenceMargin) => bigint,
    price = 2_800,
  ): Promise<ReferenceMargin> {
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    return market.sink(account, legs, { prices: { [ETH]: price }, equity });
  }

  const half = ({ maintenance }: ReferenceMargin) => maintenance / 2n;

  describe("who may liquidate", () => {
    beforeEach(async () => {
      await sinkTo(half);
    });

    it("lets the owner of the liquidator's account take over, of any of its accounts", async () => {
      const other = await market.fund(market.liquidator, 7n, 10_000);
      await takeOver(market, account, { into: other });
    });

    it("lets an operator with LIQUIDATE take over into the owner's account", async () => {
      const { vault, liquidator, dave } = market;
      await vault.connect(liquidator).setOperator(dave, LIQUIDATE, FOREVER);
      await takeOver(market, account, { by: dave });
    });

    it("refuses a stranger, who could load anybody's account with risk", async () => {
      const { vault, stranger, rescuer } = market;
      await expect(market.liquidate(account, { by: stranger }))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(rescuer, stranger, LIQUIDATE);
    });

    it("refuses the owner of the account below the line as liquidator of somebody else", async () => {
      const { vault, alice, rescuer } = market;
      await expect(market.liquidate(account, { by: alice }))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(rescuer, alice, LIQUIDATE);
    });

    it("refuses an operator that has every right but LIQUIDATE", async () => {
      const { vault, liquidator, dave, rescuer } = market;
      await vault.connect(liquidator).setOperator(dave, 7, FOREVER);
      await expect(market.liquidate(account, { by: dave }))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(rescuer, dave, LIQUIDATE);
    });

    it("refuses an operator whose time is over", async () => {
      const { vault, liquidator, dave, rescuer } = market;
      const now = await networkHelpers.time.latest();
      await vault.connect(liquidator).setOperator(dave, LIQUIDATE, now + 60);
      await networkHelpers.time.increase(61);
      await expect(market.liquidate(account, { by: dave }))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(rescuer, dave, LIQUIDATE);
    });

    it("refuses an account as its own liquidator (MA4)", async () => {
      await expect(market.liquidate(account, { by: market.alice, into: account }))
        .to.be.revertedWithCustomError(market.clearinghouse, "SelfDealing")
        .withArgs(account);
    });

    it("refuses the insurance fund as liquidator, even if it had a key", async () => {
      const { clearinghouse, fundAccount } = market;
      const key = await clearinghouse.getAddress();
      await networkHelpers.impersonateAccount(key);
      await networkHelpers.setBalance(key, WAD);
      const by = await market.connection.ethers.getSigner(key);
      await expect(clearinghouse.connect(by).liquidate(account, fundAccount, WAD, 0n))
        .to.be.revertedWithCustomError(clearinghouse, "FundIsNoParty")
        .withArgs();
    });
  });

  describe("the line (I5)", () => {
    it("refuses an account that is worth exactly its maintenance margin", async () => {
      const { equity, maintenance } = await sinkTo((margin) => margin.maintenance);
      expect(maintenance).to.equal(parseWad(1_064));
      await expect(market.liquidate(account))
        .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
        .withArgs(account, equity, maintenance);
    });

    it("refuses an account between maintenance and initial margin, and one above both", async () => {
      const { equity, maintenance } = await sinkTo((margin) => margin.initial - 1n);
      await expect(market.liquidate(account))
        .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
        .withArgs(account, equity, maintenance);
      await expect(market.liquidate(market.house))
        .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
        .withArgs(market.house, ...Object.values(await lineOf(market.house)));
    });

    async function lineOf(of: AccountId) {
      const { equity, maintenance } = await market.marginOf(of);
      return { equity, maintenance };
    }

    it("refuses an account that has nothing", async () => {
      const nobody = accountId(market.dave.address);
      await expect(market.liquidate(nobody))
        .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
        .withArgs(nobody, 0n, 0n);
    });

    it("refuses an account without position and debt, whatever dust it holds", async () => {
      const { oracle, rules, vault, dave, marginEngine } = market;
      const { ethers } = market.connection;
      const token = await ethers.deployContract("MockToken", ["Cheap", "CHP", 18]);
      const feed = await ethers.deployContract("MockV3Aggregator", [8, 50_000_000]);
      const band = { maximumAge: 600_000, minimum: WAD / 100n, maximum: WAD };
      const haircuts = { maintenanceHaircutBps: 1_500, initialHaircutBps: 2_000 };
      const source = { aggregator: await feed.getAddress(), ...band };
      await market.asGovernance(oracle, "setSources", [9, [source], [], 0]);
      const listing = { underlying: 9, ...haircuts, accepted: true };
      await market.asGovernance(rules, "listCollateral", [await token.getAddress(), listing]);
      await feed.updateAnswer(50_000_000);
      await token.mint(dave, 1n);
      await token.connect(dave).approve(vault, 1n);
      const dust = accountId(dave.address);
      await vault.connect(dave).deposit(dust, token, 1n);
      await expect(market.liquidate(dust))
        .to.be.revertedWithCustomError(marginEngine, "NotLiquidatable")
        .withArgs(dust, 0n, 0n);
    });

    it("takes over an account that is one wei below the line", async () => {
      await sinkTo(({ maintenance }) => maintenance - 1n);
      await takeOver(market, account);
    });

    it("waits while a price of the account is too old (OR1)", async () => {
      await sinkTo(half);
      const feed = market.feedOf("ETH/USD");
      const updatedAt = await feed.latestTimestamp();
      await networkHelpers.time.increase(3_901);
      await expect(market.liquidate(account))
        .to.be.revertedWithCustomError(market.oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), updatedAt, 3_900);
      await market.refreshPrices();
      await takeOver(market, account);
    });
  });

  describe("how much is asked for", () => {
    it("takes the part that is asked for, and everything scales with it", async () => {
      await sinkTo(half);
      const snapshot = await networkHelpers.takeSnapshot();
      const whole = await takeOver(market, account);
      await snapshot.restore();
      const maxFraction = whole.fraction / 4n;
      const quarter = await takeOver(market, account, { maxFraction });
      expect(quarter.fraction).to.equal(maxFraction);
      expect(quarter.payment).to.be.closeTo(whole.payment / 4n, 1n);
      expect(quarter.toAccount).to.be.closeTo(whole.toAccount / 4n, 1n);
      expect(quarter.toInsurance).to.be.closeTo(whole.toInsurance / 4n, 2n);
      expect(quarter.after.sizes.get(ETH_PERP)).to.equal(10n * WAD - 10n * maxFraction);
    });

    it("refuses a fraction below a millionth, and takes a millionth", async () => {
      await sinkTo(half);
      await expect(market.liquidate(account, { maxFraction: 10n ** 12n - 1n }))
        .to.be.revertedWithCustomError(market.marginEngine, "FractionTooSmall")
        .withArgs(10n ** 12n - 1n, 10n ** 12n);
      await takeOver(market, account, { maxFraction: 10n ** 12n });
    });

    it("takes a part of an account that cannot be restored, while the rest is above the minimum", async () => {
      await sinkTo(({ maintenance }) => maintenance / 5n);
      // 1,064 x (1 - f) >= 25
      const largest = WAD - (25n * WAD) / 1_064n;
      await expect(market.liquidate(account, { maxFraction: largest + 10n ** 4n }))
        .to.be.revertedWithCustomError(market.marginEngine, "MustCloseWhole")
        .withArgs(account, largest + 10n ** 4n);
      const { after } = await takeOver(market, account, { maxFraction: largest - 10n ** 4n });
      expect(after.maintenance).to.be.closeTo(parseWad(25), 10n ** 9n);
      expect(after.maintenance).to.be.at.least(parseWad(25));
    });

    it("pays at most what the liquidator allows, to the wei", async () => {
      await sinkTo(half);
      const [, payment] = await market.marginEngine.previewLiquidation(account);
      expect(payment).to.be.above(0n);
      await expect(market.liquidate(account, { maxPayment: payment - 1n }))
        .to.be.revertedWithCustomError(market.clearinghouse, "PaymentAboveMaximum")
        .withArgs(payment, payment - 1n);
      await takeOver(market, account, { maxPayment: payment });
    });

    it("is paid at least what the liquidator wants, to the wei", async () => {
      await market.endow(5_000);
      await sinkTo(() => -parseWad(100), 2_700);
      const payment = -parseWad("202.6");
      await expect(market.liquidate(account, { maxPayment: payment - 1n }))
        .to.be.revertedWithCustomError(market.clearinghouse, "PaymentAboveMaximum")
        .withArgs(payment, payment - 1n);
      await takeOver(market, account, { maxPayment: payment });
    });
  });

  it("returns the fraction and the payment to a calling contract", async () => {
    await sinkTo(half);
    const { clearinghouse, liquidator, rescuer, marginEngine } = market;
    const [fraction, payment] = await marginEngine.previewLiquidation(account);
    const returned = await clearinghouse
      .connect(liquidator)
      .liquidate.staticCall(account, rescuer, WAD, payment);
    expect([...returned]).to.deep.equal([fraction, payment]);
  });
});
