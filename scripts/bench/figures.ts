import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { markdownTable } from "./markdown.js";

/** What is measured, in the order of bench/gas.json. */
export const KEYS = [
  "deposit",
  "withdrawWithPosition",
  "matchOpen",
  "matchIncrease",
  "matchClose",
  "furtherMaker",
  "triggerFill",
  "settleVariation",
  "liquidate1Warm",
  "liquidate1Fresh",
  "liquidate5Warm",
  "liquidate5Fresh",
  "liquidate5WithCollateral",
  "accrueFunding",
  "deleverage",
  "writeOff",
  "callMargin",
  "pokeVolatility",
  "topUp",
  "marginView1",
  "marginView5",
] as const;

export type Key = (typeof KEYS)[number];

/** Gas by key. */
export type Figures = Record<Key, number>;

/** What each key must reach and what it aims at, where the design says so [gas]. */
const TARGETS: Partial<Record<Key, { must: number; aim: number }>> = {
  deposit: { must: 75_000, aim: 60_000 },
  withdrawWithPosition: { must: 130_000, aim: 105_000 },
  matchOpen: { must: 360_000, aim: 320_000 },
  matchIncrease: { must: 230_000, aim: 195_000 },
  furtherMaker: { must: 65_000, aim: 48_000 },
  callMargin: { must: 90_000, aim: 90_000 },
  topUp: { must: 200_000, aim: 200_000 },
  settleVariation: { must: 90_000, aim: 70_000 },
  liquidate1Warm: { must: 200_000, aim: 150_000 },
  liquidate1Fresh: { must: 250_000, aim: 190_000 },
  liquidate5Warm: { must: 430_000, aim: 330_000 },
  liquidate5Fresh: { must: 640_000, aim: 520_000 },
};

/** Growth beyond this share of the committed figure fails a check. */
const TOLERANCE = 0.02;

const FILE = "bench/gas.json";
const ABSOLUTE_FILE = fileURLToPath(new URL(`../../${FILE}`, import.meta.url));

/** The committed figures: empty when there is no file. */
export function readFigures(): Partial<Figures> {
  if (!existsSync(ABSOLUTE_FILE)) return {};
  return JSON.parse(readFileSync(ABSOLUTE_FILE, "utf8")) as Partial<Figures>;
}

/** Makes the figures the ones to compare with; returns where they are. */
export function writeFigures(figures: Figures): string {
  mkdirSync(path.dirname(ABSOLUTE_FILE), { recursive: true });
  writeFileSync(ABSOLUTE_FILE, `${JSON.stringify(figures, null, 2)}\n`);
  return FILE;
}

/** The figures beside their targets, for docs/gas.md. */
export function figuresMarkdown(figures: Figures): string {
  const rows = KEYS.map((key) => [
    `\`${key}\``,
    figures[key].toLocaleString("en"),
    TARGETS[key]?.must.toLocaleString("en") ?? "",
    TARGETS[key]?.aim.toLocaleString("en") ?? "",
  ]);
  return markdownTable(["key", "gas", "must reach", "aims at"], rows);
}

/** The figures beside their targets and the committed ones, for people. */
export function figuresTable(figures: Figures, committed: Partial<Figures>): string {
  const table = new Table({
    head: ["Key", "Gas", "Must", "Aims at", "Change"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const key of KEYS) {
    const target = TARGETS[key];
    const excess = target !== undefined && figures[key] > target.must ? " !" : "";
    table.push([
      key,
      figures[key].toLocaleString("en"),
      target === undefined ? "" : `${target.must.toLocaleString("en")}${excess}`,
      target?.aim.toLocaleString("en") ?? "",
      changeText(figures[key], committed[key]),
    ]);
  }
  return table.toString();
}

/** One sentence for each key that cannot be compared or grew by more than 2 %. */
export function growthProblems(figures: Figures, committed: Partial<Figures>): string[] {
  return KEYS.flatMap((key) => {
    const [now, before] = [figures[key], committed[key]];
    if (typeof before !== "number") {
      return [`${FILE} has no number for ${key}; run \`npm run bench:gas\` and commit the file.`];
    }
    if (now <= before * (1 + TOLERANCE)) return [];
    return [
      `${key} costs ${now.toLocaleString("en")} gas, ${changeText(now, before)} against the ` +
        `${before.toLocaleString("en")} of ${FILE}; make it cheaper, or run \`npm run bench:gas\`, ` +
        "commit the file and say why.",
    ];
  });
}

/** One sentence when figures fell so far that the committed ones would hide as much growth; undefined otherwise. */
export function fallAdvice(figures: Figures, committed: Partial<Figures>): string | undefined {
  const fallen = KEYS.filter((key) => figures[key] < (committed[key] ?? 0) * (1 - TOLERANCE));
  if (fallen.length === 0) return undefined;
  return (
    `Cheaper than in ${FILE}: ${fallen.join(", ")}. ` +
    "Run `npm run bench:gas` and commit the file, so that the gain is kept."
  );
}

function changeText(now: number, before: number | undefined): string {
  if (before === undefined) return "new";
  const percent = (100 * (now - before)) / before;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(2)} %`;
}
