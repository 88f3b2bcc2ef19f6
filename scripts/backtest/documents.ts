import { type Figures, type Measured } from "./measure.js";
import { type Results, RULES } from "./results.js";
import { verdictOf } from "./verdict.js";

/** Everything as JSON, numbers with all their digits; parameters in their own units. */
export function jsonOf(
  files: readonly Results[],
  question: { coverage: number; fixed: number },
): string {
  const document = {
    coverage: question.coverage,
    static: question.fixed,
    files: files.map((results) => ({
      ...results,
      slices: results.slices.map((slice) => ({ ...slice, verdict: verdictOf(slice) })),
    })),
  };
  // Parameters in basis points are small; WADs are not, and stand as decimal strings.
  const plain = (_: string, value: unknown): unknown => {
    if (typeof value !== "bigint") return value;
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
  };
  return `${JSON.stringify(document, plain, 2)}\n`;
}

const COLUMNS = [
  "file",
  "kind",
  "slice",
  "rule",
  "multiplier",
  "windows",
  "averageRequirement",
  "breaches",
  "coverage",
  "worstShortfall",
  "worstAt",
  "totalShortfall",
  "largestRiseOfHour",
  "largestRiseOfDay",
] as const satisfies readonly (
  "file" | "kind" | "slice" | "rule" | keyof Measured | keyof Figures
)[];

/** One row for each slice and rule of each file. */
export function csvOf(files: readonly Results[]): string {
  const rows = files.flatMap(({ series, slices, multipliers }) =>
    slices.flatMap(({ kind, label, rules }) =>
      RULES.map((rule) => {
        const cells = {
          ...rules[rule],
          file: series.file,
          kind,
          slice: label,
          rule,
          multiplier: multipliers[rule],
        };
        return COLUMNS.map((column) => cellOf(cells[column])).join(",");
      }),
    ),
  );
  return `${[COLUMNS.join(","), ...rows].join("\n")}\n`;
}

function cellOf(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
