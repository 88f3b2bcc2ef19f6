import { formatWad } from "../../sdk/index.js";
import { netOf } from "./funding.js";
import type { Loan } from "./loans.js";
import { type MoneyTotals, readFunding } from "./money.js";
import type { Play } from "./run.js";
import { unitOf } from "./tables.js";

/** What one market's funding has moved, in whole units; rates are per year and as they are at the end. */
export interface FundingReport {
  readonly instrument: string;
  /** Paid by longs to shorts, through the interest part of the rate. */
  readonly interest: string;
  /** Paid by longs to shorts for premiums above the index. */
  readonly above: string;
  /** Paid by shorts to longs for premiums below it. */
  readonly below: string;
  /** All that longs paid shorts; negative: shorts paid longs. */
  readonly net: string;
  readonly rate: string;
  readonly premium: string;
}

/** What debts have paid and to whom, in whole units; rates are per year and as they are at the end. */
export interface InterestReport {
  readonly paid: string;
  readonly earned: string;
  readonly fund: string;
  /** What lenders bore of losses. */
  readonly borne: string;
  readonly borrowRate: string;
  readonly supplyRate: string;
  readonly debt: string;
  readonly loans: readonly {
    readonly account: string;
    readonly amount: string;
    readonly paid: string;
  }[];
}

/** Funding and interest of the whole run. */
export async function reportMoney(
  { market, register }: Play,
  { totals, loans }: { totals: MoneyTotals; loans: readonly Loan[] },
): Promise<{ funding: FundingReport[]; interest: InterestReport }> {
  const rates = await readFunding(market);
  const { borrowRate, supplyRate, debt } = await market.vault.cashPool();
  const { paid, earned, fund, borne } = totals.interest;
  const amounts = { paid, earned, fund, borne, borrowRate, supplyRate, debt };
  return {
    funding: totals.funding.map((total) => {
      const { rate = 0n, premium = 0n } =
        rates.find(({ instrument }) => instrument === total.instrument) ?? {};
      return {
        instrument: `${unitOf(market, total.instrument)}-PERP`,
        interest: formatWad(total.interest),
        above: formatWad(total.above),
        below: formatWad(total.below),
        net: formatWad(netOf(total)),
        rate: formatWad(rate),
        premium: formatWad(premium),
      };
    }),
    interest: {
      ...(Object.fromEntries(
        Object.entries(amounts).map(([name, amount]) => [name, formatWad(amount)]),
      ) as Record<keyof typeof amounts, string>),
      loans: loans.map(({ participant, amount }) => ({
        account: participant.role.name,
        amount: formatWad(amount),
        paid: formatWad(register.index.interest.paidByAccount(participant.account)),
      })),
    },
  };
}
