import { wadOfAmount, WAD } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import { marketEventsOf } from "./events.js";
import type { Market } from "./market.js";

/** Dollars that somebody took out against collateral. */
export interface Loan {
  readonly participant: Participant;
  /** [wad] */
  readonly amount: bigint;
}

/** An account's variation became cash, which is a debt now. */
export interface SettlementRecord {
  readonly kind: "settlement";
  readonly account: string;
  /** What became cash; a loss [wad]. */
  readonly variation: bigint;
  /** Cash afterwards, below 0 [wad]. */
  readonly cash: bigint;
}

/** Everybody who wants a loan withdraws more dollars than it has, as far as its margin allows: nothing has to be asked for. */
export async function takeLoans(
  market: Market,
  participants: readonly Participant[],
): Promise<Loan[]> {
  const { chain, vault, engine, settlement } = market;
  const loans: Loan[] = [];
  for (const participant of participants) {
    const { role, wallet, account } = participant;
    if (role.loan === 0) continue;
    const wanted = BigInt(role.loan) * 10n ** BigInt(settlement.decimals);
    const most = await engine.withdrawable(account, settlement.address);
    const amount = wanted < most ? wanted : most;
    if (amount === 0n) continue;
    const { address } = wallet;
    await chain.send(
      wallet,
      await vault.withdraw.populateTransaction(account, settlement.address, amount, address),
    );
    loans.push({ participant, amount: wadOfAmount(amount, settlement.decimals) });
  }
  return loans;
}

/**
 * Turns an account's losses into cash when they are more than the cash it has. Anyone may do so, and its creditors have a
 * reason: a loss on paper costs its owner nothing, a debt bears interest.
 */
export async function settleIntoDebt(market: Market, account: string): Promise<SettlementRecord[]> {
  const { chain, vault, clearinghouse, operator } = market;
  const open = await clearinghouse.openPositionsOf(account);
  let value = 0n;
  for (const { instrument, size, realQuote } of open) {
    value += (size * (await clearinghouse.markOf(instrument))) / WAD + realQuote;
  }
  // A dollar below nothing is no debt worth a transaction.
  if (value >= 0n || (await vault.cashOf(account)) + value > -WAD) return [];
  const request = await clearinghouse.settleVariation.populateTransaction(account);
  const receipt = await chain.send(operator, request);
  const settled = marketEventsOf(market, receipt).find(({ name }) => name === "VariationSettled");
  if (settled?.name !== "VariationSettled") return [];
  const { variation } = settled;
  return [{ kind: "settlement", account, variation, cash: await vault.cashOf(account) }];
}
