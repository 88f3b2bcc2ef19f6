import { expect } from "chai";
import type { NetworkConnection } from "hardhat/types/network";
import hre from "hardhat";
import { readParameters } from "../ignition/parameters.js";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import {
  bearersOf,
  deployLendersMarket,
  equitiesOf,
  flagAndWait,
  sinkBelow,
} from "./fixtures/default.js";
import { deployLiquidationMarketWith, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();

const SIZE = 100n * WAD;

/** docs/waterfall.md tells this story with these figures: change both together. */
describe("The worked example of docs/waterfall.md", () => {
  let market: LiquidationMarket;
  let account: AccountId;
  /** Has cash and nothing else. */
  let lender: AccountId;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLendersMarket);
    const { vault, clearinghouse, house, fundAccount } = market;
    lender = await market.fund(market.dave, 0n, 56_000);
    await market.endow(8_000);
    account = await sinkBelow(market, 30_000, {
      legs: [{ instrument: ETH_PERP, size: SIZE }],
      prices: { [ETH]: 2_500 },
      stake: 60_000,
    });
    await clearinghouse.connect(market.stranger).settleVariation(account);
    const cash = [house, lender, fundAccount, account].map((each) => vault.cashOf(each));
    expect(await Promise.all(cash)).to.deep.equal(
      [1_040_000, 56_000, 8_000, -30_000].map(parseWad),
    );
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** Flags, waits, closes all of it against the house. */
  async function resolve() {
    await flagAndWait(market, account);
    return market.clearinghouse.deleverage(account, market.house, ETH_PERP, SIZE);
  }

  it("charges 30,000 dollars in this order: 4,000 fund, 12,500 winners, 11,000 lenders, 2,500 deficit", async () => {
    const { clearinghouse, vault, house } = market;
    const [before] = await equitiesOf(market, [house]);
    await expect(resolve())
      .to.emit(clearinghouse, "Deleveraged")
      .withArgs(account, house, ETH_PERP, -SIZE, parseWad(2_500), parseWad(30_000))
      .and.to.emit(clearinghouse, "GainsHaircut")
      .withArgs(ETH_PERP, false, parseWad(12_500), -parseWad(125))
      .and.to.emit(vault, "LendersCharged")
      .withArgs(parseWad(11_000), (WAD * 99n) / 100n)
      .and.to.emit(clearinghouse, "DeficitChanged")
      .withArgs(parseWad(2_500));
    const { fund, ...others } = await bearersOf(market);
    expect(others).to.deep.equal({
      longIndex: 0n,
      shortIndex: -parseWad(125),
      deficit: parseWad(2_500),
    });
    // Half of it for the loss, and 40 of the rest as a lender, rounded against it.
    expect(fund).to.be.within(parseWad(3_960) - 2n, parseWad(3_960));
    expect(await vault.cashOf(lender)).to.equal(parseWad(55_440));
    const [after] = await equitiesOf(market, [house]);
    expect(before! - after!).to.be.within(parseWad(22_900), parseWad(22_900) + 2n);
    expect(await equitiesOf(market, [account])).to.deep.equal([0n]);
  });

  it("repays the deficit: 1,500 from fees of 3,000, and 1,000 from what somebody gave to the fund", async () => {
    const { clearinghouse } = market;
    await resolve();
    const trade = await market.tradeOf({ account: lender, instrument: BTC_PERP, size: 1n });
    await market.venue.clear([{ ...trade, taker: { ...trade.taker, fee: parseWad(3_000) } }]);
    await expect(clearinghouse.distributeFees())
      .to.emit(clearinghouse, "DeficitChanged")
      .withArgs(parseWad(1_000));
    await market.endow(5_000);
    await expect(clearinghouse.connect(market.stranger).repayDeficit())
      .to.emit(clearinghouse, "DeficitChanged")
      .withArgs(0n);
    expect((await bearersOf(market)).fund).to.be.within(
      parseWad(7_960) - WAD / 1_000n,
      parseWad(7_960),
    );
  });
});

describe("A liquidation whose loss reaches lenders", () => {
  for (const isSettled of [true, false]) {
    const what = isSettled ? "settled before" : "still in its quote";
    it(`costs the liquidator its own share of 5,000 and no more, where the account's loss was ${what}`, async () => {
      const market = await networkHelpers.loadFixture(deployLendersMarket);
      const own = await market.fund(market.liquidator, 0n, 500_000);
      const account = await sinkBelow(market, 30_000, {
        legs: [{ instrument: ETH_PERP, size: SIZE }],
        prices: { [ETH]: 2_500 },
        stake: 60_000,
      });
      if (isSettled) await market.clearinghouse.settleVariation(account);
      const [before] = await equitiesOf(market, [own]);
      await market.liquidate(account);
      const [after] = await equitiesOf(market, [own]);
      expect(before! - after!).to.be.within(parseWad(5_000), parseWad(5_000) + 10n);
      await expectBooks(market);
    });
  }
});

/** Funding and interest run, as in the local parameters. */
async function deployAlive(network: NetworkConnection) {
  return deployLiquidationMarketWith(network, readParameters("local"));
}

describe("The default process while funding and interest run", () => {
  it("resolves a bankrupt account, and the books balance", async () => {
    const market = await networkHelpers.loadFixture(deployAlive);
    const { clearinghouse, vault, marginEngine, house, stranger, parameters } = market;
    await market.endow(1_000);
    const account = await market.fund(market.alice, 0n, 25_000);
    const winner = await market.fund(market.carol, 0n, 50_000);
    await market.clear(
      { account, instrument: ETH_PERP, size: SIZE, price: parseWad(3_010) },
      { account: winner, instrument: ETH_PERP, size: -SIZE / 2n, price: parseWad(3_010) },
    );
    await market.setPrice(ETH, 2_700);
    await market.passTime(600n);
    await clearinghouse.settleVariation(account);
    await flagAndWait(market, account);
    expect((await clearinghouse.fundingOf(ETH_PERP)).longIndex).to.be.above(0n);
    const lacking = -(await marginEngine.marginOf(account)).equity;
    expect(lacking).to.be.within(parseWad(5_000), parseWad(7_000));
    for (const [against, size] of [
      [winner, SIZE / 2n],
      [house, SIZE / 2n],
    ] as const) {
      await clearinghouse.connect(stranger).deleverage(account, against, ETH_PERP, size);
      await expectBooks(market);
    }
    expect(await clearinghouse.instrumentsOf(account)).to.deep.equal([]);
    expect(parameters.liquidation.lendersCapBps).to.equal(100);
    // Between looking and closing some seconds of funding and interest are due.
    const events = await clearinghouse.queryFilter(clearinghouse.filters.Deleveraged(account));
    const charged = events.reduce((total, { args }) => total + args.loss, 0n);
    expect(charged).to.be.within(lacking, lacking + parseWad(1));
    if ((await vault.cashOf(account)) < 0n) await clearinghouse.writeOff(account);
    expect(await vault.cashOf(account)).to.equal(0n);
    await expectBooks(market);
  });
});
