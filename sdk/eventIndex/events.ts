import type {
  Clearinghouse,
  Exchange,
  PriceOracle,
  Rules,
  Vault,
  VolatilityOracle,
} from "../../typechain-types/index.js";
import type { TypedContractEvent } from "../../typechain-types/common.js";

/** The contracts that are listened to, with their events as TypeChain knows them. */
export interface ListenedContracts {
  vault: Vault;
  clearinghouse: Clearinghouse;
  exchange: Exchange;
  rules: Rules;
  oracle: PriceOracle;
  volatilityOracle: VolatilityOracle;
}

/** Which of the contracts an event comes from. */
export type ContractRole = keyof ListenedContracts;

/** All roles. */
export const CONTRACT_ROLES = [
  "vault",
  "clearinghouse",
  "exchange",
  "rules",
  "oracle",
  "volatilityOracle",
] as const satisfies readonly ContractRole[];

/** Names of the events of a contract. */
export type EventName<R extends ContractRole> = Exclude<
  Extract<keyof ListenedContracts[R]["filters"], string>,
  `${string}(${string}`
>;

/** The arguments of an event by name; structs are objects. */
export type EventArguments<R extends ContractRole, E extends EventName<R>> =
  ListenedContracts[R]["filters"][E] extends TypedContractEvent<Any, Any, infer Output>
    ? Named<Output>
    : never;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- its other two parameters say the same in another shape
type Any = any;

/** A struct without the places that TypeChain gives its fields beside their names. */
type Named<T> = T extends readonly unknown[]
  ? number extends T["length"]
    ? readonly Named<T[number]>[]
    : { readonly [K in Exclude<keyof T, keyof unknown[] | `${number}`>]: Named<T[K]> }
  : T extends object
    ? { readonly [K in keyof T]: Named<T[K]> }
    : T;

/** A log as a node says it. */
export interface ChainLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly logIndex: number;
}

/** A block that the index takes in: the logs of the contracts that it listens to, in order. */
export interface ChainBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  /** [unix seconds] */
  readonly time: bigint;
  readonly logs: readonly ChainLog[];
}
