import type { ContractTransactionReceipt, TransactionReceipt } from "ethers";
import type { BlockReference, Explanation } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";
import type { DispatcherOptions } from "./options.js";
import { WalletDispatcher } from "./walletDispatcher.js";

/** What became of a proposal. */
export type Outcome =
  | { readonly kind: "mined"; readonly receipt: TransactionReceipt | ContractTransactionReceipt }
  | {
      readonly kind: "reverted";
      readonly receipt: TransactionReceipt;
      readonly explanation: Explanation | undefined;
    }
  /** Never sent: another keeper has it, it is under way or left alone, or it costs more than it is worth. */
  | { readonly kind: "left"; readonly reason: string }
  /** Never sent: the simulation reverted. */
  | { readonly kind: "refused"; readonly explanation: Explanation }
  /** Sent, and replaced by nothing before it was in a block. */
  | { readonly kind: "abandoned"; readonly reason: string };

/** What happens with a proposal after it was given. */
export interface Submission {
  readonly proposal: Proposal;
  /** Resolves as soon as a node has the transaction, or it is clear that none is sent; never rejects. */
  readonly sent: Promise<{ readonly hash: string } | Outcome>;
  /** Resolves when it is in a block, or will not be; never rejects. */
  readonly done: Promise<Outcome>;
}

/**
 * Sends transactions of one wallet, from keepers of which any may be killed at any instant. It does nothing by itself but
 * keep its leases: the caller calls `resume` once, and `tick` after each block.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new WalletDispatcher(options);
}

/** Sends transactions of one wallet. */
export interface Dispatcher {
  readonly address: string;
  /**
   * Takes up what an earlier run left under way, and sends it to the nodes again. Before anything else. Where the wallet is
   * still another keeper's, or an earlier run's that was killed a moment ago, `tick` does it as soon as it is free.
   *
   * @throws CouldNotLook when no node answered, StorageFailure when the database did not.
   */
  resume(): Promise<void>;
  /** Whether this block's tick should be over before anything is given: places are taken, or the wallet is not its own yet. */
  readonly needsTick: boolean;
  /** Simulates, writes down, signs and sends; in the order given, one nonce after the other. Never throws for one of them. */
  submit(proposals: readonly Proposal[], block: BlockReference): readonly Submission[];
  /**
   * After each block: looks for receipts, raises fees, gives up, notices reorganisations and nonces used elsewhere.
   *
   * @throws CouldNotLook when no node answered, StorageFailure when the database did not: what is under way stays so.
   */
  tick(block: BlockReference): Promise<void>;
  /** Keys that are under way at this block. */
  isUnderWay(key: string, block: BlockReference): boolean;
  /** Keys that are under way or left alone at this block. */
  isHeld(key: string, block: BlockReference): boolean;
  /** Waits until nothing of this keeper waits for a block, or the signal is aborted. Ticks must go on meanwhile. */
  idle(signal?: AbortSignal): Promise<void>;
  /** Takes nothing more, waits for what is being written or sent now, and gives its leases back. */
  close(): Promise<void>;
}
