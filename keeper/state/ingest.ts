import {
  type BlockReference,
  type BlockSource,
  catchUp,
  type ChainBlock,
  CouldNotLook,
  type EventIndex,
  type Rpc,
  rpcSource,
} from "../../sdk/index.js";

/** What was taken in since it was last asked. */
export interface Intake {
  /** In order; a block that was replaced meanwhile is not among them. */
  readonly blocks: readonly ChainBlock[];
  /** The first block that was replaced, if any was. */
  readonly replacedFrom: number | undefined;
}

/** What blocks are taken in with. */
export interface IngestOptions {
  readonly rpc: Rpc;
  /** Of one question for logs. */
  readonly mostBlocks: number;
  /** Called as soon as the last block of the chain is known, before its logs are: what else is wanted of it can be asked. */
  readonly onHead: (head: BlockReference) => void;
}

/** Of so many logs blocks are kept for those who read them one by one; older ones are forgotten. */
const MOST_LOGS = 100_000;

/** Brings an index up to the chain's last block and keeps the blocks that came. */
export class Ingest {
  private readonly source: BlockSource;
  private readonly taken = new Map<string, ChainBlock>();
  private logs = 0;
  private replacedFrom: number | undefined;

  /**
   * @param index The one that is brought up to date.
   * @param options What with.
   * @param collectFrom The first block that is kept; none is while it is undefined and the index has not caught up once.
   */
  constructor(
    readonly index: EventIndex,
    private readonly options: IngestOptions,
    private collectFrom = index.tip && index.tip.number + 1,
  ) {
    const { addresses, topics } = index;
    this.source = this.collecting(rpcSource({ rpc: options.rpc, addresses, topics }));
  }

  /**
   * Takes in what there is.
   *
   * @throws CouldNotLook, ReorgTooDeep and IndexOutOfStep as `catchUp` does; what was taken in stays.
   */
  async catchUp(signal?: AbortSignal): Promise<void> {
    const { index, source } = this;
    const { mostBlocks } = this.options;
    let takenBack = 0;
    await catchUp(index, {
      source,
      mostBlocks,
      ...(signal && { signal }),
      onProgress: (progress) => {
        if (progress.takenBack === takenBack) return;
        takenBack = progress.takenBack;
        this.noteReplaced((progress.tip?.number ?? index.deployment.firstBlock - 1) + 1);
      },
    });
    this.collectFrom ??= index.tip && index.tip.number + 1;
  }

  /** Says that blocks from here on are others than those that were said. */
  noteReplaced(from: number): void {
    this.replacedFrom = Math.min(this.replacedFrom ?? from, from);
  }

  /** Gives what was taken in, once. */
  take(): Intake {
    const kept = new Map(this.index.history.kept.map(({ number, hash }) => [number, hash]));
    const blocks = [...this.taken.values()]
      .filter(({ number, hash }) => (kept.get(number) ?? hash) === hash)
      .sort((a, b) => a.number - b.number);
    const { replacedFrom } = this;
    this.taken.clear();
    [this.logs, this.replacedFrom] = [0, undefined];
    return { blocks, replacedFrom };
  }

  private collecting(source: BlockSource): BlockSource {
    return {
      blockAt: (number) => source.blockAt(number),
      head: async () => {
        const head = await source.head();
        this.requireAhead(head);
        this.options.onHead(head);
        return head;
      },
      blocks: async (range) => {
        const blocks = await source.blocks(range);
        for (const block of blocks) this.collect(block);
        return blocks;
      },
    };
  }

  /**
   * A node that has fallen behind looks like a chain that was cut off: blocks would be taken back, and everything decided on
   * what is long over. A reorganisation replaces blocks; until it has, there is nothing to be seen.
   */
  private requireAhead({ hash, number }: BlockReference): void {
    const { history, tip } = this.index;
    if (tip === undefined || number >= tip.number) return;
    if (history.kept.some((known) => known.number === number && known.hash === hash)) {
      throw new CouldNotLook(`The node is at block ${number}, and ${tip.number} was seen already`);
    }
  }

  private collect(block: ChainBlock): void {
    if (this.collectFrom === undefined || block.number < this.collectFrom) {
      // Blocks below are read again only when they were replaced.
      if (this.replacedFrom === undefined || block.number < this.replacedFrom) return;
    }
    this.logs += block.logs.length - (this.taken.get(block.hash)?.logs.length ?? 0);
    this.taken.set(block.hash, block);
    for (const [hash, { logs }] of this.taken) {
      if (this.logs <= MOST_LOGS || hash === block.hash) return;
      this.taken.delete(hash);
      this.logs -= logs.length;
    }
  }
}
