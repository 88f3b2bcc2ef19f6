import { type AccountId, divUp, mulDown, mulUp, WAD } from "../../../sdk/index.js";
import { referenceSettlement, referenceTerms, targetOf } from "../liquidation.js";
import { ceilDiv, max, sum } from "../margin.js";
import { post } from "./cash.js";
import { afterDeficit, drawFund, fundPaymentOf } from "./fund.js";
import { changePosition, realQuoteOf } from "./ledger.js";
import { demand } from "./refusal.js";
import { isAuthorized, moveSlice } from "./vault.js";
import {
  marginOfValuation,
  requireInitialOfLiquidator,
  type Valuation,
  valuationForLiquidation,
} from "./valuation.js";
import { spreadLoss } from "./waterfall.js";
import { accountOf, type World } from "./world.js";

/** DESIGN section 6.1 as one act: the slice, who pays what, and where it goes. */

/** Slices below one millionth could not be told from rounding [wad]. */
const LEAST_FRACTION = 10n ** 12n;
/** The search: what is added to each fraction, when it is near enough, and how long it goes on. */
const GUARD = 10n ** 9n;
const TOLERANCE_BPS = 10n;
const STEPS = 10;

/** What a liquidation is settled by: R, M and the fraction [wad]. */
interface Terms {
  equity: bigint;
  maintenance: bigint;
  fraction: bigint;
}

/** The model's maintenance requirement of what a slice leaves [wad] */
function maintenanceOfRest({ items }: Valuation, fraction: bigint): bigint {
  return sum(items.map((item) => item.maintenanceOfPart(WAD - fraction)));
}

/** R (1 - f) + f A - (1 + buffer) M(1 - f): how far the account would be above its target [wad] */
export function surplusAfter(world: World, valuation: Valuation, fraction: bigint): bigint {
  const { equity, maintenance } = marginOfValuation(valuation);
  const { liquidation: rules } = world.rules;
  const { receives } = referenceTerms(equity, maintenance, rules);
  const rest = max(maintenanceOfRest(valuation, fraction), valuation.minimumMargin);
  return mulDown(equity, WAD - fraction) + mulDown(receives, fraction) - targetOf(rest, rules);
}

/**
 * The least f with R (1 - f) + f A >= (1 + buffer) M(1 - f), by the search that SliceSearch documents: the closed form
 * (T - R) / (T - R + A) suffices or the whole account goes; below it, chords and midpoints in turn [wad].
 */
export function leastFraction(world: World, valuation: Valuation): bigint {
  const { equity, maintenance } = marginOfValuation(valuation);
  const { liquidation: rules } = world.rules;
  const { receives } = referenceTerms(equity, maintenance, rules);
  if (receives === 0n) return WAD;

  const target = targetOf(maintenance, rules);
  let [low, gap] = [0n, target - equity];
  let high = divUp(gap, gap + receives) + GUARD;
  if (high >= WAD) return WAD;
  let surplus = surplusAfter(world, valuation, high);
  if (surplus < 0n) return WAD;
  for (let step = 0; step < STEPS && surplus > (target * TOLERANCE_BPS) / 10_000n; ++step) {
    const chord = low + ceilDiv((high - low) * gap, gap + surplus) + GUARD;
    const next = step % 2 === 0 ? chord : (low + high) / 2n;
    if (next >= high) break;
    const found = surplusAfter(world, valuation, next);
    if (found < 0n) [low, gap] = [next, -found];
    else [high, surplus] = [next, found];
  }
  return high;
}

/** What the fund is asked for: -L x f when the liquidator is to be paid [wad] */
function dueOf(world: World, { equity, maintenance, fraction }: Terms): bigint {
  const { pays } = referenceTerms(equity, maintenance, world.rules.liquidation);
  return max(-mulUp(pays, fraction), 0n);
}

/** f L, f A and f (L - A), given what the fund pays. */
function settlementOf(world: World, terms: Terms, fundPays: bigint) {
  return referenceSettlement({ ...terms, fundPays, rules: world.rules.liquidation });
}

/** What a liquidation would do now at its largest slice; nothing for an account at or above its line. */
export function previewLiquidation(world: World, id: AccountId) {
  const valuation = valuationForLiquidation(world, id);
  const { equity, maintenance } = marginOfValuation(valuation);
  if (equity >= maintenance) return { fraction: 0n, payment: 0n, toAccount: 0n, toInsurance: 0n };
  const fraction = leastFraction(world, valuation);
  const terms = { equity, maintenance, fraction };
  const due = dueOf(world, terms);
  const fundPays = due === 0n ? 0n : fundPaymentOf(world, id, due);
  return { fraction, ...settlementOf(world, terms, fundPays) };
}

/** R, M and the fraction, at most what is asked for: a whole account unless what is left is worth a liquidator's gas. */
function termsOf(world: World, id: AccountId, maxFraction: bigint): Terms {
  const valuation = valuationForLiquidation(world, id);
  const { equity, maintenance } = marginOfValuation(valuation);
  demand(equity < maintenance, "NotLiquidatable");
  const least = leastFraction(world, valuation);
  if (maxFraction >= least) return { equity, maintenance, fraction: least };
  demand(maxFraction >= LEAST_FRACTION, "FractionTooSmall");
  const isDust =
    least === WAD && maintenanceOfRest(valuation, maxFraction) < valuation.minimumMargin;
  demand(!isDust, "MustCloseWhole");
  return { equity, maintenance, fraction: maxFraction };
}

export interface LiquidationRequest {
  account: AccountId;
  liquidator: AccountId;
  /** [wad] */
  maxFraction: bigint;
  maxPayment: bigint;
}

export function liquidate(world: World, caller: string, request: LiquidationRequest) {
  const { account, liquidator } = request;
  demand(isAuthorized(world, liquidator, caller, "liquidate"), "NotAuthorized");
  demand(account !== liquidator, "SelfDealing");
  demand(![account, liquidator].includes(world.rules.fund), "FundIsNoParty");
  const terms = termsOf(world, account, request.maxFraction);

  // Losses are spread before the slice moves: the flat book has another side for all that the account holds.
  const due = dueOf(world, terms);
  const fundPays = due > 0n ? drawFund(world, account, due) : 0n;
  const settlement = settlementOf(world, terms, fundPays);
  if (settlement.loss > 0n) spreadLoss(world, account, settlement.loss);
  demand(settlement.payment <= request.maxPayment, "PaymentAboveMaximum");

  const { fraction } = terms;
  const ended = takePositions(world, { from: account, to: liquidator, fraction });
  // The slice of cash is one of what the account has before it is paid; lenders have borne their part of the loss.
  moveSlice(world, {
    giver: [account, ended.from + settlement.toAccount],
    taker: [liquidator, ended.to - settlement.payment],
    fraction,
  });
  post(world, [[world.rules.fund, afterDeficit(world, settlement.toInsurance)]]);
  if (terms.equity < 0n && fraction === WAD) world.flags.delete(account);
  requireInitialOfLiquidator(world, liquidator);
  return { ...terms, ...settlement, due, fundPays };
}

/**
 * The fraction of each size and of each real quote, both rounded down for the liquidator.
 *
 * @returns What positions that end by it leave as cash [wad].
 */
function takePositions(world: World, move: { from: AccountId; to: AccountId; fraction: bigint }) {
  const parts = accountOf(world, move.from).positions.map((position) => ({
    instrument: position.instrument,
    size: mulDown(position.size, move.fraction),
    quote: mulDown(realQuoteOf(world, position), move.fraction),
  }));
  const ended = { from: 0n, to: 0n };
  for (const { instrument, size, quote } of parts) {
    if (size === 0n && quote === 0n) continue;
    ended.to += changePosition(world, move.to, { instrument, size, quote });
    ended.from += changePosition(world, move.from, { instrument, size: -size, quote: -quote });
  }
  return ended;
}
