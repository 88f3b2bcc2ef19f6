import {
  abs,
  type AccountSnapshot,
  accountWith,
  type Delta,
  divideUp,
  excess,
  type InstrumentId,
  liquidationPrice,
  marginOf,
  type MarketSnapshot,
  max,
  mulUp,
  ONE_BPS,
  underlyingOf,
  WAD,
  wadOfAmount,
} from "../../sdk/index.js";

/** What an account's people can do to restore its initial margin: each remedy is enough alone, at today's prices. */

/** What can be deposited, as of the account's block. */
export interface DepositTerms {
  readonly settlementDecimals: number;
  /** What the vault takes of the settlement token up to its cap [token]. */
  readonly settlementRoom: bigint;
  /** The same of each collateral token, by place in the rules' list; nothing where deposits are stopped [token]. */
  readonly rooms: readonly (bigint | undefined)[];
  /** The account's cash after a deposit, as the vault rounds it, from what is deposited [wad]. */
  readonly cashAfter: (deposited: bigint) => bigint;
}

/** What restores initial margin. */
export interface Remedies {
  /** The least deposit of the settlement token; nothing where the vault would not take as much [token]. */
  readonly settlement: bigint | undefined;
  /** The least deposits of collateral tokens; those that cannot help are left out. */
  readonly collateral: readonly { readonly place: number; readonly amount: bigint }[];
  /** The least part of every position whose closing at the mark, without fees, is enough [bps]. */
  readonly closedBps: bigint | undefined;
  /** The price at which the largest position can be liquidated, all else as it is. */
  readonly liquidation: { readonly instrument: InstrumentId; readonly price: bigint } | undefined;
}

/**
 * What restores an account's initial margin, to the unit: one unit less does not.
 *
 * With more of a token, or with less of all positions, equity less requirement never falls: each has a least amount, found
 * by bisection.
 *
 * @throws MissingPriceError when something that the account has cannot be read.
 */
export function remediesOf(
  account: AccountSnapshot,
  market: MarketSnapshot,
  terms: DepositTerms,
): Remedies {
  const restores = (changed: AccountSnapshot): boolean => {
    const { equity, initial } = marginOf(changed, market);
    return equity >= initial;
  };
  const collateral = market.tokens.flatMap(({ underlying }, place) => {
    // What has no price can neither be deposited nor counted.
    if (!market.prices.has(underlying)) return [];
    const most = terms.rooms[place] ?? 0n;
    const amount = leastBelow(most, (added) => restores(withCollateral(account, place, added)));
    return amount === undefined ? [] : [{ place, amount }];
  });
  const closedBps = leastBelow(ONE_BPS, (bps) => restores(withLess(account, market, bps)));
  return {
    settlement: settlementRemedy(account, market, terms),
    collateral,
    closedBps: account.positions.length === 0 ? undefined : closedBps,
    liquidation: liquidationOf(account, market),
  };
}

function settlementRemedy(
  account: AccountSnapshot,
  market: MarketSnapshot,
  { cashAfter, settlementDecimals, settlementRoom }: DepositTerms,
): bigint | undefined {
  const { equity, initial } = marginOf(account, market);
  const unit = 10n ** BigInt(settlementDecimals);
  // Below initial margin an account may bring as much as that whatever the cap is: Vault.deposit.
  const exempt = (initial * unit) / WAD;
  // Rounding of cash takes a few wei: a unit more than what is lacking is always enough.
  const enough = divideUp(excess(initial, equity) * unit, WAD) + divideUp(5_000n * unit, WAD) + 1n;
  const amount = leastBelow(enough, (added) => {
    const cash = cashAfter(wadOfAmount(added, settlementDecimals));
    const after = marginOf({ ...account, cash }, market);
    return after.equity >= after.initial;
  });
  return amount !== undefined && amount <= max(settlementRoom, exempt) ? amount : undefined;
}

function withCollateral(account: AccountSnapshot, place: number, added: bigint): AccountSnapshot {
  const held = account.collateral.find((one) => one.place === place)?.amount ?? 0n;
  const others = account.collateral.filter((one) => one.place !== place);
  return { ...account, collateral: [...others, { place, amount: held + added }] };
}

/** The account after a part of every position was closed at its mark, rounded up. */
function withLess(account: AccountSnapshot, market: MarketSnapshot, bps: bigint): AccountSnapshot {
  const closings: Delta[] = account.positions.map(({ instrument, size }) => {
    const closed = divideUp(abs(size) * bps, ONE_BPS);
    const price = market.prices.get(underlyingOf(instrument)) ?? 0n;
    return { instrument, size: size > 0n ? -closed : closed, price };
  });
  return accountWith(account, closings, 0n);
}

function liquidationOf(account: AccountSnapshot, market: MarketSnapshot): Remedies["liquidation"] {
  const notionalOf = (instrument: InstrumentId, size: bigint): bigint =>
    mulUp(abs(size), market.prices.get(underlyingOf(instrument)) ?? 0n);
  let [largest, most]: [InstrumentId | undefined, bigint] = [undefined, -1n];
  for (const { instrument, size } of account.positions) {
    const notional = notionalOf(instrument, size);
    if (notional > most) [largest, most] = [instrument, notional];
  }
  if (largest === undefined) return undefined;
  const price = liquidationPrice(account, largest, market);
  return price === 0n ? undefined : { instrument: largest, price };
}

/** The least number up to the most for which something holds, that goes on holding above; nothing when there is none. */
function leastBelow(most: bigint, holds: (x: bigint) => boolean): bigint | undefined {
  if (most <= 0n) return undefined;
  // Rooms are huge and remedies small: doubling from below keeps the numbers of the search small.
  let high = 1n;
  while (high < most && !holds(high)) high *= 2n;
  if (high >= most) {
    high = most;
    if (!holds(high)) return undefined;
  }
  let low = high / 2n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
