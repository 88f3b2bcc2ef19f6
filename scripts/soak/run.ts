import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Wallet } from "ethers";
import { accountId } from "../../sdk/index.js";
import { type Market, openMarket } from "../demo/market.js";
import { startNode } from "../demo/node.js";
import { firstPrice } from "../demo/parameters.js";
import { createRandom } from "../demo/random.js";
import { Faults, REPLACED_BLOCKS as REPLACED } from "./faults.js";
import { Judge } from "./judge.js";
import { KeeperProcess } from "./keeperProcess.js";
import { type FaultyNode, startFaultyNode } from "./faultyNode.js";
import { reportOf, type SoakReport } from "./report.js";
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

const KEEPERS = ["first", "second"];
const KEEPER_DOLLARS = 20_000_000;
const BLOCK_MILLISECONDS = 1_500;
/** At the end nothing is injected for so many blocks. */
const QUIET_BLOCKS = 8;
const SAMPLE_BLOCKS = 2;
const TELL_BLOCKS = 20;
const START_MILLISECONDS = 60_000;
const LEASE_SECONDS = 2;

/** A run under way. */
interface Stage {
  readonly options: SoakOptions;
  readonly market: Market;
  readonly world: World;
  readonly proxies: readonly FaultyNode[];
  readonly keepers: readonly KeeperProcess[];
  readonly faults: Faults;
  readonly watched: WatchedChain;
  readonly judge: Judge;
}

/** Runs two keepers against a crowd while everything that can break is broken, and judges what they did. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), "plimsoll-soak-"));
  const node = await startNode();
  const proxies = [await startFaultyNode(node.url), await startFaultyNode(node.url)];
  const keepers: KeeperProcess[] = [];
  let isWell = false;
  try {
    const { say, seed, traders } = options;
    const random = createRandom(seed);
    const market = await openMarket(node.url, { eth: firstPrice("eth"), btc: firstPrice("btc") });
    const world = await World.open({ market, random, traders });
    say(`${traders} accounts with positions; keepers write to ${folder}`);
    const wallets = KEEPERS.map(() => Wallet.createRandom());
    for (const { address } of wallets) await world.equip(address, KEEPER_DOLLARS);
    for (const [i, { address, privateKey }] of wallets.entries()) {
      const settings = settingsOf(
        { folder, address, options },
        i === 0 ? proxies : [...proxies].reverse(),
      );
      const name = KEEPERS[i] ?? "";
      const secrets = { PLIMSOLL_KEEPER_PRIVATE_KEY: privateKey };
      keepers.push(new KeeperProcess({ name, folder, settings, secrets }));
    }
    await writeFile(join(folder, "deployment.json"), JSON.stringify(market.deployment));
    for (const keeper of keepers) await keeper.start();
    await untilReady(keepers, folder);
    const watched = {
      market,
      accounts: world.accounts,
      wallets: wallets.map((one) => one.address),
    };
    const faults = new Faults({ random, world, proxies, keepers, say });
    const judge = new Judge();
    const report = await keepGoing({
      options,
      market,
      world,
      proxies,
      keepers,
      faults,
      watched,
      judge,
    });
    isWell = report.problems.length === 0;
    return report;
  } finally {
    for (const keeper of keepers) await keeper.kill();
    for (const proxy of proxies) await proxy.close();
    await node.stop();
    // The keepers' logs are for whoever looks for the reason.
    if (isWell) await rm(folder, { recursive: true });
  }
}

function settingsOf(
  { address, folder, options }: { folder: string; address: string; options: SoakOptions },
  proxies: readonly FaultyNode[],
): Record<string, unknown> {
  return {
    deployment: join(folder, "deployment.json"),
    rpc: {
      urls: proxies.map(({ url }) => url),
      sockets: proxies.map(({ socketUrl }) => socketUrl),
      timeoutSeconds: 3,
      pollSeconds: 0.25,
      stalledSeconds: 10,
    },
    storage: options.storage ?? join(folder, "keeper.sqlite"),
    liquidate: { account: accountId(address), slackBps: 300 },
    dispatch: { leaseSeconds: LEASE_SECONDS, mostCost: 100, mostUnderWay: 64 },
    checkpointSeconds: 5,
    people: { webhooks: false },
    log: { level: "debug" },
  };
}

async function untilReady(keepers: readonly KeeperProcess[], folder: string): Promise<void> {
  const deadline = Date.now() + START_MILLISECONDS;
  for (const keeper of keepers) {
    while (!(await keeper.isReady())) {
      if (!keeper.isRunning || Date.now() > deadline) {
        throw new Error(`Keeper ${keeper.name} did not get ready: see its log in ${folder}`);
      }
      await pause(100);
    }
  }
}

async function keepGoing(stage: Stage): Promise<SoakReport> {
  const { faults, keepers, market, options, watched } = stage;
  const rhythm = new Rhythm(stage);
  const end = Date.now() + options.minutes * 60_000;
  while (Date.now() < end) await rhythm.beat();
  await faults.end();
  for (let i = 0; i < QUIET_BLOCKS; ++i) await rhythm.beat({ isQuiet: true });
  const last = await market.chain.provider.getBlockNumber();
  const leftBelow = (await accountsBelow(market, watched.accounts, last)).length;
  const exitCodes = await Promise.all(keepers.map((keeper) => keeper.stop()));
  return reportOf({ ...stage, leftBelow, exitCodes });
}

/** One block after the other, at the same pace. */
class Rhythm {
  private blocks = 0;
  /** Lives of keepers that were ready after the last block. */
  private ready: ReadonlySet<unknown> = new Set();

  constructor(private readonly stage: Stage) {}

  async beat({ isQuiet = false } = {}): Promise<void> {
    const { faults, judge, keepers, market, options, watched, world } = this.stage;
    const next = Date.now() + BLOCK_MILLISECONDS;
    const head = await market.chain.provider.getBlockNumber();
    const wasReplaced = isQuiet ? false : await faults.step(head);
    if (wasReplaced) {
      // The blocks that replace others came all at once: nobody had time to act between them.
      judge.takeBack(head - REPLACED + 1);
      const now = await market.chain.provider.getBlockNumber();
      for (let number = head - REPLACED + 1; number <= now; ++number) {
        judge.take({ ...(await watchBlock(watched, number)), isKept: false });
      }
    }
    const number = await world.step({ isCalm: isQuiet });
    const seen = await watchBlock(watched, number);
    const lives = keepers.filter(({ isRunning }) => isRunning).map(({ lives: all }) => all.at(-1));
    const isKept = lives.some((life) => life !== undefined && this.ready.has(life));
    judge.take({ ...seen, isKept });
    const states = await Promise.all(
      keepers.map(async (keeper) => ((await keeper.isReady()) ? keeper.lives.at(-1) : undefined)),
    );
    this.ready = new Set(states.filter((life) => life !== undefined));
    this.blocks++;
    if (this.blocks % SAMPLE_BLOCKS === 0)
      for (const keeper of keepers) await keeper.sampleMemory();
    if (this.blocks % TELL_BLOCKS === 0) options.say(progressOf(judge, seen.below.length));
    await pause(Math.max(0, next - Date.now()));
  }
}

function progressOf(judge: Judge, below: number): string {
  const { blocks, liquidations, longestWait, missed, sentTwice } = judge.verdict();
  return (
    `${blocks} blocks, ${liquidations} liquidations, ${below} accounts below the line now; ` +
    `longest wait ${longestWait}, missed ${missed.length}, sent twice ${sentTwice.length}`
  );
}
