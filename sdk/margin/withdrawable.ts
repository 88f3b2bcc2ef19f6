import { loanRoomOf, spareCash } from "../lending.js";
import { amountOfWad, min } from "../wad.js";
import { isSpared, marginOf } from "./margin.js";
import type { AccountSnapshot, MarketSnapshot, VaultSnapshot } from "./snapshot.js";
import { isRiskless, MissingPriceError } from "./valuation.js";

/** What can be taken out of an account now: `MarginEngine.withdrawable`, to the unit. */

/**
 * The cash that an account could withdraw, a loan included, within the tokens that may leave [token].
 *
 * @throws MissingPriceError when the account has a position or a debt and a price cannot be read.
 */
export function withdrawableCash(
  account: AccountSnapshot,
  market: MarketSnapshot,
  vault: VaultSnapshot,
): bigint {
  if (account.cash <= 0n && loanRoomOf(vault) === 0n) return 0n;
  const spare = spareCash(vault, account.cash, leastCashOf(account, market));
  return min(amountOfWad(spare, vault.settlementDecimals), vault.releasableCash);
}

/**
 * How much of a collateral token an account could withdraw: the most after which it still has its initial margin, within
 * what may leave [token].
 *
 * @param place Of the token in the rules' list.
 * @throws MissingPriceError when the account has a position or a debt and a price cannot be read.
 */
export function withdrawableCollateral(
  account: AccountSnapshot,
  place: number,
  market: MarketSnapshot,
  vault: VaultSnapshot,
): bigint {
  const held = account.collateral.find((one) => one.place === place)?.amount ?? 0n;
  if (held === 0n) return 0n;
  const releasable = vault.releasable[place] ?? 0n;
  const others = account.collateral.filter((one) => one.place !== place);
  // Without the token altogether its price is not needed, as in the withdrawal itself.
  if (releasable >= held && isSpared({ ...account, collateral: others }, market)) return held;

  let most = 0n;
  let tooMuch = min(held, releasable + 1n);
  while (tooMuch - most > 1n) {
    const middle = (most + tooMuch) / 2n;
    const collateral = [...others, { place, amount: held - middle }];
    if (isSpared({ ...account, collateral }, market)) most = middle;
    else tooMuch = middle;
  }
  return most;
}

/**
 * What cash an account needs at least. One that has neither position nor debt may have all its cash, whatever its collateral
 * is worth; what it could borrow beyond is worked out as if it owed one wei, and is nothing while its collateral has no
 * price [wad].
 */
function leastCashOf(account: AccountSnapshot, market: MarketSnapshot): bigint {
  if (!isRiskless(account)) return leastAt(account, market);
  try {
    return min(leastAt({ ...account, cash: -1n }, market), 0n);
  } catch (error) {
    if (error instanceof MissingPriceError) return 0n;
    throw error;
  }
}

function leastAt(account: AccountSnapshot, market: MarketSnapshot): bigint {
  const { equity, initial } = marginOf(account, market);
  return account.cash - equity + initial;
}
