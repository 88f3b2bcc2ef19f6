import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, mulDown, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";

const { networkHelpers } = await hre.network.create();

// Alice's line at 2,700 dollars: 10 x 2,700 x 3.8 %, and a tenth of it.
const MAINTENANCE = parseWad(1_026);
const LEAST_INCENTIVE = parseWad("102.6");

describe("Clearinghouse.liquidate: the waterfall (I7)", () => {
  let market: LiquidationMarket;
  let account: AccountId;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
    account = await market.fund(market.alice, 0n, 10_000);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** Alice is long 10 ETH from 3,000 against the house, worth so much at 2,700 dollars or what is given. */
  async function sinkTo(equity: bigint, price = 2_700): Promise<void> {
    await market.sink(account, [{ instrument: ETH_PERP, size: 10n * WAD }], {
      prices: { [ETH]: price },
      equity: () => equity,
    });
  }

  const fundCash = async () => market.vault.cashOf(market.fundAccount);

  describe("when the account can pay", () => {
    it("pays the insurance fund its tenth of the requirement, by the slice", async () => {
      await sinkTo(parseWad(900));
      const { fraction, toInsurance } = await takeOver(market, account);
      expect(toInsurance).to.be.closeTo(mulDown(MAINTENANCE / 10n, fraction), 2n);
      expect(await fundCash()).to.equal(toInsurance);
    });

    it("gives the fund what is left beside the incentive, when the account would receive nothing", async () => {
      // At health 0.45: I = 0.375 M, L = 0.075 M.
      await sinkTo((MAINTENANCE * 45n) / 100n);
      const { payment, toInsurance } = await takeOver(market, account);
      expect(payment).to.equal((MAINTENANCE * 75n) / 1_000n);
      expect(toInsurance).to.equal(payment);
    });

    it("hands the whole account over for nothing, when the incentive is worth all of it", async () => {
      await sinkTo((MAINTENANCE * 30n) / 100n);
      const settled = await takeOver(market, account);
      expect(settled).to.deep.include({ payment: 0n, toAccount: 0n, toInsurance: 0n, loss: 0n });
    });
  });

  describe("when the fund must pay", () => {
    it("adds what the account lacks of the least incentive", async () => {
      await market.endow(1_000);
      await sinkTo(parseWad(50));
      const { payment, toInsurance, loss } = await takeOver(market, account);
      expect(payment).to.equal(parseWad(50) - LEAST_INCENTIVE);
      expect({ toInsurance, loss }).to.deep.equal({ toInsurance: payment, loss: 0n });
      expect(await fundCash()).to.equal(parseWad(1_000) + payment);
    });

    it("bears a bankrupt account's loss and the least incentive, and nobody else pays", async () => {
      await market.endow(1_000);
      await sinkTo(-parseWad(300));
      const { payment, loss } = await takeOver(market, account);
      expect(payment).to.equal(-parseWad(300) - LEAST_INCENTIVE);
      expect(loss).to.equal(0n);
      expect(await fundCash()).to.equal(parseWad(1_000) + payment);
      expect([...(await market.clearinghouse.indicesOf(ETH_PERP))]).to.deep.equal([0n, 0n]);
      expect(await market.clearinghouse.deficit()).to.equal(0n);
    });

    it("cuts the incentive before anybody else pays, when the fund is empty", async () => {
      await sinkTo(parseWad(50));
      const { payment, toInsurance, loss } = await takeOver(market, account);
      expect({ payment, toInsurance, loss }).to.deep.equal({
        payment: 0n,
        toInsurance: 0n,
        loss: 0n,
      });
      expect(await market.clearinghouse.deficit()).to.equal(0n);
    });

    it("cuts the incentive to what one instrument may draw: half of the fund", async () => {
      await market.endow(20);
      await sinkTo(parseWad(50));
      expect((await takeOver(market, account)).payment).to.equal(-parseWad(10));
      expect(await fundCash()).to.equal(parseWad(10));
    });

    it("pays all that it may for the incentive before the loss goes on to winners", async () => {
      await market.endow(400);
      await sinkTo(-parseWad(300));
      const { payment, loss } = await takeOver(market, account);
      expect(payment).to.equal(-parseWad(300) - LEAST_INCENTIVE);
      expect(loss).to.equal(parseWad("202.6"));
      expect(await fundCash()).to.equal(parseWad(200));
    });
  });

  describe("when the fund lacks", () => {
    it("charges the other side's winners by their size, through its index", async () => {
      const carol = await market.fund(market.carol, 0n, 50_000);
      await market.clear({
        account: carol,
        instrument: ETH_PERP,
        size: -30n * WAD,
        maker: market.house,
      });
      await sinkTo(-parseWad(300));
      const { clearinghouse } = market;
      const openInterest = await clearinghouse.openInterestOf(ETH_PERP);
      expect(openInterest).to.equal(30n * WAD);
      const carolBefore = await market.marginOf(carol);

      const { tx, loss, payment } = await takeOver(market, account);
      expect(loss).to.equal(parseWad(300));
      // Without a fund the liquidator takes the account's worth and no discount.
      expect(payment).to.equal(-parseWad(300));
      // 300 dollars over 30 ETH held short: 10 dollars each.
      expect([...(await clearinghouse.indicesOf(ETH_PERP))]).to.deep.equal([0n, -parseWad(10)]);
      await expect(tx)
        .to.emit(clearinghouse, "GainsHaircut")
        .withArgs(ETH_PERP, false, parseWad(300), -parseWad(10))
        .and.to.emit(clearinghouse, "HaircutRoomUsed")
        .withArgs(ETH_PERP, 0n, parseWad(10));
      expect((await market.marginOf(carol)).equity).to.equal(carolBefore.equity - parseWad(300));
      expect(await clearinghouse.deficit()).to.equal(0n);
    });

    it("charges longs for a bankrupt short", async () => {
      const legs = [{ instrument: ETH_PERP, size: -10n * WAD }];
      const equity = () => -parseWad(300);
      await market.sink(account, legs, { prices: { [ETH]: 3_300 }, equity });
      const { clearinghouse, house } = market;
      const before = (await market.marginOf(house)).equity;
      const { tx } = await takeOver(market, account);
      await expect(tx)
        .to.emit(clearinghouse, "GainsHaircut")
        .withArgs(ETH_PERP, true, parseWad(300), parseWad(30));
      expect((await market.marginOf(house)).equity).to.equal(before - parseWad(300));
    });

    it("divides the loss over the account's instruments by |size| x index price", async () => {
      const legs = [
        { instrument: ETH_PERP, size: 10n * WAD },
        { instrument: BTC_PERP, size: -(WAD * 3n) / 4n },
      ];
      await market.sink(account, legs, {
        prices: { [ETH]: 2_700, [BTC]: 108_000 },
        equity: () => -parseWad(400),
      });
      const { tx } = await takeOver(market, account);
      // 27,000 and 81,000 dollars: a quarter and three quarters.
      const { clearinghouse } = market;
      const btcIndex = parseWad(400);
      await expect(tx)
        .to.emit(clearinghouse, "GainsHaircut")
        .withArgs(ETH_PERP, false, parseWad(100), -parseWad(10));
      expect((await clearinghouse.indicesOf(BTC_PERP)).longIndex).to.equal(btcIndex);
      expect(await clearinghouse.deficit()).to.be.at.most(2n);
    });

    it("moves an index by at most 5 % of the index price, and records the rest as deficit", async () => {
      await sinkTo(-parseWad(2_000), 2_600);
      const { clearinghouse } = market;
      const { tx, loss } = await takeOver(market, account);
      expect(loss).to.equal(parseWad(2_000));
      // 5 % of 2,600 on 10 ETH: 1,300 dollars.
      expect([...(await clearinghouse.indicesOf(ETH_PERP))]).to.deep.equal([0n, -parseWad(130)]);
      await expect(tx).to.emit(clearinghouse, "DeficitChanged").withArgs(parseWad(700));
      expect(await clearinghouse.deficit()).to.equal(parseWad(700));
    });

    it("spreads a part of the loss with a part of the account", async () => {
      await sinkTo(-parseWad(400));
      const { loss } = await takeOver(market, account, { maxFraction: WAD / 4n });
      expect(loss).to.equal(parseWad(100));
      expect([...(await market.clearinghouse.indicesOf(ETH_PERP))]).to.deep.equal([
        0n,
        -parseWad(10),
      ]);
      expect((await market.marginOf(account)).equity).to.be.closeTo(-parseWad(300), 10n);
    });
  });

  describe("an account with debt and collateral only", () => {
    /** Alice's loss became a debt against 10 WETH, which are worth 1,000 dollars less than it. */
    async function leaveWithDebt(): Promise<bigint> {
      await market.deposit(market.alice, { token: market.weth, amount: 10 });
      await market.sink(account, [{ instrument: ETH_PERP, size: 20n * WAD }], {
        prices: { [ETH]: 2_000 },
        equity: () => parseWad(9_000),
      });
      await market.clear({ account, instrument: ETH_PERP, size: -20n * WAD });
      expect(await market.clearinghouse.instrumentsOf(account)).to.deep.equal([]);
      return market.vault.cashOf(account);
    }

    it("can be liquidated: the liquidator takes the debt with the collateral", async () => {
      expect(await leaveWithDebt()).to.equal(-parseWad(11_000));
      await market.setPrice(ETH, 1_250);
      // Worth 1,500 on a requirement of 15 % of 12,500.
      const { fraction, after } = await takeOver(market, account);
      expect(fraction).to.be.below(WAD);
      expect(after.reference.collateral[0]?.quantity).to.equal(10n * WAD - 10n * fraction);
    });

    it("leaves its loss to the deficit, as no instrument has winners", async () => {
      await leaveWithDebt();
      await market.setPrice(ETH, 1_000);
      const { tx, loss, after } = await takeOver(market, account);
      expect(loss).to.equal(parseWad(1_000));
      expect(after).to.deep.include({ cash: 0n, equity: 0n });
      await expect(tx).to.emit(market.clearinghouse, "DeficitChanged").withArgs(parseWad(1_000));
    });
  });

  it("repays a deficit first, from the fund's later income", async () => {
    await sinkTo(-parseWad(1_350), 2_600);
    await takeOver(market, account);
    const { clearinghouse } = market;
    expect(await clearinghouse.deficit()).to.equal(parseWad(50));

    const later = await market.fund(market.dave, 0n, 10_000);
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    await market.sink(later, legs, {
      prices: { [ETH]: 2_500 },
      equity: ({ maintenance }) => (maintenance * 90n) / 100n,
    });
    const first = await takeOver(market, later, { maxFraction: WAD / 10n });
    const owed = parseWad(50) - first.toInsurance;
    await expect(first.tx).to.emit(clearinghouse, "DeficitChanged").withArgs(owed);
    expect(await fundCash()).to.equal(0n);
    const poor = await market.fund(market.dave, 1n, 20_000);
    await market.sink(poor, [{ instrument: ETH_PERP, size: 50n * WAD }], {
      prices: { [ETH]: 2_400 },
      equity: ({ maintenance }) => (maintenance * 70n) / 100n,
    });
    const second = await takeOver(market, poor);
    await expect(second.tx).to.emit(clearinghouse, "DeficitChanged").withArgs(0n);
    expect(await fundCash()).to.equal(second.toInsurance - owed);
  });
});
