import { divUp, mulDown, mulUp, wadOfAmount, WAD } from "../../../sdk/index.js";
import { abs, ceilDiv, max, min, sum } from "../margin.js";
import { cashOf } from "./cash.js";
import { type BracketNumbers, marginRatesOf } from "./marginRates.js";
import type { Prices } from "./oracle.js";
import { todayOf } from "./ramp.js";
import { shareUp } from "./units.js";
import { bookOf, type World } from "./world.js";

/**
 * What one item is worth and requires: DESIGN section 4, StandardMargin, rounded as docs/units-and-rounding.md says: values
 * down, notional and requirements up at every product.
 */

const BPS = 10_000n;

/** A position or a collateral in numbers [wad]. */
export interface Item {
  value: bigint;
  initial: bigint;
  maintenance: bigint;
  /** What it adds to the minimum margin. */
  minimum: bigint;
  /** Valued at the last accepted price, because there is none now. */
  isUnread: boolean;
  underlying: number;
  /** Its maintenance requirement when only this part of it is kept. */
  maintenanceOfPart: (kept: bigint) => bigint;
}

/** sum over brackets of (notional above its start) x (its factor - the factor below), each rounded up [wad] */
export function chargedOf(brackets: BracketNumbers, notional: bigint): bigint {
  if (notional <= brackets.firstEnd * WAD) return notional;
  const steps = [
    [brackets.firstEnd, brackets.secondFactorBps - BPS],
    [brackets.secondEnd, brackets.thirdFactorBps - brackets.secondFactorBps],
    [brackets.thirdEnd, brackets.lastFactorBps - brackets.thirdFactorBps],
  ] as const;
  const above = ([start, factor]: (typeof steps)[number]) =>
    ceilDiv(max(notional - start * WAD, 0n) * factor, BPS);
  return notional + sum(steps.map(above));
}

/**
 * Open-interest add-on: 0 up to 10 times the base, 1 from 40 times on, linear between, rounded up; the base is the larger of
 * the insurance fund and governance's figure [wad].
 */
export function crowdingOf(world: World, openInterest: bigint, mark: bigint): bigint {
  const fund = cashOf(world, world.rules.fund);
  const base = max(fund, BigInt(world.rules.liquidation.openInterestBase) * WAD);
  const excess = max(mulUp(openInterest, mark) - 10n * base, 0n);
  return min(divUp(excess, 30n * base), WAD);
}

/** A perpetual of this size and real quote, marked at the index price. */
export function positionItem(
  world: World,
  held: { instrument: bigint; underlying: number; size: bigint; real: bigint },
  options: { prices: Prices; addOn: boolean },
): Item {
  const { brackets, initial, maintenance: rate } = marginRatesOf(world, held.underlying);
  const { price: mark, isLast } = options.prices(held.underlying);
  const notional = mulUp(abs(held.size), mark);
  const charged = chargedOf(brackets, notional);
  const base = mulUp(charged, initial);
  // What is not required yet of the notional is, as far as too much is open.
  const crowding = options.addOn
    ? crowdingOf(world, bookOf(world, held.instrument).openInterest, mark)
    : 0n;
  return {
    value: mulDown(held.size, mark) + held.real,
    initial: base + mulUp(max(notional - base, 0n), crowding),
    maintenance: mulUp(charged, rate),
    minimum: minimumOfItem(world),
    isUnread: isLast,
    underlying: held.underlying,
    maintenanceOfPart: (kept) =>
      // The size is what the account keeps: rounded up, a long one away from 0 and a short one towards it.
      mulUp(chargedOf(brackets, mulUp(abs(mulUp(held.size, kept)), mark)), rate),
  };
}

/** An amount of the token at a place of the list. */
export function collateralItem(
  world: World,
  held: { place: number; amount: bigint },
  { prices, addOn }: { prices: Prices; addOn: boolean },
): Item {
  const { decimals, collateral } = world.rules.tokens[held.place]!;
  const quantity = wadOfAmount(held.amount, decimals);
  const { price, isLast } = prices(collateral!.underlying);
  const value = mulDown(quantity, price);
  const frozen = world.now <= (world.frozenTokens.get(held.place) ?? -1n);
  // For who takes over a slice the risk is not new, so neither is there an add-on.
  const haircuts = todayOf(world.haircuts.get(held.place)!, world.now);
  const frozenHaircut = addOn ? BPS : haircuts.maintenance;
  return {
    value,
    initial: shareUp(value, frozen ? frozenHaircut : haircuts.initial),
    maintenance: shareUp(value, haircuts.maintenance),
    // No deposit may bring an account below its line.
    minimum: min(value, minimumOfItem(world)),
    isUnread: isLast,
    underlying: collateral!.underlying,
    maintenanceOfPart: (kept) =>
      shareUp(mulDown(mulUp(quantity, kept), price), haircuts.maintenance),
  };
}

/** What each instrument or token adds to the minimum margin [wad]. */
function minimumOfItem({ minimumMargins, now }: World): bigint {
  return todayOf(minimumMargins, now).ofItem * WAD;
}
