import {
  type AccountSnapshot,
  type FundSnapshot,
  type MarketSnapshot,
  type Slice,
  sliceOf,
} from "../../sdk/index.js";

/** What a slice is looked for in. */
export interface SliceMarket {
  readonly market: MarketSnapshot;
  readonly fund: FundSnapshot;
}

/** Slices down to 1 / 2 ^ this of the whole are tried: smaller ones are not worth their gas. */
const MOST_HALVINGS = 10;
/** The largest slice is found to a part in so many. */
const PRECISION = 256n;

/**
 * The largest slice that an account may give and that fits whoever takes it; nothing when none does. The whole is tried first,
 * then halves until one fits, and between the last two what is left.
 *
 * @param account Below the line.
 * @param at Of which block.
 * @param fits Whether a slice can be taken.
 * @throws MissingPriceError when too much of the account cannot be read.
 */
export function largestFitting(
  account: AccountSnapshot,
  { fund, market }: SliceMarket,
  fits: (slice: Slice) => boolean,
): Slice | undefined {
  const whole = sliceOf(account, market, fund);
  if (whole.refusal !== undefined) return undefined;
  if (fits(whole)) return whole;

  const fitting = (fraction: bigint): Slice | undefined => {
    const slice = sliceOf(account, market, fund, fraction);
    // Too small, or all must go at once.
    return slice.refusal === undefined && fits(slice) ? slice : undefined;
  };
  let found: Slice | undefined;
  let tooLarge = whole.fraction;
  for (let halvings = 0; found === undefined && halvings < MOST_HALVINGS; ++halvings) {
    found = fitting(tooLarge / 2n);
    if (found === undefined) tooLarge /= 2n;
  }
  if (found === undefined) return undefined;
  while (tooLarge - found.fraction > tooLarge / PRECISION) {
    const fraction = (found.fraction + tooLarge) / 2n;
    const larger = fitting(fraction);
    if (larger === undefined) tooLarge = fraction;
    else found = larger;
  }
  return found;
}
