import { CouldNotLook, type Rpc } from "../../sdk/index.js";
import type { GasPrices } from "./fees.js";
import { messageOf } from "../messageOf.js";

/** How many nonces of a wallet are used. */
export interface NonceCounts {
  /** In the latest block. */
  readonly latest: number;
  /** Deep enough not to be taken back. */
  readonly settled: number;
  /** With what waits in the node's pool without a gap. */
  readonly pending: number;
}

/** What a dispatcher knows of its chain and its wallet; read once for each block, so that sending asks for nothing. */
export interface Surroundings {
  readonly block: number;
  readonly prices: GasPrices;
  readonly counts: NonceCounts;
  /** [wei] */
  readonly balance: bigint;
}

/** A tip where the node cannot suggest one [wei]. */
const USUAL_TIP = 1_000_000_000n;

/**
 * Reads it.
 *
 * @param block The last block that is known.
 * @throws CouldNotLook when a node did not answer, or not with what was asked for.
 */
export async function readSurroundings(
  rpc: Rpc,
  { address, block, confirmations }: { address: string; block: number; confirmations: number },
): Promise<Surroundings> {
  return looking(async () => {
    const [header, tip, balance, counts] = await Promise.all([
      rpc("eth_getBlockByNumber", ["latest", false]),
      // Some chains have no tips to suggest.
      rpc("eth_maxPriorityFeePerGas", []).then(quantity, () => USUAL_TIP),
      rpc("eth_getBalance", [address, "latest"]).then(quantity),
      readCounts(rpc, { address, block, confirmations }),
    ]);
    const baseFee = quantity((header as { baseFeePerGas?: unknown } | null)?.baseFeePerGas);
    return { block, prices: { baseFee, tip }, counts, balance };
  });
}

/**
 * How many nonces a wallet has used.
 *
 * @throws CouldNotLook when a node did not answer.
 */
export async function readCounts(
  rpc: Rpc,
  { address, block, confirmations }: { address: string; block: number; confirmations: number },
): Promise<NonceCounts> {
  const deep = `0x${Math.max(block - confirmations, 0).toString(16)}`;
  return looking(async () => {
    const [latest, settled, pending] = await Promise.all(
      ["latest", deep, "pending"].map(async (tag) =>
        Number(quantity(await rpc("eth_getTransactionCount", [address, tag]))),
      ),
    );
    if (latest === undefined || settled === undefined || pending === undefined) {
      throw new CouldNotLook("The node gave no counts of transactions");
    }
    return { latest, settled: Math.min(settled, latest), pending: Math.max(pending, latest) };
  });
}

/** What a node did not answer says so in one way. */
export async function looking<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (cause) {
    if (cause instanceof CouldNotLook) throw cause;
    const message = messageOf(cause);
    throw new CouldNotLook(`The node did not answer: ${message}`, { cause });
  }
}

/** A number as nodes write them. */
export function quantity(value: unknown): bigint {
  if (typeof value === "string" && /^0x[0-9a-f]+$/i.test(value)) return BigInt(value);
  throw new CouldNotLook(`The node gave ${JSON.stringify(value)} where a number was asked for`);
}
