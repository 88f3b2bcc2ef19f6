import type { AccountId } from "../../../sdk/index.js";
import { abs, min } from "../margin.js";
import { cashOf } from "../model/cash.js";
import { type Closing, deleverage, dueOf, flag, writeOff } from "../model/deleverage.js";
import { positionOf } from "../model/ledger.js";
import { accountOf, copyOf } from "../model/world.js";
import type { Act } from "./act.js";
import { passTime } from "./drawMarket.js";
import { drawEscape } from "./drawTrades.js";
import { newsOfLoss } from "./news.js";
import { bankrupt, chance, otherThan, type Table } from "./table.js";

/** What is done about accounts that nobody takes over. */

function byAnyone({ stage }: Table, act: Omit<Act, "from" | "to" | "after">): Act {
  const { plimsoll, addresses } = stage;
  return { ...act, from: plimsoll.stranger.address, to: addresses.clearinghouse, after: 1n };
}

/** Accounts with a debt and nothing else. */
function bare({ world, accounts }: Table): AccountId[] {
  return accounts.filter((id) => {
    const { positions, collateral } = accountOf(world, id);
    const hasNothing = positions.length === 0 && collateral.every((amount) => amount === 0n);
    return hasNothing && cashOf(world, id) < 0n;
  });
}

/** The next step that helps: the debt is written off, the account flagged, the delay waited for, or a position closed; or one that does not. */
export function drawDefault(table: Table): Act {
  if (bare(table).length > 0 && chance(table, 0.6)) return drawWriteOff(table);
  const { world } = table;
  const [escaping] = bankrupt(table).filter((id) => accountOf(world, id).positions.length > 0);
  if (escaping !== undefined && chance(table, 0.12)) return drawEscape(table, escaping);
  if (world.flags.size > 0 && chance(table, 0.03)) return passTime(table, 90_000n);
  const flagged = bankrupt(table).find((id) => dueOf(world, id) !== undefined);
  if (flagged === undefined || chance(table, 0.15)) return drawFlag(table);
  const wait = dueOf(world, flagged)! - world.now;
  if (wait > 1n && chance(table, 0.7)) return passTime(table, wait);
  return drawDeleverage(table);
}

function drawFlag(table: Table): Act {
  const { dice, stage, world, accounts } = table;
  const [below, flagged] = [bankrupt(table), [...world.flags.keys()]];
  const unflagged = below.filter((id) => !world.flags.has(id));
  const healthy = flagged.filter((id) => !below.includes(id));
  const choices = [unflagged, healthy, below].find((ids) => ids.length > 0) ?? accounts;
  const account = dice.pick(chance(table, 0.85) ? choices : accounts);
  return byAnyone(table, {
    kind: "flag",
    says: `${account} is flagged`,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("flag", [account]),
    touched: [account],
    apply: (state) => {
      const before = state.flags.get(account);
      flag(state, account);
      if (!state.flags.has(account)) return ["a flag is removed"];
      return before === undefined ? [] : ["a flag that was too old is renewed"];
    },
  });
}

/** A position of a flagged account against somebody on the other side, at times of nobody or too much. */
function drawClosing(table: Table): Closing {
  const { world, dice, accounts, stage } = table;
  const flagged = [...world.flags.keys()];
  const isFlagged = flagged.length > 0 && chance(table, 0.95);
  const account = dice.pick(isFlagged ? flagged : accounts);
  const { positions } = accountOf(world, account);
  const isHeld = positions.length > 0 && chance(table, 0.96);
  const instrument = isHeld ? dice.pick(positions).instrument : dice.pick(stage.instruments);
  const sizeIn = (id: AccountId) => positionOf(accountOf(world, id), instrument).size;
  const opposite = accounts.filter((id) => sizeIn(id) * sizeIn(account) < 0n);
  const isSane = opposite.length > 0 && chance(table, 0.93);
  const counterparty = isSane
    ? dice.pick(opposite)
    : chance(table, 0.4)
      ? account
      : otherThan(table, account);
  const most = min(abs(sizeIn(account)), abs(sizeIn(counterparty)));
  const size = chance(table, 0.6)
    ? most
    : chance(table, 0.1)
      ? dice.pick([0n, most + 1n])
      : dice.between(1n, most + 1n);
  return { bankrupt: account, counterparty, instrument, size };
}

export function drawDeleverage(table: Table): Act {
  const { stage } = table;
  const closing = drawClosing(table);
  const { bankrupt: account, counterparty, instrument, size } = closing;
  return byAnyone(table, {
    kind: "deleverage",
    says: `${size} of ${instrument} of ${account} is closed against ${counterparty}`,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("deleverage", [
      account,
      counterparty,
      instrument,
      size,
    ]),
    touched: [account, counterparty],
    apply: (state) => {
      const before = copyOf(state);
      const { paid } = deleverage(state, closing);
      const rest = positionOf(accountOf(state, account), instrument).size;
      const news = newsOfLoss(before, state, paid).map((name) => `deleverage: ${name}`);
      return [
        ...news,
        rest === 0n ? "a whole position is closed" : "a part of a position is closed",
      ];
    },
  });
}

function drawWriteOff(table: Table): Act {
  const { dice, stage, accounts } = table;
  const bareOnes = bare(table);
  const account = dice.pick(bareOnes.length > 0 && chance(table, 0.95) ? bareOnes : accounts);
  return byAnyone(table, {
    kind: "writeOff",
    says: `the debt of ${account} is written off`,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("writeOff", [account]),
    touched: [account],
    apply: (state) => {
      const before = copyOf(state);
      const { paid } = writeOff(state, account);
      return newsOfLoss(before, state, paid).map((name) => `writeOff: ${name}`);
    },
  });
}
