import { decodeBytes32String, formatUnits, isAddress, isHexString } from "ethers";
import { describeInstrument, formatAccount, isInstrument } from "../ids.js";
import { ORDER_FLAGS } from "../orders.js";
import { formatWad } from "../wad.js";
import type { ErrorValues } from "./entry.js";
import { errorName } from "./fragments.js";

/** A token as people know it. */
export interface TokenInfo {
  readonly symbol: string;
  readonly decimals: number;
}

/** What makes explanations readable; all of it may be missing. */
export interface ErrorContext {
  /** Tokens by address, in any case. Without it amounts are printed in smallest units. */
  readonly tokens?: ReadonlyMap<string, TokenInfo>;
  /** The token of the cash: errors of standing top-ups do not name it. */
  readonly settlement?: TokenInfo;
  /** Symbols of underlyings by number. */
  readonly symbols?: ReadonlyMap<number, string>;
  /** Names of contracts and people by address, in any case. */
  readonly names?: ReadonlyMap<string, string>;
}

interface Formatting {
  readonly context: ErrorContext;
  readonly values: ErrorValues;
  /** The name in brackets behind the format. */
  readonly argument: string;
}

type Format = (value: unknown, formatting: Formatting) => string;

/** Rights of an operator, by bit. */
const PERMISSIONS = ["TRADE", "TRANSFER", "WITHDRAW", "LIQUIDATE"];

/** Kinds of sources, in the order of the contract. */
const SOURCES = ["source", "wallet", "account", "share vault"];

const FLAG_NAMES: ReadonlyMap<bigint, string> = new Map(
  Object.entries(ORDER_FLAGS).map(([name, bit]) => [bit, name]),
);

/** The language's own codes. */
const PANICS: ReadonlyMap<bigint, string> = new Map([
  [0x01n, "an assertion is wrong"],
  [0x11n, "a number is out of range"],
  [0x12n, "a division by zero"],
  [0x21n, "a value that its type has not"],
  [0x22n, "storage is malformed"],
  [0x31n, "nothing is left in a list"],
  [0x32n, "a place that a list has not"],
  [0x41n, "too much memory was asked for"],
  [0x51n, "a function that is not there"],
]);

/** The ways in which a value can be printed; the sentences of the catalogue name them. */
export const FORMATS: Readonly<Record<string, Format>> = {
  /** Owner, shortened, and sub-account. */
  account: (value) => formatAccount(String(value), { short: true }),
  address: (value, { context }) => nameOf(String(value), context),
  /** Token units, in whole tokens where the token is known; without a name in brackets they are of the settlement token. */
  amount: (value, { context, values, argument }) => {
    const isCash = argument === "";
    const info = isCash ? context.settlement : lookUp(context.tokens, String(values[argument]));
    if (info === undefined) return `${String(value)} smallest units`;
    return `${withoutZeros(formatUnits(value as bigint, info.decimals))} ${info.symbol}`;
  },
  bps: (value) => `${withoutZeros(formatUnits(value as bigint, 2))} %`,
  flags: (value) => bitsOf(value as bigint, FLAG_NAMES),
  /** For codes, hashes and what else nobody reads. */
  hex: String,
  instrument: (value, { context }) => {
    const id = value as bigint;
    return isInstrument(id) ? describeInstrument(id, context.symbols) : `0x${id.toString(16)}`;
  },
  margin: (value) => {
    const { equity, initial, maintenance } = value as Record<string, bigint>;
    const [e = 0n, i = 0n, m = 0n] = [equity, initial, maintenance];
    return `equity ${formatWad(e)}, initial ${formatWad(i)}, maintenance ${formatWad(m)}`;
  },
  number: String,
  /** A parameter's name, which contracts give as bytes32. */
  name: (value) => textOf(String(value)),
  panic: (value) => PANICS.get(value as bigint) ?? `code ${String(value)}`,
  permissions: (value) =>
    bitsOf(value as bigint, new Map(PERMISSIONS.map((name, i) => [1n << BigInt(i), name]))),
  /** Another error, by its selector. */
  reason: (value) => errorName(String(value)) ?? String(value),
  /** Where a standing top-up takes tokens from. */
  source: (value) => SOURCES[Number(value)] ?? `source of kind ${String(value)}`,
  /** A WAD as per cent. */
  ratio: (value) => `${withoutZeros(formatUnits(value as bigint, 16))} %`,
  seconds: (value) => `${String(value)} s`,
  /** Unix seconds in UTC. */
  time: (value) => formatTime(value as bigint),
  token: (value, { context }) =>
    lookUp(context.tokens, String(value))?.symbol ?? nameOf(String(value), context),
  underlying: (value, { context }) =>
    context.symbols?.get(Number(value)) ?? `underlying ${String(value)}`,
  wad: (value) => formatWad(value as bigint),
};

const PLACEHOLDER = /\{(\w+)(?::(\w+)(?:\((\w+)\))?)?\}/g;

/** The names of the values that a sentence prints. */
export function valuesIn(sentence: string): string[] {
  return [...sentence.matchAll(PLACEHOLDER)].map((match) => match[1] ?? "");
}

/** A sentence of the catalogue with its values. */
export function fillIn(sentence: string, values: ErrorValues, context: ErrorContext): string {
  return sentence.replace(
    PLACEHOLDER,
    (_, name: string, format: string | undefined, argument = "") => {
      if (!(name in values)) throw new RangeError(`"${sentence}" names no value ${name}`);
      const value = values[name];
      const chosen = FORMATS[format ?? usualFormat(name, value)];
      if (chosen === undefined) throw new RangeError(`"${sentence}" has no format ${format}`);
      return chosen(value, { context, values, argument: argument as string });
    },
  );
}

/** [unix seconds] in UTC; the contracts say 0 for a time that never was. */
export function formatTime(time: bigint): string {
  if (time === 0n) return "never";
  const milliseconds = Number(time) * 1_000;
  // The last time that JavaScript can tell.
  if (milliseconds > 8.64e15) return `second ${time.toString()}`;
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

function usualFormat(name: string, value: unknown): string {
  if (isHexString(value, 32) && /^(account|from|to)$/.test(name)) return "account";
  if (isAddress(value)) return "address";
  return "number";
}

function nameOf(address: string, context: ErrorContext): string {
  return lookUp(context.names, address) ?? address;
}

function lookUp<T>(map: ReadonlyMap<string, T> | undefined, address: string): T | undefined {
  if (map === undefined) return undefined;
  const wanted = address.toLowerCase();
  return (
    map.get(address) ??
    map.get(wanted) ??
    [...map].find(([known]) => known.toLowerCase() === wanted)?.[1]
  );
}

function bitsOf(value: bigint, names: ReadonlyMap<bigint, string>): string {
  if (value === 0n) return "none";
  const known = [...names].filter(([bit]) => (value & bit) !== 0n);
  const rest = known.reduce((left, [bit]) => left & ~bit, value);
  const unknown = rest === 0n ? [] : [`unknown bits ${rest.toString()}`];
  return [...known.map(([, name]) => name), ...unknown].join(" + ");
}

/** The text of a bytes32; the bytes as they are when they are no text. */
function textOf(bytes: string): string {
  try {
    return decodeBytes32String(bytes);
  } catch {
    return bytes;
  }
}

function withoutZeros(decimal: string): string {
  return decimal.replace(/\.0$/, "");
}
