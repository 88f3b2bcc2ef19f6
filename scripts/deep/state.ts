import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A round that found something. */
interface Failure {
  readonly seed: string;
  /** Everything that the round printed, the failing sequence included. */
  readonly log: string;
}

/** What a campaign has done so far; a round that was interrupted is not in it. */
export interface CampaignState {
  /** All seeds of the rounds follow from it. */
  readonly base: number;
  /** Seeds of the rounds that are done, in their order. */
  readonly seeds: readonly string[];
  /** Calls of fuzz tests and of campaigns' handlers. */
  readonly calls: number;
  readonly seconds: number;
  readonly failures: readonly Failure[];
}

/** The seed of the next round, as Hardhat wants it: 32 bytes in hexadecimal. */
export function nextSeed({ base, seeds }: CampaignState): string {
  return `0x${createHash("sha256").update(`${base}:${seeds.length}`).digest("hex")}`;
}

/** The state that a file keeps; a new campaign when there is none, or another base is asked for. */
export function readState(file: string, base: number | undefined): CampaignState {
  const kept = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as CampaignState)
    : undefined;
  if (kept !== undefined && (base === undefined || base === kept.base)) return kept;
  return { base: base ?? 1, seeds: [], calls: 0, seconds: 0, failures: [] };
}

/** Never half written: a campaign may be stopped at any time. */
export function writeState(file: string, state: CampaignState): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** Calls that a run of the Solidity tests reports: runs of a fuzz test, runs x depth of a campaign. */
export function callsIn(output: string, depth: number): number {
  const lines = output.matchAll(/✔ (\w+)\(.*\(runs: (\d+)/g);
  return [...lines].reduce(
    (sum, [, name, runs]) =>
      sum + Number(runs) * (name?.startsWith("invariant_") === true ? depth : 1),
    0,
  );
}
