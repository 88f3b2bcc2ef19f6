import type { Remedy } from "./entry.js";

/** What an error says that never came to a contract. */
export interface ConnectionEntry {
  readonly sentence: string;
  readonly cure: string;
  readonly remedy: Remedy;
}

const UNREACHABLE: ConnectionEntry = {
  sentence: "The node did not answer.",
  cure: "Check its URL and the network, then try again; whether a transaction was sent is not known.",
  remedy: "retry",
};
const NONCE: ConnectionEntry = {
  sentence: "The sender's transaction nonce was used already.",
  cure: "Look whether the earlier transaction did it, else send again with a fresh nonce.",
  remedy: "retry",
};
const UNDERPRICED: ConnectionEntry = {
  sentence:
    "Another transaction with this nonce waits, and this one does not pay enough to replace it.",
  cure: "Raise both fees by at least 10 %, or wait for the other one.",
  remedy: "retry",
};
const FUNDS: ConnectionEntry = {
  sentence: "The sender has too little ether for the gas.",
  cure: "Send it ether.",
  remedy: "fatal",
};
const REJECTED: ConnectionEntry = {
  sentence: "The wallet's user refused to sign.",
  cure: "Ask again when the user wants it.",
  remedy: "fatal",
};

const REPLACED: ConnectionEntry = {
  sentence:
    "Another transaction took the place of this one: the sender cancelled it or sent another with its nonce.",
  cure: "Look at what the other one did, then decide anew.",
  remedy: "retry",
};

/** By the codes of ethers and the names of viem. */
const ENTRIES: Readonly<Record<string, ConnectionEntry>> = {
  ACTION_REJECTED: REJECTED,
  UserRejectedRequestError: REJECTED,
  INSUFFICIENT_FUNDS: FUNDS,
  InsufficientFundsError: FUNDS,
  NETWORK_ERROR: UNREACHABLE,
  SERVER_ERROR: UNREACHABLE,
  TIMEOUT: UNREACHABLE,
  ECONNREFUSED: UNREACHABLE,
  ECONNRESET: UNREACHABLE,
  HttpRequestError: UNREACHABLE,
  TimeoutError: UNREACHABLE,
  NONCE_EXPIRED: NONCE,
  NonceTooLowError: NONCE,
  REPLACEMENT_UNDERPRICED: UNDERPRICED,
  TRANSACTION_REPLACED: REPLACED,
};

/** What is known of an error that no contract made, or of what caused it. */
export function connectionEntry(error: unknown): ConnectionEntry | undefined {
  const seen = new Set<unknown>();
  let current = error;
  while (typeof current === "object" && current !== null && !seen.has(current)) {
    seen.add(current);
    const { code, name, cause } = current as { code?: unknown; name?: unknown; cause?: unknown };
    // By its own names alone: every object has a "constructor".
    const known = [code, name].find(
      (one) => typeof one === "string" && Object.hasOwn(ENTRIES, one),
    );
    if (known !== undefined) return ENTRIES[known as string];
    current = cause;
  }
  return undefined;
}
