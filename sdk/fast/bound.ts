/**
 * How far a book's numbers can be from the contracts'. With u = 2^-53, half the distance of two floats near 1, each
 * conversion, product and sum of floats is off by at most u of its result. The terms of a margin, with k items:
 *
 *     cash            principal x index                               2 conversions, 1 product                 3 u
 *     position        size x (price - index) + quote                  2 conversions, 1 product, 1 sum          4 u
 *     collateral      quantity x price                                2 conversions, 1 product                 3 u
 *     equity          their sum, one after the other                  k sums                                   k u
 *     notional        |size| x price                                  2 conversions, 1 product                 3 u
 *     charged         notional + sum (notional - start) x step        at most 10 u of notional x last factor
 *     requirement     charged x rate, or value x haircut              1 conversion, 1 product                 12 u
 *     add-on          required + (notional - required) x crowding     twice the above, 7 u of notional
 *     both margins    their sums, the larger of them and the minimum margin                                    k u
 *
 * so that with gross = |cash| + sum (|size x (price - index)| + |quote|) + sum collateral
 *
 *     |error of equity|       <=  u (k + 4) gross
 *     |error of a margin|     <=  u (k + 24) requirement
 *
 * where requirement is the initial margin, but counts a position beyond its first bracket as notional x last factor x rate
 * and one with an add-on as its notional once more. Four steps more are for the comparison of the two. The bound is the sum
 * of both, so it holds for equity, for each margin and for the difference; it is a millionth larger than that, for products
 * of errors and for its own rounding. The contracts' own roundings are added, a few wei for each item.
 */
const ROUND_OFF = 2 ** -53 * (1 + 2 ** -20);
const STEPS_OF_EQUITY = 4;
const STEPS_OF_REQUIREMENT = 28;

/**
 * What the roundings of floats come to, which is linear in both sums.
 *
 * @param items Positions and tokens of the account.
 * @param gross |cash| + sum (|size x (price - index)| + |quote|) + sum collateral [wad]
 * @param requirement The initial margin, with what bracket and add-on make of it [wad].
 * @returns [wad]
 */
export function roundingOfFloats(items: number, gross: number, requirement: number): number {
  return (
    ROUND_OFF * ((items + STEPS_OF_EQUITY) * gross + (items + STEPS_OF_REQUIREMENT) * requirement)
  );
}

/** What the contracts' roundings of any token come to, and of a position that requires nothing [wad]. */
export const LEAST_ROUNDING_OF_ITEM = 6;
