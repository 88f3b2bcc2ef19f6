import { mulDown, WAD } from "../../../sdk/index.js";
import { Refusal, demand } from "./refusal.js";
import type { World } from "./world.js";

/** DESIGN section 5 for sources of one to three feeds, without second opinions and sequencers. */

/** How old a last price may be [seconds]. */
const LAST_ANSWER_SECONDS = 3n * 86_400n;
const NOTED_PRICE_SECONDS = 4n * 3_600n;

/** A price, and whether it is the last accepted one because there is none now. */
export interface Quote {
  /** [wad] */
  price: bigint;
  isLast: boolean;
}

/** Where a valuation has its prices from. */
export type Prices = (underlying: number) => Quote;

/** The feeds of an underlying, each with what it says and whether that is too old or no price. */
function readingsOf(world: World, underlying: number) {
  return world.rules.underlyings.get(underlying)!.feeds.map((name) => {
    const { answer, updatedAt } = world.feeds.get(name)!;
    const { maximumAge, minimum, maximum } = world.rules.feeds.get(name)!;
    const isStale = world.now - updatedAt > maximumAge;
    return { answer, updatedAt, isStale, isInvalid: answer <= minimum || answer >= maximum };
  });
}

/** The product of the feeds, rounded down at each; a fresh answer that is no price goes before one that is too old [wad]. */
export function priceOf(world: World, underlying: number): bigint {
  const readings = readingsOf(world, underlying);
  demand(!readings.some(({ isStale, isInvalid }) => isInvalid && !isStale), "InvalidPrice");
  demand(!readings.some(({ isStale }) => isStale), "StalePrice");
  return readings.reduce((product, { answer }) => mulDown(product, answer), WAD);
}

/** The newer of what a stale source said when it was fresh, up to three days ago, and what was noted, up to four hours ago. */
function lastPriceOf(world: World, underlying: number): bigint | undefined {
  const readings = readingsOf(world, underlying);
  const noted = world.noted.get(underlying);
  const candidates: { price: bigint; at: bigint }[] = [];
  if (noted !== undefined && world.now - noted.notedAt <= NOTED_PRICE_SECONDS) {
    candidates.push({ price: noted.price, at: noted.notedAt });
  }
  if (readings.some(({ isStale }) => isStale) && !readings.some(({ isInvalid }) => isInvalid)) {
    const price = readings.reduce((product, { answer }) => mulDown(product, answer), WAD);
    const at = readings.reduce(
      (old, { updatedAt }) => (updatedAt < old ? updatedAt : old),
      world.now,
    );
    if (world.now - at <= LAST_ANSWER_SECONDS) candidates.unshift({ price, at });
  }
  return candidates.sort((a, b) => Number(b.at - a.at))[0]?.price;
}

/** Today's prices, or the oracle's reason. */
export function currentPrices(world: World): Prices {
  return (underlying) => ({ price: priceOf(world, underlying), isLast: false });
}

/** Today's prices; where there is none what is known already, else the last accepted one, else the oracle's reason. */
export function lenientPrices(world: World, known = new Map<number, Quote>()): Prices {
  return (underlying) => {
    const quote = known.get(underlying);
    if (quote !== undefined) return quote;
    try {
      return { price: priceOf(world, underlying), isLast: false };
    } catch (reason) {
      const last = reason instanceof Refusal ? lastPriceOf(world, underlying) : undefined;
      if (last === undefined) throw reason;
      return { price: last, isLast: true };
    }
  };
}

/** Anyone: keeps today's price for the time when there is none. */
export function notePrice(world: World, underlying: number): void {
  demand(world.rules.underlyings.has(underlying), "UnknownUnderlying");
  world.noted.set(underlying, { price: priceOf(world, underlying), notedAt: world.now });
}
