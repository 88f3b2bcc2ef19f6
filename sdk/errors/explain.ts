import type { ErrorFragment, Result } from "ethers";
import { ERROR_CATALOGUE } from "./catalogue/index.js";
import { connectionEntry } from "./connection.js";
import type { ErrorValues, Remedy } from "./entry.js";
import { ERRORS, fragmentOf } from "./fragments.js";
import { type ErrorContext, fillIn, formatTime } from "./formats.js";
import { type Hex, revertDataOf } from "./revertData.js";

/** An error for people and for programs. */
export interface Explanation {
  /** The custom error's name; undefined when it is none that is known. */
  readonly name: string | undefined;
  /** Its values by name, exact. */
  readonly values: ErrorValues;
  /** What happened, with the values in human units. */
  readonly sentence: string;
  /** What to do about it. */
  readonly cure: string;
  /** Whether the call can pass, and when; see {@link Remedy}. */
  readonly remedy: Remedy;
  /** When it can pass, where that is known [unix seconds]. */
  readonly until?: bigint;
  /** What the call returned, where that is known. */
  readonly data?: Hex;
}

/**
 * Says what an error means and what to do about it.
 *
 * @param error What ethers or viem threw, an error of a node, or what the call returned in hexadecimal.
 * @param context What makes it readable: tokens, symbols, names. Without it amounts are in smallest units.
 * @returns Always something: an error that is not known is said to be so, with the data it came with.
 */
export function explainError(error: unknown, context: ErrorContext = {}): Explanation {
  const data = revertDataOf(error);
  if (data === undefined || data === "0x") return explainWithoutData(error, data);

  const fragment = fragmentOf(data);
  const entry = fragment === undefined ? undefined : ERROR_CATALOGUE[fragment.format("sighash")];
  if (fragment === undefined || entry === undefined) return explainUnknown(data);

  const { cure, remedy } = entry;
  const values = valuesOf(fragment, data);
  if (values === undefined) {
    const sentence = `The call reverted with ${fragment.name}; its values were cut off or are malformed (${data}).`;
    // A cure may name a value as well.
    return { name: fragment.name, values: {}, sentence, cure: blank(cure), remedy, data };
  }
  const until = entry.until?.(values);
  return {
    name: fragment.name,
    values,
    sentence: fillIn(entry.sentence, values, context),
    cure: fillIn(cure, values, context),
    remedy,
    ...(until === undefined ? {} : { until }),
    data,
  };
}

/** An explanation in one paragraph, for logs and messages. */
export function formatExplanation({ sentence, cure, until }: Explanation): string {
  return until === undefined
    ? `${sentence} ${cure}`
    : `${sentence} ${cure} (Possible at ${formatTime(until)}.)`;
}

function valuesOf(fragment: ErrorFragment, data: Hex): ErrorValues | undefined {
  let decoded: Result;
  try {
    decoded = ERRORS.decodeErrorResult(fragment, data);
    // A value that cannot be decoded throws when it is read.
    return Object.fromEntries(
      fragment.inputs.map(({ name }, i) => [name, plain(decoded[i] as unknown)]),
    );
  } catch {
    return undefined;
  }
}

/** Structs as objects. */
function plain(value: unknown): unknown {
  return typeof value === "object" && value !== null && "toObject" in value
    ? (value as Result).toObject()
    : value;
}

function explainUnknown(data: Hex): Explanation {
  return {
    name: undefined,
    values: {},
    sentence: `The call reverted with ${data}, which is no error that Plimsoll knows.`,
    cure: "Look the selector up with the contract that was called: a token, a wallet or a router of somebody else.",
    remedy: "fatal",
    data,
  };
}

function explainWithoutData(error: unknown, data: "0x" | undefined): Explanation {
  const none = { name: undefined, values: {} };
  const connection = connectionEntry(error);
  if (connection !== undefined) return { ...none, ...connection };
  if (data === "0x" || isCallException(error)) {
    return {
      ...none,
      sentence: "The call reverted without saying why.",
      cure: "See that there is a contract at the address and that the call has enough gas; a transaction can be asked again as a call.",
      remedy: "fatal",
      ...(data === undefined ? {} : { data }),
    };
  }
  return {
    ...none,
    sentence: `This is no revert that can be explained: ${messageOf(error)}`,
    cure: "Look at the error itself.",
    remedy: "fatal",
  };
}

/** What anything that was thrown says of itself. */
function messageOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { message } = error as { message?: unknown };
  return typeof message === "string" ? message : "it does not say what it is";
}

function isCallException(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as { code?: unknown }).code === "CALL_EXCEPTION"
  );
}

function blank(text: string): string {
  return text.replace(/\{\w+(?::[^}]*)?\}/g, "it");
}
