import type { Rpc } from "../../sdk/index.js";
import type { Found, Known } from "./decide.js";
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
export function knownOf(
  { written, state, minedAt, versions, newest, refusal, timesMissed, since }: Transaction,
  { isOurs, holdsUp }: Pick<Known, "isOurs" | "holdsUp">,
): Known {
  return {
    ...{ nonce: written.nonce, isOurs, isDropped: state === "dropped", minedAt, refusal },
    ...{ isNothing: newest.reason !== undefined, versions: versions.length },
    ...{ newestBlock: newest.block, since, timesMissed, lastBlock: written.proposal?.lastBlock },
    holdsUp,
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

async function receiptOf(rpc: Rpc, hash: string): Promise<FoundReceipt | undefined> {
  const raw = await rpc("eth_getTransactionReceipt", [hash]);
  if (typeof raw !== "object" || raw === null) return undefined;
  const { blockHash, blockNumber } = raw as { blockHash?: unknown; blockNumber?: unknown };
  // What waits has none yet at some nodes.
  if (typeof blockHash !== "string") return undefined;
  return { minedAt: { block: Number(quantity(blockNumber)), blockHash, hash }, raw };
}
