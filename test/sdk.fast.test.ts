import { expect } from "chai";
import {
  type AccountSnapshot,
  MarginBook,
  marginOf,
  type MarketSnapshot,
  ratioOf,
  standardModel,
  WAD,
} from "../sdk/index.js";
import { randomFrom } from "./fixtures/random.js";
import {
  type Indices,
  NO_INDICES,
  ofAnySize,
  randomAccount,
  randomIndices,
  randomMarket,
  snapshotOf,
} from "./support/accounts.js";
import { usedOfBound } from "./support/floats.js";

const MARKETS = 200;
const ACCOUNTS_OF_MARKET = 50;

function bookOf(market: MarketSnapshot, accounts: readonly AccountSnapshot[] = []): MarginBook {
  const book = new MarginBook();
  book.market.set(market);
  for (const account of accounts) book.put(account);
  return book;
}

function setIndices(book: MarginBook, indices: Indices): void {
  book.market.setCashIndices(indices.cash);
  for (const [instrument, sides] of indices.sides) book.market.setSideIndices(instrument, sides);
}

/** Random accounts of one market, as snapshots of today. */
function accountsOf(seed: number, market: MarketSnapshot, count: number): AccountSnapshot[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, place) =>
    snapshotOf(randomAccount({ place, random, market, indices: NO_INDICES }), NO_INDICES),
  );
}

function expectSame(book: MarginBook, other: MarginBook, accounts: readonly AccountSnapshot[]) {
  for (const { account } of accounts) {
    const { equity, initial, maintenance } = book.marginOf(account)!;
    expect(other.marginOf(account), account).to.include({ equity, initial, maintenance });
  }
}

describe("MarginBook.marginOf, in 10,000 random cases", () => {
  const used: number[] = [];

  before("compares them with the exact mirror, after indices have moved", () => {
    for (let seed = 1; seed <= MARKETS; ++seed) {
      const market = randomMarket(seed);
      const [then, indices] = [randomIndices(seed), randomIndices(seed + MARKETS)];
      const random = randomFrom(seed);
      const accounts = Array.from({ length: ACCOUNTS_OF_MARKET }, (_, place) =>
        randomAccount({ place, random, market, indices }),
      );
      const book = bookOf(market);
      setIndices(book, then);
      for (const account of accounts) book.put(snapshotOf(account, then));
      setIndices(book, indices);
      for (const stored of accounts) {
        const exact = marginOf(snapshotOf(stored, indices), market);
        used.push(usedOfBound(book.marginOf(stored.account)!, exact));
      }
    }
    used.sort((a, b) => a - b);
  });

  it("is never further from the exact margin than the bound", () => {
    expect(used).to.have.length(MARKETS * ACCOUNTS_OF_MARKET);
    expect(used.at(-1)).to.be.lessThan(1);
  });

  it("has a bound that says something: half of the errors are above a hundredth, one is above a third", () => {
    expect(used[used.length >> 1]).to.be.greaterThan(0.01);
    expect(used.at(-1)).to.be.greaterThan(1 / 3);
  });
});

describe("MarginBook.below", () => {
  /** With cash that puts the account so many wei above its line. */
  function onLine(
    account: AccountSnapshot,
    market: MarketSnapshot,
    line: "initial" | "maintenance",
    above: bigint,
  ): AccountSnapshot {
    const margin = marginOf(account, market);
    return { ...account, cash: account.cash + margin[line] - margin.equity + above };
  }

  it("lists every account that is below its line, be it by one wei, and none that is clearly above", () => {
    let [listedBelow, sparedAbove] = [0, 0];
    for (let seed = 1; seed <= 40; ++seed) {
      const line = seed % 2 === 0 ? "initial" : "maintenance";
      const market = randomMarket(seed);
      const held = accountsOf(seed, market, 25).filter(({ positions }) => positions.length > 0);
      const bounds = bookOf(market, held);
      const moves = [-1n, 0n, 1n].map((above) =>
        held.map((account) => onLine(account, market, line, above)),
      );
      const clearly = held.map((account) => {
        const bound = BigInt(Math.ceil(bounds.marginOf(account.account)!.errorBound));
        return onLine(account, market, line, 4n * bound);
      });

      for (const accounts of [...moves, clearly]) {
        const listed = new Set(bookOf(market, accounts).below({ line }));
        for (const account of accounts) {
          const exact = marginOf(account, market);
          const isBelow = exact.equity < exact[line];
          if (isBelow) expect(listed, account.account).to.include(account.account);
          if (isBelow) ++listedBelow;
          if (accounts === clearly) expect(listed, account.account).not.to.include(account.account);
          if (accounts === clearly) ++sparedAbove;
        }
      }
    }
    expect(listedBelow).to.be.greaterThan(900);
    expect(sparedAbove).to.be.greaterThan(900);
  });

  it("lists with a guard those as well that are up to so much above their line", () => {
    const market = randomMarket(1);
    const all = accountsOf(1, market, 200).filter(({ positions }) => positions.length > 0);
    const book = bookOf(market, all);
    // Of a few wei the bound is more than a hundredth.
    const accounts = all.filter(({ account }) => {
      const { errorBound, maintenance } = book.marginOf(account)!;
      return errorBound < maintenance / 1_000;
    });
    expect(accounts).to.have.length.above(100);
    const above = (account: AccountSnapshot, percent: bigint) => {
      const { maintenance } = marginOf(account, market);
      return onLine(account, market, "maintenance", (maintenance * percent) / 100n + 1n);
    };
    const near = bookOf(
      market,
      accounts.map((account) => above(account, 4n)),
    );
    const far = bookOf(
      market,
      accounts.map((account) => above(account, 6n)),
    );
    expect(near.below({ guard: 0.05 })).to.have.length(accounts.length);
    expect(far.below({ guard: 0.05 })).to.have.length(0);
  });

  it("never lists an account without position and debt, however little it has", () => {
    const market = randomMarket(1);
    const [one] = accountsOf(1, market, 1);
    const poor = { ...one!, cash: 0n, positions: [] };
    expect(bookOf(market, [poor]).below({ guard: 10 })).to.deep.equal([]);
    expect(bookOf(market, [{ ...poor, cash: -1n }]).below({ guard: 10 })).to.have.length(1);
  });

  it("lists whoever holds what has never had a price, and values at the last price what has none now", () => {
    const market = randomMarket(2);
    const accounts = accountsOf(2, market, 100);
    const book = bookOf({ ...market, prices: new Map() }, accounts);
    const listed = book.below();
    for (const { account, positions, collateral, cash } of accounts) {
      const isRiskless = positions.length === 0 && cash >= 0n;
      const isListed = !isRiskless && positions.length + collateral.length > 0;
      if (isListed) expect(listed).to.include(account);
    }

    book.market.set({ ...market, prices: new Map(), lastPrices: market.prices });
    expectSame(book, bookOf(market, accounts), accounts);
    for (const { account, positions, collateral } of accounts) {
      const isRead = positions.length + collateral.length === 0;
      expect(book.marginOf(account)!.isRead).to.equal(isRead);
    }
  });
});

describe("MarginBook.market", () => {
  it("changes what it changes, and no account keeps a number of before", () => {
    const [market, other] = [randomMarket(3), randomMarket(4)];
    const tokens = other.tokens.map((token, i) => ({
      ...token,
      decimals: market.tokens[i]!.decimals,
    }));
    const accounts = accountsOf(3, market, 100);
    const book = bookOf(market, accounts);
    let mixed: MarketSnapshot = market;
    const expectFollowed = (change: Partial<MarketSnapshot>) => {
      mixed = { ...mixed, ...change };
      expectSame(book, bookOf(mixed, accounts), accounts);
    };

    for (const underlying of [1, 17, 32]) {
      const price = other.prices.get(underlying)!;
      book.market.setPrice(underlying, { price });
      expectFollowed({ prices: new Map(mixed.prices).set(underlying, price) });
      const rates = other.underlyings.get(underlying)!;
      book.market.setRates(underlying, rates);
      expectFollowed({ underlyings: new Map(mixed.underlyings).set(underlying, rates) });
    }
    for (const [instrument, size] of other.openInterest)
      book.market.setOpenInterest(instrument, size);
    expectFollowed({ openInterest: other.openInterest });
    book.market.setFundCash(other.fundCash * 1_000n);
    expectFollowed({ fundCash: other.fundCash * 1_000n });
    const liquidation = {
      ...market.liquidation,
      minimumMargin: 7n,
      minimumMarginOfItem: 3n,
      openInterestBase: 1n,
    };
    book.market.setLiquidation(liquidation);
    expectFollowed({ liquidation });
    book.market.setTokens(tokens);
    expectFollowed({ tokens });
    book.market.set({ ...other, tokens });
    expectFollowed({ ...other, tokens });
  });

  it("refuses a margin model that the book does not know", () => {
    const book = new MarginBook();
    book.market.set({ ...randomMarket(1), model: standardModel });
    const model = () => ({ initial: 0n, maintenance: 0n });
    expect(() => {
      book.market.set({ ...randomMarket(1), model });
    }).to.throw(RangeError, "standard margin model");
  });

  it("refuses to lose a token or its decimals, and an account with a token that is not on the list", () => {
    const market = randomMarket(1);
    const book = bookOf(market);
    const [first, ...rest] = market.tokens;
    const others = [{ ...first!, decimals: 5 }, ...rest];
    expect(() => {
      book.market.setTokens(others);
    }).to.throw(RangeError, "Token 0 has");
    expect(() => {
      book.market.setTokens(market.tokens.slice(0, 15));
    }).to.throw(RangeError, "Token 15 has");
    const [account] = accountsOf(1, market, 1);
    expect(() => {
      book.put({ ...account!, collateral: [{ place: 16, amount: 1n }] });
    }).to.throw(RangeError, "no token 16");
    expect(book.size).to.equal(0);
  });
});

describe("MarginBook.put and MarginBook.remove", () => {
  it("keep the accounts apart, however often they come, change and go", () => {
    const market = randomMarket(5);
    const random = randomFrom(5);
    const book = bookOf(market);
    const known = new Map<string, AccountSnapshot>();
    const variants = [accountsOf(5, market, 300), accountsOf(6, market, 300)];
    for (let step = 0; step < 20_000; ++step) {
      const account = random.pick(random.pick(variants));
      if (random.next() < 0.4) {
        expect(book.remove(account.account)).to.equal(known.delete(account.account));
      } else {
        book.put(account);
        known.set(account.account, account);
      }
    }
    const accounts = [...known.values()];
    expect(book.size).to.equal(accounts.length);
    expect(book.end).to.be.at.most(300);
    expectSame(book, bookOf(market, accounts), accounts);
    for (const { account } of accounts) {
      expect(book.accountAt(book.slotOf(account)!)).to.equal(account);
    }
  });

  it("leave no memory behind", () => {
    const market = randomMarket(7);
    const accounts = accountsOf(7, market, 1_000);
    const book = bookOf(market, accounts);
    const { positions } = book.columns;
    const most = positions.capacity;
    const live = positions.live;
    for (let round = 0; round < 20; ++round) {
      for (const account of accounts)
        book.put({ ...account, positions: account.positions.slice(round % 3) });
      expect(positions.capacity).to.be.at.most(2 * most);
    }
    for (const account of accounts) book.put(account);
    expect(positions.live).to.equal(live);
    for (const { account } of accounts) book.remove(account);
    expect([book.size, positions.live, book.below().length]).to.deep.equal([0, 0, 0]);
    expect(positions.capacity).to.be.lessThan(most / 2);
  });
});

describe("ratioOf", () => {
  it("is the float that is nearest to the WAD", () => {
    const random = randomFrom(8);
    for (let i = 0; i < 5_000; ++i) {
      const wad = random.pick([1n, -1n]) * ofAnySize(random, 0, 36);
      const ratio = ratioOf(wad);
      const step = 2 ** (Math.floor(Math.log2(Math.abs(ratio))) - 52);
      // Floats as integers of 2^-200.
      const off = (float: number) => {
        const scaled = BigInt(Math.round(float / step)) * BigInt(step * 2 ** 200) * WAD;
        const difference = scaled - (wad << 200n);
        return difference < 0n ? -difference : difference;
      };
      expect(off(ratio) <= off(ratio + step) && off(ratio) <= off(ratio - step), `${wad}`).to.be
        .true;
    }
    expect(ratioOf(0n)).to.equal(0);
    expect(ratioOf(-WAD)).to.equal(-1);
  });
});
