import { abs, mulDown } from "./wad.js";

/**
 * What a position is worth and how trades change it, to the wei: section 1 of the design, `clearing/Ledger.sol`.
 *
 *     real quote  r     = quote - size x index(side)
 *     value             = size x mark + r
 *     a trade of d at p : r -= d x p, size += d
 *     stored      quote = r + size x index(side)
 */

/** What one unit of size has been charged on each side since the beginning [wad]. */
export interface SideIndices {
  readonly longIndex: bigint;
  readonly shortIndex: bigint;
}

/** The index of the side that a size is on [wad]. */
export function indexOfSide(size: bigint, { longIndex, shortIndex }: SideIndices): bigint {
  return size > 0n ? longIndex : shortIndex;
}

/** A stored quote with all moves of its side's index taken in, rounded down [wad]. */
export function realQuoteOf(size: bigint, quote: bigint, index: bigint): bigint {
  return quote + mulDown(-size, index);
}

/** The quote to store for a size and a real quote, rounded down [wad]. */
export function storedQuoteOf(size: bigint, realQuote: bigint, index: bigint): bigint {
  return realQuote + mulDown(size, index);
}

/** What a position is worth at a mark, rounded down [wad]. */
export function valueOf(size: bigint, realQuote: bigint, mark: bigint): bigint {
  return mulDown(size, mark) + realQuote;
}

/** What a trade takes from the real quote of the side whose size changes by `size`, rounded towards 0 [wad]. */
export function tradeQuoteOf(size: bigint, price: bigint): bigint {
  const quote = mulDown(abs(size), price);
  return size < 0n ? -quote : quote;
}
