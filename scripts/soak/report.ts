import type { FaultKind } from "./faults.js";
import { PATIENCE, type Judge, type Verdict } from "./judge.js";
import type { KeeperProcess } from "./keeperProcess.js";
import { type MemoryTrend, trendOf } from "./memory.js";

/** What a soak came to. */
export interface SoakReport {
  readonly verdict: Verdict;
  /** How often each kind of fault was injected. */
  readonly faults: Readonly<Record<FaultKind, number>>;
  /** Of each life of a keeper that was long enough to tell. */
  readonly memory: readonly MemoryTrend[];
  /** Exit codes of the keepers when they were told to end. */
  readonly exitCodes: readonly (number | null)[];
  /** Who was still below the line after some quiet blocks. */
  readonly leftBelow: number;
  /** What is wrong, in sentences; nothing when all is well. */
  readonly problems: readonly string[];
}

/** What is known at the end beside what the judge says. */
export interface Ending {
  readonly judge: Judge;
  readonly faults: { readonly counts: Readonly<Record<FaultKind, number>> };
  readonly keepers: readonly Pick<KeeperProcess, "lives">[];
  readonly leftBelow: number;
  readonly exitCodes: readonly (number | null)[];
}

/** Fewer liquidations than this say nothing [a minute]. */
const LEAST_LIQUIDATIONS = 10;
const SECONDS_OF_BLOCK = 1.5;

/** Judges a run. */
export function reportOf({ exitCodes, faults, judge, keepers, leftBelow }: Ending): SoakReport {
  const verdict = judge.verdict();
  const memory = keepers
    .flatMap(({ lives }) => lives.map((life) => trendOf(life)))
    .filter((trend) => trend !== undefined);
  const report = { verdict, faults: { ...faults.counts }, memory, exitCodes, leftBelow };
  return { ...report, problems: problemsOf(report) };
}

function problemsOf(report: Omit<SoakReport, "problems">): string[] {
  const { exitCodes, faults, leftBelow, memory, verdict } = report;
  const { blocks, liquidations, missed, sentTwice } = verdict;
  const problems: string[] = [];
  const minutes = (blocks * SECONDS_OF_BLOCK) / 60;
  if (liquidations < LEAST_LIQUIDATIONS * minutes) {
    problems.push(`Only ${liquidations} liquidations in ${blocks} blocks: nothing was proved`);
  }
  for (const { account, block } of missed) {
    problems.push(`${account} waited more than ${PATIENCE} blocks, until block ${block}`);
  }
  for (const { account, block } of sentTwice) {
    problems.push(`A liquidation of ${account} was sent twice, in block ${block}`);
  }
  for (const [kind, count] of Object.entries(faults)) {
    if (count === 0) problems.push(`No fault of the kind "${kind}" was injected`);
  }
  if (memory.length === 0) problems.push("No keeper lived long enough to tell of its memory");
  for (const { isFlat, last, middle } of memory) {
    if (!isFlat) problems.push(`Memory grew from ${megabytes(middle)} to ${megabytes(last)}`);
  }
  for (const code of exitCodes) {
    if (code !== 0) problems.push(`A keeper ended with code ${code} when it was told to end`);
  }
  if (leftBelow > 0) problems.push(`${leftBelow} accounts are below the line after quiet blocks`);
  return problems;
}

/** For people. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
