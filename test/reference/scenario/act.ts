import type { AccountId } from "../../../sdk/index.js";
import type { World } from "../model/world.js";

/** One thing that somebody does to the clearinghouse: to the contracts and to the model. */
export interface Act {
  /** What is counted: the act's kind. */
  kind: string;
  /** For people who replay it. */
  says: string;
  from: string;
  to: string;
  data: string;
  /** How long after the act before [seconds]. */
  after: bigint;
  /** Whose margin it may change. */
  touched: AccountId[];
  /** Does the same to the model, or throws the Refusal that the contracts owe; returns what is to be counted. */
  apply: (world: World) => string[];
}
