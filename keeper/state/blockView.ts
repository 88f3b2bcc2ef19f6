import type { Logger } from "pino";
import {
  type AccountId,
  type AccountSnapshot,
  type BlockReference,
  type ChainBlock,
  CouldNotLook,
  type EventIndex,
  type FundSnapshot,
  fundSnapshotAt,
  type Margin,
  type MarginBook,
  marginOf,
  type MarketSnapshot,
  marketSnapshotAt,
  type PriceReading,
  snapshotterAt,
} from "../../sdk/index.js";
import { messageOf } from "../messageOf.js";
import type { FeedReadings } from "./feeds.js";
import type { Intake } from "./ingest.js";
import type { StateMetrics } from "./metrics.js";
import type { KeeperView } from "./view.js";

/** What a view is made of. */
export interface BlockViewOptions {
  readonly index: EventIndex;
  readonly block: BlockReference;
  readonly book: MarginBook;
  readonly market: MarketSnapshot;
  readonly readings: FeedReadings;
  readonly etherPrice: bigint | undefined;
  readonly intake: Intake;
  readonly failures: Failures;
}

/** Memory is of a later block than the view that was asked. */
export class PassedView extends CouldNotLook {
  constructor({ number }: BlockReference) {
    super(`Memory has gone on from block ${number}: look again at the last one`);
  }
}

/**
 * Everything that is known at a block. What few ask for is worked out when they do. Whoever asks when memory is of another
 * block already hears so, instead of getting what was true at no block at all.
 */
export class BlockView implements KeeperView {
  readonly block: BlockReference;
  readonly newBlocks: readonly ChainBlock[];
  readonly replacedFrom: number | undefined;
  readonly index: EventIndex;
  readonly market: MarketSnapshot;
  readonly prices: ReadonlyMap<number, PriceReading>;
  readonly etherPrice: bigint | undefined;
  readonly gasPrice: bigint;
  private readonly failures: Failures;
  private readonly bookOfBlock: MarginBook;
  private snapshotter: ((account: AccountId) => AccountSnapshot) | undefined;
  private fundSnapshot: FundSnapshot | undefined;

  constructor(options: BlockViewOptions) {
    const { block, book, etherPrice, failures, index, intake, market, readings } = options;
    [this.block, this.index, this.bookOfBlock, this.market] = [block, index, book, market];
    [this.newBlocks, this.replacedFrom] = [intake.blocks, intake.replacedFrom];
    [this.prices, this.gasPrice] = [readings.prices, readings.gasPrice];
    [this.etherPrice, this.failures] = [etherPrice, failures];
  }

  get book(): MarginBook {
    this.requireLast();
    return this.bookOfBlock;
  }

  get fund(): FundSnapshot {
    if (this.fundSnapshot === undefined) this.requireLast();
    this.fundSnapshot ??= fundSnapshotAt(this.index.state, this.block.time);
    return this.fundSnapshot;
  }

  snapshotOf(account: AccountId): AccountSnapshot {
    this.requireLast();
    this.snapshotter ??= snapshotterAt(this.index.state, this.block.time);
    return this.snapshotter(account);
  }

  marginOf(account: AccountId): Margin {
    return marginOf(this.snapshotOf(account), this.market);
  }

  failed(what: string, account: AccountId, error: unknown): void {
    // Of the view, and of no account.
    if (error instanceof PassedView) throw error;
    this.failures.note(what, account, error);
  }

  private requireLast(): void {
    if (this.index.tip?.hash !== this.block.hash) throw new PassedView(this.block);
  }
}

/** The market at a block with what could be read of prices. */
export function marketOf(
  index: EventIndex,
  { time }: BlockReference,
  { prices }: FeedReadings,
): MarketSnapshot {
  const today = new Map<number, bigint>();
  const last = new Map<number, bigint>();
  for (const [number, { lastPrice, price }] of prices) {
    if (price !== undefined) today.set(number, price);
    if (lastPrice !== undefined) last.set(number, lastPrice);
  }
  return marketSnapshotAt(index, time, { prices: today, lastPrices: last });
}

/** So many failures are remembered, so that each is in the log once and not with every block. */
const MOST_REMEMBERED = 10_000;

/** Takes down what went wrong with single accounts. */
export class Failures {
  private readonly told = new Set<string>();

  constructor(
    private readonly logger: Logger,
    private readonly metrics: Pick<StateMetrics, "failures">,
  ) {}

  note(what: string, account: AccountId, error: unknown): void {
    this.metrics.failures.inc({ what });
    const message = messageOf(error);
    const key = `${what} ${account} ${message}`;
    const isNew = !this.told.has(key);
    if (this.told.size >= MOST_REMEMBERED) this.told.clear();
    this.told.add(key);
    this.logger[isNew ? "warn" : "debug"]({ what, account, error: message }, "An account failed.");
  }
}
