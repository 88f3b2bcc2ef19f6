import type { Pending } from "./pending.js";
import type { Parts } from "./sender.js";
import { Transaction, type Written } from "./transaction.js";
import type { Watcher } from "./watcher.js";

/** Whose transaction it is, and what looks after it. */
export interface TakeOverOptions {
  readonly written: Written;
  readonly parts: Parts;
  readonly watcher: Watcher;
}

/**
 * Meets the transaction of another keeper whose lease has ended: it is dead, or it would have kept the lease. What it had signed is
 * sent as it is, and waited for in place of an own one.
 *
 * @returns Whether the proposal can be sent after all: the other one was in a block that the proposal knew of.
 */
export async function takeOver(
  pending: Pending,
  { written, parts, watcher }: TakeOverOptions,
): Promise<boolean> {
  const { journal, options, state, wire } = parts;
  if (state.surroundings === undefined || state.find(written) !== undefined) {
    pending.leave("It is under way, by another keeper");
    return false;
  }
  const { key, nonce, wallet, holder } = written;
  options.logger.info(
    { key, nonce, wallet, holder },
    "A keeper left a transaction; it is sent again.",
  );
  const transaction = new Transaction(written, { since: state.surroundings.block });
  state.add(transaction);
  await watcher.watchOne(transaction, state.surroundings);
  if (transaction.state === "mined") {
    if ((transaction.minedAt?.block ?? 0) <= pending.block.number) return true;
    pending.leave("Another keeper's is in a block already");
    return false;
  }
  if (state.find(written) === undefined) return true;
  transaction.pending = pending;

  // Without those before it no block takes it. They are sent first, then it is sent again if it had been refused.
  for (const before of await journal.open(wallet)) {
    if (before.nonce >= nonce || before.state !== "waiting") continue;
    await wire.broadcast(new Transaction(before, { since: state.surroundings.block }));
  }
  await wire.broadcast(transaction);
  return false;
}
