import type { BracketName, RateName } from "./marginRates.js";
import { requireGovernor } from "./governance.js";
import { differs, redirected } from "./ramp.js";
import { demand } from "./refusal.js";
import type { World } from "./world.js";

/** What governance sets and what then moves along a ramp, with the bounds of each. */

function requireBounds(...bounds: [value: bigint, least: bigint, most: bigint][]): void {
  const isBounded = bounds.every(([value, least, most]) => value >= least && value <= most);
  demand(isBounded, "RuleOutOfBounds");
}

/** Rates and prior of an underlying that is traded. */
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
  redirect(world, underlying, rates);
}

/** Ends or factors of the brackets of an underlying that is traded. */
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
  const { to } = world.rates.get(underlying)!;
  const ends = firstEnd !== to.firstEnd || secondEnd !== to.secondEnd || thirdEnd !== to.thirdEnd;
  const factors =
    secondFactorBps !== to.secondFactorBps ||
    thirdFactorBps !== to.thirdFactorBps ||
    lastFactorBps !== to.lastFactorBps;
  demand(!ends || !factors, "EndsAndFactors");
  redirect(world, underlying, brackets);
}

/** Of one underlying one thing moves at a time. */
function redirect(
  world: World,
  underlying: number,
  given: Partial<Record<RateName | BracketName, bigint>>,
): void {
  const ramp = world.rates.get(underlying)!;
  demand(!differs(ramp, given) || world.now >= ramp.end, "RampNotOver");
  world.rates.set(underlying, redirected(ramp, given, world.now));
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
