import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";
import { abs, sum } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

/** What half of 1,000 dollars forgets or regains while a test goes on: 60 seconds of a day, rounded up. */
const A_MINUTE = parseWad("0.35");

/** takeOver compares each settlement with the rule, replayed over all draws so far, and with the view before it (I10). */
describe("Clearinghouse.liquidate: the insurance fund's draws (I7)", () => {
  let market: LiquidationMarket;
  let subAccount = 0n;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
    subAccount = 0n;
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** An account of Alice's that is long 10 ETH, or what is given, from today's prices, and worth so much at 2,600 dollars. */
  async function sinkOne(
    dollars: number,
    legs: Parameters<LiquidationMarket["sink"]>[1] = [{ instrument: ETH_PERP, size: 10n * WAD }],
    prices: Record<number, number> = { [ETH]: 2_600 },
  ): Promise<AccountId> {
    await market.setPrices({ [ETH]: 3_000, [BTC]: 100_000 });
    const account = await market.fund(market.alice, ++subAccount, 20_000);
    await market.sink(account, legs, { prices, equity: () => parseWad(dollars) });
    return account;
  }

  const fundCash = async () => market.vault.cashOf(market.fundAccount);

  describe("of one instrument", () => {
    it("are nothing while the fund is empty: the loss goes on, and nobody is paid for it", async () => {
      const { payment, toInsurance, loss } = await takeOver(market, await sinkOne(-300));
      expect({ payment, toInsurance, loss }).to.deep.equal({
        payment: -parseWad(300),
        toInsurance: 0n,
        loss: parseWad(300),
      });
    });

    it("are half of the fund at most, however much is due", async () => {
      await market.endow(1_000);
      const { tx, toInsurance, loss } = await takeOver(market, await sinkOne(-2_000));
      await expect(tx)
        .to.emit(market.clearinghouse, "FundDrawn")
        .withArgs(ETH_PERP, parseWad(500), parseWad(500))
        .and.to.emit(market.clearinghouse, "FundDrawn")
        .withArgs(0n, parseWad(500), parseWad(500));
      expect(toInsurance).to.equal(-parseWad(500));
      // Due were 2,000 and a tenth of the line of 988.
      expect(loss).to.equal(parseWad("2098.8") - parseWad(500));
      expect(await fundCash()).to.equal(parseWad(500));
    });

    it("share one cap over all accounts: the next one finds nothing but what is forgotten", async () => {
      await market.endow(1_000);
      await takeOver(market, await sinkOne(-2_000));
      const { toInsurance } = await takeOver(market, await sinkOne(-2_000));
      expect(-toInsurance).to.be.within(0n, A_MINUTE);
    });

    it("share one cap over the slices of an account", async () => {
      await market.endow(1_000);
      const account = await sinkOne(-2_000);
      const first = await takeOver(market, account, { maxFraction: WAD / 4n });
      expect(first.toInsurance).to.equal(-parseWad(500));
      const second = await takeOver(market, account);
      expect(-second.toInsurance).to.be.within(0n, A_MINUTE);
    });

    it("are forgotten evenly: half of them in half a day", async () => {
      await market.endow(1_000);
      await takeOver(market, await sinkOne(-2_000));
      const next = await sinkOne(-2_000);
      await market.passTime(43_200);
      // 250 of 500 are forgotten: half of (500 + 250) less 250.
      const { toInsurance } = await takeOver(market, next);
      expect(-toInsurance).to.be.within(parseWad(125), parseWad(125) + A_MINUTE);
    });

    it("are forgotten wholly in a day: half of what is left then", async () => {
      await market.endow(1_000);
      await takeOver(market, await sinkOne(-2_000));
      const next = await sinkOne(-2_000);
      await market.passTime(86_400);
      expect((await takeOver(market, next)).toInsurance).to.equal(-parseWad(250));
    });

    it("grow with the fund's income of the day, by half of it", async () => {
      await market.endow(1_000);
      await takeOver(market, await sinkOne(-2_000));
      const next = await sinkOne(-2_000);
      await market.endow(400);
      const { toInsurance } = await takeOver(market, next);
      expect(-toInsurance).to.be.within(parseWad(200), parseWad(200) + A_MINUTE);
    });
  });

  describe("of several instruments", () => {
    const both = [
      { instrument: ETH_PERP, size: 10n * WAD },
      { instrument: BTC_PERP, size: -(WAD * 3n) / 4n },
    ];
    const prices = { [ETH]: 2_700, [BTC]: 108_000 };

    it("have a cap each, and their parts by |size| x index price", async () => {
      await market.endow(1_000);
      // ETH is a quarter of what is held: more than 500 of 2,400 for ETH, 500 for BTC.
      const { toInsurance } = await takeOver(market, await sinkOne(-2_400, both, prices));
      expect(toInsurance).to.equal(-parseWad(1_000));
      expect(await fundCash()).to.equal(0n);
    });

    it("leave out the one that is at its cap, whose part nobody else draws", async () => {
      await market.endow(1_000);
      await takeOver(market, await sinkOne(-2_000));
      const account = await sinkOne(0, both, prices);
      // A tenth of the requirement is due, of which BTC draws three quarters.
      const { maintenance } = await market.marginOf(account);
      const { toInsurance } = await takeOver(market, account);
      const due = maintenance / 10n;
      expect((due * 3n) / 4n).to.be.above(parseWad(250));
      // BTC's own cap: half of the 500 that are left.
      expect(-toInsurance).to.be.within(parseWad(250), parseWad(250) + A_MINUTE);
    });
  });

  describe("of accounts without instruments", () => {
    /** An account of Carol's with 10 WETH against a debt of 11,000 dollars. */
    async function leaveWithDebt(number: bigint): Promise<AccountId> {
      const { carol, weth } = market;
      await market.setPrice(ETH, 3_000);
      const account = await market.fund(carol, number, 20_000);
      await market.deposit(carol, { subAccount: number, token: weth, amount: 10 });
      await market.sink(account, [{ instrument: ETH_PERP, size: 20n * WAD }], {
        prices: { [ETH]: 2_000 },
        equity: () => parseWad(9_000),
      });
      await market.clear({ account, instrument: ETH_PERP, size: -20n * WAD });
      expect(await market.clearinghouse.instrumentsOf(account)).to.deep.equal([]);
      return account;
    }

    it("have one cap together, and leave the instruments theirs", async () => {
      await market.endow(1_000);
      const [first, second] = [await leaveWithDebt(1n), await leaveWithDebt(2n)];
      await market.setPrice(ETH, 1_000);
      const { toInsurance, loss } = await takeOver(market, first);
      expect(toInsurance).to.equal(-parseWad(500));
      expect(loss).to.equal(parseWad(650));
      const next = await takeOver(market, second);
      expect(-next.toInsurance).to.be.within(0n, A_MINUTE);
      const { toInsurance: ofEth } = await takeOver(market, await sinkOne(-2_000));
      expect(-ofEth).to.be.within(parseWad(250) - A_MINUTE, parseWad(250));
    });
  });

  describe("while fees wait", () => {
    async function earn(fee: bigint): Promise<void> {
      const account = await market.fund(market.carol, 9n, 50_000);
      const trade = await market.tradeOf({ account, instrument: BTC_PERP, size: 1n });
      await market.venue.clear([{ ...trade, taker: { ...trade.taker, fee } }]);
    }

    it("begin with dividing them, so that the fund has all that is its own", async () => {
      const { clearinghouse } = market;
      await earn(parseWad(2_000));
      const account = await sinkOne(-2_000);
      expect(await clearinghouse.fundPaymentOf(account, parseWad(2_000))).to.equal(parseWad(500));
      const { tx, toInsurance } = await takeOver(market, account);
      await expect(tx)
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(parseWad(1_000), parseWad(1_000), 0n);
      expect(toInsurance).to.equal(-parseWad(500));
      expect(await clearinghouse.reserve()).to.equal(0n);
    });

    it("leave them where they are when nothing is asked of the fund", async () => {
      const { clearinghouse } = market;
      await earn(parseWad(2_000));
      const { tx } = await takeOver(market, await sinkOne(800));
      await expect(tx).to.not.emit(clearinghouse, "FeesDistributed");
      expect(await clearinghouse.reserve()).to.equal(parseWad(2_000));
    });
  });

  describe("and what they leave", () => {
    it("AD4: are what is missing once, and are not paid again", async () => {
      const { clearinghouse, marginEngine } = market;
      await market.endow(1_000);
      const account = await sinkOne(-2_000);
      const before = await fundCash();
      const { toInsurance, loss, payment } = await takeOver(market, account);
      const haircut = abs((await clearinghouse.indicesOf(ETH_PERP)).shortIndex) * 10n;
      const deficit = await clearinghouse.deficit();
      // The fund's fall, the winners' charge and the deficit are all that the liquidator was paid.
      expect(before - (await fundCash())).to.equal(-toInsurance);
      expect(haircut + deficit).to.equal(loss);
      expect(-payment).to.equal(sum([-toInsurance, haircut, deficit]));
      await expect(market.liquidate(account))
        .to.be.revertedWithCustomError(marginEngine, "NotLiquidatable")
        .withArgs(account, 0n, 0n);
      expect(await marginEngine.previewLiquidation(account)).to.deep.equal([0n, 0n, 0n, 0n]);
    });

    it("AD2: take from winners what the loss is, and nothing from who has no such position", async () => {
      const { carol, dave, house } = market;
      const short = await market.fund(carol, 0n, 50_000);
      const long = await market.fund(carol, 1n, 50_000);
      const other = await market.fund(dave, 0n, 50_000);
      const idle = await market.fund(dave, 1n, 50_000);
      await market.clear(
        { account: short, instrument: ETH_PERP, size: -5n * WAD },
        { account: long, instrument: ETH_PERP, size: 5n * WAD },
        { account: other, instrument: BTC_PERP, size: -WAD },
      );
      const account = await sinkOne(-300);
      const all = [short, house, long, other, idle];
      const equities = async () =>
        Promise.all(all.map(async (each) => (await market.marginOf(each)).equity));
      const before = await equities();
      const { loss } = await takeOver(market, account);
      const after = await equities();
      // 15 ETH are short: 5 of Carol's and 10 of the house.
      const lost = before.map((equity, place) => equity - after[place]!);
      expect(loss).to.equal(parseWad(300));
      expect(lost).to.deep.equal([parseWad(100), parseWad(200), 0n, 0n, 0n]);
    });

    describe("when there is one winner", () => {
      /** Carol is short the 10 ETH that Alice is long, and long 0.3 BTC; Alice is 300 dollars below nothing. */
      async function sinkAgainstOne(btc: number) {
        const winner = await market.fund(market.carol, 0n, 5_000);
        const account = await market.fund(market.alice, 0n, 2_000);
        await market.clear(
          { account, instrument: ETH_PERP, size: 10n * WAD, maker: winner },
          { account: winner, instrument: BTC_PERP, size: (3n * WAD) / 10n },
        );
        await market.setPrices({ [ETH]: 2_770, [BTC]: btc });
        return { winner, account };
      }

      it("take all of it from that one", async () => {
        const { winner, account } = await sinkAgainstOne(100_000);
        const { equity } = await market.marginOf(winner);
        const { loss } = await takeOver(market, account);
        expect(loss).to.equal(parseWad(300));
        expect((await market.marginOf(winner)).equity).to.equal(equity - loss);
      });

      it("may bring it below its line, and it is liquidated then like anybody", async () => {
        // 5,000 + 2,300 - 5,250 dollars, where the line is 1,881.7.
        const { winner, account } = await sinkAgainstOne(82_500);
        expect((await market.marginOf(winner)).equity).to.equal(parseWad(2_050));
        expect(await market.marginEngine.statusOf(winner)).to.equal(1n);
        await takeOver(market, account);
        const { equity } = await market.marginOf(winner);
        expect(equity).to.equal(parseWad(1_750));
        const { toInsurance, after } = await takeOver(market, winner);
        expect(toInsurance).to.be.above(0n);
        expect(after.equity).to.be.at.least(after.maintenance);
      });

      it("may be liquidated before the loss: its slice bears its part of it then", async () => {
        const { winner, account } = await sinkAgainstOne(81_500);
        expect(await market.marginEngine.statusOf(winner)).to.equal(2n);
        await takeOver(market, winner);
        const taken = await market.marginOf(market.rescuer);
        const kept = await market.marginOf(winner);
        const { loss } = await takeOver(market, account, { into: await another() });
        const lost = [
          taken.equity - (await market.marginOf(market.rescuer)).equity,
          kept.equity - (await market.marginOf(winner)).equity,
        ];
        expect(lost.every((part) => part > 0n)).to.be.true;
        expect(sum(lost) - loss).to.be.within(-2n, 2n);
      });

      /** A second account of the liquidator's, which has no position yet. */
      async function another(): Promise<AccountId> {
        return market.fund(market.liquidator, 1n, 100_000);
      }
    });
  });
});
