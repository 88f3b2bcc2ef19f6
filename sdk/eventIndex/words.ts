import type { FundingRules } from "../funding.js";
import type { BracketsSnapshot } from "../margin/snapshot.js";
import type { MarginRates } from "../volatility.js";
import { storedHaircutsAt } from "./ramps.js";
import type { StoredLiquidation, StoredRates, StoredToken, StoredUnderlying } from "./state.js";

/** The packed words of the rules, bit by bit as `contracts/types` draws them. */

type Field = readonly [value: bigint, offset: number, bits: number];

function pack(fields: readonly Field[]): bigint {
  return fields.reduce(
    (word, [value, offset, bits]) => word | (BigInt.asUintN(bits, value) << BigInt(offset)),
    0n,
  );
}

/** RateRules; 0 where no rates were set. */
export function rateWord(rates: StoredRates | undefined): bigint {
  if (rates?.parameters === undefined) return 0n;
  const { endOfRamp, firstEnd, hasOwnVolatility, parameters, volatility } = rates;
  return pack([
    [parameters.maintenanceBaseBps, 0, 16],
    [parameters.maintenanceSlopeBps, 16, 16],
    [parameters.maintenanceFloorBps, 32, 16],
    [parameters.maintenanceCapBps, 48, 16],
    [parameters.initialFloorBps, 64, 16],
    [parameters.maintenanceToInitialBps, 80, 16],
    [parameters.priorSigmaPercent, 96, 8],
    [parameters.kinds, 104, 8],
    [firstEnd, 112, 40],
    [volatility?.slowBps ?? 0n, 152, 16],
    [volatility?.fastBps ?? 0n, 168, 16],
    [volatility?.roundAt ?? 0n, 184, 32],
    [endOfRamp, 216, 32],
    [hasOwnVolatility ? 1n : 0n, 248, 1],
  ]);
}

/** SizeBrackets, with the funding rules if a trade asks. */
export function bracketWord(brackets: BracketsSnapshot, funding?: FundingRules): bigint {
  return pack([
    [brackets.firstEnd, 0, 40],
    [brackets.secondEnd, 40, 40],
    [brackets.thirdEnd, 80, 40],
    [brackets.secondFactorBps, 120, 24],
    [brackets.thirdFactorBps, 144, 24],
    [brackets.lastFactorBps, 168, 24],
    [fundingWord(funding), 192, 64],
  ]);
}

/** FundingRules; 0 where none were set. */
function fundingWord(funding: FundingRules | undefined): bigint {
  if (funding === undefined) return 0n;
  return pack([
    [funding.interestMillionths, 0, 16],
    [funding.deadBandMillionths, 16, 16],
    [funding.capMillionths, 32, 16],
    [funding.depthShareBps, 48, 16],
  ]);
}

/** UnderlyingRules as a trade reads them. */
export function underlyingWord(
  { frozenUntil, rates: { parameters } }: StoredUnderlying,
  { initial, maintenance }: MarginRates,
): bigint {
  return pack([
    [maintenance, 0, 64],
    [initial, 64, 64],
    [parameters?.tradeBandBps ?? 0n, 128, 16],
    [parameters?.leastTradeBandBps ?? 0n, 144, 16],
    [parameters?.kinds ?? 0n, 160, 8],
    [parameters?.openInterestCap ?? 0n, 168, 40],
    [frozenUntil, 208, 40],
  ]);
}

/** CollateralRules at a time. */
export function collateralWord(token: StoredToken, time: bigint): bigint {
  const { decimals, endOfRamp, former, frozenUntil, parameters, place } = token;
  const haircuts = storedHaircutsAt(token, time);
  const accepted = parameters.accepted && time > frozenUntil;
  // Before the first ramp nothing is kept of where one comes from.
  const kept = endOfRamp === 0n ? undefined : former;
  return pack([
    [parameters.underlying, 0, 24],
    [BigInt(decimals), 24, 8],
    [haircuts.maintenanceHaircutBps, 32, 16],
    [haircuts.initialHaircutBps, 48, 16],
    [BigInt(place), 64, 8],
    [accepted ? 1n : 0n, 72, 1],
    [1n, 80, 1],
    [frozenUntil, 88, 40],
    [kept?.maintenanceHaircutBps ?? 0n, 128, 16],
    [kept?.initialHaircutBps ?? 0n, 144, 16],
    [endOfRamp, 160, 32],
  ]);
}

/** LiquidationRules with the minimum margins of a moment. */
export function liquidationWord(rules: StoredLiquidation["parameters"], endOfRamp: bigint): bigint {
  return pack([
    [rules.leastIncentiveBps, 0, 16],
    [rules.mostIncentiveBps, 16, 16],
    [rules.insuranceFeeBps, 32, 16],
    [rules.bufferBps, 48, 16],
    [rules.gainsHaircutCapBps, 64, 16],
    [rules.minimumMargin, 80, 16],
    [rules.minimumMarginOfItem, 96, 16],
    [rules.mostInstruments, 112, 8],
    [rules.fundDrawCapBps, 120, 16],
    [rules.openInterestBase, 136, 40],
    [rules.deleverageDelay, 176, 16],
    [rules.lendersCapBps, 192, 16],
    [rules.fundFloorBps, 208, 16],
    [endOfRamp, 224, 32],
  ]);
}
