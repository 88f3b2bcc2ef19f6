import { getAddress, isHexString, toBeHex, ZeroAddress } from "ethers";
import { formatWad } from "./wad.js";

/** An account: the owner's address (20 bytes), then the sub-account's number (12 bytes). */
export type AccountId = `0x${string}`;

/** An instrument, packed: kind, underlying, expiry, strike. */
export type InstrumentId = bigint;

/** What an instrument is. The contracts accept perpetuals; futures and options come with a later release. */
export const KINDS = { perpetual: 1n, future: 2n, call: 3n, put: 4n } as const;

/** The name of a kind. */
export type Kind = keyof typeof KINDS;

/** What an {@link InstrumentId} says. */
export interface Instrument {
  readonly kind: Kind;
  /** The number of the underlying whose price it follows. */
  readonly underlying: number;
  /** 0 for a perpetual [unix seconds]. */
  readonly expiry: bigint;
  /** 0 for what is no option [wad]. */
  readonly strike: bigint;
}

/** A dated instrument's terms. */
export interface FutureTerms {
  /** The number of the underlying. */
  readonly underlying: number;
  /** [unix seconds] */
  readonly expiry: bigint | number;
}

/** An option's terms. */
export interface OptionTerms extends FutureTerms {
  /** [wad] */
  readonly strike: bigint;
}

/*
 *   255      200 199     192 191        168 167      128 127       0
 *   +-----------+-----------+--------------+------------+-----------+
 *   | 0         | kind      | underlying   | expiry     | strike    |
 *   +-----------+-----------+--------------+------------+-----------+
 */
const KIND_OFFSET = 192n;
const UNDERLYING_OFFSET = 168n;
const EXPIRY_OFFSET = 128n;
const KIND_BITS = 8;
const UNDERLYING_BITS = 24;
const EXPIRY_BITS = 40;
const STRIKE_BITS = 128;
const MOST_UNDERLYING = 2 ** UNDERLYING_BITS - 1;

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

/**
 * An account for people: its owner and, unless it is the first, a slash and the number. {@link parseAccount} reads it back.
 *
 * @param options `short` leaves the middle of the address out, which cannot be read back.
 */
export function formatAccount(account: string, options: { short?: boolean } = {}): string {
  const owner = ownerOf(account);
  const shown = options.short === true ? `${owner.slice(0, 6)}…${owner.slice(-4)}` : owner;
  const sub = subAccountOf(account);
  return sub === 0n ? shown : `${shown}/${sub.toString()}`;
}

/**
 * An account as people write it: `0x...` of 20 bytes for an owner's first account, the same with `/7` for sub-account 7, or
 * the 32 bytes of an id.
 *
 * @throws TypeError when it is none of these, an address has a wrong checksum, or nobody owns the account.
 */
export function parseAccount(text: string): AccountId {
  const trimmed = text.trim();
  const [owner = "", sub, ...rest] = trimmed.split("/");
  const problem = `An account is an address, an address with /number, or 32 bytes, not "${text}"`;
  if (isHexString(trimmed, 32)) {
    if (ownerOf(trimmed) === ZeroAddress) throw new TypeError(`Nobody owns the account ${text}`);
    return trimmed.toLowerCase() as AccountId;
  }
  if (rest.length > 0 || !isHexString(owner, 20) || (sub !== undefined && !/^\d+$/.test(sub))) {
    throw new TypeError(problem);
  }
  const account = accountId(owner, sub === undefined ? 0n : BigInt(sub));
  if (ownerOf(account) === ZeroAddress) throw new TypeError(`Nobody owns the account ${text}`);
  return account;
}

/** The perpetual on an underlying. */
export function perpetual(underlying: number): InstrumentId {
  return packInstrument({ kind: "perpetual", underlying, expiry: 0n, strike: 0n });
}

/** The future on an underlying that expires at a time. */
export function future({ underlying, expiry }: FutureTerms): InstrumentId {
  return packInstrument({ kind: "future", underlying, expiry: BigInt(expiry), strike: 0n });
}

/** The right to buy the underlying at the strike, at expiry. */
export function callOption({ underlying, expiry, strike }: OptionTerms): InstrumentId {
  return packInstrument({ kind: "call", underlying, expiry: BigInt(expiry), strike });
}

/** The right to sell the underlying at the strike, at expiry. */
export function putOption({ underlying, expiry, strike }: OptionTerms): InstrumentId {
  return packInstrument({ kind: "put", underlying, expiry: BigInt(expiry), strike });
}

/**
 * Packs what an instrument is into its id.
 *
 * @throws RangeError when a field does not fit, is missing, or is one that the kind has not.
 */
export function packInstrument(instrument: Instrument): InstrumentId {
  const { kind, underlying, expiry, strike } = instrument;
  if (!Number.isInteger(underlying) || underlying < 1 || underlying > MOST_UNDERLYING) {
    throw new RangeError(`An underlying's number is 1 to ${MOST_UNDERLYING}, not ${underlying}`);
  }
  requireField("expiry", expiry, { bits: EXPIRY_BITS, has: kind !== "perpetual", kind });
  const isOption = kind === "call" || kind === "put";
  requireField("strike", strike, { bits: STRIKE_BITS, has: isOption, kind });
  return (
    (KINDS[kind] << KIND_OFFSET) |
    (BigInt(underlying) << UNDERLYING_OFFSET) |
    (expiry << EXPIRY_OFFSET) |
    strike
  );
}

/**
 * What an id says, the inverse of {@link packInstrument}.
 *
 * @throws RangeError when it is the id of no instrument.
 */
export function unpackInstrument(id: InstrumentId): Instrument {
  const kind = (Object.keys(KINDS) as Kind[]).find((name) => KINDS[name] === kindOf(id));
  if (kind === undefined) throw new RangeError(`${toText(id)} has no known kind`);
  const instrument = {
    kind,
    underlying: underlyingOf(id),
    expiry: BigInt.asUintN(EXPIRY_BITS, id >> EXPIRY_OFFSET),
    strike: BigInt.asUintN(STRIKE_BITS, id),
  };
  // Packing checks the fields; what it leaves out are bits that must be 0.
  if (packInstrument(instrument) !== id) throw new RangeError(`${toText(id)} has stray bits`);
  return instrument;
}

/** Whether an id obeys the layout. Whether its underlying is listed, the contracts' rules know. */
export function isInstrument(id: InstrumentId): boolean {
  try {
    unpackInstrument(id);
    return true;
  } catch {
    return false;
  }
}

/**
 * An instrument for people: `ETH-PERP`, `ETH-2026-12-25`, `ETH-2026-12-25-3000-C`. An expiry that is not at 08:00 UTC, when
 * derivatives usually expire, is written with its time.
 *
 * @param symbols Symbols by the underlying's number; one that is missing is written as `#7`.
 */
export function describeInstrument(
  id: InstrumentId,
  symbols: ReadonlyMap<number, string> = new Map(),
): string {
  const { kind, underlying, expiry, strike } = unpackInstrument(id);
  const symbol = symbols.get(underlying) ?? `#${underlying}`;
  if (kind === "perpetual") return `${symbol}-PERP`;
  const dated = `${symbol}-${formatExpiry(expiry)}`;
  return kind === "future" ? dated : `${dated}-${formatWad(strike)}-${kind === "call" ? "C" : "P"}`;
}

/** The kind of an instrument, one of {@link KINDS}. */
export function kindOf(instrument: InstrumentId): bigint {
  return BigInt.asUintN(KIND_BITS, instrument >> KIND_OFFSET);
}

/** The number of the underlying whose price an instrument follows. */
export function underlyingOf(instrument: InstrumentId): number {
  return Number(BigInt.asUintN(UNDERLYING_BITS, instrument >> UNDERLYING_OFFSET));
}

interface Field {
  bits: number;
  /** Whether the kind has the field. */
  has: boolean;
  kind: Kind;
}

function requireField(name: string, value: bigint, { bits, has, kind }: Field): void {
  if (!has && value !== 0n) throw new RangeError(`A ${kind} has no ${name}`);
  if (!has) return;
  if (value <= 0n || value >> BigInt(bits) !== 0n) {
    throw new RangeError(`The ${name} is 1 to 2^${bits} - 1, not ${value.toString()}`);
  }
}

function formatExpiry(expiry: bigint): string {
  const seconds = Number(expiry);
  const text = new Date(seconds * 1_000).toISOString();
  return text.endsWith("T08:00:00.000Z") ? text.slice(0, 10) : text.replace(".000Z", "Z");
}

function toText(id: bigint): string {
  return id < 0n ? id.toString() : `0x${id.toString(16)}`;
}
