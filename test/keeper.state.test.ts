import { expect } from "chai";
import { network } from "hardhat";
import { LensPages } from "../keeper/state/lensPages.js";
import type { KeeperState } from "../keeper/state/state.js";
import type { KeeperView } from "../keeper/state/view.js";
import { type AccountId, CouldNotLook, parseWad, type Rpc } from "../sdk/index.js";
import { accountsOf, stateOver } from "./fixtures/keeperState.js";
import { deployLiquidationMarketWith } from "./fixtures/liquidation.js";
import { readParameters } from "../ignition/parameters.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { usedOfBound } from "./support/floats.js";

const connection = await network.create();
const { loadFixture, mine, takeSnapshot } = connection.networkHelpers;

/** Interest, funding and ramps are at work; some accounts have debts and collateral. */
async function deployAliveMarket() {
  const market = await deployLiquidationMarketWith(connection, readParameters("local"));
  const accounts = await Promise.all(
    [market.alice, market.carol, market.dave].map((signer) => market.fund(signer, 0n, 20_000)),
  );
  await market.deposit(market.alice, { token: market.weth, amount: 2 });
  return { ...market, accounts };
}

/** Of WETH: dearer than before, so that they are on their way for three days. */
const HAIRCUTS = {
  underlying: 1,
  initialHaircutBps: 3_000,
  maintenanceHaircutBps: 2_000,
  accepted: true,
};

const load = async () => loadFixture(deployAliveMarket);

/** All margins of a view are those of the Lens, exactly and within the book's bound. */
async function expectInStep(view: KeeperView, world: { chain: { rpc: Rpc } } & LensWorld) {
  const lens = new LensPages({ rpc: world.chain.rpc, plimsoll: world.plimsoll });
  const accounts = accountsOf(view.index);
  expect(view.book.size).to.equal(accounts.length);
  for (const said of await lens.marginsOf(accounts, view.block.hash)) {
    if (!said.priced) throw new Error("The Lens could not say");
    const { equity, initial, maintenance } = view.marginOf(said.account);
    const expected = [said.equity, said.initial, said.maintenance];
    expect([equity, initial, maintenance]).to.deep.equal(expected);
    const fast = view.book.marginOf(said.account)!;
    expect(usedOfBound(fast, said), said.account).to.be.at.most(1);
  }
  return accounts.length;
}

type LensWorld = Pick<ConstructorParameters<typeof LensPages>[0], "plimsoll">;

async function nextOf(state: KeeperState): Promise<KeeperView> {
  const view = await state.update();
  if (view === undefined) throw new Error("There is no view");
  return view;
}

describe("The keeper's state", () => {
  it("is in step with the chain after every block, also with those that replace others", async () => {
    const market = await load();
    const [first, second, third] = market.accounts as [AccountId, AccountId, AccountId];
    const world = await stateOver(market);
    const acts = [
      () => market.clear({ account: first, instrument: ETH_PERP, size: parseWad(5) }),
      () => market.clear({ account: second, instrument: BTC_PERP, size: parseWad(-1) }),
      () => market.setPrices({ [ETH]: 2_900 }),
      () => market.clear({ account: third, instrument: ETH_PERP, size: parseWad(-7) }),
      () => market.passTime(3_000n),
      () => market.clearinghouse.accrueFunding(ETH_PERP),
      () => market.clear({ account: first, instrument: ETH_PERP, size: parseWad(-5) }),
      () => market.clearinghouse.connect(market.carol).settleVariation(second),
      () => market.setPrices({ [BTC]: 101_000 }),
      () =>
        market.asGovernance(market.rules, "setCollateral", [
          market.addresses.tokens.WETH,
          HAIRCUTS,
        ]),
      () => market.passTime(50_000n),
    ];
    expect(await expectInStep(await nextOf(world.state), world)).to.be.above(4);
    const fork = await takeSnapshot();
    for (const act of acts) {
      await act();
      await expectInStep(await nextOf(world.state), world);
    }
    await fork.restore();
    const replaced = world.state.index.tip!.number;
    for (const act of acts.toReversed().slice(0, 4)) await act().catch(() => undefined);
    const view = await nextOf(world.state);
    expect(view.replacedFrom).to.be.below(replaced);
    expect(view.newBlocks[0]?.number).to.equal(view.replacedFrom);
    expect(view.newBlocks.at(-1)?.hash).to.equal(view.block.hash);
    await expectInStep(view, world);
    expect(world.alarms.names).to.deep.equal([]);
  }).timeout(20_000);

  it("says nothing while there is no new block, and each new block once", async () => {
    const market = await load();
    const { state } = await stateOver(market);
    const first = await nextOf(state);
    expect(first.newBlocks).to.deep.equal([]);
    expect(await state.update()).to.equal(undefined);
    await mine(3);
    const views = await Promise.all([state.update(), state.update()]);
    expect(views[1]).to.equal(undefined);
    const { number } = first.block;
    expect(views[0]?.newBlocks.map((block) => block.number)).to.deep.equal(
      [1, 2, 3].map((more) => number + more),
    );
    expect(views[0]?.replacedFrom).to.equal(undefined);
  });

  it("gives the blocks that came since a checkpoint, and none of the time before", async () => {
    const market = await load();
    const { index } = await nextOf((await stateOver(market)).state);
    await market.setPrices({ [ETH]: 2_900 });
    const [account] = market.accounts as [AccountId];
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(1) });
    const restored = await stateOver(market, { index });
    const first = index.tip!.number + 1;
    const view = await nextOf(restored.state);
    expect(view.newBlocks[0]?.number).to.equal(first);
    expect(view.newBlocks.at(-1)?.logs).to.not.deep.equal([]);
    await expectInStep(view, restored);
  });

  it("takes two round trips for a block, the price's included", async () => {
    const market = await load();
    let [underWay, rounds] = [0, 0];
    const { state } = await stateOver(market, {
      around: (inner) => async (method, params) => {
        if (underWay++ === 0) ++rounds;
        try {
          return await inner(method, params);
        } finally {
          --underWay;
        }
      },
    });
    await nextOf(state);
    await market.setPrices({ [ETH]: 2_800 });
    rounds = 0;
    const view = await nextOf(state);
    expect(view.prices.get(ETH)?.price).to.equal(parseWad(2_800));
    expect(rounds).to.equal(2);
  });

  describe("when something cannot be read", () => {
    it("takes a revert for a missing price, says so, and says when it is back", async () => {
      const market = await load();
      const [, account] = market.accounts as [AccountId, AccountId];
      await market.clear({ account, instrument: ETH_PERP, size: parseWad(2) });
      const world = await stateOver(market);
      const { alarms, state } = world;
      await nextOf(state);
      await connection.networkHelpers.time.increase(100_000);
      await mine();
      const silent = await nextOf(state);
      expect(alarms.names).to.include(`feedDead ${ETH}`);
      expect(silent.prices.get(ETH)?.price).to.equal(undefined);
      expect(silent.prices.get(ETH)?.lastPrice).to.equal(parseWad(3_000));
      expect(() => silent.marginOf(account)).to.throw("has no price");
      expect(silent.book.marginOf(account)?.isRead).to.equal(false);
      await market.setPrices({ [ETH]: 2_950, [BTC]: 100_000 });
      const back = await nextOf(state);
      expect(alarms.names).to.not.include(`feedDead ${ETH}`);
      await expectInStep(back, world);
    });

    it("takes silence for no answer, gives no view, and misses nothing afterwards", async () => {
      const market = await load();
      let silent = "";
      const { alarms, state } = await stateOver(market, {
        falsify: (method, answer) => {
          if (method === silent) throw new Error("429 Too Many Requests");
          return answer;
        },
      });
      const { block } = await nextOf(state);
      for (silent of ["eth_getBlockByNumber", "eth_getLogs", "eth_call", "eth_gasPrice"]) {
        await mine(1);
        const error: unknown = await state.update().catch((reason: unknown) => reason);
        expect(error, silent).to.be.instanceOf(CouldNotLook);
      }
      silent = "";
      const view = await nextOf(state);
      const numbers = view.newBlocks.map(({ number }) => number);
      expect(numbers).to.deep.equal([1, 2, 3, 4].map((more) => block.number + more));
      expect(alarms.raised).to.deep.equal([]);
    });
  });

  describe("when the index cannot go on", () => {
    it("builds it again when more was replaced than it can take back", async () => {
      const market = await load();
      const world = await stateOver(market, { keptBlocks: 2 });
      const [account] = market.accounts as [AccountId];
      const fork = await takeSnapshot();
      for (const size of [1, 1, 1, 1]) {
        await market.clear({ account, instrument: ETH_PERP, size: parseWad(size) });
      }
      await nextOf(world.state);
      await fork.restore();
      for (const size of [3, -1, -1, -1, 1]) {
        await market.clear({ account, instrument: ETH_PERP, size: parseWad(size) });
      }
      const view = await nextOf(world.state);
      expect(world.alarms.raised).to.deep.equal(["indexBroken"]);
      expect(world.alarms.names).to.deep.equal([]);
      expect(world.indices).to.have.length(2);
      expect(view.index).to.equal(world.indices[1]);
      expect(view.newBlocks[0]?.number).to.equal(view.replacedFrom);
      await expectInStep(view, world);
    });

    it("asks again before it believes that events contradict each other, then builds it again", async () => {
      const market = await load();
      let isLeftOut = false;
      const world = await stateOver(market, {
        // A chain without filters, of whose last block the node leaves a log out.
        falsify: (method, answer, [filter]) => {
          if (method === "eth_getBlockByNumber" && answer !== null) {
            return { ...(answer as object), logsBloom: `0x${"0".repeat(512)}` };
          }
          const isOfLast = method === "eth_getLogs" && "blockHash" in (filter as object);
          return isLeftOut && isOfLast ? (answer as unknown[]).slice(1) : answer;
        },
      });
      await nextOf(world.state);
      const [account] = market.accounts as [AccountId];
      await market.clear({ account, instrument: ETH_PERP, size: parseWad(1) });
      isLeftOut = true;
      for (let attempt = 0; attempt < 2; ++attempt) {
        const error: unknown = await world.state.update().catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(CouldNotLook);
        expect(world.alarms.names).to.deep.equal(["indexBroken"]);
        expect(world.indices).to.have.length(1);
      }
      const view = await nextOf(world.state);
      expect(world.indices).to.have.length(2);
      await expectInStep(view, world);
      expect(world.alarms.names).to.deep.equal([]);
      expect(view.newBlocks.at(-1)?.hash).to.equal(view.block.hash);
    });
  });
});
