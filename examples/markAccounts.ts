import {
  type AccountId,
  accountSnapshotAt,
  cashPoolAt,
  type EventIndex,
  MarginBook,
  marginOf,
  marketSnapshotAt,
  sidesAt,
  snapshotterAt,
} from "../sdk/index.js";

/** What moves all margins without an event. */
export interface Moment {
  /** By underlying [wad]. */
  readonly prices: ReadonlyMap<number, bigint>;
  /** Not before the index's last block [unix seconds]. */
  readonly time: bigint;
}

/** A book of all accounts that an index knows: what a keeper values again with each price. */
export function fillBook(index: EventIndex, { prices, time }: Moment): MarginBook {
  const book = new MarginBook();
  // Indices first: a snapshot is taken to be of the moment at which the market has them.
  accrue(book, index, time);
  book.market.set(marketSnapshotAt(index, time, { prices }));
  const snapshotOf = snapshotterAt(index.state, time);
  for (const account of index.state.accounts.keys()) book.put(snapshotOf(account));
  return book;
}

/**
 * Which accounts are below their maintenance margin: the book names all of them and, within its error bound, some that are
 * not; the exact arithmetic tells. An account that an event has changed must be `put` anew before.
 */
export function liquidatableIn(
  book: MarginBook,
  index: EventIndex,
  { prices, time }: Moment,
): AccountId[] {
  accrue(book, index, time);
  for (const [underlying, price] of prices) book.market.setPrice(underlying, { price });
  const market = marketSnapshotAt(index, time, { prices });
  return book.below().filter((account) => {
    const { equity, maintenance } = marginOf(accountSnapshotAt(index.state, account, time), market);
    return equity < maintenance;
  });
}

/** Interest and funding move the indices of all accounts together: no account is touched. */
function accrue({ market }: MarginBook, { state }: EventIndex, time: bigint): void {
  market.setCashIndices(cashPoolAt(state, time));
  for (const instrument of state.funding.keys()) {
    market.setSideIndices(instrument, sidesAt(state, instrument, time));
  }
}
