import { dataLength, getBytes, toBigInt } from "ethers";
import type { AccountId } from "./ids.js";

/** Where an account stands, in the order of the contracts. */
export const STATUSES = ["Healthy", "MarginCall", "Liquidatable", "Bankrupt"] as const;

/** One of {@link STATUSES}. */
export type Status = (typeof STATUSES)[number];

/** What an account is worth and must be worth. */
export interface PricedMargin {
  account: AccountId;
  priced: true;
  status: Status;
  /** Negative when the account is bankrupt [wad]. */
  equity: bigint;
  /** What it takes to add risk or withdraw [wad]. */
  initial: bigint;
  /** The line below which anyone may liquidate [wad]. */
  maintenance: bigint;
}

/** An account that could not be read: nothing is known of it, least of all that it is healthy. */
export interface UnpricedMargin {
  account: AccountId;
  priced: false;
}

/** What the Lens says of an account; `priced` decides which. */
export type MarginReading = PricedMargin | UnpricedMargin;

/** What `Lens.marginsOf` uses for each account [bytes]. */
const BYTES_OF_MARGIN = 49;

/**
 * The answer of `Lens.marginsOf`, account by account.
 *
 * @param packed What the contract returned, in hexadecimal.
 * @param accounts Those that were asked for, in their order.
 */
export function decodeMargins(packed: string, accounts: readonly AccountId[]): MarginReading[] {
  requireLength(packed, accounts.length * BYTES_OF_MARGIN, accounts.length);
  const bytes = getBytes(packed);
  return accounts.map((account, place) => {
    const start = place * BYTES_OF_MARGIN;
    const uintAt = (from: number) => toBigInt(bytes.subarray(start + from, start + from + 16));
    const head = bytes[start + 48] ?? 0;
    if ((head & 1) === 0) return { account, priced: false };
    const status = STATUSES[head >> 1];
    if (status === undefined) throw new RangeError(`${account} has the unknown head ${head}`);
    return {
      account,
      priced: true,
      status,
      equity: BigInt.asIntN(128, uintAt(0)),
      initial: uintAt(16),
      maintenance: uintAt(32),
    };
  });
}

/**
 * The answer of `Lens.liquidatable`, or any other bitmap with the bits of a byte counted from the least significant:
 * one boolean for each account.
 *
 * @param bitmap What the contract returned, in hexadecimal.
 * @param count How many accounts were asked for.
 */
export function decodeBitmap(bitmap: string, count: number): boolean[] {
  requireLength(bitmap, Math.ceil(count / 8), count);
  const bytes = getBytes(bitmap);
  return Array.from({ length: count }, (_, i) => (((bytes[i >> 3] ?? 0) >> (i & 7)) & 1) === 1);
}

/** An answer to another question must not be read as one to this. */
function requireLength(data: string, expected: number, accounts: number): void {
  const given = dataLength(data);
  if (given !== expected) {
    throw new RangeError(`${accounts} accounts take ${expected} bytes, not ${given}`);
  }
}
