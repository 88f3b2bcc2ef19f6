import type {
  BracketsSnapshot,
  LiquidationSnapshot,
  UnderlyingSnapshot,
} from "../margin/snapshot.js";
import type { MarginRates, Sigmas } from "../volatility.js";
import { ratesOf, VOLATILITY } from "../volatility.js";
import { divideUp, ONE_BPS, WAD_OF_BPS } from "../wad.js";
import type {
  BracketParameters,
  Haircuts,
  StoredLiquidation,
  StoredRates,
  StoredToken,
  StoredUnderlying,
  UnderlyingParameters,
} from "./state.js";

/** What rules are at a time: those that are set, or on their way there in a straight line. */

/** How long a parameter takes from its old value to its new one [seconds]. */
export const RAMP_SECONDS = 259_200n;

/** A percent [wad]. */
const WAD_OF_PERCENT = 10n ** 16n;
const KIND_PERPETUAL = 1n;

/** A value on its way, rounded towards where it comes from. */
export function ramped(from: bigint, to: bigint, end: bigint, time: bigint): bigint {
  if (time >= end) return to;
  // BigInt division goes towards 0, so both ways it stays closer to where it comes from.
  return from + ((to - from) * (RAMP_SECONDS - (end - time))) / RAMP_SECONDS;
}

/** Whether an underlying has all that it takes to hold a position. */
export function isOpen({ parameters, firstEnd }: StoredRates): boolean {
  return parameters !== undefined && lists(parameters) && firstEnd !== 0n;
}

function lists({ kinds }: UnderlyingParameters): boolean {
  return ((kinds >> KIND_PERPETUAL) & 1n) === 1n;
}

/** The sigmas that rules read at a time: on their way to the prior since the last round, rounded up [wad]. */
export function sigmasAt(rates: StoredRates, time: bigint, noted = rates.volatility): Sigmas {
  const prior = (rates.parameters?.priorSigmaPercent ?? 0n) * WAD_OF_PERCENT;
  if (noted === undefined) return { slow: prior, fast: prior };
  const waited = time - noted.roundAt;
  const read = (bps: bigint, memory: bigint): bigint =>
    divideUp(memory * bps * WAD_OF_BPS + prior * waited, memory + waited);
  return {
    slow: read(noted.slowBps, VOLATILITY.slowSeconds),
    fast: read(noted.fastBps, VOLATILITY.fastSeconds),
  };
}

/** The margin rates of a listed underlying at a time [wad of notional]. */
export function marginRatesAt(underlying: StoredUnderlying, time: bigint): MarginRates {
  const { rates, formerRates } = underlying;
  const target = ratesOf(listed(rates), sigmasAt(rates, time));
  const end = rates.endOfRamp;
  if (time >= end || formerRates === undefined) return target;
  const noted = formerRates.hasOwnVolatility ? formerRates.volatility : rates.volatility;
  const former = ratesOf(listed(formerRates), sigmasAt(formerRates, time, noted));
  return {
    initial: ramped(former.initial, target.initial, end, time),
    maintenance: ramped(former.maintenance, target.maintenance, end, time),
  };
}

function listed({ parameters }: StoredRates): UnderlyingParameters {
  if (parameters === undefined) throw new RangeError("The underlying has no rates");
  return parameters;
}

/** The size brackets of an underlying at a time. */
export function bracketsAt(underlying: StoredUnderlying, time: bigint): BracketsSnapshot {
  const { brackets, formerBrackets, rates } = underlying;
  if (brackets === undefined) throw new RangeError("The underlying has no size brackets");
  if (time >= rates.endOfRamp || formerBrackets === undefined) return brackets;
  const at = (field: keyof BracketParameters): bigint =>
    ramped(formerBrackets[field], brackets[field], rates.endOfRamp, time);
  return {
    firstEnd: at("firstEnd"),
    secondEnd: at("secondEnd"),
    thirdEnd: at("thirdEnd"),
    secondFactorBps: at("secondFactorBps"),
    thirdFactorBps: at("thirdFactorBps"),
    lastFactorBps: at("lastFactorBps"),
  };
}

/** What margins read of an underlying at a time; nothing of one that nothing can be held of. */
export function underlyingAt(
  underlying: StoredUnderlying,
  time: bigint,
): UnderlyingSnapshot | undefined {
  if (!isOpen(underlying.rates) || underlying.brackets === undefined) return undefined;
  const { initial, maintenance } = marginRatesAt(underlying, time);
  const brackets = bracketsAt(underlying, time);
  return { initialRate: initial, maintenanceRate: maintenance, brackets };
}

/** A token's haircuts on their way, whatever the guardian has stopped [bps]. */
export function movingHaircuts(token: StoredToken, time: bigint): Haircuts {
  const { former, parameters, endOfRamp } = token;
  const at = (field: keyof Haircuts): bigint =>
    ramped(former[field], parameters[field], endOfRamp, time);
  return {
    maintenanceHaircutBps: at("maintenanceHaircutBps"),
    initialHaircutBps: at("initialHaircutBps"),
  };
}

/** A token's haircuts as margins read them: while it is frozen it counts nothing for initial margin [bps]. */
export function haircutsAt(token: StoredToken, time: bigint): Haircuts {
  const { maintenanceHaircutBps, initialHaircutBps } = movingHaircuts(token, time);
  const isFrozen = time <= token.frozenUntil;
  return { maintenanceHaircutBps, initialHaircutBps: isFrozen ? ONE_BPS : initialHaircutBps };
}

/** The rules of liquidation at a time. */
export function liquidationAt(
  { parameters, former, endOfRamp }: StoredLiquidation,
  time: bigint,
): Omit<StoredLiquidation["parameters"], "mostInstruments"> & LiquidationSnapshot {
  const at = (field: keyof typeof former): bigint =>
    ramped(former[field], parameters[field], endOfRamp, time);
  const margins = {
    minimumMargin: at("minimumMargin"),
    minimumMarginOfItem: at("minimumMarginOfItem"),
  };
  return { ...parameters, ...margins, mostInstruments: Number(parameters.mostInstruments) };
}
