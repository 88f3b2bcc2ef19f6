import { underlyingOf, type InstrumentId } from "../ids.js";
import { abs } from "../wad.js";
import { marginOf } from "./margin.js";
import type { AccountSnapshot, MarketSnapshot } from "./snapshot.js";
import { MissingPriceError } from "./valuation.js";

/** Up to so many times the current price is looked for the upper end: 2^10. */
const MOST_DOUBLINGS = 10;

/**
 * The price of an instrument's underlying at which the account would fall below its line, all else as it is:
 * `MarginEngine.liquidationPrice`. The nearer one when there are two, the current price when the account is below
 * already, 0 when there is none up to 1,024 times the current price [wad].
 *
 * Equity is linear in the price and the requirement convex, so the account is above its line in one interval of prices.
 * Found by bisection to a millionth, on the safe side.
 *
 * @throws MissingPriceError when a price cannot be read.
 */
export function liquidationPrice(
  account: AccountSnapshot,
  instrument: InstrumentId,
  market: MarketSnapshot,
): bigint {
  const underlying = underlyingOf(instrument);
  const current = market.prices.get(underlying);
  if (current === undefined) throw new MissingPriceError(underlying);

  const isBelowAt = (price: bigint): boolean => {
    const prices = new Map(market.prices).set(underlying, price);
    const { equity, maintenance } = marginOf(account, { ...market, prices });
    return equity < maintenance;
  };
  const lineBetween = (below: bigint, safe: bigint): bigint => {
    while (abs(below - safe) > safe / 1_000_000n + 1n) {
      const middle = (below + safe) / 2n;
      if (isBelowAt(middle)) below = middle;
      else safe = middle;
    }
    return safe;
  };

  if (isBelowAt(current)) return current;
  const lower = isBelowAt(1n) ? lineBetween(1n, current) : 0n;
  let upper = 0n;
  let safe = current;
  for (let doubling = 1; doubling <= MOST_DOUBLINGS && upper === 0n; doubling++) {
    const price = current << BigInt(doubling);
    if (isBelowAt(price)) upper = lineBetween(price, safe);
    else safe = price;
  }
  if (lower === 0n || upper === 0n) return lower + upper;
  return current - lower <= upper - current ? lower : upper;
}
