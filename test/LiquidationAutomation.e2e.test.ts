import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import hre from "hardhat";
import { type LocalNode, startNode } from "../scripts/demo/node.js";
import { type AccountId, parseWad, STATUSES } from "../sdk/index.js";
import { LiquidationAutomation__factory } from "../typechain-types/index.js";
import { type AutomationMarket, deployAutomationMarket, MOST_GAS } from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { ETH } from "./fixtures/plimsoll.js";

const TIMEOUT = 120_000;
/** Ignition remembers what it deployed on a chain of this number: one of our own, for one run. */
const CHAIN_ID = 1_000_000 + process.pid;
const JOURNAL = join(hre.config.paths.ignition, "deployments", `chain-${CHAIN_ID}`);
const MOST_ROUNDS = 5;

describe("LiquidationAutomation on a node", () => {
  let node: LocalNode;
  let market: AutomationMarket;

  before(async function () {
    this.timeout(TIMEOUT);
    node = await startNode({ chainId: CHAIN_ID });
    const override = { url: node.url };
    const connection = await hre.network.create({ network: "localhost", override });
    market = await deployAutomationMarket(connection);
  });

  after(async () => {
    await node.stop();
    await rm(JOURNAL, { recursive: true, force: true });
  });

  /**
   * What a workflow does, with nothing but the contract's address and a key: a check, a simulation of what it proposes, and
   * the transaction. Ends when there is nothing that can be taken.
   */
  async function drive(address: string): Promise<AccountId[]> {
    const provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    const driver = await provider.getSigner(9);
    const automation = LiquidationAutomation__factory.connect(address, driver);
    const failed: AccountId[] = [];
    for (let round = 0; round < MOST_ROUNDS; ++round) {
      const [needed, data] = await automation.checkUpkeep("0x");
      if (!needed) break;
      await automation.performUpkeep.staticCall(data, { gasLimit: MOST_GAS });
      const act = await automation.performUpkeep(data, { gasLimit: MOST_GAS });
      const receipt = await act.wait();
      for (const log of receipt?.logs ?? []) {
        const event = automation.interface.parseLog(log);
        if (event?.name === "LiquidationFailed") failed.push(event.args.account as AccountId);
      }
    }
    provider.destroy();
    return failed;
  }

  it("liquidates all that can be, though one account always fails", async function () {
    this.timeout(TIMEOUT);
    const { automation, marginEngine, own } = market;
    const good = await market.sinkAccounts(2);
    // Worth less than nothing, and the insurance fund is empty: it cannot be had with its incentive.
    const [hopeless] = await market.sinkAccounts(1, { from: 5, equity: () => parseWad(-50) });
    const accounts = [...good, hopeless!];
    await automation.watch(accounts);

    expect(await drive(await automation.getAddress())).to.deep.equal([]);
    expect(await statuses(accounts)).to.deep.equal(["MarginCall", "MarginCall", "Bankrupt"]);

    // With money in the fund it is taken as well: nothing has to be told to anybody.
    await market.endow(10_000);
    await drive(await automation.getAddress());
    expect(await statuses(accounts)).to.deep.equal(["MarginCall", "MarginCall", "Healthy"]);
    await marginEngine.requireInitialOfLiquidator(own, []);
    expect(await automation.isWatched(hopeless!)).to.equal(false);

    await market.setPrice(ETH, 3_000);
    await expectBooks(market);
  });

  async function statuses(accounts: AccountId[]) {
    const found = accounts.map((account) => market.marginEngine.statusOf(account));
    return (await Promise.all(found)).map((status) => STATUSES[Number(status)]);
  }
});
