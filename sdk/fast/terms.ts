import type { LiquidationSnapshot, TokenSnapshot, UnderlyingSnapshot } from "../margin/snapshot.js";
import { crowdingOf } from "../margin/model.js";
import { max, mulUp, ONE_BPS, WAD } from "../wad.js";
import { LEAST_ROUNDING_OF_ITEM } from "./bound.js";
import { ratioOf } from "./ratio.js";

/** What is known of an underlying's price. */
export interface PriceReading {
  /** Today's; missing when it cannot be read [wad]. */
  readonly price?: bigint | undefined;
  /** The last accepted one, which counts where there is no other [wad]. */
  readonly lastPrice?: bigint | undefined;
}

/** What marking needs of one side of an instrument: so many numbers in a row, at these places. */
export const TERM = {
  /** Price less the side's index: size x this + stored quote is the position's value. */
  valuePrice: 0,
  price: 1,
  maintenanceRate: 2,
  initialRate: 3,
  /** How far the initial requirement has risen towards the whole notional. */
  crowding: 4,
  /** Where the second to fourth bracket begin [wad]. */
  secondStart: 5,
  thirdStart: 6,
  lastStart: 7,
  /** By how much the factor rises there. */
  secondStep: 8,
  thirdStep: 9,
  lastStep: 10,
  /** A little below the start of the second bracket: whoever is not above it is in the first, also without rounding [wad]. */
  surelyFirst: 11,
  /** The last factor x the larger rate: what the error of a large position's requirement is measured by. */
  steepest: 12,
} as const;

/** Numbers from one row of an instrument's terms to the next; a power of two. */
export const TERMS_OF_SIDE = 16;

/** The same for a collateral token. */
export const TOKEN_TERM = { price: 0, maintenanceHaircut: 1, initialHaircut: 2 } as const;

export const TERMS_OF_TOKEN = 4;

/** What the terms of an instrument's two sides are made of. */
export interface InstrumentFigures {
  /** [wad] */
  readonly price: bigint;
  /** [wad] */
  readonly openInterest: bigint;
  readonly rates: UnderlyingSnapshot;
  readonly liquidation: LiquidationSnapshot;
  /** [wad] */
  readonly fundCash: bigint;
}

/** One side's row. */
export function sideTermsOf(figures: InstrumentFigures, index: bigint): number[] {
  const { price, rates } = figures;
  const { brackets } = rates;
  const row = new Array<number>(TERMS_OF_SIDE).fill(0);
  row[TERM.valuePrice] = ratioOf(price - index);
  row[TERM.price] = ratioOf(price);
  row[TERM.maintenanceRate] = ratioOf(rates.maintenanceRate);
  row[TERM.initialRate] = ratioOf(rates.initialRate);
  row[TERM.crowding] = ratioOf(crowdingFor(figures));
  const secondStart = Number(brackets.firstEnd * WAD);
  row[TERM.surelyFirst] = secondStart * (1 - 2 ** -48);
  row[TERM.secondStart] = secondStart;
  row[TERM.thirdStart] = Number(brackets.secondEnd * WAD);
  row[TERM.lastStart] = Number(brackets.thirdEnd * WAD);
  row[TERM.secondStep] = ratioOfBps(brackets.secondFactorBps - ONE_BPS);
  row[TERM.thirdStep] = ratioOfBps(brackets.thirdFactorBps - brackets.secondFactorBps);
  row[TERM.lastStep] = ratioOfBps(brackets.lastFactorBps - brackets.thirdFactorBps);
  row[TERM.steepest] = steepestOf(rates);
  return row;
}

/** Rows of what nothing is known of: whoever holds it is worth no number, and so never passes for healthy. */
export const UNKNOWN_SIDE: readonly number[] = new Array<number>(TERMS_OF_SIDE).fill(Number.NaN);
export const UNKNOWN_TOKEN: readonly number[] = new Array<number>(TERMS_OF_TOKEN).fill(Number.NaN);

/** A token's row. */
export function tokenTermsOf(token: TokenSnapshot, price: bigint): number[] {
  const row = new Array<number>(TERMS_OF_TOKEN).fill(0);
  row[TOKEN_TERM.price] = ratioOf(price);
  row[TOKEN_TERM.maintenanceHaircut] = ratioOfBps(token.maintenanceHaircutBps);
  row[TOKEN_TERM.initialHaircut] = ratioOfBps(token.initialHaircutBps);
  return row;
}

/**
 * What the contracts' roundings of one position come to: 1 wei each for size x price and size x index in equity; 1 for the
 * notional and 3 for the brackets, all x rate, and 1 for that product; twice that and 2 with the add-on [wad].
 */
export function roundingOfPosition(rates: UnderlyingSnapshot): number {
  return LEAST_ROUNDING_OF_ITEM + 2 * (steepestOf(rates) + 3 * largerRateOf(rates));
}

function steepestOf(rates: UnderlyingSnapshot): number {
  return ratioOfBps(rates.brackets.lastFactorBps) * largerRateOf(rates);
}

function largerRateOf({ initialRate, maintenanceRate }: UnderlyingSnapshot): number {
  return ratioOf(max(initialRate, maintenanceRate));
}

/** How far open interest has raised the initial requirement towards the whole notional [wad]. */
function crowdingFor({ openInterest, price, liquidation, fundCash }: InstrumentFigures): bigint {
  return crowdingOf(mulUp(openInterest, price), max(fundCash, liquidation.openInterestBase * WAD));
}

/** Correctly rounded: both numbers are floats. */
function ratioOfBps(bps: bigint): number {
  return Number(bps) / Number(ONE_BPS);
}
