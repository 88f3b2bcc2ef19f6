import { count, lengthOf, minuteOf, percent, times } from "./format.js";
import type { Figures } from "./measure.js";
import type { Results, Slice } from "./results.js";

/** How the deployed rule compares with the static requirement as given, where they were asked the same. */
export type Verdict =
  "beats" | "loses" | "asks less, covers less" | "asks more, covers more" | "equal";

/** Requirements closer than this count as one [share of notional]. */
const CLOSE = 0.0005;

/**
 * Which of both was better: the one that asked less and was breached less, by number or, if that is the same, by the sum of
 * the shortfalls. When one asked less and the other covered more, neither was: that is what a requirement costs.
 */
export function verdictOf({ rules: { deployed, static: fixed } }: Slice): Verdict {
  const asked = deployed.averageRequirement - fixed.averageRequirement;
  const price = Math.abs(asked) < CLOSE ? 0 : Math.sign(asked);
  const breached =
    Math.sign(deployed.breaches - fixed.breaches) ||
    Math.sign(deployed.totalShortfall - fixed.totalShortfall);
  if (price === 0 && breached === 0) return "equal";
  if (price <= 0 && breached <= 0) return "beats";
  if (price >= 0 && breached >= 0) return "loses";
  return price < 0 ? "asks less, covers less" : "asks more, covers more";
}

/** "20.6 % of notional (2021-05-19 12:00)" */
function worstOf({ worstShortfall, worstAt }: Figures): string {
  const when = worstAt === null ? "" : ` (${minuteOf(worstAt)})`;
  return `${percent(worstShortfall, 1)} of notional${when}`;
}

/** What a reader should take home, in sentences. */
export function findings({ series, slices, titles, market, passedOver }: Results): string[] {
  const all = slices[0];
  if (all === undefined) return [];
  const { deployed, static: fixed, staticSame, staticEqual, ewmaEqual, chosenEqual } = all.rules;
  const other = titles.static;
  const named = (kind: Slice["kind"], verdict: Verdict): string =>
    slices
      .filter((slice) => slice.kind === kind && verdictOf(slice) === verdict)
      .map(({ label }) => label)
      .join(", ");
  const where = (verdict: Verdict): string =>
    [named("year", verdict), named("regime", verdict)].filter((part) => part !== "").join("; ");

  const verdicts: [Verdict, string][] = [
    ["beats", `It beats ${other} (asks no more and is breached no more) in`],
    ["asks more, covers more", `It asks more than ${other} and is breached less in`],
    ["asks less, covers less", `It asks less than ${other} and is breached more in`],
    ["loses", `It does worse than ${other} on both counts in`],
  ];
  return [
    `As deployed the rule asked ${percent(deployed.averageRequirement)} of notional on average and was breached in ${count(deployed.breaches)} of ${count(deployed.windows)} stretches of ${lengthOf(series.horizon)} (coverage ${percent(deployed.coverage, 3)}); ${other} was breached in ${count(fixed.breaches)} (${percent(fixed.coverage, 3)}).`,
    `The worst shortfalls were ${worstOf(deployed)} as deployed and ${worstOf(fixed)} with ${other}.`,
    `A static requirement of the same average, ${percent(staticSame.averageRequirement)}, would have been breached in ${count(staticSame.breaches)}, with shortfalls that add up to ${times(staticSame.totalShortfall / Math.max(deployed.totalShortfall, 1e-9), 1)} as much.`,
    `At equal coverage of ${percent(chosenEqual.coverage, 2)} the chosen rule needs ${percent(chosenEqual.averageRequirement)} on average, a pure EWMA ${percent(ewmaEqual.averageRequirement)} and a static requirement ${percent(staticEqual.averageRequirement)}; within 24 hours it rose by at most ${times(chosenEqual.largestRiseOfDay)} where the pure EWMA rose by ${times(ewmaEqual.largestRiseOfDay)}. The worst shortfalls are ${percent(chosenEqual.worstShortfall, 1)}, ${percent(ewmaEqual.worstShortfall, 1)} and ${percent(staticEqual.worstShortfall, 1)} of notional.`,
    ...verdicts.flatMap(([verdict, text]) => {
      const places = where(verdict);
      return places === "" ? [] : [`${text} ${places}.`];
    }),
    ...(passedOver > 0
      ? [
          `${count(passedOver)} rounds were passed over: no price, outside ${market.name}'s band, or older than the one before.`,
        ]
      : []),
  ];
}
