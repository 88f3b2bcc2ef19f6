import type { DispatchState } from "./state.js";
import type { Surroundings } from "./surroundings.js";
import type { Transaction } from "./transaction.js";

/** What the alarm says of a transaction whose fee is at its limit. */
export function reasonOfWaiting(
  { newest, written }: Transaction,
  { block }: Pick<Surroundings, "block">,
): string {
  const { key, nonce } = written;
  const what = newest.reason === undefined ? key : "a transfer of nothing";
  return (
    `Nonce ${nonce} (${what}) waits since block ${newest.block}, it is block ${block}, and more than ` +
    `${newest.fees.most} wei per gas it is not worth: raise dispatch.mostCost, or wait for lower fees`
  );
}

/** Why a transaction is replaced by nothing. */
export function reasonOfReplacing(
  transaction: Transaction,
  state: Pick<DispatchState, "holdsUp">,
  { block, prices: { baseFee } }: Pick<Surroundings, "block" | "prices">,
): string {
  const { newest, written } = transaction;
  const lastBlock = written.proposal?.lastBlock ?? Number.MAX_SAFE_INTEGER;
  if (lastBlock <= block) return "It was not in a block in time";
  const isDear = newest.fees.most < baseFee && state.holdsUp(transaction, baseFee);
  return isDear
    ? "It is not worth today's gas, or would no longer pass, and others wait for its nonce"
    : "It would no longer pass, or another keeper has it";
}
