import type { Participant } from "./accounts.js";
import { abs } from "./format.js";
import type { Keepers } from "./keepers.js";
import type { Market } from "./market.js";
import { priceNow, type Skew } from "./quotes.js";
import { tradeNow } from "./trading.js";

/** Who keeps the market, and how. */
export interface Crew {
  /** In the order in which their keepers look. */
  readonly liquidators: readonly Participant[];
  readonly keepers: Keepers;
  readonly makers: readonly Participant[];
  /** Where the makers quote. */
  readonly skew: Skew;
}

/** A trade with a maker [wad]. */
export interface Deal {
  readonly instrument: bigint;
  /** Positive when the taker bought. */
  readonly size: bigint;
  readonly price: bigint;
}

/** Lets somebody take what the makers quote now; throws Refused when the chain does not clear it. */
export async function dealWithMaker(
  market: Market,
  { makers, skew }: Crew,
  wish: { taker: Participant; instrument: bigint; size: bigint; reduceOnly?: boolean },
): Promise<Deal> {
  const { taker, instrument, size, reduceOnly = false } = wish;
  const maker = await fittingMaker(market, makers, { instrument, size: -size });
  const price = await priceNow(market, { instrument, size, skew });
  await tradeNow(market, {
    taker,
    maker,
    wish: { instrument, size, limitPrice: price, reduceOnly },
  });
  return { instrument, size, price };
}

/** The maker whose own position shrinks most by taking this one. */
async function fittingMaker(
  market: Market,
  makers: readonly Participant[],
  { instrument, size }: { instrument: bigint; size: bigint },
): Promise<Participant> {
  const sizes = await Promise.all(
    makers.map(
      async ({ account }) => (await market.clearinghouse.positionOf(account, instrument)).size,
    ),
  );
  let best = 0;
  sizes.forEach((held, i) => {
    if (abs(held + size) - abs(held) < abs((sizes[best] ?? 0n) + size) - abs(sizes[best] ?? 0n))
      best = i;
  });
  const maker = makers[best];
  if (maker === undefined) throw new RangeError("no makers");
  return maker;
}
