import { WAD } from "../../sdk/index.js";

/** A WAD as a number, for display and drawing only. */
export function toNumber(wad: bigint): number {
  // The whole part and the fraction are converted apart: a large WAD is beyond what a double holds exactly.
  return Number(wad / WAD) + Number(wad % WAD) / 1e18;
}

/** A display number as a WAD: twelve decimals are kept. */
export function toWad(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 10n ** 12n;
}

/** 1234567.891 with 2 digits -> "1,234,567.89"; a typographic minus for negatives. */
export function decimal(value: number, digits: number): string {
  const text = Math.abs(value).toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // What rounds to zero has no sign.
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** An amount of the settlement currency: "$1,235" or "−$12.50"; cents only below a hundred dollars. */
export function usd(wad: bigint): string {
  if (wad === 0n) return "$0";
  const value = toNumber(wad);
  const text = decimal(Math.abs(value), Math.abs(value) < 100 ? 2 : 0);
  return value < 0 && /[1-9]/.test(text) ? `−$${text}` : `$${text}`;
}

/** A price: "$2,912.40". */
export function priceOf(value: number): string {
  return `$${decimal(value, value < 100_000 ? 2 : 0)}`;
}

/** A size with its sign and unit: "+3.20 ETH". */
export function sizeOf(wad: bigint, unit: string): string {
  const value = toNumber(wad);
  const digits = Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
  return `${value > 0 ? "+" : ""}${decimal(value, digits)} ${unit}`;
}

/** A ratio with its sign: "−12.3 %". */
export function change(ratio: number): string {
  const text = decimal(ratio * 100, 1);
  return `${ratio > 0 && /[1-9]/.test(text) ? "+" : ""}${text} %`;
}

/** A share without sign: "12.3 %". */
export function percent(ratio: number): string {
  return `${decimal(ratio * 100, 1)} %`;
}

/** Time since the beginning: "+07:40" hours and minutes, "+12d 07h" when that is long. */
export function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours < 100
    ? `+${two(hours)}:${two(minutes % 60)}`
    : `+${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** "1 account", "3 accounts". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** |x|. */
export function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}
