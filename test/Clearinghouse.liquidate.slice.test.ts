import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, mulDown, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { expectRestored, takeOver } from "./fixtures/takeover.js";
import { referenceFraction, referenceTerms, targetOf } from "./reference/liquidation.js";
import { type ReferenceMargin, referenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

/** One satoshi of WBTC at its price, and what rounds with it. */
const SATOSHI_VALUE = parseWad("0.00110001");

describe("Clearinghouse.liquidate: the slice", () => {
  let market: LiquidationMarket;
  let account: AccountId;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
    account = await market.fund(market.alice, 0n, 20_000);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const health =
    (percent: bigint) =>
    ({ maintenance }: ReferenceMargin) =>
      (maintenance * percent) / 100n;

  /** Long 100 ETH and short 1 BTC on cash and three collaterals. */
  async function sinkPortfolio(percent: bigint): Promise<ReferenceMargin> {
    await market.deposit(market.alice, { token: market.weth, amount: 2 });
    await market.deposit(market.alice, { token: market.wsteth, amount: 2 });
    await market.deposit(market.alice, { token: market.wbtc, amount: "0.5" });
    const legs = [
      { instrument: ETH_PERP, size: 100n * WAD },
      { instrument: BTC_PERP, size: -WAD },
    ];
    const prices = { [ETH]: 2_500, [BTC]: 101_000 };
    return market.sink(account, legs, { prices, equity: health(percent) });
  }

  async function sinkLong(size: bigint, percent: bigint, price = 2_800): Promise<ReferenceMargin> {
    const legs = [{ instrument: ETH_PERP, size }];
    return market.sink(account, legs, { prices: { [ETH]: price }, equity: health(percent) });
  }

  it("is the same fraction of every position, of cash and of each collateral", async () => {
    await sinkPortfolio(90n);
    const { vault, clearinghouse, rescuer, weth, wsteth, wbtc } = market;
    const cashBefore = await vault.cashOf(account);
    const open = await clearinghouse.openPositionsOf(account);
    const { fraction, toAccount, payment } = await takeOver(market, account);

    for (const { instrument, size, realQuote } of open) {
      const taken = size > 0n ? mulDown(size, fraction) : -mulDown(-size, fraction);
      const quote = -mulDown(-realQuote, fraction);
      const received = await clearinghouse.positionOf(rescuer, instrument);
      expect(received.size).to.equal(taken);
      expect(received.quote).to.be.closeTo(quote, 10n);
      expect((await clearinghouse.positionOf(account, instrument)).size).to.equal(size - taken);
    }
    for (const [token, held] of [
      [weth, 2n * WAD],
      [wsteth, 2n * WAD],
      [wbtc, 50_000_000n],
    ] as const) {
      expect(await vault.collateralOf(rescuer, token)).to.equal(mulDown(held, fraction));
      expect(await vault.collateralOf(account, token)).to.equal(held - mulDown(held, fraction));
    }
    const cashTaken = mulDown(cashBefore, fraction);
    expect(await vault.cashOf(account)).to.equal(cashBefore - cashTaken + toAccount);
    expect(await vault.cashOf(rescuer)).to.equal(parseWad(20_000_000) + cashTaken - payment);
  });

  it("takes the same fraction of a debt", async () => {
    await market.deposit(market.alice, { token: market.weth, amount: 20 });
    await market.sink(account, [{ instrument: ETH_PERP, size: 30n * WAD }], {
      prices: { [ETH]: 2_000 },
      equity: health(80n),
    });
    await market.clearinghouse.connect(market.stranger).settleVariation(account);
    const debt = await market.vault.cashOf(account);
    expect(debt).to.be.below(0n);
    const { fraction, toAccount } = await takeOver(market, account);
    expect(await market.vault.cashOf(account)).to.equal(debt - mulDown(debt, fraction) + toAccount);
  });

  it("says in events what every balance and position is afterwards", async () => {
    await sinkPortfolio(90n);
    const { vault, clearinghouse, rescuer, fundAccount, weth } = market;
    const before = await vault.cashOf(account);
    const { tx, fraction, toAccount, toInsurance } = await takeOver(market, account);
    for (const holder of [account, rescuer]) {
      const { size, quote } = await clearinghouse.positionOf(holder, ETH_PERP);
      await expect(tx)
        .to.emit(clearinghouse, "PositionChanged")
        .withArgs(holder, ETH_PERP, size, quote);
    }
    const held = await vault.collateralOf(account, weth);
    const received = await vault.collateralOf(rescuer, weth);
    await expect(tx)
      .to.emit(vault, "Transferred")
      .withArgs(account, rescuer, await weth.getAddress(), received, held, received);
    await expect(tx)
      .to.emit(vault, "CashPosted")
      .withArgs(account, toAccount - mulDown(before, fraction), await vault.cashOf(account));
    await expect(tx).to.emit(vault, "CashPosted").withArgs(fundAccount, toInsurance, toInsurance);
  });

  it("nets what the liquidator holds on the other side: open interest falls by it", async () => {
    const { clearinghouse, rescuer, house } = market;
    await market.clear({ account: rescuer, instrument: ETH_PERP, size: -1n * WAD });
    await sinkLong(10n * WAD, 60n);
    const before = await clearinghouse.openInterestOf(ETH_PERP);
    expect(before).to.equal(10n * WAD);
    const [open] = await clearinghouse.openPositionsOf(account);
    const { fraction } = await takeOver(market, account);
    const taken = mulDown(10n * WAD, fraction);
    expect(taken).to.be.above(WAD);

    const quote = mulDown(open?.realQuote ?? 0n, fraction);
    const { size, quote: left } = await clearinghouse.positionOf(rescuer, ETH_PERP);
    expect(size).to.equal(taken - WAD);
    // A flip keeps the whole quote: nothing is realised until the position is gone.
    expect(left).to.be.closeTo(parseWad(3_000) + quote, 10n);
    expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(9n * WAD);
    expect((await clearinghouse.positionOf(house, ETH_PERP)).size).to.equal(-9n * WAD);
  });

  it("closes the whole position of a liquidator on the other side: its real quote becomes cash", async () => {
    const { clearinghouse, vault, rescuer, house } = market;
    await sinkLong(10n * WAD, 20n);
    await market.clear({
      account: rescuer,
      instrument: ETH_PERP,
      size: -10n * WAD,
      price: parseWad(2_900),
    });
    const cashBefore = await vault.cashOf(rescuer);
    const accountCash = await vault.cashOf(account);
    const [held] = await clearinghouse.openPositionsOf(rescuer);
    const [taken] = await clearinghouse.openPositionsOf(account);
    const { payment } = await takeOver(market, account);
    expect(await clearinghouse.instrumentsOf(rescuer)).to.deep.equal([]);
    expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(0n);
    // Bought at 3,000 with the slice, and charged fees for it; sold at 2,900 before.
    const realised = (held?.realQuote ?? 0n) + (taken?.realQuote ?? 0n);
    expect(realised).to.be.below(10n * parseWad(2_900 - 3_000));
    const expected = cashBefore + accountCash + realised - payment;
    expect(await vault.cashOf(rescuer)).to.equal(expected);
    expect((await clearinghouse.positionOf(house, ETH_PERP)).size).to.equal(0n);
  });

  it("grows what the liquidator holds on the same side: open interest stays", async () => {
    const { clearinghouse, rescuer } = market;
    await market.clear({ account: rescuer, instrument: ETH_PERP, size: 3n * WAD });
    await sinkLong(10n * WAD, 60n);
    const { fraction } = await takeOver(market, account);
    const { size } = await clearinghouse.positionOf(rescuer, ETH_PERP);
    expect(size).to.equal(3n * WAD + mulDown(10n * WAD, fraction));
    expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(13n * WAD);
  });

  describe("its size", () => {
    for (const percent of [99n, 90n, 75n, 60n, 50n, 48n]) {
      it(`restores an account at ${percent} % of its line to the buffer, by the closed form`, async () => {
        const { equity, maintenance } = await sinkLong(10n * WAD, percent);
        const { fraction, after } = await takeOver(market, account);
        const exact = referenceFraction(equity, maintenance, market.parameters.liquidation);
        expect(fraction - exact).to.equal(10n ** 9n);
        expectRestored(market, after, parseWad("0.000002"));
      });
    }

    it("restores a portfolio with coarse collateral", async () => {
      await sinkPortfolio(80n);
      const { after } = await takeOver(market, account);
      expectRestored(market, after, SATOSHI_VALUE);
    });

    it("is the whole account when its equity cannot restore it, and nothing is left", async () => {
      await sinkLong(10n * WAD, 46n);
      const { fraction, after, toAccount } = await takeOver(market, account);
      expect(fraction).to.equal(WAD);
      expect(toAccount).to.equal(0n);
      expect(after).to.deep.include({ equity: 0n, maintenance: 0n, initial: 0n, cash: 0n });
      expect(await market.clearinghouse.instrumentsOf(account)).to.deep.equal([]);
    });

    it("is the whole account when the slice that restores it would leave dust (LQ5)", async () => {
      // 1,064 x (1 - f) is about 8 dollars: below the minimum margin of 25.
      const { equity, maintenance } = await sinkLong(10n * WAD, 47n);
      const closedForm = referenceFraction(equity, maintenance, market.parameters.liquidation);
      expect(closedForm).to.be.below(WAD);
      const { fraction, after, toAccount } = await takeOver(market, account);
      expect(fraction).to.equal(WAD);
      expect(toAccount).to.be.above(0n);
      expect(after).to.deep.include({ equity: toAccount, maintenance: 0n });
    });

    it("is the least that reaches the target, to a thousandth, where brackets make the requirement convex", async () => {
      await market.fund(market.alice, 0n, 3_000_000);
      const { equity, maintenance } = await sinkLong(5_000n * WAD, 60n, 2_600);
      const { fraction, after, before } = await takeOver(market, account);
      const { liquidation: rules } = market.parameters;
      const target = targetOf(after.maintenance, rules);
      expectRestored(market, after, targetOf(maintenance, rules) / 1_000n);
      expect(target).to.be.below(after.equity);

      // A slice smaller by a thousandth does not reach the target.
      const smaller = fraction - fraction / 1_000n - WAD / 1_000n;
      const { receives } = referenceTerms(equity, maintenance, rules);
      const left = before.reference.positions.map((held) => ({
        ...held,
        size: mulDown(held.size, WAD - smaller),
      }));
      const rest = referenceMargin({ ...before.reference, positions: left }, rules);
      const equityLeft = mulDown(equity, WAD - smaller) + mulDown(receives, smaller);
      expect(equityLeft).to.be.below(targetOf(rest.maintenance, rules));
      expect(fraction).to.be.below(referenceFraction(equity, maintenance, rules));
    });
  });
});
