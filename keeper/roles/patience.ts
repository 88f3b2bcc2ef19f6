/**
 * What was tried in vain is left alone for longer and longer: 1, 2, 4 ... blocks, up to a bound. In memory alone: after a
 * restart everything gets its chance.
 */
export class Patience {
  readonly #entries = new Map<string, { readonly until: number; readonly failures: number }>();

  /**
   * @param mostBlocks The longest pause.
   * @param firstBlocks The first one.
   */
  constructor(
    private readonly mostBlocks: number,
    private readonly firstBlocks = 1,
  ) {}

  /** Whether something is to be left alone at a block. */
  isLeft(key: string, block: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && block < entry.until;
  }

  /** It was tried in vain at a block. */
  failed(key: string, block: number): void {
    const failures = (this.#entries.get(key)?.failures ?? 0) + 1;
    const pause = Math.min(this.firstBlocks * 2 ** Math.min(failures - 1, 30), this.mostBlocks);
    this.#entries.set(key, { until: block + pause, failures });
  }

  /** It went well, or nobody wants it any more. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets what has had its pause so long ago that it counts as new. */
  sweep(block: number): void {
    for (const [key, { until }] of this.#entries) {
      if (until + 2 * this.mostBlocks < block) this.#entries.delete(key);
    }
  }
}
