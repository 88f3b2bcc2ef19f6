import { MaxInt256, MaxUint256 } from "ethers";
import { type AccountId, underlyingOf, WAD } from "../../../sdk/index.js";
import { referenceFraction } from "../liquidation.js";
import { cashOf, poolNow } from "../model/cash.js";
import { distributeFees } from "../model/fund.js";
import { variationOf } from "../model/ledger.js";
import { liquidate, leastFraction, surplusAfter } from "../model/liquidation.js";
import { priceOf } from "../model/oracle.js";
import { marginOfValuation, valuationForLiquidation } from "../model/valuation.js";
import { settleVariation } from "../model/variation.js";
import { isAuthorized } from "../model/vault.js";
import { accountOf, bookOf, copyOf, type World } from "../model/world.js";
import type { Act } from "./act.js";
import { namesOf, newsOfLoss } from "./news.js";
import {
  callerFor,
  chance,
  hasRoomFor,
  knownMargin,
  otherThan,
  sinking,
  type Table,
} from "./table.js";

/** Variation settlement, fees, and liquidations. */

export function drawSettleVariation(table: Table): Act {
  const { dice, stage } = table;
  const account = dice.pick(table.accounts);
  const strangers = [...stage.owners, stage.plimsoll.stranger];
  const caller = chance(table, 0.4) ? dice.pick(strangers).address : callerFor(table, account);
  return {
    kind: "settleVariation",
    says: `${caller} settles the variation of ${account}`,
    from: caller,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("settleVariation", [account]),
    after: 1n,
    touched: [account],
    apply: (world) => {
      const isStranger = !isAuthorized(world, account, caller, "trade");
      const isLoss = variationIn(world, account) < 0n;
      settleVariation(world, caller, account);
      if (!isStranger) return [];
      return [isLoss ? "a stranger settles a loss" : "a stranger settles variation that is due"];
    },
  };
}

/** At today's prices; 0 when there are none. */
function variationIn(world: World, account: AccountId): bigint {
  try {
    return variationOf(world, account, (id) => priceOf(world, underlyingOf(id)));
  } catch {
    return 0n;
  }
}

export function drawDistributeFees({ stage }: Table): Act {
  return {
    kind: "distributeFees",
    says: "fees are distributed",
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("distributeFees"),
    after: 1n,
    touched: [],
    apply: (world) => {
      const { deficit } = world;
      const { reserved } = poolNow(world);
      distributeFees(world);
      return namesOf({
        "fees repay a deficit": world.deficit < deficit,
        "the fund receives interest": reserved > 0n && world.pool.reserved === 0n,
      });
    },
  };
}

export function drawLiquidate(table: Table): Act {
  const { dice, stage, world } = table;
  const below = sinking(table);
  const account =
    below.length > 0 && !chance(table, 0.05) ? dice.pick(below) : dice.pick(table.accounts);
  const liquidator = drawLiquidator(table, account);
  const caller =
    liquidator === world.rules.fund ? stage.owners[0]!.address : callerFor(table, liquidator);
  const roll = dice.next();
  const maxFraction =
    roll < 0.45
      ? MaxUint256
      : roll < 0.9
        ? dice.between(WAD / 100n, WAD)
        : roll < 0.94
          ? 10n ** 11n
          : WAD / 2n;
  const maxPayment = chance(table, 0.95) ? MaxInt256 : dice.between(-WAD, 100n * WAD);
  const request = { account, liquidator, maxFraction, maxPayment };
  return {
    kind: "liquidate",
    says: `${caller} liquidates ${account} into ${liquidator}, at most ${maxFraction}, for at most ${maxPayment}`,
    from: caller,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("liquidate", [
      account,
      liquidator,
      maxFraction,
      maxPayment,
    ]),
    after: 1n,
    touched: [account, liquidator],
    apply: (state) => {
      const before = copyOf(state);
      const result = liquidate(state, caller, request);
      return newsOfLiquidation(before, state, { account, result });
    },
  };
}

/** Mostly the one with the most equity. */
function drawLiquidator(table: Table, account: AccountId): AccountId {
  const { world, accounts } = table;
  if (chance(table, 0.02)) return world.rules.fund;
  if (chance(table, 0.02)) return account;
  if (chance(table, 0.25)) return otherThan(table, account);
  const equityOf = (id: AccountId) => knownMargin(world, id)?.equity ?? 0n;
  const taken = accountOf(world, account).positions.map(({ instrument }) => instrument);
  const others = accounts.filter((other) => other !== account);
  const able = others.filter((other) => hasRoomFor(table, other, taken));
  return (able.length > 0 ? able : others).reduce((best, other) =>
    equityOf(other) > equityOf(best) ? other : best,
  );
}

/** What is worth counting of a liquidation. */
function newsOfLiquidation(
  before: World,
  after: World,
  { account, result }: { account: AccountId; result: ReturnType<typeof liquidate> },
): string[] {
  const { equity, maintenance, fraction, due, fundPays, loss } = result;
  const valuation = valuationForLiquidation(before, account);
  const least = leastFraction(before, valuation);
  const rules = before.rules.liquidation;
  const wasMoved = accountOf(before, account).positions.some(({ instrument }) => {
    const { haircut } = bookOf(before, instrument);
    return haircut.long > 0n || haircut.short > 0n;
  });
  const fund = cashOf(before, before.rules.fund);
  const news = namesOf({
    "a whole account is taken": fraction === WAD,
    "a part of an account is taken": fraction < WAD,
    "the least slice is taken": fraction === least && least < WAD,
    "the least slice is found by the search": least < referenceFraction(equity, maintenance, rules),
    "a bankrupt account is taken": equity < 0n,
    "the fund pays less than it has": fundPays < due && fundPays < fund,
    "the fund is empty": due > 0n && fund === 0n && fundPays === 0n,
    "the incentive is cut": due > fundPays + loss,
    "the fund's income repays a deficit": result.toInsurance > 0n && after.deficit < before.deficit,
    "fees are distributed by a liquidation": before.reserve > 0n && after.reserve === 0n,
    "an account in a book with moved indices is taken": wasMoved,
    "an account with an item without a price is taken":
      valuation.items.length < itemCount(before, account),
  });
  requireLeast(before, { account, fraction: least });
  return [...newsOfLoss(before, after, fundPays), ...news];
}

function itemCount(world: World, id: AccountId): number {
  const { positions, collateral } = accountOf(world, id);
  return positions.length + collateral.filter((amount) => amount > 0n).length;
}

/**
 * I6, apart from how the slice is searched: it restores the target, and a slice smaller by 3 % of it, or such that the account
 * ends a thousandth of the target lower, would not.
 */
function requireLeast(
  world: World,
  { account, fraction }: { account: AccountId; fraction: bigint },
): void {
  if (fraction === WAD) return;
  const valuation = valuationForLiquidation(world, account);
  const surplus = surplusAfter(world, valuation, fraction);
  const { maintenance } = marginOfValuation(valuation);
  if (surplus < 0n) throw new Error(`A slice of ${fraction} does not restore ${account}`);
  const smaller = surplusAfter(world, valuation, (fraction * 97n) / 100n);
  if (surplus > maintenance / 500n && smaller >= 0n) {
    throw new Error(`A slice smaller than ${fraction} would restore ${account}`);
  }
}
