import { WAD } from "../../../sdk/index.js";
import { ceilDiv } from "../margin.js";
import type { TokenRules } from "./world.js";

/** Shares and token amounts. */

const BPS = 10_000n;

/** x times so many basis points, rounded up. */
export function shareUp(x: bigint, bps: number | bigint): bigint {
  return ceilDiv(x * BigInt(bps), BPS);
}

/** x times so many basis points, rounded down; x is not negative. */
export function shareDown(x: bigint, bps: number): bigint {
  return (x * BigInt(bps)) / BPS;
}

/** The settlement token's amount that a sum of cash is, rounded down; cash is not negative [token]. */
export function amountOfCash({ decimals }: TokenRules, cash: bigint): bigint {
  return (cash * 10n ** BigInt(decimals)) / WAD;
}

/** What an amount of the settlement token is charged as, rounded up [wad]. */
export function cashOfAmount({ decimals }: TokenRules, amount: bigint): bigint {
  return ceilDiv(amount * WAD, 10n ** BigInt(decimals));
}
