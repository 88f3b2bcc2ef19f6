import { type AccountId, type InstrumentId, perpetual, underlyingOf } from "../../../sdk/index.js";
import { accrueFunding } from "./funding.js";
import { takeFromFund } from "./fund.js";
import { demand } from "./refusal.js";
import type { FundingRules, World } from "./world.js";

/** What governance changes, and what anyone then lets take effect. */

const HIGHEST_TIER = 7;

/** Bounds of funding rules [millionths]. */
const HIGHEST_CAP = 20_000;
const WIDEST_DEAD_BAND = 10_000;

export function requireGovernor({ rules }: World, caller: string): void {
  demand(caller === rules.governor, "AccessManagedUnauthorized");
}

/**
 * Rates within their cap, and depth >= open interest x 2 cap x FADE / (PERIOD x FEE_RATE): with 300 s, 28,800 s and 500
 * millionths that is 10,000 x 600 / 14,400,000 = 5 / 12 bps for each millionth of the cap, rounded up.
 */
export function setFundingRules(
  world: World,
  caller: string,
  { underlying, rules }: { underlying: number; rules: FundingRules },
): void {
  requireGovernor(world, caller);
  demand(world.fundingRules.has(underlying), "UnknownInstrument");
  const { interestMillionths, deadBandMillionths, capMillionths, depthShareBps } = rules;
  const isBounded =
    capMillionths <= HIGHEST_CAP &&
    Math.abs(interestMillionths) <= capMillionths &&
    deadBandMillionths <= WIDEST_DEAD_BAND &&
    depthShareBps * 12 >= capMillionths * 5;
  demand(isBounded, "RuleOutOfBounds");
  world.fundingRules.set(underlying, rules);
}

export function setFeeTier(
  world: World,
  caller: string,
  { accounts, tier }: { accounts: AccountId[]; tier: number },
): void {
  requireGovernor(world, caller);
  demand(tier <= HIGHEST_TIER, "UnknownFeeTier");
  for (const account of accounts) world.feeTiers.set(account, tier);
}

export function takeFundAsGovernor(
  world: World,
  caller: string,
  { to, cash }: { to: AccountId; cash: bigint },
): void {
  requireGovernor(world, caller);
  takeFromFund(world, to, cash);
}

/** Anyone, for an instrument that is traded. */
export function accrueFundingOf(world: World, instrument: InstrumentId): void {
  const underlying = underlyingOf(instrument);
  const isTraded = world.fundingRules.has(underlying) && instrument === perpetual(underlying);
  demand(isTraded, "UnknownInstrument");
  accrueFunding(world, instrument);
}
