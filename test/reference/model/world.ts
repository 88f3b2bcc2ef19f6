import type { DeploymentParameters } from "../../../ignition/parameters.js";
import { type AccountId, type InstrumentId, WAD } from "../../../sdk/index.js";
import { bracketNumbersOf, rateNumbersOf, type RatesRamp } from "./marginRates.js";
import { type Ramp, resting } from "./ramp.js";
import type { Followed } from "./volatility.js";

/** The whole clearinghouse in plain values: what the contracts store, and what they were deployed with. */

type Market = NonNullable<DeploymentParameters["underlyings"][number]["market"]>;

/** Position { size, quote }: DESIGN section 1 [wad]. */
export interface Position {
  instrument: InstrumentId;
  size: bigint;
  /** Real quote + size x index(side), rounded down. */
  quote: bigint;
}

export interface Account {
  /** What an index turns into cash: of positive cash the supply index, of a debt the borrow index [wad]. */
  principal: bigint;
  /** In the order of the contracts' set: a new one comes last, the last takes the place of one that goes. */
  positions: Position[];
  /** By the token's place in the list [token]. */
  collateral: bigint[];
}

/** How funding follows the trades of an underlying: FundingParameters. */
export type FundingRules = Market["funding"];

/** What is kept for an instrument as a whole [wad]; times in unix seconds. */
export interface InstrumentBook {
  /** The size held long, which is the size held short. */
  openInterest: bigint;
  /** What one unit of size has been charged by funding, longs upwards, as of `accruedAt`. */
  funding: bigint;
  accruedAt: bigint;
  /** The rate since then: the constant part [millionths per period] and what trades added to it [1e-15 per period]. */
  interest: bigint;
  premium: bigint;
  /** What one unit of each side has been charged for losses of the other. */
  haircut: { long: bigint; short: bigint };
  /** What of it counts against the cap of an hour, as of `movedAt`. */
  moved: { long: bigint; short: bigint };
  movedAt: bigint;
  /** What its holders' losses drew from the fund and counts against the cap of a day, as of `drawnAt`. */
  drawn: bigint;
  drawnAt: bigint;
  /** The mark of the last trade that found one: funding is counted at it. */
  lastMark: bigint;
}

/** What the vault keeps for a token [token]. */
export interface Custody {
  tracked: bigint;
  /** Withdrawn less deposited, as of `changedAt`. */
  netOutflow: bigint;
  changedAt: bigint;
  /** What it really holds. */
  held: bigint;
}

/** All cash together [wad]; times in unix seconds. */
export interface CashPool {
  /** The sum of all cash less the tokens. */
  net: bigint;
  /** The sum of the principals of debts, as a positive number. */
  debt: bigint;
  supplyIndex: bigint;
  borrowIndex: bigint;
  /** When the indices moved last, or the first debt arose. */
  accruedAt: bigint;
  /** The fund's part of the interest, which it has not got yet. */
  reserved: bigint;
  /** The share of their cash that lenders lost and that is not forgotten, as of `lostAt`. */
  lostShare: bigint;
  lostAt: bigint;
}

interface FeedState {
  /** [wad] */
  answer: bigint;
  updatedAt: bigint;
}

export interface TokenRules {
  /** The settlement token has none; haircuts are those of the deployment. */
  collateral?: { underlying: number; initialHaircutBps: number; maintenanceHaircutBps: number };
  decimals: number;
  /** [token] */
  depositCap: bigint;
  outflowAmount: bigint;
  outflowBps: number;
}

interface UnderlyingRules {
  number: number;
  feeds: string[];
  market?: Market;
}

/** What never changes in a scenario, and what ramped parameters begin with. */
export interface WorldRules {
  underlyings: Map<number, UnderlyingRules>;
  feeds: Map<string, { maximumAge: bigint; minimum: bigint; maximum: bigint; decimals: number }>;
  /** The settlement token at 0, the collateral after it. */
  tokens: TokenRules[];
  liquidation: DeploymentParameters["liquidation"];
  cash: DeploymentParameters["cash"];
  peg: { underlying: number; allowedBps: number };
  /** [wad] */
  fundShare: bigint;
  /** By tier [wad]. */
  feeTiers: { taker: bigint; maker: bigint }[];
  fund: AccountId;
  treasury: AccountId;
  guardian: string;
  /** Holds every role, without a delay. */
  governor: string;
  /** Addresses that may clear. */
  venues: Set<string>;
}

export interface World {
  rules: WorldRules;
  /** [unix seconds] */
  now: bigint;
  feeds: Map<string, FeedState>;
  /** Prices that somebody had noted. */
  noted: Map<number, { price: bigint; notedAt: bigint }>;
  accounts: Map<AccountId, Account>;
  /** The book of instrument 0 holds the fund's draws for accounts without a priced instrument. */
  books: Map<InstrumentId, InstrumentBook>;
  /** In the order of the rules' tokens. */
  custody: Custody[];
  /** Fees not divided yet, and losses not borne yet [wad]. */
  reserve: bigint;
  deficit: bigint;
  pool: CashPool;
  /** When a bankrupt account was flagged. */
  flags: Map<AccountId, bigint>;
  /** When an account was called for margin last. */
  calls: Map<AccountId, bigint>;
  /** Rates, prior and brackets by underlying, haircuts by the token's place, and minimum margins. */
  rates: Map<number, RatesRamp>;
  haircuts: Map<number, Ramp<"maintenance" | "initial">>;
  minimumMargins: Ramp<"ofAccount" | "ofItem">;
  /** By underlying that is traded: how far its feed was followed. */
  followed: Map<number, Followed>;
  /** By underlying: governance changes them. */
  fundingRules: Map<number, FundingRules>;
  /** Of accounts that are not in tier 0. */
  feeTiers: Map<AccountId, number>;
  depegged: boolean;
  /** Last second of the guardian's latest freeze, by underlying and by token's place. */
  frozenUnderlyings: Map<number, bigint>;
  frozenTokens: Map<number, bigint>;
  /** By `owner operator`. */
  operators: Map<string, { permissions: number; until: bigint }>;
  /** How much of an order, by account and nonce, is filled [wad]. */
  fills: Map<string, bigint>;
  usedNonces: Set<string>;
}

/** A world where nobody has anything. */
export function emptyWorld(rules: WorldRules, now: bigint): World {
  return {
    rules,
    now,
    feeds: new Map(),
    noted: new Map(),
    accounts: new Map(),
    books: new Map(),
    custody: rules.tokens.map(() => ({ tracked: 0n, netOutflow: 0n, changedAt: 0n, held: 0n })),
    reserve: 0n,
    deficit: 0n,
    pool: {
      net: 0n,
      debt: 0n,
      supplyIndex: WAD,
      borrowIndex: WAD,
      accruedAt: 0n,
      reserved: 0n,
      lostShare: 0n,
      lostAt: 0n,
    },
    flags: new Map(),
    calls: new Map(),
    rates: new Map(
      [...rules.underlyings.values()].flatMap(({ number, market }) =>
        market === undefined ? [] : [[number, ratesOfDeployment(market)]],
      ),
    ),
    haircuts: new Map(
      rules.tokens.flatMap(({ collateral }, place) =>
        collateral === undefined ? [] : [[place, haircutsOfDeployment(collateral)]],
      ),
    ),
    minimumMargins: resting({
      ofAccount: BigInt(rules.liquidation.minimumMargin),
      ofItem: BigInt(rules.liquidation.minimumMarginOfItem),
    }),
    followed: new Map(),
    fundingRules: new Map(
      [...rules.underlyings.values()].flatMap(({ number, market }) =>
        market === undefined ? [] : [[number, market.funding]],
      ),
    ),
    feeTiers: new Map(),
    depegged: false,
    frozenUnderlyings: new Map(),
    frozenTokens: new Map(),
    operators: new Map(),
    fills: new Map(),
    usedNonces: new Set(),
  };
}

function ratesOfDeployment(market: Market): RatesRamp {
  return resting({ ...rateNumbersOf(market), ...bracketNumbersOf(market.brackets) });
}

function haircutsOfDeployment(rules: NonNullable<TokenRules["collateral"]>) {
  return resting({
    maintenance: BigInt(rules.maintenanceHaircutBps),
    initial: BigInt(rules.initialHaircutBps),
  });
}

/** The account, made if nobody has used it. */
export function accountOf(world: World, id: AccountId): Account {
  let account = world.accounts.get(id);
  if (account === undefined) {
    const collateral = world.rules.tokens.slice(1).map(() => 0n);
    world.accounts.set(id, (account = { principal: 0n, positions: [], collateral }));
  }
  return account;
}

/** The instrument's book, made if nobody has traded it. */
export function bookOf(world: World, instrument: InstrumentId): InstrumentBook {
  let book = world.books.get(instrument);
  if (book === undefined) {
    book = {
      openInterest: 0n,
      funding: 0n,
      accruedAt: 0n,
      interest: 0n,
      premium: 0n,
      haircut: { long: 0n, short: 0n },
      moved: { long: 0n, short: 0n },
      movedAt: 0n,
      drawn: 0n,
      drawnAt: 0n,
      lastMark: 0n,
    };
    world.books.set(instrument, book);
  }
  return book;
}

/** A world that can be changed without changing this one. */
export function copyOf(world: World): World {
  // What is only replaced, never changed, both may have.
  const { rules, rates, haircuts, minimumMargins, followed, ...state } = world;
  return {
    rules,
    rates: new Map(rates),
    haircuts: new Map(haircuts),
    minimumMargins,
    followed: new Map(followed),
    ...copyOfValue(state),
  };
}

function copyOfValue<T>(value: T): T;
function copyOfValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => copyOfValue(item));
  if (value instanceof Set) return new Set(value);
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]: [unknown, unknown]) => [key, copyOfValue(item)]));
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOfValue(item)]));
}
