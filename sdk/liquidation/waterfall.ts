import type { InstrumentId } from "../ids.js";
import type { CashPool } from "../interest.js";
import { chargedLenders } from "../lending.js";
import type { AccountSnapshot, FundSnapshot, MarketSnapshot } from "../margin/snapshot.js";
import { bpsDown, divDown, excess, min, mulDown } from "../wad.js";
import { divisionOf, fundPaymentOf, weightsOf } from "./fund.js";

/** Who bears a loss after the account and the fund, to the wei: sections 6.3 and 6.5 of the design, `Waterfall.sol`. */

/** How far losses had moved an instrument's indices when they last did, not forgotten then. */
export interface HaircutRoom {
  /** [wad] */
  readonly movedLong: bigint;
  readonly movedShort: bigint;
  /** [unix seconds] */
  readonly movedAt: bigint;
}

/** What one side of an instrument bears of a loss. */
export interface Haircut {
  readonly instrument: InstrumentId;
  /** Whether the long side bears it. */
  readonly long: boolean;
  /** What its index moves by: upwards for longs, downwards for shorts [wad]. */
  readonly move: bigint;
  /** [wad] */
  readonly borne: bigint;
}

/** A loss divided over the other sides of an account's instruments. */
export interface Spread {
  readonly haircuts: readonly Haircut[];
  /** What is left for those who have cash, and in the end for the recorded deficit [wad]. */
  readonly rest: bigint;
}

/** Who bears a debt that is written off [wad]. */
export interface WriteOff {
  readonly debt: bigint;
  readonly fundPays: bigint;
  /** What lenders bear, by the supply index. */
  readonly lendersBear: bigint;
  /** What the recorded deficit is afterwards. */
  readonly deficit: bigint;
}

/** After this time a side's index may move by its whole cap again [seconds]. */
export const HAIRCUT_WINDOW = 3_600n;

/**
 * Divides what the fund does not pay over the other sides of the account's instruments, by |size| x index price, each within
 * what its index may still move:
 *
 *     move = min(loss x weight / total / open interest, cap - moved)    cap a share of the index price
 *
 * @param loss [wad]
 * @param rooms By instrument; one that never moved may be missing.
 * @throws MissingPriceError when a position has not even a last price.
 */
export function spreadOf(
  account: AccountSnapshot,
  loss: bigint,
  market: MarketSnapshot,
  rooms: ReadonlyMap<InstrumentId, HaircutRoom>,
): Spread {
  const { weights, prices, total } = weightsOf(account, market);
  const haircuts: Haircut[] = [];
  let rest = loss;
  for (const [place, { instrument, size }] of account.positions.entries()) {
    const [weight, price] = [weights[place] ?? 0n, prices[place] ?? 0n];
    const open = market.openInterest.get(instrument) ?? 0n;
    if (weight === 0n || open === 0n) continue;
    const cap = bpsDown(price, market.liquidation.gainsHaircutCapBps);
    const long = size < 0n;
    const room = roomOf(rooms.get(instrument), long, cap, market.time);
    const move = min(divDown((loss * weight) / total, open), room);
    if (move === 0n) continue;
    const borne = mulDown(move, open);
    haircuts.push({ instrument, long, move, borne });
    rest -= borne;
  }
  return { haircuts, rest };
}

/**
 * Who bears the debt of an account that has nothing else: `Clearinghouse.writeOff`. The fund and the treasury are taken
 * to owe nothing.
 *
 * @param pool Accrued.
 */
export function writeOffOf(
  account: AccountSnapshot,
  market: MarketSnapshot,
  fund: FundSnapshot,
  pool: CashPool,
): WriteOff {
  const debt = excess(0n, account.cash);
  const fundPays = fundPaymentOf({ ...account, positions: [] }, debt, market, fund);
  const { toFund, toTreasury, repaid } = divisionOf(fund);
  // What was divided and what the fund paid has been posted when lenders are charged.
  const net = pool.net + toFund + toTreasury - fundPays;
  const loss = debt - fundPays;
  const { lendersCapBps } = market.liquidation;
  const { borne } = chargedLenders({ ...pool, net }, loss, lendersCapBps, market.time);
  return { debt, fundPays, lendersBear: borne, deficit: fund.deficit - repaid + loss - borne };
}

/** How far a side's index may still move: what it has moved is forgotten evenly over an hour, cap by cap. */
function roomOf(room: HaircutRoom | undefined, long: boolean, cap: bigint, time: bigint): bigint {
  if (room === undefined) return cap;
  const elapsed = min(time - room.movedAt, HAIRCUT_WINDOW);
  const moved = excess(long ? room.movedLong : room.movedShort, (cap * elapsed) / HAIRCUT_WINDOW);
  return excess(cap, moved);
}
