import { setImmediate } from "node:timers/promises";
import {
  type AccountId,
  type CashIndices,
  cashPoolAt,
  type EventIndex,
  MarginBook,
  type MarketSnapshot,
  sidesAt,
  snapshotterAt,
} from "../../sdk/index.js";

/** After so many accounts the process looks at what else there is. */
const PIECE = 2_000;

/** Keeps a book in step with an index: what a block has written is put again, and nothing else. */
export class BookFollower {
  readonly book = new MarginBook();
  private readonly changed = new Set<AccountId>();
  /** Whether all accounts were put once. */
  private isLoaded = false;
  private cash: CashIndices | undefined;

  /**
   * @param index The one that is followed.
   * @param failed Told of an account that could not be put: the book goes on without it.
   */
  constructor(
    private readonly index: EventIndex,
    private readonly failed: (account: AccountId, error: unknown) => void,
  ) {
    index.onChange((table, key) => {
      if (table === "accounts" && this.isLoaded) this.changed.add(key as AccountId);
    });
  }

  /**
   * Brings the book to the time of a market. Indices come first: what is put is taken to be of the moment at which the book
   * has its indices. The index must not move meanwhile.
   */
  async bring(market: MarketSnapshot): Promise<void> {
    const { book, index } = this;
    const { state } = index;
    const { time } = market;
    this.setCashIndices(cashPoolAt(state, time));
    for (const instrument of state.funding.keys()) {
      book.market.setSideIndices(instrument, sidesAt(state, instrument, time));
    }
    // Only rows that come out otherwise than before concern accounts.
    book.market.set(market);
    await this.putAll(time);
  }

  /** Puts accounts again, though nothing has written them. */
  putAgain(accounts: Iterable<AccountId>): void {
    for (const account of accounts) this.changed.add(account);
  }

  /** Cash concerns every account: they are valued again only when its indices have moved. */
  private setCashIndices({ borrowIndex, supplyIndex }: CashIndices): void {
    const { cash } = this;
    if (cash?.supplyIndex === supplyIndex && cash.borrowIndex === borrowIndex) return;
    this.cash = { borrowIndex, supplyIndex };
    this.book.market.setCashIndices(this.cash);
  }

  /** One that cannot be put must not keep all others from being valued: what the book had of it is no longer so. */
  private put(account: AccountId, snapshotOf: ReturnType<typeof snapshotterAt>): void {
    try {
      this.book.put(snapshotOf(account));
    } catch (error) {
      this.book.remove(account);
      this.failed(account, error);
    }
  }

  private async putAll(time: bigint): Promise<void> {
    const { book, changed, index, isLoaded } = this;
    const { accounts } = index.state;
    const snapshotOf = snapshotterAt(index.state, time);
    let count = 0;
    for (const account of isLoaded ? changed : accounts.keys()) {
      if (accounts.has(account)) this.put(account, snapshotOf);
      else book.remove(account);
      if (++count % PIECE === 0) await setImmediate();
    }
    changed.clear();
    this.isLoaded = true;
  }
}
