import { isHexString } from "ethers";

/** Bytes as nodes give them. */
export type Hex = `0x${string}`;

/**
 * Where libraries and nodes put what a revert returned, or the error that knows. Never among them: `transaction`, whose
 * `data` is what was sent.
 */
const PLACES = ["raw", "data", "error", "info", "cause", "originalError"] as const;
const MOST_DEPTH = 12;

/**
 * What a contract said to a call that it refused, or undefined: neither that a node did not answer nor a call that returned
 * nothing at all is a contract's refusal.
 */
export function refusalOf(error: unknown): Hex | undefined {
  const data = revertDataOf(error);
  return data === "0x" ? undefined : data;
}

/**
 * What a call returned when it reverted: from ethers' CALL_EXCEPTION, viem's ContractFunctionExecutionError, an error of a
 * node (`error.data`, also nested), or the data itself.
 *
 * @returns `0x` when it reverted without data, and undefined when the error does not say.
 */
export function revertDataOf(error: unknown): Hex | undefined {
  if (isHexString(error)) return error;
  const found = [...candidates(error, 0, new Set())];
  return found.find((data) => data !== "0x") ?? found[0];
}

function* candidates(value: unknown, depth: number, seen: Set<unknown>): Generator<Hex> {
  if (isHexString(value)) {
    // A hash or an address is no revert data: that is a selector with whole words behind it.
    if ((value.length - 2) % 64 === 8 || value === "0x") yield value;
    return;
  }
  if (typeof value === "string") {
    const said = /^Reverted (0x[\da-f]*)$/i.exec(value)?.[1];
    if (said !== undefined) yield* candidates(said, depth, seen);
    return;
  }
  if (typeof value !== "object" || value === null || seen.has(value) || depth > MOST_DEPTH) return;
  seen.add(value);
  for (const place of PLACES) {
    if (place in value) {
      yield* candidates((value as Record<string, unknown>)[place], depth + 1, seen);
    }
  }
}
