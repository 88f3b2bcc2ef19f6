import { getAddress } from "ethers";
import { indicesAt, type FundingState } from "../funding.js";
import { accountId, type AccountId, type InstrumentId } from "../ids.js";
import { accruedPool, presentOf, type CashPool } from "../interest.js";
import { indexOfSide, realQuoteOf, type SideIndices } from "../ledger.js";
import type {
  AccountSnapshot,
  CollateralSnapshot,
  FundSnapshot,
  MarketSnapshot,
  PositionSnapshot,
  UnderlyingSnapshot,
} from "../margin/snapshot.js";
import { WAD } from "../wad.js";
import { EMPTY_ACCOUNT, NOBODY } from "./emptyState.js";
import type { EventIndex } from "./eventIndex.js";
import { storedLiquidationAt, tokenAt, underlyingAt } from "./ramps.js";
import type { IndexState, StoredAccount, StoredToken } from "./state.js";

/**
 * What the state of the index comes to at a time: the views of the contracts, without a call. The time is that of the tip or
 * later: what was before it, the index no longer knows.
 */

/** The insurance fund's account: the clearinghouse owns it and has no key. */
export function insuranceFundOf({ deployment }: Pick<EventIndex, "deployment">): AccountId {
  return accountId(deployment.contracts.clearinghouse);
}

/** What an account has stored; nothing for one that was never heard of. */
export function accountOf({ accounts }: IndexState, account: AccountId): StoredAccount {
  return accounts.get(account) ?? EMPTY_ACCOUNT;
}

/** All cash together at a time: `Vault.cashPool` follows from it. */
export function cashPoolAt({ singles }: IndexState, time: bigint): CashPool {
  return accruedPool(singles.pool, time);
}

/** An account's cash at a time, interest included: `Vault.cashOf` [wad]. */
export function cashAt(state: IndexState, account: AccountId, time: bigint): bigint {
  return presentOf(accountOf(state, account).principal, cashPoolAt(state, time));
}

const NO_INDICES: SideIndices = { longIndex: 0n, shortIndex: 0n };

/** An instrument's indices at a time: `Clearinghouse.indicesOf` [wad]. */
export function sidesAt(
  { funding }: IndexState,
  instrument: InstrumentId,
  time: bigint,
): SideIndices {
  const stored: FundingState | undefined = funding.get(instrument);
  return stored === undefined ? NO_INDICES : indicesAt(stored, time);
}

/** What is open in an instrument: `Clearinghouse.openInterestOf` [wad]. */
export function openInterestOf({ interest }: IndexState, instrument: InstrumentId): bigint {
  return interest.get(instrument)?.open ?? 0n;
}

/** An account's positions at a time, in the contract's order: `Clearinghouse.openPositionsOf`. */
export function positionsAt(
  state: IndexState,
  account: AccountId,
  time: bigint,
): PositionSnapshot[] {
  return positionsWith(accountOf(state, account), (instrument) => sidesAt(state, instrument, time));
}

function positionsWith(
  { positions }: StoredAccount,
  sidesOf: (instrument: InstrumentId) => SideIndices,
): PositionSnapshot[] {
  return positions.map(({ instrument, quote, size }) => {
    const index = indexOfSide(size, sidesOf(instrument));
    return { instrument, size, realQuote: realQuoteOf(size, quote, index) };
  });
}

/** An account as margins look at it at a time. */
export function accountSnapshotAt(
  state: IndexState,
  account: AccountId,
  time: bigint,
): AccountSnapshot {
  return snapshotterAt(state, time)(account);
}

/** The same for many accounts at one time: what they share is worked out once. */
export function snapshotterAt(
  state: IndexState,
  time: bigint,
): (account: AccountId) => AccountSnapshot {
  const pool = cashPoolAt(state, time);
  const sides = new Map<InstrumentId, SideIndices>();
  for (const instrument of state.funding.keys()) {
    sides.set(instrument, sidesAt(state, instrument, time));
  }
  return (account) => {
    const stored = accountOf(state, account);
    return {
      account,
      cash: presentOf(stored.principal, pool),
      positions: positionsWith(stored, (instrument) => sides.get(instrument) ?? NO_INDICES),
      collateral: collateralOf(state, stored),
    };
  };
}

function collateralOf(state: IndexState, stored: StoredAccount): CollateralSnapshot[] {
  return stored.collateral
    .map(({ token, amount }) => ({ place: listedToken(state, token).place, amount }))
    .sort((a, b) => a.place - b.place);
}

/** What the events do not say of a market: prices come from feeds. */
export interface Prices {
  /** By underlying; one that cannot be read is missing [wad]. */
  readonly prices: MarketSnapshot["prices"];
  /** The last accepted ones, where liquidation needs them [wad]. */
  readonly lastPrices?: MarketSnapshot["lastPrices"];
}

/**
 * The market as margins look at it at a time. The model is the standard one: while a margin engine with another model takes
 * over, add `model` yourself.
 */
export function marketSnapshotAt(index: EventIndex, time: bigint, given: Prices): MarketSnapshot {
  const { state } = index;
  const { liquidation } = state.singles;
  if (liquidation === undefined) throw new RangeError("No rules of liquidation were set yet");
  const underlyings = new Map<number, UnderlyingSnapshot>();
  for (const [number, stored] of state.underlyings) {
    const snapshot = underlyingAt(stored, time);
    if (snapshot !== undefined) underlyings.set(number, snapshot);
  }
  return {
    time,
    prices: given.prices,
    lastPrices: given.lastPrices ?? new Map(),
    underlyings,
    tokens: state.singles.tokens.map((token) =>
      tokenAt(getAddress(token), listedToken(state, token), time),
    ),
    liquidation: storedLiquidationAt(liquidation, time),
    openInterest: new Map([...state.interest].map(([instrument, { open }]) => [instrument, open])),
    fundCash: cashAt(state, insuranceFundOf(index), time),
  };
}

/** The rules of a token that is in the list. */
export function listedToken({ collateral }: IndexState, token: string): StoredToken {
  const stored = collateral.get(token);
  if (stored === undefined) throw new RangeError(`${token} was never listed`);
  return stored;
}

/** What the insurance fund may pay with at a time, beside its cash. */
export function fundSnapshotAt(state: IndexState, time: bigint): FundSnapshot {
  const { books, feeShares } = state.singles;
  const pool = cashPoolAt(state, time);
  return {
    reserve: books.reserve,
    interestReserve: pool.reserved,
    deficit: books.deficit,
    feeShare: feeShares.treasury === NOBODY ? WAD : feeShares.fundShare,
    supplyIndex: pool.supplyIndex,
    draws: state.draws,
  };
}
