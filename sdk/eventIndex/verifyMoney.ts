import { perYear, fundingRateAt, premiumAt, type FundingState } from "../funding.js";
import type { AccountId } from "../ids.js";
import { presentOf, type CashPool } from "../interest.js";
import { figuresOf, loanRoomOf } from "../lending.js";
import { bpsDown, max, min } from "../wad.js";
import { openNotionalOf } from "./clearinghouseEvents.js";
import { forEach, someOf } from "./comparison.js";
import {
  accountOf,
  cashPoolAt,
  insuranceFundOf,
  listedToken,
  openInterestOf,
  positionsAt,
  sidesAt,
} from "./projection.js";
import type { IndexState } from "./state.js";
import type { Verification } from "./verify.js";

const OUTFLOW_WINDOW = 86_400n;

/** Tokens, cash of all accounts together, and operators. */
export async function verifyVault(at: Verification): Promise<void> {
  const { comparison, contracts, index, overrides, time } = at;
  const { vault } = contracts;
  const { deployment, state } = index;
  const pool = cashPoolAt(state, time);
  const { settlementDecimals, settlementToken } = deployment;
  comparison.same("SETTLEMENT_TOKEN", settlementToken, await vault.SETTLEMENT_TOKEN(overrides));
  const decimals = await vault.SETTLEMENT_DECIMALS(overrides);
  comparison.same("SETTLEMENT_DECIMALS", BigInt(settlementDecimals), decimals);
  comparison.sameFields("cashPool", { ...figuresOf(pool) }, await vault.cashPool(overrides));
  comparison.sameFields("cashRules", { ...pool.rules }, await vault.cashRules(overrides));
  comparison.same("interestReserve", pool.reserved, await vault.interestReserve(overrides));
  comparison.same(
    "loanRoom",
    loanRoomOf({ ...pool, borrowCap: pool.rules.borrowCap }),
    await vault.loanRoom(overrides),
  );
  comparison.same("the sum of all debts' principals", debtOf(state), state.singles.pool.debt);

  await forEach([settlementToken, ...state.singles.tokens], async (token) => {
    const tracked = state.custody.get(token)?.tracked ?? 0n;
    comparison.same(`trackedOf(${token})`, tracked, await vault.trackedOf(token, overrides));
    const releasable = releasableOf(state, token, time);
    comparison.same(
      `releasableOf(${token})`,
      releasable,
      await vault.releasableOf(token, overrides),
    );
    const limits = state.limits.get(token) ?? NO_LIMITS;
    const said = await vault.tokenLimitsOf(token, overrides);
    comparison.sameFields(`tokenLimitsOf(${token})`, { ...limits }, said);
  });
  await forEach(someOf(state.operators, at.mostOfUsers), async ([key, rights]) => {
    const [owner, operator] = key.split("/") as [string, string];
    const said = await vault.operatorOf(owner, operator, overrides);
    comparison.sameFields(`operatorOf(${key})`, { ...rights }, said);
  });
}

const NO_LIMITS = { depositCap: 0n, outflowAmount: 0n, outflowBps: 0n } as const;

function debtOf({ accounts }: IndexState): bigint {
  let debt = 0n;
  for (const { principal } of accounts.values()) if (principal < 0n) debt -= principal;
  return debt;
}

/** How many tokens can leave at a time: `Vault.releasableOf` [token]. */
function releasableOf(state: IndexState, token: string, time: bigint): bigint {
  const custody = state.custody.get(token);
  if (custody === undefined) return 0n;
  const { outflowAmount, outflowBps } = state.limits.get(token) ?? NO_LIMITS;
  const elapsed = min(time - custody.changedAt, OUTFLOW_WINDOW);
  const outflow = (custody.netOutflow * (OUTFLOW_WINDOW - elapsed)) / OUTFLOW_WINDOW;
  const share = bpsDown(max(custody.tracked + outflow, 0n), outflowBps);
  return min(custody.tracked, max(max(outflowAmount, share) - outflow, 0n));
}

const NO_FUNDING: FundingState = {
  longIndex: 0n,
  shortIndex: 0n,
  mark: 0n,
  interest: 0n,
  premium: 0n,
  accruedAt: 0n,
};

/** What the clearinghouse keeps for all accounts together, and its instruments. */
export async function verifyBooks(at: Verification): Promise<void> {
  const { comparison, contracts, index, overrides, time } = at;
  const { clearinghouse, marginEngine } = contracts;
  const { singles, ...tables } = index.state;
  comparison.same("reserve", singles.books.reserve, await clearinghouse.reserve(overrides));
  comparison.same("deficit", singles.books.deficit, await clearinghouse.deficit(overrides));
  const openNotional = openNotionalOf(index.state);
  comparison.same("openNotional", openNotional, await clearinghouse.openNotional(overrides));
  const { underlying, allowedBps, depegged } = singles.peg;
  const peg = { underlying: BigInt(underlying), allowedBps, depegged };
  comparison.sameFields("peg", peg, await clearinghouse.peg(overrides));
  const shares = await clearinghouse.feeShares(overrides);
  comparison.sameFields("feeShares", { ...singles.feeShares }, shares);
  comparison.same(
    "insuranceFund",
    insuranceFundOf(index),
    await clearinghouse.insuranceFund(overrides),
  );
  const { endOfBlend, marginEngine: engine } = singles.wiring;
  comparison.same("the margin engine", engine, await marginEngine.getAddress());
  comparison.same("endOfBlend", endOfBlend, await marginEngine.endOfBlend(overrides));
  await forEach(tables.venues.keys(), async (venue) => {
    comparison.same(`isVenue(${venue})`, true, await clearinghouse.isVenue(venue, overrides));
  });

  await forEach(
    new Set([...tables.interest.keys(), ...tables.funding.keys()]),
    async (instrument) => {
      const net = tables.interest.get(instrument)?.net ?? 0n;
      comparison.same(`the sum of all sizes of ${instrument}`, net, 0n);
      const open = await clearinghouse.openInterestOf(instrument, overrides);
      comparison.same(
        `openInterestOf(${instrument})`,
        openInterestOf(index.state, instrument),
        open,
      );
      const funding = tables.funding.get(instrument) ?? NO_FUNDING;
      const expected = {
        rate: perYear(fundingRateAt(funding, time)),
        premium: perYear(premiumAt(funding, time)),
        ...sidesAt(index.state, instrument, time),
      };
      const said = await clearinghouse.fundingOf(instrument, overrides);
      comparison.sameFields(`fundingOf(${instrument})`, expected, said);
    },
  );
}

/** Everything about some accounts: cash, collateral, positions with their order, flags and calls. */
export async function verifyAccounts(
  at: Verification,
  accounts: Iterable<AccountId>,
): Promise<void> {
  const pool = cashPoolAt(at.index.state, at.time);
  await forEach(accounts, (account) => verifyAccount(at, account, pool));
}

async function verifyAccount(
  { comparison, contracts, index, overrides, time }: Verification,
  account: AccountId,
  pool: CashPool,
): Promise<void> {
  const { clearinghouse, vault } = contracts;
  const { state } = index;
  const stored = accountOf(state, account);
  const held = stored.collateral
    .map(({ token, amount }) => ({ place: BigInt(listedToken(state, token).place), amount }))
    .sort((a, b) => Number(a.place - b.place));
  const balances = {
    cash: presentOf(stored.principal, pool),
    tokens: held.reduce((bits, { place }) => bits | (1n << place), 0n),
    amounts: held.map(({ amount }) => amount),
  };
  const said = await vault.balancesOf(account, overrides);
  comparison.sameFields(`balancesOf(${account})`, balances, said);

  const open = await clearinghouse.openPositionsOf(account, overrides);
  const positions = positionsAt(state, account, time);
  comparison.same(
    `openPositionsOf(${account})`,
    positions.map(({ instrument, size, realQuote }) => [instrument, size, realQuote]),
    open.map(({ instrument, size, realQuote }) => [instrument, size, realQuote]),
  );
  for (const { instrument, quote, size } of stored.positions) {
    const position = await clearinghouse.positionOf(account, instrument, overrides);
    comparison.sameFields(`positionOf(${account}, ${instrument})`, { size, quote }, position);
  }
  const flaggedAt = await clearinghouse.flaggedAt(account, overrides);
  comparison.same(`flaggedAt(${account})`, state.flags.get(account) ?? 0n, flaggedAt);
  const calledAt = await clearinghouse.calledAt(account, overrides);
  comparison.same(`calledAt(${account})`, state.calls.get(account) ?? 0n, calledAt);
}
