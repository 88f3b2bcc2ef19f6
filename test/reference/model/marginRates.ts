import { WAD } from "../../../sdk/index.js";
import { ceilDiv, max, min } from "../margin.js";
import { type Ramp, todayOf } from "./ramp.js";
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
/** What moves together for one underlying. */
export type RatesRamp = Ramp<RateName | BracketName>;
export type MarketNumbers = Readonly<Record<RateName | BracketName, bigint>>;

/** Rates of an underlying with all that they follow from. */
export interface MarginRates {
  /** [wad of notional] */
  initial: bigint;
  maintenance: bigint;
  /** [wad] */
  slowSigma: bigint;
  fastSigma: bigint;
  /** As they are now. */
  rules: MarketNumbers;
}

/** The numbers of a record that have these names. */
export function numbersOf<Name extends string>(
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
  const rules = todayOf(ramp, now);
  const { slow, fast } = sigmasOf(followed, rules.priorSigmaPercent, now);
  const rates = { ...ratesAt(rules, slow, fast), slowSigma: slow, fastSigma: fast, rules };
  known.set(ramp, { now, followed, rates });
  return rates;
}

/** What they would be now, if what is on its way had arrived. */
export function targetRatesOf(world: World, underlying: number) {
  const { slowSigma, fastSigma } = marginRatesOf(world, underlying);
  return ratesAt(world.rates.get(underlying)!.to, slowSigma, fastSigma);
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
