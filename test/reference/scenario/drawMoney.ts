import { type AccountId, ownerOf, WAD } from "../../../sdk/index.js";
import { max } from "../margin.js";
import { RIGHTS, deposit, isAuthorized, setOperator, transfer, withdraw } from "../model/vault.js";
import { Refusal } from "../model/refusal.js";
import { portfolioOf, withdrawable } from "../model/valuation.js";
import type { Act } from "./act.js";
import { namesOf } from "./news.js";
import {
  callerFor,
  chance,
  logBetween,
  otherThan,
  partOf,
  type Table,
  wad,
  knownMargin,
} from "./table.js";

/** Deposits, withdrawals, transfers and operators. */

/** A token that is worth something, now and then one that is not listed. */
function drawToken(table: Table): { place: number | undefined; token: string } {
  const { addresses } = table.stage;
  if (chance(table, 0.02)) return { place: undefined, token: addresses.unlisted };
  const place = chance(table, 0.55) ? 0 : 1 + Math.floor(table.dice.next() * 3);
  return { place, token: addresses.tokens[place]! };
}

/** Dollars' worth of a token, near enough [token]. */
export function amountFor({ world }: Table, place: number, dollars: number): bigint {
  const dollarsEach = [1, 3_000, 3_600, 100_000][place]!;
  return (wad(dollars / dollarsEach) * 10n ** BigInt(world.rules.tokens[place]!.decimals)) / WAD;
}

export function depositOf(
  table: Table,
  request: { account: AccountId; place: number | undefined; amount: bigint; caller: string },
): Act {
  const { account, place, amount, caller } = request;
  const { addresses, plimsoll } = table.stage;
  const token = place === undefined ? addresses.unlisted : addresses.tokens[place]!;
  return {
    kind: "deposit",
    says: `${caller} deposits ${amount} of token ${place ?? "unlisted"} to ${account}`,
    from: caller,
    to: addresses.vault,
    data: plimsoll.vault.interface.encodeFunctionData("deposit", [account, token, amount]),
    after: 1n,
    touched: [account],
    apply: (world) => {
      const wasAboveCap =
        place !== undefined &&
        world.custody[place]!.tracked + amount > world.rules.tokens[place]!.depositCap;
      deposit(world, caller, request);
      return wasAboveCap ? ["a deposit above the cap defends an account"] : [];
    },
  };
}

/** Cash beyond what the vault takes, to an account that is in need if there is one. */
function drawOverflow(table: Table): Act {
  const { world, accounts, dice, stage } = table;
  const inNeed = accounts.filter((id) => {
    const margin = knownMargin(world, id);
    return margin !== undefined && margin.equity < margin.initial;
  });
  const account = dice.pick(inNeed.length > 0 ? inNeed : accounts);
  const room = world.rules.tokens[0]!.depositCap - world.custody[0]!.tracked;
  const amount = max(room, 0n) + dice.pick([0n, 1n, amountFor(table, 0, 500)]);
  return depositOf(table, { account, place: 0, amount, caller: stage.plimsoll.stranger.address });
}

export function drawDeposit(table: Table): Act {
  if (chance(table, 0.03)) return drawOverflow(table);
  const { world, accounts, dice, stage } = table;
  const account = chance(table, 0.05) ? world.rules.fund : dice.pick(accounts);
  const { place } = drawToken(table);
  const callers = [...stage.owners, stage.plimsoll.stranger].map(({ address }) => address);
  const caller =
    account === world.rules.fund || chance(table, 0.2) ? dice.pick(callers) : ownerOf(account);
  const dollars = chance(table, 0.3)
    ? logBetween(table, 10_000, 300_000)
    : logBetween(table, 1, 10_000);
  const amount = chance(table, 0.04) ? dice.pick([0n, 1n]) : amountFor(table, place ?? 0, dollars);
  return depositOf(table, { account, place, amount, caller });
}

export function drawWithdraw(table: Table): Act {
  const { dice, stage } = table;
  const account = dice.pick(table.accounts);
  const { place, token } = drawToken(table);
  const caller = callerFor(table, account);
  const toNobody = chance(table, 0.02);
  const amount = drawOutgoing(table, account, place ?? 0);
  const receiver = toNobody ? stage.addresses.vault : stage.plimsoll.stranger.address;
  const data = stage.plimsoll.vault.interface.encodeFunctionData("withdraw", [
    account,
    token,
    amount,
    receiver,
  ]);
  return {
    kind: "withdraw",
    says: `${caller} withdraws ${amount} of token ${place ?? "unlisted"} from ${account}`,
    from: caller,
    to: stage.addresses.vault,
    data,
    after: 1n,
    touched: [account],
    apply: (state) => {
      const isMost =
        place !== undefined && amount > 0n && amount === withdrawableOr0(state, account, place);
      const before = portfolioOf(state, account).cash;
      const mayLeave = isMost && !toNobody && isAuthorized(state, account, caller, "withdraw");
      try {
        withdraw(state, caller, { account, place, amount, toNobody });
      } catch (reason) {
        if (mayLeave) throw new Error("What is withdrawable is refused", { cause: reason });
        throw reason;
      }
      const { cash, positions } = portfolioOf(state, account);
      return namesOf({
        "all that is withdrawable is withdrawn": isMost,
        "a loan is taken": cash < 0n && before >= 0n,
        "a debtor borrows more": cash < before && before < 0n,
        "a loan is taken against a position": cash < 0n && positions.length > 0,
        "all that may be borrowed is": isMost && cash < 0n,
      });
    },
  };
}

/** What could leave, a little more, some of what is held, everything and more. */
function drawOutgoing(table: Table, account: AccountId, place: number): bigint {
  const { world } = table;
  const { cash, collateral } = portfolioOf(world, account);
  const unit = 10n ** BigInt(world.rules.tokens[0]!.decimals);
  const held = place === 0 ? (cash > 0n ? (cash * unit) / WAD : 0n) : collateral[place - 1]!;
  const most = withdrawableOr0(world, account, place);
  const roll = table.dice.next();
  // More than there is of cash is a loan.
  if (most > held && chance(table, 0.3)) return held + table.dice.between(1n, most - held);
  if (most > held && chance(table, 0.1))
    return most + (BigInt(world.rules.cash.borrowCap) * unit) / 4n;
  if (roll < 0.15) return most;
  if (roll < 0.25) return most + 1n;
  if (roll < 0.75) return partOf(table, held / 2n) + 1n;
  if (roll < 0.85) return partOf(table, held) + 1n;
  if (roll < 0.92) return held;
  return roll < 0.97 ? held + 1n : 0n;
}

function withdrawableOr0(world: Table["world"], account: AccountId, place: number): bigint {
  try {
    return withdrawable(world, account, place);
  } catch (reason) {
    if (reason instanceof Refusal) return 0n;
    throw reason;
  }
}

export function drawTransfer(table: Table): Act {
  const { dice, stage, accounts } = table;
  const from = dice.pick(accounts);
  const siblings = accounts.filter((other) => other !== from && ownerOf(other) === ownerOf(from));
  const isSane = chance(table, 0.9) && siblings.length > 0;
  const to = isSane ? dice.pick(siblings) : chance(table, 0.5) ? from : otherThan(table, from);
  const { place, token } = drawToken(table);
  const caller = callerFor(table, from);
  const amount = drawOutgoing(table, from, place ?? 0);
  return {
    kind: "transfer",
    says: `${caller} transfers ${amount} of token ${place ?? "unlisted"} from ${from} to ${to}`,
    from: caller,
    to: stage.addresses.vault,
    data: stage.plimsoll.vault.interface.encodeFunctionData("transfer", [from, to, token, amount]),
    after: 1n,
    touched: [from, to],
    apply: (world) => {
      transfer(world, caller, { from, to, place, amount });
      return [];
    },
  };
}

export function drawOperator(table: Table): Act {
  const { dice, stage, world } = table;
  const caller = dice.pick(stage.owners).address;
  const operator = dice.pick([...stage.owners, stage.plimsoll.stranger]).address;
  const permissions = chance(table, 0.1) ? 16 : dice.pick([0, ...Object.values(RIGHTS), 15]);
  const until = world.now + BigInt(Math.floor(logBetween(table, 10, 1e6)));
  return {
    kind: "setOperator",
    says: `${caller} gives ${operator} the rights ${permissions} until ${until}`,
    from: caller,
    to: stage.addresses.vault,
    data: stage.plimsoll.vault.interface.encodeFunctionData("setOperator", [
      operator,
      permissions,
      until,
    ]),
    after: 1n,
    touched: [],
    apply: (state) => {
      setOperator(state, caller, { operator, permissions, until });
      return [];
    },
  };
}
