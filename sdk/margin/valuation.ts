import { underlyingOf, type InstrumentId } from "../ids.js";
import { valueOf } from "../ledger.js";
import {
  bpsDown,
  bpsUp,
  excess,
  max,
  min,
  mulDown,
  mulUp,
  ONE_BPS,
  WAD,
  wadOfAmount,
} from "../wad.js";
import { crowdingOf, standardModel } from "./model.js";
import type { CollateralHolding, Holding, Portfolio, Requirement } from "./model.js";
import type { AccountSnapshot, CollateralSnapshot, Margin } from "./snapshot.js";
import type { MarketSnapshot, PositionSnapshot } from "./snapshot.js";

/** From what an account has to what it is worth, to the wei: `margin/AccountValuation.sol`. */

/**
 * What a valuation is for: today's prices or none (`view`); the last accepted price where there is none now (`trade`); the
 * same without the open-interest add-on on initial margin (`liquidation`).
 */
export type Purpose = "view" | "trade" | "liquidation";

/** Something that the question depends on has no price now. */
export class MissingPriceError extends Error {
  override readonly name = "MissingPriceError";

  /** @param underlying Whose price cannot be read. */
  constructor(readonly underlying: number) {
    super(`Underlying ${underlying} has no price`);
  }
}

/** What an account is worth, with all that a model needs. */
export interface Valuation {
  /** [wad] */
  readonly equity: bigint;
  /** What the model sees. */
  readonly portfolio: Portfolio;
  /** What is valued at its last accepted price. */
  readonly unread: Portfolio;
  /** What that is worth [wad]. */
  readonly unreadValue: bigint;
  /** 0 without position and debt [wad]. */
  readonly minimumMargin: bigint;
}

/** Items that cannot be read are no obstacle to a liquidation up to this part of the requirement [bps]. */
const MOST_UNREAD_BPS = 1_000n;

/** Without position and debt there is nothing that a price could endanger: such an account needs none. */
export function isRiskless({ positions, cash }: AccountSnapshot): boolean {
  return positions.length === 0 && cash >= 0n;
}

/** Whether everything has today's price. */
export function isRead({ unread }: Valuation): boolean {
  return unread.positions.length + unread.collateral.length === 0;
}

/**
 * Prices an account, rounded down:
 *
 *     equity         = cash + sum of value(position) + sum of collateral x price
 *     minimum margin = base + item x positions + sum of min(item, value) of collateral
 *
 * Unlike in the contract, items without today's price are set aside at once: `portfolio` has the others.
 *
 * @throws {@link MissingPriceError} when a price is missing that the purpose needs.
 */
export function valuationOf(
  account: AccountSnapshot,
  market: MarketSnapshot,
  purpose: Purpose,
): Valuation {
  const whole = { positions: [] as Holding[], collateral: [] as CollateralHolding[] };
  const unread = { positions: [] as Holding[], collateral: [] as CollateralHolding[] };
  let [equity, unreadValue, minimumMargin] = [account.cash, 0n, 0n];
  let item = 0n;
  if (!isRiskless(account)) {
    item = market.liquidation.minimumMarginOfItem * WAD;
    minimumMargin = market.liquidation.minimumMargin * WAD;
    minimumMargin += item * BigInt(account.positions.length);
  }
  for (const position of account.positions) {
    const { price, isLast } = priceFor(market, underlyingOf(position.instrument), purpose);
    const value = valueOf(position.size, position.realQuote, price);
    equity += value;
    if (isLast) unreadValue += value;
    (isLast ? unread : whole).positions.push(holdingOf(position, price, market, purpose));
  }
  for (const held of account.collateral) {
    if (held.amount === 0n) continue;
    const { holding, isLast } = collateralOf(held, market, purpose);
    const value = mulDown(holding.quantity, holding.price);
    equity += value;
    if (isLast) unreadValue += value;
    (isLast ? unread : whole).collateral.push(holding);
    minimumMargin += min(value, item);
  }
  return { equity, portfolio: whole, unread, unreadValue, minimumMargin };
}

/**
 * An account as a liquidation sees it: items without today's price are worth their last value less what they require, as far
 * as the account has equity to pay for the doubt, and require nothing more.
 *
 * @throws {@link MissingPriceError} when such items are more than a tenth of the whole requirement.
 */
export function valuationForLiquidation(
  account: AccountSnapshot,
  market: MarketSnapshot,
): Valuation {
  const valuation = valuationOf(account, market, "liquidation");
  if (isRead(valuation)) return valuation;
  const { portfolio, unread, equity, minimumMargin } = valuation;
  const aside = requirementOf(unread, market).maintenance;
  const rest = requirementOf(portfolio, market).maintenance;
  if (aside > bpsDown(max(aside + rest, minimumMargin), MOST_UNREAD_BPS)) {
    const [position] = unread.positions;
    const [collateral] = unread.collateral;
    const first = position ? underlyingOf(position.instrument) : collateral?.underlying;
    throw new MissingPriceError(first ?? 0);
  }
  const guaranteed = bpsUp(max(rest, minimumMargin), market.liquidation.leastIncentiveBps);
  const discount = min(aside, excess(max(equity, 0n), guaranteed));
  return {
    ...valuation,
    equity: equity - discount,
    minimumMargin: excess(minimumMargin, discount),
  };
}

/**
 * An account as the taker of a slice: items without today's price give it nothing, and cost it what they would lose by their
 * last price and their initial requirement.
 */
export function valuationForLiquidator(
  account: AccountSnapshot,
  market: MarketSnapshot,
): Valuation {
  const valuation = valuationOf(account, market, "liquidation");
  if (isRead(valuation)) return valuation;
  const { unread, equity, unreadValue } = valuation;
  const worst = unreadValue - requirementOf(unread, market).initial;
  return { ...valuation, equity: equity + min(worst, 0n) - unreadValue };
}

/** What a valued account is worth and requires, the minimum margin included, `initial` never below `maintenance`. */
export function marginOfValuation(valuation: Valuation, market: MarketSnapshot): Margin {
  const required = requirementOf(valuation.portfolio, market);
  const maintenance = max(required.maintenance, valuation.minimumMargin);
  return { equity: valuation.equity, initial: max(required.initial, maintenance), maintenance };
}

/** What the market's model asks for a portfolio [wad]. */
export function requirementOf(portfolio: Portfolio, market: MarketSnapshot): Requirement {
  return (market.model ?? standardModel)(portfolio, market.time);
}

/** Today's price, or the last accepted one where the purpose takes it. */
function priceFor(market: MarketSnapshot, underlying: number, purpose: Purpose) {
  const price = market.prices.get(underlying);
  if (price !== undefined) return { price, isLast: false };
  const last = purpose === "view" ? undefined : market.lastPrices.get(underlying);
  if (last === undefined) throw new MissingPriceError(underlying);
  return { price: last, isLast: true };
}

function holdingOf(
  { instrument, size }: PositionSnapshot,
  mark: bigint,
  market: MarketSnapshot,
  purpose: Purpose,
): Holding {
  const underlying = underlyingOf(instrument);
  const rules = market.underlyings.get(underlying);
  if (rules === undefined) throw new RangeError(`Nothing is known of underlying ${underlying}`);
  const crowding = purpose === "liquidation" ? 0n : crowdingFor(instrument, mark, market);
  return { ...rules, instrument, size, mark, crowding };
}

function crowdingFor(instrument: InstrumentId, mark: bigint, market: MarketSnapshot): bigint {
  const notional = mulUp(market.openInterest.get(instrument) ?? 0n, mark);
  return crowdingOf(notional, max(market.fundCash, market.liquidation.openInterestBase * WAD));
}

/** A frozen token counts nothing for initial margin, but for the taker of a slice: the risk is not new. */
function collateralOf(held: CollateralSnapshot, market: MarketSnapshot, purpose: Purpose) {
  const rules = market.tokens[held.place];
  if (rules === undefined) throw new RangeError(`Nothing is known of token ${held.place}`);
  const { underlying, decimals, maintenanceHaircutBps } = rules;
  const { price, isLast } = priceFor(market, underlying, purpose);
  const isFrozen = rules.initialHaircutBps === ONE_BPS;
  const holding: CollateralHolding = {
    underlying,
    quantity: wadOfAmount(held.amount, decimals),
    price,
    initialHaircutBps:
      isFrozen && purpose === "liquidation" ? maintenanceHaircutBps : rules.initialHaircutBps,
    maintenanceHaircutBps,
  };
  return { holding, isLast };
}
