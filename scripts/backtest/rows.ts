import { count, percent, times } from "./format.js";
import { type Results, RULES, type Slice } from "./results.js";
import { verdictOf } from "./verdict.js";

/** A table as text, for a terminal and for a page. The first row is its head. */
export type Rows = readonly (readonly string[])[];

/** All rules over all of a file. */
export function ruleRows({ slices, titles, multipliers }: Results): Rows {
  const all = slices[0];
  return [
    [
      "rule",
      "scaled by",
      "average requirement",
      "breaches",
      "coverage",
      "worst shortfall",
      "all shortfalls",
      "largest rise in 1 h",
      "in 24 h",
    ],
    ...RULES.map((name) => {
      const figures = all?.rules[name];
      if (figures === undefined) return [titles[name]];
      return [
        titles[name],
        // Of a pure EWMA the multiplier is the requirement at a volatility of 100 %.
        name === "ewmaEqual" ? percent(multipliers[name]) : times(multipliers[name]),
        percent(figures.averageRequirement),
        count(figures.breaches),
        percent(figures.coverage, 3),
        percent(figures.worstShortfall, 1),
        percent(figures.totalShortfall, 0),
        times(figures.largestRiseOfHour),
        times(figures.largestRiseOfDay),
      ];
    }),
  ];
}

/** The deployed rule against the static one, by year or by regime. */
export function sliceRows({ slices }: Results, kind: Slice["kind"]): Rows {
  return [
    [
      kind === "year" ? "year" : "volatility a year",
      "stretches",
      "average: deployed",
      "average: static",
      "breaches: deployed",
      "breaches: static",
      "worst shortfall: deployed",
      "worst shortfall: static",
      "the deployed rule",
    ],
    ...slices
      .filter((slice) => slice.kind === kind)
      .map((slice) => {
        const { deployed, static: fixed } = slice.rules;
        return [
          slice.label,
          count(deployed.windows),
          percent(deployed.averageRequirement),
          percent(fixed.averageRequirement),
          count(deployed.breaches),
          count(fixed.breaches),
          percent(deployed.worstShortfall, 1),
          percent(fixed.worstShortfall, 1),
          verdictOf(slice),
        ];
      }),
  ];
}

/** The deployed initial requirement, and where the maintenance one met its bounds. */
export function initialRows({ initial, atFloor, atCap, sigma, slices }: Results): Rows {
  const quantileOf = (share: number): string =>
    percent(sigma.find((entry) => entry.share === share)?.slow ?? 0, 0);
  const windows = slices[0]?.rules.deployed.windows ?? 0;
  const of = (breaches: number): string => `${count(breaches)} of ${count(windows)}`;
  return [
    ["measure", "value"],
    [
      "slow volatility: lowest hundredth, median, highest hundredth, most",
      [0.01, 0.5, 0.99, 1].map(quantileOf).join(", "),
    ],
    ["maintenance at its floor, at its cap", `${percent(atFloor)}, ${percent(atCap)} of the time`],
    ["initial: average", percent(initial.average)],
    [
      "leverage that initial allows: median, least",
      `${times(initial.medianLeverage, 1)}, ${times(initial.leastLeverage, 1)}`,
    ],
    [
      "initial at its floor, decided by the fast volatility",
      `${percent(initial.atFloor)}, ${percent(initial.byFast)} of the time`,
    ],
    [
      "stretches in which the fast volatility alone would ask less than maintenance",
      of(initial.fastAloneBelowMaintenance),
    ],
    [
      "moves larger than what lies between initial and maintenance",
      of(initial.straightToMaintenance),
    ],
    ["moves larger than initial", of(initial.breaches)],
  ];
}
