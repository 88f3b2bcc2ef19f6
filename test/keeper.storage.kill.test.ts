import { expect } from "chai";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Database } from "../keeper/storage/database.js";
import { randomFrom } from "./fixtures/random.js";
import { describeWithEachEngine } from "./support/databases.js";

const WRITER = fileURLToPath(new URL("./support/writer.ts", import.meta.url));

/** Node reads TypeScript by itself, which is quicker than a compiler; only that imports name .js it must be told. */
const RESOLVE = `import { registerHooks } from "node:module";
  registerHooks({ resolve(name, context, next) {
    try { return next(name, context); }
    catch (error) {
      if (!name.startsWith(".")) throw error;
      return next(name.replace(/js$/, "ts"), context);
    }
  } });`;
const FLAGS = ["--no-warnings", "--experimental-transform-types"];
const NODE = [...FLAGS, "--import", `data:text/javascript,${encodeURIComponent(RESOLVE)}`];

/** Lets a process write until it has said so many numbers, and kills it in the midst of the next; gives the last one said. */
function writeAndDie(setting: string, name: string, life: Life): Promise<number> {
  const child = spawn(process.execPath, [...NODE, WRITER, setting, name], {
    // A worker process of mocha has a compiler in its options, without which the writer begins sooner.
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint += String(text)));
  child.stdout.on("data", (text: Buffer) => {
    const before = said;
    said += String(text);
    const isTime = (all: string): boolean => all.split("\n").length > life.numbers;
    if (isTime(said) && !isTime(before)) setTimeout(() => child.kill("SIGKILL"), life.rest);
  });
  return new Promise((resolve, reject) => {
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve(Number(said.trimEnd().split("\n").at(-1)));
      else reject(new Error(`The writer ended by itself: ${complaint}`));
    });
  });
}

interface Life {
  /** So many pairs. */
  readonly numbers: number;
  /** And so much longer [milliseconds]. */
  readonly rest: number;
}

describeWithEachEngine("What a killed keeper said to be kept", (test) => {
  const kills = test.engine === "sqlite" ? 10 : 4;
  let database: Database;

  beforeEach(async () => {
    database = await test.open();
    await database.query(
      `CREATE TABLE pairs (writer TEXT, number BIGINT, half BIGINT,
        PRIMARY KEY (writer, number, half))`,
    );
  });

  /** How many whole pairs a writer has kept; fails if there is half a one, or one is missing. */
  async function wholePairsOf(writer: string): Promise<number> {
    const [row] = await database.query(
      `SELECT COUNT(*) AS count, COALESCE(MAX(number), 0) AS last,
        COALESCE(SUM(half), 0) AS halves FROM pairs WHERE writer = $1`,
      [writer],
    );
    const { count, halves, last } = row!;
    expect({ count, halves }).to.deep.equal({ count: Number(last) * 2, halves: Number(last) * 3 });
    return Number(last);
  }

  it(`is there, whole, after each of ${kills} kills of three that write at once`, async () => {
    const setting = await test.setting();
    await Promise.all(
      ["one", "two", "three"].map(async (name, seed) => {
        const dice = randomFrom(seed);
        for (let kill = 0; kill < kills; ++kill) {
          const life = { numbers: 1 + Math.floor(dice.next() * 12), rest: dice.next() * 12 };
          const said = await writeAndDie(setting, name, life);
          expect(said).to.be.above(0);
          // One more may have been kept of which there was no time to tell.
          expect(await wholePairsOf(name)).to.be.within(said, said + 1);
        }
      }),
    );
  }).timeout(120_000);
});
