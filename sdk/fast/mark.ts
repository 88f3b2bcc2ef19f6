import type { Blocks } from "./blocks.js";
import { roundingOfFloats } from "./bound.js";
import type { BookMarket } from "./market.js";
import { TERM, TERMS_OF_SIDE, TERMS_OF_TOKEN, TOKEN_TERM } from "./terms.js";

/** A mask has so many bits for underlyings, which share them when there are more, and one that every account has. */
export const UNDERLYING_BITS = 31;
export const EVERY_ACCOUNT = 1 << UNDERLYING_BITS;

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

/** Slots that go through both steps before the next ones: their results stay in the processor's cache between the two. */
const SLOTS_AT_ONCE = 2048;
/** Those of them that are to be marked. */
const chosen = new Uint32Array(SLOTS_AT_ONCE);

/**
 * Values accounts. This is the loop that everything waits for: arrays are looked up once for many accounts, terms are numbers
 * in one array, and what to skip is found without a branch, because that is what the compiler makes fast code of.
 */
export function markRange(columns: Columns, market: BookMarket, range: Range): void {
  const { to, changes } = range;
  for (let from = range.from; from < to; from += SLOTS_AT_ONCE) {
    const part = { from, to: Math.min(from + SLOTS_AT_ONCE, to), changes };
    const slots = choose(columns.masks, part);
    markPositions(columns, market, slots);
    markRest(columns, market, slots);
  }
}

/** Fills `chosen`; returns how many slots it are. */
function choose(masks: Int32Array, { from, to, changes }: Range): number {
  let count = 0;
  for (let slot = from; slot < to; ++slot) {
    chosen[count] = slot;
    const common = (masks[slot] as number) & changes;
    // 1 when it has a bit: then it or its negative has the sign.
    count += (common | -common) >>> 31;
  }
  return count;
}

/** Sums over positions, and their part of the error bound. */
function markPositions(columns: Columns, { terms }: BookMarket, slots: number): void {
  const { equity, initial, maintenance, bounds, collateral } = columns;
  const { starts, counts, rows, numbers } = columns.positions;
  for (let place = 0; place < slots; ++place) {
    const slot = chosen[place] as number;
    let value = 0;
    let gross = 0;
    let excess = 0;
    let initially = 0;
    let maintaining = 0;
    const first = starts[slot] as number;
    const count = counts[slot] as number;
    for (let i = first; i < first + count; ++i) {
      const row = (rows[i] as number) * TERMS_OF_SIDE;
      const size = numbers[2 * i] as number;
      const quote = numbers[2 * i + 1] as number;
      const moved = size * (terms[row + TERM.valuePrice] as number);
      const notional = Math.abs(size) * (terms[row + TERM.price] as number);
      value += moved + quote;
      gross += Math.abs(moved) + Math.abs(quote);

      let charged = notional;
      if (notional > (terms[row + TERM.surelyFirst] as number)) {
        charged = chargedNotional(terms, row, notional);
        excess += notional * (terms[row + TERM.steepest] as number);
      }
      let required = charged * (terms[row + TERM.initialRate] as number);
      const crowding = terms[row + TERM.crowding] as number;
      if (crowding > 0 && required < notional) {
        required += (notional - required) * crowding;
        excess += notional;
      }
      initially += required;
      maintaining += charged * (terms[row + TERM.maintenanceRate] as number);
    }
    equity[slot] = value;
    initial[slot] = initially;
    maintenance[slot] = maintaining;
    bounds[slot] = roundingOfFloats(count + (collateral.counts[slot] as number), gross, excess);
  }
}

/** Adds collateral, cash and the minimum margin. */
function markRest(columns: Columns, market: BookMarket, slots: number): void {
  const { principals, equity, initial, maintenance, bounds } = columns;
  const { counts: positions } = columns.positions;
  const { counts: tokens } = columns.collateral;
  const { minimumMargin, roundingOfItem } = market;
  const { supplyIndex, borrowIndex, rounding: roundingOfCash } = market.cash;
  for (let place = 0; place < slots; ++place) {
    const slot = chosen[place] as number;
    const count = positions[slot] as number;
    const principal = principals[slot] as number;
    const isRiskless = count === 0 && principal >= 0;
    const minimumOfItem = isRiskless ? 0 : market.minimumMarginOfItem;
    let minimum = isRiskless ? 0 : minimumMargin + count * minimumOfItem;
    if (tokens[slot] !== 0) minimum += addCollateral(columns, market, slot, minimumOfItem);

    const cash = principal * (principal < 0 ? borrowIndex : supplyIndex);
    const required = Math.max(maintenance[slot] as number, minimum);
    const items = count + (tokens[slot] as number);
    equity[slot] = (equity[slot] as number) + cash;
    maintenance[slot] = required;
    const initially = Math.max(initial[slot] as number, required);
    initial[slot] = initially;
    bounds[slot] =
      (bounds[slot] as number) +
      roundingOfFloats(items, Math.abs(cash), initially) +
      (items * roundingOfItem + roundingOfCash);
  }
}

/** Adds an account's collateral; returns what it adds to the minimum margin [wad]. */
function addCollateral(
  columns: Columns,
  { tokens: { terms: tokenTerms } }: BookMarket,
  slot: number,
  minimumOfItem: number,
): number {
  const { equity, initial, maintenance, bounds, positions } = columns;
  const { starts, counts, rows, numbers } = columns.collateral;
  const first = starts[slot] as number;
  const count = counts[slot] as number;
  let sum = 0;
  let minimum = 0;
  for (let i = first; i < first + count; ++i) {
    const row = (rows[i] as number) * TERMS_OF_TOKEN;
    const value = (numbers[i] as number) * (tokenTerms[row + TOKEN_TERM.price] as number);
    sum += value;
    initial[slot] =
      (initial[slot] as number) + value * (tokenTerms[row + TOKEN_TERM.initialHaircut] as number);
    maintenance[slot] =
      (maintenance[slot] as number) +
      value * (tokenTerms[row + TOKEN_TERM.maintenanceHaircut] as number);
    minimum += Math.min(value, minimumOfItem);
  }
  equity[slot] = (equity[slot] as number) + sum;
  bounds[slot] =
    (bounds[slot] as number) + roundingOfFloats(count + (positions.counts[slot] as number), sum, 0);
  return minimum;
}

/** The notional after the size factor: each bracket adds what the factor rises by on all that lies above its start. */
function chargedNotional(terms: Float64Array, row: number, notional: number): number {
  return (
    notional +
    Math.max(notional - (terms[row + TERM.secondStart] as number), 0) *
      (terms[row + TERM.secondStep] as number) +
    Math.max(notional - (terms[row + TERM.thirdStart] as number), 0) *
      (terms[row + TERM.thirdStep] as number) +
    Math.max(notional - (terms[row + TERM.lastStart] as number), 0) *
      (terms[row + TERM.lastStep] as number)
  );
}
