/** Decimal texts for people: shorter than exact, and never on the wrong side. */

/** To which side a number is shortened. */
export type Side = "up" | "down";

/**
 * A decimal text with at most so many decimals and commas between thousands: "1234.5678" with 2, up, is "1,234.57".
 *
 * @param decimals How many are kept.
 * @param side Where what is cut off goes: an amount that must be enough goes up.
 */
export function readable(decimal: string, decimals: number, side: Side): string {
  const isNegative = decimal.startsWith("-");
  const [whole = "0", fraction = ""] = (isNegative ? decimal.slice(1) : decimal).split(".");
  const kept = fraction.slice(0, decimals).padEnd(decimals, "0");
  const isCut = /[1-9]/.test(fraction.slice(decimals));
  const growsAway = isCut && (side === "up") !== isNegative;
  const units = BigInt(whole + kept) + (growsAway ? 1n : 0n);
  const digits = units.toString().padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  const thousands = digits.slice(0, point).replace(/\B(?=(\d{3})+$)/g, ",");
  const rest = digits.slice(point);
  const sign = isNegative && units !== 0n ? "-" : "";
  return `${sign}${thousands}${rest === "" ? "" : `.${rest}`}`;
}

/** A time of the chain for people, in UTC [unix seconds]. */
export function readableTime(seconds: bigint): string {
  const text = new Date(Number(seconds) * 1_000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}
