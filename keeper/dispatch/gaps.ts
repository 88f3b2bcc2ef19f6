import type { Parts, Sender } from "./sender.js";

/**
 * Fills nonces that nobody has and that hold up ours: somebody else with the same key had sent something that nodes forgot,
 * after ours had got the nonces behind it.
 */
export class Gaps {
  /** The gap that was there at the tick before: a node's pool may be slow to tell. */
  private suspected: number | undefined;

  constructor(
    private readonly parts: Parts,
    private readonly sender: Sender,
  ) {}

  /** Looks once, after what is under way was looked after. */
  async fill(): Promise<void> {
    const { state } = this.parts;
    const counts = state.surroundings?.counts;
    if (counts === undefined) return;
    const next = counts.latest;
    const isHeldUp = state.waitingOwn.some(({ written }) => written.nonce > next);
    const isMissing = isHeldUp && !state.own.has(next) && counts.pending <= next;
    if (isMissing && this.suspected === next) await this.sender.fill(next);
    this.suspected = isMissing ? next : undefined;
  }
}
