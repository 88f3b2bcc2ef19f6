/** `npm run test:mutants`: plants one bug after another in a copy of the project and sees to it that a test fails. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { CAMPAIGN, MUTANTS, type Mutant } from "./mutants/list.js";

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
/** A mutant that makes a test run for longer than this has been noticed as well. */
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
  const { status, stdout, stderr } = spawnSync("hardhat", args, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, FORCE_COLOR: "0" },
    maxBuffer: 1 << 28,
    timeout: MOST_MILLISECONDS,
    killSignal: "SIGKILL",
  });
  return { failed: status !== 0, output: stdout + stderr };
}

/** The first failing test of a run, with its reason. */
function failureOf(file: string, output: string): string {
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

function testMutant(directory: string, mutant: Mutant): Outcome {
  const start = Date.now();
  const original = plant(directory, mutant);
  let caughtBy: string | undefined;
  try {
    for (const file of [CAMPAIGN, ...(mutant.tests ?? [])]) {
      // In one go with what the runner looks for in the artifacts: handlers, and the library that it links.
      const built = run(directory, ["build", "--quiet", file, ...ROOTS]);
      if (built.failed) throw new Error(`${mutant.id}:\n${built.output}`);
      const { failed, output } = run(directory, [
        "test",
        "solidity",
        "--no-compile",
        ...PROFILE,
        file,
      ]);
      if (!failed) continue;
      caughtBy = failureOf(file, output);
      break;
    }
  } finally {
    writeFileSync(join(directory, mutant.file), original);
  }
  return { mutant, caughtBy, seconds: Math.round((Date.now() - start) / 1000) };
}

function copyProject(): string {
  const directory = mkdtempSync(join(tmpdir(), "plimsoll-mutants-"));
  for (const name of COPIED) cpSync(name, join(directory, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
  // Compiling is most of the work, and no Solidity test depends on the optimizer.
  const config = join(directory, "hardhat.config.ts");
  const text = readFileSync(config, "utf8");
  writeFileSync(
    config,
    text.replace("optimizer: { enabled: true, runs: 200 }", "optimizer: { enabled: false }"),
  );
  return directory;
}

function main({ only, json }: Options): void {
  const unknown = only?.filter((id) => MUTANTS.every((mutant) => mutant.id !== id)) ?? [];
  if (unknown.length > 0) command.error(`No such mutant: ${unknown.join(", ")}`, { exitCode: 2 });
  const chosen = MUTANTS.filter(({ id }) => only?.includes(id) ?? true);
  const directory = copyProject();
  const outcomes: Outcome[] = [];
  try {
    for (const mutant of chosen) {
      const outcome = testMutant(directory, mutant);
      outcomes.push(outcome);
      const verdict = outcome.caughtBy ?? "SURVIVED";
      console.log(`${mutant.id.padEnd(24)} ${String(outcome.seconds).padStart(4)} s  ${verdict}`);
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(outcomes, null, 2)}\n`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined);
  console.log(`${outcomes.length - survivors.length} caught, ${survivors.length} survived.`);
  if (survivors.length > 0) process.exitCode = 1;
}

main(command.parse().opts<Options>());
