import { CouldNotLook, NotTheNextBlock, ReorgTooDeep } from "./errors.js";
import type { BlockReference, EventIndex } from "./eventIndex.js";
import type { BlockSource } from "./source.js";

/** What a look at the chain has brought. */
export interface Progress {
  /** Blocks that were taken in. */
  readonly applied: number;
  /** Blocks that were taken back: the chain was reorganised. */
  readonly takenBack: number;
  /** The block up to which everything is known. */
  readonly tip: BlockReference | undefined;
}

/** How an index is brought up to date. */
export interface CatchUpOptions {
  readonly source: BlockSource;
  /** Ends it between two questions; what was taken in stays. */
  readonly signal?: AbortSignal;
  /** The most blocks that are asked for at a time; 2,000 if nothing is said. */
  readonly mostBlocks?: number;
  /** So many of the last blocks are left until others stand on them; none if nothing is said. */
  readonly confirmations?: number;
  /** Called after each piece. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How the chain is followed. */
export interface FollowOptions extends CatchUpOptions {
  readonly signal: AbortSignal;
  /** Between two looks [milliseconds]. */
  readonly pause: number;
  /** Told of each look that failed; the next one comes after the same pause. */
  readonly onCouldNotLook: (error: CouldNotLook) => void;
}

/** So often the chain may change in one look before it is given up. */
const MOST_CHANGES = 5;

/**
 * Brings an index up to the last block of the chain. Blocks that the chain no longer has are taken back first, until the last
 * one that both know.
 *
 * @throws CouldNotLook when the node does not answer, or is itself behind all that can be taken back: what was taken in stays,
 * and nothing is known of what came later.
 * @throws ReorgTooDeep when more blocks were replaced than the index can take back.
 * @throws IndexOutOfStep when the events contradict each other.
 */
export async function catchUp(index: EventIndex, options: CatchUpOptions): Promise<Progress> {
  let progress: Progress = { applied: 0, takenBack: 0, tip: index.tip };
  for (let changes = 0; ; ++changes) {
    try {
      for await (const step of steps(index, options)) {
        progress = {
          applied: progress.applied + step.applied,
          takenBack: progress.takenBack + step.takenBack,
          tip: index.tip,
        };
        options.onProgress?.(progress);
      }
      return progress;
    } catch (error) {
      if (!(error instanceof NotTheNextBlock)) throw error;
      // It was reorganised while it was read: look again from the common ancestor on.
      if (changes === MOST_CHANGES) {
        throw new CouldNotLook(`The chain keeps changing: ${error.message}`, { cause: error });
      }
    }
  }
}

/** Catches up again and again until it is told to stop. Ends with every error but CouldNotLook. */
export async function follow(index: EventIndex, options: FollowOptions): Promise<void> {
  const { onCouldNotLook, pause, signal } = options;
  while (!signal.aborted) {
    try {
      await catchUp(index, options);
    } catch (error) {
      if (isAborted(signal)) return;
      if (!(error instanceof CouldNotLook)) throw error;
      onCouldNotLook(error);
    }
    await untilNext(pause, signal);
  }
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function* steps(
  index: EventIndex,
  options: CatchUpOptions,
): AsyncGenerator<Pick<Progress, "applied" | "takenBack">> {
  const { confirmations = 0, mostBlocks = 2_000, signal, source } = options;
  signal?.throwIfAborted();
  let head = await source.head();
  if (!standsOn(head, index.tip)) {
    const takenBack = await rewind(index, source);
    if (takenBack > 0) yield { applied: 0, takenBack };
    head = await source.head();
  }
  const last = head.number - confirmations;
  // Only what may still change must hang together block by block.
  const allFrom = last - index.keptBlocks;
  let from = index.tip === undefined ? index.deployment.firstBlock : index.tip.number + 1;
  while (from <= last) {
    signal?.throwIfAborted();
    const to = Math.min(from + mostBlocks - 1, last);
    const blocks = await source.blocks({ allFrom, from, to });
    signal?.throwIfAborted();
    for (const block of blocks) index.apply(block);
    yield { applied: blocks.length, takenBack: 0 };
    from = to + 1;
  }
}

/** Whether the last block is the one that is known or its child: then nothing of what is known was replaced. */
function standsOn(head: BlockReference, tip: BlockReference | undefined): boolean {
  if (tip === undefined || head.hash === tip.hash) return true;
  return head.number === tip.number + 1 && head.parentHash === tip.hash;
}

/**
 * Takes back what the chain no longer has; returns how many blocks that were. Nothing is taken back before the last block is
 * found that both know, so that a node that falls silent, or has not come so far yet, leaves the index as it is.
 */
async function rewind(index: EventIndex, source: BlockSource): Promise<number> {
  const { isWhole, kept } = index.history;
  const [oldest] = kept;
  let common = kept.length - 1;
  for (; common >= 0; --common) {
    const block = kept[common];
    if (block && (await source.blockAt(block.number))?.hash === block.hash) break;
  }
  if (oldest !== undefined && common < 0) {
    const { number } = await source.head();
    if (number < oldest.number) {
      throw new CouldNotLook(`The node is at block ${number}, behind all that can be taken back`);
    }
    if (!isWhole) throw new ReorgTooDeep(oldest.number);
  }
  const replaced = kept.length - 1 - common;
  for (let i = 0; i < replaced; ++i) index.takeBack();
  return replaced;
}

function untilNext(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
