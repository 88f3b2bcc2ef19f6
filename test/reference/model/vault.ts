import { type AccountId, mulDown, ownerOf, wadOfAmount } from "../../../sdk/index.js";
import { max } from "../margin.js";
import { accrue, borrowCapOf, cashOf, changeCash, debtWith, post, type Posting } from "./cash.js";
import { releaseTokens, takeTokens } from "./custody.js";
import { demand, Refusal } from "./refusal.js";
import { priceOf } from "./oracle.js";
import { amountOfCash, cashOfAmount } from "./units.js";
import { isRiskless, marginOf, portfolioOf, requireInitial } from "./valuation.js";
import { accountOf, type World } from "./world.js";

/** Deposits, withdrawals and transfers: who may, what it is, is it there, the limits, and the margin last. */

/** Bits of an operator's rights. */
export const RIGHTS = { trade: 1, transfer: 2, withdraw: 4, liquidate: 8 } as const;

/** Whether the caller owns the account or holds the right at this moment. */
export function isAuthorized(
  world: World,
  account: AccountId,
  caller: string,
  right: keyof typeof RIGHTS,
): boolean {
  const owner = ownerOf(account);
  if (owner === caller) return true;
  const given = world.operators.get(`${owner} ${caller}`);
  if (given === undefined) return false;
  return (given.permissions & RIGHTS[right]) !== 0 && world.now <= given.until;
}

/** By anyone to any account; collateral that the account does not hold only by those who may move its tokens. */
export function deposit(
  world: World,
  caller: string,
  request: { account: AccountId; place: number | undefined; amount: bigint },
): void {
  const { account, place, amount } = request;
  demand(BigInt(ownerOf(account)) !== 0n, "InvalidReceiver");
  demand(place !== undefined, "UnknownToken");
  if (place > 0) {
    demand(world.now > (world.frozenTokens.get(place) ?? -1n), "DepositsStopped");
    const isHeld = accountOf(world, account).collateral[place - 1] !== 0n;
    const may = isHeld || isAuthorized(world, account, caller, "transfer");
    demand(may, "StrangerDepositRefused");
  }
  demand(amount > 0n, "ZeroAmount");
  // The time until now is charged by the tokens that were there.
  if (place === 0) accrue(world);
  takeTokens(world, place, amount);
  const isAboveCap = world.custody[place]!.tracked > world.rules.tokens[place]!.depositCap;
  const isExcused = place === 0 && mayTopUp(world, account, amount);
  demand(!isAboveCap || isExcused, "DepositCapExceeded");
  credit(world, account, place, amount);
}

/** Below its initial margin an account may bring as much again as that, and any amount while its margin is unknown. */
function mayTopUp(world: World, account: AccountId, amount: bigint): boolean {
  try {
    const { equity, initial } = marginOf(world, account);
    return equity < initial && wadOfAmount(amount, world.rules.tokens[0]!.decimals) <= initial;
  } catch (reason) {
    if (reason instanceof Refusal) return true;
    throw reason;
  }
}

export function withdraw(
  world: World,
  caller: string,
  request: { account: AccountId; place: number | undefined; amount: bigint; toNobody: boolean },
): void {
  const { account, place, amount } = request;
  demand(isAuthorized(world, account, caller, "withdraw"), "NotAuthorized");
  demand(amount > 0n, "ZeroAmount");
  demand(!request.toNobody, "InvalidReceiver");
  demand(place !== undefined, "UnknownToken");
  debit(world, account, { place, amount, mayBorrow: true });
  releaseTokens(world, place, amount);
  requireInitial(world, account);
}

export function transfer(
  world: World,
  caller: string,
  request: { from: AccountId; to: AccountId; place: number | undefined; amount: bigint },
): void {
  const { from, to, place, amount } = request;
  demand(isAuthorized(world, from, caller, "transfer"), "NotAuthorized");
  demand(from !== to, "SameAccount");
  demand(ownerOf(from) === ownerOf(to), "NotSameOwner");
  demand(amount > 0n, "ZeroAmount");
  demand(place !== undefined, "UnknownToken");
  debit(world, from, { place, amount, mayBorrow: false });
  credit(world, to, place, amount);
  requireInitial(world, from);
}

export function setOperator(
  world: World,
  caller: string,
  request: { operator: string; permissions: number; until: bigint },
): void {
  demand(request.permissions < 16, "UnknownPermissions");
  const { operator, permissions, until } = request;
  world.operators.set(`${caller} ${operator}`, { permissions, until });
}

/** An amount becomes cash rounded down: only tokens of more than 18 decimals lose by that. */
function credit(world: World, id: AccountId, place: number, amount: bigint): void {
  const account = accountOf(world, id);
  if (place === 0) {
    const cash = wadOfAmount(amount, world.rules.tokens[0]!.decimals);
    demand(cash > 0n, "ZeroAmount");
    changeCash(world, id, cash);
  } else {
    // What cannot be valued must not be added to an account that may have to be liquidated.
    const { underlying } = world.rules.tokens[place]!.collateral!;
    if (!isRiskless(portfolioOf(world, id))) priceOf(world, underlying);
    account.collateral[place - 1]! += amount;
  }
}

/** An amount is charged rounded up; what is more than there is of cash is a loan, which only a withdrawal may take. */
function debit(
  world: World,
  id: AccountId,
  { place, amount, mayBorrow }: { place: number; amount: bigint; mayBorrow: boolean },
): void {
  if (place === 0) {
    accrue(world);
    const rules = world.rules.tokens[0]!;
    const cash = cashOf(world, id);
    const charged = cashOfAmount(rules, amount);
    if (amount > amountOfCash(rules, max(cash, 0n))) {
      demand(mayBorrow && borrowCapOf(world) > 0n, "InsufficientBalance");
      demand(debtWith(world, id, cash - charged) <= borrowCapOf(world), "BorrowCapExceeded");
    }
    changeCash(world, id, -charged);
  } else {
    const account = accountOf(world, id);
    demand(amount <= account.collateral[place - 1]!, "InsufficientBalance");
    account.collateral[place - 1]! -= amount;
  }
}

/**
 * The fraction of cash and of each collateral, rounded down for who receives it; with the cash that changes anyway, of the two it
 * changes once.
 */
export function moveSlice(
  world: World,
  { giver, taker, fraction }: { giver: Posting; taker: Posting; fraction: bigint },
): void {
  accrue(world);
  const [[from, toFrom], [to, toTo]] = [giver, taker];
  const slice = mulDown(cashOf(world, from), fraction);
  post(world, [
    [from, toFrom - slice],
    [to, toTo + slice],
  ]);
  const [held, receiver] = [accountOf(world, from).collateral, accountOf(world, to).collateral];
  held.forEach((amount, index) => {
    const part = mulDown(amount, fraction);
    held[index]! -= part;
    receiver[index]! += part;
  });
}
