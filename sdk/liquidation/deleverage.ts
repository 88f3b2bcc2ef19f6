import { underlyingOf, type InstrumentId } from "../ids.js";
import { passesGate } from "../margin/gate.js";
import { accountWith } from "../margin/margin.js";
import type { AccountSnapshot, MarketSnapshot } from "../margin/snapshot.js";
import { MissingPriceError, valuationForLiquidation } from "../margin/valuation.js";
import { abs, divideUp, min, mulUp } from "../wad.js";
import { weightsOf } from "./fund.js";

/** Closing a bankrupt account against the other side, to the wei: section 6.4 of the design, `DefaultProcess.sol`. */

/** A deleveraging that would go through once the flag is due. */
export interface Deleveraging {
  readonly refusal?: never;
  /** What the bankrupt account's size changes by [wad]. */
  readonly size: bigint;
  /** The price of both sides [wad]. */
  readonly mark: bigint;
  /** The part of the account's loss that goes with it: down the waterfall, the fund first [wad]. */
  readonly loss: bigint;
  /** The counterparty without what the loss may charge it; each write rounds by at most 2 wei more. */
  readonly counterparty: AccountSnapshot;
}

/** Why it would not: the contract's error of this name. */
export interface RefusedDeleveraging {
  readonly refusal: "SelfDealing" | "NotOpposite" | "NotBankrupt" | "RiskNotReduced";
}

/**
 * What closing a bankrupt account's position against another account does:
 *
 *     size = min(asked, held by either)
 *     loss = -R x size x mark / sum of |size| x index price, rounded up; all of it with the last position that has a price
 *
 * @param size At most so much [wad].
 * @throws MissingPriceError when the instrument has no price now, or too much of the account cannot be read.
 */
export function deleverageOf(
  bankrupt: AccountSnapshot,
  counterparty: AccountSnapshot,
  { instrument, size }: { instrument: InstrumentId; size: bigint },
  market: MarketSnapshot,
): Deleveraging | RefusedDeleveraging {
  if (bankrupt.account === counterparty.account) return { refusal: "SelfDealing" };
  const held = sizeOf(bankrupt, instrument);
  const opposite = sizeOf(counterparty, instrument);
  const most = min(size, min(abs(held), abs(opposite)));
  if (most === 0n || held > 0n === opposite > 0n) return { refusal: "NotOpposite" };
  const { equity } = valuationForLiquidation(bankrupt, market);
  if (equity >= 0n) return { refusal: "NotBankrupt" };

  const underlying = underlyingOf(instrument);
  const mark = market.prices.get(underlying);
  if (mark === undefined) throw new MissingPriceError(underlying);
  const { total } = weightsOf(bankrupt, market);
  const closed = mulUp(most, mark);
  const loss = closed >= total ? -equity : divideUp(-equity * closed, total);
  const change = held > 0n ? -most : most;
  const trade = { instrument, size: -change, price: mark };
  const afterwards = accountWith(counterparty, [trade], 0n);
  const acts = { trades: [trade], venueFees: 0n, builderFees: 0n };
  if (!passesGate(afterwards, acts, market)) return { refusal: "RiskNotReduced" };
  return { size: change, mark, loss, counterparty: afterwards };
}

function sizeOf({ positions }: AccountSnapshot, instrument: InstrumentId): bigint {
  return positions.find((held) => held.instrument === instrument)?.size ?? 0n;
}
