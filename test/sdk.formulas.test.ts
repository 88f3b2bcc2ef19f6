import { expect } from "chai";
import hre from "hardhat";
import {
  accruedPool,
  type CashPool,
  changedCash,
  chargedLenders,
  countedNotional,
  depthOf,
  figuresOf,
  fundingAfter,
  type FundingRules,
  fundingRateAt,
  fundingSince,
  type FundingState,
  loanRoomOf,
  mulUp,
  observedPremium,
  parseWad,
  perYear,
  premiumAt,
  presentOf,
  realQuoteOf,
  spareCash,
  storedQuoteOf,
  tradeQuoteOf,
  valueOf,
  WAD,
  withDebtMoved,
} from "../sdk/index.js";
import type { MockFormulas } from "../typechain-types/index.js";
import { randomFrom } from "./fixtures/random.js";

const CASES = 1_500;

type PoolCase = Awaited<ReturnType<typeof poolCase>>;
type FundingCase = ReturnType<typeof fundingCase>;

const random = randomFrom(77);
const { between, next } = random;

/** From 0 to ten to a power, as likely in each decade. */
function magnitude(decades: number): bigint {
  const decade = Math.floor(next() * (decades + 1));
  return decade === 0 ? 0n : between(10n ** BigInt(decade - 1), 10n ** BigInt(decade));
}

const signed = (value: bigint): bigint => (next() < 0.5 ? -value : value);

function bigintsOf<T extends object>(numbers: T): Record<keyof T, bigint> {
  const entries = Object.entries(numbers).map(([name, value]) => [name, BigInt(value as number)]);
  return Object.fromEntries(entries) as Record<keyof T, bigint>;
}

describe("The formulas of the SDK", function () {
  this.timeout(60_000);
  let formulas: MockFormulas;

  before(async () => {
    const { ethers } = await hre.network.create();
    formulas = await ethers.deployContract("MockFormulas");
  });

  it("accrue, change, charge and lend cash as the contracts do", async () => {
    const cases = Array.from({ length: CASES }, poolCase);
    const said: bigint[] = [];
    let time: bigint | undefined;
    for (const some of chunksOf(cases)) {
      const [now, ...words] = wordsOf(await formulas.pools.staticCall(some));
      time = now;
      said.push(...words);
    }
    const counts = { accrued: 0, indebted: 0, charged: 0, spare: 0 };
    const expected = cases.flatMap((one) => {
      const stored = poolOf(one, time!);
      const pool = accruedPool(stored, time!);
      const { principal, cash } = changedCash(one.principal, one.amount, pool);
      const moved = withDebtMoved(pool, one.principal, principal, time!);
      const charge = chargedLenders(moved, one.loss, one.capBps, time!);
      const terms = { ...pool, borrowCap: pool.rules.borrowCap };
      const spare = spareCash(terms, presentOf(one.principal, pool), one.least);
      counts.accrued += Number(pool.supplyIndex !== stored.supplyIndex);
      counts.indebted += Number(principal < 0n);
      counts.charged += Number(charge.borne > 0n);
      counts.spare += Number(spare > 0n);
      return [
        ...wordsOfPool(pool),
        ...Object.values(figuresOf(pool)),
        spare,
        loanRoomOf(terms),
        principal,
        cash,
        charge.borne,
        ...wordsOfPool(charge.pool),
      ];
    });
    expectSame(said, expected);
    for (const [name, count] of Object.entries(counts)) {
      expect(count, name).to.be.greaterThan(CASES / 6);
    }
  });

  it("count funding, premiums and positions as the contracts do", async () => {
    const cases = Array.from({ length: CASES }, fundingCase);
    const said: bigint[] = [];
    for (const some of chunksOf(cases)) said.push(...wordsOf(await formulas.fundings(some)));
    const counts = { faded: 0, observed: 0, moved: 0 };
    const expected = cases.flatMap((one) => {
      const state = stateOf(one);
      const rules = bigintsOf(one.rules) as unknown as FundingRules;
      const time = one.elapsed;
      const left = premiumAt(state, time);
      const notional = tradeQuoteOf(one.size, one.price);
      const trade = { taker: TAKER, maker: MAKER, ...one };
      const { openNotional } = one;
      const seen = observedPremium(one.price, one.mark, rules);
      const real = realQuoteOf(one.size, one.quote, one.index);
      const run = { trades: [trade], mark: one.mark, rules };
      const open = { openBefore: one.open, openAfter: one.open / 2n };
      const after = fundingAfter(state, { ...run, ...open }, time);
      counts.faded += Number(left === 0n && one.premium !== 0n);
      counts.observed += Number(seen !== 0n);
      counts.moved += Number(after.premium !== left);
      return [
        fundingSince(state, time),
        left,
        perYear(fundingRateAt(state, time)),
        countedNotional(notional < 0n ? -notional : notional, one.venueFees),
        seen,
        depthOf(openNotional, rules),
        after.premium,
        real,
        storedQuoteOf(one.size, real, one.index),
        valueOf(one.size, real, one.mark),
        notional,
      ];
    });
    expectSame(said, expected);
    for (const [name, count] of Object.entries(counts)) {
      expect(count, name).to.be.greaterThan(CASES / 10);
    }
  });
});

const TAKER = `0x${"11".repeat(20)}${"00".repeat(12)}` as const;
const MAKER = `0x${"22".repeat(20)}${"00".repeat(12)}` as const;

function poolCase() {
  const kinkBps = between(0n, 10_000n);
  const debt = next() < 0.2 ? 0n : magnitude(28);
  const tokens = magnitude(28);
  const rules = {
    baseBps: between(0n, 1_000n),
    slopeBps: between(0n, 4_000n),
    kinkBps,
    slopeAboveBps: between(0n, 20_000n),
    reservePercent: between(0n, 100n),
    borrowCap: magnitude(10),
  };
  const principal = next() < 0.4 && debt > 0n ? -between(0n, debt) : magnitude(27);
  return {
    rules,
    tokens,
    net: signed(magnitude(28)),
    debt,
    supplyIndex: next() < 0.2 ? WAD : between(parseWad("0.01"), parseWad(40)),
    borrowIndex: next() < 0.2 ? WAD : between(WAD, parseWad(60)),
    reserved: magnitude(24),
    lostShare: magnitude(16),
    elapsed: magnitude(7),
    lostAgo: magnitude(6),
    principal,
    amount: signed(magnitude(27)),
    least: signed(magnitude(27)),
    loss: magnitude(27),
    capBps: between(0n, 1_000n),
  };
}

function poolOf(one: PoolCase, time: bigint): CashPool {
  const { rules, tokens, net, debt, supplyIndex, borrowIndex, reserved, lostShare } = one;
  const times = { accruedAt: time - one.elapsed, lostAt: time - one.lostAgo };
  return { rules, tokens, net, debt, supplyIndex, borrowIndex, reserved, lostShare, ...times };
}

const wordsOfPool = (pool: CashPool): bigint[] => [
  pool.supplyIndex,
  pool.borrowIndex,
  pool.net,
  pool.debt,
  pool.reserved,
  pool.lostShare,
];

function fundingCase() {
  const cap = between(0n, 20_000n);
  const mark = magnitude(27) + 1n;
  const premium = signed(magnitude(13));
  const open = magnitude(24);
  return {
    rules: {
      interestMillionths: signed(between(0n, cap)),
      deadBandMillionths: between(0n, 10_000n),
      capMillionths: cap,
      depthShareBps: between(0n, 65_535n),
    },
    mark,
    premium,
    elapsed: next() < 0.5 ? between(0n, 300n) : magnitude(8),
    price: next() < 0.7 ? (mark * between(95_000n, 105_000n)) / 100_000n + 1n : magnitude(30) + 1n,
    venueFees: magnitude(24),
    open,
    openNotional: mulUp(open, mark),
    size: signed(magnitude(26) + 1n),
    quote: signed(magnitude(30)),
    index: next() < 0.2 ? 0n : signed(magnitude(24)),
  };
}

function stateOf({ mark, premium, rules }: FundingCase): FundingState {
  const interest = rules.interestMillionths;
  return { mark, premium, interest, longIndex: 0n, shortIndex: 0n, accruedAt: 0n };
}

/** A call for each hundred: the memory of one for all of them would cost seconds. */
function chunksOf<T>(cases: readonly T[]): T[][] {
  const places = Array.from({ length: Math.ceil(cases.length / 100) }, (_, i) => 100 * i);
  return places.map((from) => cases.slice(from, from + 100));
}

function wordsOf(packed: string): bigint[] {
  const words = packed.slice(2).match(/.{64}/g) ?? [];
  return words.map((word) => BigInt.asIntN(256, BigInt(`0x${word}`)));
}

/** Not `deep.equal`, which takes seconds to show what differs. */
function expectSame(said: readonly bigint[], computed: readonly bigint[]): void {
  expect(said.length).to.equal(computed.length);
  const place = said.findIndex((word, i) => word !== computed[i]);
  expect(place, `${said[place]} was said, and ${computed[place]} computed`).to.equal(-1);
}
