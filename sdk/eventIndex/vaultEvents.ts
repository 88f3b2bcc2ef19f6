import type { AccountId } from "../ids.js";
import {
  accruedPool,
  changedCash,
  withDebtMoved,
  positiveCashIn,
  type CashPool,
} from "../interest.js";
import { LENDING } from "../lending.js";
import { bpsDown, divUp, excess, min, ONE_BPS, WAD, wadOfAmount } from "../wad.js";
import { EMPTY_ACCOUNT, operatorKey } from "./emptyState.js";
import { authorityUpdated, mustEqual, type Handlers, type Reduction } from "./reduction.js";
import type { StoredCollateral } from "./state.js";

/** What a token's outflow is forgotten over [seconds]. */
const OUTFLOW_WINDOW = 86_400n;

/** What the vault says of cash, collateral and operators. */
export const VAULT_EVENTS: Handlers<"vault"> = {
  AuthorityUpdated: authorityUpdated,

  Deposited(at, { account, token, amount, balance }) {
    moveCustody(at, token, amount);
    if (token !== at.deployment.settlementToken) {
      changeCollateral(at, account as AccountId, { token, change: amount, balance });
      return;
    }
    changeCash(
      at,
      account as AccountId,
      wadOfAmount(amount, at.deployment.settlementDecimals),
      balance,
    );
    countTokens(at);
  },

  Withdrawn(at, { account, token, amount, balance }) {
    moveCustody(at, token, -amount);
    if (token !== at.deployment.settlementToken) {
      changeCollateral(at, account as AccountId, { token, change: -amount, balance });
      return;
    }
    const charged = wadOfAmountUp(amount, at.deployment.settlementDecimals);
    changeCash(at, account as AccountId, -charged, balance);
    countTokens(at);
  },

  Transferred(at, { from, to, token, amount, fromBalance, toBalance }) {
    if (token !== at.deployment.settlementToken) {
      changeCollateral(at, from as AccountId, { token, change: -amount, balance: fromBalance });
      changeCollateral(at, to as AccountId, { token, change: amount, balance: toBalance });
      return;
    }
    const { settlementDecimals } = at.deployment;
    changeCash(at, from as AccountId, -wadOfAmountUp(amount, settlementDecimals), fromBalance);
    changeCash(at, to as AccountId, wadOfAmount(amount, settlementDecimals), toBalance);
  },

  CashPosted(at, { account, change, cash }) {
    changeCash(at, account as AccountId, change, cash, change);
  },

  OperatorSet(at, { owner, operator, permissions, until }) {
    at.journal.set("operators", operatorKey(owner, operator), { permissions, until });
  },

  TokenLimitsSet(at, { token, limits }) {
    at.journal.set("limits", token, limits);
  },

  InterestAccrued(at, { supplyIndex, borrowIndex, reserved }) {
    const accrued = accruedPool(at.state.singles.pool, at.time);
    mustEqual(at, "The supply index", supplyIndex, accrued.supplyIndex);
    mustEqual(at, "The borrow index", borrowIndex, accrued.borrowIndex);
    mustEqual(at, "What waits for the fund", reserved, accrued.reserved);
    at.journal.put("pool", accrued);
  },

  InterestCollected(at, { collected }) {
    const pool = touchedPool(at);
    mustEqual(at, "What was collected", collected, pool.reserved);
    at.journal.put("pool", { ...pool, reserved: 0n });
  },

  LendersCharged(at, { borne, supplyIndex }) {
    const pool = touchedPool(at);
    const fall = pool.supplyIndex - supplyIndex;
    mustEqual(at, "What lenders bear", borne, (positiveCashIn(pool) * fall) / pool.supplyIndex);
    const capBps = at.state.singles.liquidation?.parameters.lendersCapBps ?? 0n;
    const cap = bpsDown(WAD, min(capBps, ONE_BPS));
    const forgotten = (cap * (at.time - pool.lostAt)) / LENDING.lossWindow;
    const lostShare = excess(pool.lostShare, forgotten) + divUp(fall, pool.supplyIndex);
    const net = pool.net - borne;
    at.journal.put("pool", { ...pool, supplyIndex, net, lostShare, lostAt: at.time });
  },

  CashRulesSet(at, { parameters }) {
    at.journal.put("pool", { ...touchedPool(at), rules: parameters });
  },

  VaultWired(at, { clearinghouse, marginEngine }) {
    const wiring = { vaultClearinghouse: clearinghouse, vaultMarginEngine: marginEngine };
    at.journal.put("wiring", { ...at.state.singles.wiring, ...wiring });
  },
};

/**
 * The pool as every act on cash finds it. Each accrues first; it says so only when the indices move, which at a rate of 0
 * they do not: then the time alone goes on.
 */
function touchedPool({ state, time }: Reduction): CashPool {
  const { pool } = state.singles;
  return pool.debt === 0n || pool.accruedAt === time ? pool : { ...pool, accruedAt: time };
}

/**
 * Replays a change of cash as `CashPool.change` does it.
 *
 * @param change What was asked for [wad].
 * @param cash What the event says that the account has afterwards [wad].
 * @param posted What of it the tokens do not account for [wad].
 */
function changeCash(
  at: Reduction,
  account: AccountId,
  change: bigint,
  cash: bigint,
  posted = 0n,
): void {
  const { journal, state, time } = at;
  const before = state.accounts.get(account) ?? EMPTY_ACCOUNT;
  let pool = touchedPool(at);
  const changed = changedCash(before.principal, change, pool);
  mustEqual(at, `The cash of ${account}`, cash, changed.cash);
  pool = withDebtMoved(pool, before.principal, changed.principal, time);
  if (posted !== 0n) pool = { ...pool, net: pool.net + posted };
  if (pool !== state.singles.pool) journal.put("pool", pool);
  const { positions, collateral } = before;
  journal.set("accounts", account, { principal: changed.principal, positions, collateral });
}

interface CollateralChange {
  readonly token: string;
  /** [token] */
  readonly change: bigint;
  /** Afterwards [token]. */
  readonly balance: bigint;
}

function changeCollateral(at: Reduction, account: AccountId, moved: CollateralChange): void {
  const { token, change, balance } = moved;
  const before = at.state.accounts.get(account) ?? EMPTY_ACCOUNT;
  const held = before.collateral.find((one) => one.token === token)?.amount ?? 0n;
  mustEqual(at, `${account} has of ${token} what`, balance, held + change);
  const others = before.collateral.filter((one) => one.token !== token);
  const collateral: readonly StoredCollateral[] =
    balance === 0n ? others : [...others, { token, amount: balance }];
  const { principal, positions } = before;
  at.journal.set("accounts", account, { principal, positions, collateral });
}

/** A token amount as a WAD, rounded up when the token has more than 18 decimals. */
function wadOfAmountUp(amount: bigint, decimals: number): bigint {
  return -wadOfAmount(-amount, decimals);
}

/** Counts tokens that came, or left, with what is not forgotten of earlier ones. */
function moveCustody({ journal, state, time }: Reduction, token: string, amount: bigint): void {
  const { tracked, netOutflow, changedAt } = state.custody.get(token) ?? {
    tracked: 0n,
    netOutflow: 0n,
    changedAt: 0n,
  };
  const elapsed = min(time - changedAt, OUTFLOW_WINDOW);
  const remembered = (netOutflow * (OUTFLOW_WINDOW - elapsed)) / OUTFLOW_WINDOW;
  journal.set("custody", token, {
    tracked: tracked + amount,
    netOutflow: remembered - amount,
    changedAt: time,
  });
}

/** The pool counts the settlement tokens of the vault; until now interest was charged on those of before. */
function countTokens({ deployment, journal, state }: Reduction): void {
  const { settlementDecimals, settlementToken } = deployment;
  const tracked = state.custody.get(settlementToken)?.tracked ?? 0n;
  const { pool } = state.singles;
  journal.put("pool", { ...pool, tokens: wadOfAmount(tracked, settlementDecimals) });
}
