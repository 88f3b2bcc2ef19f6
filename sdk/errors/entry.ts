/**
 * What a caller must do about an error:
 *
 * - `retry`: the world is no longer as it was when the call was made. Read again and decide anew: often there is nothing
 *   left to do, since somebody else was faster.
 * - `wait`: the same call can pass later, without anything that the caller must do; where the time is known it is said.
 * - `fatal`: the same call by the same caller cannot pass until somebody changes what the cure names.
 */
export type Remedy = "retry" | "wait" | "fatal";

/** The values of an error by name, as the ABI decodes them. */
export type ErrorValues = Readonly<Record<string, unknown>>;

/** What the SDK says of a custom error. */
export interface ErrorEntry {
  /**
   * A sentence with the error's values in braces: `{name}` in the way of its type, or `{name:format}` with a format of
   * errors/formats.ts. An amount names the value that is its token: `{requested:amount(token)}`.
   */
  readonly sentence: string;
  /** What to do about it: a sentence in the imperative. */
  readonly cure: string;
  readonly remedy: Remedy;
  /** When the call can pass, where the error says it [unix seconds]. */
  readonly until?: (values: ErrorValues) => bigint | undefined;
  /** Values that the sentence leaves out, each with the reason. */
  readonly untold?: Readonly<Record<string, string>>;
}

/** Entries by the error's signature, as `NotVenue(address)`: names alone are not unique. */
export type ErrorEntries = Readonly<Record<string, ErrorEntry>>;

/** For `until`: a value that is a time, 0 being none. */
export function timeIn(name: string): (values: ErrorValues) => bigint | undefined {
  return (values) => {
    const time = values[name];
    return typeof time === "bigint" && time !== 0n ? time : undefined;
  };
}
