import { expect } from "chai";
import { network } from "hardhat";
import { createAudit } from "../keeper/state/audit.js";
import type { KeeperState } from "../keeper/state/state.js";
import type { KeeperView } from "../keeper/state/view.js";
import { configSchema } from "../keeper/config/schema.js";
import { type AccountId, CouldNotLook, parseWad } from "../sdk/index.js";
import { accountsOf, type StateChanges, stateOver } from "./fixtures/keeperState.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await network.create();
const { loadFixture, mine } = connection.networkHelpers;

async function deployAudited() {
  const market = await deployLiquidationMarket(connection);
  const accounts: AccountId[] = [];
  for (let place = 0n; place < 5n; ++place) {
    const account = await market.fund(market.alice, place, 20_000);
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(2) });
    accounts.push(account);
  }
  return { ...market, accounts };
}

/** A state with its audit, at a first block. */
async function audited(accountsOfBlock: number, changes: StateChanges = {}) {
  const market = await loadFixture(deployAudited);
  const { audit: settings } = configSchema.parse({ audit: { accountsOfBlock } });
  const world = await stateOver(market, { ...changes, config: { audit: settings } });
  const audit = createAudit({ ...world, verifySeconds: 60 });
  const next = async (): Promise<KeeperView> => {
    await mine(1);
    return nextOf(world.state);
  };
  return { ...market, ...world, audit, next };
}

async function nextOf(state: KeeperState): Promise<KeeperView> {
  const view = await state.update();
  if (view === undefined) throw new Error("There is no view");
  return view;
}

describe("The keeper's audit", () => {
  it("finds nothing where nothing is wrong, and comes round to every account", async () => {
    const seen: string[] = [];
    const { alarms, audit, lens, metrics, next } = await audited(3, {
      falsify: (method, answer, [call]) => {
        const { data = "" } = (call ?? {}) as { data?: string };
        if (
          method === "eth_call" &&
          data.startsWith(lens.interface.getFunction("marginsOf").selector)
        )
          seen.push(...(lens.interface.decodeFunctionData("marginsOf", data)[0] as string[]));
        return answer;
      },
    });
    let view = await next();
    const accounts = accountsOf(view.index);
    for (let block = 0; block < 3; ++block) {
      await audit.run(view);
      view = await next();
    }
    expect(accounts.length).to.be.within(7, 9);
    expect(new Set(seen)).to.deep.equal(new Set(accounts));
    expect(alarms.raised).to.deep.equal([]);
    expect((await metrics.audited.get()).values[0]?.value).to.equal(9);
  });

  it("finds and repairs an account that the book has otherwise", async () => {
    const { accounts, alarms, audit, indices, metrics, next } = await audited(50);
    const view = await next();
    const [account] = accounts as [AccountId];
    const snapshot = view.snapshotOf(account);
    view.book.put({ ...snapshot, cash: snapshot.cash + parseWad(1) });
    await audit.run(view);
    expect(alarms.names).to.deep.equal(["memoryWrong"]);
    expect(alarms.active[0]?.detail).to.contain(account);
    const { values } = await metrics.differences.get();
    expect(values).to.deep.equal([{ value: 1, labels: { what: "book" } }]);
    const repaired = await next();
    expect(repaired.book.marginOf(account)?.equity).to.equal(Number(parseWad(20_000)));
    await audit.run(repaired);
    expect(alarms.names).to.deep.equal([]);
    expect(indices).to.have.length(1);
  });

  it("finds nothing wrong where memory goes on while the Lens is asked, and says that it could not look", async () => {
    let meanwhile = async (): Promise<unknown> => Promise.resolve();
    const { accounts, alarms, audit, chain, clear, indices, next, state } = await audited(50);
    const slow = createAudit({
      ...{ ...(await audited(50)), state, alarms },
      chain: {
        rpc: async (method, params) => {
          const answer = await chain.rpc(method, params);
          await meanwhile();
          return answer;
        },
      },
    });
    const view = await next();
    meanwhile = async () => {
      await clear({ account: accounts[0]!, instrument: ETH_PERP, size: parseWad(1) });
      return nextOf(state);
    };
    const error: unknown = await slow.run(view).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(CouldNotLook);
    expect(() => view.marginOf(accounts[1]!)).to.throw(CouldNotLook, "gone on");
    expect(() => view.book).to.throw(CouldNotLook);
    expect(alarms.names).to.deep.equal([]);
    meanwhile = () => Promise.resolve();
    await audit.run(await next());
    expect([alarms.names, indices.length]).to.deep.equal([[], 1]);
  });

  it("finds an account that the book has lost", async () => {
    const { accounts, alarms, audit, next } = await audited(50);
    const view = await next();
    const [, account] = accounts as [AccountId, AccountId];
    view.book.remove(account);
    await audit.run(view);
    expect(alarms.active[0]?.detail).to.contain("The book does not have it");
    const repaired = await next();
    expect(repaired.book.marginOf(account)?.equity).to.equal(Number(parseWad(20_000)));
  });

  it("has the index built again where that is wrong", async () => {
    const { accounts, alarms, audit, indices, next } = await audited(50);
    const view = await next();
    const [account] = accounts as [AccountId];
    const stored = view.index.state.accounts.get(account)!;
    view.index.state.accounts.set(account, { ...stored, principal: stored.principal - 1n });
    await audit.run(view);
    expect(alarms.names).to.deep.equal(["memoryWrong"]);
    const rebuilt = await next();
    expect(indices).to.have.length(2);
    expect(rebuilt.index.state.accounts.get(account)).to.deep.equal(stored);
    await audit.run(rebuilt);
    expect(alarms.names).to.deep.equal([]);
  });

  it("does not build the index again and again", async () => {
    const { accounts, audit, clock, indices, next } = await audited(50);
    const [account] = accounts as [AccountId];
    const spoil = async () => {
      const { index } = await next();
      const stored = index.state.accounts.get(account)!;
      index.state.accounts.set(account, { ...stored, principal: 0n });
      await audit.run(await next());
      await next();
      return indices.length;
    };
    expect(await spoil()).to.equal(2);
    expect(await spoil()).to.equal(2);
    clock.time += 600_000;
    await audit.run(await next());
    await next();
    expect(indices).to.have.length(3);
  });

  it("compares what is no margin now and then, and has it repaired", async () => {
    const { alarms, audit, clock, indices, next } = await audited(50);
    const view = await next();
    const { singles } = view.index.state;
    (singles as { books: typeof singles.books }).books = { deficit: 1n, reserve: 2n };
    await audit.run(view);
    expect(alarms.names).to.deep.equal([]);
    clock.time += 60_000;
    await audit.run(view);
    expect(alarms.names).to.deep.equal(["memoryWrong"]);
    const rebuilt = await next();
    expect(indices).to.have.length(2);
    await audit.run(rebuilt);
    expect(alarms.names).to.deep.equal([]);
  });

  it("takes a Lens that does not answer for no answer", async () => {
    let silent = false;
    const { alarms, audit, next } = await audited(50, {
      falsify: (method, answer) => {
        if (silent && method === "eth_call") throw new Error("503");
        return answer;
      },
    });
    const view = await next();
    silent = true;
    const error: unknown = await audit.run(view).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(CouldNotLook);
    expect(alarms.raised).to.deep.equal([]);
  });
});
