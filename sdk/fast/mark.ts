import type { Blocks } from "./blocks.js";
import { roundingOfFloats } from "./bound.js";
import type { BookMarket } from "./market.js";
import { TERM, TERMS_OF_SIDE, TERMS_OF_TOKEN, TOKEN_TERM } from "./terms.js";

/** A book's accounts: number i of each array is that of slot i. */
export interface Columns {
  /** Cash without interest; negative is a debt [wad]. */
  principals: Float64Array;
  /** Bits of the underlyings that an account depends on; 0 in an empty slot. */
  masks: Int32Array;
  /** [wad] */
  equity: Float64Array;
  /** [wad] */
  initial: Float64Array;
  /** [wad] */
  maintenance: Float64Array;
  /** How far each of the three can be from the contracts' [wad]. */
  bounds: Float64Array;
  /** Size and stored quote of each position. */
  readonly positions: Blocks;
  /** Quantity of each token. */
  readonly collateral: Blocks;
}

/** Which slots to mark: from one to before another, those of which a bit is among the changes. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly changes: number;
}

/**
 * Values accounts.
 *
 * @returns How many it were.
 */
export function markRange(columns: Columns, market: BookMarket, range: Range): number {
  const { masks } = columns;
  let marked = 0;
  for (let slot = range.from; slot < range.to; ++slot) {
    if (((masks[slot] as number) & range.changes) === 0) continue;
    markPositions(columns, market, slot);
    markRest(columns, market, slot);
    ++marked;
  }
  return marked;
}

/** Sums over positions, and their part of the error bound. */
function markPositions(columns: Columns, market: BookMarket, slot: number): void {
  const { starts, counts, rows, numbers } = columns.positions;
  const { terms } = market;
  let [equity, gross, initial, maintenance, excess] = [0, 0, 0, 0, 0];
  const from = starts[slot] as number;
  const to = from + (counts[slot] as number);
  for (let i = from; i < to; ++i) {
    const row = (rows[i] as number) * TERMS_OF_SIDE;
    const size = numbers[2 * i] as number;
    const quote = numbers[2 * i + 1] as number;
    const moved = size * (terms[row + TERM.valuePrice] as number);
    const notional = Math.abs(size) * (terms[row + TERM.price] as number);
    equity += moved + quote;
    gross += Math.abs(moved) + Math.abs(quote);

    let charged = notional;
    if (notional > (terms[row + TERM.secondStart] as number)) {
      charged = chargedNotional(terms, row, notional);
      excess += notional * (terms[row + TERM.steepest] as number);
    }
    let required = charged * (terms[row + TERM.initialRate] as number);
    const crowding = terms[row + TERM.crowding] as number;
    if (crowding > 0 && required < notional) {
      required += (notional - required) * crowding;
      excess += notional;
    }
    initial += required;
    maintenance += charged * (terms[row + TERM.maintenanceRate] as number);
  }
  columns.equity[slot] = equity;
  columns.initial[slot] = initial;
  columns.maintenance[slot] = maintenance;
  columns.bounds[slot] = roundingOfFloats(itemsOf(columns, slot), gross, excess);
}

/** Adds cash, collateral and the minimum margin. */
function markRest(columns: Columns, market: BookMarket, slot: number): void {
  const principal = columns.principals[slot] as number;
  const cash = principal * (principal < 0 ? market.borrowIndex : market.supplyIndex);
  const count = columns.positions.counts[slot] as number;
  const isRiskless = count === 0 && principal >= 0;
  const minimumOfItem = isRiskless ? 0 : market.minimumMarginOfItem;
  let minimum = isRiskless ? 0 : market.minimumMargin + count * minimumOfItem;
  let equity = (columns.equity[slot] as number) + cash;
  let gross = Math.abs(cash);
  let initial = columns.initial[slot] as number;
  let maintenance = columns.maintenance[slot] as number;

  const { starts, counts, rows, numbers } = columns.collateral;
  const from = starts[slot] as number;
  const to = from + (counts[slot] as number);
  for (let i = from; i < to; ++i) {
    const row = (rows[i] as number) * TERMS_OF_TOKEN;
    const value = (numbers[i] as number) * (market.tokenTerms[row + TOKEN_TERM.price] as number);
    equity += value;
    gross += value;
    initial += value * (market.tokenTerms[row + TOKEN_TERM.initialHaircut] as number);
    maintenance += value * (market.tokenTerms[row + TOKEN_TERM.maintenanceHaircut] as number);
    minimum += Math.min(value, minimumOfItem);
  }

  maintenance = Math.max(maintenance, minimum);
  initial = Math.max(initial, maintenance);
  const items = itemsOf(columns, slot);
  columns.equity[slot] = equity;
  columns.maintenance[slot] = maintenance;
  columns.initial[slot] = initial;
  columns.bounds[slot] =
    (columns.bounds[slot] as number) +
    roundingOfFloats(items, gross, initial) +
    (items * market.roundingOfItem + market.roundingOfCash);
}

function itemsOf({ positions, collateral }: Columns, slot: number): number {
  return (positions.counts[slot] as number) + (collateral.counts[slot] as number);
}

/** The notional after the size factor: each bracket adds what the factor rises by on all that lies above its start. */
function chargedNotional(terms: Float64Array, row: number, notional: number): number {
  const above = (start: number) => Math.max(notional - (terms[row + start] as number), 0);
  return (
    notional +
    above(TERM.secondStart) * (terms[row + TERM.secondStep] as number) +
    above(TERM.thirdStart) * (terms[row + TERM.thirdStep] as number) +
    above(TERM.lastStart) * (terms[row + TERM.lastStep] as number)
  );
}
