import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Wallet } from "ethers";
import { MockV3Aggregator__factory } from "../../../typechain-types/index.js";
import { type Market, openMarket } from "../../demo/market.js";
import { startNode } from "../../demo/node.js";
import { PRICE_FEEDS } from "../../demo/parameters.js";
import { KeeperProcess } from "../../soak/keeperProcess.js";
import { CROWD_PRICE, equip, gather } from "./crowd.js";
import { HeadWatch } from "./headWatch.js";
import { SendWatch } from "./sendWatch.js";

/** How a keeper is timed. */
export interface LatencyOptions {
  readonly accounts: number;
  /** Prices after which somebody must be liquidated. */
  readonly samples: number;
}

/** How long it takes from a price to a liquidation. */
export interface LatencyFigures {
  readonly accounts: number;
  readonly samples: number;
  /** Transactions that the keeper has sent in all. */
  readonly sent: number;
  /** From the head of the block with the price to the first transaction at the node [milliseconds]. */
  readonly median: number;
  readonly p95: number;
  readonly most: number;
  /** The least that the node itself takes to answer a call that reads one margin, median [milliseconds]. */
  readonly nodeCall: number;
  /** To make the crowd, and for the keeper to know it [seconds]. */
  readonly gathering: number;
  readonly catchingUp: number;
}

/** By so much of the first price it falls each time. */
const STEP = 0.0005;
/** Before the first at the front is near its line. */
const FIRST_FALL = 0.031;
/** Not counted: what the engine has not compiled yet is slow. */
const WARM_UPS = 20;
const MOST_STEPS_BEFORE = 40;
const READY_MILLISECONDS = 300_000;
const MOST_MILLISECONDS = 10_000;
const QUIET_MILLISECONDS = 400;
const CALLS = 50;

/** Makes a node, a market and a crowd, starts a keeper as a process of its own and lets the price fall. */
export async function measureLatency(options: LatencyOptions): Promise<LatencyFigures> {
  const folder = await mkdtemp(join(tmpdir(), "plimsoll-bench-"));
  const node = await startNode();
  const watch = new SendWatch(node.url);
  const heads = new HeadWatch(node.url);
  let keeper: KeeperProcess | undefined;
  let isWell = false;
  try {
    const market = await openMarket(node.url, { eth: CROWD_PRICE, btc: 100_000 });
    const front = options.samples + WARM_UPS;
    const gathering = await gather(market, { accounts: options.accounts, front, step: STEP });
    const nodeCall = await timeOfCall(market);
    const began = performance.now();
    keeper = await startKeeper({ folder, market, url: await watch.start(), socket: node.url });
    const catchingUp = (performance.now() - began) / 1_000;
    await heads.start();
    const times = await timesOf(options, { market, watch, heads });
    const { median, most, p95 } = spreadOf(times);
    const { accounts } = options;
    const sent = watch.count;
    const samples = times.length;
    isWell = true;
    return { accounts, samples, sent, median, p95, most, nodeCall, gathering, catchingUp };
  } finally {
    await keeper?.stop();
    heads.stop();
    await watch.stop();
    await node.stop();
    // The keeper's log is for whoever looks for the reason.
    if (isWell) await rm(folder, { recursive: true });
  }
}

/** The keeper with everything that liquidates and nothing else; ready when this resolves. */
async function startKeeper(stage: {
  readonly folder: string;
  readonly market: Market;
  readonly url: string;
  readonly socket: string;
}): Promise<KeeperProcess> {
  const { folder, market, socket, url } = stage;
  const { address, privateKey } = Wallet.createRandom();
  const account = await equip(market, address);
  const deployment = join(folder, "deployment.json");
  await writeFile(deployment, JSON.stringify(market.deployment));
  const settings = {
    deployment,
    rpc: { urls: [url], sockets: [socket.replace("http", "ws")] },
    storage: join(folder, "keeper.sqlite"),
    roles: ["liquidate"],
    liquidate: { account, slackBps: 300 },
    dispatch: { mostCost: 100 },
    people: { webhooks: false },
  };
  const secrets = { PLIMSOLL_KEEPER_PRIVATE_KEY: privateKey };
  const keeper = new KeeperProcess({ name: "bench", folder, settings, secrets });
  await keeper.start();
  const deadline = Date.now() + READY_MILLISECONDS;
  while (!(await keeper.isReady())) {
    if (keeper.isRunning && Date.now() < deadline) await pause(50);
    else throw new Error(`The keeper did not get ready: see its log in ${folder}`);
  }
  return keeper;
}

interface Stage {
  readonly market: Market;
  readonly watch: SendWatch;
  readonly heads: HeadWatch;
}

/** One time for each step of the price, from the first after which somebody was liquidated on. */
async function timesOf({ samples }: LatencyOptions, stage: Stage): Promise<number[]> {
  const times: number[] = [];
  for (let step = 0; times.length < WARM_UPS + samples; ++step) {
    const price = CROWD_PRICE * (1 - FIRST_FALL - step * STEP);
    const time = await timeOfStep(price, stage, times.length > 0);
    if (time !== undefined) times.push(time);
    else if (times.length > 0) times.push(MOST_MILLISECONDS);
    else if (step > MOST_STEPS_BEFORE) throw new Error("The keeper liquidates nobody");
  }
  return times.slice(WARM_UPS);
}

async function timeOfStep(
  price: number,
  { heads, market, watch }: Stage,
  isExpected: boolean,
): Promise<number | undefined> {
  const { chain, feeds, operator } = market;
  const feed = feeds[PRICE_FEEDS.eth];
  if (feed === undefined) throw new Error("The market has no feed of ether");
  const aggregator = MockV3Aggregator__factory.connect(feed.address, chain.provider);
  const answer = BigInt(Math.round(price * 1e4)) * 10n ** BigInt(feed.decimals - 4);
  const request = await aggregator.updateAnswer.populateTransaction(answer);
  const sending = watch.next(isExpected ? MOST_MILLISECONDS : QUIET_MILLISECONDS);
  const head = heads.next();
  await chain.send(operator, request);
  const mined = Math.min(performance.now(), await head);
  const sent = await sending;
  await watch.quiet(QUIET_MILLISECONDS);
  return sent === undefined ? undefined : sent - mined;
}

/** What nobody can be faster than by much: the node alone [milliseconds]. */
async function timeOfCall({ engine, fund }: Market): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < CALLS; ++i) {
    const began = performance.now();
    await engine.marginOf(fund);
    times.push(performance.now() - began);
  }
  return spreadOf(times).median;
}

function spreadOf(times: readonly number[]): { median: number; p95: number; most: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { median: at(0.5), p95: at(0.95), most: at(1) };
}
