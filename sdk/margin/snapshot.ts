import type { AccountId, InstrumentId } from "../ids.js";
import type { SideIndices } from "../ledger.js";
import type { LoanTerms } from "../lending.js";
import type { MarginModel } from "./model.js";

/**
 * What the margin arithmetic is given: plain numbers of one moment. They come from the contracts or from the event index;
 * ramps, volatility and accrual lie behind them.
 */

/** What an account has. */
export interface AccountSnapshot {
  readonly account: AccountId;
  /** Interest included; negative is a debt [wad]. */
  readonly cash: bigint;
  readonly positions: readonly PositionSnapshot[];
  readonly collateral: readonly CollateralSnapshot[];
}

/** A position with funding and haircuts counted in. */
export interface PositionSnapshot {
  readonly instrument: InstrumentId;
  /** Positive is long [wad]. */
  readonly size: bigint;
  /** quote - size x index(side), rounded down [wad]. */
  readonly realQuote: bigint;
}

/** An amount of a collateral token. */
export interface CollateralSnapshot {
  /** Place in the rules' list of tokens. */
  readonly place: number;
  /** [token] */
  readonly amount: bigint;
}

/** What the market is like. */
export interface MarketSnapshot {
  /** [unix seconds] */
  readonly time: bigint;
  /** Index prices by underlying; one that cannot be read is missing [wad]. */
  readonly prices: ReadonlyMap<number, bigint>;
  /** The last accepted price of each underlying, where liquidation needs one [wad]. */
  readonly lastPrices: ReadonlyMap<number, bigint>;
  /** Underlyings that are traded, by number. */
  readonly underlyings: ReadonlyMap<number, UnderlyingSnapshot>;
  /** In the order of the rules' list. */
  readonly tokens: readonly TokenSnapshot[];
  readonly liquidation: LiquidationSnapshot;
  /** The size held long, which is the size held short [wad]. */
  readonly openInterest: ReadonlyMap<InstrumentId, bigint>;
  /** Cash of the insurance fund [wad]. */
  readonly fundCash: bigint;
  /** What says how much a portfolio requires: the standard model unless another is given. */
  readonly model?: MarginModel;
}

/** What the insurance fund may pay with, beside its cash. */
export interface FundSnapshot {
  /** Fees that are not divided between the fund and the treasury yet [wad]. */
  readonly reserve: bigint;
  /** The fund's part of the interest that it has not got yet [wad]. */
  readonly interestReserve: bigint;
  /** Losses that nobody has borne yet: the fund's income repays them first [wad]. */
  readonly deficit: bigint;
  /** The fund's share of fees; 1 while there is no treasury [wad]. */
  readonly feeShare: bigint;
  /** Of the pool of cash [wad]. */
  readonly supplyIndex: bigint;
  /** What losses have drawn lately, by instrument; 0 stands for accounts that hold none with a price. */
  readonly draws: ReadonlyMap<InstrumentId, FundDraw>;
}

/** What an instrument's losses had drawn from the insurance fund when they last did, not forgotten then. */
export interface FundDraw {
  /** [wad] */
  readonly drawn: bigint;
  /** [unix seconds] */
  readonly drawnAt: bigint;
}

/** What the vault lets go. */
export interface VaultSnapshot extends LoanTerms {
  readonly settlementDecimals: number;
  /** How much of the settlement token could leave now [token]. */
  readonly releasableCash: bigint;
  /** The same of the collateral tokens, in the order of the rules' list [token]. */
  readonly releasable: readonly bigint[];
}

/** What a position is rounded by when it is written: the indices of its instrument now. */
export type SidesSnapshot = ReadonlyMap<InstrumentId, SideIndices>;

/** Margin rates of now. */
export interface UnderlyingSnapshot {
  /** [wad of notional] */
  readonly initialRate: bigint;
  /** [wad of notional] */
  readonly maintenanceRate: bigint;
  readonly brackets: BracketsSnapshot;
}

/** Size brackets of now; below the first end the factor is 1. */
export interface BracketsSnapshot {
  /** [whole settlement currency] */
  readonly firstEnd: bigint;
  readonly secondEnd: bigint;
  readonly thirdEnd: bigint;
  /** Marginal [bps]. */
  readonly secondFactorBps: bigint;
  readonly thirdFactorBps: bigint;
  readonly lastFactorBps: bigint;
}

/** A collateral token's rules of now. */
export interface TokenSnapshot {
  readonly token: string;
  readonly decimals: number;
  readonly underlying: number;
  readonly maintenanceHaircutBps: bigint;
  /** 10,000 while the token is frozen. */
  readonly initialHaircutBps: bigint;
}

/** The rules of liquidation and of the minimum margin, of now. */
export interface LiquidationSnapshot {
  readonly leastIncentiveBps: bigint;
  readonly mostIncentiveBps: bigint;
  readonly insuranceFeeBps: bigint;
  readonly bufferBps: bigint;
  /** [whole settlement currency] */
  readonly minimumMargin: bigint;
  /** [whole settlement currency] */
  readonly minimumMarginOfItem: bigint;
  /** [bps of the insurance fund] */
  readonly fundDrawCapBps: bigint;
  /** [whole settlement currency] */
  readonly openInterestBase: bigint;
  /** How many instruments one account may hold. */
  readonly mostInstruments: number;
  /** How far losses may move a side's index at once, and again in each hour [bps of the index price]. */
  readonly gainsHaircutCapBps: bigint;
  /** What losses may take from those who have cash, at once and again in each day [bps of their cash]. */
  readonly lendersCapBps: bigint;
}

/** What an account is worth and must be worth [wad]. */
export interface Margin {
  readonly equity: bigint;
  readonly initial: bigint;
  readonly maintenance: bigint;
}
