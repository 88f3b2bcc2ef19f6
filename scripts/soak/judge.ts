import type { AccountId } from "../../sdk/index.js";

/** What the judge is told of a block, as it is in the chain. */
export interface JudgedBlock {
  readonly number: number;
  /** Accounts that are below the line when it ends. */
  readonly below: readonly AccountId[];
  /** Liquidations that passed in it. */
  readonly liquidated: readonly AccountId[];
  /** Liquidations that reverted in it. */
  readonly reverted: readonly AccountId[];
  /** Whether, since the block before, a keeper was there all the time. */
  readonly isKept: boolean;
}

/** An account that was left below the line. */
export interface Missed {
  readonly account: AccountId;
  /** The block in which it had waited too long. */
  readonly block: number;
}

/** A liquidation that was sent although another had just done it. */
export interface SentTwice {
  readonly account: AccountId;
  readonly block: number;
}

/** What a run came to. */
export interface Verdict {
  readonly blocks: number;
  /** Blocks after which no keeper was there. */
  readonly unkept: number;
  readonly liquidations: number;
  readonly reverted: number;
  /** How many blocks accounts waited for, at most. */
  readonly longestWait: number;
  readonly missed: readonly Missed[];
  readonly sentTwice: readonly SentTwice[];
}

/** So many blocks an account may stay below the line while a keeper is there. */
export const PATIENCE = 2;
/** A liquidation that is done so long is known to every keeper [blocks]. */
const SOON = 2;
/** More blocks than any reorganisation of a run replaces. */
const KEPT = 16;

/** What is known after a block. */
interface State {
  readonly block: JudgedBlock;
  /** For how many blocks each account has waited while a keeper was there. */
  readonly waits: ReadonlyMap<AccountId, number>;
}

/** Judges a run block by block; blocks that a reorganisation replaced do not count. */
export class Judge {
  private readonly states: State[] = [];
  private readonly missed = new Map<string, Missed>();
  private readonly sentTwice = new Map<string, SentTwice>();
  private readonly counts = new Map<number, JudgedBlock>();
  private longestWait = 0;

  /** The blocks from this one on are no longer in the chain. */
  takeBack(from: number): void {
    while ((this.states.at(-1)?.block.number ?? -1) >= from) this.states.pop();
    for (const known of [this.missed, this.sentTwice]) {
      for (const [key, { block }] of known) if (block >= from) known.delete(key);
    }
    for (const number of this.counts.keys()) if (number >= from) this.counts.delete(number);
  }

  /** Takes in the next block. */
  take(block: JudgedBlock): void {
    const before = this.states.at(-1)?.waits ?? new Map<AccountId, number>();
    const waits = new Map<AccountId, number>();
    const liquidated = new Set(block.liquidated);
    for (const account of block.below) {
      const waited = before.get(account);
      // In the block in which it falls below nobody could do anything yet; a slice that was not enough is a new beginning.
      const isNew = waited === undefined || liquidated.has(account);
      const wait = isNew ? 0 : waited + (block.isKept ? 1 : 0);
      waits.set(account, wait);
      this.longestWait = Math.max(this.longestWait, wait);
      if (wait > PATIENCE) {
        this.missed.set(`${account} ${block.number - wait}`, { account, block: block.number });
      }
    }
    this.findSentTwice(block);
    this.counts.set(block.number, block);
    this.states.push({ block, waits });
    if (this.states.length > KEPT) this.states.shift();
  }

  /** What it has come to so far. */
  verdict(): Verdict {
    const blocks = [...this.counts.values()];
    const sum = (figure: (block: JudgedBlock) => number): number =>
      blocks.reduce((total, block) => total + figure(block), 0);
    return {
      blocks: blocks.length,
      unkept: sum(({ isKept }) => (isKept ? 0 : 1)),
      liquidations: sum(({ liquidated }) => liquidated.length),
      reverted: sum(({ reverted }) => reverted.length),
      longestWait: this.longestWait,
      missed: [...this.missed.values()],
      sentTwice: [...this.sentTwice.values()],
    };
  }

  /**
   * One that reverted was sent twice if another of the account passed in its block, or shortly before and has left nothing
   * to do. Where the account was below the line all the same, it was sent once more for a good reason, and the price came
   * back. Every block has all that waits, so nothing in it was sent before the block before it was there.
   */
  private findSentTwice(block: JudgedBlock): void {
    const recent = this.states
      .map((state) => state.block)
      .filter(({ number }) => number >= block.number - SOON);
    const wasBelow = new Set(recent.at(-1)?.below);
    for (const account of block.reverted) {
      const wasDone = recent.some(({ liquidated }) => liquidated.includes(account));
      if (!block.liquidated.includes(account) && (!wasDone || wasBelow.has(account))) continue;
      this.sentTwice.set(`${account} ${block.number}`, { account, block: block.number });
    }
  }
}
