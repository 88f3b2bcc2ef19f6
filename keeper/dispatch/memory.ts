import type { HeldLeases } from "./heldLeases.js";
import type { Parts, Sender } from "./sender.js";
import { Transaction, type Written } from "./transaction.js";
import { leaseOf, subjectOf } from "./names.js";

/**
 * Brings memory in step with what is written of this wallet, keeping what only memory knows: who waits for a transaction.
 *
 * @throws StorageFailure when the database did not answer; then memory is still stale.
 */
export async function readMemory(
  { journal, options, state }: Parts,
  sender: Sender,
  leases: HeldLeases,
): Promise<void> {
  const rows = await journal.open(state.address);
  const block = state.surroundings?.block ?? 0;
  const open = new Set(rows.map(({ nonce }) => nonce));
  for (const transaction of [...state.own.values()]) {
    if (open.has(transaction.written.nonce)) continue;
    // Another process with this wallet has seen its end.
    state.remove(transaction);
    options.alarms.clear("transactionStuck", subjectOf(transaction));
    await leases.release([leaseOf(transaction.written.key)]);
    transaction.pending?.leave("Another keeper with the same wallet has settled it");
  }
  for (const written of rows) takeIn(written, { state, sender, block });
  for (const pending of sender.unsure.values()) {
    pending.leave("The database failed before it was written down");
    await leases.release([leaseOf(pending.proposal.key)]);
  }
  sender.unsure.clear();

  const counts = state.surroundings?.counts;
  const highest = Math.max(-1, ...open);
  state.nextNonce = Math.max(highest + 1, counts?.latest ?? 0, counts?.pending ?? 0);
  state.isStale = false;
  options.alarms.clear("storageFailing", "dispatch");
}

function takeIn(
  written: Written,
  { state, sender, block }: { state: Parts["state"]; sender: Sender; block: number },
): void {
  let transaction = state.own.get(written.nonce);
  if (transaction === undefined) {
    transaction = new Transaction(written, { since: block });
    state.add(transaction);
  } else {
    transaction.state = written.state;
    transaction.minedAt = written.minedAt;
    transaction.versions = written.versions;
  }
  for (const { hash } of written.versions) {
    transaction.pending ??= sender.unsure.get(hash);
    sender.unsure.delete(hash);
  }
}
