import { chartsOf } from "./charts.js";
import { count, dayOf, lengthOf, percent } from "./format.js";
import type { Detail, Question, Results } from "./results.js";
import { initialRows, type Rows, ruleRows, sliceRows } from "./rows.js";
import { drawChart, escape } from "./svg.js";
import { findings } from "./verdict.js";

const STYLE = `
body { font: 15px/1.5 sans-serif; color: #222; max-width: 1000px; margin: 2em auto; padding: 0 1em; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5em; border-top: 2px solid #0072b2; padding-top: .6em; }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; } .wide { overflow-x: auto; }
th, td { padding: .3em .7em; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
th:first-child, td:first-child, td.words { text-align: left; } th { background: #f4f6f8; }
figure { margin: 2em 0; break-inside: avoid; } figure h4 { margin: 0 0 .2em; }
figcaption { color: #555; font-size: 13px; } svg { width: 100%; height: auto; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1em; } .note { color: #555; }
@media (max-width: 700px) { .pair { grid-template-columns: 1fr; } }`;

/** One page with everything in it: no script, no font, no picture from elsewhere. */
export function pageOf(
  files: readonly { results: Results; detail: Detail }[],
  question: Question,
): string {
  return [
    `<!doctype html>`,
    `<html lang="en"><head><meta charset="utf-8"><title>Margin backtest</title>`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>`,
    `<h1>What a margin requirement would have been, and when it was not enough</h1>`,
    ...method(question),
    ...files.flatMap(({ results, detail }) => section(results, detail)),
    `</body></html>`,
    "",
  ].join("\n");
}

function method({ coverage, fixed }: Question): string[] {
  return [
    "The maintenance requirement is what a position must keep as equity, as a share of its notional. Below it anyone may liquidate; what the price moves beyond it before that happened is a loss that others bear.",
    `At the beginning of each stretch the requirement is set from what the oracle knew then. It is <b>breached</b> when the price moves further within the stretch than it asked for, up or down, by highs and lows. A <b>shortfall</b> is what the move is beyond the requirement.`,
    `<b>Three rules.</b> Static: one rate. Pure EWMA: k x sigma, the slow volatility with a half-life of 72 hours, without floor or cap. Chosen rule: clamp(A + B x sigma, floor, cap), to the wei as the contract computes it. <b>At equal coverage</b> each rule, floor and cap included, is multiplied by one number so that ${percent(coverage, 2)} of the stretches are not breached. The chosen rule also stands as deployed, against a static ${percent(fixed)} and against a static rate that asks as much as it does on average.`,
    "What this does not show: the oracle's delay beyond what the rounds themselves have, the liquidator's time and incentive, size, and a future that is unlike the past. Bars of an hour hide when within it a move happened; a requirement that must last an hour is a hard test for one that is read at every trade.",
  ].map((text) => `<p>${text}</p>`);
}

function section(results: Results, detail: Detail): string[] {
  const [small, large] = partition(chartsOf(results, detail), ({ width }) => width !== undefined);
  const figure = (chart: (typeof large)[number]): string =>
    `<figure><h4>${escape(chart.title)}</h4>${drawChart(chart)}<figcaption>${escape(chart.caption)}</figcaption></figure>`;
  return [
    `<h2>${escape(results.market.name)}: ${escape(results.series.file)}</h2>`,
    `<p class="note">${escape(about(results))}</p>`,
    `<ul>${findings(results)
      .map((text) => `<li>${escape(text)}</li>`)
      .join("")}</ul>`,
    `<h3>All rules</h3>`,
    tableOf(ruleRows(results)),
    `<p class="note">All shortfalls: their sum, for positions of one size. Scaled by: of the pure EWMA, its requirement at a volatility of 100 %.</p>`,
    `<h3>By year</h3>`,
    tableOf(sliceRows(results, "year")),
    `<h3>By volatility</h3>`,
    tableOf(sliceRows(results, "regime")),
    `<h3>Initial requirement and bounds, as deployed</h3>`,
    tableOf(initialRows(results)),
    `<h3>Charts</h3>`,
    ...large.map(figure),
    `<div class="pair">${small.map(figure).join("\n")}</div>`,
  ];
}

/** What the file is and what was left out of it, in sentences. */
export function about({ series }: Results): string {
  const rows = `${count(series.rows)} ${series.shape === "candles" ? `candles of ${lengthOf(series.spacing)}` : "rounds"}`;
  const left =
    series.shape === "candles"
      ? `${count(series.holes)} bars are missing; ${count(series.skipped)} stretches that they fall into are left out, and a return over them counts with the time that it took.`
      : `The feed was silent for too long ${count(series.holes)} times; ${count(series.skipped)} stretches are left out for that. Between two rounds the price counts as unmoved.`;
  return `${rows} from ${dayOf(series.from)} to ${dayOf(series.to)}; stretches of ${lengthOf(series.horizon)}. ${left}`;
}

function tableOf([head = [], ...rows]: Rows): string {
  const cells = (tag: "th" | "td", row: readonly string[]): string =>
    row
      .map((cell) => {
        const words = tag === "td" && !/^[-\d]/.test(cell) ? ` class="words"` : "";
        return `<${tag}${words}>${escape(cell)}</${tag}>`;
      })
      .join("");
  return `<div class="wide"><table><thead><tr>${cells("th", head)}</tr></thead><tbody>${rows
    .map((row) => `<tr>${cells("td", row)}</tr>`)
    .join("")}</tbody></table></div>`;
}

function partition<Item>(
  items: readonly Item[],
  holds: (item: Item) => boolean,
): [yes: Item[], no: Item[]] {
  return [items.filter(holds), items.filter((item) => !holds(item))];
}
