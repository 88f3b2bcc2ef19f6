import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import hre from "hardhat";
import { startNode, type LocalNode } from "../scripts/demo/node.js";
import { restoreCheckpoint, saveCheckpoint } from "../sdk/eventIndex/checkpoint.js";
import { EventIndex } from "../sdk/eventIndex/eventIndex.js";
import { catchUp } from "../sdk/eventIndex/follow.js";
import { rpcSource, type Rpc } from "../sdk/eventIndex/source.js";
import { parseWad } from "../sdk/index.js";
import { differencesOf, indexOptions } from "./fixtures/eventIndex.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

/** Ignition remembers what it deployed on a chain of this number: one of our own, for one run. */
const CHAIN_ID = 2_000_000 + process.pid;
const JOURNAL = join(hre.config.paths.ignition, "deployments", `chain-${CHAIN_ID}`);

describe("The event index over HTTP", () => {
  let node: LocalNode;
  let provider: JsonRpcProvider;

  before(async function () {
    this.timeout(120_000);
    node = await startNode({ chainId: CHAIN_ID });
    provider = new JsonRpcProvider(node.url, undefined, { staticNetwork: true });
  });

  after(async () => {
    provider.destroy();
    await node.stop();
    await rm(JOURNAL, { recursive: true, force: true });
  });

  it("finds everything on a node, survives its own end and a reorganisation meanwhile", async () => {
    const connection = await hre.network.create({
      network: "localhost",
      override: { url: node.url },
    });
    const market = await deployLiquidationMarket(connection);
    const account = await market.fund(market.alice, 0n, 20_000);
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(2) });
    const options = await indexOptions(market);
    const rpc: Rpc = (method, params) => provider.send(method, params) as Promise<unknown>;
    const sourceOf = ({ addresses, topics }: EventIndex) => rpcSource({ rpc, addresses, topics });

    const index = new EventIndex(options);
    await catchUp(index, { source: sourceOf(index), mostBlocks: 25 });
    expect(await differencesOf(index, market)).to.deep.equal([]);

    const fork = await connection.networkHelpers.takeSnapshot();
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(1) });
    await catchUp(index, { source: sourceOf(index) });
    const checkpoint = [...saveCheckpoint(index)];
    await fork.restore();
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(-2) });

    const restored = restoreCheckpoint(checkpoint, options);
    const { takenBack } = await catchUp(restored, { source: sourceOf(restored) });
    expect(takenBack).to.equal(1);
    expect(await differencesOf(restored, market)).to.deep.equal([]);
    expect(restored.state.accounts.get(account)?.positions).to.deep.equal([]);
  }).timeout(120_000);
});
