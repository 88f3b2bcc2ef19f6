import Table from "cli-table3";
import type { ConfigError } from "../../config/problem.js";
import { type Check, findingsOf } from "./check.js";

const LABELS = { ok: "ok", warning: "warning", wrong: "WRONG" } as const;

/** Width of what was found and how to cure it [columns]. */
const WIDTH = 84;

/** The checks as a table for people. */
export function tableOf(checks: readonly Check[]): string {
  const table = new Table({
    head: ["", "what", "which", "found, and the cure"],
    style: { head: [], border: [] },
    colWidths: [9, 15, 28, WIDTH],
    wordWrap: true,
  });
  for (const { area, cure, found, subject, verdict } of checks) {
    table.push([
      LABELS[verdict],
      area,
      subject,
      cure === undefined ? found : `${found}\n-> ${cure}`,
    ]);
  }
  const count = (verdict: Check["verdict"]) =>
    checks.filter((check) => check.verdict === verdict).length;
  const summary = `${count("ok")} ok, ${count("warning")} warnings, ${count("wrong")} WRONG`;
  return `${table.toString()}\n${summary}\n`;
}

/** The checks for programs. */
export function jsonOf(checks: readonly Check[]): string {
  const isWrong = checks.some(({ verdict }) => verdict === "wrong");
  return `${JSON.stringify({ ok: !isWrong, checks }, null, 2)}\n`;
}

/** A configuration that cannot be used, as checks. */
export function checksOf({ problems }: ConfigError): Check[] {
  const { wrong } = findingsOf("configuration");
  return problems.map(({ cure, place, what }) => wrong(place, `it ${what}`, cure));
}
