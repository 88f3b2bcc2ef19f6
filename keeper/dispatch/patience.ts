import type { BlockReference, Explanation } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";

/** Until when a key is left alone: until either is reached. */
export interface LeftAlone {
  readonly failures: number;
  /** From this block on it is tried again. */
  readonly block: number;
  /** From this time on it is tried again, however slow the blocks are [unix seconds]. */
  readonly time: bigint;
}

const HOUR = 3_600n;
/** A call whose world has changed is worth looking at again at once: what can be lost is a simulation. */
const MOST_BLOCKS_OF_RETRY = 2;
const FIRST_BLOCKS_OF_FATAL = 4;
const FIRST_BLOCKS_OF_WAIT = 2;
/** What is planned anew from each block waits no longer: an hour would be the end of an account that sinks. */
const MOST_BLOCKS_OF_PLANNED_ANEW = 8;
/** 2 to this power blocks are more than an hour on every chain that we know of. */
const MOST_DOUBLINGS = 16;

/**
 * For how long a key is left alone after a failure: by what the failure asks for, and doubled with each in a row.
 *
 * @param failure What it asks for.
 * @param failures Failures in a row, this one included; at which block; and whether the next one is planned anew.
 */
export function leftAloneAfter(
  { remedy, until }: Pick<Explanation, "remedy" | "until">,
  { failures, block, isPlannedAnew }: Failing,
): LeftAlone {
  const doubled = 2 ** Math.min(failures - 1, MOST_DOUBLINGS);
  const hourLater = block.time + HOUR;
  const after = (blocks: number, time = hourLater): LeftAlone => ({
    failures,
    block: block.number + blocks,
    time: time < hourLater ? time : hourLater,
  });
  if (isPlannedAnew === true && remedy !== "retry") {
    return after(Math.min(doubled, MOST_BLOCKS_OF_PLANNED_ANEW));
  }
  switch (remedy) {
    case "retry":
      return after(Math.min(doubled, MOST_BLOCKS_OF_RETRY));
    case "wait":
      // What names its time is not asked before; a time that has passed names none.
      return until === undefined || until <= block.time
        ? after(FIRST_BLOCKS_OF_WAIT * doubled)
        : after(Number.MAX_SAFE_INTEGER - block.number, until);
    case "fatal":
      return after(FIRST_BLOCKS_OF_FATAL * doubled);
  }
}

/** What failed, how often, and where. */
interface Failing extends Pick<Proposal, "isPlannedAnew"> {
  readonly failures: number;
  readonly block: BlockReference;
}

/** Keys that are left alone. Not kept in the database: after a restart each is tried once. */
export class Patience {
  private readonly keys = new Map<string, LeftAlone>();

  failed(
    { key, isPlannedAnew }: Pick<Proposal, "key" | "isPlannedAnew">,
    explanation: Pick<Explanation, "remedy" | "until">,
    block: BlockReference,
  ): void {
    const failures = (this.keys.get(key)?.failures ?? 0) + 1;
    const failing = { failures, block, ...(isPlannedAnew === true ? { isPlannedAnew } : {}) };
    this.keys.set(key, leftAloneAfter(explanation, failing));
  }

  succeeded(key: string): void {
    this.keys.delete(key);
  }

  isLeftAlone(key: string, { number, time }: BlockReference): boolean {
    const left = this.keys.get(key);
    return left !== undefined && number < left.block && time < left.time;
  }

  /** Forgets keys that nobody has asked for since long, so that memory stays flat. */
  forgetBefore({ time }: BlockReference): void {
    for (const [key, left] of this.keys) if (time > left.time + HOUR) this.keys.delete(key);
  }
}
