import type { BlockReference, Explanation } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";

/** Until when a key is left alone: until either is reached. */
export interface LeftAlone {
  readonly failures: number;
  /** Of them, those in a block: each has cost its gas. */
  readonly reverts: number;
  /** From this block on it is tried again. */
  readonly block: number;
  /** From this time on it is tried again, however slow the blocks are [unix seconds]. */
  readonly time: bigint;
}

const HOUR = 3_600n;
/** A call whose world has changed is worth looking at again at once: what can be lost is a simulation. */
const MOST_BLOCKS_OF_RETRY = 2;
/** But what passes when it is tried and reverts in its block again and again would empty the wallet, or is meant to. */
const MOST_BLOCKS_AFTER_REVERT = 16;
/** What is planned anew from each block waits no longer: an hour would be the end of an account that sinks. */
const MOST_BLOCKS_OF_PLANNED_ANEW = 8;
const FIRST_BLOCKS_OF_FATAL = 4;
const FIRST_BLOCKS_OF_WAIT = 2;
/** 2 to this power blocks are more than an hour on every chain that we know of. */
const MOST_DOUBLINGS = 16;

/**
 * For how long a key is left alone after a failure: by what the failure asks for, and doubled with each in a row.
 *
 * @param explanation What it asks for.
 * @param failing How often it failed, and where.
 */
export function leftAloneAfter(
  { remedy, until }: Pick<Explanation, "remedy" | "until">,
  { block, failures, isPlannedAnew, reverts = 0 }: Failing,
): LeftAlone {
  const doubled = 2 ** Math.min(failures - 1, MOST_DOUBLINGS);
  const hourLater = block.time + HOUR;
  const after = (blocks: number, time = hourLater): LeftAlone => ({
    ...{ failures, reverts },
    block: block.number + blocks,
    time: time < hourLater ? time : hourLater,
  });
  // The next one is another: it is as if the world had changed, whatever the reason was.
  if (isPlannedAnew === true) {
    const most = remedy === "retry" ? MOST_BLOCKS_OF_RETRY : MOST_BLOCKS_OF_PLANNED_ANEW;
    return after(Math.min(doubled, most));
  }
  switch (remedy) {
    case "retry":
      return after(
        Math.max(
          Math.min(doubled, MOST_BLOCKS_OF_RETRY),
          Math.min(2 ** (Math.min(reverts, MOST_DOUBLINGS) - 1), MOST_BLOCKS_AFTER_REVERT),
        ),
      );
    case "wait":
      // What names its time is not asked before; a time that has passed names none.
      return until === undefined || until <= block.time
        ? after(FIRST_BLOCKS_OF_WAIT * doubled)
        : after(Number.MAX_SAFE_INTEGER - block.number, until);
    case "fatal":
      return after(FIRST_BLOCKS_OF_FATAL * doubled);
  }
}

/** What failed, how often in a row, and where. */
interface Failing extends Pick<Proposal, "isPlannedAnew"> {
  /** This failure included. */
  readonly failures: number;
  /** Of them, those that were in a block. */
  readonly reverts?: number;
  readonly block: BlockReference;
}

type Failed = Pick<Proposal, "key" | "isPlannedAnew">;
type Reason = Pick<Explanation, "remedy" | "until">;

/** Keys that are left alone. Not kept in the database: after a restart each is tried once. */
export class Patience {
  private readonly keys = new Map<string, LeftAlone>();

  /** It was refused before it was sent, which costs nothing. */
  failed({ isPlannedAnew, key }: Failed, reason: Reason, block: BlockReference): void {
    const { failures = 0, reverts = 0 } = this.keys.get(key) ?? {};
    const anew = isPlannedAnew === true ? { isPlannedAnew } : {};
    // What would be refused now costs nothing to try: earlier reverts are no reason to wait.
    const left = leftAloneAfter(reason, { failures: failures + 1, block, ...anew });
    this.keys.set(key, { ...left, reverts });
  }

  /** It reverted in a block. */
  reverted({ isPlannedAnew, key }: Failed, reason: Reason, block: BlockReference): void {
    const { failures = 0, reverts = 0 } = this.keys.get(key) ?? {};
    const anew = isPlannedAnew === true ? { isPlannedAnew } : {};
    const counts = { failures: failures + 1, reverts: reverts + 1 };
    this.keys.set(key, leftAloneAfter(reason, { ...counts, block, ...anew }));
  }

  succeeded(key: string): void {
    this.keys.delete(key);
  }

  /** Whether it reverted in a block, and has not come through since. */
  hasReverted(key: string): boolean {
    return (this.keys.get(key)?.reverts ?? 0) > 0;
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
