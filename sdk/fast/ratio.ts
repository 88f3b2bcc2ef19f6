/** 1e18 = 5^18 x 2^18, and a division by a power of two does not round. */
const FIVES = 5n ** 18n;
/** With so many bits more, a quotient by 5^18 of what passes 2^53 has more than the 53 bits of a float, and one to spare. */
const MORE_BITS = 64n;
const TWOS = 2 ** -(18 + Number(MORE_BITS));
/** Integers up to here are floats. */
const EXACT = 2n ** 53n;

/**
 * A WAD as a float of what it stands for (1e18 becomes 1), correctly rounded: the float that is nearest. `Number(x) / 1e18`
 * rounds twice and misses it for one number in six.
 *
 * @param wad Of either sign [wad].
 */
export function ratioOf(wad: bigint): number {
  if (wad < 0n) return -ratioOf(-wad);
  if (wad <= EXACT) return Number(wad) / 1e18;
  const dividend = wad << MORE_BITS;
  const quotient = dividend / FIVES;
  // What is cut off can only decide between two floats when the rest lies in the middle: one low bit says that it is more.
  const marked = quotient * FIVES === dividend ? quotient : quotient | 1n;
  return Number(marked) * TWOS;
}
