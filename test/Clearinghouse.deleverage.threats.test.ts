import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import {
  bearersOf,
  deployDefaultMarket,
  deployLendersMarket,
  equitiesOf,
  flagAndWait,
  sinkBelow,
  sinkDue,
} from "./fixtures/default.js";
import type { LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { abs, sum } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

const SIZE = 50n * WAD;
const LOSS = parseWad(1_500);

describe("Clearinghouse.deleverage: threats", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const deleverage = (account: AccountId, against: AccountId, size: bigint) =>
    market.clearinghouse.connect(market.stranger).deleverage(account, against, ETH_PERP, size);

  /** Carol is short 50 ETH against Alice's bankrupt account, in so many accounts of the same size. */
  async function sinkAgainst(accounts: number) {
    const winners: AccountId[] = [];
    for (let place = 0; place < accounts; ++place) {
      winners.push(await market.fund(market.carol, BigInt(place), 200_000 / accounts));
    }
    const legs = winners.map((maker) => ({
      instrument: ETH_PERP,
      size: SIZE / BigInt(accounts),
      maker,
    }));
    const account = await market.fund(market.alice, 0n, 10_000);
    await market.clear(...legs.map((leg) => ({ account, ...leg })));
    const { equity } = await market.marginOf(account);
    // Its margin and the loss that is to be missing, over 50 ETH.
    const price = 3_000 - Number(equity + LOSS) / 1e18 / 50;
    await market.setPrice(ETH, price);
    expect(await equitiesOf(market, [account])).to.deep.equal([-LOSS]);
    await flagAndWait(market, account);
    return { account, winners };
  }

  /** Closes all of it, an equal part against each; returns what each winner has lost. */
  async function closeAll(account: AccountId, winners: AccountId[]): Promise<bigint[]> {
    const before = await equitiesOf(market, winners);
    for (const winner of winners) await deleverage(account, winner, SIZE / BigInt(winners.length));
    const after = await equitiesOf(market, winners);
    return before.map((equity, place) => equity - after[place]!);
  }

  describe("AD1: there is no rank to game", () => {
    for (const accounts of [1, 2, 50]) {
      it(`AD1: takes the same from a winner in ${accounts} account${accounts === 1 ? "" : "s"}, and closes the same`, async () => {
        const { account, winners } = await sinkAgainst(accounts);
        const lost = await closeAll(account, winners);
        // Each move of the index leaves up to a wei for each unit of 50 to the deficit.
        const rounding = 60n * BigInt(accounts);
        expect(sum(lost) - LOSS).to.be.within(-rounding, rounding);
        expect(await market.clearinghouse.openInterestOf(ETH_PERP)).to.equal(0n);
        expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
      });
    }

    it("AD1: asks nobody for its gain, leverage or collateral: what a winner adds changes nothing for it", async () => {
      const { account, winners } = await sinkAgainst(2);
      const [first, second] = winners as [AccountId, AccountId];
      await market.fund(market.carol, 0n, 1_000_000);
      await market.clear({ account: first, instrument: BTC_PERP, size: WAD });
      const before = await equitiesOf(market, winners);
      await deleverage(account, second, SIZE / 50n);
      const after = await equitiesOf(market, winners);
      const lost = before.map((equity, place) => equity - after[place]!);
      // A fiftieth of the loss over both, who hold the same.
      expect(lost).to.deep.equal([parseWad(15), parseWad(15)]);
    });

    it("AD1: whoever is closed first bears least: of ten who hold the same, 15 at first and 439 at last, where 150 were fair", async () => {
      const { account, winners } = await sinkAgainst(10);
      const lost = await closeAll(account, winners);
      // Each part is borne by those who are still there: L/n x (1/n + 1/(n - 1) + ...).
      let expected = 0n;
      for (const [place, each] of lost.entries()) {
        expected += LOSS / 10n / BigInt(10 - place);
        expect(each - expected).to.be.within(-20n, 20n);
      }
    });
  });

  describe("AD2: nobody is harmed twice", () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      it(`AD2: takes from each exactly its haircut, and from who has no position nothing (seed ${seed})`, async () => {
        const random = randomFrom(seed);
        const { clearinghouse, carol, dave, house } = market;
        await market.endow(Number(random.between(0n, 1_000n)));
        const winners: AccountId[] = [];
        for (let place = 0n; place < 4n; ++place) {
          const winner = await market.fund(carol, place, 100_000);
          await market.clear({
            account: winner,
            instrument: ETH_PERP,
            size: -random.between(WAD, 12n * WAD),
          });
          winners.push(winner);
        }
        const long = await market.fund(dave, 0n, 100_000);
        const idle = await market.fund(dave, 1n, 100_000);
        await market.clear({ account: long, instrument: ETH_PERP, size: 2n * WAD });
        const size = random.between(5n * WAD, 20n * WAD);
        const account = await sinkDue(market, random.between(1n, 3_000n).toString(), {
          legs: [{ instrument: ETH_PERP, size }],
          prices: { [ETH]: Number(random.between(2_300n, 2_600n)) },
          stake: 30_000,
        });
        const everyone = [...winners, long, idle, house];
        const sizes = async () =>
          Promise.all(
            everyone.map(async (each) => (await clearinghouse.positionOf(each, ETH_PERP)).size),
          );
        for (const winner of winners) {
          const held = await sizes();
          const left = (await clearinghouse.positionOf(account, ETH_PERP)).size;
          const most = -held[winners.indexOf(winner)]!;
          const closed = random.between(1n, most < left ? most : left);
          const before = await Promise.all(everyone.map((each) => market.marginOf(each)));
          const index = (await bearersOf(market)).shortIndex;
          await deleverage(account, winner, closed);
          const moved = index - (await bearersOf(market)).shortIndex;
          const after = await Promise.all(everyone.map((each) => market.marginOf(each)));
          const price = await market.oracle.price(ETH);
          expect(moved, "the cap of the hour").to.be.at.most(price / 20n);
          for (const [place, each] of after.entries()) {
            const short = held[place]! < 0n ? -held[place]! : 0n;
            const haircut = (moved * short) / WAD;
            const lost = before[place]!.equity - each.equity;
            expect(lost - haircut, `account ${place}`).to.be.within(-2n, 2n);
            expect(each.maintenance).to.be.at.most(before[place]!.maintenance + 2n);
            const wasHealthy = before[place]!.equity - haircut - 2n >= before[place]!.maintenance;
            if (wasHealthy) expect(each.equity).to.be.at.least(each.maintenance);
          }
        }
      });
    }

    it("AD2: who has cash and no position pays as a lender only, at most the share of a day, however often", async () => {
      market = await networkHelpers.loadFixture(deployLendersMarket);
      const { vault, dave } = market;
      const idle = await market.fund(dave, 0n, 50_000);
      for (const subAccount of [1n, 2n]) {
        await market.setPrice(ETH, 3_000);
        const account = await sinkBelow(market, 30_000, {
          legs: [{ instrument: ETH_PERP, size: 100n * WAD }],
          prices: { [ETH]: 2_500 },
          stake: 60_000,
          subAccount,
        });
        await market.clearinghouse.settleVariation(account);
        await flagAndWait(market, account);
        await deleverage(account, market.house, 100n * WAD);
      }
      // 500 at once; in the hour between, a 24th of a hundredth is regained.
      const lost = parseWad(50_000) - (await vault.cashOf(idle));
      expect(lost).to.be.within(parseWad(500), parseWad(525));
    });

    it("AD2: brings a winner below its line by the haircut alone, never by the closing", async () => {
      const { carol } = market;
      const winner = await market.fund(carol, 0n, 3_000);
      const legs = [{ instrument: ETH_PERP, size: 10n * WAD, maker: winner }];
      const account = await sinkDue(market, 300, { legs });
      const before = await market.marginOf(winner);
      await deleverage(account, winner, WAD);
      const after = await market.marginOf(winner);
      expect(before.equity - after.equity).to.equal(parseWad(30));
      expect(after.equity * before.maintenance).to.be.at.least(
        (before.equity - parseWad(30)) * after.maintenance,
      );
    });
  });

  describe("MA2: what lowers equity is bounded", () => {
    it("MA2: a caller who closes another's account has what it had", async () => {
      const { clearinghouse, dave } = market;
      const caller = await market.fund(dave, 0n, 10_000);
      await market.clear({ account: caller, instrument: BTC_PERP, size: WAD / 10n });
      const account = await sinkBelow(market, 300);
      const before = await market.marginOf(caller);
      await flagAndWait(market, account);
      await clearinghouse.connect(dave).deleverage(account, market.house, ETH_PERP, 10n * WAD);
      await clearinghouse.connect(dave).repayDeficit();
      expect(await market.marginOf(caller)).to.deep.equal(before);
    });

    it("MA2: an owner who has its own two accounts closed against each other gains nothing", async () => {
      const { alice } = market;
      const winner = await market.fund(alice, 7n, 50_000);
      const legs = [{ instrument: ETH_PERP, size: 10n * WAD, maker: winner }];
      const account = await sinkDue(market, 300, { legs });
      const before = await equitiesOf(market, [winner, account]);
      await deleverage(account, winner, 10n * WAD);
      const after = await equitiesOf(market, [winner, account]);
      // Of its own loss its own winning account bears all: nobody else is on that side.
      expect(sum(after)).to.equal(sum(before));
      expect(after).to.deep.equal([before[0]! - parseWad(300), 0n]);
    });

    it("MA2: between two calls of one account's slices nothing is lost or won but roundings", async () => {
      const account = await sinkDue(market, 300);
      const all = [account, market.house];
      const before = sum(await equitiesOf(market, all));
      for (let slice = 0; slice < 10; ++slice) await deleverage(account, market.house, WAD);
      expect(abs(sum(await equitiesOf(market, all)) - before)).to.be.at.most(40n);
    });
  });
});
