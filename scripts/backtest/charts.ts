import { distributionChart, halfLifeCharts, riseChart, shareCharts } from "./curves.js";
import { COLOURS, flat, line, rangeOf, shareAxis, timeAxis, top } from "./drawing.js";
import { count, lengthOf, minuteOf, percent } from "./format.js";
import type { Detail, Results, RuleName } from "./results.js";
import { type Bar, type Chart, extremes, type Point } from "./svg.js";

/** How much is shown around the worst hour, before and after it [seconds]. */
const AROUND_WORST = { before: 3 * 86_400, after: 4 * 86_400 };

/** All charts of a file, in the order in which they are read. */
export function chartsOf(results: Results, detail: Detail): Chart[] {
  return [
    priceChart(results, detail),
    requirementChart(results, detail),
    worstChart(results, detail),
    yearChart(results),
    equalChart(results, detail),
    distributionChart(results, detail),
    riseChart(results, detail),
    ...shareCharts(results),
    ...halfLifeCharts(results),
  ];
}

function priceChart({ series, titles }: Results, { windows, moves, rules }: Detail): Chart {
  const bands = extremes(windows.time, windows.price);
  const [low, high] = rangeOf(bands);
  const log = high > low * 3;
  const breachesOf = (rule: RuleName): number[] =>
    Array.from(windows.time).filter((_, i) => (moves[i] ?? 0) > (rules[rule].rates[i] ?? 0));
  return {
    title: "Price, and when a requirement was not enough",
    caption: `Each stroke below the price is a move within ${lengthOf(series.horizon)} that was larger than the requirement at its beginning.`,
    x: timeAxis(windows.time),
    y: {
      from: low * 0.95,
      to: high * 1.05,
      log,
      label: "price [$]",
      format: count,
    },
    layers: [
      {
        kind: "band",
        title: log ? "price, logarithmic" : "price",
        colour: COLOURS.price,
        bands,
      },
      {
        kind: "strip",
        title: `breaches: ${titles.deployed}`,
        colour: COLOURS.chosen,
        at: breachesOf("deployed"),
      },
      {
        kind: "strip",
        title: `breaches: ${titles.static}`,
        colour: COLOURS.static,
        at: breachesOf("static"),
      },
    ],
    height: 360,
  };
}

function requirementChart({ titles }: Results, { windows, rules }: Detail): Chart {
  const bands = extremes(windows.time, rules.deployed.rates);
  const fixed = rules.static.rates[0] ?? 0;
  const [, high] = rangeOf(bands);
  return {
    title: "The maintenance requirement over time, as deployed",
    caption: `The chosen rule follows volatility between its floor and its cap; a static ${percent(fixed)} asks more than it in calm times and less in storms.`,
    x: timeAxis(windows.time),
    y: shareAxis(Math.max(high, fixed) * 1.1, "requirement [% of notional]"),
    layers: [
      { kind: "band", title: titles.deployed, colour: COLOURS.chosen, bands },
      flat(titles.static, fixed, windows.time),
    ],
  };
}

/** The days around the largest shortfall of the deployed rule, or around its largest requirement if it has none. */
function worstChart({ titles, series, slices }: Results, { windows, moves, rules }: Detail): Chart {
  const { rates } = rules.deployed;
  const worst =
    slices[0]?.rules.deployed.worstAt ?? windows.time[rates.indexOf(Math.max(...top(rates)))] ?? 0;
  const [from, to] = [worst - AROUND_WORST.before, worst + AROUND_WORST.after];
  const first = windows.time.findIndex((time) => time >= from);
  const after = windows.time.findIndex((time) => time > to);
  const end = after < 0 ? windows.time.length : after;
  const time = windows.time.subarray(first, end);
  const shown = moves.subarray(first, end);
  const fixed = rules.static.rates[0] ?? 0;
  const highest = Math.max(...top(shown), ...top(rates.subarray(first, end)), fixed);
  return {
    title: `The worst of it: around ${minuteOf(worst)} UTC`,
    caption: `Grey: the largest move within ${lengthOf(series.horizon)} from each moment on. Where it stands above a line, that requirement was not enough; what stands above is the shortfall.`,
    x: timeAxis(time),
    y: shareAxis(highest * 1.05, "move, requirement [% of notional]"),
    layers: [
      {
        kind: "bars",
        title: "largest move",
        colour: COLOURS.move,
        bars: extremes(time, shown).map(([x, , high]): Bar => [
          x,
          x + Math.max(series.horizon * 0.8, (to - from) / 900),
          high,
        ]),
      },
      line(
        titles.deployed,
        COLOURS.chosen,
        Array.from(time, (at, i): Point => [at, rates[first + i] ?? 0]),
      ),
      flat(titles.static, fixed, time),
    ],
  };
}

function yearChart({ slices, titles }: Results): Chart {
  const years = slices.filter(({ kind }) => kind === "year");
  const bars = (rule: RuleName, offset: number): Bar[] =>
    years.map(({ rules }, i): Bar => [i + offset, i + offset + 0.36, rules[rule].breaches]);
  const most = Math.max(
    ...years.flatMap(({ rules }) => [rules.deployed.breaches, rules.static.breaches]),
    1,
  );
  return {
    title: "Breaches by year",
    caption:
      "How often the move was larger than the requirement: the rule as deployed, and the static one as given. Fewer is better, but compare what they asked for in the table.",
    x: {
      from: 0,
      to: years.length,
      label: "year",
      format: (at) => years[Math.floor(at)]?.label ?? "",
      ticks: years.map((_, i) => i + 0.5),
    },
    y: { from: 0, to: most * 1.08, label: "breaches", format: count },
    layers: [
      {
        kind: "bars",
        title: titles.deployed,
        colour: COLOURS.chosen,
        bars: bars("deployed", 0.13),
      },
      { kind: "bars", title: titles.static, colour: COLOURS.static, bars: bars("static", 0.51) },
    ],
    height: 260,
  };
}

function equalChart({ titles }: Results, { windows, rules }: Detail): Chart {
  const ewma = extremes(windows.time, rules.ewmaEqual.rates);
  const chosen = extremes(windows.time, rules.chosenEqual.rates);
  return {
    title: "Three rules at equal coverage",
    caption:
      "All three are scaled so that they are breached equally often. The one that needs the least on average, without leaping, is the cheapest protection.",
    x: timeAxis(windows.time),
    y: shareAxis(
      Math.max(rangeOf(ewma)[1], rangeOf(chosen)[1]) * 1.05,
      "requirement [% of notional]",
    ),
    layers: [
      { kind: "band", title: titles.ewmaEqual, colour: COLOURS.ewma, bands: ewma },
      { kind: "band", title: titles.chosenEqual, colour: COLOURS.chosen, bands: chosen },
      flat(titles.staticEqual, rules.staticEqual.rates[0] ?? 0, windows.time),
    ],
  };
}
