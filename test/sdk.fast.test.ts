import { expect } from "chai";
import {
  marginOf,
  type AccountSnapshot,
  type FastMargin,
  type Margin,
  MarginBook,
  type MarketSnapshot,
} from "../sdk/index.js";
import { randomFrom } from "./fixtures/random.js";
import {
  type Indices,
  randomAccount,
  randomIndices,
  randomMarket,
  snapshotOf,
} from "./support/accounts.js";

const MARKETS = 200;
const ACCOUNTS_OF_MARKET = 50;

/** How far a float is from an integer; exact but for the last bit. */
function distance(float: number, exact: bigint): number {
  const whole = Math.floor(float);
  return Math.abs(Number(exact - BigInt(whole)) - (float - whole));
}

/** The largest of an account's errors as a part of its bound. */
function usedBound(fast: FastMargin, exact: Margin): number {
  const errors = (["equity", "initial", "maintenance"] as const).map((name) =>
    distance(fast[name], exact[name]),
  );
  return Math.max(...errors) / fast.errorBound;
}

function setIndices(book: MarginBook, indices: Indices): void {
  book.market.setCashIndices(indices.cash);
  for (const [instrument, sides] of indices.sides) book.market.setSideIndices(instrument, sides);
}

describe("The fast mirror: against the exact one", () => {
  const used: number[] = [];
  let [below, listedInVain] = [0, 0];

  for (let seed = 1; seed <= MARKETS; ++seed) {
    const market = randomMarket(seed);
    const [then, now] = [randomIndices(seed), randomIndices(seed + MARKETS)];
    const random = randomFrom(seed);
    const book = new MarginBook();
    book.market.set(market);
    setIndices(book, then);
    const accounts = Array.from({ length: ACCOUNTS_OF_MARKET }, (_, place) =>
      randomAccount(place, random, market, now),
    );
    for (const account of accounts) book.put(snapshotOf(account, then));
    setIndices(book, now);
    const listed = new Set(book.below());
    for (const account of accounts) {
      const exact = marginOf(snapshotOf(account, now), market);
      const part = usedBound(book.marginOf(account.account)!, exact);
      used.push(part);
      if (part > 1) console.log(seed, part, account, exact, book.marginOf(account.account));
      const isBelow = exact.equity < exact.maintenance;
      if (isBelow) ++below;
      if (isBelow && !listed.has(account.account)) console.log("missed", seed, account);
      if (!isBelow && listed.has(account.account)) ++listedInVain;
    }
  }
  used.sort((a, b) => a - b);
  console.log(
    used.length,
    below,
    listedInVain,
    used[0],
    used[5000],
    used[9000],
    used[9900],
    used.at(-1),
  );
  it("x", () => {
    expect(true).to.equal(true);
  });
});
