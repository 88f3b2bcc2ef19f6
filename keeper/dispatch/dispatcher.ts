import type { ContractTransactionReceipt, TransactionReceipt } from "ethers";
import type { BlockReference, Explanation } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";

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

/** Sends transactions of one wallet. */
export interface Dispatcher {
  readonly address: string;
  /** Settles what an earlier run, or another keeper that died, left under way. Before anything else. */
  resume(): Promise<void>;
  /** Simulates, writes down, signs and sends; in the order given, one nonce after the other. Never throws for one of them. */
  submit(proposals: readonly Proposal[], block: BlockReference): readonly Submission[];
  /** After each block: looks for receipts, raises fees, gives up, notices reorganisations and nonces used elsewhere. */
  tick(block: BlockReference): Promise<void>;
  /** Keys that are under way or left alone at this block. */
  isHeld(key: string, block: BlockReference): boolean;
  /** Waits until nothing of this keeper is under way, or the signal is aborted. */
  idle(signal?: AbortSignal): Promise<void>;
}
