import type { BracketsSnapshot, LiquidationSnapshot } from "./margin/snapshot.js";
import { rampedAt } from "./ramps.js";
import { ratesOf, silentFor, VOLATILITY } from "./volatility.js";
import type { MarginRates, RateParameters, Sigmas } from "./volatility.js";
import { ONE_BPS, WAD, WAD_OF_BPS } from "./wad.js";

/**
 * From the rules as governance has set them, with their ramps and the volatility that was noted, to the rules of a moment,
 * to the wei: `Rules.sol`, `oracle/RealisedVolatility.sol` and `types/Ramp.sol`.
 */

/** The rates of an underlying as governance sets them. */
export interface UnderlyingRates extends RateParameters {
  /** What volatility is taken to be without news [percent per year]. */
  readonly priorSigmaPercent: bigint;
}

/** What the volatility oracle has noted of an underlying last: `VolatilityNoted`. */
export interface NotedVolatility {
  /** As of the round [bps per year]. */
  readonly slowBps: bigint;
  readonly fastBps: bigint;
  /** When the last round that counts was written [unix seconds]. */
  readonly roundAt: bigint;
}

/** All that the rates of an underlying follow from. */
export interface RateState {
  readonly rates: UnderlyingRates;
  /** Nothing before the first note: then sigma is the prior. */
  readonly noted: NotedVolatility | undefined;
  /** What the rates come from; nothing while they stand still. */
  readonly former: FormerRates | undefined;
  /** Until then rates or brackets are on their way; 0 before the first ramp [unix seconds]. */
  readonly endOfRamp: bigint;
}

/** Rates from which a ramp began. */
export interface FormerRates {
  readonly rates: UnderlyingRates;
  /** The volatility of a former oracle, if these rates go on with that. */
  readonly ownVolatility: NotedVolatility | undefined;
}

/** What moves along a ramp from where it was when the ramp began. */
export interface Ramped<T> {
  readonly now: T;
  /** Nothing when nothing has ever moved. */
  readonly former: T | undefined;
  /** [unix seconds] */
  readonly endOfRamp: bigint;
}

/** A collateral token's haircuts, a freeze counted in. */
export interface Haircuts {
  readonly maintenanceHaircutBps: bigint;
  readonly initialHaircutBps: bigint;
}

/**
 * Volatility as margins read it at a time: on the way to the prior while there are no rounds, rounded up.
 *
 * @param noted Nothing before the first note.
 * @param time Not before the last round [unix seconds].
 */
export function sigmasAt(
  noted: NotedVolatility | undefined,
  priorSigmaPercent: bigint,
  time: bigint,
): Sigmas {
  const prior = (priorSigmaPercent * WAD) / 100n;
  if (noted === undefined) return { slow: prior, fast: prior };
  const elapsed = time - noted.roundAt;
  const { slowSeconds, fastSeconds } = VOLATILITY;
  return {
    slow: silentFor(noted.slowBps * WAD_OF_BPS, prior, elapsed, slowSeconds),
    fast: silentFor(noted.fastBps * WAD_OF_BPS, prior, elapsed, fastSeconds),
  };
}

/**
 * The margin rates of an underlying at a time: between those of the former rules and those of the present ones while a ramp
 * runs, both at the volatility of that time [wad of notional].
 */
export function marginRatesAt(state: RateState, time: bigint): MarginRates {
  const { rates, noted, former, endOfRamp } = state;
  const own = ratesOf(rates, sigmasAt(noted, rates.priorSigmaPercent, time));
  if (time >= endOfRamp || former === undefined) return own;
  const { priorSigmaPercent } = former.rates;
  const sigmas = sigmasAt(former.ownVolatility ?? noted, priorSigmaPercent, time);
  const before = ratesOf(former.rates, sigmas);
  return {
    initial: rampedAt(before.initial, own.initial, endOfRamp, time),
    maintenance: rampedAt(before.maintenance, own.maintenance, endOfRamp, time),
  };
}

/**
 * Rates that ask for the same whatever the volatility: what a ramp goes on from when a new volatility oracle speaks while
 * another ramp runs. Rounded down to whole basis points.
 */
export function constantRates({ initial, maintenance }: MarginRates): UnderlyingRates {
  const maintenanceBps = maintenance / WAD_OF_BPS;
  return {
    maintenanceBaseBps: maintenanceBps,
    maintenanceSlopeBps: 0n,
    maintenanceFloorBps: maintenanceBps,
    maintenanceCapBps: maintenanceBps,
    initialFloorBps: initial / WAD_OF_BPS,
    maintenanceToInitialBps: ONE_BPS,
    priorSigmaPercent: 0n,
  };
}

/** Size brackets at a time: each end and factor on its way. */
export function bracketsAt(brackets: Ramped<BracketsSnapshot>, time: bigint): BracketsSnapshot {
  return fieldsAt(brackets, time, [
    "firstEnd",
    "secondEnd",
    "thirdEnd",
    "secondFactorBps",
    "thirdFactorBps",
    "lastFactorBps",
  ]);
}

/** The rules of liquidation at a time: both minimum margins on their way. */
export function liquidationAt(
  rules: Ramped<LiquidationSnapshot>,
  time: bigint,
): LiquidationSnapshot {
  return fieldsAt(rules, time, ["minimumMargin", "minimumMarginOfItem"]);
}

/**
 * A token's haircuts at a time. While it is frozen, which it is up to the last second, it counts nothing for initial margin.
 *
 * @param frozenUntil The last second of the latest freeze; 0 when there was none [unix seconds].
 */
export function haircutsAt(
  haircuts: Ramped<Haircuts>,
  frozenUntil: bigint,
  time: bigint,
): Haircuts {
  const moving = fieldsAt(haircuts, time, ["maintenanceHaircutBps", "initialHaircutBps"]);
  return time <= frozenUntil ? { ...moving, initialHaircutBps: ONE_BPS } : moving;
}

/** The new rules with some fields on their way from the former ones. */
function fieldsAt<K extends string, T extends Readonly<Record<K, bigint>>>(
  { now, former, endOfRamp }: Ramped<T>,
  time: bigint,
  names: readonly K[],
): T {
  if (former === undefined || time >= endOfRamp) return now;
  const moving = names.map((name) => [name, rampedAt(former[name], now[name], endOfRamp, time)]);
  return { ...now, ...(Object.fromEntries(moving) as Partial<T>) };
}
