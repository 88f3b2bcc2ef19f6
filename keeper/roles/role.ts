import type { AccountId } from "../../sdk/index.js";
import type { Outcome } from "../dispatch/dispatcher.js";
import type { KeeperView } from "../state/view.js";

/** What a keeper does, the most urgent first. Each can be switched off. Settlement of expiries joins them when there are any. */
export const ROLE_NAMES = [
  "liquidate",
  "topUps",
  "triggers",
  "deleverage",
  "marginCalls",
  "volatility",
  "funding",
] as const;

/** One of {@link ROLE_NAMES}. */
export type RoleName = (typeof ROLE_NAMES)[number];

/** A transaction that a role wants to be sent. */
export interface Proposal {
  readonly role: RoleName;
  /**
   * What it is about, the same for the same thing in every keeper: "liquidate 0x…". At most one of a key is under way at a
   * time, in all keepers together; one that fails again and again is left alone for longer and longer.
   */
  readonly key: string;
  /** The account that it concerns, where there is one. */
  readonly account?: AccountId;
  readonly to: string;
  readonly data: string;
  /** Within a role the largest goes first: the risk that it takes away, in the settlement currency. */
  readonly priority: number;
  /** The most that its gas may cost, all bumps included [wei]. */
  readonly mostCost: bigint;
  /** What it uses at most, where the role knows better than the simulation [gas]. */
  readonly gasLimit?: bigint;
  /**
   * Probably enough, and more than it uses [gas]. Where gas is cheap beside what the act is worth, this is its limit once a
   * call has passed with room to spare: nodes search for an estimate, and answer a call at once.
   */
  readonly roomyGas?: bigint | undefined;
  /**
   * Whether each look plans it anew: that one of its kind failed says little of the next one, so it is never left alone for
   * more than some blocks.
   */
  readonly isPlannedAnew?: boolean;
  /** The last block in which it is of use; without one it is of use until it is in a block. */
  readonly lastBlock?: number;
  /** For people, in the past tense of what it does when it has passed: "took 40 % of 0x… over". */
  readonly about: string;
}

/** A part of the keeper that looks at what is known, and says what should be sent. */
export interface Role {
  readonly name: RoleName;
  /**
   * What there is to do at this block. Something wrong with one account is told to `view.failed` and does not hold up the
   * others.
   *
   * @throws CouldNotLook when a node did not answer: an alarm, and the role looks again at the next block.
   */
  look(view: KeeperView): Promise<readonly Proposal[]>;
  /** Told what became of a proposal of its own that was given to the dispatcher by this process. */
  ended?(proposal: Proposal, outcome: Outcome): void;
}
