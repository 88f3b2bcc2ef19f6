import type { JsonRpcApiProvider } from "ethers";
import type { Rpc } from "../../sdk/index.js";

/** The chain as seen through several nodes. */
export interface Chain {
  /** Asks the best node, and the next one when it does not answer. */
  readonly rpc: Rpc;
  /** The same for ethers: contracts and receipts. */
  readonly provider: JsonRpcApiProvider;
  /** Gives a signed transaction to every node that answers; resolves with its hash as soon as one has taken it. */
  broadcast(raw: string): Promise<string>;
  /**
   * Resolves as soon as there is a sign of a block after this one, by socket or by asking; also when the signal is aborted,
   * when the chain is closed, and at the latest after `atMost` milliseconds. A new look at the chain begins with it: within one,
   * another node takes over only if it has the last block that was seen.
   */
  nextHead(after: number, options: { signal: AbortSignal; atMost: number }): Promise<void>;
  /** What is known of each node, for `keeper doctor` and the status page. URLs are without what could be a key. */
  readonly nodes: readonly NodeStatus[];
  close(): Promise<void>;
}

/** A node as it was seen last. */
export interface NodeStatus {
  /** Host and port. */
  readonly name: string;
  readonly isUsed: boolean;
  /** Its last block; undefined while it does not answer. */
  readonly head: number | undefined;
  /** What is wrong with it, in a sentence. */
  readonly problem: string | undefined;
}
