import PQueue from "p-queue";
import type { Clock } from "../clock.js";

/** A keeper that has not ticked for so long hangs: others may have what is its [milliseconds]. */
const HANGS_AFTER_MILLISECONDS = 120_000;

/** So long what is to be sent waits for a tick that goes on [milliseconds]. */
const PATIENCE_MILLISECONDS = 2_000;

/** Ticks of a dispatcher: one after the other, whoever calls them. */
export class Ticks {
  private readonly queue = new PQueue({ concurrency: 1 });
  private beganAt: number;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly clock: Clock) {
    this.beganAt = clock.now();
  }

  /** Whether one has begun lately. */
  get isAlive(): boolean {
    return this.clock.now() - this.beganAt < HANGS_AFTER_MILLISECONDS;
  }

  /**
   * Does it when those before it are over.
   *
   * @throws Whatever it throws.
   */
  async take(tick: () => Promise<void>): Promise<void> {
    const taken = this.queue.add(() => {
      this.beganAt = this.clock.now();
      return tick();
    });
    this.last = this.patientlyAfter(taken);
    await taken;
  }

  /** Resolves when the last one that was given is over or takes too long; never rejects. */
  async afterLast(): Promise<void> {
    await this.last;
  }

  /** Resolves when there are none. */
  async idle(): Promise<void> {
    await this.queue.onIdle();
  }

  private async patientlyAfter(taken: Promise<void>): Promise<void> {
    const over = new AbortController();
    const patience = this.clock.sleep(PATIENCE_MILLISECONDS, over.signal);
    await Promise.race([taken.catch(() => undefined), patience]);
    over.abort();
  }
}
