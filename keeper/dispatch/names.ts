import type { Transaction } from "./transaction.js";

/** The name of the lease on a key. */
export function leaseOf(key: string): string {
  return `send ${key}`;
}

/** What an alarm about a transaction names. */
export function subjectOf({ written: { wallet, nonce } }: Transaction): string {
  return `${wallet} ${nonce}`;
}
