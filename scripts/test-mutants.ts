/** `npm run test:mutants`: plants one bug after another in a copy of the project and sees to it that a test fails. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { CAMPAIGN, MUTANTS } from "./mutants/list.js";
import type { Mutant } from "./mutants/mutant.js";

interface Options {
  readonly only?: string[];
  readonly json?: string;
}

/** What became of a mutant. */
interface Outcome {
  readonly mutant: Mutant;
  /** The test that failed; undefined when none did. */
  readonly caughtBy: string | undefined;
  readonly seconds: number;
}

/** Where mutants are planted: a copy for each of the two builds, made when it is needed. */
interface Copies {
  /** Without the optimizer: compiling is most of the work, and no Solidity test depends on it. */
  readonly plain: () => string;
  /** As the contracts are otherwise built for tests: without the optimizer they are too large to deploy. */
  readonly optimized: () => string;
  readonly remove: () => void;
}

/** What tests need; node_modules is linked. */
const COPIED = [
  ..."contracts ignition scripts sdk test".split(" "),
  ..."hardhat.config.ts package.json remappings.txt tsconfig.json".split(" "),
];
const ROOTS = [
  "test/solidity/handlers/PlimsollHandler.sol",
  "contracts/clearing/DefaultProcess.sol",
];
const PROFILE = ["--test-profile", "mutants"];
/** A mutant with which a test runs for longer than this needs another test. */
const MOST_MILLISECONDS = 10 * 60_000;

const command = new Command("test:mutants")
  .description(
    "Plants one bug at a time in a copy of the project, compiles, and runs tests until one fails. Exit 1 when a bug survives.",
  )
  .option("--only <id...>", "these mutants alone")
  .option("--json <file>", "write the outcomes to a file too")
  .addHelpText(
    "after",
    `\nMutants:\n${MUTANTS.map(({ id, why }) => `  ${id.padEnd(24)} ${why}`).join("\n")}`,
  );

function run(directory: string, args: readonly string[]): { failed: boolean; output: string } {
  const { status, stdout, stderr, error } = spawnSync("hardhat", args, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, FORCE_COLOR: "0" },
    maxBuffer: 1 << 28,
    timeout: MOST_MILLISECONDS,
    killSignal: "SIGKILL",
  });
  if (error !== undefined) throw error;
  return { failed: status !== 0, output: stdout + stderr };
}

/** The first failing test of a run, with its reason. */
function failureOf(file: string, output: string): string {
  // The runner of Solidity tests names contract and test in its summary; mocha the suites in lines of their own.
  const test = /^ +1\) (\S.*)$/m.exec(output)?.[1];
  if (test === undefined) throw new Error(`${file} was not run:\n${output}`);
  const reason = /Error: (.*)$/m.exec(output)?.[1] ?? "";
  return `${file}: ${test}${reason === "" ? "" : `: ${reason.slice(0, 120)}`}`;
}

function plant(directory: string, { id, file, find, replace }: Mutant): string {
  const path = join(directory, file);
  const original = readFileSync(path, "utf8");
  if (original.split(find).length !== 2) {
    throw new Error(`${id}: its text does not stand exactly once in ${file}; mend the list.`);
  }
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  return original;
}

/** Builds and runs one test file; what failed, if anything did. */
function failureIn(directory: string, file: string): string | undefined {
  const isMocha = file.endsWith(".ts");
  // In one go with what the runner looks for in the artifacts: handlers, and the library that it links.
  const built = run(directory, ["build", "--quiet", ...(isMocha ? [] : [file, ...ROOTS])]);
  if (built.failed) throw new Error(`It does not compile:\n${built.output}`);
  const runner = isMocha ? ["mocha"] : ["solidity", ...PROFILE];
  const { failed, output } = run(directory, ["test", ...runner, "--no-compile", file]);
  return failed ? failureOf(file, output) : undefined;
}

function testMutant(copies: Copies, mutant: Mutant): Outcome {
  const start = Date.now();
  let caughtBy: string | undefined;
  for (const file of [...(mutant.isEndless === true ? [] : [CAMPAIGN]), ...(mutant.tests ?? [])]) {
    const directory = file.endsWith(".ts") ? copies.optimized() : copies.plain();
    const original = plant(directory, mutant);
    try {
      caughtBy = failureIn(directory, file);
    } finally {
      writeFileSync(join(directory, mutant.file), original);
    }
    if (caughtBy !== undefined) break;
  }
  return { mutant, caughtBy, seconds: Math.round((Date.now() - start) / 1000) };
}

function copyProject(isOptimized: boolean): string {
  const directory = mkdtempSync(join(tmpdir(), "plimsoll-mutants-"));
  for (const name of COPIED) cpSync(name, join(directory, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
  if (isOptimized) return directory;
  const config = join(directory, "hardhat.config.ts");
  const text = readFileSync(config, "utf8");
  writeFileSync(
    config,
    text.replace("optimizer: { enabled: true, runs: 200 }", "optimizer: { enabled: false }"),
  );
  return directory;
}

function copyWhenNeeded(): Copies {
  const made = new Map<boolean, string>();
  const copy = (isOptimized: boolean): string => {
    const directory = made.get(isOptimized) ?? copyProject(isOptimized);
    made.set(isOptimized, directory);
    return directory;
  };
  return {
    plain: () => copy(false),
    optimized: () => copy(true),
    remove: () => {
      for (const directory of made.values()) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function main({ only, json }: Options): void {
  const unknown = only?.filter((id) => MUTANTS.every((mutant) => mutant.id !== id)) ?? [];
  if (unknown.length > 0) command.error(`No such mutant: ${unknown.join(", ")}`, { exitCode: 2 });
  const chosen = MUTANTS.filter(({ id }) => only?.includes(id) ?? true);
  const copies = copyWhenNeeded();
  const outcomes: Outcome[] = [];
  try {
    // A test that fails anyway would find every bug.
    const failure = failureIn(copies.plain(), CAMPAIGN);
    if (failure !== undefined) throw new Error(`Without any bug, a test fails: ${failure}`);
    for (const mutant of chosen) {
      const outcome = testMutant(copies, mutant);
      outcomes.push(outcome);
      const verdict = outcome.caughtBy ?? "SURVIVED";
      console.log(`${mutant.id.padEnd(24)} ${String(outcome.seconds).padStart(4)} s  ${verdict}`);
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(outcomes, null, 2)}\n`);
    }
  } finally {
    copies.remove();
  }
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined);
  console.log(`${outcomes.length - survivors.length} caught, ${survivors.length} survived.`);
  if (survivors.length > 0) process.exitCode = 1;
}

main(command.parse().opts<Options>());
