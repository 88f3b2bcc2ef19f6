import type { Rpc } from "../../sdk/index.js";
import type { Found, Known } from "./decide.js";
import type { DispatchState } from "./state.js";
import type { Surroundings } from "./surroundings.js";
import { looking, quantity } from "./surroundings.js";
import type { MinedAt, Transaction } from "./transaction.js";

/** A receipt as the node gave it, with where it is. */
export interface FoundReceipt {
  readonly minedAt: MinedAt;
  readonly raw: unknown;
}

/** What was found out of a transaction. */
export interface Look {
  readonly receipt: FoundReceipt | undefined;
  readonly isInPool: boolean;
}

/** What is known of a transaction in memory. */
export function knownOf(transaction: Transaction, state: DispatchState): Known {
  const { written, minedAt, versions, newest, refusal, timesMissed, since } = transaction;
  const isOurs = written.wallet === state.address;
  const isDropped = transaction.state === "dropped";
  return {
    ...{ nonce: written.nonce, isOurs, isDropped, minedAt, refusal },
    ...{ isNothing: newest.reason !== undefined, versions: versions.length },
    ...{ newestBlock: newest.block, since, timesMissed, lastBlock: written.proposal?.lastBlock },
    holdsUp: state.holdsUp(written),
  };
}

/**
 * Asks a node about a transaction.
 *
 * @throws CouldNotLook when it did not answer.
 */
export function lookFor(
  rpc: Rpc,
  { written, versions, newest }: Transaction,
  counts: Surroundings["counts"],
): Promise<Look> {
  return looking(async () => {
    if (written.nonce < counts.latest) {
      const receipts = await Promise.all(versions.map(({ hash }) => receiptOf(rpc, hash)));
      const receipt = receipts.find((one) => one !== undefined);
      return { receipt, isInPool: false };
    }
    const found = await rpc("eth_getTransactionByHash", [newest.hash]);
    return { receipt: undefined, isInPool: typeof found === "object" && found !== null };
  });
}

/** The same for the decision. */
export function foundOf(
  { receipt, isInPool }: Look,
  rest: Pick<Found, "raise" | "simulation"> & {
    readonly surroundings: Surroundings;
    readonly transaction: Transaction;
  },
): Found {
  const { raise, simulation, surroundings, transaction } = rest;
  const { block, counts, prices } = surroundings;
  return {
    ...{ block, latestCount: counts.latest, settledCount: counts.settled },
    ...{ receipt: receipt?.minedAt, isInPool, raise, simulation },
    paysBaseFee: transaction.newest.fees.most >= prices.baseFee,
  };
}

/** Why the act is given up, for the log and for who waits for it. */
export function whyReplaced(
  { newest, written: { proposal } }: Transaction,
  { block, prices }: Pick<Surroundings, "block" | "prices">,
): string {
  if ((proposal?.lastBlock ?? Number.MAX_SAFE_INTEGER) <= block) {
    return "It was not in a block in time";
  }
  return newest.fees.most >= prices.baseFee
    ? "It would no longer pass, or another keeper has it"
    : "No block takes it for what it may cost, or it would no longer pass";
}

async function receiptOf(rpc: Rpc, hash: string): Promise<FoundReceipt | undefined> {
  const raw = await rpc("eth_getTransactionReceipt", [hash]);
  if (typeof raw !== "object" || raw === null) return undefined;
  const { blockHash, blockNumber } = raw as { blockHash?: unknown; blockNumber?: unknown };
  // What waits has none yet at some nodes.
  if (typeof blockHash !== "string") return undefined;
  return { minedAt: { block: Number(quantity(blockNumber)), blockHash, hash }, raw };
}
