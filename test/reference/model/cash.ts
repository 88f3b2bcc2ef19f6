import {
  type AccountId,
  divDown,
  divUp,
  mulDown,
  mulUp,
  wadOfAmount,
  WAD,
} from "../../../sdk/index.js";
import { ceilDiv, max, min } from "../margin.js";
import { shareUp } from "./units.js";
import { accountOf, type CashPool, type World } from "./world.js";

/**
 * DESIGN section 7: what cash costs and earns. With T the tokens in the vault, D all debts and S all positive cash,
 * S = T + net + D and u = 1 - T / S; debts are rounded up, what lenders have is rounded down, the fund has the rest.
 */

const YEAR = 365n * 86_400n;

/** After this time lenders may lose their whole share again [seconds]. */
const LOSS_WINDOW = 86_400n;

/** Losses bring the supply index no lower [wad]. */
const LEAST_SUPPLY_INDEX = 10n ** 12n;

/** T [wad] */
function tokensOf({ custody, rules }: World): bigint {
  return wadOfAmount(custody[0]!.tracked, rules.tokens[0]!.decimals);
}

/** D, rounded down [wad] */
function owedTo({ debt, borrowIndex }: CashPool): bigint {
  return mulDown(debt, borrowIndex);
}

/** S, never below 0 [wad] */
function positiveCashOf(world: World, pool: CashPool): bigint {
  return max(tokensOf(world) + pool.net + owedTo(pool), 0n);
}

/** u, rounded up [wad] */
function utilisationOf(world: World, pool: CashPool): bigint {
  const positive = positiveCashOf(world, pool);
  const missing = max(positive - tokensOf(world), 0n);
  return positive === 0n ? 0n : divUp(missing, positive);
}

/** base + slope x min(u, kink) + slope above x (u - kink), each rounded up [wad per year] */
function borrowRateOf({ rules: { cash } }: World, utilisation: bigint): bigint {
  const kink = (BigInt(cash.kinkBps) * WAD) / 10_000n;
  const base = (BigInt(cash.baseBps) * WAD) / 10_000n;
  const upTo = shareUp(min(utilisation, kink), cash.slopeBps);
  return base + upTo + shareUp(max(utilisation - kink, 0n), cash.slopeAboveBps);
}

/** x + x^2 / 2 + x^3 / 6 for x = rate x time, rounded up at each step [wad] */
function growthOf(rate: bigint, elapsed: bigint): bigint {
  const x = ceilDiv(rate * elapsed, YEAR);
  const square = mulUp(x, x);
  return x + ceilDiv(square, 2n) + ceilDiv(mulUp(square, x), 6n);
}

/** The pool with the interest until now. */
export function poolNow(world: World): CashPool {
  const { pool, now, rules } = world;
  if (pool.debt === 0n || pool.accruedAt === now) return pool;
  const rate = borrowRateOf(world, utilisationOf(world, pool));
  const growth = growthOf(rate, now - pool.accruedAt);
  const borrowIndex = pool.borrowIndex + mulUp(pool.borrowIndex, growth);
  const paid = mulDown(pool.debt, borrowIndex - pool.borrowIndex);

  // Lenders receive at most the growth on what they have, whatever is owed.
  const positive = positiveCashOf(world, pool);
  const lent = min(owedTo(pool), positive);
  const ofLenders = (mulDown(lent, growth) * BigInt(100 - rules.cash.reservePercent)) / 100n;
  const earned = min(ofLenders, paid);
  const rise = positive === 0n ? 0n : (pool.supplyIndex * earned) / positive;
  // S was rounded down: the fund has what a wei more of it would have left over.
  const received = ceilDiv((positive + 1n) * rise, pool.supplyIndex);
  const toFund = max(paid - received, 0n);
  return {
    ...pool,
    borrowIndex,
    supplyIndex: pool.supplyIndex + rise,
    net: pool.net - toFund,
    reserved: pool.reserved + toFund,
    accruedAt: now,
  };
}

/** Takes the interest in: first of all in every act that changes cash or the tokens behind it. */
export function accrue(world: World): void {
  world.pool = poolNow(world);
}

/** principal x index: positive cash rounded down, a debt rounded up [wad] */
function worthOf({ supplyIndex, borrowIndex }: CashPool, principal: bigint): bigint {
  return principal < 0n ? -mulUp(-principal, borrowIndex) : mulDown(principal, supplyIndex);
}

/** What an account's cash is worth now [wad]. */
export function cashOf(world: World, id: AccountId): bigint {
  return worthOf(poolNow(world), accountOf(world, id).principal);
}

/** Changes the cash of one account; the interest is taken in. */
export function changeCash(world: World, id: AccountId, change: bigint): void {
  const { pool, now } = world;
  const account = accountOf(world, id);
  const cash = worthOf(pool, account.principal) + change;
  const owedBefore = max(-account.principal, 0n);
  account.principal = cash < 0n ? -divUp(-cash, pool.borrowIndex) : divDown(cash, pool.supplyIndex);
  const owed = max(-account.principal, 0n);
  if (pool.debt === 0n && owed > 0n) pool.accruedAt = now;
  pool.debt += owed - owedBefore;
}

export type Posting = readonly [account: AccountId, cash: bigint];

/** What the clearinghouse pays and takes, in this order: each is rounded by itself. */
export function post(world: World, postings: readonly Posting[]): void {
  accrue(world);
  for (const [account, cash] of postings) {
    if (cash !== 0n) changeCash(world, account, cash);
    world.pool.net += cash;
  }
}

/** Takes the fund's part of the interest out of the pool [wad]. */
export function collectInterest(world: World): bigint {
  accrue(world);
  const { reserved } = world.pool;
  world.pool.reserved = 0n;
  return reserved;
}

/**
 * Charges a loss to all positive cash: share = loss / S, at most the cap less what was lost and is not forgotten.
 *
 * @returns What lenders bear, rounded down [wad].
 */
export function chargeLenders(world: World, loss: bigint): bigint {
  accrue(world);
  const { pool, now, rules } = world;
  const positive = positiveCashOf(world, pool);
  if (positive === 0n) return 0n;
  const cap = (WAD * BigInt(rules.liquidation.lendersCapBps)) / 10_000n;
  const lost = max(pool.lostShare - (cap * (now - pool.lostAt)) / LOSS_WINDOW, 0n);
  const share = min(divDown(min(loss, positive), positive), max(cap - lost, 0n));
  const room = max(pool.supplyIndex - LEAST_SUPPLY_INDEX, 0n);
  const fall = min(mulDown(pool.supplyIndex, share), room);
  const borne = (positive * fall) / pool.supplyIndex;
  if (borne === 0n) return 0n;
  pool.lostShare = lost + divUp(fall, pool.supplyIndex);
  pool.lostAt = now;
  pool.supplyIndex -= fall;
  pool.net -= borne;
  return borne;
}

/** All debts together if this account's cash were this; `cash` is negative [wad]. */
export function debtWith(world: World, id: AccountId, cash: bigint): bigint {
  const { pool } = world;
  const own = max(-accountOf(world, id).principal, 0n);
  return mulUp(pool.debt - own + divUp(-cash, pool.borrowIndex), pool.borrowIndex);
}

/** The most that all may owe [wad]. */
export function borrowCapOf({ rules }: World): bigint {
  return BigInt(rules.cash.borrowCap) * WAD;
}

/**
 * What can be taken from an account's cash so that not less than `least` is left, nor more owed than all may: the lowest
 * cash that is worth enough as a principal decides [wad].
 */
export function spareCash(world: World, id: AccountId, least: bigint): bigint {
  const pool = poolNow(world);
  const { principal } = accountOf(world, id);
  const cash = worthOf(pool, principal);
  if (cash <= least) return 0n;
  if (least >= 0n) {
    const kept = divUp(least, pool.supplyIndex);
    return max(cash - mulUp(kept, pool.supplyIndex), 0n);
  }
  const others = pool.debt - max(-principal, 0n);
  const room = max(divDown(borrowCapOf(world), pool.borrowIndex) - others, 0n);
  const own = divDown(min(-least, borrowCapOf(world)), pool.borrowIndex);
  return max(cash + mulDown(min(own, room), pool.borrowIndex), 0n);
}

/** What the views say of all cash, in the order of CashFigures; and how much more may be borrowed [wad]. */
export function figuresOf(world: World) {
  const pool = poolNow(world);
  const utilisation = utilisationOf(world, pool);
  const borrowRate = borrowRateOf(world, utilisation);
  const positiveCash = positiveCashOf(world, pool);
  const lent = min(owedTo(pool), positiveCash);
  const gross = positiveCash === 0n ? 0n : (borrowRate * lent) / positiveCash;
  const room = max(divDown(borrowCapOf(world), pool.borrowIndex) - pool.debt, 0n);
  return {
    supplyIndex: pool.supplyIndex,
    borrowIndex: pool.borrowIndex,
    utilisation,
    borrowRate,
    supplyRate: (gross * BigInt(100 - world.rules.cash.reservePercent)) / 100n,
    positiveCash,
    debt: mulUp(pool.debt, pool.borrowIndex),
    loanRoom: mulDown(room, pool.borrowIndex),
  };
}
