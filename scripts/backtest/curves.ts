import { COLOURS, line, shareAxis, top } from "./drawing.js";
import { percent, times } from "./format.js";
import type { Detail, Results, RuleName } from "./results.js";
import type { Axis, Chart, Layer, Point } from "./svg.js";

export function distributionChart({ titles }: Results, { rules }: Detail): Chart {
  const curve = (rule: RuleName): Point[] =>
    exceedance(rules[rule].rates, 200).map(([rate, share]) => [rate, share]);
  const highest = Math.max(
    ...[rules.ewmaEqual, rules.chosenEqual].map(({ rates }) => Math.max(...top(rates))),
  );
  return {
    title: "Distribution of the requirement",
    caption:
      "For how much of the time the requirement was above each level, at equal coverage and as deployed. A steep curve is a requirement that traders can plan with.",
    x: { ...shareAxis(highest, "requirement [% of notional]") },
    y: { ...shareAxis(1, "share of the time above it [%]"), format: (share) => percent(share, 0) },
    layers: [
      line(titles.ewmaEqual, COLOURS.ewma, curve("ewmaEqual")),
      line(titles.chosenEqual, COLOURS.chosen, curve("chosenEqual")),
      line(titles.staticEqual, COLOURS.static, curve("staticEqual")),
      { ...line(titles.deployed, COLOURS.chosen, curve("deployed")), dashed: true },
    ],
  };
}

export function riseChart({ titles }: Results, { rules, moves }: Detail): Chart {
  const curve = (rule: RuleName): Point[] => exceedance(rules[rule].riseOfDay, 400);
  const least = 1 / moves.length;
  const highest = Math.max(...top(rules.ewmaEqual.riseOfDay), 1.5);
  return {
    title: "How fast the requirement rises",
    caption:
      "For how much of the time the requirement stood above its lowest of the last 24 hours by each factor. Rises meet traders who are already losing: the further left, the milder. A static requirement never rises.",
    x: {
      from: 1,
      to: highest,
      label: "requirement against its lowest of 24 hours [times]",
      format: (value) => times(value, 1),
    },
    y: {
      from: least,
      to: 1,
      log: true,
      label: "share of the time [%]",
      format: (share) => percent(share, Math.max(-Math.floor(Math.log10(share * 100) + 1e-9), 0)),
    },
    layers: [
      line(titles.ewmaEqual, COLOURS.ewma, curve("ewmaEqual")),
      line("chosen rule", COLOURS.chosen, curve("deployed")),
    ],
  };
}

export function shareCharts({ staticShares, staticShare }: Results): Chart[] {
  const x: Axis = {
    from: 0,
    to: 1,
    label: "static share of the rate [%]",
    format: (share) => percent(share, 0),
  };
  const note = `The dot is the deployed share, ${percent(staticShare, 0)}.`;
  return variantCharts(staticShares, x, {
    what: "static share",
    note: `0 follows volatility alone, 100 % not at all; without floor and cap. ${note}`,
  });
}

export function halfLifeCharts({ halfLives }: Results): Chart[] {
  const x: Axis = {
    from: halfLives[0]?.value ?? 1,
    to: halfLives.at(-1)?.value ?? 2,
    log: true,
    label: "half-life of the volatility [hours]",
    format: (hours) => `${hours}`,
    ticks: halfLives.map(({ value }) => value),
  };
  return variantCharts(halfLives, x, {
    what: "half-life",
    note: "The dot is the deployed half-life, 72 hours.",
  });
}

/** What a number of the rule costs and what it does to rises, at equal coverage. */
function variantCharts(
  variants: Results["staticShares"],
  x: Axis,
  { what, note }: { what: string; note: string },
): Chart[] {
  const averages = variants.map(({ value, averageRequirement }): Point => [
    value,
    averageRequirement,
  ]);
  const rises = variants.map(({ value, largestRiseOfDay }): Point => [value, largestRiseOfDay]);
  const dot = (points: readonly Point[]): Layer => ({
    kind: "dots",
    colour: COLOURS.chosen,
    points: points.filter((_, i) => variants[i]?.chosen),
  });
  const highest = (points: readonly Point[]): number => Math.max(...points.map(([, y]) => y)) * 1.1;
  return [
    {
      title: `What the ${what} costs`,
      caption: `Average requirement at equal coverage. ${note}`,
      x,
      y: shareAxis(highest(averages), "average requirement [%]"),
      layers: [line(undefined, COLOURS.chosen, averages), dot(averages)],
      width: 470,
    },
    {
      title: `What the ${what} does to rises`,
      caption: `Largest rise of the requirement within 24 hours. ${note}`,
      x,
      y: {
        from: 0,
        to: highest(rises),
        label: "largest rise [times]",
        format: (value) => times(value, 1),
      },
      layers: [line(undefined, COLOURS.chosen, rises), dot(rises)],
      width: 470,
    },
  ];
}

/** The share of values above each of so many of them, from the lowest on. */
function exceedance(values: Float64Array, points: number): Point[] {
  const sorted = values.slice().sort();
  const last = sorted.length - 1;
  const places = Array.from({ length: points + 1 }, (_, i) =>
    // Closer together at the high end, where few values are.
    Math.round(last * (1 - (1 - i / points) ** 3)),
  );
  const curve = places.map((place): Point => [
    sorted[place] ?? 0,
    (sorted.length - place) / sorted.length,
  ]);
  return [[sorted[0] ?? 0, 1], ...curve, [sorted[last] ?? 0, 1 / sorted.length]];
}
