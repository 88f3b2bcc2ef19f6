import type { BracketsSnapshot, LiquidationSnapshot, TokenSnapshot } from "./margin/snapshot.js";
import type { NotedVolatility, UnderlyingRates } from "./rates.js";

/** The rules' packed words, taken apart: each layout is drawn in the file of `contracts/types` that has its name. */

/** `types/SizeBrackets.sol`; all of them, not the short form that a margin reads. */
export function decodeBrackets(word: bigint): BracketsSnapshot {
  return {
    firstEnd: field(word, 0, 40),
    secondEnd: field(word, 40, 40),
    thirdEnd: field(word, 80, 40),
    secondFactorBps: field(word, 120, 24),
    thirdFactorBps: field(word, 144, 24),
    lastFactorBps: field(word, 168, 24),
  };
}

/** `types/CollateralRules.sol`, as `Rules.collateralAt` says it today. */
export function decodeCollateralRules(token: string, word: bigint): TokenSnapshot {
  return {
    token,
    decimals: Number(field(word, 24, 8)),
    underlying: Number(field(word, 0, 24)),
    maintenanceHaircutBps: field(word, 32, 16),
    initialHaircutBps: field(word, 48, 16),
  };
}

/** `types/LiquidationRules.sol`. */
export function decodeLiquidationRules(word: bigint): LiquidationSnapshot {
  return {
    leastIncentiveBps: field(word, 0, 16),
    mostIncentiveBps: field(word, 16, 16),
    insuranceFeeBps: field(word, 32, 16),
    bufferBps: field(word, 48, 16),
    gainsHaircutCapBps: field(word, 64, 16),
    minimumMargin: field(word, 80, 16),
    minimumMarginOfItem: field(word, 96, 16),
    mostInstruments: Number(field(word, 112, 8)),
    fundDrawCapBps: field(word, 120, 16),
    openInterestBase: field(word, 136, 40),
    lendersCapBps: field(word, 192, 16),
  };
}

/** `types/RateRules.sol` without what was noted of volatility, for which see {@link decodeNotedVolatility}. */
export function decodeRateRules(word: bigint): UnderlyingRates {
  return {
    maintenanceBaseBps: field(word, 0, 16),
    maintenanceSlopeBps: field(word, 16, 16),
    maintenanceFloorBps: field(word, 32, 16),
    maintenanceCapBps: field(word, 48, 16),
    initialFloorBps: field(word, 64, 16),
    maintenanceToInitialBps: field(word, 80, 16),
    priorSigmaPercent: field(word, 96, 8),
  };
}

/** What a word of `types/RateRules.sol` has noted of volatility; nothing before the first note. */
export function decodeNotedVolatility(word: bigint): NotedVolatility | undefined {
  const noted = field(word, 152, 64);
  if (noted === 0n) return undefined;
  return {
    slowBps: field(noted, 0, 16),
    fastBps: field(noted, 16, 16),
    roundAt: field(noted, 32, 32),
  };
}

/** Whether former rates in `types/RateRules.sol` go on with the volatility that they have noted themselves. */
export function hasOwnVolatility(word: bigint): boolean {
  return field(word, 248, 1) === 1n;
}

function field(word: bigint, offset: number, bits: number): bigint {
  return BigInt.asUintN(bits, word >> BigInt(offset));
}
