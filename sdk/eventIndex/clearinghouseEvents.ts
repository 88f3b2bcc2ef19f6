import { fundingSince, type FundingState } from "../funding.js";
import { kindOf, KINDS, type AccountId, type InstrumentId } from "../ids.js";
import { max, WAD } from "../wad.js";
import { EMPTY_ACCOUNT, NOBODY } from "./emptyState.js";
import {
  authorityUpdated,
  mustEqual,
  nothingStored,
  type Handlers,
  type Reduction,
} from "./reduction.js";
import { RAMP_SECONDS } from "../ramps.js";
import type { StoredPosition } from "./state.js";

const NO_INTEREST = { open: 0n, net: 0n } as const;
const NO_FUNDING: FundingState = {
  longIndex: 0n,
  shortIndex: 0n,
  mark: 0n,
  interest: 0n,
  premium: 0n,
  accruedAt: 0n,
};

/** What the clearinghouse says of positions, indices and losses. */
export const CLEARINGHOUSE_EVENTS: Handlers<"clearinghouse"> = {
  AuthorityUpdated: authorityUpdated,

  // PositionChanged and CashPosted say what these made of the accounts.
  TradeCleared: nothingStored,
  VariationSettled: nothingStored,
  Liquidated: nothingStored,
  Deleveraged: nothingStored,
  WrittenOff: nothingStored,
  FundTaken: nothingStored,

  PositionChanged(at, { account, instrument, size, quote }) {
    changePosition(at, account as AccountId, { instrument, size, quote });
  },

  FundingAccrued(at, { instrument, ...said }) {
    const before = at.state.funding.get(instrument) ?? NO_FUNDING;
    const funding = fundingSince(before, at.time);
    mustEqual(at, "The index of longs", said.longIndex, before.longIndex + funding);
    mustEqual(at, "The index of shorts", said.shortIndex, before.shortIndex + funding);
    at.journal.set("funding", instrument, { ...said, accruedAt: at.time });
  },

  GainsHaircut(at, { instrument, long, index }) {
    const before = at.state.funding.get(instrument);
    if (before === undefined) return at.fail("Losses were charged where nothing was traded");
    // What is stored has none of the funding since the last trade.
    const stored = index - fundingSince(before, at.time);
    const moved = long ? { longIndex: stored } : { shortIndex: stored };
    at.journal.set("funding", instrument, { ...before, ...moved });
  },

  HaircutRoomUsed(at, { instrument, movedLong, movedShort }) {
    at.journal.set("haircuts", instrument, { movedLong, movedShort, movedAt: at.time });
  },

  FundDrawn(at, { instrument, drawn }) {
    at.journal.set("draws", instrument, { drawn, drawnAt: at.time });
  },

  DeficitChanged(at, { deficit }) {
    at.journal.put("books", { ...at.state.singles.books, deficit });
  },

  FeesReserved(at, { fees, reserve }) {
    const { books } = at.state.singles;
    mustEqual(at, "What waits to be divided", reserve, books.reserve + fees);
    at.journal.put("books", { ...books, reserve });
  },

  FeesDistributed(at) {
    at.journal.put("books", { ...at.state.singles.books, reserve: 0n });
  },

  MarginCalled(at, { account }) {
    at.journal.set("calls", account as AccountId, ((at.time + 255n) >> 8n) << 8n);
  },

  Flagged(at, { account }) {
    at.journal.set("flags", account as AccountId, at.time);
  },

  FlagRemoved(at, { account }) {
    if (!at.state.flags.has(account as AccountId)) at.fail(`${account} was not flagged`);
    at.journal.set("flags", account as AccountId, undefined);
  },

  PegNoted(at, { depegged }) {
    at.journal.put("peg", { ...at.state.singles.peg, depegged });
  },

  PegSet(at, { underlying, allowedBps }) {
    at.journal.put("peg", { underlying: Number(underlying), allowedBps, depegged: false });
  },

  VenueSet(at, { venue, registered }) {
    at.journal.set("venues", venue, registered ? true : undefined);
  },

  MarginEngineSet(at, { marginEngine }) {
    const { wiring } = at.state.singles;
    // Only what succeeds another engine begins with its requirements.
    const endOfBlend = wiring.marginEngine === NOBODY ? 0n : at.time + RAMP_SECONDS;
    at.journal.put("wiring", { ...wiring, marginEngine, endOfBlend });
  },

  FeeSharesSet(at, { treasury, fundShare }) {
    at.journal.put("feeShares", { treasury, fundShare });
  },
};

function changePosition(at: Reduction, account: AccountId, written: StoredPosition): void {
  const { journal, state } = at;
  const { instrument, size } = written;
  const before = state.accounts.get(account) ?? EMPTY_ACCOUNT;
  const place = before.positions.findIndex((one) => one.instrument === instrument);
  const held = before.positions[place]?.size ?? 0n;
  if (size !== held) {
    const { open, net } = state.interest.get(instrument) ?? NO_INTEREST;
    const longer = max(size, 0n) - max(held, 0n);
    journal.set("interest", instrument, { open: open + longer, net: net + size - held });
    at.touched.add(instrument);
  }
  // One that was not there and is not there now.
  if (place < 0 && size === 0n) return;
  const { principal, collateral } = before;
  const positions = placed(before.positions, place, written);
  journal.set("accounts", account, { principal, positions, collateral });
}

/**
 * An account's positions after one was written, in the order of `InstrumentSet`: perpetuals first; a new one is the last of
 * its sort, and the last one takes the place of one that is gone.
 */
function placed(
  positions: readonly StoredPosition[],
  place: number,
  written: StoredPosition,
): readonly StoredPosition[] {
  if (place >= 0 && written.size !== 0n) return positions.with(place, written);
  const isOfSort = sortOf(written.instrument);
  const same = positions.filter(({ instrument }) => isOfSort(instrument));
  const others = positions.filter(({ instrument }) => !isOfSort(instrument));
  if (place < 0) {
    same.push(written);
  } else {
    const last = same.pop();
    const within = same.findIndex(({ instrument }) => instrument === written.instrument);
    if (last !== undefined && within >= 0) same[within] = last;
  }
  return isPerpetual(written.instrument) ? [...same, ...others] : [...others, ...same];
}

function sortOf(instrument: InstrumentId): (other: InstrumentId) => boolean {
  const perpetual = isPerpetual(instrument);
  return (other) => isPerpetual(other) === perpetual;
}

function isPerpetual(instrument: InstrumentId): boolean {
  return kindOf(instrument) === KINDS.perpetual;
}

/** The open interest of all instruments together, each at the mark of its last trade, whole dollars of each [wad]. */
export function openNotionalOf({ funding, interest }: Reduction["state"]): bigint {
  let whole = 0n;
  for (const [instrument, { open }] of interest) {
    whole += (open * (funding.get(instrument)?.mark ?? 0n)) / 10n ** 36n;
  }
  return whole * WAD;
}
