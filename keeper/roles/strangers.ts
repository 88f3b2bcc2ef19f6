import type { Outcome } from "../dispatch/dispatcher.js";
import { Patience } from "./patience.js";
import type { Proposal } from "./role.js";

/** The first pause of an owner after a revert that was paid for; doubled with each [blocks]. */
const FIRST_PAUSE = 64;
/** The longest one [blocks]. */
const LONGEST_PAUSE = 4_096;

/**
 * Owners whose contracts are called in transactions: wallets that vouch for signatures, vaults of shares. A contract can tell a
 * call from a transaction, and pass the one to revert in the other, at the gas of whoever sent it. So an owner whose contracts
 * were reached by a transaction that reverted is left alone for long, with everything that is theirs: many orders or
 * instructions of one owner cost no more than one.
 */
export class Strangers {
  readonly #patience = new Patience(LONGEST_PAUSE, FIRST_PAUSE);
  readonly #reached = new WeakMap<Proposal, ReadonlySet<string>>();

  /** Remembers whose contracts a proposal reaches. */
  reaches(proposal: Proposal, owners: Iterable<string>): void {
    const lower = new Set([...owners].map((owner) => owner.toLowerCase()));
    if (lower.size > 0) this.#reached.set(proposal, lower);
  }

  /** Whether nothing that reaches an owner's contracts is to be proposed at a block. */
  isLeft(owner: string, block: number): boolean {
    return this.#patience.isLeft(owner.toLowerCase(), block);
  }

  /** A proposal has ended. */
  ended(proposal: Proposal, outcome: Outcome): void {
    const owners = this.#reached.get(proposal) ?? [];
    for (const owner of owners) {
      if (outcome.kind === "mined") this.#patience.forget(owner);
      if (outcome.kind === "reverted") this.#patience.failed(owner, outcome.receipt.blockNumber);
    }
  }

  /** Forgets pauses that are long over. */
  sweep(block: number): void {
    this.#patience.sweep(block);
  }
}
