import type { Clock } from "../clock.js";
import type { Head } from "./node.js";

/** How heads are waited for. */
export interface HeadsOptions {
  readonly clock: Clock;
  /** The longest pause before a block that a look did not reach is offered again [milliseconds]. */
  readonly mostPause: number;
}

/** How a wait ended. */
export interface Offer {
  /** Whether the block was offered before, and the look after that did not reach it. */
  readonly isRepeated: boolean;
}

/** A node that just announced a block may need a moment until it answers questions about it. */
const FIRST_PAUSE_MILLISECONDS = 20;
/** Offers of one block, and then silence until something else happens. */
const MOST_OFFERS = 50;
/** Hashes that are remembered. */
const KEPT = 1_024;

/**
 * Signs of new blocks from all nodes and sockets. A sign is a block after the last that was seen, another block in place of
 * one that was seen, or a chain that became shorter: each wakes whoever waits at once.
 */
export class Heads {
  /** When a block came that nobody had told of before [unix milliseconds]. */
  newAt: number;
  /** When a new block had another time than the one before [unix milliseconds]. */
  timeMovedAt: number;
  /** The block that was told of last. */
  newest: Head | undefined;

  /** The last block of each source. */
  private readonly tips = new Map<string, Head>();
  private readonly known = new Set<string>();
  private readonly served = new Set<string>();
  /** How often a block was offered. */
  private readonly offers = new Map<string, number>();
  private wentBack = false;
  private readonly waiting = new Set<() => void>();
  private readonly closing = new AbortController();

  constructor(private readonly options: HeadsOptions) {
    this.newAt = this.timeMovedAt = options.clock.now();
  }

  /** A block was given to the keeper: it is no news any more. */
  serve({ hash }: Head): void {
    keep(this.served, hash);
  }

  /**
   * A source has this block as its last one.
   *
   * @returns Whether nobody had told of it before.
   */
  announce(source: string, head: Head): boolean {
    const before = this.tips.get(source);
    this.tips.set(source, head);
    const isNew = !this.known.has(head.hash);
    if (isNew) {
      keep(this.known, head.hash);
      this.newAt = this.options.clock.now();
      if (head.time !== this.newest?.time) this.timeMovedAt = this.newAt;
      this.newest = head;
    }
    if (before !== undefined && before.number > head.number) {
      this.wentBack = true;
      // What others said before that is over; those that still have it say so again.
      for (const [name, tip] of this.tips) if (tip.number > head.number) this.tips.delete(name);
    }
    for (const wake of this.waiting) wake();
    return isNew;
  }

  /** A source is no longer believed. */
  forget(source: string): void {
    this.tips.delete(source);
  }

  /** Nobody waits any longer, now or later. */
  close(): void {
    this.closing.abort();
  }

  /** Resolves at the next sign, when the signal is aborted, and at the latest after so long [milliseconds]. */
  async next(after: number, options: { signal: AbortSignal; atMost: number }): Promise<Offer> {
    const { atMost, signal } = options;
    if (signal.aborted || this.closing.signal.aborted) return { isRepeated: false };
    const offer = this.take(after);
    if (offer !== undefined) return offer;

    const woken = new AbortController();
    const found: { offer?: Offer | undefined } = {};
    const wake = (): void => {
      found.offer ??= this.take(after);
      if (found.offer !== undefined) woken.abort();
    };
    const stop = (): void => {
      woken.abort();
    };
    this.waiting.add(wake);
    signal.addEventListener("abort", stop);
    this.closing.signal.addEventListener("abort", stop);
    const pause = this.pauseAfter(after);
    await this.options.clock.sleep(Math.min(atMost, pause ?? atMost), woken.signal);
    this.waiting.delete(wake);
    signal.removeEventListener("abort", stop);
    this.closing.signal.removeEventListener("abort", stop);
    if (found.offer !== undefined || isAborted(signal) || pause === undefined) {
      return found.offer ?? { isRepeated: false };
    }
    for (const { hash } of this.beyond(after)) this.count(hash);
    return { isRepeated: true };
  }

  /** Something that was not offered yet, if there is anything. */
  private take(after: number): Offer | undefined {
    const fresh = [...this.tips.values()].filter(
      ({ hash, number }) => !this.offers.has(hash) && (number > after || !this.served.has(hash)),
    );
    if (fresh.length === 0 && !this.wentBack) return undefined;
    this.wentBack = false;
    for (const { hash } of fresh) this.count(hash);
    return { isRepeated: false };
  }

  /** How long to wait before a block that was offered in vain is offered again. */
  private pauseAfter(after: number): number | undefined {
    const offers = this.beyond(after).map(({ hash }) => this.offers.get(hash) ?? 0);
    if (offers.length === 0) return undefined;
    const pause = FIRST_PAUSE_MILLISECONDS * 2 ** (Math.min(...offers) - 1);
    return Math.min(pause, this.options.mostPause);
  }

  private beyond(after: number): Head[] {
    return [...this.tips.values()].filter(
      ({ hash, number }) => number > after && (this.offers.get(hash) ?? 0) < MOST_OFFERS,
    );
  }

  private count(hash: string): void {
    const before = this.offers.get(hash) ?? 0;
    this.offers.delete(hash);
    this.offers.set(hash, before + 1);
    forgetOldest(this.offers);
  }
}

function keep(hashes: Set<string>, hash: string): void {
  hashes.add(hash);
  forgetOldest(hashes);
}

function forgetOldest(kept: Set<string> | Map<string, unknown>): void {
  if (kept.size <= KEPT) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
