import { ErrorFragment, Interface } from "ethers";
import { errorsAbi } from "../abi/errors.js";

/** Solidity's own two, which no ABI has. */
const LANGUAGE = ["error Error(string message)", "error Panic(uint256 code)"];

/** Decodes every error that is known. */
export const ERRORS = new Interface([...LANGUAGE, ...errorsAbi]);

/** Not by Interface.getError, which has fragments of its own, without names, for Solidity's two. */
const FRAGMENTS: ReadonlyMap<string, ErrorFragment> = new Map(
  ERRORS.fragments.filter(ErrorFragment.isFragment).map((known) => [known.selector, known]),
);

/** `0x` and four bytes. */
const SELECTOR_LENGTH = 10;

/** The error that data begins with, if it is known. */
export function fragmentOf(data: string): ErrorFragment | undefined {
  return FRAGMENTS.get(data.slice(0, SELECTOR_LENGTH).toLowerCase());
}

/** The name of the error with a selector, which is all that some events say of one. */
export function errorName(selector: string): string | undefined {
  return fragmentOf(selector)?.name;
}
