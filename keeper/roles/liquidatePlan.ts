import {
  abs,
  type AccountId,
  type AccountSnapshot,
  bpsUp,
  drawnOf,
  drawsOf,
  type FundSnapshot,
  type Indices,
  isRiskless,
  marginOfLiquidator,
  type MarketSnapshot,
  mayLiquidate,
  mulDown,
  mulUp,
  type Slice,
  takeoverOf,
  underlyingOf,
  wadOfAmount,
  WAD,
} from "../../sdk/index.js";
import type { BelowLine } from "../state/belowLine.js";
import {
  costOfGas,
  type GasCost,
  gasOfLiquidation,
  mostCostOf,
  roomyGasOf,
} from "./liquidateCost.js";
import { largestFitting } from "./liquidateSlice.js";

/** What liquidations are planned of: numbers of one block. */
export interface PlanInput extends GasCost {
  /** Below the line, the most urgent first. */
  readonly accounts: readonly BelowLine[];
  /** The account that takes slices over, as it is now. */
  readonly liquidator: AccountSnapshot;
  readonly market: MarketSnapshot;
  readonly fund: FundSnapshot;
  readonly indices: Indices;
  readonly rules: PlanRules;
  /** Those that are under way: they are planned first, so that what they need is not given away, and not among the plans. */
  readonly underWay?: readonly BelowLine[];
}

/** What its operator has set. */
export interface PlanRules {
  /** What must be left of a slice's discount after gas [wad]. */
  readonly leastProfit: bigint;
  /** Initial margin that the liquidator's account keeps free [wad]. */
  readonly reserve: bigint;
  /** How much dearer than previewed a slice may be, of what it holds [bps]. */
  readonly slackBps: bigint;
  /** What getting rid of a slice is expected to cost, of its positions [bps]. */
  readonly closeOutBps: bigint;
  /** So many plans at most. */
  readonly most: number;
}

/** A liquidation to be sent. */
export interface LiquidationPlan {
  readonly account: AccountId;
  readonly slice: Slice;
  /** The most to take [wad]. */
  readonly fraction: bigint;
  /** The most to pay; negative: the least to be paid [wad]. */
  readonly maxPayment: bigint;
  /** What is left of the discount after gas and closing out [wad]. */
  readonly profit: bigint;
  /** The most that its gas may cost [wei]. */
  readonly mostCost: bigint;
  /** See `Proposal.roomyGas` [gas]. */
  readonly roomyGas: bigint | undefined;
  /** The risk that it takes away [settlement currency]. */
  readonly priority: number;
  /** The liquidator's account afterwards, all plans before it included. */
  readonly liquidator: AccountSnapshot;
}

/** Why an account is left alone at this block. */
export type LeftReason = "doesNotFit" | "unprofitable" | "fundCannotPay" | "failed";

/** What came of it. */
export interface LiquidationPlans {
  readonly plans: readonly LiquidationPlan[];
  readonly left: readonly {
    readonly account: AccountId;
    readonly reason: LeftReason;
    readonly error?: unknown;
  }[];
  /** Whether each account was tried, or there are as many plans as there may be. */
  readonly isWhole: boolean;
}

/** After so many accounts in a row that do not fit at all, others are not tried. */
const MOST_MISFITS = 8;

/**
 * Which slices to take, one after the other on the liquidator's account as the ones before leave it: of each account the
 * largest slice that the account may give and the liquidator's margin bears.
 */
export function planLiquidations(input: PlanInput): LiquidationPlans {
  const plans: LiquidationPlan[] = [];
  const left: { account: AccountId; reason: LeftReason; error?: unknown }[] = [];
  let at: Standing = { liquidator: input.liquidator, market: input.market, fund: input.fund };
  for (const held of input.underWay ?? []) at = reserved(held, at, input);
  let misfits = 0;
  for (const found of input.accounts) {
    if (plans.length >= input.rules.most || misfits >= MOST_MISFITS) break;
    try {
      const tried = planOne(found, at, input);
      if (typeof tried === "string") {
        left.push({ account: found.account, reason: tried });
        misfits += tried === "doesNotFit" ? 1 : 0;
        continue;
      }
      plans.push(tried);
      misfits = 0;
      at = after(found.snapshot, tried.slice, { ...at, liquidator: tried.liquidator });
    } catch (error) {
      // One account that cannot be computed does not hold up the others.
      left.push({ account: found.account, reason: "failed", error });
    }
  }
  const isWhole =
    plans.length >= input.rules.most || plans.length + left.length >= input.accounts.length;
  return { plans, left, isWhole };
}

/** What slices are planned on: it changes with each. */
interface Standing {
  readonly liquidator: AccountSnapshot;
  readonly market: MarketSnapshot;
  readonly fund: FundSnapshot;
}

function planOne(
  { account, margin, risk, snapshot }: BelowLine,
  at: Standing,
  input: PlanInput,
): LiquidationPlan | LeftReason {
  const { indices, rules } = input;
  const fits = (slice: Slice): boolean => {
    const { liquidator } = takeoverOf(snapshot, at.liquidator, slice, indices);
    return hasRoom(liquidator, at.market, rules.reserve);
  };
  const slice = largestFitting(snapshot, at, fits);
  if (slice === undefined) return "doesNotFit";
  const { fraction, settlement, terms } = slice;
  const discount = mulDown(terms.equity, fraction) - settlement.payment;
  const notional = mulUp(notionalOf(snapshot, at.market), fraction);
  const worth = discount - bpsUp(notional, rules.closeOutBps) - rules.leastProfit;
  const isPaidByFund = settlement.toInsurance < 0n || settlement.loss > 0n;
  const gas = gasOfLiquidation(snapshot, at.liquidator, isPaidByFund);
  const cost = costOfGas(gas, input);
  // Nothing is left of a discount that only the fund could have paid.
  if (worth < cost) return margin.equity < 0n && discount <= 0n ? "fundCannotPay" : "unprofitable";
  const mostCost = mostCostOf(gas, worth, input);
  const moved = notional + mulUp(collateralValueOf(snapshot, at.market), fraction);
  return {
    ...{ account, slice, fraction },
    maxPayment: settlement.payment + bpsUp(moved, rules.slackBps),
    profit: worth + rules.leastProfit - cost,
    mostCost,
    roomyGas: roomyGasOf(gas, mostCost, input),
    priority: (risk * Number(fraction)) / Number(WAD),
    liquidator: takeoverOf(snapshot, at.liquidator, slice, indices).liquidator,
  };
}

/** What is under way is taken to come through as far as it fits. */
function reserved(held: BelowLine, at: Standing, { indices }: PlanInput): Standing {
  try {
    const fits = (slice: Slice): boolean =>
      hasRoom(takeoverOf(held.snapshot, at.liquidator, slice, indices).liquidator, at.market, 0n);
    const slice = largestFitting(held.snapshot, at, fits);
    if (slice === undefined) return at;
    const { liquidator } = takeoverOf(held.snapshot, at.liquidator, slice, indices);
    return after(held.snapshot, slice, { ...at, liquidator });
  } catch {
    // What cannot be computed any more is no longer below the line, or its price is gone: it takes nothing.
    return at;
  }
}

/** Whether the liquidator's account may be as it would stand, and keeps its reserve. */
function hasRoom(liquidator: AccountSnapshot, market: MarketSnapshot, reserve: bigint): boolean {
  if (!mayLiquidate(liquidator, market)) return false;
  if (reserve === 0n || isRiskless(liquidator)) return true;
  const { equity, initial } = marginOfLiquidator(liquidator, market);
  return equity - initial >= reserve;
}

/** Market and fund after a slice: what the fund has paid, the next slice cannot have. */
function after(account: AccountSnapshot, { settlement }: Slice, at: Standing): Standing {
  const { fund, liquidator, market } = at;
  const paid = -settlement.toInsurance;
  if (paid <= 0n) return at;
  const draws = new Map(fund.draws);
  for (const { instrument, part } of drawsOf(account, paid, market, fund)) {
    const drawn = drawnOf(instrument, { ...fund, draws }, market.time) + part;
    draws.set(instrument, { drawn, drawnAt: market.time });
  }
  return {
    liquidator,
    market: { ...market, fundCash: market.fundCash - paid },
    fund: { ...fund, draws },
  };
}

/** Of all positions, at today's prices or the last ones [wad]. */
function notionalOf({ positions }: AccountSnapshot, market: MarketSnapshot): bigint {
  return positions.reduce(
    (sum, { instrument, size }) =>
      sum + mulUp(abs(size), priceOf(underlyingOf(instrument), market)),
    0n,
  );
}

function collateralValueOf({ collateral }: AccountSnapshot, market: MarketSnapshot): bigint {
  return collateral.reduce((sum, { amount, place }) => {
    const token = market.tokens[place];
    if (token === undefined) return sum;
    return sum + mulUp(wadOfAmount(amount, token.decimals), priceOf(token.underlying, market));
  }, 0n);
}

function priceOf(underlying: number, { lastPrices, prices }: MarketSnapshot): bigint {
  return prices.get(underlying) ?? lastPrices.get(underlying) ?? 0n;
}
