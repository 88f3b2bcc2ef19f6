import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import {
  bearersOf,
  deployDefaultMarket,
  deployLendersMarket,
  equitiesOf,
  FLAG_LIFE,
  sinkBelow,
  sinkDue,
} from "./fixtures/default.js";
import type { LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployUnreadMarket, sinkWithSpeck, SPECKS } from "./fixtures/unread.js";
import { sum } from "./reference/margin.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { time } = networkHelpers;

const SIZE = 10n * WAD;

/** 10 ETH long and 0.75 BTC short: a quarter and three quarters of the whole at these prices. */
const TWO_LEGS = {
  legs: [
    { instrument: ETH_PERP, size: SIZE },
    { instrument: BTC_PERP, size: -(WAD * 3n) / 4n },
  ],
  prices: { [ETH]: 2_700, [BTC]: 108_000 },
};

describe("Clearinghouse.deleverage", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** By a stranger, against the house unless said otherwise. */
  async function deleverage(
    account: AccountId,
    { against = market.house, instrument = ETH_PERP, size = SIZE } = {},
  ) {
    return market.clearinghouse
      .connect(market.stranger)
      .deleverage(account, against, instrument, size);
  }

  /** Brings the next transaction to a time, with prices that are fresh then. */
  async function goTo(at: bigint): Promise<void> {
    await time.increaseTo(at - 60n);
    await market.refreshPrices();
    await time.setNextBlockTimestamp(at);
  }

  /** An account that is short so many ETH against Alice's next account, or long when negative. */
  async function shortOf(subAccount: bigint, stake = 50_000): Promise<AccountId> {
    return market.fund(market.carol, subAccount, stake);
  }

  describe("closes at the mark", () => {
    it("takes the position off both, without fees, and says so", async () => {
      const { clearinghouse, house } = market;
      await market.endow(1_000);
      const account = await sinkDue(market, 300);
      const size = 4n * WAD;
      await expect(deleverage(account, { size }))
        .to.emit(clearinghouse, "Deleveraged")
        .withArgs(account, house, ETH_PERP, -size, parseWad(2_700), parseWad(120));
      expect((await clearinghouse.positionOf(account, ETH_PERP)).size).to.equal(6n * WAD);
      expect((await clearinghouse.positionOf(house, ETH_PERP)).size).to.equal(-6n * WAD);
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(6n * WAD);
      expect(await clearinghouse.reserve()).to.equal(0n);
    });

    it("closes a short against a long by the same rule", async () => {
      await market.endow(1_000);
      const legs = [{ instrument: ETH_PERP, size: -SIZE }];
      const account = await sinkDue(market, 300, { legs, prices: { [ETH]: 3_300 } });
      await expect(deleverage(account))
        .to.emit(market.clearinghouse, "Deleveraged")
        .withArgs(account, market.house, ETH_PERP, SIZE, parseWad(3_300), parseWad(300));
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });

    it("leaves the counterparty worth what it was, to the wei, while the fund pays", async () => {
      const { house } = market;
      await market.endow(1_000);
      const account = await sinkDue(market, 300);
      const before = await market.marginOf(house);
      await deleverage(account);
      const after = await market.marginOf(house);
      expect(after.equity).to.equal(before.equity);
      expect(after.maintenance).to.be.below(before.maintenance);
    });

    it("leaves the bankrupt account nothing, neither worth nor debt nor position", async () => {
      const { clearinghouse, vault } = market;
      await market.endow(1_000);
      const account = await sinkDue(market, 300);
      await deleverage(account);
      expect(await clearinghouse.instrumentsOf(account)).to.deep.equal([]);
      expect(await vault.cashOf(account)).to.equal(0n);
      await expect(clearinghouse.writeOff(account))
        .to.be.revertedWithCustomError(clearinghouse, "NothingToWriteOff")
        .withArgs(account, 0n);
    });

    it("takes several counterparties one after the other, each as far as it goes", async () => {
      await market.endow(1_000);
      const first = await shortOf(0n);
      const second = await shortOf(1n);
      const legs = [
        { instrument: ETH_PERP, size: 4n * WAD, maker: first },
        { instrument: ETH_PERP, size: 6n * WAD, maker: second },
      ];
      const account = await sinkDue(market, 300, { legs });
      const before = await equitiesOf(market, [first, second]);
      // All that is asked for is more than the first holds.
      await expect(deleverage(account, { against: first, size: 2n ** 128n - 1n }))
        .to.emit(market.clearinghouse, "PositionChanged")
        .withArgs(first, ETH_PERP, 0n, 0n);
      expect(await market.clearinghouse.flaggedAt(account)).to.be.above(0n);
      await expect(deleverage(account, { against: second })).to.emit(
        market.clearinghouse,
        "FlagRemoved",
      );
      expect(await market.clearinghouse.flaggedAt(account)).to.equal(0n);
      expect(await equitiesOf(market, [first, second])).to.deep.equal(before);
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });
  });

  describe("the loss goes down the waterfall (I7)", () => {
    it("to the fund alone while that may pay it", async () => {
      await market.endow(1_000);
      await deleverage(await sinkDue(market, 300));
      expect(await bearersOf(market)).to.deep.equal({
        fund: parseWad(700),
        longIndex: 0n,
        shortIndex: 0n,
        deficit: 0n,
      });
    });

    it("to the winners when the fund is empty: pro rata, the counterparty's part with what it held", async () => {
      const other = await shortOf(0n);
      await market.clear({ account: other, instrument: ETH_PERP, size: -20n * WAD });
      const account = await sinkDue(market, 300);
      // The house is long 20 against Carol and short 10 against Alice: long 10 in all.
      const before = await equitiesOf(market, [other, market.house]);
      await expect(deleverage(account, { against: other }))
        .to.emit(market.clearinghouse, "GainsHaircut")
        .withArgs(ETH_PERP, false, parseWad(300), -parseWad(15));
      const after = await equitiesOf(market, [other, market.house]);
      expect(before.map((equity, place) => equity - after[place]!)).to.deep.equal([
        parseWad(300),
        0n,
      ]);
    });

    it("to winners beyond half of the fund in a day", async () => {
      await market.endow(400);
      await deleverage(await sinkDue(market, 300));
      expect(await bearersOf(market)).to.deep.equal({
        fund: parseWad(200),
        longIndex: 0n,
        shortIndex: -parseWad(10),
        deficit: 0n,
      });
    });

    it("to the deficit beyond 5 % of the price, when lenders bear nothing", async () => {
      const account = await sinkDue(market, 2_000, { prices: { [ETH]: 2_600 } });
      await expect(deleverage(account))
        .to.emit(market.clearinghouse, "DeficitChanged")
        .withArgs(parseWad(700));
      expect(await bearersOf(market)).to.deep.equal({
        fund: 0n,
        longIndex: 0n,
        shortIndex: -parseWad(130),
        deficit: parseWad(700),
      });
    });

    describe("beyond all caps, where lenders bear something", () => {
      /** An account that is 30,000 below nothing with 100 ETH; another of Alice's has only cash. */
      async function sinkFar() {
        market = await networkHelpers.loadFixture(deployLendersMarket);
        const idle = await market.fund(market.alice, 9n, 100_000);
        const account = await sinkDue(market, 30_000, {
          legs: [{ instrument: ETH_PERP, size: 100n * WAD }],
          prices: { [ETH]: 2_500 },
          stake: 60_000,
        });
        return { account, idle };
      }

      it("goes to lenders before the deficit, at most their share of a day", async () => {
        const { account, idle } = await sinkFar();
        const { vault, clearinghouse, house } = market;
        await clearinghouse.settleVariation(account);
        const lent = sum(await Promise.all([house, idle].map((each) => vault.cashOf(each))));
        await expect(deleverage(account, { size: 100n * WAD })).to.emit(vault, "LendersCharged");
        // 5 % of 2,500 on 100 ETH is 12,500; then a hundredth of all cash; the rest is recorded.
        const { shortIndex, deficit } = await bearersOf(market);
        expect(shortIndex).to.equal(-parseWad(125));
        expect(await vault.cashOf(idle)).to.equal(parseWad(99_000));
        expect(deficit).to.equal(parseWad(17_500) - lent / 100n);
        expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
      });

      it("its own cash is no lender's: what it has goes to its own loss, whether that was settled or not", async () => {
        const { account } = await sinkFar();
        const { vault } = market;
        expect(await vault.cashOf(account)).to.equal(parseWad(60_000));
        await deleverage(account, { size: 100n * WAD });
        // A wei for the rounding of its cash.
        expect(await vault.cashOf(account)).to.be.within(-1n, 0n);
      });
    });

    it("with a part of the position only its part of the loss, and in turn to the whole of it", async () => {
      const account = await sinkDue(market, 300);
      for (const closed of [1n, 2n, 7n]) {
        const [before] = await equitiesOf(market, [account]);
        await deleverage(account, { size: closed * WAD });
        const [after] = await equitiesOf(market, [account]);
        // A wei for the rounding of each of its quotes.
        expect(after! - before!).to.be.within(30n * closed * WAD - 2n, 30n * closed * WAD + 2n);
        if (closed === 1n) expect((await bearersOf(market)).shortIndex).to.equal(-parseWad(3));
      }
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });
  });

  describe("an account of several instruments", () => {
    it("charges the part of the whole loss that goes with what is closed, by |size| x index price", async () => {
      await market.endow(1_000);
      const account = await sinkDue(market, 400, TWO_LEGS);
      const { clearinghouse, house } = market;
      await expect(deleverage(account))
        .to.emit(clearinghouse, "Deleveraged")
        .withArgs(account, house, ETH_PERP, -SIZE, parseWad(2_700), parseWad(100));
      expect(await equitiesOf(market, [account])).to.deep.equal([-parseWad(300)]);
      const size = (WAD * 3n) / 4n;
      await expect(deleverage(account, { instrument: BTC_PERP, size }))
        .to.emit(clearinghouse, "Deleveraged")
        .withArgs(account, house, BTC_PERP, size, parseWad(108_000), parseWad(300));
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
      expect((await bearersOf(market)).fund).to.equal(parseWad(600));
    });

    it("spreads each part over the winners of all of its instruments", async () => {
      const account = await sinkDue(market, 400, TWO_LEGS);
      await deleverage(account);
      // Of 100 dollars a quarter to those short of ETH, three quarters to those long of BTC.
      expect((await bearersOf(market)).shortIndex).to.equal(-parseWad("2.5"));
      expect((await bearersOf(market, BTC_PERP)).longIndex).to.equal(parseWad(100));
    });

    it("charges a leg that won as much as one that lost: hedged or not, the loss is the account's", async () => {
      await market.endow(1_000);
      // The BTC leg has gained what the ETH leg lost more than: it is closed at the mark like the other.
      const account = await sinkDue(market, 400, {
        legs: TWO_LEGS.legs,
        prices: { [ETH]: 2_100, [BTC]: 97_200 },
      });
      const before = await equitiesOf(market, [market.house]);
      const size = (WAD * 3n) / 4n;
      await deleverage(account, { instrument: BTC_PERP, size });
      expect(await equitiesOf(market, [market.house])).to.deep.equal(before);
      // 72,900 of 93,900 dollars.
      const rest = (parseWad(400) * 210n) / 939n;
      expect((await equitiesOf(market, [account]))[0]).to.be.within(-rest, -rest + 3n);
      await deleverage(account);
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });

    it("sums the parts of many slices to the whole loss, the last with all that is left", async () => {
      await market.endow(1_000);
      const account = await sinkDue(market, "399.999999999999999999", TWO_LEGS);
      const third = SIZE / 3n;
      for (const size of [third, third, SIZE - 2n * third]) await deleverage(account, { size });
      const quarter = WAD / 4n + 7n;
      const rest = (WAD * 3n) / 4n - 2n * quarter;
      for (const size of [quarter, quarter, rest]) {
        await deleverage(account, { instrument: BTC_PERP, size });
      }
      const events = await market.clearinghouse.queryFilter(
        market.clearinghouse.filters.Deleveraged(account),
      );
      expect(events).to.have.length(6);
      const charged = sum(events.map(({ args }) => args.loss));
      // Each slice may cost the account the wei that its quote is rounded by.
      expect(charged - parseWad("399.999999999999999999")).to.be.within(0n, 12n);
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });
  });

  describe("the counterparty", () => {
    /** Carol is short 10 ETH against Alice, long BTC, which falls: Carol is worth what is left. */
    async function withCounterpartyAt(btc: number) {
      await market.endow(1_000);
      const counterparty = await shortOf(0n, 5_000);
      const legs = [{ instrument: ETH_PERP, size: SIZE, maker: counterparty }];
      const account = await sinkBelow(market, 300, { legs });
      const size = (3n * WAD) / 10n;
      await market.clear({ account: counterparty, instrument: BTC_PERP, size });
      await market.setPrice(BTC, btc);
      await market.clearinghouse.flag(account);
      await market.passTime(market.parameters.liquidation.deleverageDelay);
      return { account, counterparty };
    }

    for (const [what, btc, status] of [
      ["below its initial requirement", 82_500, 1n],
      ["below its line", 79_000, 2n],
      ["bankrupt itself", 70_000, 3n],
    ] as const) {
      it(`passes the gate when it is ${what}: it becomes safer and loses nothing`, async () => {
        const { account, counterparty } = await withCounterpartyAt(btc);
        expect(await market.marginEngine.statusOf(counterparty)).to.equal(status);
        const before = await market.marginOf(counterparty);
        await deleverage(account, { against: counterparty });
        const after = await market.marginOf(counterparty);
        expect(after.equity).to.equal(before.equity);
        expect(after.maintenance).to.be.below(before.maintenance);
      });
    }

    it("bears its part of the haircut first, and is then judged from there", async () => {
      const counterparty = await shortOf(0n, 1_950);
      const legs = [{ instrument: ETH_PERP, size: SIZE, maker: counterparty }];
      const account = await sinkDue(market, 300, { legs });
      const { equity } = await market.marginOf(counterparty);
      await deleverage(account, { against: counterparty, size: 9n * WAD });
      expect((await market.marginOf(counterparty)).equity).to.equal(equity - parseWad(270));
    });

    it("is refused when the wei of a rounding would make it less safe: another size does it", async () => {
      // At the minimum margin nothing is gained by less size, so not even a wei may be lost.
      const thin = await market.fund(market.carol, 0n, 30);
      await market.setPrice(ETH, 3_900);
      await market.clear({ account: thin, instrument: ETH_PERP, size: WAD / 100n });
      await market.setPrice(ETH, 3_000);
      await market.endow(1_000);
      const legs = [{ instrument: ETH_PERP, size: -SIZE }];
      const prices = { [ETH]: "3300.12345678" };
      const account = await sinkDue(market, 300, { legs, prices });
      const before = await market.marginOf(thin);
      expect(before.equity).to.be.below(before.initial);
      await expect(deleverage(account, { against: thin, size: 1n }))
        .to.be.revertedWithCustomError(market.marginEngine, "RiskNotReduced")
        .withArgs(thin, Object.values(before), [
          before.equity - 1n,
          before.initial,
          before.maintenance,
        ]);
      await deleverage(account, { against: thin, size: WAD / 1_000n });
      expect((await market.marginOf(thin)).equity).to.equal(before.equity);
    });
  });

  describe("AD3: never without cause", () => {
    it("AD3: refuses an account that nobody flagged", async () => {
      const account = await sinkBelow(market, 300);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(market.clearinghouse, "DeleverageNotDue")
        .withArgs(account, 0n);
    });

    it("AD3: begins at the second at which the delay ends, and ends a day later", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await clearinghouse.flag(account);
      const due =
        (await clearinghouse.flaggedAt(account)) +
        BigInt(market.parameters.liquidation.deleverageDelay);
      const refused = async () =>
        expect(deleverage(account, { size: WAD }))
          .to.be.revertedWithCustomError(clearinghouse, "DeleverageNotDue")
          .withArgs(account, due);
      await goTo(due - 1n);
      await refused();
      await time.setNextBlockTimestamp(due);
      await deleverage(account, { size: WAD });
      await goTo(due + FLAG_LIFE);
      await deleverage(account, { size: WAD });
      await time.setNextBlockTimestamp(due + FLAG_LIFE + 1n);
      await refused();
    });

    it("AD3: refuses an account that has equity now, be it nothing at all", async () => {
      const { clearinghouse } = market;
      const account = await sinkDue(market, 300);
      for (const [price, equity] of [
        [2_730, 0n],
        [2_760, parseWad(300)],
        [2_990, parseWad(2_600)],
      ] as const) {
        await market.setPrice(ETH, price);
        await expect(deleverage(account))
          .to.be.revertedWithCustomError(clearinghouse, "NotBankrupt")
          .withArgs(account, equity);
      }
      await market.setPrice(ETH, 2_700);
      await deleverage(account);
    });

    it("AD3: refuses who is not on the other side, and a size of 0", async () => {
      const { clearinghouse, fundAccount } = market;
      const account = await sinkDue(market, 300);
      const long = await shortOf(0n);
      const idle = await shortOf(1n);
      await market.clear({ account: long, instrument: ETH_PERP, size: WAD });
      for (const [against, held, size] of [
        [long, WAD, WAD],
        [idle, 0n, WAD],
        [fundAccount, 0n, WAD],
        [market.house, -11n * WAD, 0n],
      ] as const) {
        await expect(deleverage(account, { against, size }))
          .to.be.revertedWithCustomError(clearinghouse, "NotOpposite")
          .withArgs(ETH_PERP, SIZE, held, size);
      }
      await expect(deleverage(account, { instrument: BTC_PERP, size: WAD }))
        .to.be.revertedWithCustomError(clearinghouse, "NotOpposite")
        .withArgs(BTC_PERP, 0n, 0n, WAD);
    });

    it("AD3, MA4: refuses an account against itself", async () => {
      const account = await sinkDue(market, 300);
      await expect(deleverage(account, { against: account }))
        .to.be.revertedWithCustomError(market.clearinghouse, "SelfDealing")
        .withArgs(account);
    });

    it("AD3: reverts at a stale price, and at one that says nothing", async () => {
      const { oracle } = market;
      const account = await sinkDue(market, 300);
      const feed = market.feedOf("ETH/USD");
      const at = await feed.latestTimestamp();
      await time.increase(3_901);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), at, 3_900n);
      await feed.updateAnswer(0n);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(oracle, "InvalidPrice")
        .withArgs(ETH, await feed.getAddress(), 0n);
    });

    it("AD3: takes what the fund may pay before anybody else, whatever comes in or goes out around it", async () => {
      const { clearinghouse, vault, usdc, bob, house, fundAccount } = market;
      await market.endow(1_000);
      const account = await sinkDue(market, 300);
      const others = await shortOf(0n);
      const before = await equitiesOf(market, [others, house]);
      // What can be moved away for a moment is cash of one's own; the fund's has no key.
      await expect(vault.connect(bob).withdraw(fundAccount, usdc, 1n, bob))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(fundAccount, bob.address, 4n);
      await vault.connect(bob).withdraw(house, usdc, 500_000n * 10n ** 6n, bob);
      await deleverage(account);
      await usdc.connect(bob).approve(vault, 500_000n * 10n ** 6n);
      await vault.connect(bob).deposit(house, usdc, 500_000n * 10n ** 6n);
      expect(await equitiesOf(market, [others, house])).to.deep.equal(before);
      expect(await bearersOf(market)).to.deep.include({ fund: parseWad(700), deficit: 0n });
      expect([...(await clearinghouse.indicesOf(ETH_PERP))]).to.deep.equal([0n, 0n]);
    });
  });

  describe("when a price of several cannot be read", () => {
    /** Alice's account with a speck whose feed dies, 300 dollars below nothing and due. */
    async function withDeadSpeck() {
      const unread = await networkHelpers.loadFixture(deployUnreadMarket);
      market = unread;
      const { account } = await sinkWithSpeck(unread, "a perpetual", () => -parseWad(300));
      await market.clearinghouse.flag(account);
      await market.passTime(market.parameters.liquidation.deleverageDelay);
      const reason = await unread.kill(SPECKS["a perpetual"], "answers zero");
      return { account, reason, unread };
    }

    it("closes the live one with the whole loss, and charges no winners of the dead one", async () => {
      const { account } = await withDeadSpeck();
      const size = 100n * WAD;
      await expect(deleverage(account, { size }))
        .to.emit(market.clearinghouse, "Deleveraged")
        .withArgs(account, market.house, ETH_PERP, -size, parseWad(2_750), parseWad(300));
      expect((await bearersOf(market)).shortIndex).to.equal(-parseWad(3));
      expect((await bearersOf(market, BTC_PERP)).shortIndex).to.equal(0n);
      expect(await market.clearinghouse.instrumentsOf(account)).to.deep.equal([BTC_PERP]);
    });

    it("closes a part of the live one with its part", async () => {
      const { account } = await withDeadSpeck();
      await expect(deleverage(account, { size: 25n * WAD }))
        .to.emit(market.clearinghouse, "Deleveraged")
        .withArgs(account, market.house, ETH_PERP, -25n * WAD, parseWad(2_750), parseWad(75));
    });

    it("refuses the dead one with the oracle's reason", async () => {
      const { account, reason } = await withDeadSpeck();
      await expect(deleverage(account, { instrument: BTC_PERP, size: WAD / 100n }))
        .to.be.revertedWithCustomError(market.oracle, reason.error)
        .withArgs(...reason.args);
    });

    it("waits with the oracle's reason when it is more than a speck, and goes on when the feed is back", async () => {
      const account = await sinkDue(market, 400, TWO_LEGS);
      const feed = market.feedOf("BTC/USD");
      await market.oracle.notePrice(BTC);
      await feed.updateAnswer(0n);
      for (const instrument of [ETH_PERP, BTC_PERP]) {
        await expect(deleverage(account, { instrument, size: WAD / 2n }))
          .to.be.revertedWithCustomError(market.oracle, "InvalidPrice")
          .withArgs(BTC, await feed.getAddress(), 0n);
      }
      await market.setPrice(BTC, 108_000);
      await deleverage(account);
      await deleverage(account, { instrument: BTC_PERP, size: (WAD * 3n) / 4n });
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });

    it("goes on, too, when governance has replaced the feed", async () => {
      const account = await sinkBelow(market, 400, TWO_LEGS);
      const { oracle } = market;
      const feed = market.feedOf("BTC/USD");
      await networkHelpers.setCode(await feed.getAddress(), "0x60006000fd");
      await expect(market.clearinghouse.flag(account)).to.be.revertedWithCustomError(
        oracle,
        "StalePrice",
      );
      const [primary] = await oracle.sourcesOf(BTC);
      const other = await connection.ethers.deployContract("MockV3Aggregator", [
        8n,
        108_000n * 10n ** 8n,
      ]);
      const [address, maximumAge, least, most] = [...primary[0]!];
      expect(address).to.equal(await feed.getAddress());
      const replaced = [[await other.getAddress(), maximumAge, least, most]];
      const { target, data, delay } = await market.schedule(oracle, "setSources", [
        BTC,
        replaced,
        [],
        0n,
      ]);
      await time.increase(delay);
      await other.updateAnswer(108_000n * 10n ** 8n);
      await market.accessManager.connect(market.governance).execute(target, data);
      await market.setPrice(ETH, 2_700);
      await market.clearinghouse.flag(account);
      await time.increase(market.parameters.liquidation.deleverageDelay);
      await other.updateAnswer(108_000n * 10n ** 8n);
      await market.setPrice(ETH, 2_700);
      await deleverage(account);
      await deleverage(account, { instrument: BTC_PERP, size: (WAD * 3n) / 4n });
      expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
    });
  });

  it("leaves an account that somebody liquidates in part to be deleveraged for the rest", async () => {
    await market.endow(10_000);
    const account = await sinkDue(market, 300);
    await market.fund(market.liquidator, 0n, 100_000);
    await market.liquidate(account, { maxFraction: WAD / 2n });
    expect(await equitiesOf(market, [account])).to.deep.equal([-parseWad(150)]);
    await deleverage(account, { size: SIZE / 2n });
    expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
  });
});
