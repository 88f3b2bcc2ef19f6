import { expect } from "chai";
import { MaxInt256, parseEther } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { MIGRATIONS } from "../keeper/people/migrations.js";
import type { Notice } from "../keeper/people/notice.js";
import { databasePostbox, noticeOf } from "../keeper/people/outbox.js";
import { type MarginCallsOptions, marginCallsRole } from "../keeper/roles/marginCalls.js";
import { migrate } from "../keeper/storage/migrate.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { rpcOf } from "./fixtures/eventIndex.js";
import { MovedClock, subscribeWebhook, surroundings } from "./fixtures/keeperPeople.js";
import { keeperScene } from "./fixtures/keeperView.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP, type Plimsoll } from "./fixtures/plimsoll.js";
import { deployTopUp, OF_WALLET } from "./fixtures/topUp.js";

const { networkHelpers } = await hre.network.create();
const CONFIRMATIONS = 2;
const HOUR = 3_600;

/** A role on the chain of a fixture, with a database that is read as the outbox has it. */
async function roleScene(plimsoll: Plimsoll, changes: Partial<MarginCallsOptions> = {}) {
  const scene = await keeperScene(plimsoll);
  const database = openSqlite(":memory:");
  await migrate(database, MIGRATIONS);
  const clock = new MovedClock();
  const around = surroundings(clock);
  const postbox = databasePostbox({ database, clock, posted: () => undefined });
  const options: MarginCallsOptions = {
    ...around,
    clearinghouse: await plimsoll.clearinghouse.getAddress(),
    standingTopUp: await plimsoll.standingTopUp.getAddress(),
    rpc: rpcOf(plimsoll.connection),
    database,
    postbox,
    context: {
      settlement: { symbol: "USDC", decimals: 6 },
      tokens: new Map([[await plimsoll.weth.getAddress(), { symbol: "WETH", decimals: 18 }]]),
      symbols: new Map([[ETH, "ETH"]]),
    },
    repeatSeconds: HOUR,
    confirmations: CONFIRMATIONS,
    mostCost: 20,
    ...changes,
  };
  let role = marginCallsRole(options);

  return {
    ...scene,
    ...around,
    database,
    /** The keeper dies and another one takes its place. */
    restart: () => {
      role = marginCallsRole(options);
    },
    look: async () => role.look(await scene.view()),
    async notices(): Promise<Notice[]> {
      const rows = await database.query(
        "SELECT body FROM people_outbox ORDER BY created_at, notice",
      );
      return rows.map(({ body }) => noticeOf(String(body)));
    },
    async kinds(): Promise<string[]> {
      const rows = await database.query("SELECT kind FROM people_outbox ORDER BY kind");
      return rows.map(({ kind }) => String(kind));
    },
  };
}

/** Alice is long 10 ETH at 2,700 dollars, and below her initial margin by some dollars. */
async function deployCalled(connection: NetworkConnection) {
  const market = await deployLiquidationMarket(connection);
  const account = await market.fund(market.alice, 0n, 20_000);
  const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
  const options = { prices: { [ETH]: 2_700 }, equity: () => parseWad(1_500) };
  await market.sink(account, legs, options);
  return { ...market, account };
}

describe("The role of margin calls", function () {
  this.timeout(60_000);
  let market: Awaited<ReturnType<typeof deployCalled>>;
  let scene: Awaited<ReturnType<typeof roleScene>>;
  let account: AccountId;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployCalled);
    scene = await roleScene(market);
    ({ account } = market);
    await subscribeWebhook(scene.database, { account, url: "https://a.example/" });
  });

  afterEach(async () => {
    expect(scene.failures).to.deep.equal([]);
    expect(scene.alarms.active).to.deep.equal([]);
    await scene.database.close();
  });

  const bring = async (dollars: number) => {
    await market.deposit(market.alice, { token: market.usdc, amount: dollars });
  };

  it("calls an account on chain, and tells its people what restores health", async () => {
    const [proposal, ...others] = await scene.look();
    expect(others).to.deep.equal([]);
    expect(proposal).to.deep.include({ account, key: `call ${account}`, role: "marginCalls" });
    expect(proposal!.mostCost).to.equal((parseEther("20") * WAD) / parseWad(2_700));
    const [receipt] = await scene.execute([proposal!]);
    expect(receipt!.logs).to.have.length(1);
    expect(await scene.look()).to.deep.equal([]);

    const [notice, ...more] = await scene.notices();
    expect(more).to.deep.equal([]);
    expect(notice).to.deep.include({ kind: "marginCall", account });
    // 0.0633… of 27,000 dollars, less 1,500.
    expect(notice!.facts).to.deep.include({
      currency: "USDC",
      status: "MarginCall",
      shortfall: "210.000000000000018",
      "deposit.USDC": "210.000001",
      liquidationInstrument: "ETH-PERP",
    });
    expect(notice!.facts).to.have.any.keys("deposit.WETH");
  });

  it("says it again after the repeat time, not before, whoever has restarted meanwhile", async () => {
    const [proposal] = await scene.look();
    await scene.execute([proposal!]);
    await market.passTime(HOUR - 300);
    scene.restart();
    expect(await scene.look()).to.deep.equal([]);
    expect(await scene.kinds()).to.deep.equal(["marginCall"]);
    await market.passTime(600);
    scene.restart();
    const again = await scene.look();
    expect(again.map(({ key }) => key)).to.deep.equal([`call ${account}`]);
    await scene.execute(again);
    expect(await scene.kinds()).to.deep.equal(["marginCall", "marginCall"]);
  });

  it("says at once when things have become worse, once, and calls nobody whom liquidators take", async () => {
    await scene.look();
    await market.setPrice(ETH, 2_640);
    expect(await scene.look()).to.deep.equal([]);
    await networkHelpers.mine();
    await scene.look();
    const statuses = (await scene.notices()).map(({ facts }) => facts.status);
    expect(statuses.sort()).to.deep.equal(["Liquidatable", "MarginCall"]);
  });

  it("says that an account has recovered as soon as it is well above the line", async () => {
    await scene.look();
    await bring(2_000);
    await scene.look();
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall", "recovered"]);
  });

  it("says little of an account that dances around the line", async () => {
    await scene.look();
    for (let i = 0; i < 4; i++) {
      await market.setPrice(ETH, 2_723);
      await scene.look();
      await market.setPrice(ETH, 2_700);
      await scene.look();
    }
    expect(await scene.kinds()).to.deep.equal(["marginCall"]);
    await market.setPrice(ETH, 2_723);
    await scene.look();
    await market.passTime(601);
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall", "recovered"]);
  });

  it("does not tell a new episode within ten minutes of the call before it", async () => {
    await scene.look();
    await market.setPrice(ETH, 2_800);
    await scene.look();
    await market.setPrice(ETH, 2_700);
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall", "recovered"]);
    await market.passTime(600);
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall", "marginCall", "recovered"]);
  });

  it("neither tells nor ends anything while a price cannot be read", async () => {
    await scene.look();
    await market.setPrice(ETH, 0);
    expect(await scene.look()).to.deep.equal([]);
    expect(scene.failures.map(({ account: whose }) => whose)).to.include(account);
    scene.failures.length = 0;
    expect(await scene.kinds()).to.deep.equal(["marginCall"]);
  });

  it("still calls on chain when its database fails, and says so", async () => {
    await scene.database.query("DROP TABLE people_episodes");
    const proposals = await scene.look();
    expect(proposals).to.have.length(1);
    expect(scene.alarms.active.map(({ name }) => name)).to.deep.equal(["storageFailing"]);
    scene.alarms.clear("storageFailing", "marginCalls");
  });

  it("proposes the next accounts when calls of the first are held", async () => {
    const legs = [{ instrument: ETH_PERP, size: WAD }];
    const others: AccountId[] = [];
    await market.setPrice(ETH, 3_000);
    for (let i = 1n; i <= 9n; i++) {
      const other = await market.fund(market.alice, i, 20_000);
      const options = { prices: { [ETH]: 2_700 }, equity: () => parseWad(150) };
      await market.sink(other, legs, options);
      await market.setPrice(ETH, 3_000);
      others.push(other);
    }
    await market.setPrice(ETH, 2_700);
    const held = new Set<string>();
    const busy = await roleScene(market, { isHeld: (key) => held.has(key) });
    const first = await busy.look();
    expect(first).to.have.length(8);
    for (const { key } of first) held.add(key);
    const next = await busy.look();
    expect([...first, ...next].map((one) => one.account).sort()).to.deep.equal(
      [account, ...others].sort(),
    );
    await busy.database.close();
  });

  it("tells of a liquidation once it is confirmed, and of none that the chain took back", async () => {
    await market.setPrice(ETH, 2_600);
    await scene.look();
    const fork = await networkHelpers.takeSnapshot();
    await market.liquidate(account, { maxFraction: WAD / 10n, maxPayment: MaxInt256 });
    await scene.look();
    await fork.restore();
    await networkHelpers.mine(CONFIRMATIONS + 1);
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall"]);
    await market.liquidate(account, { maxFraction: WAD / 10n, maxPayment: MaxInt256 });
    await networkHelpers.mine(CONFIRMATIONS - 1);
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["marginCall"]);
    await networkHelpers.mine();
    await scene.look();
    scene.restart();
    await networkHelpers.mine();
    await scene.look();
    expect(await scene.kinds()).to.deep.equal(["liquidated", "marginCall"]);
    const told = (await scene.notices()).find(({ kind }) => kind === "liquidated");
    expect(told!.facts).to.deep.include({ takenPercent: "10", currency: "USDC" });
  });

  it("tells of events again that nobody could look for, when somebody can", async () => {
    let isDown = false;
    const rpc = rpcOf(market.connection);
    const blind = await roleScene(market, {
      rpc: async (method, params) => {
        if (isDown) throw new Error("connection refused");
        return rpc(method, params);
      },
    });
    await subscribeWebhook(blind.database, { account, url: "https://a.example/" });
    await market.setPrice(ETH, 2_600);
    await blind.look();
    isDown = true;
    await market.liquidate(account, { maxFraction: WAD / 10n, maxPayment: MaxInt256 });
    await networkHelpers.mine(CONFIRMATIONS);
    await blind.look();
    expect(blind.alarms.active.map(({ name }) => name)).to.deep.equal(["looksFailing"]);
    isDown = false;
    await blind.look();
    expect(blind.alarms.active).to.deep.equal([]);
    expect(await blind.kinds()).to.deep.equal(["liquidated", "marginCall"]);
    await blind.database.close();
  });

  it("tells of top-ups, in whole tokens", async () => {
    const topped = await networkHelpers.loadFixture(deployTopUp);
    const { alices, instruct, standingTopUp, stranger } = topped;
    await instruct(OF_WALLET, 3n);
    const own = await roleScene(topped);
    await subscribeWebhook(own.database, { account: alices, url: "https://a.example/" });
    await own.look();
    await standingTopUp.connect(stranger).topUp(alices, 3n, 1_000_000n);
    await networkHelpers.mine(CONFIRMATIONS);
    await own.look();
    const told = (await own.notices()).find(({ kind }) => kind === "toppedUp");
    expect(told!.facts).to.deep.include({ currency: "USDC", instruction: "3", tip: "1" });
    await own.database.close();
  });
});
