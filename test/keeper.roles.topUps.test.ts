import { expect } from "chai";
import { zeroPadValue } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { createTopUps, type TopUpsOptions } from "../keeper/roles/topUps.js";
import { decideDue, decideMostCost } from "../keeper/roles/topUps/decide.js";
import { mayBeDue, SOURCE_KINDS } from "../keeper/roles/topUps/instruction.js";
import { accountId, CouldNotLook, parseWad, type Rpc, WAD } from "../sdk/index.js";
import { keeperScene, type KeeperScene, newDatabase } from "./fixtures/keeperView.js";
import { ETH } from "./fixtures/plimsoll.js";
import { deployTopUp, DOLLAR, NUMBER, OF_WALLET, PRICES } from "./fixtures/topUp.js";
import { OWNER } from "./support/accounts.js";

const KEY = (account: string, number: bigint | number) => `topUp ${account} ${number}`;
/** A contract of one instruction, which burns all gas that it gets. */
const BURNER = "0x00000000000000000000000000000000000b0a4d";

describe("Keeper: standing top-ups", () => {
  let connection: NetworkConnection;
  before(async () => (connection = await network.create()));
  after(() => connection.close());

  async function deploy(connection: NetworkConnection) {
    const top = await deployTopUp(connection);
    return { ...top, keeper: await keeperScene(top) };
  }
  async function load() {
    const scene = await connection.networkHelpers.loadFixture(deploy);
    scene.keeper.failures.length = 0;
    return { ...scene, database: await newDatabase() };
  }

  async function optionsOf(
    { database, keeper, standingTopUp }: Awaited<ReturnType<typeof load>>,
    changes: Partial<TopUpsOptions> = {},
  ): Promise<TopUpsOptions> {
    const { tools } = keeper;
    const address = await standingTopUp.getAddress();
    const of = { standingTopUp: address, firstBlock: 0, mostBlocks: 50, leastProfit: 0n };
    return { ...tools, database, ...of, ...changes };
  }

  describe("what is decided", () => {
    const instruction = {
      account: accountId(OWNER),
      number: 3,
      kind: SOURCE_KINDS.wallet,
      source: "0x",
      until: 100n,
      triggerHealth: parseWad("1.5"),
      block: 1,
    };
    const margin = { equity: 1_500n, initial: 2_000n, maintenance: 1_000n };

    it("finds an instruction due only below its trigger, to the wei", () => {
      expect(decideDue([instruction], margin, 100n)).to.deep.equal([]);
      expect(decideDue([instruction], { ...margin, equity: 1_499n }, 100n)).to.have.length(1);
    });

    it("finds none due after its last second", () => {
      expect(decideDue([instruction], { ...margin, equity: 0n }, 100n)).to.have.length(1);
      expect(decideDue([instruction], { ...margin, equity: 0n }, 101n)).to.deep.equal([]);
    });

    it("finds none due of an account that requires nothing", () => {
      const nothing = { equity: -5n, initial: 0n, maintenance: 0n };
      expect(decideDue([instruction], nothing, 1n)).to.deep.equal([]);
    });

    it("passes over what is surely not due, and what has no price, and nothing else", () => {
      const fast = { initial: 0, maintenance: 1_000, errorBound: 2, isRead: true };
      expect(mayBeDue(instruction, { ...fast, equity: 1_510 })).to.equal(false);
      expect(mayBeDue(instruction, { ...fast, equity: 1_504 })).to.equal(true);
      expect(mayBeDue(instruction, { ...fast, equity: 1_400, isRead: false })).to.equal(false);
    });

    it("spends at most the tip less its profit, and what it adds", () => {
      const economy = { tip: 2n * WAD, gasCost: WAD, leastProfit: 0n, mostSubsidy: 0n };
      expect(decideMostCost(economy)).to.equal(2n * WAD);
      expect(decideMostCost({ ...economy, leastProfit: WAD })).to.equal(WAD);
      expect(decideMostCost({ ...economy, leastProfit: WAD + 1n })).to.equal(undefined);
      const free = { ...economy, tip: 0n, mostSubsidy: 3n * WAD };
      expect(decideMostCost(free)).to.equal(3n * WAD);
    });
  });

  describe("on the chain", () => {
    for (const source of ["wallet", "subAccount", "shares"] as const) {
      it(`proposes what brings an account to its target from ${source}, and earns the tip`, async () => {
        const scene = await load();
        const { alices, instruct, instructions, keeper, marginEngine, stranger, usdc } = scene;
        await instruct(instructions[source]);
        const role = createTopUps(await optionsOf(scene));

        const proposals = await role.look(await keeper.view());

        expect(proposals.map(({ key }) => key)).to.deep.equal([KEY(alices, NUMBER)]);
        // Two dollars of tip at 2,850 dollars of ether.
        expect(proposals[0]!.mostCost).to.equal((2n * WAD * WAD) / parseWad(PRICES.due));
        await keeper.execute(proposals);
        const { equity, maintenance } = await marginEngine.marginOf(alices);
        expect(equity).to.be.at.least(2n * maintenance);
        expect(await usdc.balanceOf(stranger)).to.equal(2n * DOLLAR);
        expect(await role.look(await keeper.view())).to.deep.equal([]);
      });
    }

    it("leaves an account alone until its health is below the trigger", async () => {
      const scene = await load();
      await scene.setPrice(ETH, PRICES.well);
      await scene.instruct(OF_WALLET);
      const role = createTopUps(await optionsOf(scene));
      expect(await role.look(await scene.keeper.view())).to.deep.equal([]);
      await scene.setPrice(ETH, PRICES.due);
      expect(await role.look(await scene.keeper.view())).to.have.length(1);
    });

    it("leaves one alone that was cancelled", async () => {
      const scene = await load();
      await scene.instruct(OF_WALLET);
      const role = createTopUps(await optionsOf(scene));
      expect(await role.look(await scene.keeper.view())).to.have.length(1);
      await scene.standingTopUp.connect(scene.alice).cancel(scene.alices, NUMBER);
      expect(await role.look(await scene.keeper.view())).to.deep.equal([]);
    });

    it("does without a tip only when it is told what it may spend", async () => {
      const scene = await load();
      await scene.instruct({ ...OF_WALLET, tipLimit: 0n });
      const paid = createTopUps(await optionsOf(scene));
      expect(await paid.look(await scene.keeper.view())).to.deep.equal([]);
      const kind = createTopUps(await optionsOf(scene, { mostSubsidy: 5n * WAD }));
      expect(await kind.look(await scene.keeper.view())).to.have.length(1);
    });

    it("takes an account's next instruction when the first lacks a right that no preview sees", async () => {
      const scene = await load();
      const { alice, alices, instructions, keeper, standingTopUp, vault } = scene;
      // The larger one comes first, and its right in the vault is gone.
      await scene.instruct({ ...instructions.subAccount, targetHealth: parseWad(3) }, 1n);
      await scene.instruct(OF_WALLET, 2n);
      await vault.connect(alice).setOperator(standingTopUp, 0, 0);
      const role = createTopUps(await optionsOf(scene));
      const [proposal, ...others] = await role.look(await keeper.view());
      expect(proposal!.key).to.equal(KEY(alices, 2));
      expect(others).to.deep.equal([]);
      expect(keeper.failures.map(({ account }) => account)).to.deep.equal([alices]);
    });

    it("is not held up by vaults of shares that burn all gas or revert", async () => {
      const scene = await load();
      const { alices, hostile, instructions, keeper, ofHostile } = scene;
      await connection.networkHelpers.setCode(BURNER, "0xfe");
      const burning = { ...instructions.shares, source: zeroPadValue(BURNER, 32) };
      await scene.instruct(burning, 1n);
      await scene.instruct(ofHostile, 2n);
      await hostile.setManner(1n, BURNER);
      await scene.instruct(OF_WALLET, 9n);
      const role = createTopUps(await optionsOf(scene));
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.deep.equal([KEY(alices, 9)]);
    });

    it("does not look at an account of which something is under way", async () => {
      const scene = await load();
      await scene.instruct(OF_WALLET, 1n);
      await scene.instruct(OF_WALLET, 2n);
      const isHeld = (key: string) => key === KEY(scene.alices, 1);
      const role = createTopUps(await optionsOf(scene, { isHeld }));
      expect(await role.look(await scene.keeper.view())).to.deep.equal([]);
    });

    it("says that it could not look when the node does not answer", async () => {
      const scene = await load();
      await scene.instruct(OF_WALLET);
      const view = await scene.keeper.view();
      for (const silent of ["eth_call", "eth_getLogs"]) {
        const rpc: Rpc = (method, params) =>
          method === silent
            ? Promise.reject(new Error("ECONNRESET"))
            : scene.keeper.rpc(method, params);
        const role = createTopUps(await optionsOf(scene, { rpc }));
        let failure: unknown;
        await role.look(view).catch((error: unknown) => (failure = error));
        expect(failure, silent).to.be.instanceOf(CouldNotLook);
      }
    });
  });

  describe("instructions", () => {
    it("are known after a restart without reading their events again", async () => {
      const scene = await load();
      await scene.instruct(OF_WALLET);
      const first = createTopUps(await optionsOf(scene));
      await first.look(await scene.keeper.view());
      const asked = listenTo(scene.keeper);
      const again = createTopUps(await optionsOf(scene, { rpc: asked.rpc }));
      await scene.refreshPrices();
      expect(await again.look(await scene.keeper.view())).to.have.length(1);
      expect(asked.ranges[0]).to.be.greaterThan(0);
    });

    it("that a reorganisation undoes are undone, while it runs and while it slept", async () => {
      const scene = await load();
      const { alice, alices, keeper, standingTopUp } = scene;
      await scene.instruct(OF_WALLET, 1n);
      const fork = await connection.networkHelpers.takeSnapshot();
      await standingTopUp.connect(alice).cancel(alices, 1n);
      await scene.instruct(OF_WALLET, 2n);
      const running = createTopUps(await optionsOf(scene));
      expect((await running.look(await keeper.view())).map(({ key }) => key)).to.deep.equal([
        KEY(alices, 2),
      ]);
      await fork.restore();
      await scene.refreshPrices();
      const view = await keeper.view();
      expect(view.replacedFrom).to.be.a("number");

      const restarted = createTopUps(await optionsOf(scene));
      const slept = { ...view, replacedFrom: undefined };
      for (const [role, seen] of [[restarted, slept] as const, [running, view] as const]) {
        const keys = (await role.look(seen)).map(({ key }) => key);
        expect(keys).to.deep.equal([KEY(alices, 1)]);
      }
    });
  });
});

/** From which blocks on logs are asked for. */
function listenTo({ rpc }: KeeperScene) {
  const ranges: number[] = [];
  const listening: Rpc = (method, params) => {
    if (method === "eth_getLogs")
      ranges.push(Number((params[0] as { fromBlock: string }).fromBlock));
    return rpc(method, params);
  };
  return { rpc: listening, ranges };
}
