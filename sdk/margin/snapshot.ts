import type { AccountId, InstrumentId } from "../ids.js";

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
}

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
}

/** What an account is worth and must be worth [wad]. */
export interface Margin {
  readonly equity: bigint;
  readonly initial: bigint;
  readonly maintenance: bigint;
}
