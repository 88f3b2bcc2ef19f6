import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { JsonRpcProvider, parseEther, Wallet } from "ethers";
import hre from "hardhat";
import type { JsonRpcServer } from "hardhat/types/network";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { MockToken__factory } from "../typechain-types/index.js";
import { DISPATCHER_SEED, receiverOf } from "./fixtures/dispatch.js";

const PROGRAM = fileURLToPath(new URL("fixtures/dispatchProcess.ts", import.meta.url));
const KILLS = 15;
const ACTS = 60;
/** A process lives for up to so long after it has sent something; each third one after it has begun. */
const MOST_LIFE_MILLISECONDS = 150;
const BLOCK_MILLISECONDS = 40;

describe("A dispatcher that is killed", () => {
  let server: JsonRpcServer;
  let provider: JsonRpcProvider;
  let folder: string;

  before(async () => {
    server = await hre.network.createServer({}, "127.0.0.1");
    const { address, port } = await server.listen();
    provider = new JsonRpcProvider(`http://${address}:${port}`, undefined, { staticNetwork: true });
    folder = await mkdtemp(join(tmpdir(), "plimsoll-dispatch-"));
  });

  after(async () => {
    provider.destroy();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("does everything exactly once in the end, at whatever instants it is killed", async () => {
    const token = await new MockToken__factory(await provider.getSigner(0)).deploy("T", "T", 18);
    await token.waitForDeployment();
    const wallet = new Wallet(DISPATCHER_SEED).address;
    await provider.send("hardhat_setBalance", [wallet, `0x${parseEther("9").toString(16)}`]);
    await provider.send("evm_setAutomine", [false]);
    await provider.send("evm_setIntervalMining", [BLOCK_MILLISECONDS]);
    const file = join(folder, "keeper.sqlite");
    const begin = async (): Promise<ChildProcess> => {
      const url = provider._getConnection().url;
      const child = fork(PROGRAM, [url, file, await token.getAddress(), `${ACTS}`], {
        execArgv: ["--import", "tsx"],
      });
      await once(child, "message");
      return child;
    };

    const lives: number[] = [];
    let leftUnderWay = 0;
    let next = begin();
    for (let kill = 0; kill < KILLS; ++kill) {
      const child = await next;
      child.send("go");
      // The one after it gets ready meanwhile.
      next = begin();
      if (kill % 3 !== 0) await once(child, "message");
      const life = Math.random() * MOST_LIFE_MILLISECONDS;
      lives.push(Math.round(life));
      await new Promise((resolve) => setTimeout(resolve, life));
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      leftUnderWay += (await rowsOf(file, "waiting")).length;
    }
    const last = await next;
    last.send("go");
    await once(last, "exit");

    const message = `lives of ${lives.join(", ")} milliseconds`;
    const balances = await Promise.all(
      Array.from({ length: ACTS }, (_, number) => token.balanceOf(receiverOf(number))),
    );
    expect(balances, message).to.deep.equal(Array(ACTS).fill(1n));
    expect(leftUnderWay, message).to.be.greaterThan(0);
    const [latest, pending] = await Promise.all(
      ["latest", "pending"].map((tag) => provider.getTransactionCount(wallet, tag)),
    );
    expect(pending, message).to.equal(latest);
    const nonces = (await rowsOf(file)).map(({ nonce }) => Number(nonce));
    expect(nonces, message).to.deep.equal(Array.from({ length: latest! }, (_, nonce) => nonce));
    expect(await rowsOf(file, "waiting"), message).to.deep.equal([]);
  }).timeout(120_000);
});

/** What is written of transactions, as a process left it. */
async function rowsOf(file: string, state?: string) {
  const database = openSqlite(file);
  const rows = await database
    .query("SELECT nonce, state FROM dispatch_transactions ORDER BY nonce")
    // The first one may have been killed before it made the tables.
    .catch(() => []);
  await database.close();
  return rows.filter((row) => state === undefined || row.state === state);
}
