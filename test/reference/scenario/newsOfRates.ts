import { marginRatesOf } from "../model/marginRates.js";
import type { Ramp } from "../model/ramp.js";
import { copyOf, type World } from "../model/world.js";
import { namesOf } from "./news.js";
import { knownMargin } from "./table.js";

/** What time, rounds and governance made of margin rates. */

/** What of the ramps and of volatility moved while time passed. */
export function newsOfTime(before: World, after: World): string[] {
  const stopped = withRampsOf(before, after);
  return namesOf({
    "a ramp brings an account below its line": isAnyBelow(stopped, after),
    "a ramp ends": [...after.rates.values()].some(
      ({ end }) => end > before.now && end <= after.now,
    ),
    "silence brings volatility nearer to the prior": isQuieter(before, after),
  });
}

/** What rounds that were followed have done. */
export function newsOfRounds(before: World, after: World, underlying: number): string[] {
  const [was, is] = [before.followed.get(underlying)!, after.followed.get(underlying)!];
  const { rules, maintenance, initial } = marginRatesOf(after, underlying);
  const rounds = is.looked - was.looked;
  const wadOfBps = (bps: bigint) => bps * 10n ** 14n;
  return namesOf({
    "several rounds are followed": rounds > 1n,
    "rounds are left for later": rounds > 0n && is.ahead.length > 0,
    "nothing is new": rounds === 0n,
    "a maintenance rate is at its floor": maintenance === wadOfBps(rules.maintenanceFloorBps),
    "a maintenance rate is at its cap": maintenance === wadOfBps(rules.maintenanceCapBps),
    "a maintenance rate is between floor and cap":
      maintenance > wadOfBps(rules.maintenanceFloorBps) &&
      maintenance < wadOfBps(rules.maintenanceCapBps),
    "an initial rate is at its floor": initial === wadOfBps(rules.initialFloorBps),
    "the fast volatility is above the slow one": is.fast > is.slow,
    "the slow volatility is above the fast one": is.fast < is.slow,
    "rounds bring an account below its line": isAnyBelow(before, after),
  });
}

/** Whether somebody is below the line in one world who is not in another. */
function isAnyBelow(before: World, after: World): boolean {
  return [...after.accounts.keys()].some((id) => {
    const [was, is] = [knownMargin(before, id), knownMargin(after, id)];
    if (was === undefined || is === undefined) return false;
    return was.equity >= was.maintenance && is.equity < is.maintenance;
  });
}

/** A world in which all that is on its way has waited since another one. */
function withRampsOf(before: World, after: World): World {
  const world = copyOf(after);
  const elapsed = after.now - before.now;
  const still = <Name extends string>(ramp: Ramp<Name>): Ramp<Name> =>
    ramp.end > before.now ? { ...ramp, end: ramp.end + elapsed } : ramp;
  for (const [underlying, ramp] of world.rates) world.rates.set(underlying, still(ramp));
  for (const [place, ramp] of world.haircuts) world.haircuts.set(place, still(ramp));
  world.minimumMargins = still(world.minimumMargins);
  return world;
}

/** Whether a volatility above a prior that stands has come down by itself. */
function isQuieter(before: World, after: World): boolean {
  return [...after.followed].some(([underlying]) => {
    const [was, is] = [marginRatesOf(before, underlying), marginRatesOf(after, underlying)];
    const isStill = is.rules.priorSigmaPercent === was.rules.priorSigmaPercent;
    const prior = is.rules.priorSigmaPercent * 10n ** 16n;
    return isStill && is.slowSigma < was.slowSigma && is.slowSigma > prior;
  });
}
