import { expect } from "chai";
import { mkdtempSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Wallet } from "ethers";
import { openMarket } from "../scripts/demo/market.js";
import { type LocalNode, startNode } from "../scripts/demo/node.js";
import { firstPrice } from "../scripts/demo/parameters.js";
import { createRandom } from "../scripts/demo/random.js";
import { type FaultyNode, startFaultyNode } from "../scripts/soak/faultyNode.js";
import { KeeperProcess } from "../scripts/soak/keeperProcess.js";
import { watchBlock, type WatchedChain } from "../scripts/soak/watcher.js";
import { World } from "../scripts/soak/world.js";
import { accountId } from "../sdk/index.js";

const PATIENCE_MILLISECONDS = 30_000;
const MOST_BLOCKS = 80;

/** Waits until something is so. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`);
    await pause(50);
  }
}

describe("npm run keeper, on a node", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "plimsoll-keeper-"));
  const wallet = Wallet.createRandom();
  let node: LocalNode;
  let world: World;
  let watched: WatchedChain;
  let keeper: KeeperProcess;
  let keepers = 0;

  before(async () => {
    node = await startNode();
    const market = await openMarket(node.url, { eth: firstPrice("eth"), btc: firstPrice("btc") });
    world = await World.open({ market, random: createRandom(7), traders: 24 });
    await world.equip(wallet.address, 20_000_000);
    watched = { market, accounts: world.accounts, wallets: [wallet.address] };
    const deployment = join(folder, "deployment.json");
    await writeFile(deployment, JSON.stringify(market.deployment));
    keeper = new KeeperProcess({
      name: "keeper",
      folder,
      secrets: { PLIMSOLL_KEEPER_PRIVATE_KEY: wallet.privateKey },
      settings: {
        deployment,
        rpc: { urls: [node.url], sockets: [node.url.replace("http", "ws")], pollSeconds: 0.25 },
        storage: join(folder, "keeper.sqlite"),
        liquidate: { account: accountId(wallet.address), slackBps: 300 },
        dispatch: { mostCost: 100 },
        checkpointSeconds: 1,
      },
    });
  });

  after(async () => {
    await keeper.kill();
    await node.stop();
    await rm(folder, { recursive: true });
  });

  /** Moves prices until a liquidation passes; what the chain says of that block. */
  async function untilLiquidation() {
    for (let i = 0; i < MOST_BLOCKS; ++i) {
      const seen = await watchBlock(watched, await world.step());
      if (seen.liquidated.length > 0) return seen;
      // A block in which somebody fell below the line is answered before the next one.
      if (seen.below.length > 0) await pause(500);
    }
    throw new Error(`No liquidation in ${MOST_BLOCKS} blocks: see ${folder}/keeper.log`);
  }

  it("gets ready, and takes over accounts that fall below their line", async () => {
    await keeper.start();
    await until("The keeper", () => keeper.isReady());
    const { liquidated } = await untilLiquidation();
    expect(world.accounts).to.include.members([...liquidated]);
  });

  it("has settled what it sent, and written its memory down, when it is told to end", async () => {
    for (let i = 0; i < 3; ++i) await world.step({ isCalm: true });
    expect(await keeper.stop()).to.equal(0);
    const log = await readFile(join(folder, "keeper.log"), "utf8");
    expect(log).to.match(/took .* over/);
    expect(log).not.to.include(wallet.privateKey.slice(2));
  });

  /** Another keeper behind a relay to the node that is down at first. */
  async function withoutNode(
    act: (waiting: KeeperProcess, relay: FaultyNode) => Promise<void>,
  ): Promise<void> {
    const relay = await startFaultyNode(node.url);
    relay.troubles.isDown = true;
    const { settings } = keeper.options;
    const rpc = { urls: [relay.url], pollSeconds: 0.25 };
    const waiting = new KeeperProcess({
      ...keeper.options,
      name: "waiting",
      settings: {
        ...settings,
        rpc,
        dryRun: true,
        storage: join(folder, `waiting${++keepers}.sqlite`),
      },
    });
    try {
      await waiting.start();
      await until("The alarm", async () => {
        const page = await waiting.ask("/health");
        return page?.status === 503 && (await page.text()).includes("looksFailing");
      });
      await act(waiting, relay);
    } finally {
      await waiting.kill();
      await relay.close();
    }
  }

  it("says that no node answers from the start on, and gets ready when one does", async () => {
    await withoutNode(async (waiting, relay) => {
      expect((await waiting.ask("/ready"))?.status).to.equal(503);
      relay.troubles.isDown = false;
      await until("The keeper", () => waiting.isReady());
    });
  });

  it("ends with 0 when it is told to while no node has answered yet", async () => {
    await withoutNode(async (waiting) => {
      expect(await waiting.stop()).to.equal(0);
    });
  });

  it("goes on where it ended, and after it was killed", async () => {
    await keeper.start();
    await until("The keeper", () => keeper.isReady());
    await keeper.kill();
    await keeper.start();
    await until("The keeper", () => keeper.isReady());
    const { liquidated, reverted } = await untilLiquidation();
    expect(liquidated).not.to.deep.equal([]);
    expect(reverted.filter((account) => liquidated.includes(account))).to.deep.equal([]);
  });
});
