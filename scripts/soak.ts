/** `npm run soak`: two keepers in front of a crowd, while everything that can break is broken. See `--help`. */
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import hre from "hardhat";

interface Options {
  minutes: number;
  seed: number;
  traders: number;
  storage: "postgres" | "sqlite" | "any";
}

async function main({ minutes, seed, storage, traders }: Options): Promise<number> {
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
  // The types and ABIs that the rest needs are there only now.
  const { soak } = await import("./soak/run.js");
  const { megabytes } = await import("./soak/report.js");
  const { newPostgresDatabase, NO_POSTGRES } = await import("./soak/postgres.js");
  const isPostgres = storage === "postgres" || (storage === "any" && NO_POSTGRES === undefined);
  const address = isPostgres ? await newPostgresDatabase() : undefined;
  console.log(`${minutes} minutes, seed ${seed}, ${isPostgres ? "Postgres" : "SQLite"}`);
  const say = (line: string): void => {
    console.log(`  ${line}`);
  };
  const { faults, memory, problems, verdict } = await soak({
    ...{ minutes, seed, traders, say },
    storage: address,
  });
  const table = new Table({ style: { head: [], border: [] } });
  const { blocks, liquidations, longestWait, missed, reverted, sentTwice, unkept } = verdict;
  table.push(
    ["blocks, of them without a keeper", `${blocks}, ${unkept}`],
    ["liquidations, reverted ones", `${liquidations}, ${reverted}`],
    ["longest wait of an account [blocks]", longestWait],
    ["missed, sent twice", `${missed.length}, ${sentTwice.length}`],
    [
      "faults",
      Object.entries(faults)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", "),
    ],
    [
      "memory of each long life",
      memory.map(({ last, middle }) => `${megabytes(middle)} -> ${megabytes(last)}`).join(", "),
    ],
  );
  console.log(table.toString());
  for (const problem of problems) console.log(`WRONG  ${problem}.`);
  if (problems.length === 0) console.log("Nothing was missed, and nothing was sent twice.");
  return problems.length === 0 ? 0 : 1;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

const program = new Command()
  .name("npm run soak --")
  .description(
    "Runs two keepers against a crowd on a local node, breaks what can break, and judges them",
  )
  .option("--minutes <number>", "how long", positive, 2)
  .option("--seed <number>", "the same prices and faults for the same seed", positive, 1)
  .option("--traders <number>", "accounts with positions", positive, 100)
  .option("--storage <kind>", "postgres, sqlite, or any: Postgres where there is one", "any")
  .addHelpText(
    "after",
    "\nEnds with code 1 when an account was missed, or a liquidation sent twice; the logs are kept then.",
  )
  .parse();

process.exitCode = await main(program.opts<Options>());
