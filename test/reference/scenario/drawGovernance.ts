import { perpetual } from "../../../sdk/index.js";
import { accrue, cashOf, poolNow } from "../model/cash.js";
import { repayDeficit } from "../model/fund.js";
import { openNotionalOf } from "../model/funding.js";
import {
  accrueFundingOf,
  setFeeTier,
  setFundingRules,
  takeFundAsGovernor,
} from "../model/governance.js";
import { bookOf } from "../model/world.js";
import type { Act } from "./act.js";
import { namesOf } from "./news.js";
import { chance, everyone, partOf, type Table } from "./table.js";

/** What governance sets and takes, and what anyone may have written down. */

export function callerOf({ stage, dice }: Table): string {
  return dice.next() < 0.95 ? stage.world.rules.governor : stage.plimsoll.stranger.address;
}

export function drawTakeFromFund(table: Table): Act {
  const { stage, world, dice } = table;
  const from = callerOf(table);
  const to = chance(table, 0.1) ? world.rules.fund : dice.pick(everyone(table));
  const cash = cashOf(world, world.rules.fund);
  const floor = (openNotionalOf(world) * BigInt(world.rules.liquidation.fundFloorBps)) / 10_000n;
  const spare = cash > floor ? cash - floor : 0n;
  const amount = chance(table, 0.7) ? partOf(table, spare) : spare + dice.between(0n, 10n ** 20n);
  return {
    kind: "takeFromFund",
    says: `${from} takes ${amount} out of the fund for ${to}`,
    from,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("takeFromFund", [to, amount]),
    after: 1n,
    touched: [],
    apply: (state) => {
      takeFundAsGovernor(state, from, { to, cash: amount });
      return [];
    },
  };
}

export function drawRepayDeficit({ stage }: Table): Act {
  return {
    kind: "repayDeficit",
    says: "the deficit is repaid",
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("repayDeficit"),
    after: 1n,
    touched: [],
    apply: (world) => {
      const { deficit } = world;
      repayDeficit(world);
      return namesOf({
        "a deficit is repaid": world.deficit < deficit,
        "a deficit is repaid in part": world.deficit < deficit && world.deficit > 0n,
      });
    },
  };
}

/** Interest either way, and at times what is out of bounds. */
export function drawFundingRules(table: Table): Act {
  const { stage, dice } = table;
  const from = callerOf(table);
  const underlying = dice.pick([1, 1, 2, 2, 6, 6, 3]);
  const capMillionths = dice.pick([0, 600, 3_000, 7_500, 20_000]);
  const share = () => Math.floor(dice.next() * (capMillionths + 1));
  const rules = {
    interestMillionths: dice.pick([-1, 1]) * dice.pick([0, share(), share(), capMillionths]),
    deadBandMillionths: dice.pick([0, 500, 5_000]),
    capMillionths,
    depthShareBps: Math.ceil((capMillionths * 5) / 12) + dice.pick([0, 0, 2_000]),
  };
  if (chance(table, 0.15)) {
    Object.assign(
      rules,
      dice.pick([
        { depthShareBps: Math.max(Math.ceil((capMillionths * 5) / 12) - 1, 0) },
        { interestMillionths: -capMillionths - 1 },
        { capMillionths: 20_001, depthShareBps: 9_000 },
        { deadBandMillionths: 10_001 },
      ]),
    );
  }
  return {
    kind: "setFundingRules",
    says: `${from} sets funding of ${underlying}: ${JSON.stringify(rules)}`,
    from,
    to: stage.addresses.rules,
    data: stage.plimsoll.rules.interface.encodeFunctionData("setFundingRules", [underlying, rules]),
    after: 1n,
    touched: [],
    apply: (world) => {
      setFundingRules(world, from, { underlying, rules });
      return [];
    },
  };
}

export function drawFeeTier(table: Table): Act {
  const { stage, dice } = table;
  const from = callerOf(table);
  const accounts = [dice.pick(table.accounts), dice.pick(table.accounts)];
  const tier = dice.pick([0, 1, 2, 2, 5, 8]);
  return {
    kind: "setFeeTier",
    says: `${from} puts ${accounts.join(" and ")} into tier ${tier}`,
    from,
    to: stage.addresses.exchange,
    data: stage.plimsoll.exchange.interface.encodeFunctionData("setFeeTier", [accounts, tier]),
    after: 1n,
    touched: [],
    apply: (world) => {
      setFeeTier(world, from, { accounts, tier });
      return [];
    },
  };
}

export function drawAccrueFunding(table: Table): Act {
  const { stage, dice } = table;
  const instrument = chance(table, 0.1)
    ? dice.pick([perpetual(3), stage.instruments[0]! + 1n])
    : dice.pick(stage.instruments);
  return {
    kind: "accrueFunding",
    says: `funding of ${instrument} is accrued`,
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("accrueFunding", [instrument]),
    after: 1n,
    touched: [dice.pick(table.accounts)],
    apply: (world) => {
      const { interest, openInterest, premium } = { ...bookOf(world, instrument) };
      accrueFundingOf(world, instrument);
      const isNew = bookOf(world, instrument).interest !== interest;
      return namesOf({
        "new funding rules take effect": isNew && openInterest > 0n,
        "new funding rules take effect while there is a premium": isNew && premium !== 0n,
      });
    },
  };
}

export function drawAccrueInterest({ stage }: Table): Act {
  return {
    kind: "accrueInterest",
    says: "interest is accrued",
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.vault,
    data: stage.plimsoll.vault.interface.encodeFunctionData("accrueInterest"),
    after: 1n,
    touched: [],
    apply: (world) => {
      const { pool } = world;
      const { supplyIndex } = poolNow(world);
      accrue(world);
      return namesOf({
        "debts grow": world.pool.borrowIndex > pool.borrowIndex,
        "lenders earn": supplyIndex > pool.supplyIndex,
      });
    },
  };
}
