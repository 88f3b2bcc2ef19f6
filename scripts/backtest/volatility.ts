import {
  acceptsRound,
  afterRound,
  initialVolatility,
  type PriceRound,
  ratesOf,
  sigmaAt,
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
  const begin = beginningOf(rounds, market);
  if (begin === undefined) {
    throw new UsageError(
      `${file} has no price that ${market.name} could have.`,
      "Check that --asset fits the file and that its prices are in dollars.",
    );
  }
  let { state } = begin;
  let next = begin.next;
  const time: number[] = [Number(state.lastTime)];
  const price: number[] = [dollars(rounds[next - 1] as PriceRound)];
  const first = windows.time.findIndex((start) => start >= Number(state.lastTime));
  const read = windows.time.subarray(first < 0 ? windows.time.length : first);
  const [slow, fast] = [new Float64Array(read.length), new Float64Array(read.length)];
  const [maintenance, initial] = [new Float64Array(read.length), new Float64Array(read.length)];

  let passedOver = next - 1;
  for (const [i, start] of read.entries()) {
    for (; next < rounds.length; next++) {
      const round = rounds[next] as PriceRound;
      if (Number(round.updatedAt) > start) break;
      if (acceptsRound(state, round)) {
        time.push(Number(round.updatedAt));
        price.push(dollars(round));
      } else passedOver++;
      state = afterRound(state, round);
    }
    const sigmas = sigmaAt(state, BigInt(start));
    const rates = ratesOf(market.rates, sigmas);
    slow[i] = Number(sigmas.slow) / WAD;
    fast[i] = Number(sigmas.fast) / WAD;
    maintenance[i] = Number(rates.maintenance) / WAD;
    initial[i] = Number(rates.initial) / WAD;
    if (i % 1_000 === 0) onProgress(i / read.length);
  }
  onProgress(1);
  return {
    windows: {
      time: read,
      price: windows.price.subarray(-read.length),
      rise: windows.rise.subarray(-read.length),
      fall: windows.fall.subarray(-read.length),
    },
    ...{ slow, fast, maintenance, initial, passedOver },
    taken: { time: Float64Array.from(time), price: Float64Array.from(price) },
  };
}

/** The state after the first round that can begin a listing, and the place of the round after it. */
function beginningOf(
  rounds: readonly PriceRound[],
  { listing }: Market,
): { state: VolatilityState; next: number } | undefined {
  for (const [place, round] of rounds.entries()) {
    try {
      return { state: initialVolatility(listing, round), next: place + 1 };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return undefined;
}

function dollars({ answer }: PriceRound): number {
  return Number(answer) / 10 ** FEED_DECIMALS;
}
