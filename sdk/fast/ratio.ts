/** 1e18 = 5^18 x 2^18, and a division by a power of two does not round. */
const FIVES = 5n ** 18n;
/**
 * So many bits are put on before the division by 5^18. The middle of two floats then has 53 zeros at its end at least, so a
 * quotient that is not in the middle is further from it than what the division cuts off.
 */
const MORE_BITS = 96n;
const TWOS = 2 ** -(18 + Number(MORE_BITS));
/** Integers up to here are floats. */
const EXACT = 2n ** 53n;

/**
 * A WAD as a float of what it stands for (1e18 becomes 1), correctly rounded: the float that is nearest. `Number(x) / 1e18`
 * rounds twice and misses it now and then.
 *
 * @param wad Of either sign [wad].
 */
export function ratioOf(wad: bigint): number {
  if (wad < 0n) return -ratioOf(-wad);
  if (wad <= EXACT) return Number(wad) / 1e18;
  return Number((wad << MORE_BITS) / FIVES) * TWOS;
}
