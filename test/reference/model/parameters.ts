import { type BracketName, type RateName } from "./marginRates.js";
import { requireGovernor } from "./governance.js";
import { redirected } from "./ramp.js";
import { demand } from "./refusal.js";
import type { World } from "./world.js";

/** What governance sets and what then moves along a ramp, with the bounds of each. */

function requireBounds(...bounds: [value: bigint, least: bigint, most: bigint][]): void {
  const isBounded = bounds.every(([value, least, most]) => value >= least && value <= most);
  demand(isBounded, "RuleOutOfBounds");
}

/** Rates and prior of an underlying that is traded; with them its brackets begin to move from where they are. */
export function setRates(
  world: World,
  caller: string,
  { underlying, rates }: { underlying: number; rates: Record<RateName, bigint> },
): void {
  requireGovernor(world, caller);
  requireBounds(
    [rates.maintenanceFloorBps, 1n, 5_000n],
    [rates.maintenanceCapBps, rates.maintenanceFloorBps, 5_000n],
    [rates.maintenanceBaseBps, 0n, rates.maintenanceCapBps],
    [rates.maintenanceSlopeBps, 0n, 10_000n],
    [rates.initialFloorBps, rates.maintenanceFloorBps, 10_000n],
    [rates.maintenanceToInitialBps, 1_000n, 10_000n],
    [rates.priorSigmaPercent, 1n, 255n],
  );
  world.rates.set(underlying, redirected(world.rates.get(underlying)!, rates, world.now));
}

/** Brackets of an underlying that is traded; with them its rates. */
export function setBrackets(
  world: World,
  caller: string,
  { underlying, brackets }: { underlying: number; brackets: Record<BracketName, bigint> },
): void {
  requireGovernor(world, caller);
  const { firstEnd, secondEnd, thirdEnd } = brackets;
  const { secondFactorBps, thirdFactorBps, lastFactorBps } = brackets;
  const [highest, most] = [2n ** 40n - 1n, 200_000n];
  requireBounds(
    [firstEnd, 1n, highest],
    [secondEnd, firstEnd + 1n, highest],
    [thirdEnd, secondEnd + 1n, highest],
    [secondFactorBps, 10_000n, most],
    [thirdFactorBps, secondFactorBps, most],
    [lastFactorBps, thirdFactorBps, most],
  );
  world.rates.set(underlying, redirected(world.rates.get(underlying)!, brackets, world.now));
}

/** Haircuts of a token. */
export function setHaircuts(
  world: World,
  caller: string,
  { place, ...haircuts }: { place: number; maintenance: bigint; initial: bigint },
): void {
  requireGovernor(world, caller);
  const { maintenance, initial } = haircuts;
  requireBounds([maintenance, 0n, 9_999n], [initial, maintenance, 9_999n]);
  world.haircuts.set(place, redirected(world.haircuts.get(place)!, haircuts, world.now));
}

export function setMinimumMargins(
  world: World,
  caller: string,
  margins: { ofAccount: bigint; ofItem: bigint },
): void {
  requireGovernor(world, caller);
  requireBounds([margins.ofAccount, 1n, 10_000n], [margins.ofItem, 0n, 1_000n]);
  world.minimumMargins = redirected(world.minimumMargins, margins, world.now);
}
