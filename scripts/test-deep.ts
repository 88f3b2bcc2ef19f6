/** `npm run test:deep`: fuzz tests and campaigns for hours, each round with a seed of its own. See `--help`. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import hre from "hardhat";
import { callsIn, nextSeed, readState, writeState, type CampaignState } from "./deep/state.js";

interface Options {
  readonly hours: number;
  readonly seed?: number;
  readonly state: string;
  readonly profile: string;
}

const INTERRUPTED_EXIT_CODE = 130;

let child: ChildProcess | undefined;
let interrupted = false;

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

function parseOptions(): Options {
  return new Command("test:deep")
    .description(
      "Runs the fuzz and invariant tests again and again, each round with another seed. Ctrl-C stops it; the next call goes on where it stopped.",
    )
    .option(
      "--hours <number>",
      "how long to go on; a round that has begun is finished",
      positive,
      1,
    )
    .option("--seed <number>", "begin another campaign, whose seeds all follow from this", positive)
    .option("--state <file>", "what is kept between calls", ".deep/state.json")
    .option("--profile <name>", "a shorter one shows how all this works", "deep")
    .addHelpText(
      "after",
      "\nExit codes: 0 nothing was found, 1 a round failed, 130 stopped by Ctrl-C.",
    )
    .parse()
    .opts<Options>();
}

/** One round; its whole output, whether it passed or not. */
function runRound(seed: string, profile: string): Promise<{ passed: boolean; output: string }> {
  return new Promise((resolve) => {
    // A group of its own, so that Ctrl-C reaches this process alone, which then ends the round.
    child = spawn("hardhat", ["test", "solidity", "--no-compile", "--test-profile", profile], {
      env: { ...process.env, PLIMSOLL_FUZZ_SEED: seed, FORCE_COLOR: "0" },
      detached: true,
    });
    let output = "";
    child.stdout?.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (output += data.toString()));
    child.on("close", (code) => {
      resolve({ passed: code === 0, output });
    });
  });
}

/** A function, because the flag changes while others wait. */
function wasInterrupted(): boolean {
  return interrupted;
}

function stop(): void {
  interrupted = true;
  if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

function describeFailure(seed: string, profile: string, output: string, file: string): string {
  return [
    output.slice(Math.max(output.search(/^ +\d+ failing/m), 0)),
    `Seed ${seed} failed; everything it printed is in ${file}. Replay it with:`,
    `  PLIMSOLL_FUZZ_SEED=${seed} npx hardhat test solidity --test-profile ${profile}`,
  ].join("\n");
}

function describe({ seeds, calls, seconds }: CampaignState): string {
  return `${seeds.length} rounds, ${calls.toLocaleString("en")} calls, ${(seconds / 3_600).toFixed(2)} h`;
}

async function main({ hours, seed: base, state: file, profile }: Options): Promise<number> {
  let state = readState(file, base);
  const depth = hre.config.test.solidity.profiles[profile]?.invariant?.depth;
  if (depth === undefined)
    throw new Error(`hardhat.config.ts has no campaigns in a profile ${profile}.`);
  console.log(`${state.seeds.length === 0 ? "Beginning" : "Going on"}: ${describe(state)}.`);
  if (spawnSync("hardhat", ["build", "--quiet"], { stdio: "inherit" }).status !== 0) return 1;

  const end = Date.now() + hours * 3_600_000;
  while (!wasInterrupted() && Date.now() < end) {
    const seed = nextSeed(state);
    const start = Date.now();
    const { passed, output } = await runRound(seed, profile);
    if (wasInterrupted()) break;
    const log = join(dirname(file), `failure-${seed.slice(2, 10)}.log`);
    state = {
      ...state,
      seeds: [...state.seeds, seed],
      calls: state.calls + callsIn(output, depth),
      seconds: state.seconds + Math.round((Date.now() - start) / 1_000),
      failures: passed ? state.failures : [...state.failures, { seed, log }],
    };
    writeState(file, state);
    if (!passed) {
      writeFileSync(log, output);
      console.log(describeFailure(seed, profile, output, log));
      return 1;
    }
    console.log(`${seed.slice(0, 10)}: passed. ${describe(state)} in all.`);
  }
  if (interrupted)
    console.log(`Stopped; the round that was running is not counted. ${describe(state)}.`);
  return wasInterrupted() ? INTERRUPTED_EXIT_CODE : 0;
}

process.on("SIGINT", stop);
process.on("SIGTERM", stop);
process.exitCode = await main(parseOptions());
