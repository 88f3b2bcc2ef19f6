import {
  acceptsRound,
  afterRound,
  initialVolatility,
  type PriceRound,
  ratesOf,
  sigmaAt,
  type VolatilityListing,
  type VolatilityState,
} from "../../sdk/index.js";
import { UsageError } from "../prices/errors.js";
import { FEED_DECIMALS, type Market } from "./market.js";
import type { Series, Windows } from "./series.js";

/** What the deployed rule says at the beginning of each stretch; arrays by column. */
export interface Readings {
  /** The stretches that have a reading. */
  readonly windows: Windows;
  /** [per square root of a year] */
  readonly slow: Float64Array;
  readonly fast: Float64Array;
  /** Shares of notional. */
  readonly maintenance: Float64Array;
  readonly initial: Float64Array;
  /** The rounds that the oracle took: when and at which price. */
  readonly taken: { readonly time: Float64Array; readonly price: Float64Array };
  /** Rounds that it passed over. */
  readonly passedOver: number;
}

const WAD = 1e18;
/** Progress is told once in so many stretches. */
const PROGRESS_STRIDE = 1_000;

/**
 * Tells the rule every round of a series in order and reads it at the beginning of every stretch, with the integers of
 * the contract. Only what comes out is turned into floating point.
 *
 * @param onProgress Told the share that is done, from time to time.
 * @throws UsageError when no round is inside the band.
 */
export function readVolatility(
  { file, rounds, windows }: Series,
  market: Market,
  onProgress: (share: number) => void,
): Readings {
  const oracle = listOracle(rounds, market);
  const first = windows.time.findIndex((start) => start >= (oracle?.time[0] ?? Infinity));
  if (oracle === undefined || first < 0) {
    throw new UsageError(
      `${file} has no price that ${market.name} could have.`,
      "Check that --asset fits the file and that its prices are in dollars.",
    );
  }
  const read = from(windows, first);
  const { length } = read.time;
  const [slow, fast] = [new Float64Array(length), new Float64Array(length)];
  const [maintenance, initial] = [new Float64Array(length), new Float64Array(length)];
  for (const [i, start] of read.time.entries()) {
    const sigmas = sigmaAt(oracle.tellUntil(start), BigInt(start));
    const rates = ratesOf(market.rates, sigmas);
    slow[i] = Number(sigmas.slow) / WAD;
    fast[i] = Number(sigmas.fast) / WAD;
    maintenance[i] = Number(rates.maintenance) / WAD;
    initial[i] = Number(rates.initial) / WAD;
    if (i % PROGRESS_STRIDE === 0) onProgress(i / length);
  }
  return {
    ...{ windows: read, slow, fast, maintenance, initial },
    taken: { time: Float64Array.from(oracle.time), price: Float64Array.from(oracle.price) },
    passedOver: oracle.passedOver(),
  };
}

/** The oracle of a listing, and what it took. */
interface Oracle {
  readonly time: readonly number[];
  readonly price: readonly number[];
  passedOver(): number;
  /** Tells it every round up to a time, which may not go back [unix seconds]. */
  tellUntil(time: number): VolatilityState;
}

/** An oracle that begins with the first round that it accepts; `undefined` when there is none. */
function listOracle(rounds: readonly PriceRound[], { listing }: Market): Oracle | undefined {
  const begin = rounds.findIndex((round) => canBegin(listing, round));
  const opening = rounds[begin];
  if (opening === undefined) return undefined;
  let state = initialVolatility(listing, opening);
  let next = begin + 1;
  let passedOver = begin;
  const [time, price] = [[Number(opening.updatedAt)], [dollars(opening)]];
  return {
    time,
    price,
    passedOver: () => passedOver,
    tellUntil: (until) => {
      for (; ; next++) {
        const round = rounds[next];
        if (round === undefined || Number(round.updatedAt) > until) return state;
        if (acceptsRound(state, round)) {
          time.push(Number(round.updatedAt));
          price.push(dollars(round));
        } else passedOver++;
        state = afterRound(state, round);
      }
    },
  };
}

function canBegin(listing: VolatilityListing, round: PriceRound): boolean {
  try {
    initialVolatility(listing, round);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The stretches from a place on. */
function from({ time, price, rise, fall }: Windows, first: number): Windows {
  return {
    time: time.subarray(first),
    price: price.subarray(first),
    rise: rise.subarray(first),
    fall: fall.subarray(first),
  };
}

function dollars({ answer }: PriceRound): number {
  return Number(answer) / 10 ** FEED_DECIMALS;
}
