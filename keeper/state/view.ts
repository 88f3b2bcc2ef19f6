import type {
  AccountId,
  AccountSnapshot,
  BlockReference,
  ChainBlock,
  EventIndex,
  FundSnapshot,
  Margin,
  MarginBook,
  MarketSnapshot,
  PriceReading,
} from "../../sdk/index.js";

/** Everything that is known at a block. Roles read it; it is of this block until the next one comes. */
export interface KeeperView {
  /** The block up to which everything is known. */
  readonly block: BlockReference;
  /** What has been taken in since the view before, in order: for what only events say. After a reorganisation also blocks that replace others. */
  readonly newBlocks: readonly ChainBlock[];
  /** The first block that was replaced by `newBlocks`, if any was. */
  readonly replacedFrom: number | undefined;
  readonly index: EventIndex;
  /** Every account, near enough. */
  readonly book: MarginBook;
  /** The market at the block's time, exactly. */
  readonly market: MarketSnapshot;
  /** What the insurance fund may pay with, exactly. */
  readonly fund: FundSnapshot;
  /** By underlying: today's price, and the last accepted one where today's cannot be read [wad]. */
  readonly prices: ReadonlyMap<number, PriceReading>;
  /** One ether in the settlement currency; undefined while it cannot be read [wad]. */
  readonly etherPrice: bigint | undefined;
  /** What a unit of gas costs now, base fee and tip [wei]. */
  readonly gasPrice: bigint;
  /** An account at the block's time, exactly. */
  snapshotOf(account: AccountId): AccountSnapshot;
  /**
   * Its margin, exactly.
   *
   * @throws MissingPriceError when something that it has cannot be read.
   */
  marginOf(account: AccountId): Margin;
  /** Takes down that something went wrong with one account, for the log and the metrics. */
  failed(what: string, account: AccountId, error: unknown): void;
}
