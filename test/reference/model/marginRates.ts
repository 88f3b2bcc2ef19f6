import { WAD } from "../../../sdk/index.js";
import { ceilDiv, max, min } from "../margin.js";
import { onTheWay, type Ramp, todayOf } from "./ramp.js";
import { sigmasOf } from "./volatility.js";
import type { World } from "./world.js";

/** The rates of the standard model: DESIGN section 4, from what governance has set and how much the price moves. */

const BPS = 10_000n;

const NAMES = [
  "maintenanceBaseBps",
  "maintenanceSlopeBps",
  "maintenanceFloorBps",
  "maintenanceCapBps",
  "initialFloorBps",
  "maintenanceToInitialBps",
  "priorSigmaPercent",
] as const;
const BRACKET_NAMES = [
  "firstEnd",
  "secondEnd",
  "thirdEnd",
  "secondFactorBps",
  "thirdFactorBps",
  "lastFactorBps",
] as const;

export type RateName = (typeof NAMES)[number];
export type BracketName = (typeof BRACKET_NAMES)[number];
/**
 * What is set for one underlying, and was before. Rates or brackets are on their way, never both: rates by a straight line
 * between what follows from the former numbers and from these, brackets each number by itself.
 */
export type RatesRamp = Ramp<RateName | BracketName>;
type MarketNumbers = Readonly<Record<RateName | BracketName, bigint>>;
export type BracketNumbers = Readonly<Record<BracketName, bigint>>;

/** Rates of an underlying with all that they follow from. */
export interface MarginRates {
  /** [wad of notional] */
  initial: bigint;
  maintenance: bigint;
  /** What they would be if their ramp had ended. */
  target: { initial: bigint; maintenance: bigint };
  /** [wad] */
  slowSigma: bigint;
  fastSigma: bigint;
  /** As they are set. */
  rules: MarketNumbers;
  /** As they are now. */
  brackets: BracketNumbers;
}

/** The numbers of a record that have these names. */
function numbersOf<Name extends string>(
  names: readonly Name[],
  of: Record<Name, number>,
): Record<Name, bigint> {
  return Object.fromEntries(names.map((name) => [name, BigInt(of[name])])) as Record<Name, bigint>;
}

export const rateNumbersOf = (of: Record<RateName, number>) => numbersOf(NAMES, of);
export const bracketNumbersOf = (of: Record<BracketName, number>) => numbersOf(BRACKET_NAMES, of);

/** What was worked out last for a ramp: a valuation asks for the same again and again. */
const known = new WeakMap<RatesRamp, { now: bigint; followed: unknown; rates: MarginRates }>();

/** The rates of now. */
export function marginRatesOf(world: World, underlying: number): MarginRates {
  const ramp = world.rates.get(underlying)!;
  const followed = world.followed.get(underlying)!;
  const { now } = world;
  const found = known.get(ramp);
  if (found !== undefined && found.now === now && found.followed === followed) return found.rates;
  const { from, to, end } = ramp;
  const { slow, fast } = sigmasOf(followed, to.priorSigmaPercent, now);
  const target = ratesAt(to, slow, fast);
  // The former numbers go on with their own prior.
  const silent = sigmasOf(followed, from.priorSigmaPercent, now);
  const former = ratesAt(from, silent.slow, silent.fast);
  const rates = {
    initial: onTheWay([former.initial, target.initial], end, now),
    maintenance: onTheWay([former.maintenance, target.maintenance], end, now),
    target,
    slowSigma: slow,
    fastSigma: fast,
    rules: to,
    brackets: todayOf(ramp, now),
  };
  known.set(ramp, { now, followed, rates });
  return rates;
}

/** maintenance = rate(slow);  initial = max(rate(slow), rate(fast)) / (maintenance to initial), at least its floor */
function ratesAt(rules: MarketNumbers, slow: bigint, fast: bigint) {
  const higher = rateAt(rules, max(slow, fast));
  return {
    initial: max(
      ceilDiv(higher * BPS, rules.maintenanceToInitialBps),
      wadOfBps(rules.initialFloorBps),
    ),
    maintenance: rateAt(rules, slow),
  };
}

/** clamp(A + B x sigma, floor, cap), rounded up [wad] */
function rateAt(rules: MarketNumbers, sigma: bigint): bigint {
  const rate = wadOfBps(rules.maintenanceBaseBps) + ceilDiv(rules.maintenanceSlopeBps * sigma, BPS);
  const [floor, cap] = [wadOfBps(rules.maintenanceFloorBps), wadOfBps(rules.maintenanceCapBps)];
  return max(floor, min(rate, cap));
}

function wadOfBps(bps: bigint): bigint {
  return (bps * WAD) / BPS;
}
