/** A bug that somebody could write, and the tests that must find it. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What would happen. */
  readonly why: string;
  /** Tests that are run after the campaign, in this order, until one fails: Solidity (.t.sol) or mocha (.ts). */
  readonly tests?: readonly string[];
  /** The campaign would not end: a loop that only gas stops. */
  readonly isEndless?: boolean;
}
