import type {
  BracketsSnapshot,
  LiquidationSnapshot,
  TokenSnapshot,
  UnderlyingSnapshot,
} from "../margin/snapshot.js";
import { rampedAt } from "../ramps.js";
import { bracketsAt, haircutsAt, marginRatesAt, sigmasAt } from "../rates.js";
import type { Haircuts, Ramped, RateState } from "../rates.js";
import type { MarginRates, Sigmas } from "../volatility.js";
import type { StoredLiquidation, StoredRates, StoredToken, StoredUnderlying } from "./state.js";

/** What the stored rules are at a time: those that are set, or on their way there. */

/** Of the kinds of instruments, that of perpetuals. */
const KIND_PERPETUAL = 1n;

/** Whether an underlying has all that it takes to hold a position. */
export function isOpen({ parameters, firstEnd }: StoredRates): boolean {
  return ((parameters?.kinds ?? 0n) >> KIND_PERPETUAL) % 2n === 1n && firstEnd !== 0n;
}

/** What the rates of an underlying follow from, as the arithmetic takes it. */
function rateStateOf({ rates, formerRates: former }: StoredUnderlying): RateState {
  const ownVolatility = former?.hasOwnVolatility === true ? former.volatility : undefined;
  return {
    rates: parametersOf(rates),
    noted: rates.volatility,
    former: former && { rates: parametersOf(former), ownVolatility },
    endOfRamp: rates.endOfRamp,
  };
}

/** The parameters of rates that were set. */
export function parametersOf({ parameters }: StoredRates): NonNullable<StoredRates["parameters"]> {
  if (parameters === undefined) throw new RangeError("The underlying has no rates");
  return parameters;
}

/** The volatility that rules read at a time [wad]. */
export function storedSigmasAt(rates: StoredRates, time: bigint): Sigmas {
  return sigmasAt(rates.volatility, parametersOf(rates).priorSigmaPercent, time);
}

/** The margin rates of a listed underlying at a time [wad of notional]. */
export function storedRatesAt(underlying: StoredUnderlying, time: bigint): MarginRates {
  return marginRatesAt(rateStateOf(underlying), time);
}

/** The size brackets of an underlying at a time. */
export function storedBracketsAt(underlying: StoredUnderlying, time: bigint): BracketsSnapshot {
  const { brackets, formerBrackets, rates } = underlying;
  if (brackets === undefined) throw new RangeError("The underlying has no size brackets");
  const { endOfRamp } = rates;
  return bracketsAt({ now: brackets, former: formerBrackets, endOfRamp }, time);
}

/** What margins read of an underlying at a time; nothing of one that nothing can be held of. */
export function underlyingAt(
  underlying: StoredUnderlying,
  time: bigint,
): UnderlyingSnapshot | undefined {
  if (!isOpen(underlying.rates)) return undefined;
  const { initial, maintenance } = storedRatesAt(underlying, time);
  const brackets = storedBracketsAt(underlying, time);
  return { initialRate: initial, maintenanceRate: maintenance, brackets };
}

/** A token's haircuts on their way, whatever the guardian has stopped [bps]. */
export function movingHaircuts(token: StoredToken, time: bigint): Haircuts {
  return haircutsAt(rampOf(token), time - 1n, time);
}

/** A token's haircuts as margins read them [bps]. */
export function storedHaircutsAt(token: StoredToken, time: bigint): Haircuts {
  return haircutsAt(rampOf(token), token.frozenUntil, time);
}

function rampOf({ endOfRamp, former, parameters }: StoredToken): Ramped<Haircuts> {
  const { initialHaircutBps, maintenanceHaircutBps } = parameters;
  return { now: { initialHaircutBps, maintenanceHaircutBps }, former, endOfRamp };
}

/** A token's rules as margins read them at a time. */
export function tokenAt(token: string, stored: StoredToken, time: bigint): TokenSnapshot {
  const { decimals, parameters } = stored;
  const underlying = Number(parameters.underlying);
  return { token, decimals, underlying, ...storedHaircutsAt(stored, time) };
}

/** The rules of liquidation at a time, as governance names them. */
export function liquidationParametersAt(
  { parameters, former, endOfRamp }: StoredLiquidation,
  time: bigint,
): StoredLiquidation["parameters"] {
  const at = (field: keyof typeof former): bigint =>
    rampedAt(former[field], parameters[field], endOfRamp, time);
  const minimumMargin = at("minimumMargin");
  return { ...parameters, minimumMargin, minimumMarginOfItem: at("minimumMarginOfItem") };
}

/** The same as margins and liquidations read them. */
export function storedLiquidationAt(stored: StoredLiquidation, time: bigint): LiquidationSnapshot {
  const { mostInstruments, ...rules } = liquidationParametersAt(stored, time);
  return { ...rules, mostInstruments: Number(mostInstruments) };
}
