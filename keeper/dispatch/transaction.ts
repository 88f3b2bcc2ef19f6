import type { Proposal } from "../roles/role.js";
import type { Fees } from "./fees.js";
import type { NodeRefusal } from "./nodeErrors.js";
import type { Pending } from "./pending.js";

/** A signed transaction: one of those that compete for a nonce. */
export interface Version {
  readonly hash: string;
  /** What nodes are given. */
  readonly raw: string;
  readonly fees: Fees;
  /** [gas] */
  readonly gasLimit: bigint;
  /** The block after which it was signed. */
  readonly block: number;
  /** Why it is a transfer of nothing; undefined when it is the act itself. */
  readonly reason: string | undefined;
}

/** Where a transaction was found. */
export interface MinedAt {
  readonly block: number;
  readonly blockHash: string;
  /** Which version it was. */
  readonly hash: string;
}

/** What is written of a nonce; see {@link MIGRATIONS}. */
export interface Written {
  readonly wallet: string;
  readonly nonce: number;
  readonly key: string;
  /** What was wanted; undefined when the nonce was only to be used up. */
  readonly proposal: Proposal | undefined;
  /** The keeper that signed it first. */
  readonly holder: string;
  readonly state: "waiting" | "dropped" | "mined";
  /** The block after which it was written down. */
  readonly firstBlock: number;
  readonly minedAt: MinedAt | undefined;
  /** Oldest first; at least one. */
  readonly versions: readonly Version[];
}

/** The same while it is under way, with what is known only in this process. */
export class Transaction {
  state: Written["state"];
  minedAt: MinedAt | undefined;
  versions: readonly Version[];
  /** What a node said to the newest version when it did not take it. */
  refusal: NodeRefusal | undefined;
  /** Ticks in a row in which the nonce was used and none of the versions was found. */
  timesMissed = 0;
  /** The version of which it was said that it is in a block. */
  toldHash: string | undefined;
  /** Who waits for it; nobody after a restart. */
  pending: Pending | undefined;
  /** The block from which this keeper waits for it. */
  readonly since: number;

  constructor(
    readonly written: Written,
    options: { since: number; pending?: Pending | undefined },
  ) {
    this.state = written.state;
    this.minedAt = written.minedAt;
    this.toldHash = written.minedAt?.hash;
    this.versions = written.versions;
    this.since = options.since;
    this.pending = options.pending;
  }

  get newest(): Version {
    const newest = this.versions.at(-1);
    if (newest === undefined) throw new Error(`Nonce ${this.written.nonce} was never signed`);
    return newest;
  }

  /** The most that it can cost, whichever version is in a block [wei]. */
  get mostCost(): bigint {
    return this.versions.reduce((most, { fees, gasLimit }) => {
      const cost = fees.most * gasLimit;
      return cost > most ? cost : most;
    }, 0n);
  }
}
