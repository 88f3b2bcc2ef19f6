import { WAD } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import { type ChartMark, drawChart } from "./chart.js";
import type { StepRecord } from "./drive.js";
import { change, clock, priceOf } from "./format.js";
import { exitCodeOf, type InvariantResult } from "./invariants.js";
import type { Loan } from "./loans.js";
import type { Scenario } from "./source.js";
import { type Terminal, wrap } from "./terminal.js";

const CHART_HEIGHT = 16;
/** Columns that the chart's labels take. */
const CHART_GUTTER = 16;
const MARKS = {
  bankrupt: { symbol: "✖", weight: 5 },
  liquidation: { symbol: "x", weight: 4 },
  marginCall: { symbol: "!", weight: 2 },
  answer: { symbol: "+", weight: 3 },
} as const;

/** What the words mean, on one screen, before anything moves. */
export function printWords({ paint, say, width }: Terminal): void {
  const scale = [
    `      ${paint.loss("bankrupt")} │ ${paint.alarm("liquidatable")} │ ${paint.warning("margin call")} │ ${paint.good("healthy")}`,
    "  ─────────────┼──────────────┼─────────────┼──────────────▶  equity",
    "               0         maintenance     initial",
  ];
  say("", ...scale, "");
  const words: readonly [string, string][] = [
    [
      "equity",
      "what an account is worth at this moment: cash, collateral at its price, gains and losses of its positions.",
    ],
    [
      "initial margin",
      "what equity must be to take new risk or to withdraw. Below it: a margin call.",
    ],
    [
      "maintenance",
      "the line. Below it anyone may liquidate, that is buy a slice of everything in the account at a discount.",
    ],
    ["health", "equity divided by maintenance margin: 1 is the line."],
  ];
  for (const [word, meaning] of words) {
    const [first = "", ...rest] = wrap(meaning, { width, indent: 18 });
    say(`  ${paint.strong(word.padEnd(15))} ${first.trimStart()}`, ...rest);
  }
}

/** The path, with marks where something happened. */
export function printChart(
  { steps, driver, synthetic }: Scenario,
  { records, terminal }: { records: readonly StepRecord[]; terminal: Terminal },
): void {
  const { paint, say, width } = terminal;
  const begin = steps[0]?.time ?? 0;
  const colours: Record<string, (text: string) => string> = {
    [MARKS.bankrupt.symbol]: paint.loss,
    [MARKS.liquidation.symbol]: paint.alarm,
    [MARKS.marginCall.symbol]: paint.warning,
    [MARKS.answer.symbol]: paint.act,
  };
  const lines = drawChart(
    steps.map(({ time, prices }) => ({ time, price: prices[driver] })),
    {
      width: width - CHART_GUTTER,
      height: CHART_HEIGHT,
      marks: records.flatMap(marksOf),
      priceLabel: priceOf,
      timeLabel: (time) =>
        synthetic
          ? clock(time - begin)
          : new Date(time * 1000).toISOString().slice(5, 16).replace("T", " "),
      paint: {
        line: paint.price,
        mark: (symbol) => (colours[symbol] ?? String)(symbol),
        frame: paint.faint,
      },
    },
  );
  say(...lines.map((line) => `  ${line}`));
  if (records.length > 0) {
    say(
      "",
      `  ${paint.warning("!")} margin call   ${paint.act("+")} answered by the owner   ${paint.alarm("x")} liquidation   ${paint.loss("✖")} bankrupt account`,
    );
  }
}

function marksOf({ at, done }: StepRecord): ChartMark[] {
  return done.flatMap((record): ChartMark[] => {
    switch (record.kind) {
      case "marginCall":
        return [{ time: at.time, ...MARKS.marginCall }];
      case "liquidation":
        return [
          { time: at.time, ...(record.event.equity < 0n ? MARKS.bankrupt : MARKS.liquidation) },
        ];
      case "topUp":
      case "reduction":
        return [{ time: at.time, ...MARKS.answer }];
      case "sale":
      case "lateTrade":
      case "settlement":
      case "flag":
      case "deleverage":
      case "writeOff":
        return [];
    }
  });
}

/** The invariants with the figures behind them, and the verdict. */
export function printInvariants(
  results: readonly InvariantResult[],
  { paint, say, width }: Terminal,
): void {
  for (const { id, statement, holds, findings } of results) {
    const mark = holds ? paint.good("✔ holds ") : paint.alarm("✖ BROKEN");
    say(`  ${mark}  ${paint.strong(id)}  ${statement}`);
    for (const finding of findings) {
      say(...wrap(finding, { width, indent: 16 }).map(holds ? paint.faint : paint.alarm));
    }
  }
  const verdict =
    exitCodeOf(results) === 0
      ? paint.good(
          "  Every invariant holds. All figures were read from the chain, accounts found by its events.",
        )
      : paint.alarm("  An invariant is broken: the command fails.");
  say("", verdict, "");
}

/** What the fall was, in a line; empty when there was none. */
export function describeFall({ drawdown }: Scenario): string {
  if (drawdown === undefined) return "The price never falls.";
  const { peak, trough, drop } = drawdown;
  return `The largest fall: ${change(-drop)} from ${priceOf(peak.price)} to ${priceOf(trough.price)} within ${clock(trough.time - peak.time).slice(1)}.`;
}

/** What each account was given by its owner in all, less what the owner took out as a loan [wad]. */
export function paidIn({
  participants,
  loans,
  records,
}: {
  participants: readonly Participant[];
  loans: readonly Loan[];
  records: readonly StepRecord[];
}): Map<string, bigint> {
  const putIn = new Map<string, bigint>(
    participants.map(({ account, role }) => [account, BigInt(role.dollars) * WAD]),
  );
  for (const { participant, amount } of loans) {
    putIn.set(participant.account, (putIn.get(participant.account) ?? 0n) - amount);
  }
  for (const record of records.flatMap(({ done }) => done)) {
    if (record.kind !== "topUp") continue;
    putIn.set(record.account, (putIn.get(record.account) ?? 0n) + record.amount);
  }
  return putIn;
}
