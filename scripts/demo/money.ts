import Table from "cli-table3";
import { change, toNumber, usd } from "./format.js";
import { type FundingTotals, netOf } from "./funding.js";
import type { InterestTotals } from "./interest.js";
import type { Loan } from "./loans.js";
import type { Market } from "./market.js";
import type { Play } from "./run.js";
import { NO_BORDER, unitOf } from "./tables.js";
import { type Palette, wrap } from "./terminal.js";

/** What one market's funding is at a moment. */
export interface FundingReading {
  readonly instrument: bigint;
  /** [wad per year] */
  readonly rate: bigint;
  /** The premium's part of it [wad per year]. */
  readonly premium: bigint;
}

/** What cash costs and earns at a moment. */
interface CashReading {
  /** [wad per year] */
  readonly borrowRate: bigint;
  /** [wad per year] */
  readonly supplyRate: bigint;
  /** All debts together [wad]. */
  readonly debt: bigint;
}

/** Funding and interest since the beginning. */
export interface MoneyTotals {
  readonly funding: readonly FundingTotals[];
  readonly interest: InterestTotals;
}

/** Asks the chain for every market's rate now. */
export async function readFunding({
  instruments,
  clearinghouse,
}: Market): Promise<FundingReading[]> {
  return Promise.all(
    Object.values(instruments).map(async (instrument) => {
      const { rate, premium } = await clearinghouse.fundingOf(instrument);
      return { instrument, rate, premium };
    }),
  );
}

/** Counts all that funding and interest have moved until now. */
async function readTotals({ market, register }: Play): Promise<MoneyTotals> {
  const { index } = register;
  await index.update();
  const { supplyIndex: supply, borrowIndex: borrow } = await market.vault.cashPool();
  index.interest.accrue({ supply, borrow });
  return {
    funding: index.funding.totalsAt(await market.chain.now()),
    interest: index.interest.totals(await market.vault.interestReserve()),
  };
}

/** Says what funding and cash cost at this moment. */
export async function printRates({ market, terminal: { paint, say } }: Play): Promise<void> {
  const rates = describeRates(await readFunding(market), market);
  const cash = describeCash(await market.vault.cashPool());
  say(`  ${paint.strong("funding".padEnd(9))} ${rates}`);
  say(`  ${paint.strong("cash".padEnd(9))} ${cash}`, "");
}

/** Explains funding and shows it for the first time. */
export async function introduceFunding(play: Play): Promise<void> {
  const { paint, say, width } = play.terminal;
  const text =
    "Funding keeps a perpetual's price near its index: while it trades above, longs pay shorts, while it trades below, shorts " +
    "pay longs, by the second. Most want to buy here, so makers quote a little above the index: that premium shows in the " +
    "rate, and fades within five minutes without trades. What is left then is a small interest that longs pay.";
  say("", ...wrap(text, { width, indent: 2 }).map(paint.faint));
  await printRates(play);
}

/** What funding and interest came to, in a table and two sentences. */
export async function printTotals(play: Play, loans: readonly Loan[]): Promise<MoneyTotals> {
  const { market, terminal } = play;
  const { paint, say, width } = terminal;
  const totals = await readTotals(play);
  say(fundingTable(totals.funding, { rates: await readFunding(market), market, paint }), "");
  const ledger = play.register.index.interest;
  const borrowed = loans.map(({ participant, amount }) => {
    const paid = ledger.paidByAccount(participant.account);
    return `${participant.role.name}'s loan of ${usd(amount)} has cost ${usd(paid)} so far.`;
  });
  for (const sentence of [...describeInterest(totals.interest), ...borrowed]) {
    say(...wrap(sentence, { width, indent: 2 }));
  }
  return totals;
}

/** Who paid whom, by market, with the rates now. */
export function fundingTable(
  totals: readonly FundingTotals[],
  {
    rates,
    market,
    paint,
  }: { rates: readonly FundingReading[]; market: Pick<Market, "instruments">; paint: Palette },
): string {
  const head = ["funding", "interest", "premium above", "premium below", "in all", "rate now"];
  const table = new Table({
    head: [...head, "premium now"].map(paint.faint),
    chars: NO_BORDER,
    colAligns: ["left", "right", "right", "right", "left", "right", "right"],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const total of totals) {
    const now = rates.find(({ instrument }) => instrument === total.instrument);
    table.push([
      paint.strong(`${unitOf(market, total.instrument)}-PERP`),
      usd(total.interest),
      usd(total.above),
      usd(-total.below),
      whoPaid(netOf(total)),
      now === undefined ? "–" : perYear(now.rate),
      now === undefined ? "–" : perYear(now.premium),
    ]);
  }
  return table.toString();
}

/** "longs paid shorts $12". */
export function whoPaid(net: bigint): string {
  if (net === 0n) return "nobody paid anybody";
  return net > 0n ? `longs paid shorts ${usd(net)}` : `shorts paid longs ${usd(-net)}`;
}

/** Interest in sentences. */
export function describeInterest({ paid, earned, fund, borne }: InterestTotals): string[] {
  if (paid === 0n) return ["Nobody was in debt, so no interest was paid."];
  const sentences = [
    `Borrowers paid ${usd(paid)} of interest: ${usd(earned)} went to those who have cash, ${usd(fund)} to the insurance fund.`,
  ];
  if (borne > 0n) sentences.push(`Those who have cash bore ${usd(borne)} of the losses of others.`);
  return sentences;
}

/** "ETH +12.0 % a year (premium +1.0 %)". */
export function describeRates(
  rates: readonly FundingReading[],
  market: Pick<Market, "instruments">,
): string {
  return rates
    .map(
      ({ instrument, rate, premium }) =>
        `${unitOf(market, instrument)} ${perYear(rate)} a year, of which premium ${perYear(premium)}`,
    )
    .join("; ");
}

function describeCash({ borrowRate, supplyRate, debt }: CashReading): string {
  return debt === 0n
    ? "nobody is in debt"
    : `debts of ${usd(debt)} pay ${percentOf(borrowRate, 2)} a year, all cash earns ${percentOf(supplyRate, 4)}`;
}

function perYear(rate: bigint): string {
  return change(toNumber(rate));
}

function percentOf(rate: bigint, digits: number): string {
  return `${(toNumber(rate) * 100).toFixed(digits)} %`;
}
