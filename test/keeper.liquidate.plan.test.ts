import { expect } from "chai";
import { gasOfLiquidation } from "../keeper/roles/liquidateCost.js";
import { planLiquidations, type PlanInput } from "../keeper/roles/liquidatePlan.js";
import { searchPlans } from "../keeper/roles/liquidateSearch.js";
import { type BelowLine, riskOf } from "../keeper/state/belowLine.js";
import {
  accountId,
  type AccountSnapshot,
  type FundSnapshot,
  marginOfLiquidator,
  marginOfValuation,
  type MarketSnapshot,
  parseWad,
  perpetual,
  sliceOf,
  valuationForLiquidation,
  WAD,
} from "../sdk/index.js";
import { OWNER } from "./support/accounts.js";

const ETH = 1;
const ETH_PERP = perpetual(ETH);
const GWEI = 10n ** 9n;

/** ETH is 3,000 dollars, margin 10 and 5 %; what is below the line pays a tenth of maintenance at least. */
const MARKET: MarketSnapshot = {
  time: 1_000_000n,
  prices: new Map([[ETH, parseWad(3_000)]]),
  lastPrices: new Map(),
  underlyings: new Map([
    [
      ETH,
      {
        initialRate: parseWad("0.1"),
        maintenanceRate: parseWad("0.05"),
        brackets: {
          ...{ firstEnd: 10n ** 9n, secondEnd: 2n * 10n ** 9n, thirdEnd: 3n * 10n ** 9n },
          ...{ secondFactorBps: 10_000n, thirdFactorBps: 10_000n, lastFactorBps: 10_000n },
        },
      },
    ],
  ]),
  tokens: [],
  liquidation: {
    ...{ leastIncentiveBps: 1_000n, mostIncentiveBps: 6_000n, insuranceFeeBps: 1_000n },
    ...{ bufferBps: 1_500n, minimumMargin: 20n, minimumMarginOfItem: 5n, mostInstruments: 32 },
    ...{ fundDrawCapBps: 5_000n, openInterestBase: 10n ** 9n },
    ...{ gainsHaircutCapBps: 500n, lendersCapBps: 0n },
  },
  openInterest: new Map([[ETH_PERP, parseWad(1_000)]]),
  fundCash: 0n,
};

const FUND: FundSnapshot = {
  ...{ reserve: 0n, interestReserve: 0n, deficit: 0n, feeShare: WAD, supplyIndex: WAD },
  draws: new Map(),
};

let lastNumber = 0n;

/** An account with a long position of so many ETH and so much equity [settlement currency]. */
function longOf(eth: number | string, equity: number | string): AccountSnapshot {
  const size = parseWad(eth);
  return {
    account: accountId(OWNER, ++lastNumber),
    cash: parseWad(equity),
    positions: [{ instrument: ETH_PERP, size, realQuote: -3_000n * size }],
    collateral: [],
  };
}

function below(snapshot: AccountSnapshot, market = MARKET): BelowLine {
  const margin = marginOfValuation(valuationForLiquidation(snapshot, market), market);
  return { account: snapshot.account, snapshot, margin, risk: riskOf(margin) };
}

function withCash(dollars: number): AccountSnapshot {
  return { account: accountId(OWNER), cash: parseWad(dollars), positions: [], collateral: [] };
}

function planOf(accounts: readonly AccountSnapshot[], changes: Partial<PlanInput> = {}) {
  return planLiquidations({
    accounts: accounts.map((account) => below(account, changes.market)),
    liquidator: withCash(1_000_000),
    market: MARKET,
    fund: FUND,
    indices: {
      cash: { supplyIndex: WAD, borrowIndex: WAD },
      sides: new Map([[ETH_PERP, { longIndex: 0n, shortIndex: 0n }]]),
    },
    gasPrice: GWEI,
    etherPrice: parseWad(3_000),
    rules: { leastProfit: 0n, reserve: 0n, slackBps: 50n, closeOutBps: 5n, most: 16 },
    ...changes,
  });
}

const RULES = { leastProfit: 0n, reserve: 0n, slackBps: 50n, closeOutBps: 5n, most: 16 };

describe("Plans of liquidations", () => {
  it("take all that an account may give where the liquidator's margin bears it", () => {
    const account = longOf(10, 1_000);
    const { left, plans } = planOf([account]);
    expect(left).to.deep.equal([]);
    const slice = sliceOf(account, MARKET, FUND);
    expect(plans[0]?.slice).to.deep.equal(slice);
    expect(slice.refusal).to.equal(undefined);
  });

  it("reckon gas, closing out and slack as they say", () => {
    const account = longOf(10, 1_000);
    const [plan] = planOf([account]).plans;
    const { fraction, settlement, terms } = plan!.slice;
    const discount = (terms.equity * fraction) / WAD - settlement.payment;
    // 30,000 dollars, and 220,000 gas of one gwei at 3,000 dollars.
    const notional = 30_000n * fraction;
    const worth = discount - notional / 2_000n;
    expect(plan!.profit).to.be.within(worth - parseWad("0.66") - 9n, worth - parseWad("0.66"));
    expect(plan!.mostCost).to.be.within(worth / 3_000n - 9n, worth / 3_000n);
    const slack = plan!.maxPayment - settlement.payment;
    expect(slack).to.be.within(notional / 200n, notional / 200n + 9n);
  });

  it("reckon the gas of valuing what the liquidator's account holds besides", () => {
    const position = (underlying: number) => ({
      instrument: perpetual(underlying),
      size: WAD,
      realQuote: 0n,
    });
    const token = (place: number) => ({ place, amount: WAD });
    const taken = { positions: [position(ETH)], collateral: [token(0)] };
    const full = {
      positions: [position(ETH), position(2), position(3)],
      collateral: [token(0), token(1)],
    };
    expect(gasOfLiquidation(taken, taken, false)).to.equal(280_000n);
    expect(gasOfLiquidation(taken, full, false)).to.equal(280_000n + 3n * 40_000n);
  });

  it("have a roomy limit of gas while gas is cheap beside what they are worth", () => {
    const account = longOf(10, 1_000);
    const roomyGasAt = (gasPrice: bigint) => planOf([account], { gasPrice }).plans[0]?.roomyGas;
    const { mostCost } = planOf([account]).plans[0]!;
    // Half as much again as 220,000, and ten times what that costs is what it is worth.
    const dearest = mostCost / (10n * 330_000n);
    expect([GWEI, dearest, dearest + 1n].map(roomyGasAt)).to.deep.equal([
      330_000n,
      330_000n,
      undefined,
    ]);
  });

  it("leave what is not worth its gas, and what the operator wants more for", () => {
    const account = longOf(10, 1_000);
    const dear = planOf([account], { gasPrice: 1_000n * GWEI });
    expect(dear.left.map(({ reason }) => reason)).to.deep.equal(["unprofitable"]);
    const greedy = planOf([account], { rules: { ...RULES, leastProfit: parseWad(10_000) } });
    expect(greedy.left.map(({ reason }) => reason)).to.deep.equal(["unprofitable"]);
    expect(
      planOf([account], { rules: { ...RULES, leastProfit: parseWad(10) } }).plans,
    ).to.have.length(1);
  });

  it("tell a bankrupt account that nobody pays for, and take it when the fund can", () => {
    const account = longOf(10, -500);
    const { left, plans } = planOf([account]);
    expect([plans, left.map(({ reason }) => reason)]).to.deep.equal([[], ["fundCannotPay"]]);
    const market = { ...MARKET, fundCash: parseWad(100_000) };
    const [plan] = planOf([account], { market }).plans;
    expect(plan?.fraction).to.equal(WAD);
    expect(plan?.slice.settlement.toInsurance).to.equal(plan?.slice.settlement.payment);
    expect(plan!.profit).to.be.above(0n);
  });

  it("do not spend the insurance fund twice", () => {
    // Each is due 500 and an incentive of 150 dollars; an instrument may draw half the fund, 1,200 dollars.
    const accounts = [longOf(10, -500), longOf(10, -500), longOf(10, -500)];
    const market = { ...MARKET, fundCash: parseWad(2_400) };
    const { left, plans } = planOf(accounts, { market });
    const paid = plans.reduce((sum, { slice }) => sum - slice.settlement.toInsurance, 0n);
    expect(paid).to.equal(parseWad(1_200));
    expect(plans).to.have.length(2);
    expect(left.map(({ reason }) => reason)).to.deep.equal(["fundCannotPay"]);
  });

  it("take as much of an account as fits, all slices together", () => {
    const accounts = [longOf(100, 10_000), longOf(100, 10_000)];
    const reserve = parseWad(1_000);
    const { plans } = planOf(accounts, {
      liquidator: withCash(12_000),
      rules: { ...RULES, reserve },
    });
    const { liquidator } = plans.at(-1)!;
    const { equity, initial } = marginOfLiquidator(liquidator, MARKET);
    expect(equity - initial).to.be.within(reserve, reserve + parseWad(100));
    const [alone] = planOf(accounts).plans;
    expect(plans[0]!.fraction).to.be.below(alone!.fraction);
    expect(plans[0]!.fraction).to.be.above(0n);
  });

  it("let a slice of the other side make room for the next", () => {
    const long = longOf(10, 1_000);
    const short: AccountSnapshot = {
      ...longOf(10, 1_000),
      positions: [{ instrument: ETH_PERP, size: parseWad(-10), realQuote: parseWad(30_000) }],
    };
    const liquidator = withCash(1_500);
    const alone = planOf([long], { liquidator }).plans[0]!;
    const both = planOf([short, long], { liquidator }).plans[1]!;
    expect(both.fraction).to.be.above(alone.fraction);
  });

  it("do not give away what is under way", () => {
    const [held, other] = [longOf(100, 10_000), longOf(100, 10_000)];
    const liquidator = withCash(10_000);
    const free = planOf([other], { liquidator }).plans[0]!;
    const { left, plans } = planOf([other], { liquidator, underWay: [below(held)] });
    expect(plans.map(({ account }) => account)).to.not.include(held.account);
    expect(plans[0]?.fraction ?? 0n).to.be.below(free.fraction / 10n);
    expect(left.length + plans.length).to.equal(1);
  });

  it("close a small account as a whole or leave it, never a part of it", () => {
    const account = longOf("0.1", 10);
    expect(planOf([account]).plans[0]?.fraction).to.equal(WAD);
    const { left } = planOf([account], { liquidator: withCash(10) });
    expect(left.map(({ reason }) => reason)).to.deep.equal(["doesNotFit"]);
  });

  it("are not held up by an account that cannot be computed", () => {
    const broken = longOf(10, 1_000);
    const unknown = {
      ...broken,
      positions: [{ ...broken.positions[0]!, instrument: perpetual(9) }],
    };
    const { margin } = below(broken);
    const accounts = [{ ...below(broken), snapshot: unknown, margin }, below(longOf(10, 1_000))];
    const { left, plans } = planOf([], { accounts });
    expect(left.map(({ reason }) => reason)).to.deep.equal(["failed"]);
    expect(plans).to.have.length(1);
  });

  it("are no more than may be sent, in the order given", () => {
    const accounts = [5, 4, 3].map((eth) => longOf(eth, 100));
    const { plans } = planOf(accounts, { rules: { ...RULES, most: 2 } });
    expect(plans.map(({ account }) => account)).to.deep.equal(
      accounts.slice(0, 2).map(({ account }) => account),
    );
  });

  it("let gas cost some times what it costs now when nobody knows what ether is worth", () => {
    const [plan] = planOf([longOf(10, 1_000)], { etherPrice: undefined }).plans;
    expect(plan?.mostCost).to.equal(4n * 220_000n * GWEI);
  });

  it("are found behind any number of accounts that are left", () => {
    const hopeless = Array.from({ length: 20 }, () => below(longOf(10, -5_000)));
    const hopeful = Array.from({ length: 20 }, () => below(longOf(1, 100)));
    const planned = (accounts: readonly BelowLine[]) =>
      planOf([], { accounts, rules: { ...RULES, most: 2 } });
    const search = (candidates: readonly BelowLine[]) =>
      searchPlans({
        candidates: candidates[Symbol.iterator]() as Iterator<BelowLine, undefined>,
        plan: planned,
        most: 2,
      });
    const found = search([...hopeless, ...hopeful]);
    expect(found.left).to.have.length(20);
    expect(found.plans.map(({ account }) => account)).to.deep.equal(
      hopeful.slice(0, 2).map(({ account }) => account),
    );
    expect(found.isWhole).to.equal(false);
    // More than are looked at in one block.
    const more = Array.from({ length: 20 }, () => below(longOf(10, -5_000)));
    const cut = search([...hopeless, ...more, ...hopeful]);
    expect([cut.plans, cut.isWhole, cut.left.length]).to.deep.equal([[], false, 32]);
    expect(search(hopeful.slice(0, 1))).to.include({ isWhole: true });
  });
});
