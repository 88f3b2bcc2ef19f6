import type { FastMargin, Margin } from "../../sdk/index.js";

/** How far a float is from an integer; the difference is exact but for its last bit. */
function distance(float: number, exact: bigint): number {
  const whole = Math.floor(float);
  return Math.abs(Number(exact - BigInt(whole)) - (float - whole));
}

/** The largest of an account's errors, as a part of its bound. */
export function usedOfBound(fast: FastMargin, exact: Margin): number {
  const errors = [
    distance(fast.equity, exact.equity),
    distance(fast.initial, exact.initial),
    distance(fast.maintenance, exact.maintenance),
    distance(fast.equity - fast.maintenance, exact.equity - exact.maintenance),
  ];
  return Math.max(...errors) / fast.errorBound;
}
