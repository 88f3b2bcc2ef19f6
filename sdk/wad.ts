import { formatUnits, parseUnits } from "ethers";

/** One in 18-decimal fixed point. */
export const WAD = 10n ** 18n;

/** One in basis points. */
export const ONE_BPS = 10_000n;

/** A basis point [wad]. */
export const WAD_OF_BPS = WAD / ONE_BPS;

/**
 * A decimal number as a WAD; throws when it has more than 18 decimals.
 *
 * @param value For example `"0.0005"` or `3000`. Numbers are taken as they print.
 */
export function parseWad(value: string | number): bigint {
  return parseUnits(String(value), 18);
}

/** A WAD as a decimal number without trailing zeros, for people. */
export function formatWad(value: bigint): string {
  return formatUnits(value, 18).replace(/\.0$/, "");
}

/** x * y / 1e18, rounded towards minus infinity. */
export function mulDown(x: bigint, y: bigint): bigint {
  return floorDiv(x * y, WAD);
}

/** x * y / 1e18, rounded towards plus infinity. */
export function mulUp(x: bigint, y: bigint): bigint {
  return -floorDiv(-x * y, WAD);
}

/** x * 1e18 / y, rounded towards minus infinity; throws when y is 0. */
export function divDown(x: bigint, y: bigint): bigint {
  return floorDiv(x * WAD, y);
}

/** x * 1e18 / y, rounded towards plus infinity; throws when y is 0. */
export function divUp(x: bigint, y: bigint): bigint {
  return -floorDiv(-x * WAD, y);
}

/** x * ratio / 10,000, rounded towards minus infinity. */
export function bpsDown(x: bigint, ratioBps: bigint): bigint {
  return floorDiv(x * ratioBps, ONE_BPS);
}

/** x * ratio / 10,000, rounded towards plus infinity. */
export function bpsUp(x: bigint, ratioBps: bigint): bigint {
  return divideUp(x * ratioBps, ONE_BPS);
}

/** x / y of plain integers, rounded towards plus infinity; throws when y is 0. */
export function divideUp(x: bigint, y: bigint): bigint {
  return -floorDiv(-x, y);
}

/** The larger one. */
export function max(x: bigint, y: bigint): bigint {
  return x > y ? x : y;
}

/** The smaller one. */
export function min(x: bigint, y: bigint): bigint {
  return x < y ? x : y;
}

/** |x|. */
export function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}

/** What x has more than y; 0 when it has not. */
export function excess(x: bigint, y: bigint): bigint {
  return x > y ? x - y : 0n;
}

/** A token amount as a WAD, rounded down when the token has more than 18 decimals. */
export function wadOfAmount(amount: bigint, decimals: number): bigint {
  return floorDiv(amount * WAD, 10n ** BigInt(decimals));
}

/** A WAD as a token amount, rounded down when the token has less than 18 decimals. */
export function amountOfWad(wad: bigint, decimals: number): bigint {
  return floorDiv(wad * 10n ** BigInt(decimals), WAD);
}

/** BigInt division truncates towards 0; this one goes down. */
function floorDiv(x: bigint, y: bigint): bigint {
  const quotient = x / y;
  const exact = quotient * y === x;
  return !exact && x < 0n !== y < 0n ? quotient - 1n : quotient;
}
