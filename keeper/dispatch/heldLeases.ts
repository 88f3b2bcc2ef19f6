import type { Leases } from "../storage/leases.js";

/** How long before its end a lease is taken for longer. */
const RENEWALS_OF_LEASE = 3;

/** What is told about leases. */
export interface HeldLeasesOptions {
  readonly leases: Leases;
  /** [seconds] */
  readonly seconds: number;
  /** What could not be held for longer: another keeper has it, or the database did not answer. */
  readonly onLost: (keys: readonly string[], error?: unknown) => void;
  /** Whether the keeper still does its rounds: one that hangs must not keep its leases. */
  readonly isAlive: () => boolean;
}

/**
 * Leases while they are needed. They are taken for longer by a timer: blocks come more seldom than leases end. When the
 * process dies they end by themselves.
 */
export class HeldLeases {
  /** By name; the block after which it is given back, where that is known. */
  private readonly held = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private renewal: Promise<void> | undefined;

  constructor(private readonly options: HeldLeasesOptions) {}

  /** Takes leases for as long as they are not given back. */
  async take(names: readonly string[]): Promise<ReadonlySet<string>> {
    const { leases, seconds } = this.options;
    // Those that it has are wanted longer: nothing gives them back while the database is asked.
    for (const name of names) this.keepUntil(name, Number.MAX_SAFE_INTEGER);
    const taken = await leases.take(names, seconds);
    for (const name of taken) this.held.set(name, Number.MAX_SAFE_INTEGER);
    this.start();
    return taken;
  }

  has(name: string): boolean {
    return this.held.has(name);
  }

  /** Keeps a lease until a block, then gives it back. */
  keepUntil(name: string, block: number): void {
    if (this.held.has(name)) this.held.set(name, block);
  }

  /** Gives back what was kept until now. */
  async releaseBefore(block: number): Promise<void> {
    const over = [...this.held].filter(([, until]) => until < block).map(([name]) => name);
    await this.release(over);
  }

  /** Gives leases back; where that fails they end by themselves. */
  async release(names: readonly string[]): Promise<void> {
    const held = names.filter((name) => this.held.delete(name));
    if (held.length > 0) await this.options.leases.release(held).catch(() => undefined);
  }

  /** Gives all back. */
  releaseAll(): Promise<void> {
    return this.release([...this.held.keys()]);
  }

  /** Takes all for longer. What is asked for while it waits for the database is the same. */
  renew(): Promise<void> {
    this.renewal ??= this.renewNow().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.renewal;
    await this.releaseAll();
  }

  private start(): void {
    if (this.timer !== undefined) return;
    const each = (this.options.seconds * 1_000) / RENEWALS_OF_LEASE;
    this.timer = setInterval(() => {
      if (this.options.isAlive()) void this.renew();
    }, each);
    this.timer.unref();
  }

  private async renewNow(): Promise<void> {
    const names = [...this.held.keys()];
    if (names.length === 0) return;
    const { leases, onLost, seconds } = this.options;
    try {
      const taken = await leases.take(names, seconds);
      const lost = names.filter((name) => !taken.has(name) && this.held.delete(name));
      // What was given back meanwhile is given back once more: this has just taken it again.
      const back = [...taken].filter((name) => !this.held.has(name));
      if (back.length > 0) await leases.release(back);
      if (lost.length > 0) onLost(lost);
    } catch (error) {
      onLost([], error);
    }
  }
}
