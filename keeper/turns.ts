import type { Logger } from "pino";
import type { Clock } from "./clock.js";
import type { Alarms } from "./operations/alarms.js";
import { messageOf } from "./messageOf.js";

/** What turns are taken with. */
export interface TurnsOptions {
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A part whose turn takes so long hangs [milliseconds]. */
export const HANGS_AFTER = 10_000;

/**
 * Turns of the keeper's parts. A part has one at a time: while one that hangs is waited for it gets no other, and the rest
 * goes on without it. What fails, and what hangs, is an alarm while it lasts.
 */
export class Turns {
  /** Since when each goes on that does [unix milliseconds]. */
  private readonly underWay = new Map<string, number>();

  constructor(private readonly options: TurnsOptions) {}

  /**
   * Lets a part act, unless its last turn still goes on.
   *
   * @param patience Resolves when it has ended, and after so long at the latest [milliseconds]; never rejects.
   */
  async take(name: string, act: () => Promise<void>, patience: number): Promise<void> {
    const { alarms, clock } = this.options;
    const since = this.underWay.get(name);
    if (since !== undefined) {
      const waited = clock.now() - since;
      if (waited >= HANGS_AFTER) {
        const seconds = Math.floor(waited / 1_000);
        alarms.raise("looksFailing", name, `It has not come to an end for ${seconds} s.`);
      }
      return;
    }
    const ended = new AbortController();
    this.underWay.set(name, clock.now());
    const acting = this.guarded(name, act).finally(() => {
      this.underWay.delete(name);
      ended.abort();
    });
    await Promise.race([acting, clock.sleep(patience, ended.signal)]);
  }

  private async guarded(name: string, act: () => Promise<void>): Promise<void> {
    const { alarms, logger } = this.options;
    try {
      await act();
      alarms.clear("looksFailing", name);
    } catch (error) {
      alarms.raise("looksFailing", name, messageOf(error));
      logger.warn({ err: error, part: name }, "A part of the keeper failed in this round");
    }
  }
}
