import type { Fees } from "./fees.js";
import type { NodeRefusal } from "./nodeErrors.js";
import type { MinedAt } from "./transaction.js";

/** What is known of a transaction, without asking anybody. */
export interface Known {
  readonly nonce: number;
  /** Whether this keeper has the key to sign another version. */
  readonly isOurs: boolean;
  /** Another keeper has its act now. */
  readonly isDropped: boolean;
  readonly minedAt: MinedAt | undefined;
  /** Whether the newest version is a transfer of nothing. */
  readonly isNothing: boolean;
  readonly versions: number;
  /** What a node said to the newest version, when it did not take it. */
  readonly refusal: NodeRefusal | undefined;
  /** The block after which the newest version was signed. */
  readonly newestBlock: number;
  /** The block from which this keeper waits for it. */
  readonly since: number;
  readonly lastBlock: number | undefined;
  readonly timesMissed: number;
}

/** What was found out of it at a block. */
export interface Found {
  /** The block. */
  readonly block: number;
  /** Nonces of the wallet that are used in the latest block. */
  readonly latestCount: number;
  /** The same, deep enough not to be taken back. */
  readonly settledCount: number;
  /** Where the chain has one of the versions. */
  readonly receipt: MinedAt | undefined;
  /** Whether a node has the newest version in its pool. */
  readonly isInPool: boolean;
  /** Fees of the next version of what the newest one does; undefined when it would cost more than it may. */
  readonly raise: Fees | undefined;
  /** Whether the newest version pays today's base fee. */
  readonly paysBaseFee: boolean;
  /** Whether a later one of this wallet, which pays today's base fee, cannot get into a block before it. */
  readonly holdsUp: boolean;
  /** Whether the act still passes; asked only after `simulate`. */
  readonly simulation: "unasked" | "passes" | "refused";
}

/** The settings that matter. */
export interface Rules {
  readonly bumpBlocks: number;
  readonly confirmations: number;
}

/** What is to be done about a transaction that is under way. */
export type Decision =
  | "wait"
  /** It is in a block: write it down. */
  | "mined"
  /** Its block was replaced: back to waiting, and to the nodes. */
  | "unmined"
  /** It is in a block for good. */
  | "settle"
  /** Its nonce was used by something that is not ours, for good. */
  | "lost"
  /** No node has it: give it to them again, as it is. */
  | "rebroadcast"
  /** Ask whether it still passes, then decide again. */
  | "simulate"
  | "bump"
  /** It is of no use any more: use its nonce up. */
  | "replace"
  /** Its fee is at the limit. */
  | "stuck"
  /** Another keeper's, which no block takes: its act is free again. */
  | "relinquish";

/** A node that answers for receipts may be behind the one that counted nonces: once is not enough. */
const TIMES_MISSED = 2;

/** After so many blocks another keeper's transaction that cannot get into a block is given up. */
const BLOCKS_BEFORE_RELINQUISHING = 4;

/** After so many blocks what costs more than it is worth is given up though nothing waits behind it. */
const BLOCKS_BEFORE_GIVING_UP = 8;

/** Decides what is done about a transaction that is under way, by what is known alone. */
export function decide(known: Known, found: Found, rules: Rules): Decision {
  const { nonce } = known;
  if (found.receipt !== undefined) return decideOnMined(known, found.receipt, { found, rules });
  if (known.minedAt !== undefined) return "unmined";
  if (nonce < found.settledCount) return known.timesMissed < TIMES_MISSED ? "wait" : "lost";
  // Used by something else, or the receipt is not there yet: what is signed now could only be too late.
  if (nonce < found.latestCount) return "wait";
  return known.isOurs ? decideOnOurs(known, found, rules) : decideOnOthers(known, found);
}

function decideOnMined(
  { minedAt }: Known,
  receipt: MinedAt,
  { found, rules }: { found: Found; rules: Rules },
): Decision {
  const isWritten = minedAt?.blockHash === receipt.blockHash && minedAt.hash === receipt.hash;
  if (!isWritten) return "mined";
  return found.block - receipt.block >= rules.confirmations ? "settle" : "wait";
}

function decideOnOurs(known: Known, found: Found, rules: Rules): Decision {
  const { isNothing, lastBlock, refusal } = known;
  // What waits now can be in the next block at the earliest.
  const isOver = lastBlock !== undefined && found.block >= lastBlock;
  if (!isNothing && (known.isDropped || refusal === "never" || isOver)) return "replace";
  if (refusal === "underpriced" && known.versions === 1) {
    // Somebody else with the same key has this nonce in the pools. Outbidding it would be a fight; it gets into a block,
    // and then this one is lost, or it is dropped, and then this one is taken.
    return "rebroadcast";
  }
  const isDue =
    found.block - known.newestBlock >= rules.bumpBlocks ||
    refusal === "underpriced" ||
    refusal === "cheap";
  if (!isDue) return found.isInPool ? "wait" : "rebroadcast";
  if (!isNothing && found.simulation === "unasked") return "simulate";
  if (!isNothing && found.simulation === "refused") return "replace";
  if (found.raise !== undefined) return "bump";
  // What is not worth today's gas must not keep back what is: a poke would stop liquidations as long as gas is dear.
  // Nor its own account for ever, whose next proposal may be worth more.
  const isInTheWay = found.holdsUp || found.block - known.since >= BLOCKS_BEFORE_GIVING_UP;
  if (!isNothing && !found.paysBaseFee && isInTheWay) return "replace";
  return found.isInPool ? "stuck" : "rebroadcast";
}

/**
 * Of a keeper that is dead. Its raw transaction is given to the nodes as it is, and waited for: mostly the next block has it.
 * Signing an own one earlier could do the same thing twice.
 *
 * What no block can take must not keep an account waiting for ever, though. That is so when, after several blocks and as many
 * broadcasts, no node has it in its pool (the dead wallet is out of ether, or a nonce before it is missing), or its fee is
 * below the base fee. Then it is written down as dropped, and this keeper sends its own: should the dead one come back, it reads
 * that and uses its nonce up with nothing. What remains: somebody who kept the raw bytes, or a base fee that falls, could
 * bring it into a block after ours. Then it is as if two strangers had the same idea: the contract does what is still
 * due, or refuses it at the cost of the dead wallet's gas.
 */
function decideOnOthers(known: Known, found: Found): Decision {
  if (known.isDropped) return "relinquish";
  const isOut = !found.isInPool || !found.paysBaseFee;
  if (isOut && found.block - known.since >= BLOCKS_BEFORE_RELINQUISHING) return "relinquish";
  return found.isInPool ? "wait" : "rebroadcast";
}
