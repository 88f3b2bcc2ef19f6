import type { InstrumentId } from "../ids.js";
import { rampedAt } from "../ramps.js";
import { abs, bpsUp, excess, max, min, mulDown, mulUp, ONE_BPS, divUp, WAD } from "../wad.js";
import type { BracketsSnapshot } from "./snapshot.js";

/**
 * What a portfolio requires, to the wei: section 4 of the design, `margin/StandardRequirement.sol`,
 * `types/SizeBrackets.sol` and `margin/OpenInterestAddOn.sol`.
 */

/** A position with all that a margin model may want to know of it. */
export interface Holding {
  readonly instrument: InstrumentId;
  /** Positive is long [wad]. */
  readonly size: bigint;
  /** Price at which it is valued [wad]. */
  readonly mark: bigint;
  /** [wad of notional] */
  readonly initialRate: bigint;
  readonly maintenanceRate: bigint;
  readonly brackets: BracketsSnapshot;
  /** How far the initial requirement has risen towards the whole notional, because too much is open: 0 to 1 [wad]. */
  readonly crowding: bigint;
}

/** An amount of a collateral token with its price. */
export interface CollateralHolding {
  readonly underlying: number;
  /** Whole tokens, rounded down [wad]. */
  readonly quantity: bigint;
  /** Of one whole token [wad]. */
  readonly price: bigint;
  readonly initialHaircutBps: bigint;
  readonly maintenanceHaircutBps: bigint;
}

/** Everything that a margin model is given. */
export interface Portfolio {
  readonly positions: readonly Holding[];
  readonly collateral: readonly CollateralHolding[];
}

/** What a model asks for, before the minimum margin [wad]. */
export interface Requirement {
  readonly initial: bigint;
  readonly maintenance: bigint;
}

/**
 * A margin model: what a portfolio requires at a time.
 *
 * @param time Matters only while a new model takes over [unix seconds].
 */
export type MarginModel = (portfolio: Portfolio, time: bigint) => Requirement;

/** The numbers of the open-interest add-on that nobody can change. */
export const CROWDING = {
  /** Up to so many times the base, open interest adds nothing to the initial requirement. */
  begins: 10n,
  /** From so many times on, the initial requirement is the whole notional. */
  ends: 40n,
} as const;

/**
 * The standard model: each position requires a rate on its notional, each collateral its haircut; no netting. All is
 * rounded up:
 *
 *     required    = rate x charged notional            crowded, for initial: + (notional - required) x crowding
 *     requirement = sum of required + sum of haircut x collateral value
 */
export const standardModel: MarginModel = ({ positions, collateral }) => {
  let [initial, maintenance] = [0n, 0n];
  for (const { size, mark, initialRate, maintenanceRate, brackets, crowding } of positions) {
    const notional = mulUp(abs(size), mark);
    const charged = chargedNotional(notional, brackets);
    const required = mulUp(charged, initialRate);
    initial += required + mulUp(excess(notional, required), crowding);
    maintenance += mulUp(charged, maintenanceRate);
  }
  for (const { quantity, price, initialHaircutBps, maintenanceHaircutBps } of collateral) {
    const value = mulDown(quantity, price);
    initial += bpsUp(value, initialHaircutBps);
    maintenance += bpsUp(value, maintenanceHaircutBps);
  }
  return { initial, maintenance };
};

/**
 * A model that takes over from another one: requirements move in a straight line, as when a margin engine succeeds one
 * with another model.
 *
 * @param end When it ends; 0 before the new engine is in charge, while all is the former model's [unix seconds].
 */
export function successorModel(former: MarginModel, own: MarginModel, end: bigint): MarginModel {
  return (portfolio, time) => {
    const before = former(portfolio, time);
    if (end === 0n) return before;
    const after = own(portfolio, time);
    return {
      initial: rampedAt(before.initial, after.initial, end, time),
      maintenance: rampedAt(before.maintenance, after.maintenance, end, time),
    };
  };
}

/**
 * The notional after the size factor: the sum over the brackets of the notional inside it x its factor, each step rounded
 * up [wad]. Continuous and convex in the notional.
 *
 * @param notional [wad]
 */
export function chargedNotional(notional: bigint, brackets: BracketsSnapshot): bigint {
  const { firstEnd, secondEnd, thirdEnd } = brackets;
  const { secondFactorBps, thirdFactorBps, lastFactorBps } = brackets;
  // Each bracket adds its factor less the factor below on all that lies above its start.
  return (
    notional +
    bpsUp(excess(notional, firstEnd * WAD), secondFactorBps - ONE_BPS) +
    bpsUp(excess(notional, secondEnd * WAD), thirdFactorBps - secondFactorBps) +
    bpsUp(excess(notional, thirdEnd * WAD), lastFactorBps - thirdFactorBps)
  );
}

/**
 * How far the initial requirement of an instrument's positions has risen towards their whole notional: 0 up to 10 times
 * the base, 1 from 40 times on, linear between, rounded up [wad].
 *
 * @param notional The instrument's open interest at its mark, rounded up [wad].
 * @param base The larger of the insurance fund's cash and governance's figure [wad].
 */
export function crowdingOf(notional: bigint, base: bigint): bigint {
  const { begins, ends } = CROWDING;
  const beyond = excess(notional, base * begins);
  return beyond === 0n ? 0n : min(divUp(beyond, max(base * (ends - begins), 1n)), WAD);
}
