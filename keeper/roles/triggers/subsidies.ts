import type { Outcome } from "../../dispatch/dispatcher.js";
import type { Proposal } from "../role.js";

/** For so long a match is remembered [blocks]. */
const REMEMBERED_BLOCKS = 7_200;
/** From the first match on the keeper pays for all of it; after so many doublings its owner's fees are worth as much as the gas. */
const MOST_DOUBLINGS = 9;

/**
 * Matches whose gas was paid for owners of takers. Whoever matches earns nothing by it, so somebody who trades with themselves
 * could have the keeper's ether burnt for fees of next to nothing. With each match that an owner had lately, the next one must
 * move twice as much; what is large by itself is never kept waiting.
 */
export class Subsidies {
  readonly #blocks = new Map<string, number[]>();
  readonly #given = new WeakMap<Proposal, { readonly owner: string; readonly block: number }>();

  /** How many times the cost of its gas an owner's next match must move. */
  timesOf(owner: string, least: bigint, block: number): bigint {
    const blocks = this.#blocks.get(owner) ?? [];
    const lately = blocks.filter((one) => block - one < REMEMBERED_BLOCKS).length;
    return least * 2n ** BigInt(Math.min(lately, MOST_DOUBLINGS));
  }

  /** A match of an owner's is proposed at a block. */
  given(proposal: Proposal, owner: string, block: number): void {
    this.#given.set(proposal, { owner, block });
    this.#blocks.set(owner, [...(this.#blocks.get(owner) ?? []), block]);
  }

  /** A proposal has ended: what cost nothing is not counted. */
  ended(proposal: Proposal, { kind }: Outcome): void {
    const given = this.#given.get(proposal);
    if (given === undefined || kind === "mined" || kind === "reverted") return;
    const blocks = this.#blocks.get(given.owner) ?? [];
    const place = blocks.indexOf(given.block);
    if (place >= 0) this.#keep(given.owner, blocks.toSpliced(place, 1));
  }

  /** Forgets what is long over. */
  sweep(block: number): void {
    for (const [owner, blocks] of this.#blocks) {
      const kept = blocks.filter((one) => block - one < REMEMBERED_BLOCKS);
      if (kept.length < blocks.length) this.#keep(owner, kept);
    }
  }

  #keep(owner: string, blocks: readonly number[]): void {
    if (blocks.length === 0) this.#blocks.delete(owner);
    else this.#blocks.set(owner, [...blocks]);
  }
}
