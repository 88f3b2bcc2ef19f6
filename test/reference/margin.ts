import { parseWad, WAD } from "../../sdk/index.js";
import type { DeploymentParameters } from "../../ignition/parameters.js";

/**
 * The arithmetic of DESIGN sections 4 and 6.1, written from the formulas and not from the contracts: products are kept
 * exact and rounded once, where the contracts round at every step. Rates are WADs, so they are rounded first.
 */

const BPS = 10_000n;

/** What margin needs to know of an underlying that is traded. */
type Market = NonNullable<DeploymentParameters["underlyings"][number]["market"]>;
export type LiquidationParameters = DeploymentParameters["liquidation"];

export interface ReferencePosition {
  market: Market;
  /** [wad] */
  size: bigint;
  /** size x mark is what it is worth beside the quote [wad] */
  quote: bigint;
  /** [wad] */
  mark: bigint;
  /** How far the initial requirement has risen to the whole notional; not at all unless given [wad] */
  crowding?: bigint;
}

interface ReferenceCollateral {
  /** Whole tokens [wad]. */
  quantity: bigint;
  /** [wad] */
  price: bigint;
  initialHaircutBps: number;
  maintenanceHaircutBps: number;
}

export interface ReferenceAccount {
  /** [wad] */
  cash: bigint;
  positions: ReferencePosition[];
  collateral: ReferenceCollateral[];
}

export interface ReferenceMargin {
  equity: bigint;
  initial: bigint;
  maintenance: bigint;
}

/** rate(sigma) = clamp(A + B x sigma, floor, cap) [wad] */
function rateOf(market: Market): bigint {
  const unclamped =
    ratio(market.maintenanceBaseBps) +
    (ratio(market.maintenanceSlopeBps) * BigInt(market.priorSigmaPercent)) / 100n;
  const floor = ratio(market.maintenanceFloorBps);
  const cap = ratio(market.maintenanceCapBps);
  return unclamped < floor ? floor : unclamped > cap ? cap : unclamped;
}

/** initial rate = max(rate / (maintenance to initial), initial floor) [wad] */
function initialRateOf(market: Market): bigint {
  const scaled = ceilDiv(rateOf(market) * BPS, BigInt(market.maintenanceToInitialBps));
  return max(scaled, ratio(market.initialFloorBps));
}

/**
 * charged = sum over brackets of (notional inside) x factor; exact.
 *
 * @param notional [1e-36]
 * @returns [1e-40]
 */
function chargedOf(market: Market, notional: bigint): bigint {
  const { brackets } = market;
  const ends = [brackets.firstEnd, brackets.secondEnd, brackets.thirdEnd];
  const factors = [
    10_000,
    brackets.secondFactorBps,
    brackets.thirdFactorBps,
    brackets.lastFactorBps,
  ];
  let start = 0n;
  let charged = 0n;
  factors.forEach((factor, bracket) => {
    const end = ends[bracket] === undefined ? notional : BigInt(ends[bracket]) * WAD * WAD;
    const inside = min(notional, end) - start;
    if (inside > 0n) charged += inside * BigInt(factor);
    start = end;
  });
  return charged;
}

/**
 * crowding = clamp((open interest x mark - 10 x base) / (30 x base), 0, 1), base = max(fund, governance's figure); rounded up
 *
 * @param notional Open interest x mark [wad]
 * @param fundCash [wad]
 * @returns [wad]
 */
export function crowdingOf(
  notional: bigint,
  fundCash: bigint,
  rules: LiquidationParameters,
): bigint {
  const base = max(fundCash, BigInt(rules.openInterestBase) * WAD);
  return min(WAD, ceilDiv(max(notional - 10n * base, 0n) * WAD, 30n * base));
}

/**
 * requirement = charged(|size| x mark) x rate; the initial one rises by crowding x (what it is below the notional). Rounded
 * up [wad]
 */
export function positionRequirement(position: ReferencePosition): Omit<ReferenceMargin, "equity"> {
  const { market, size, mark, crowding = 0n } = position;
  const notional = abs(size) * mark;
  const charged = chargedOf(market, notional);
  const toWad = (rate: bigint) => ceilDiv(charged * rate, 10n ** 40n);
  const uncrowded = charged * initialRateOf(market);
  const missing = max(notional * 10n ** 22n - uncrowded, 0n);
  return {
    initial: ceilDiv(uncrowded * WAD + missing * crowding, 10n ** 58n),
    maintenance: toWad(rateOf(market)),
  };
}

/** requirement = (what it adds to equity) x haircut, rounded up [wad] */
function collateralRequirement(held: ReferenceCollateral): Omit<ReferenceMargin, "equity"> {
  const toWad = (haircutBps: number) => ceilDiv(valueOfCollateral(held) * BigInt(haircutBps), BPS);
  return {
    initial: toWad(held.initialHaircutBps),
    maintenance: toWad(held.maintenanceHaircutBps),
  };
}

/** minimum margin = 20 + 5 an item; a token at most its value; 0 without position and debt [wad] */
export function minimumMarginOf(account: ReferenceAccount, rules: LiquidationParameters): bigint {
  if (account.positions.length === 0 && account.cash >= 0n) return 0n;
  const item = BigInt(rules.minimumMarginOfItem) * WAD;
  const ofTokens = account.collateral.map((held) => min(valueOfCollateral(held), item));
  return (
    BigInt(rules.minimumMargin) * WAD + item * BigInt(account.positions.length) + sum(ofTokens)
  );
}

/** equity = cash + sum (size x mark + quote) + sum quantity x price, each rounded down [wad] */
export function equityOf(account: ReferenceAccount): bigint {
  const positions = account.positions.map(
    ({ size, mark, quote }) => floorDiv(size * mark, WAD) + quote,
  );
  return account.cash + sum(positions) + sum(account.collateral.map(valueOfCollateral));
}

/** maintenance = max(requirement, minimum margin); initial = max(requirement, maintenance) */
export function referenceMargin(
  account: ReferenceAccount,
  rules: LiquidationParameters,
): ReferenceMargin {
  const required = [
    ...account.positions.map(positionRequirement),
    ...account.collateral.map(collateralRequirement),
  ];
  const maintenance = max(
    sum(required.map((item) => item.maintenance)),
    minimumMarginOf(account, rules),
  );
  const initial = max(sum(required.map((item) => item.initial)), maintenance);
  return { equity: equityOf(account), initial, maintenance };
}

function valueOfCollateral({ quantity, price }: ReferenceCollateral): bigint {
  return (quantity * price) / WAD;
}

function ratio(bps: number): bigint {
  return (parseWad(1) * BigInt(bps)) / BPS;
}

export function max(x: bigint, y: bigint): bigint {
  return x > y ? x : y;
}

export function min(x: bigint, y: bigint): bigint {
  return x < y ? x : y;
}

export function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}

export function sum(terms: bigint[]): bigint {
  return terms.reduce((total, term) => total + term, 0n);
}

/** Towards minus infinity; the divisor is positive. */
export function floorDiv(x: bigint, y: bigint): bigint {
  return x >= 0n ? x / y : -((-x + y - 1n) / y);
}

/** Towards plus infinity; the divisor is positive. */
export function ceilDiv(x: bigint, y: bigint): bigint {
  return -floorDiv(-x, y);
}
