import type { Overrides } from "ethers";
import type { MarginEngine } from "../../typechain-types/index.js";
import type { AccountId } from "../ids.js";
import { Comparison, type Difference } from "./comparison.js";
import { CouldNotLook } from "./errors.js";
import type { EventIndex } from "./eventIndex.js";
import type { ListenedContracts } from "./events.js";
import { insuranceFundOf } from "./projection.js";
import { verifyAccounts, verifyBooks, verifyVault } from "./verifyMoney.js";
import { verifyExchange, verifyOracles, verifyRules } from "./verifyRules.js";

/** The contracts whose views are read. */
export interface VerifiedContracts extends ListenedContracts {
  /** The one in charge. */
  readonly marginEngine: MarginEngine;
}

/** What is verified. */
export interface VerifyOptions {
  readonly contracts: VerifiedContracts;
  /** Only these accounts; all that the index knows if nothing is said. */
  readonly accounts?: Iterable<AccountId>;
  /**
   * Of what there is for each user, such as operators and orders, only so many entries, from another place each time; all if
   * nothing is said. Sums over all users are compared in any case.
   */
  readonly mostOfUsers?: number;
}

/** What came of it. */
export interface VerifyResult {
  /** How many values were compared. */
  readonly compared: number;
  /** Empty when all are equal to the wei. */
  readonly differences: readonly Difference[];
}

/** What each part is given. */
export interface Verification {
  readonly index: EventIndex;
  readonly contracts: VerifiedContracts;
  readonly comparison: Comparison;
  /** Views are read as of the index's last block. */
  readonly overrides: Pick<Overrides, never> & { readonly blockTag: number };
  /** Of that block [unix seconds]. */
  readonly time: bigint;
  /** How many entries of what there is for each user. */
  readonly mostOfUsers: number;
}

/**
 * Compares everything that the index says with the views of the contracts, as of the last block that it has taken in. What no
 * view says is not compared: noted prices, the sequencer's feed, the room of gains haircuts and the fund's draws.
 *
 * @throws CouldNotLook when a view did not answer, or the chain no longer has the block.
 */
export async function verifyIndex(
  index: EventIndex,
  { accounts, contracts, mostOfUsers = Number.POSITIVE_INFINITY }: VerifyOptions,
): Promise<VerifyResult> {
  const { tip } = index;
  if (tip === undefined) throw new RangeError("The index knows nothing yet");
  const comparison = new Comparison();
  const overrides = { blockTag: tip.number };
  const { time } = tip;
  const at: Verification = { index, contracts, comparison, overrides, time, mostOfUsers };
  try {
    await verifyVault(at);
    await verifyBooks(at);
    await verifyRules(at);
    await verifyExchange(at);
    await verifyOracles(at);
    await verifyAccounts(at, accounts ?? allAccountsOf(index));
    const block = await contracts.vault.runner?.provider?.getBlock(tip.number);
    if (block?.hash !== tip.hash) throw new Error("The chain no longer has the block");
  } catch (cause) {
    throw new CouldNotLook(`Block ${tip.number} could not be verified`, { cause });
  }
  const { compared, differences } = comparison;
  return { compared, differences };
}

/** Everybody of whom something was heard, and the fund. */
function allAccountsOf(index: EventIndex): Set<AccountId> {
  const { accounts, flags } = index.state;
  return new Set([...accounts.keys(), ...flags.keys(), insuranceFundOf(index)]);
}
