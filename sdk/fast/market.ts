import { underlyingOf, type InstrumentId } from "../ids.js";
import type { CashIndices } from "../interest.js";
import { indexOfSide, type SideIndices } from "../ledger.js";
import { standardModel } from "../margin/model.js";
import type {
  LiquidationSnapshot,
  MarketSnapshot,
  PositionSnapshot,
  TokenSnapshot,
  UnderlyingSnapshot,
} from "../margin/snapshot.js";
import { mulDown, WAD } from "../wad.js";
import { LEAST_ROUNDING_OF_ITEM } from "./bound.js";
import { grown } from "./blocks.js";
import { BookCash } from "./cash.js";
import { EVERY_ACCOUNT, UNDERLYING_BITS } from "./mark.js";
import {
  type PriceReading,
  roundingOfPosition,
  sideTermsOf,
  TERMS_OF_SIDE,
  UNKNOWN_SIDE,
} from "./terms.js";
import { BookTokens } from "./tokens.js";

/** What is known of an underlying, with all that follows its price. */
interface Underlying {
  /** Set in the masks of accounts that hold something of it. */
  readonly bit: number;
  readonly instruments: Instrument[];
  prices: PriceReading;
  rates?: UnderlyingSnapshot | undefined;
}

interface Instrument {
  /** Of the long side; that of the short side is the next. */
  readonly row: number;
  readonly underlying: Underlying;
  indices: SideIndices;
  openInterest: bigint;
}

const MOST_ROWS = 2 ** 16;
const FIRST_ROWS = 16;

/**
 * What a book's accounts have in common: prices, rates, rules and indices. A change here touches no account; it is noted
 * until the book marks the accounts that it concerns.
 *
 * Whatever is computed here is computed in integers and rounded once, to the nearest float.
 */
export class BookMarket {
  /** A row for each side of each instrument, see `TERM`. */
  terms = new Float64Array(FIRST_ROWS * TERMS_OF_SIDE);
  readonly cash = new BookCash();
  readonly tokens = new BookTokens();
  /** Both [wad]. */
  minimumMargin = Number.NaN;
  minimumMarginOfItem = Number.NaN;
  /** The most that the contracts' roundings of an item come to [wad]. */
  roundingOfItem = LEAST_ROUNDING_OF_ITEM;

  readonly #underlyings = new Map<number, Underlying>();
  readonly #instruments = new Map<InstrumentId, Instrument>();
  /** The instrument of rows 2 i and 2 i + 1. */
  readonly #byRow: Instrument[] = [];
  #liquidation: LiquidationSnapshot | undefined;
  #fundCash = 0n;
  #changed = EVERY_ACCOUNT;

  // What changes

  /**
   * All of a snapshot. Indices are not in it: see `setSideIndices` and `setCashIndices`.
   *
   * @throws RangeError when its margin model is another than the standard one.
   */
  set(snapshot: MarketSnapshot): void {
    if ((snapshot.model ?? standardModel) !== standardModel) {
      throw new RangeError("A book knows the standard margin model only");
    }
    const { prices, lastPrices, underlyings, openInterest, tokens } = snapshot;
    for (const id of openInterest.keys()) this.#instrument(id);
    for (const [id, known] of this.#instruments) known.openInterest = openInterest.get(id) ?? 0n;
    for (const map of [prices, lastPrices, underlyings]) {
      for (const number of map.keys()) this.#underlying(number);
    }
    for (const [number, known] of this.#underlyings) {
      known.prices = { price: prices.get(number), lastPrice: lastPrices.get(number) };
      known.rates = underlyings.get(number);
    }
    this.#fundCash = snapshot.fundCash;
    this.setLiquidation(snapshot.liquidation);
    this.setTokens(tokens);
  }

  /** The price of an underlying: of its perpetual and of every token that it values. */
  setPrice(underlying: number, prices: PriceReading): void {
    const known = this.#underlying(underlying);
    known.prices = prices;
    this.#refresh(known);
    this.#refreshTokens(underlying);
  }

  /** Margin rates and size brackets of an underlying. */
  setRates(underlying: number, rates: UnderlyingSnapshot): void {
    const known = this.#underlying(underlying);
    known.rates = rates;
    this.#refresh(known);
  }

  /** What both sides of an instrument have been charged: funding that accrues, losses that were shared. */
  setSideIndices(instrument: InstrumentId, indices: SideIndices): void {
    const known = this.#instrument(instrument);
    known.indices = indices;
    this.#refresh(known.underlying);
  }

  /** The size held long, on which the open-interest add-on depends [wad]. */
  setOpenInterest(instrument: InstrumentId, size: bigint): void {
    const known = this.#instrument(instrument);
    known.openInterest = size;
    this.#refresh(known.underlying);
  }

  /** Interest: what all cash has grown to. */
  setCashIndices(indices: CashIndices): void {
    this.cash.set(indices);
    this.#changed |= EVERY_ACCOUNT;
  }

  /** The rules' list of collateral tokens with their haircuts; a token never leaves it or changes its decimals. */
  setTokens(tokens: readonly TokenSnapshot[]): void {
    this.tokens.set(tokens);
    for (const { underlying } of tokens) this.#refreshTokens(underlying);
  }

  /** Minimum margins, and what open interest is measured against. */
  setLiquidation(liquidation: LiquidationSnapshot): void {
    this.#liquidation = liquidation;
    const minimumMargin = Number(liquidation.minimumMargin * WAD);
    const minimumMarginOfItem = Number(liquidation.minimumMarginOfItem * WAD);
    const isMoved =
      minimumMargin !== this.minimumMargin || minimumMarginOfItem !== this.minimumMarginOfItem;
    if (isMoved) this.#changed |= EVERY_ACCOUNT;
    this.minimumMargin = minimumMargin;
    this.minimumMarginOfItem = minimumMarginOfItem;
    for (const underlying of this.#underlyings.values()) this.#refresh(underlying);
  }

  /** Cash of the insurance fund, the other thing that open interest is measured against [wad]. */
  setFundCash(cash: bigint): void {
    this.#fundCash = cash;
    for (const underlying of this.#underlyings.values()) this.#refresh(underlying);
  }

  // What the book asks

  /** The quote of which the snapshot's real quote is what is left now [wad]. */
  storedQuoteOf({ instrument, size, realQuote }: PositionSnapshot): bigint {
    const index = indexOfSide(size, this.#instrument(instrument).indices);
    return index === 0n ? realQuote : realQuote - mulDown(-size, index);
  }

  /** The row of a position's side. */
  rowOf(instrument: InstrumentId, size: bigint): number {
    return this.#instrument(instrument).row + (size < 0n ? 1 : 0);
  }

  /** The bit of an underlying in the masks of accounts. */
  bitOf(underlying: number): number {
    return this.#underlying(underlying).bit;
  }

  /** Whether today's price of what a row is of is known. */
  isSideRead(row: number): boolean {
    return this.#byRow[row >> 1]?.underlying.prices.price !== undefined;
  }

  /** Whether today's price of a token is known. */
  isTokenRead(place: number): boolean {
    return this.#underlyings.get(this.tokens.underlyingOf(place) ?? 0)?.prices.price !== undefined;
  }

  /** The bits of what has changed since the last call. */
  takeChanges(): number {
    const changed = this.#changed;
    this.#changed = 0;
    return changed;
  }

  // Inside

  #underlying(number: number): Underlying {
    const known = this.#underlyings.get(number);
    if (known !== undefined) return known;
    const bit = 1 << (this.#underlyings.size % UNDERLYING_BITS);
    const fresh = { bit, instruments: [], prices: {} };
    this.#underlyings.set(number, fresh);
    return fresh;
  }

  #instrument(id: InstrumentId): Instrument {
    const known = this.#instruments.get(id);
    if (known !== undefined) return known;
    const row = this.#instruments.size * 2;
    if (row >= MOST_ROWS) throw new RangeError(`A book holds ${MOST_ROWS / 2} instruments at most`);
    const underlying = this.#underlying(underlyingOf(id));
    const fresh = { row, underlying, indices: { longIndex: 0n, shortIndex: 0n }, openInterest: 0n };
    this.#instruments.set(id, fresh);
    this.#byRow.push(fresh);
    underlying.instruments.push(fresh);
    if ((row + 2) * TERMS_OF_SIDE > this.terms.length) {
      this.terms = grown(this.terms, new Float64Array(this.terms.length * 2));
    }
    this.#refresh(underlying);
    return fresh;
  }

  /** Computes the rows of an underlying's instruments anew. */
  #refresh({ bit, instruments, prices, rates }: Underlying): void {
    const price = prices.price ?? prices.lastPrice;
    const [liquidation, fundCash] = [this.#liquidation, this.#fundCash];
    for (const { row, indices, openInterest } of instruments) {
      let sides: (readonly number[])[] = [UNKNOWN_SIDE, UNKNOWN_SIDE];
      if (price !== undefined && rates !== undefined && liquidation !== undefined) {
        const figures = { price, rates, liquidation, fundCash, openInterest };
        const { longIndex, shortIndex } = indices;
        sides = [longIndex, shortIndex].map((index) => sideTermsOf(figures, index));
        this.roundingOfItem = Math.max(this.roundingOfItem, roundingOfPosition(rates));
      }
      sides.forEach((terms, side) => {
        this.#write(this.terms, (row + side) * TERMS_OF_SIDE, terms, bit);
      });
    }
  }

  #refreshTokens(underlying: number): void {
    const { bit, prices } = this.#underlying(underlying);
    for (const { at, row } of this.tokens.rowsAt(underlying, prices.price ?? prices.lastPrice)) {
      this.#write(this.tokens.terms, at, row, bit);
    }
  }

  #write(terms: Float64Array, at: number, row: readonly number[], bit: number): void {
    if (row.every((value, i) => Object.is(value, terms[at + i]))) return;
    terms.set(row, at);
    this.#changed |= bit;
  }
}
