import { type AccountId, underlyingOf, WAD } from "../../../sdk/index.js";
import { max, min, type ReferenceMargin, sum } from "../margin.js";
import { cashOf, figuresOf, spareCash } from "./cash.js";
import { realQuoteOf } from "./ledger.js";
import { currentPrices, lenientPrices, priceOf, type Prices } from "./oracle.js";
import { todayOf } from "./ramp.js";
import { collateralItem, type Item, positionItem } from "./requirement.js";
import { demand, Refusal } from "./refusal.js";
import { amountOfCash, shareDown, shareUp } from "./units.js";
import { type Account, accountOf, type Position, type World } from "./world.js";
import { releasableOf } from "./custody.js";

/** One equity and two requirements: DESIGN section 4, and what section 5 says of items without a price. */

/** Items without a price are no obstacle to a liquidation up to this part of the requirement. */
const MOST_UNREAD_BPS = 1_000;

export interface Valuation {
  /** [wad] */
  equity: bigint;
  items: Item[];
  /** 0 without position and debt [wad]. */
  minimumMargin: bigint;
}

/** What an account has at this moment. */
export type Portfolio = Omit<Account, "principal"> & {
  /** [wad] */
  cash: bigint;
};

export function portfolioOf(world: World, id: AccountId): Portfolio {
  const { positions, collateral } = accountOf(world, id);
  return { cash: cashOf(world, id), positions, collateral };
}

/** Without position and debt no price can endanger anything. */
export function isRiskless({ positions, cash }: Portfolio): boolean {
  return positions.length === 0 && cash >= 0n;
}

/** equity = cash + sum of values; minimum margin = 20 + 5 for each item, a token at most its value */
export function valuationOf(
  world: World,
  account: Portfolio,
  options: { prices: Prices; addOn: boolean; realOf?: (position: Position) => bigint },
): Valuation {
  const { realOf = (position: Position) => realQuoteOf(world, position) } = options;
  const positions = account.positions.map((position) =>
    positionItem(
      world,
      {
        ...position,
        underlying: underlyingOf(position.instrument),
        real: realOf(position),
      },
      options,
    ),
  );
  const collateral = account.collateral.flatMap((amount, index) =>
    amount === 0n ? [] : [collateralItem(world, { place: index + 1, amount }, options)],
  );
  const items = [...positions, ...collateral];
  const leastOfAll = todayOf(world.minimumMargins, world.now).ofAccount * WAD;
  return {
    equity: account.cash + sum(items.map(({ value }) => value)),
    items,
    minimumMargin: isRiskless(account) ? 0n : leastOfAll + sum(items.map((item) => item.minimum)),
  };
}

/** maintenance = max(sum, minimum margin); initial = max(sum, maintenance) */
export function marginOfValuation({ equity, items, minimumMargin }: Valuation): ReferenceMargin {
  const maintenance = max(sum(items.map((item) => item.maintenance)), minimumMargin);
  return { equity, initial: max(sum(items.map((item) => item.initial)), maintenance), maintenance };
}

/** What the views say: at today's prices. */
export function marginOf(world: World, id: AccountId): ReferenceMargin {
  return viewOf(world, portfolioOf(world, id));
}

function viewOf(world: World, account: Portfolio): ReferenceMargin {
  return marginOfValuation(
    valuationOf(world, account, { prices: currentPrices(world), addOn: true }),
  );
}

/** For withdrawals and transfers: R >= initial, without a price if there is no risk. */
export function requireInitial(world: World, id: AccountId): void {
  const account = portfolioOf(world, id);
  if (isRiskless(account)) return;
  const { equity, initial } = viewOf(world, account);
  demand(equity >= initial, "BelowInitialMargin");
}

/** Nobody may hold more than a liquidator may: it could not be taken over. */
export function requireFew(world: World, id: AccountId): void {
  const { length } = accountOf(world, id).positions;
  demand(length <= world.rules.liquidation.mostInstruments, "TooManyInstruments");
}

/**
 * For who took over a slice: without the add-on. Items without a price count for nothing, or as what they would lose by their
 * last price and their initial requirement.
 */
export function requireInitialOfLiquidator(world: World, id: AccountId): void {
  if (isRiskless(portfolioOf(world, id))) return;
  const valuation = lenientValuation(world, id);
  const unread = valuation.items.filter(({ isUnread }) => isUnread);
  const value = sum(unread.map((item) => item.value));
  const worst = min(value - sum(unread.map((item) => item.initial)), 0n);
  const { equity, initial } = marginOfValuation({
    ...valuation,
    equity: valuation.equity - value + worst,
    items: valuation.items.filter(({ isUnread }) => !isUnread),
  });
  requireFew(world, id);
  demand(equity >= initial, "BelowInitialMargin");
}

/**
 * At the last accepted prices where there is none: such items count their value less what they require, as far as the account
 * has equity for that beyond the least incentive, and require nothing more, as long as they are at most a tenth of the maintenance requirement,
 * which is at least the minimum margin.
 */
export function valuationForLiquidation(world: World, id: AccountId): Valuation {
  const valuation = lenientValuation(world, id);
  const unread = valuation.items.filter(({ isUnread }) => isUnread);
  if (unread.length === 0) return valuation;

  const maintenanceOf = (items: Item[]) => sum(items.map(({ maintenance }) => maintenance));
  const aside = maintenanceOf(unread);
  const whole = max(maintenanceOf(valuation.items), valuation.minimumMargin);
  if (aside > shareDown(whole, MOST_UNREAD_BPS)) {
    priceOf(world, unread[0]!.underlying);
  }
  const rest = maintenanceOf(valuation.items) - aside;
  const least = shareUp(
    max(rest, valuation.minimumMargin),
    world.rules.liquidation.leastIncentiveBps,
  );
  const discount = min(aside, max(max(valuation.equity, 0n) - least, 0n));
  return {
    equity: valuation.equity - discount,
    items: valuation.items.filter(({ isUnread }) => !isUnread),
    minimumMargin: max(valuation.minimumMargin - discount, 0n),
  };
}

function lenientValuation(world: World, id: AccountId): Valuation {
  const options = { prices: lenientPrices(world), addOn: false };
  return valuationOf(world, portfolioOf(world, id), options);
}

/** The most of a token that may leave: what the account can spare and what the vault lets go [token]. */
export function withdrawable(world: World, id: AccountId, place: number): bigint {
  const account = portfolioOf(world, id);
  const room = releasableOf(world, place);
  if (place === 0) {
    if (account.cash <= 0n && figuresOf(world).loanRoom === 0n) return 0n;
    const spare = spareCash(world, id, leastCash(world, account));
    return min(amountOfCash(world.rules.tokens[0]!, spare), room);
  }

  const held = account.collateral[place - 1]!;
  if (held === 0n) return 0n;
  const isEnough = (amount: bigint) => {
    if (isRiskless(account)) return true;
    const { equity, initial } = viewOf(world, {
      ...account,
      collateral: account.collateral.with(place - 1, held - amount),
    });
    return equity >= initial;
  };
  // Without the token altogether its price is not needed; for a part of it, it is.
  if (room >= held && isEnough(held)) return held;
  // Where nothing but the whole could leave, nobody asks.
  if (room === 0n || held === 1n) return 0n;
  if (!isRiskless(account)) viewOf(world, account);
  return mostThat(isEnough, min(held, room));
}

/**
 * What cash an account must keep to be worth its initial margin. Without position and debt that is none, and as much below as its
 * collateral carries, once there is a debt: nothing while that has no price [wad].
 */
function leastCash(world: World, account: Portfolio): bigint {
  const lowest = (cash: bigint) => {
    const { equity, initial } = viewOf(world, { ...account, cash });
    return cash - equity + initial;
  };
  if (!isRiskless(account)) return lowest(account.cash);
  try {
    return min(lowest(-1n), 0n);
  } catch (reason) {
    if (reason instanceof Refusal) return 0n;
    throw reason;
  }
}

/** The largest number up to `most` that satisfies a condition which, once it fails, fails for all larger ones; 0 if none. */
function mostThat(holds: (amount: bigint) => boolean, most: bigint): bigint {
  if (holds(most)) return most;
  let [least, failing] = [0n, most];
  while (failing - least > 1n) {
    const middle = (least + failing) / 2n;
    if (holds(middle)) least = middle;
    else failing = middle;
  }
  return least;
}
