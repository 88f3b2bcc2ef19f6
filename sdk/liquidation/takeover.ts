import { presentOf, principalOf, type CashIndices } from "../interest.js";
import { indexOfSide, realQuoteOf, storedQuoteOf } from "../ledger.js";
import { withPosition } from "../margin/margin.js";
import type { AccountSnapshot, Margin, MarketSnapshot } from "../margin/snapshot.js";
import type { CollateralSnapshot, PositionSnapshot, SidesSnapshot } from "../margin/snapshot.js";
import { isRiskless, marginOfValuation, valuationForLiquidator } from "../margin/valuation.js";
import { mulDown } from "../wad.js";
import type { Slice } from "./preview.js";

/** What a liquidation does to its two accounts, to the wei: `Book.movePart` and `Vault.moveSlice`. */

/** What rounds a balance that is written. */
export interface Indices {
  readonly cash: CashIndices;
  readonly sides: SidesSnapshot;
}

/** Both accounts after a slice. */
export interface Takeover {
  readonly account: AccountSnapshot;
  readonly liquidator: AccountSnapshot;
}

/**
 * Both accounts after a slice has moved and is paid:
 *
 *     size, quote, cash, collateral   the fraction of each, rounded down, goes to the liquidator
 *     cash                            the account receives, the liquidator pays
 *
 * Exact when the settlement's loss is 0. Otherwise the loss charges others before the slice moves, the liquidator among
 * them if it lends cash or is on the other side.
 */
export function takeoverOf(
  account: AccountSnapshot,
  liquidator: AccountSnapshot,
  { fraction, settlement }: Slice,
  indices: Indices,
): Takeover {
  const part = (value: bigint): bigint => mulDown(value, fraction);
  let [giver, taker] = [account, liquidator];
  for (const { instrument, size, realQuote } of account.positions) {
    const moved = { instrument, size: part(size), realQuote: part(realQuote) };
    if (moved.size === 0n && moved.realQuote === 0n) continue;
    const given = { instrument, size: -moved.size, realQuote: -moved.realQuote };
    giver = written(withPosition(giver, given), instrument, indices);
    taker = written(withMoved(taker, moved), instrument, indices);
  }
  const cash = part(account.cash);
  const ofGiver = giver.cash - account.cash + settlement.toAccount - cash;
  const ofTaker = taker.cash - liquidator.cash - settlement.payment + cash;
  const collateral = account.collateral
    .map(({ place, amount }) => ({ place, amount: part(amount) }))
    .filter(({ amount }) => amount !== 0n);
  return {
    account: {
      ...giver,
      cash: cashAfter(account.cash, ofGiver, indices.cash),
      collateral: collateral.reduce(
        (held, { place, amount }) => withCollateral(held, place, -amount),
        account.collateral,
      ),
    },
    liquidator: {
      ...taker,
      cash: cashAfter(liquidator.cash, ofTaker, indices.cash),
      collateral: collateral.reduce(
        (held, { place, amount }) => withCollateral(held, place, amount),
        liquidator.collateral,
      ),
    },
  };
}

/** What a liquidator's account is worth and must be worth after a takeover: initial margin without the add-on. */
export function marginOfLiquidator(liquidator: AccountSnapshot, market: MarketSnapshot): Margin {
  return marginOfValuation(valuationForLiquidator(liquidator, market), market);
}

/**
 * Whether a liquidation lets the liquidator's account be, as it would stand afterwards.
 *
 * @throws MissingPriceError when something has not even a last price.
 */
export function mayLiquidate(afterwards: AccountSnapshot, market: MarketSnapshot): boolean {
  if (isRiskless(afterwards)) return true;
  if (afterwards.positions.length > market.liquidation.mostInstruments) return false;
  const { equity, initial } = marginOfLiquidator(afterwards, market);
  return equity >= initial;
}

/** A part without size carries cash, unless the taker holds the instrument. */
function withMoved(account: AccountSnapshot, moved: PositionSnapshot): AccountSnapshot {
  const holds = account.positions.some(({ instrument }) => instrument === moved.instrument);
  if (moved.size !== 0n || holds) return withPosition(account, moved);
  return { ...account, cash: account.cash + moved.realQuote };
}

/** A position whose real quote has been stored, and is read again. */
function written(account: AccountSnapshot, changed: bigint, { sides }: Indices): AccountSnapshot {
  const place = account.positions.findIndex(({ instrument }) => instrument === changed);
  const held = account.positions[place];
  const side = sides.get(changed);
  if (side === undefined) throw new RangeError(`The indices of instrument ${changed} are missing`);
  if (held === undefined) return account;
  const index = indexOfSide(held.size, side);
  const quote = storedQuoteOf(held.size, held.realQuote, index);
  const realQuote = realQuoteOf(held.size, quote, index);
  return { ...account, positions: account.positions.with(place, { ...held, realQuote }) };
}

/** Cash after a change, as its principal is worth it. */
function cashAfter(cash: bigint, change: bigint, indices: CashIndices): bigint {
  return change === 0n ? cash : presentOf(principalOf(cash + change, indices), indices);
}

function withCollateral(
  held: readonly CollateralSnapshot[],
  place: number,
  change: bigint,
): CollateralSnapshot[] {
  const others = held.filter((one) => one.place !== place);
  const amount = (held.find((one) => one.place === place)?.amount ?? 0n) + change;
  const all = amount === 0n ? others : [...others, { place, amount }];
  return all.sort((one, other) => one.place - other.place);
}
