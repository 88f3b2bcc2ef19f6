import {
  abs,
  bpsDown,
  divisionOf,
  fundPaymentOf,
  type FundSnapshot,
  type AccountId,
  type IndexState,
  type InstrumentId,
  type MarketSnapshot,
  underlyingOf,
  WAD,
} from "../../../sdk/index.js";

/** What is in the books from which these decide. */
export type UpkeepState = Pick<
  IndexState,
  | "funding"
  | "interest"
  | "underlyings"
  | "sources"
  | "notedPrices"
  | "collateral"
  | "custody"
  | "singles"
>;

/**
 * Instruments whose funding goes on at a rate of former rules: `accrueFunding` says the present ones. Funding accrues without
 * any call, so of all others the call would do nothing.
 */
export function instrumentsToAccrue({
  funding,
  interest,
  underlyings,
}: UpkeepState): InstrumentId[] {
  return [...funding.keys()].filter((instrument) => {
    const rules = underlyings.get(underlyingOf(instrument))?.funding;
    const open = interest.get(instrument)?.open ?? 0n;
    const stored = funding.get(instrument);
    return open > 0n && rules !== undefined && stored?.interest !== rules.interestMillionths;
  });
}

/**
 * Underlyings of which somebody holds something and whose price was not noted for so long. What nobody holds needs no price
 * for the time when there is none.
 *
 * @param prices Today's: without one there is nothing to note.
 * @param time Of the block [unix seconds].
 * @param noteSeconds Between two notes [seconds].
 */
export function underlyingsToNote(
  state: UpkeepState,
  prices: MarketSnapshot["prices"],
  { time, noteSeconds }: { time: bigint; noteSeconds: bigint },
): number[] {
  const used = new Set<number>();
  for (const [instrument, { open }] of state.interest) {
    if (open > 0n) used.add(underlyingOf(instrument));
  }
  for (const [token, { parameters }] of state.collateral) {
    if ((state.custody.get(token)?.tracked ?? 0n) > 0n) used.add(Number(parameters.underlying));
  }
  return [...state.sources.keys()].filter((underlying) => {
    const notedAt = state.notedPrices.get(underlying)?.notedAt ?? 0n;
    return used.has(underlying) && prices.has(underlying) && time - notedAt >= noteSeconds;
  });
}

/** Whether `notePeg` would change what is known of the settlement token: it has left its band, or come back. */
export function isPegToNote(
  { singles: { peg } }: UpkeepState,
  prices: MarketSnapshot["prices"],
): boolean {
  const price = prices.get(peg.underlying);
  if (price === undefined) return false;
  return abs(price - WAD) > bpsDown(WAD, peg.allowedBps) !== peg.depegged;
}

/** What waits for the fund and the treasury: `distributeFees` divides it [wad]. */
export function waitingFees({ reserve, interestReserve }: FundSnapshot): bigint {
  return reserve + interestReserve;
}

/** How much of the recorded deficit `repayDeficit` would repay now: from what waits, and from what the fund may pay [wad]. */
export function repayableDeficit(
  fund: FundSnapshot,
  market: MarketSnapshot,
  fundAccount: AccountId,
): bigint {
  if (fund.deficit === 0n) return 0n;
  const { repaid } = divisionOf(fund);
  const nobody = { account: fundAccount, cash: 0n, positions: [], collateral: [] };
  return repaid + fundPaymentOf(nobody, fund.deficit - repaid, market, fund);
}
