/** What a transaction pays for gas. */
export interface Fees {
  /** The most per unit of gas, base fee and tip together [wei]. */
  readonly most: bigint;
  /** The block's maker's share per unit of gas [wei]. */
  readonly tip: bigint;
}

/** What gas costs now. */
export interface GasPrices {
  /** Of the latest block [wei]. */
  readonly baseFee: bigint;
  /** What the node suggests [wei]. */
  readonly tip: bigint;
}

/** Nodes take a transaction in place of another of its nonce when both fees are so much higher [%]. */
const LEAST_RAISE = 10n;

/**
 * The fees of a first version: room for a base fee that doubles, as far as the limit allows.
 *
 * @param limit The most per unit of gas [wei].
 * @returns Nothing when the limit does not pay today's base fee and the suggested tip.
 */
export function firstFees({ baseFee, tip }: GasPrices, limit: bigint): Fees | undefined {
  if (limit < baseFee + tip) return undefined;
  return { most: smaller(2n * baseFee + tip, limit), tip };
}

/**
 * The fees of the next version: both so much higher that nodes take it, and at least what a first version would pay now.
 *
 * @param former The highest fees that were signed for the nonce.
 * @returns Nothing when the limit leaves no raise that nodes would take.
 */
export function raisedFees(
  former: Fees,
  { prices, percent, limit }: { prices: GasPrices; percent: number; limit: bigint },
): Fees | undefined {
  const raise = BigInt(percent);
  const tip = larger(raised(former.tip, raise), prices.tip);
  const wanted = larger(raised(former.most, raise), 2n * prices.baseFee + tip);
  const most = smaller(wanted, limit);
  const fees = { most, tip: smaller(tip, most) };
  const isTaken =
    fees.most >= raised(former.most, LEAST_RAISE) && fees.tip >= raised(former.tip, LEAST_RAISE);
  return isTaken ? fees : undefined;
}

/** Rounded up, and more than before also where a share of it is nothing. */
function raised(fee: bigint, percent: bigint): bigint {
  const exact = (fee * (100n + percent) + 99n) / 100n;
  return larger(exact, fee + 1n);
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
