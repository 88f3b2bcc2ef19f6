import { MarginBook } from "../../../sdk/fast/book.js";
import {
  type AccountId,
  EventIndex,
  sidesAt,
  snapshotterAt,
  underlyingOf,
} from "../../../sdk/index.js";
import { type Intake, takeInto, TRADES_OF_BLOCK } from "./intake.js";
import { marketOf, pricesOfMarket } from "./marks.js";
import { EventStream, MARKETS, STREAM_OPTIONS } from "./stream.js";

/** What the memory of a keeper takes. */
export interface MemoryFigures {
  readonly accounts: number;
  readonly positions: number;
  /** How fast it was filled. */
  readonly intake: Intake;
  /** The largest that was seen while blocks came in, all accounts being there [bytes]. */
  readonly resident: number;
  /** The largest of the whole life of the process, as the system counts it [bytes]. */
  readonly mostResident: number;
  /** Blocks that came in after the accounts. */
  readonly blocks: number;
  /** One such block in memory, with its accounts in the book and all accounts valued again; median and most [milliseconds]. */
  readonly block: { readonly median: number; readonly most: number };
  /** Of it, the typed arrays of accounts and book, and JavaScript's objects [bytes]. */
  readonly arrays: number;
  readonly objects: number;
}

const BLOCKS = 400;

/** Loads accounts from events into an index and a book, and lets blocks come in. */
export function measureMemory(accounts: number): MemoryFigures {
  const stream = new EventStream({ accounts, tradesOfBlock: TRADES_OF_BLOCK });
  const index = new EventIndex(STREAM_OPTIONS);
  const intake = takeInto(index, stream.load());
  const book = bookOf(index);

  const changed = new Set<AccountId>();
  index.onChange((table, key) => {
    if (table === "accounts") changed.add(key as AccountId);
  });
  let resident = process.memoryUsage.rss();
  const times: number[] = [];
  for (const block of stream.more()) {
    if (times.length === BLOCKS) break;
    const began = performance.now();
    index.apply(block);
    takeIn(book, index, changed);
    book.below();
    times.push(performance.now() - began);
    resident = Math.max(resident, process.memoryUsage.rss());
  }
  times.sort((a, b) => a - b);
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return {
    accounts: book.size,
    positions: book.columns.positions.live,
    intake,
    resident,
    mostResident: process.resourceUsage().maxRSS * 1024,
    blocks: times.length,
    block: { median: times[times.length >> 1] ?? 0, most: times.at(-1) ?? 0 },
    arrays: arrayBuffers,
    objects: heapUsed,
  };
}

/** A book of all that the index knows. */
function bookOf(index: EventIndex): MarginBook {
  const book = new MarginBook();
  book.market.set(marketOf({ underlyings: MARKETS }));
  const everybody = index.state.accounts.keys();
  takeIn(book, index, everybody);
  return book;
}

/** Brings accounts of the book to the index's tip, after the indices that all accounts share. */
function takeIn(book: MarginBook, { state, tip }: EventIndex, accounts: Iterable<AccountId>): void {
  const { time } = tip as NonNullable<typeof tip>;
  for (const instrument of state.funding.keys()) {
    book.market.setSideIndices(instrument, sidesAt(state, instrument, time));
    book.market.setPrice(underlyingOf(instrument), pricesOfMarket(underlyingOf(instrument), time));
  }
  const snapshotOf = snapshotterAt(state, time);
  for (const account of accounts) book.put(snapshotOf(account));
  if (accounts instanceof Set) accounts.clear();
}
