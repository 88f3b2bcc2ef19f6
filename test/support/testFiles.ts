import { readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Files that take more than half a minute, the longest first: begun last, one of them would keep one process busy while
 * the other has nothing left to do. What is not named comes after them, in the order of names.
 */
const LONGEST: readonly string[] = [
  "rehearsal.test.ts",
  "reference.odd.test.ts",
  "reference.even.test.ts",
  "demo/demo.e2e.test.ts",
  "sdk.margin.cases.test.ts",
  "decimals.test.ts",
  "threats.denial.test.ts",
  "Clearinghouse.funding.wash.test.ts",
  "MarginEngine.succession.liquidate.test.ts",
  "VolatilityOracle.replay.test.ts",
];

/** The test files of a folder and of those within it, in the order in which they are to begin. */
export function testFilesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".test.ts")).sort();
  const missing = LONGEST.filter((name) => !files.includes(name));
  if (missing.length > 0) throw new Error(`test/support/testFiles.ts names ${missing.join(", ")}.`);
  return [...new Set([...LONGEST, ...files])].map((name) => join(folder, name));
}
