import { authorityUpdated, mustEqual, type Handlers, type Reduction } from "./reduction.js";
import { RAMP_SECONDS } from "../ramps.js";
import { constantRates } from "../rates.js";
import {
  isOpen,
  liquidationParametersAt,
  movingHaircuts,
  parametersOf,
  storedBracketsAt,
  storedRatesAt,
} from "./ramps.js";
import type {
  BracketParameters,
  StoredRates,
  StoredUnderlying,
  UnderlyingParameters,
} from "./state.js";
import type { MarginRates } from "../volatility.js";
import type { NotedVolatility } from "../rates.js";

const NEW_UNDERLYING: StoredUnderlying = {
  rates: {
    parameters: undefined,
    firstEnd: 0n,
    volatility: undefined,
    endOfRamp: 0n,
    hasOwnVolatility: false,
  },
  brackets: undefined,
  formerRates: undefined,
  formerBrackets: undefined,
  funding: undefined,
  notedBy: 0n,
  frozenUntil: 0n,
};

/** What the rates of an underlying move along a ramp by. */
const RATE_FIELDS = [
  "maintenanceBaseBps",
  "maintenanceSlopeBps",
  "maintenanceFloorBps",
  "maintenanceCapBps",
  "initialFloorBps",
  "maintenanceToInitialBps",
  "priorSigmaPercent",
] as const satisfies readonly (keyof UnderlyingParameters)[];

const BRACKET_FIELDS = [
  "firstEnd",
  "secondEnd",
  "thirdEnd",
  "secondFactorBps",
  "thirdFactorBps",
  "lastFactorBps",
] as const satisfies readonly (keyof BracketParameters)[];

/** What the rules say of parameters; where their ramps begin follows from what was set before. */
export const RULES_EVENTS: Handlers<"rules"> = {
  AuthorityUpdated: authorityUpdated,

  UnderlyingSet(at, { underlying, parameters, endOfRamp }) {
    const stored = underlyingOf(at, underlying);
    const { rates } = stored;
    const moves = isOpen(rates) && !isSame(RATE_FIELDS, parametersOf(rates), parameters);
    requireEnd(at, endOfRamp, moves ? at.time + RAMP_SECONDS : rates.endOfRamp);
    at.journal.set("underlyings", Number(underlying), {
      ...stored,
      ...(moves ? { formerRates: rates, formerBrackets: undefined } : {}),
      rates: { ...rates, parameters, endOfRamp },
    });
  },

  BracketsSet(at, { underlying, parameters, endOfRamp }) {
    const stored = underlyingOf(at, underlying);
    const { brackets, rates } = stored;
    const moves =
      isOpen(rates) && brackets !== undefined && !isSame(BRACKET_FIELDS, brackets, parameters);
    requireEnd(at, endOfRamp, moves ? at.time + RAMP_SECONDS : rates.endOfRamp);
    at.journal.set("underlyings", Number(underlying), {
      ...stored,
      ...(moves ? { formerRates: undefined, formerBrackets: brackets } : {}),
      rates: { ...rates, firstEnd: parameters.firstEnd, endOfRamp },
      brackets: parameters,
    });
  },

  FundingRulesSet(at, { underlying, parameters }) {
    const stored = underlyingOf(at, underlying);
    at.journal.set("underlyings", Number(underlying), { ...stored, funding: parameters });
  },

  UnderlyingFrozen(at, { underlying, until }) {
    const stored = underlyingOf(at, underlying);
    at.journal.set("underlyings", Number(underlying), { ...stored, frozenUntil: until });
  },

  VolatilityNoted(at, { underlying, ...noted }) {
    const stored = noteVolatility(at, underlyingOf(at, underlying), noted);
    at.journal.set("underlyings", Number(underlying), stored);
  },

  VolatilityOracleSet(at, { oracle, generation }) {
    at.journal.put("volatilityOracle", { oracle, generation });
  },

  CollateralSet(at, { token, index, decimals, parameters, endOfRamp }) {
    const before = at.state.collateral.get(token);
    const { tokens } = at.state.singles;
    mustEqual(at, "The token's place", index, BigInt(before?.place ?? tokens.length));
    const place = Number(index);
    const listed = { place, decimals: Number(decimals), parameters, endOfRamp };
    if (before === undefined) {
      at.journal.put("tokens", [...tokens, token]);
      at.journal.set("collateral", token, { ...listed, former: parameters, frozenUntil: 0n });
      return;
    }
    const { frozenUntil } = before;
    const fields = ["maintenanceHaircutBps", "initialHaircutBps"] as const;
    const moves = !isSame(fields, before.parameters, parameters);
    requireEnd(at, endOfRamp, moves ? at.time + RAMP_SECONDS : before.endOfRamp);
    const former = moves ? movingHaircuts(before, at.time) : before.former;
    at.journal.set("collateral", token, { ...listed, former, frozenUntil });
  },

  CollateralFrozen(at, { token, until }) {
    const before = at.state.collateral.get(token);
    if (before === undefined) return at.fail(`${token} was never listed`);
    at.journal.set("collateral", token, { ...before, frozenUntil: until });
  },

  LiquidationRulesSet(at, { parameters, endOfRamp }) {
    const before = at.state.singles.liquidation;
    if (before === undefined) {
      at.journal.put("liquidation", { parameters, former: parameters, endOfRamp });
      return;
    }
    const fields = ["minimumMargin", "minimumMarginOfItem"] as const;
    const moves = !isSame(fields, before.parameters, parameters);
    requireEnd(at, endOfRamp, moves ? at.time + RAMP_SECONDS : before.endOfRamp);
    const { minimumMargin, minimumMarginOfItem } = liquidationParametersAt(before, at.time);
    const former = moves ? { minimumMargin, minimumMarginOfItem } : before.former;
    at.journal.put("liquidation", { parameters, former, endOfRamp });
  },
};

function underlyingOf({ state }: Reduction, underlying: bigint): StoredUnderlying {
  return state.underlyings.get(Number(underlying)) ?? NEW_UNDERLYING;
}

function isSame<T>(fields: readonly (keyof T)[], one: T, other: T): boolean {
  return fields.every((field) => one[field] === other[field]);
}

function requireEnd(at: Reduction, end: bigint, expected: bigint): void {
  mustEqual(at, "The end of the ramp", end, expected);
}

/** What a note does; the first of another oracle makes the rates depart from what everybody has read until now. */
function noteVolatility(
  { state, time }: Reduction,
  stored: StoredUnderlying,
  noted: NotedVolatility,
): StoredUnderlying {
  const { generation } = state.singles.volatilityOracle;
  const { parameters, volatility } = stored.rates;
  const priorBps = (parameters?.priorSigmaPercent ?? 0n) * 100n;
  const isPrior =
    volatility === undefined && noted.slowBps === priorBps && noted.fastBps === priorBps;
  const blends = stored.notedBy !== generation && !isPrior;
  const next = blends ? beginBlend(stored, time) : stored;
  return { ...next, notedBy: generation, rates: { ...next.rates, volatility: noted } };
}

function beginBlend(stored: StoredUnderlying, time: bigint): StoredUnderlying {
  const { formerBrackets, rates } = stored;
  const endOfRamp = time + RAMP_SECONDS;
  if (time < rates.endOfRamp) {
    return {
      ...stored,
      formerRates: formerRatesOf(storedRatesAt(stored, time)),
      formerBrackets: formerBrackets && storedBracketsAt(stored, time),
      rates: { ...rates, endOfRamp },
    };
  }
  return {
    ...stored,
    formerRates: { ...rates, hasOwnVolatility: true },
    formerBrackets: undefined,
    rates: { ...rates, endOfRamp },
  };
}

/** Rules that ask for the rates of a moment whatever the volatility. */
function formerRatesOf(rates: MarginRates): StoredRates {
  const limits = { tradeBandBps: 0n, leastTradeBandBps: 0n, kinds: 0n, openInterestCap: 0n };
  const none = { firstEnd: 0n, volatility: undefined, endOfRamp: 0n, hasOwnVolatility: false };
  return { parameters: { ...constantRates(rates), ...limits }, ...none };
}
