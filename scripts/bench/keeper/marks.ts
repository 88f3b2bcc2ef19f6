import { accountId, perpetual, type AccountId } from "../../../sdk/ids.js";
import { MarginBook } from "../../../sdk/fast/book.js";
import type { AccountSnapshot, MarketSnapshot } from "../../../sdk/margin/snapshot.js";
import { parseWad, WAD } from "../../../sdk/wad.js";
import { createRandom } from "../../demo/random.js";

/** How large a book is measured. */
export interface BookSizes {
  readonly accounts: number;
  readonly positionsOfAccount: number;
  readonly underlyings: number;
}

/** What a run took. */
export interface MarkFigures {
  /** One account into the book, on average [microseconds]. */
  readonly put: number;
  /** After interest has accrued: every account [milliseconds]. */
  readonly markAll: Spread;
  /** After one price has moved: those that hold it [milliseconds]. */
  readonly markOne: Spread;
  /** The list of all that are below their line, nothing to mark [milliseconds]. */
  readonly below: Spread;
  /** How many these are. */
  readonly listed: number;
  /** Resident memory of the process [bytes]. */
  readonly resident: number;
}

/** [milliseconds] */
interface Spread {
  /** Of the processor, whatever else runs; the median. */
  readonly processor: number;
  readonly best: number;
  readonly median: number;
  readonly worst: number;
}

const ROUNDS = 25;
const MOST_TOKENS = 2;
const ACCOUNTS_AT_ONCE = 1000;

/** Loads a book of random accounts and measures what a keeper does with it all the time. */
export function measureMarks(sizes: BookSizes): MarkFigures {
  const book = new MarginBook();
  book.market.set(marketOf(sizes));
  const put = load(book, sizes);

  let round = 0n;
  const markAll = spreadOf(() => {
    round += 1n;
    book.market.setCashIndices({ supplyIndex: WAD + round, borrowIndex: WAD + 2n * round });
    return () => {
      book.mark();
    };
  });
  const markOne = spreadOf(() => {
    round += 1n;
    book.market.setPrice(1, { price: parseWad(2_000) + round * 10n ** 16n });
    return () => {
      book.mark();
    };
  });
  let listed = 0;
  const below = spreadOf(() => () => {
    listed = book.below().length;
  });
  return { put, markAll, markOne, below, listed, resident: process.memoryUsage().rss };
}

/** Fills a book; returns what one account took on average, without what it takes to invent it [microseconds]. */
function load(book: MarginBook, sizes: BookSizes): number {
  const random = createRandom(1).uniform;
  let taken = 0;
  for (let from = 0; from < sizes.accounts; from += ACCOUNTS_AT_ONCE) {
    const count = Math.min(ACCOUNTS_AT_ONCE, sizes.accounts - from);
    const accounts = Array.from({ length: count }, (_, i) => accountOf(from + i, sizes, random));
    const began = performance.now();
    for (const account of accounts) book.put(account);
    taken += performance.now() - began;
  }
  return (taken * 1000) / sizes.accounts;
}

/** Only what `prepare` returns is measured. */
function spreadOf(prepare: () => () => void): Spread {
  const times: number[] = [];
  const processor: number[] = [];
  for (let i = 0; i < ROUNDS; ++i) {
    const act = prepare();
    const [began, used] = [performance.now(), process.cpuUsage()];
    act();
    times.push(performance.now() - began);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1000);
  }
  for (const figures of [times, processor]) figures.sort((a, b) => a - b);
  const [best = 0, worst = 0] = [times[0], times.at(-1)];
  return { processor: middleOf(processor), best, median: middleOf(times), worst };
}

function middleOf(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1] ?? 0;
}

/** A market of perpetuals with size brackets, and of two tokens. */
export function marketOf({ underlyings }: Pick<BookSizes, "underlyings">): MarketSnapshot {
  const numbers = Array.from({ length: underlyings }, (_, i) => i + 1);
  const rates = {
    initialRate: parseWad("0.066"),
    maintenanceRate: parseWad("0.04"),
    brackets: {
      firstEnd: 1_000_000n,
      secondEnd: 5_000_000n,
      thirdEnd: 20_000_000n,
      secondFactorBps: 15_000n,
      thirdFactorBps: 25_000n,
      lastFactorBps: 50_000n,
    },
  };
  return {
    time: 0n,
    prices: new Map(numbers.map((number) => [number, parseWad(2_000 * number)])),
    lastPrices: new Map(),
    underlyings: new Map(numbers.map((number) => [number, rates])),
    tokens: Array.from({ length: MOST_TOKENS }, (_, place) => ({
      token: accountId("0x0000000000000000000000000000000000000001", place),
      decimals: 18,
      underlying: place + 1,
      maintenanceHaircutBps: 1_500n,
      initialHaircutBps: 2_000n,
    })),
    liquidation: {
      leastIncentiveBps: 1_000n,
      mostIncentiveBps: 6_000n,
      insuranceFeeBps: 1_000n,
      bufferBps: 1_500n,
      minimumMargin: 20n,
      minimumMarginOfItem: 5n,
      fundDrawCapBps: 1_000n,
      openInterestBase: 1_000_000n,
      mostInstruments: 32,
      gainsHaircutCapBps: 500n,
      lendersCapBps: 500n,
    },
    openInterest: new Map(numbers.map((number) => [perpetual(number), parseWad(1_000)])),
    fundCash: 0n,
  };
}

/** A price that is another one at every time, and near that of the market. */
export function pricesOfMarket(underlying: number, time: bigint): { price: bigint } {
  return { price: parseWad(2_000 * underlying) + (time % 97n) * 10n ** 16n };
}

/** Positions of $10 to $10,000,000, a quarter of the accounts with collateral, about one in a hundred below its line. */
function accountOf(place: number, sizes: BookSizes, random: () => number): AccountSnapshot {
  const first = Math.floor(random() * sizes.underlyings);
  let margin = 0;
  const positions = Array.from({ length: sizes.positionsOfAccount }, (_, i) => {
    const underlying = ((first + i) % sizes.underlyings) + 1;
    const notional = 10 ** (1 + 6 * random());
    margin += notional * 0.04;
    const size = (notional / (2_000 * underlying)) * (random() < 0.5 ? 1 : -1);
    const price = 2_000 * underlying * (0.97 + 0.06 * random());
    return {
      instrument: perpetual(underlying),
      size: BigInt(Math.round(size * 1e15)) * 1000n + 7n,
      realQuote: -BigInt(Math.round(size * price * 1e6)) * 10n ** 12n,
    };
  });
  const cash = margin * (0.9 + 10 * random());
  const tokens = random() < 0.25 ? 1 + Math.floor(random() * MOST_TOKENS) : 0;
  return {
    account: accountOfPlace(place),
    cash: BigInt(Math.round(cash * 1e6)) * 10n ** 12n + 11n,
    positions,
    collateral: Array.from({ length: tokens }, (_, token) => ({
      place: token,
      amount: BigInt(Math.round(random() * 1e6)) * 10n ** 12n,
    })),
  };
}

function accountOfPlace(place: number): AccountId {
  return `0x${place.toString(16).padStart(64, "0")}`;
}
