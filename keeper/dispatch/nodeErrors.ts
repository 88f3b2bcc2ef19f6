import { CouldNotLook } from "../../sdk/index.js";

/**
 * What a node says to a signed transaction that it does not take:
 *
 * - `known`: it has it already, which is as good as taking it;
 * - `used`: the nonce is used, by this transaction or by another;
 * - `underpriced`: it has another transaction of this nonce, and this one pays too little to take its place;
 * - `cheap`: it pays less than the node takes at all;
 * - `poor`: the wallet lacks the ether;
 * - `never`: no node would ever take it as it is;
 * - `other`: it did not answer, or has another reason. The transaction may or may not be in its pool.
 */
export type NodeRefusal = "known" | "used" | "underpriced" | "cheap" | "poor" | "never" | "other";

/** In this order; the words of geth, Nethermind, Besu, Erigon, Reth and Hardhat. */
const WORDS: readonly (readonly [NodeRefusal, RegExp])[] = [
  [
    "known",
    /already known|known transaction|already (?:exists|imported|in (?:the )?(?:pool|mempool))/i,
  ],
  ["underpriced", /replacement|could not replace|same nonce|REPLACEMENT_UNDERPRICED/i],
  [
    "used",
    /nonce (?:is )?too low|nonce.*(?:already|been) used|old ?nonce|NONCE_EXPIRED|NonceTooLow/i,
  ],
  [
    "poor",
    /insufficient funds|doesn't have enough funds|does not have enough funds|upfront.?cost|INSUFFICIENT_FUNDS/i,
  ],
  [
    "cheap",
    /underpriced|fee too low|feetoolow|less than (?:the )?block base fee|lower than the (?:minimum|block)|below (?:the )?min|too low to compete/i,
  ],
  [
    "never",
    /intrinsic gas|exceeds (?:the )?(?:block|transaction|tx)?.*gas (?:limit|cap)|gas limit (?:is )?too (?:high|low)|oversized|invalid (?:sender|signature|chain ?id)/i,
  ],
];

const MOST_DEPTH = 8;

/** What an error that came back from a broadcast means. When several nodes refused it, what weighs most of what they said. */
export function nodeRefusalOf(error: unknown): NodeRefusal {
  // Its message quotes those of failures.
  if (error instanceof CouldNotLook) return "other";
  const texts = [...textsOf(error, 0, new Set())];
  return WORDS.find(([, words]) => texts.some((text) => words.test(text)))?.[0] ?? "other";
}

/** Messages and codes, of the error and of what is wrapped in it. */
function* textsOf(value: unknown, depth: number, seen: Set<unknown>): Generator<string> {
  if (typeof value === "string") yield value;
  if (typeof value !== "object" || value === null || depth > MOST_DEPTH || seen.has(value)) return;
  seen.add(value);
  const { message, code, shortMessage, error, info, cause, errors } = value as Record<
    string,
    unknown
  >;
  for (const text of [message, shortMessage, code]) if (typeof text === "string") yield text;
  for (const inner of [error, info, cause]) yield* textsOf(inner, depth + 1, seen);
  if (Array.isArray(errors)) {
    for (const inner of errors as unknown[]) yield* textsOf(inner, depth + 1, seen);
  }
}
