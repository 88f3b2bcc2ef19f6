import { underlyingOf, type InstrumentId } from "../ids.js";
import type { AccountSnapshot, FundSnapshot, MarketSnapshot } from "../margin/snapshot.js";
import { MissingPriceError } from "../margin/valuation.js";
import { abs, bpsDown, divideUp, excess, max, min, mulDown, WAD } from "../wad.js";

/** What the insurance fund pays, to the wei: section 6.2 of the design, `clearing/Waterfall.sol`. */

/** What one instrument draws from the insurance fund. */
export interface InstrumentDraw {
  /** 0 for an account that holds none with a price. */
  readonly instrument: InstrumentId;
  /** Its part of what is due [wad]. */
  readonly part: bigint;
  /** What it drew before and is not forgotten yet [wad]. */
  readonly drawn: bigint;
}

/** How a loss is divided over an account's instruments: |size| x index price, rounded down [wad]. */
export interface Weights {
  /** In the order of the positions; 0 where there is no price now. */
  readonly weights: readonly bigint[];
  /** Of the positions; 0 where there is none now: nobody is charged by an old one [wad]. */
  readonly prices: readonly bigint[];
  readonly total: bigint;
}

/** What a draw is forgotten over [seconds]. */
export const DRAW_WINDOW = 86_400n;

/** More than a change of cash rounds away once the supply index has moved [wad]. */
const ROUNDING = 10_000n;

/**
 * What each position weighs when a loss is divided.
 *
 * @throws MissingPriceError when a position has not even a last price.
 */
export function weightsOf({ positions }: AccountSnapshot, market: MarketSnapshot): Weights {
  const prices = positions.map(({ instrument }) => {
    const underlying = underlyingOf(instrument);
    const price = market.prices.get(underlying);
    if (price === undefined && !market.lastPrices.has(underlying)) {
      throw new MissingPriceError(underlying);
    }
    return price ?? 0n;
  });
  const weights = positions.map(({ size }, place) => mulDown(abs(size), prices[place] ?? 0n));
  return { weights, prices, total: weights.reduce((sum, weight) => sum + weight, 0n) };
}

/** How much of a loss the fund may pay now: `Clearinghouse.fundPaymentOf` [wad]. */
export function fundPaymentOf(
  account: AccountSnapshot,
  due: bigint,
  market: MarketSnapshot,
  fund: FundSnapshot,
): bigint {
  return drawsOf(account, due, market, fund).reduce((sum, { part }) => sum + part, 0n);
}

/**
 * What each of the account's instruments draws of a loss, in their order, within its share of the fund for a day, and all
 * within what the fund has:
 *
 *     part = min(due x weight / total, cap - drawn, what is left)    cap = share x (fund + drawn)
 *
 * The order matters when the fund is short: it must be the contract's, that of `openPositionsOf`.
 *
 * @param due [wad]
 */
export function drawsOf(
  account: AccountSnapshot,
  due: bigint,
  market: MarketSnapshot,
  fund: FundSnapshot,
): InstrumentDraw[] {
  const { weights, total } = weightsOf(account, market);
  const cash = payableBy(market.fundCash, fund);
  let left = min(due, cash);
  const drawOf = (instrument: InstrumentId, share: bigint): InstrumentDraw => {
    const drawn = drawnOf(instrument, fund, market.time);
    const cap = bpsDown(cash + drawn, market.liquidation.fundDrawCapBps);
    const part = min(min(share, excess(cap, drawn)), left);
    left -= part;
    return { instrument, part, drawn };
  };
  if (total === 0n) return [drawOf(0n, due)];
  return account.positions.map(({ instrument }, place) =>
    drawOf(instrument, divideUp(due * (weights[place] ?? 0n), total)),
  );
}

/** What an instrument has drawn and is not forgotten: evenly over a day, rounded up [wad]. */
export function drawnOf(instrument: InstrumentId, { draws }: FundSnapshot, time: bigint): bigint {
  const last = draws.get(instrument);
  if (last === undefined) return 0n;
  return divideUp(last.drawn * excess(DRAW_WINDOW, time - last.drawnAt), DRAW_WINDOW);
}

/** How what waits for the insurance fund and the treasury is divided [wad]. */
export interface Division {
  readonly toFund: bigint;
  readonly toTreasury: bigint;
  /** Of the fund's part, what the recorded deficit takes first. */
  readonly repaid: bigint;
}

/** Fees and interest as they are divided before the fund pays anything: `Clearinghouse.distributeFees`. */
export function divisionOf(fund: FundSnapshot): Division {
  const toTreasury = mulDown(fund.reserve, WAD - fund.feeShare);
  const ofFund = fund.reserve - toTreasury + fund.interestReserve;
  const repaid = min(fund.deficit, ofFund);
  return { toFund: ofFund - repaid, toTreasury, repaid };
}

/** What the fund can pay with all that waits for it [wad]. */
function payableBy(cash: bigint, fund: FundSnapshot): bigint {
  const { toFund } = divisionOf(fund);
  const rounding = toFund !== 0n && fund.supplyIndex !== WAD ? ROUNDING : 0n;
  return max(cash + toFund - rounding, 0n);
}
