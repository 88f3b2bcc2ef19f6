import { mulDown, parseWad, WAD } from "../../sdk/index.js";
import { toWad } from "./format.js";
import type { Market } from "./market.js";
import type { Underlying } from "./options.js";

/** How far from the index price the middle of the makers' quotes lies, by underlying (ratio) [wad]. */
export type Skew = Readonly<Record<Underlying, bigint>>;

/** A bid and an offer lie this far from their middle (ratio) [wad]. */
const HALF_SPREAD = parseWad("0.0002");
/** At the opening most want to buy, so makers quote around a price above the index (ratio) [wad]. */
export const OPENING_SKEW = parseWad("0.0012");
/** Later their quotes lean the way the price has gone in the last hour: by this much of the move ... */
const LEAN = 0.1;
/** ... and no further than this (ratio). */
const MOST_SKEW = 0.006;
const LOOK_BACK_SECONDS = 3600;

/** Where a maker trades with somebody of the given size, positive when it buys [wad]. */
export function quotedPrice(mark: bigint, { size, skew }: { size: bigint; skew: bigint }): bigint {
  return mulDown(mark, WAD + skew + (size > 0n ? HALF_SPREAD : -HALF_SPREAD));
}

/** Where a maker trades an instrument with somebody of the given size now [wad]. */
export async function priceNow(
  { clearinghouse, instruments }: Market,
  { instrument, size, skew }: { instrument: bigint; size: bigint; skew: Skew },
): Promise<bigint> {
  const mark = await clearinghouse.markOf(instrument);
  return quotedPrice(mark, { size, skew: instrument === instruments.eth ? skew.eth : skew.btc });
}

/** A moment of a price path. */
interface Moment {
  /** [unix seconds] */
  readonly time: number;
  readonly prices: Readonly<Record<Underlying, number>>;
}

/** How the quotes lean at a step of a path: below the index after a fall, above it after a rise. */
export function skewAt(steps: readonly Moment[], step: number): Skew {
  const now = steps[step];
  if (now === undefined) throw new RangeError(`no step ${step}`);
  let first = step;
  while (first > 0 && now.time - (steps[first - 1]?.time ?? 0) <= LOOK_BACK_SECONDS) first--;
  // The report before that hour was still good when the hour began.
  const then = steps[Math.max(first - 1, 0)] ?? now;
  const leanOf = (underlying: Underlying): bigint => {
    const move = now.prices[underlying] / then.prices[underlying] - 1;
    return toWad(Math.min(Math.max(LEAN * move, -MOST_SKEW), MOST_SKEW));
  };
  return { eth: leanOf("eth"), btc: leanOf("btc") };
}
