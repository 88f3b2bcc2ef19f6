import type { ContractRole, EventArguments, EventName } from "./events.js";
import type { InstrumentId } from "../ids.js";
import type { Journal } from "./journal.js";
import type { IndexState } from "./state.js";

/** What the events do not say, for it is fixed when the contracts are deployed. */
export interface IndexedDeployment {
  /** Where each contract is. */
  readonly contracts: Readonly<Record<ContractRole, string>>;
  /** Volatility oracles that came or will come after the first. */
  readonly laterVolatilityOracles?: readonly string[];
  readonly settlementToken: string;
  readonly settlementDecimals: number;
  /** The first block that may have an event. */
  readonly firstBlock: number;
}

/** What a handler is given beside the arguments of its event. */
export interface Reduction {
  readonly journal: Journal;
  readonly state: IndexState;
  /** Addresses in lower case. */
  readonly deployment: IndexedDeployment;
  /** The contract that says it, in lower case. */
  readonly address: string;
  /** Of the block [unix seconds]. */
  readonly time: bigint;
  /** Instruments whose book must be flat at the end of the block. */
  readonly touched: Set<InstrumentId>;
  /** Refuses the event: it does not follow from what was said before. */
  fail(problem: string): never;
}

/** Takes an event into the state. */
type Handler<R extends ContractRole, E extends EventName<R>> = (
  at: Reduction,
  args: EventArguments<R, E>,
) => void;

/** One handler for each event of a contract: one that the ABI has and this has not does not compile. */
export type Handlers<R extends ContractRole> = { readonly [E in EventName<R>]: Handler<R, E> };

/** Nothing is stored that another event does not say. */
export function nothingStored(): void {
  // For the reader of the log alone.
}

/** Every contract under governance says who governs it. */
export function authorityUpdated(at: Reduction, { authority }: { authority: string }): void {
  at.journal.set("authorities", at.address, authority);
}

/** Refuses an event whose result is not what it leads to. */
export function mustEqual(at: Reduction, what: string, said: bigint, expected: bigint): void {
  if (said !== expected)
    at.fail(`${what} is ${said}, where what was said before leads to ${expected}`);
}
