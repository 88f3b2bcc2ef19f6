import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Wallet } from "ethers";
import { accountId } from "../../sdk/index.js";
import { openMarket } from "../demo/market.js";
import { startNode } from "../demo/node.js";
import { firstPrice } from "../demo/parameters.js";
import { createRandom, type Random } from "../demo/random.js";
import { Faults } from "./faults.js";
import { Judge, type Verdict } from "./judge.js";
import { KeeperProcess } from "./keeperProcess.js";
import { FaultyNode } from "./faultyNode.js";
import { type MemoryTrend, trendOf } from "./memory.js";
import { accountsBelow, watchBlock, type WatchedChain } from "./watcher.js";
import { World } from "./world.js";

/** How long and how wild a soak is. */
export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly traders: number;
  /** Where the keepers' database is: a Postgres address; without one they share a SQLite file. */
  readonly storage: string | undefined;
  /** Told of what happens. */
  readonly say: (line: string) => void;
}

/** What a soak came to. */
export interface SoakReport {
  readonly verdict: Verdict;
  /** How often each kind of fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  /** The longest life of each keeper, where it was long enough to tell. */
  readonly memory: Readonly<Record<string, MemoryTrend | undefined>>;
  /** Exit codes of the keepers when they were told to end. */
  readonly exitCodes: readonly (number | null)[];
  /** Who was still below the line after some quiet blocks. */
  readonly leftBelow: number;
  /** What is wrong, in sentences; nothing when all is well. */
  readonly problems: readonly string[];
}

const KEEPERS = ["first", "second"];
const KEEPER_DOLLARS = 20_000_000;
const BLOCK_MILLISECONDS = 500;
/** At the end nothing is injected for so many blocks. */
const QUIET_BLOCKS = 12;
const SAMPLE_BLOCKS = 4;
const TELL_BLOCKS = 20;
const START_MILLISECONDS = 60_000;

/** Runs two keepers against a crowd while everything that can break is broken, and judges what they did. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), "plimsoll-soak-"));
  const node = await startNode();
  const proxies = [await FaultyNode.start(node.url), await FaultyNode.start(node.url)];
  const keepers: KeeperProcess[] = [];
  try {
    const random = createRandom(options.seed);
    const market = await openMarket(node.url, { eth: firstPrice("eth"), btc: firstPrice("btc") });
    const { traders } = options;
    const world = await World.open({ market, random, traders });
    options.say(`${traders} accounts with positions; keepers write to ${folder}`);
    const wallets = KEEPERS.map((_, i) => walletOf(random, i));
    for (const { address } of wallets) await world.equip(address, KEEPER_DOLLARS);
    keepers.push(...KEEPERS.map((name, i) => keeperOf({ name, folder, proxies, market, wallet: wallets[i], options })));
    for (const keeper of keepers) await keeper.start();
    await untilReady(keepers);
    const watched = {
      market,
      accounts: world.accounts,
      wallets: wallets.map(({ address }) => address),
    };
    return await keepGoing({ options, random, world, proxies, keepers, watched });
  } finally {
    for (const keeper of keepers) await keeper.kill();
    for (const proxy of proxies) await proxy.stop();
    await node.stop();
    if (process.env.PLIMSOLL_SOAK_KEEP === undefined) await rm(folder, { recursive: true });
  }
}
