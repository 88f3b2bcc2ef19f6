import { getAddress, toBeHex } from "ethers";

/** An account: the owner's address (20 bytes), then the sub-account's number (12 bytes). */
export type AccountId = `0x${string}`;

/** An instrument, packed: kind, underlying, expiry, strike. */
export type InstrumentId = bigint;

/** What an instrument is; options and futures come with later releases. */
export const KINDS = { perpetual: 1n, future: 2n, call: 3n, put: 4n } as const;

const KIND_OFFSET = 192n;
const UNDERLYING_OFFSET = 168n;
const MOST_UNDERLYING = 2 ** 24 - 1;

/**
 * The account of an owner with a sub-account's number.
 *
 * @param owner The owner's address.
 * @param subAccount 0 for the first account, at most 96 bits.
 */
export function accountId(owner: string, subAccount: bigint | number = 0n): AccountId {
  const sub = BigInt(subAccount);
  if (sub < 0n || sub >> 96n !== 0n) {
    throw new RangeError(`A sub-account's number is 0 to 2^96 - 1, not ${sub.toString()}`);
  }
  return toBeHex((BigInt(getAddress(owner)) << 96n) | sub, 32) as AccountId;
}

/** The address that owns an account, with checksum. */
export function ownerOf(account: string): string {
  return getAddress(toBeHex(BigInt(account) >> 96n, 20));
}

/** The sub-account's number. */
export function subAccountOf(account: string): bigint {
  return BigInt.asUintN(96, BigInt(account));
}

/** The perpetual on an underlying. */
export function perpetual(underlying: number): InstrumentId {
  if (!Number.isInteger(underlying) || underlying < 1 || underlying > MOST_UNDERLYING) {
    throw new RangeError(`An underlying's number is 1 to ${MOST_UNDERLYING}, not ${underlying}`);
  }
  return (KINDS.perpetual << KIND_OFFSET) | (BigInt(underlying) << UNDERLYING_OFFSET);
}

/** The kind of an instrument, one of {@link KINDS}. */
export function kindOf(instrument: InstrumentId): bigint {
  return BigInt.asUintN(8, instrument >> KIND_OFFSET);
}

/** The number of the underlying whose price an instrument follows. */
export function underlyingOf(instrument: InstrumentId): number {
  return Number(BigInt.asUintN(24, instrument >> UNDERLYING_OFFSET));
}
