import type { Logger } from "pino";
import {
  type AccountId,
  type BlockReference,
  CouldNotLook,
  type EventIndex,
  IndexOutOfStep,
  type MarginBook,
  type Plimsoll,
  ReorgTooDeep,
} from "../../sdk/index.js";
import type { Chain } from "../chain/chain.js";
import type { Clock } from "../clock.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import { BlockView, Failures, marketOf } from "./blockView.js";
import { BookFollower } from "./bookFollower.js";
import { messageOf } from "../messageOf.js";
import { type FeedReadings, Feeds, pricedUnderlyings } from "./feeds.js";
import { Ingest } from "./ingest.js";
import type { StateMetrics } from "./metrics.js";
import { modelProblem } from "./modelProblem.js";
import type { KeeperView } from "./view.js";

/** What the state is made of. */
export interface StateOptions {
  readonly chain: Pick<Chain, "rpc">;
  readonly plimsoll: Pick<Plimsoll, "deployment" | "oracle">;
  /** New, or restored from a checkpoint. */
  readonly index: EventIndex;
  /** Makes an index that knows nothing yet, for when the one there is broken. */
  readonly rebuild: () => EventIndex;
  readonly config: Pick<KeeperConfig, "rpc" | "dispatch">;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: StateMetrics;
}

/** So often events may contradict what is known before the index is built again: a node may have left some out. */
const MOST_CONTRADICTIONS = 3;
/**
 * The index is not built again for differences sooner than this after it was, twice as long after each time: while it is
 * built nothing is seen, and what building it does not mend must not blind the keeper again and again [milliseconds].
 */
const REBUILD_PAUSE = 600_000;
const MOST_DOUBLINGS = 8;

/** Everything that the keeper knows, of one block. It is brought to the next one by `update`. */
export class KeeperState {
  private follower: BookFollower;
  private ingest: Ingest;
  private readonly feeds: Feeds;
  private readonly failures: Failures;
  /** The block of the last view. */
  private viewed: BlockReference | undefined;
  /** What goes on; updates take turns. */
  private last: Promise<unknown> = Promise.resolve();
  private contradictions = 0;
  private rebuiltAt: number | undefined;
  private isRebuildDue = false;
  private rebuilds = 0;
  private failingFeeds: ReadonlyMap<number, string> = new Map();
  /** Accounts that memory may be wrong about: the audit looks at them first. */
  readonly suspects = new Set<AccountId>();
  /** Whether margins are computed as the engine in charge does; if not, only the Lens knows who is below the line. */
  isModelKnown = true;

  constructor(private readonly options: StateOptions) {
    const { chain, index, logger, metrics, plimsoll } = options;
    this.feeds = new Feeds({ rpc: chain.rpc, plimsoll });
    this.failures = new Failures(logger, metrics);
    this.follower = this.followerOf(index);
    this.ingest = this.ingestOf(index);
  }

  /** The index that is followed: another one after it had to be built again. */
  get index(): EventIndex {
    return this.ingest.index;
  }

  /** The book that is in step with it, as of the last view. */
  get book(): MarginBook {
    return this.follower.book;
  }

  /**
   * Brings everything to the last block of the chain.
   *
   * @returns Nothing while there is no block after the one of the last view, or the deployment is not complete.
   * @throws CouldNotLook when a node did not answer: what was taken in stays, the next update goes on from there.
   */
  update(signal?: AbortSignal): Promise<KeeperView | undefined> {
    const turn = this.last.then(() => this.updateNow(signal));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** Says that memory may be wrong about an account: an alarm until the audit finds it right. */
  suspect(account: AccountId, detail: string): void {
    this.suspects.add(account);
    this.options.alarms.raise("memoryWrong", "", `${account}: ${detail}`);
    this.options.logger.error({ account, detail }, "Memory differs from the chain.");
  }

  /** Puts accounts into the book again, from the index. */
  putAgain(accounts: Iterable<AccountId>): void {
    this.follower.putAgain(accounts);
  }

  /** The index is wrong: the next update builds it again, unless that was done just now. */
  rebuildSoon(): void {
    const { rebuiltAt, rebuilds } = this;
    const pause = REBUILD_PAUSE * 2 ** Math.min(Math.max(rebuilds - 1, 0), MOST_DOUBLINGS);
    const isRecent = rebuiltAt !== undefined && this.options.clock.now() - rebuiltAt < pause;
    if (!isRecent) this.isRebuildDue = true;
  }

  private async updateNow(signal?: AbortSignal): Promise<KeeperView | undefined> {
    const { clock, metrics } = this.options;
    const begun = clock.now();
    if (this.isRebuildDue) this.replaceIndex("The audit found it wrong");
    await this.catchUp(signal);
    const { index } = this;
    const { state, tip } = index;
    if (tip === undefined || state.singles.liquidation === undefined) return undefined;
    if (tip.hash === this.viewed?.hash) return undefined;

    const readings = await this.feeds.read(tip, this.underlyings());
    this.tellOfFeeds(readings);
    this.lookAtModel(tip);
    const market = marketOf(index, tip, readings);
    await this.follower.bring(market);

    const intake = this.ingest.take();
    metrics.blocksTaken.inc(intake.blocks.length);
    if (intake.replacedFrom !== undefined) metrics.replacements.inc();
    metrics.block.set(tip.number);
    metrics.accounts.set(state.accounts.size);
    metrics.updateSeconds.observe((clock.now() - begun) / 1_000);
    this.viewed = tip;
    const ether = readings.prices.get(this.options.config.dispatch.etherUnderlying);
    const etherPrice = ether?.price ?? ether?.lastPrice;
    const { book, failures } = this;
    return new BlockView({
      ...{ index, block: tip, book, market, readings, etherPrice, intake, failures },
    });
  }

  /** Takes in events; an index that they contradict, or that cannot go back far enough, is built again. */
  private async catchUp(signal?: AbortSignal): Promise<void> {
    const { alarms, logger } = this.options;
    try {
      await this.ingest.catchUp(signal);
    } catch (error) {
      const isContradiction = error instanceof IndexOutOfStep;
      if (!isContradiction && !(error instanceof ReorgTooDeep)) throw error;
      alarms.raise("indexBroken", "", error.message);
      logger.error({ error: error.message }, "The index cannot go on.");
      if (isContradiction && ++this.contradictions < MOST_CONTRADICTIONS) {
        throw new CouldNotLook(error.message, { cause: error });
      }
      this.replaceIndex(error.message);
      await this.catchUp(signal);
    }
    this.contradictions = 0;
    alarms.clear("indexBroken", "");
  }

  /** Forgets everything and begins again from the first block. */
  private replaceIndex(reason: string): void {
    const { clock, logger, metrics, rebuild } = this.options;
    const oldest = this.index.history.kept[0]?.number;
    const index = rebuild();
    logger.warn({ reason }, "The index is built again from the first block.");
    metrics.rebuilds.inc();
    ++this.rebuilds;
    this.follower = this.followerOf(index);
    this.ingest = this.ingestOf(index, oldest);
    if (oldest !== undefined) this.ingest.noteReplaced(oldest);
    [this.rebuiltAt, this.isRebuildDue, this.contradictions] = [clock.now(), false, 0];
    this.viewed = undefined;
  }

  /** What cannot be in the book is looked at by the audit after each block. */
  private followerOf(index: EventIndex): BookFollower {
    return new BookFollower(index, (account, error) => {
      this.suspect(account, `It cannot be put into the book: ${messageOf(error)}`);
    });
  }

  private ingestOf(index: EventIndex, collectFrom?: number): Ingest {
    const { chain, config } = this.options;
    const { mostBlocks } = config.rpc;
    const onHead = (head: BlockReference): void => {
      // Worth asking ahead only for the block that a view will be of.
      if (index.tip !== undefined) this.feeds.begin(head, this.underlyings());
    };
    return new Ingest(index, { rpc: chain.rpc, mostBlocks, onHead }, collectFrom);
  }

  private underlyings(): Set<number> {
    const numbers = pricedUnderlyings(this.index.state);
    const { etherUnderlying } = this.options.config.dispatch;
    if (this.index.state.sources.has(etherUnderlying)) numbers.add(etherUnderlying);
    return numbers;
  }

  private tellOfFeeds({ refusals }: FeedReadings): void {
    const { alarms, logger } = this.options;
    for (const [number, sentence] of refusals) {
      alarms.raise("feedDead", String(number), sentence);
      if (!this.failingFeeds.has(number)) {
        logger.error({ underlying: number, sentence }, "A price cannot be read.");
      }
    }
    for (const number of this.failingFeeds.keys()) {
      if (!refusals.has(number)) alarms.clear("feedDead", String(number));
    }
    this.failingFeeds = refusals;
  }

  private lookAtModel(tip: BlockReference): void {
    const { alarms, plimsoll } = this.options;
    const problem = modelProblem(this.index.state, plimsoll.deployment, tip.time);
    if (problem === undefined) alarms.clear("modelUnknown", "");
    else alarms.raise("modelUnknown", "", problem);
    this.isModelKnown = problem === undefined;
  }
}

/** Makes the state. It asks nothing before the first update. */
export function createState(options: StateOptions): KeeperState {
  return new KeeperState(options);
}
