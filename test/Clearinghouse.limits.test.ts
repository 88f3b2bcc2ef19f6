import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import type { DeploymentParameters } from "../ignition/parameters.js";
import { type AccountId, mulUp, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarketWith } from "./fixtures/liquidation.js";
import { BTC_PERP, ETH, ETH_PERP, stillParameters } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";
import { ceilDiv, crowdingOf, positionRequirement, referenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

/** The cap that the tests set: 1,000 ETH at 3,000 dollars. */
const CAP = 3_000_000;
const AT_CAP = 1_000n * WAD;

/** What open interest is measured against: 10 times it are 1,000 ETH at 3,000 dollars, 40 times it 4,000 ETH. */
const BASE = 300_000;
const INITIAL_RATE = 63_333_333_333_333_334n;
const PRICE = parseWad(3_000);

type Market = Awaited<ReturnType<typeof deployMarketWith>>;

describe("Clearinghouse", () => {
  let market: Market | undefined;

  async function loadAs(fixture: (connection: NetworkConnection) => Promise<Market>) {
    market = await networkHelpers.loadFixture(fixture);
    return market;
  }

  afterEach(async () => {
    await expectBooks(market!);
  });

  describe("clear, up to an instrument's open-interest cap", () => {
    const load = async () => loadAs(deployWithCap);

    it("clears a trade that reaches the cap, and refuses one wei more", async () => {
      const { clearinghouse, clear, first } = await load();
      await expect(clear({ account: first, instrument: ETH_PERP, size: AT_CAP + 1n }))
        .to.be.revertedWithCustomError(clearinghouse, "OpenInterestCapExceeded")
        .withArgs(ETH_PERP, parseWad(CAP) + 3_000n, parseWad(CAP));
      await clear({ account: first, instrument: ETH_PERP, size: AT_CAP });
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);
      await expect(clear({ account: first, instrument: ETH_PERP, size: 1n }))
        .to.be.revertedWithCustomError(clearinghouse, "OpenInterestCapExceeded")
        .withArgs(ETH_PERP, parseWad(CAP) + 3_000n, parseWad(CAP));
    });

    it("measures open interest at the mark, not at the price of the trade", async () => {
      const { clearinghouse, clear, first } = await load();
      const size = AT_CAP;
      await clear({ account: first, instrument: ETH_PERP, size, price: parseWad(3_100) });
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);
    });

    it("counts each instrument by itself", async () => {
      const { clearinghouse, clear, first } = await load();
      await clear({ account: first, instrument: ETH_PERP, size: AT_CAP });
      await clear({ account: first, instrument: BTC_PERP, size: WAD });
      expect(await clearinghouse.openInterestOf(BTC_PERP)).to.equal(WAD);
    });

    it("looks at each trade of a batch, also when the next one brings it back below", async () => {
      const { clearinghouse, clear, first, second } = await load();
      await clear({ account: first, instrument: ETH_PERP, size: AT_CAP });
      const more = { account: second, instrument: ETH_PERP, size: WAD };
      const less = { account: first, instrument: ETH_PERP, size: -WAD };
      await expect(clear(more, less))
        .to.be.revertedWithCustomError(clearinghouse, "OpenInterestCapExceeded")
        .withArgs(ETH_PERP, parseWad(CAP + 3_000), parseWad(CAP));
      await clear(less, more);
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);
    });

    describe("when more is open than the cap allows", () => {
      const loadAbove = async () => loadAs(deployAboveCap);

      it("refuses what opens more, on either side", async () => {
        const { clearinghouse, clear, second, whale } = await loadAbove();
        for (const size of [WAD, -WAD]) {
          await expect(clear({ account: second, instrument: ETH_PERP, size, maker: whale }))
            .to.be.revertedWithCustomError(clearinghouse, "OpenInterestCapExceeded")
            .withArgs(ETH_PERP, parseWad(1_001 * 3_000), 0n);
        }
      });

      it("lets a position pass from one account to another", async () => {
        const { clearinghouse, clear, first, second } = await loadAbove();
        await clear({ account: second, instrument: ETH_PERP, size: 400n * WAD, maker: first });
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);
        expect((await clearinghouse.positionOf(second, ETH_PERP)).size).to.equal(400n * WAD);
      });

      it("lets both sides reduce and close", async () => {
        const { clearinghouse, clear, first } = await loadAbove();
        await clear({ account: first, instrument: ETH_PERP, size: -400n * WAD });
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(600n * WAD);
        await clear({ account: first, instrument: ETH_PERP, size: -600n * WAD });
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(0n);
      });

      it("lets a side flip as long as no more is open in all", async () => {
        const { clearinghouse, clear, first, house } = await loadAbove();
        await clear({ account: first, instrument: ETH_PERP, size: -2n * AT_CAP });
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);
        expect((await clearinghouse.positionOf(house, ETH_PERP)).size).to.equal(AT_CAP);
      });

      it("never stops a liquidation, whichever side the liquidator has", async () => {
        const market = await loadAbove();
        const { clearinghouse, first, rescuer, setPrice, fund, clear, house } = market;
        await setPrice(ETH, 2_090);
        await takeOver(market, first, { maxFraction: WAD / 10n });
        expect((await clearinghouse.positionOf(rescuer, ETH_PERP)).size).to.equal(100n * WAD);
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(AT_CAP);

        // A liquidator who is short closes with what it takes over.
        const short = await fund(market.dave, 0n, 1_000_000);
        const size = -50n * WAD;
        await clear({ account: short, instrument: ETH_PERP, size, maker: house });
        const request = { by: market.dave, into: short, maxFraction: WAD / 90n };
        await takeOver(market, first, request);
        expect(await clearinghouse.openInterestOf(ETH_PERP)).to.be.below(AT_CAP);
      });
    });
  });

  describe("the open-interest add-on to initial margin", () => {
    const load = async () => loadAs(deployWithBase);

    /** An account's requirement for a long of ETH, and the same without the add-on [wad]. */
    async function requirementOf(market: Market, account: AccountId) {
      const { initial, maintenance } = await market.marginOf(account);
      const [position] = (await market.referenceOf(account)).positions;
      const plain = positionRequirement({ ...position!, crowding: 0n });
      expect(maintenance, "maintenance margin knows no add-on").to.equal(plain.maintenance);
      return { initial, plain: plain.initial };
    }

    /** So many ETH are open; Alice holds 100 of them. */
    async function openInAll(market: Market, units: bigint): Promise<void> {
      const { clear, first, whale } = market;
      await clear(
        { account: first, instrument: ETH_PERP, size: 100n * WAD },
        { account: whale, instrument: ETH_PERP, size: (units - 100n) * WAD },
      );
      expect(await market.clearinghouse.openInterestOf(ETH_PERP)).to.equal(units * WAD);
    }

    for (const [when, units] of [
      ["far below 10 times the base", 200n],
      ["at exactly 10 times the base", 1_000n],
    ] as const) {
      it(`is nothing ${when}`, async () => {
        const market = await load();
        await openInAll(market, units);
        const { initial, plain } = await requirementOf(market, market.first);
        expect(initial).to.equal(plain);
        expect(plain).to.equal(mulUp(parseWad(300_000), INITIAL_RATE));
      });
    }

    it("begins one wei above 10 times the base", async () => {
      const market = await load();
      await openInAll(market, 1_000n);
      await market.clear({ account: market.whale, instrument: ETH_PERP, size: 1n });
      const { initial, plain } = await requirementOf(market, market.first);
      // (3,000 wei / 9,000,000 dollars), rounded up to 1 wei, of 281,000 dollars.
      expect(initial - plain).to.equal(mulUp(parseWad(300_000) - plain, 1n));
    });

    for (const units of [1_300n, 2_000n, 2_500n, 3_999n]) {
      it(`is required + (notional - required) x (OI - 10 B) / 30 B: at ${units} ETH`, async () => {
        const market = await load();
        await openInAll(market, units);
        const { initial, plain } = await requirementOf(market, market.first);
        const [openInterest, base] = [units * PRICE, parseWad(BASE)];
        const crowding = ceilDiv((openInterest - 10n * base) * WAD, 30n * base);
        const notional = parseWad(300_000);
        expect(initial).to.equal(plain + mulUp(notional - plain, crowding));
      });
    }

    for (const units of [4_000n, 6_000n]) {
      it(`is all of the notional from 40 times the base on: at ${units} ETH`, async () => {
        const market = await load();
        await openInAll(market, units);
        const { initial } = await requirementOf(market, market.first);
        expect(initial).to.equal(parseWad(300_000));
      });
    }

    it("follows the mark, as open interest is counted by it", async () => {
      const market = await load();
      await openInAll(market, 1_000n);
      await market.setPrice(ETH, 3_300);
      const notional = parseWad(330_000);
      const { initial, plain } = await requirementOf(market, market.first);
      const crowding = ceilDiv((parseWad(3_300_000) - 10n * parseWad(BASE)) * WAD, parseWad(9e6));
      expect(initial).to.equal(plain + mulUp(notional - plain, crowding));
    });

    it("adds nothing to a position that requires its notional or more already", async () => {
      const market = await load();
      const { rules, rampTo, marketOf, marginOf, first } = market;
      const { brackets, kinds, ...rates } = marketOf(ETH_PERP);
      expect(kinds).to.deep.equal(["perpetual"]);
      // 15.2 % + 3 % x 0.6, over 0.6, times 5: 142 %. Only the first three dollars are charged less.
      const steep = { ...brackets, firstEnd: 1, secondEnd: 2, thirdEnd: 3, lastFactorBps: 50_000 };
      const wild = { ...rates, maintenanceBaseBps: 1_520 };
      await openInAll(market, 1_100n);
      await rampTo(rules, "setBrackets", [ETH, steep]);
      await rampTo(rules, "setUnderlying", [ETH, { ...wild, kinds: 2 }]);
      const position = { size: 100n * WAD, quote: 0n, mark: PRICE };
      const required = positionRequirement({
        ...position,
        market: { ...wild, kinds, brackets: steep },
      }).initial;
      expect(required).to.be.above(parseWad(300_000));
      const { initial } = await marginOf(first);
      expect(initial - required).to.be.within(0n, 3n);
    });

    it("counts the insurance fund where it is larger than governance's figure", async () => {
      const market = await load();
      await openInAll(market, 2_000n);
      const { initial: before, plain } = await requirementOf(market, market.first);
      await market.endow(BASE - 1);
      expect((await requirementOf(market, market.first)).initial).to.equal(before);
      await market.endow(BASE / 2 + 1);
      const base = parseWad((BASE * 3) / 2);
      const crowding = ceilDiv((parseWad(6_000_000) - 10n * base) * WAD, 30n * base);
      expect(crowding).to.equal(
        crowdingOf(parseWad(6_000_000), base, market.parameters.liquidation),
      );
      const between = plain + mulUp(parseWad(300_000) - plain, crowding);
      expect((await requirementOf(market, market.first)).initial).to.equal(between);
      await market.endow(BASE / 2);
      expect((await requirementOf(market, market.first)).initial).to.equal(plain);
    });

    it("agrees with the exact reference for accounts with positions on both sides", async () => {
      const market = await load();
      await openInAll(market, 2_345n);
      const { second, clear, house, parameters } = market;
      await clear(
        { account: second, instrument: ETH_PERP, size: -123n * WAD - 7n },
        { account: second, instrument: BTC_PERP, size: WAD / 3n },
      );
      for (const account of [second, house]) {
        const reference = await market.referenceOf(account);
        const expected = referenceMargin(reference, parameters.liquidation);
        const { initial, maintenance } = await market.marginOf(account);
        expect(initial - expected.initial).to.be.within(0n, 6n);
        expect(maintenance - expected.maintenance).to.be.within(0n, 6n);
      }
    });

    it("is asked of a trade by the open interest that it leaves", async () => {
      const market = await load();
      const { marginEngine, clear, whale, poor } = market;
      // 10 ETH require 1,900 dollars of 5,000, until their own market crowds.
      await clear({ account: whale, instrument: ETH_PERP, size: 990n * WAD });
      await clear({ account: poor, instrument: ETH_PERP, size: 10n * WAD });
      await clear({ account: poor, instrument: ETH_PERP, size: -10n * WAD });
      await clear({ account: whale, instrument: ETH_PERP, size: 510n * WAD });

      const crowding = ceilDiv(parseWad(1_510 * 3_000 - 3_000_000) * WAD, parseWad(9_000_000));
      const plain = mulUp(parseWad(30_000), INITIAL_RATE);
      const initial = plain + mulUp(parseWad(30_000) - plain, crowding);
      const equity = parseWad(5_000);
      expect(initial).to.be.above(equity);
      const maintenance = (parseWad(30_000) * 38n) / 1_000n;
      await expect(clear({ account: poor, instrument: ETH_PERP, size: 10n * WAD }))
        .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
        .withArgs(poor, [equity, 0n, 0n], [equity, initial, maintenance]);
    });

    it("lets an account that it brings below initial margin reduce, and not withdraw", async () => {
      const market = await load();
      const { marginEngine, vault, usdc, clear, whale, poor, alice } = market;
      await clear({ account: poor, instrument: ETH_PERP, size: 10n * WAD });
      expect(await marginEngine.withdrawable(poor, usdc)).to.be.above(0n);
      await clear({ account: whale, instrument: ETH_PERP, size: 1_500n * WAD });
      expect(await marginEngine.statusOf(poor)).to.equal(1n);
      expect(await marginEngine.withdrawable(poor, usdc)).to.equal(0n);
      const { equity, initial } = await market.marginOf(poor);
      await expect(vault.connect(alice).withdraw(poor, usdc, 1n, alice))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(poor, equity - 10n ** 12n, initial);
      await clear({ account: poor, instrument: ETH_PERP, size: -WAD });
    });

    it("is not asked of a liquidator, who only takes over what is open already", async () => {
      const market = await load();
      const { marginEngine, clear, whale, poor, fund, dave, sink } = market;
      await sink(poor, [{ instrument: ETH_PERP, size: 10n * WAD }], {
        prices: { [ETH]: 2_850 },
        equity: ({ maintenance }) => (maintenance * 3n) / 4n,
      });
      await clear({ account: whale, instrument: ETH_PERP, size: 2_000n * WAD });
      // Enough for 10 ETH without the add-on, which is nearly a third of what their notional is above it.
      const into = await fund(dave, 0n, 2_500);
      await takeOver(market, poor, { by: dave, into });
      const { equity, initial } = await market.marginOf(into);
      const [position] = (await market.referenceOf(into)).positions;
      const plain = positionRequirement({ ...position!, crowding: 0n }).initial;
      expect(equity).to.be.within(plain, initial - 1n);
      await expect(marginEngine.requireInitial(into))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(into, equity, initial);
      await marginEngine.requireInitialOfLiquidator(into, []);
    });
  });
});

/** Alice and Carol have 1,000,000 dollars each in their first accounts; a whale has 25,000,000, and a poor account 5,000. */
async function deployMarketWith(connection: NetworkConnection, parameters: DeploymentParameters) {
  const market = await deployLiquidationMarketWith(connection, parameters);
  const { alice, carol, fund } = market;
  const first = await fund(alice, 0n, 1_000_000);
  const second = await fund(carol, 0n, 1_000_000);
  const whale = await fund(carol, 1n, 25_000_000);
  const poor = await fund(alice, 1n, 5_000);
  return { ...market, first, second, whale, poor };
}

async function deployWithCap(connection: NetworkConnection) {
  const market = await deployMarketWith(connection, stillParameters());
  await setCap(market, CAP);
  return market;
}

/** Alice is long 1,000 ETH when governance lowers the cap to 0. */
async function deployAboveCap(connection: NetworkConnection) {
  const market = await deployMarketWith(connection, stillParameters());
  await market.clear({ account: market.first, instrument: ETH_PERP, size: AT_CAP });
  await setCap(market, 0);
  return market;
}

async function setCap({ rules, asGovernance, marketOf }: Market, openInterestCap: number) {
  const { brackets, kinds, ...rates } = marketOf(ETH_PERP);
  expect([brackets.firstEnd, kinds]).to.deep.equal([1_000_000, ["perpetual"]]);
  await asGovernance(rules, "setUnderlying", [ETH, { ...rates, kinds: 2, openInterestCap }]);
}

/** Open interest is measured against 300,000 dollars. */
async function deployWithBase(connection: NetworkConnection) {
  const local = stillParameters();
  const liquidation = { ...local.liquidation, openInterestBase: BASE };
  return deployMarketWith(connection, { ...local, liquidation });
}
