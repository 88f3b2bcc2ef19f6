import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, accountId, mulDown, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { DRAW_WINDOW } from "./fixtures/fund.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { takeOver } from "./fixtures/takeover.js";
import {
  ceilDiv,
  minimumMarginOf,
  positionRequirement,
  type ReferenceMargin,
  sum,
} from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

const UNIT = 10n ** 12n;

describe("Clearinghouse.liquidate: rewards", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** The account is long from 3,000, worth so many percent of its line at 2,700. */
  async function sinkTo(
    account: AccountId,
    size: bigint,
    percent: bigint,
  ): Promise<ReferenceMargin> {
    return market.sink(account, [{ instrument: ETH_PERP, size }], {
      prices: { [ETH]: 2_700 },
      equity: ({ maintenance }) => (maintenance * percent) / 100n,
    });
  }

  describe("LQ5: dust", () => {
    it("refuses to open what is worth less than the minimum margin, and opens at it (LQ5)", async () => {
      const { alice, vault, usdc, marginEngine } = market;
      const account = await market.fund(alice, 0n, "24.999999");
      const open = async () => market.clear({ account, instrument: ETH_PERP, size: WAD / 1_000n });
      const minimum = parseWad(25);
      await expect(open())
        .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
        .withArgs(account, [minimum - UNIT, 0n, 0n], [minimum - UNIT, minimum, minimum]);
      await usdc.mint(alice, 1n);
      await usdc.connect(alice).approve(vault, 1n);
      await vault.connect(alice).deposit(account, usdc, 1n);
      await open();
      expect(await market.marginOf(account)).to.deep.equal({
        equity: minimum,
        initial: minimum,
        maintenance: minimum,
      });
    });

    it("leaves nothing or at least the minimum, whatever is asked for, 30 times (LQ5)", async () => {
      const random = randomFrom(5);
      const { liquidation: rules } = market.parameters;
      const dust = market.marginEngine.interface.getError("MustCloseWhole");
      let [whole, parts, refused] = [0, 0, 0];
      const snapshot = await networkHelpers.takeSnapshot();
      for (let round = 0; round < 30; ++round) {
        const account = await market.fund(market.alice, 0n, 2_000);
        await sinkTo(account, random.between(WAD / 10n, 2n * WAD), random.between(0n, 99n));
        const maxFraction = random.pick([WAD, random.between(WAD / 100n, WAD)]);
        try {
          await market.liquidate(account, { maxFraction });
        } catch (error) {
          expect(String(error)).to.include(dust?.name);
          ++refused;
          await snapshot.restore();
          continue;
        }
        const left = await market.referenceOf(account);
        if (left.positions.length === 0) ++whole;
        else {
          ++parts;
          const required = left.positions.map((held) => positionRequirement(held).maintenance);
          expect(sum(required)).to.be.at.least(minimumMarginOf(left, rules));
        }
        await snapshot.restore();
      }
      expect(Math.min(whole, parts, refused), "each case occurs").to.be.above(0);
    });
  });

  describe("LQ6: many minimum accounts", () => {
    it("win an owner nothing who liquidates all 100 with its own keeper (LQ6)", async () => {
      const { carol, vault, usdc } = market;
      const main = await market.fund(carol, 0n, 20_000);
      const keeper = await market.fund(carol, 1n, 20_000);
      await market.endow(10_000);
      const accounts = Array.from({ length: 100 }, (_, place) =>
        accountId(carol.address, 2n + BigInt(place)),
      );
      // 25 dollars each carry 394.7 dollars of ETH; the owner holds the other side too.
      const size = parseWad("0.1315");
      for (const account of accounts) {
        await vault.connect(carol).transfer(main, account, usdc, 25_000_000n);
      }
      for (let done = 0; done < accounts.length; done += 20) {
        const legs = accounts.slice(done, done + 20);
        await market.clear(
          ...legs.map((account) => ({ account, instrument: ETH_PERP, size, maker: main })),
        );
      }
      const all = [main, keeper, ...accounts];
      expect(await equityOf(all)).to.equal(parseWad(40_000));

      await market.setPrice(ETH, 3_000 * (1 - 0.038));
      for (const account of accounts) await market.liquidate(account, { by: carol, into: keeper });
      expect(await equityOf(all)).to.be.at.most(parseWad(40_000));
      expect(await vault.cashOf(market.fundAccount)).to.be.at.least(parseWad(10_000));
    });

    async function equityOf(accounts: AccountId[]): Promise<bigint> {
      const margins = await Promise.all(accounts.map((account) => market.marginOf(account)));
      return sum(margins.map(({ equity }) => equity));
    }
  });

  describe("LQ7: the liquidator's own margin", () => {
    /** What a new liquidator must bring for 10 ETH at 60 % of the line, in units of USDC. */
    async function prepare() {
      const account = await market.fund(market.alice, 0n, 10_000);
      const { equity } = await sinkTo(account, 10n * WAD, 60n);
      const [fraction, payment] = await market.marginEngine.previewLiquidation(account);
      const size = mulDown(10n * WAD, fraction);
      // 6.33 % of the slice's notional, less what the slice is worth beyond its price.
      const initial = ceilDiv(size * 2_700n * 63_333_333_333_333_334n, WAD);
      const needed = ceilDiv(initial - (mulDown(equity, fraction) - payment), UNIT);
      return { account, needed, initial };
    }

    it("refuses a liquidator with nothing, and one that lacks a unit (LQ7)", async () => {
      const { account, needed, initial } = await prepare();
      const { dave, marginEngine, usdc, vault } = market;
      const into = accountId(dave.address);
      const nothing = await market.liquidate(account, { by: dave, into }).catch(String);
      expect(nothing).to.include("BelowInitialMargin");

      await usdc.mint(dave, needed);
      await usdc.connect(dave).approve(vault, needed);
      await vault.connect(dave).deposit(into, usdc, needed - 1n);
      const required = await market.marginOf(into);
      expect(required.initial).to.equal(0n);
      await expect(market.liquidate(account, { by: dave, into }))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(
          into,
          (equity: bigint) => equity < initial && initial - equity <= UNIT + 5n,
          (required: bigint) => required - initial <= 2n,
        );
      expect(await market.clearinghouse.instrumentsOf(into)).to.deep.equal([]);
    });

    it("takes a liquidator with exactly enough, which is healthy then (LQ7)", async () => {
      const { account, needed } = await prepare();
      const { dave, marginEngine, usdc, vault } = market;
      const into = accountId(dave.address);
      await usdc.mint(dave, needed);
      await usdc.connect(dave).approve(vault, needed);
      await vault.connect(dave).deposit(into, usdc, needed);
      await takeOver(market, account, { by: dave, into });
      const { equity, initial } = await market.marginOf(into);
      expect(equity - initial).to.be.within(0n, UNIT);
      expect(await marginEngine.statusOf(into)).to.equal(0n);
    });
  });

  describe("RD1: many slices", () => {
    /** What the liquidator wins by taking the account in so many parts. */
    async function profitOf(account: AccountId, whole: bigint, slices: bigint): Promise<bigint> {
      const before = (await market.marginOf(market.rescuer)).equity;
      for (let left = slices; left > 0n; --left) {
        const [fraction] = await market.marginEngine.previewLiquidation(account);
        if (fraction === 0n) break;
        // A whole account goes in equal parts of what is left; a part of it in equal parts of that.
        await takeOver(market, account, {
          maxFraction: whole === WAD ? WAD / left : whole / slices,
        });
      }
      return (await market.marginOf(market.rescuer)).equity - before;
    }

    const cases = [
      { percent: 90n, endowment: 0 },
      { percent: 60n, endowment: 0 },
      { percent: 44n, endowment: 0 },
      { percent: 20n, endowment: 0 },
      { percent: 5n, endowment: 60 },
      { percent: 5n, endowment: 50_000 },
      { percent: -40n, endowment: 0 },
      { percent: -40n, endowment: 600 },
      { percent: -40n, endowment: 50_000 },
    ];
    for (const { percent, endowment } of cases) {
      it(`win no more than one: ${percent} % of the line, a fund of ${endowment} (RD1)`, async () => {
        const account = await market.fund(market.alice, 0n, 100_000);
        await sinkTo(account, 40n * WAD, percent);
        if (endowment > 0) await market.endow(endowment);
        const [whole] = await market.marginEngine.previewLiquidation(account);
        const snapshot = await networkHelpers.takeSnapshot();
        const once = await profitOf(account, whole, 1n);
        await snapshot.restore();
        for (const slices of [2n, 16n]) {
          const began = await networkHelpers.time.latest();
          const split = await profitOf(account, whole, slices);
          // While the slices follow each other, the cap on the fund's draws regains what is forgotten of them.
          const seconds = BigInt((await networkHelpers.time.latest()) - began);
          const { fundDrawCapBps } = market.parameters.liquidation;
          const most = (parseWad(endowment) * BigInt(fundDrawCapBps)) / 10_000n;
          // A slice may leave one wei of size, and what it has lost, for the next.
          const allowed = 304n * slices + (most * seconds) / DRAW_WINDOW;
          expect(split, `${slices} slices`).to.be.at.most(once + allowed);
          await snapshot.restore();
        }
      });
    }

    /** Long 10 ETH from 3,000, worth that many dollars at 2,600. */
    async function sinkDeep(account: AccountId, dollars: number): Promise<void> {
      await market.setPrices({ [ETH]: 3_000 });
      await market.sink(account, [{ instrument: ETH_PERP, size: 10n * WAD }], {
        prices: { [ETH]: 2_600 },
        equity: () => parseWad(dollars),
      });
    }

    /** What shorts have been charged for one ETH: so many dollars, and what the cap of 130 regains in half a minute. */
    async function expectCharged(dollars: number): Promise<bigint> {
      const [, shortIndex] = await market.clearinghouse.indicesOf(ETH_PERP);
      expect(-shortIndex).to.be.at.least(parseWad(dollars));
      expect(-shortIndex).to.be.at.most(parseWad(dollars) + parseWad(130) / 120n);
      return -shortIndex;
    }

    it("charge winners no more than one does: all slices have one cap (RD1, I7)", async () => {
      const account = await market.fund(market.alice, 0n, 10_000);
      await sinkDeep(account, -2_000);
      await takeOver(market, account, { maxFraction: WAD / 2n });
      await takeOver(market, account);
      // 5 % of 2,600 dollars on 10 ETH; the rest of 2,000 is nobody's yet.
      const charged = await expectCharged(130);
      const deficit = await market.clearinghouse.deficit();
      expect(deficit).to.be.closeTo(parseWad(2_000) - 10n * charged, 100n);
    });

    it("share the cap with other accounts, and half of it is back after half an hour (I7)", async () => {
      const accounts: AccountId[] = [];
      for (const owner of [market.alice, market.carol, market.dave]) {
        const account = await market.fund(owner, 0n, 10_000);
        await sinkDeep(account, -2_000);
        accounts.push(account);
      }
      // 2,000 on 30 ETH are 66.67 each time: the second finds 63.33 left of 130, the third half of 130.
      await takeOver(market, accounts[0]!);
      await expectCharged(66);
      await takeOver(market, accounts[1]!);
      await expectCharged(130);
      await market.passTime(1_800);
      await takeOver(market, accounts[2]!);
      await expectCharged(195);
    });
  });
});
