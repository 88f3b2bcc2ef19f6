import type { FundingRules, FundingState } from "../funding.js";
import type { AccountId, InstrumentId } from "../ids.js";
import type { CashPool } from "../interest.js";
import type { HaircutRoom } from "../liquidation/waterfall.js";
import type { FundDraw } from "../margin/snapshot.js";
import type { Haircuts, NotedVolatility } from "../rates.js";
import type { EventArguments } from "./events.js";

/** An underlying's rules as `UnderlyingSet` says them. */
export type UnderlyingParameters = EventArguments<"rules", "UnderlyingSet">["parameters"];
/** Size brackets as `BracketsSet` says them. */
export type BracketParameters = EventArguments<"rules", "BracketsSet">["parameters"];
/** A token's rules as `CollateralSet` says them. */
export type CollateralParameters = EventArguments<"rules", "CollateralSet">["parameters"];
/** The rules of liquidation as `LiquidationRulesSet` says them. */
export type LiquidationParameters = EventArguments<"rules", "LiquidationRulesSet">["parameters"];
/** A token's limits as `TokenLimitsSet` says them. */
export type TokenLimits = EventArguments<"vault", "TokenLimitsSet">["limits"];
/** An underlying's feeds as `SourcesSet` says them. */
export type Sources = Omit<EventArguments<"oracle", "SourcesSet">, "underlying">;

/** A position as it is stored. */
export interface StoredPosition {
  readonly instrument: InstrumentId;
  /** Positive is long [wad]. */
  readonly size: bigint;
  /** [wad] */
  readonly quote: bigint;
}

/** An amount of a collateral token. */
export interface StoredCollateral {
  /** Lower case. */
  readonly token: string;
  /** [token] */
  readonly amount: bigint;
}

/** What an account has. */
export interface StoredAccount {
  /** Cash in units of the pool's indices; negative is a debt [wad]. */
  readonly principal: bigint;
  /** In the contract's order. */
  readonly positions: readonly StoredPosition[];
  /** In the order in which they came. */
  readonly collateral: readonly StoredCollateral[];
}

/** What is open in an instrument. */
export interface StoredInterest {
  /** The size held long [wad]. */
  readonly open: bigint;
  /** The sum of all sizes: 0 after every transaction [wad]. */
  readonly net: bigint;
}

/** What the vault keeps for a token. */
export interface StoredCustody {
  /** [token] */
  readonly tracked: bigint;
  /** Withdrawn less deposited, forgotten evenly over a day from `changedAt` on [token]. */
  readonly netOutflow: bigint;
  /** [unix seconds] */
  readonly changedAt: bigint;
}

/** An operator's rights on all accounts of an owner. */
export interface OperatorRights {
  readonly permissions: bigint;
  /** Last second in which they hold [unix seconds]. */
  readonly until: bigint;
}

/** What margin rates follow from: one word of the rules. */
export interface StoredRates {
  /** Nothing before the rates were set. */
  readonly parameters: UnderlyingParameters | undefined;
  /** [whole settlement currency]; 0 before brackets were set. */
  readonly firstEnd: bigint;
  /** Nothing before the first note. */
  readonly volatility: NotedVolatility | undefined;
  /** Until then rates or brackets are on their way; 0 before the first ramp [unix seconds]. */
  readonly endOfRamp: bigint;
  /** In former rules: sigma is what these have noted, for there is a new oracle. */
  readonly hasOwnVolatility: boolean;
}

/** Everything about an underlying that the rules keep. */
export interface StoredUnderlying {
  readonly rates: StoredRates;
  readonly brackets: BracketParameters | undefined;
  /** What the rates come from in the last ramp, if it was one of rates. */
  readonly formerRates: StoredRates | undefined;
  /** What the brackets come from in the last ramp, if it was one of brackets. */
  readonly formerBrackets: BracketParameters | undefined;
  readonly funding: FundingRules | undefined;
  /** Number of the volatility oracle that has noted something last; 0 before the first. */
  readonly notedBy: bigint;
  /** Last second of the guardian's latest freeze [unix seconds]. */
  readonly frozenUntil: bigint;
}

/** A listed token. */
export interface StoredToken {
  /** In the list. */
  readonly place: number;
  readonly decimals: number;
  readonly parameters: CollateralParameters;
  /** Where the haircuts come from in the last ramp. */
  readonly former: Haircuts;
  /** [unix seconds] */
  readonly endOfRamp: bigint;
  /** Last second of the guardian's latest freeze [unix seconds]. */
  readonly frozenUntil: bigint;
}

/** The rules of liquidation, and where the minimum margins come from in the last ramp. */
export interface StoredLiquidation {
  readonly parameters: LiquidationParameters;
  readonly former: Pick<LiquidationParameters, "minimumMargin" | "minimumMarginOfItem">;
  /** [unix seconds] */
  readonly endOfRamp: bigint;
}

/** How far a volatility oracle has followed a feed. */
export interface StoredVolatility {
  readonly feed: string;
  /** The band [wad]. */
  readonly minimum: bigint;
  readonly maximum: bigint;
  readonly roundId: bigint;
  /** [feed's decimals] */
  readonly answer: bigint;
  /** [unix seconds] */
  readonly acceptedAt: bigint;
  /** [1e-12 per year] */
  readonly slowVariance: bigint;
  readonly fastVariance: bigint;
  readonly slowBefore: bigint;
  readonly fastBefore: bigint;
  /** [unix seconds] */
  readonly before: bigint;
}

/** What the Exchange keeps for an account. */
export interface StoredTerms {
  readonly leastNonce: bigint;
  readonly feeTier: bigint;
}

/** What there is once. */
export interface Singles {
  readonly pool: CashPool;
  /** Losses that nobody has borne, and fees that wait to be divided [wad]. */
  readonly books: { readonly deficit: bigint; readonly reserve: bigint };
  readonly feeShares: { readonly treasury: string; readonly fundShare: bigint };
  readonly peg: {
    readonly underlying: number;
    readonly allowedBps: bigint;
    readonly depegged: boolean;
  };
  readonly wiring: {
    readonly marginEngine: string;
    /** Until then requirements are on their way from the former engine's; 0 without one [unix seconds]. */
    readonly endOfBlend: bigint;
    readonly vaultClearinghouse: string;
    readonly vaultMarginEngine: string;
  };
  readonly liquidation: StoredLiquidation | undefined;
  readonly volatilityOracle: { readonly oracle: string; readonly generation: bigint };
  readonly sequencer: { readonly uptimeFeed: string; readonly gracePeriodSeconds: bigint };
  /** In the rules' order, lower case. */
  readonly tokens: readonly string[];
}

/** What there is many times. Addresses are in lower case. */
export interface Tables {
  readonly accounts: Map<AccountId, StoredAccount>;
  /** When an account was flagged; only of those that are [unix seconds]. */
  readonly flags: Map<AccountId, bigint>;
  /** When an account was last called for margin, rounded up to 256 seconds [unix seconds]. */
  readonly calls: Map<AccountId, bigint>;
  readonly interest: Map<InstrumentId, StoredInterest>;
  readonly funding: Map<InstrumentId, FundingState>;
  /** How far losses have moved an instrument's indices. */
  readonly haircuts: Map<InstrumentId, HaircutRoom>;
  /** Instrument 0 has all draws on its account. */
  readonly draws: Map<InstrumentId, FundDraw>;
  readonly custody: Map<string, StoredCustody>;
  readonly limits: Map<string, TokenLimits>;
  /** By owner and operator: see {@link operatorKey}. */
  readonly operators: Map<string, OperatorRights>;
  readonly venues: Map<string, true>;
  readonly feeTiers: Map<number, { readonly taker: bigint; readonly maker: bigint }>;
  readonly terms: Map<AccountId, StoredTerms>;
  /** A bit for each of 256 neighbouring nonces that are used up: see {@link nonceKey}. */
  readonly nonces: Map<string, bigint>;
  /** What is filled of orders that are partly filled, by their hash [wad]. */
  readonly fills: Map<string, bigint>;
  readonly underlyings: Map<number, StoredUnderlying>;
  readonly collateral: Map<string, StoredToken>;
  readonly sources: Map<number, Sources>;
  readonly notedPrices: Map<number, { readonly price: bigint; readonly notedAt: bigint }>;
  /** By oracle and underlying: see {@link volatilityKey}. */
  readonly volatilities: Map<string, StoredVolatility>;
  /** The access manager of each contract. */
  readonly authorities: Map<string, string>;
}

/** All that the chain has said, summed up. */
export interface IndexState extends Tables {
  readonly singles: Singles;
}
