import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { createFunding } from "../keeper/roles/funding.js";
import { decideFollow, decidePoke, type PokeFacts } from "../keeper/roles/pokes/rounds.js";
import type { Role } from "../keeper/roles/role.js";
import { createVolatility } from "../keeper/roles/volatility.js";
import { CouldNotLook, parseWad, type Rpc, type StoredVolatility } from "../sdk/index.js";
import { deployDefaultMarket, sinkToDebt } from "./fixtures/default.js";
import { keeperScene } from "./fixtures/keeperView.js";
import { BTC, deployPlimsollAlive, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const HOUR = 3_600;
const PHASE = 1n << 64n;

const FOLLOWED: StoredVolatility = {
  feed: "0xAB",
  minimum: 1n,
  maximum: 9n,
  roundId: PHASE + 10n,
  answer: 10_000n,
  acceptedAt: 5_000n,
  slowVariance: 0n,
  fastVariance: 0n,
  slowBefore: 0n,
  fastBefore: 0n,
  before: 0n,
};
const FACTS: PokeFacts = {
  followed: FOLLOWED,
  latest: { roundId: PHASE + 11n, answer: 10_000n, updatedAt: 5_100n },
  time: 5_200n,
  rules: { mostRounds: 8n, mostSeconds: 3_600n, moveBps: 100n },
};

describe("Keeper: pokes", () => {
  describe("what is decided of volatility", () => {
    const latest = (changes: Partial<PokeFacts["latest"]>) =>
      decidePoke({ ...FACTS, latest: { ...FACTS.latest, ...changes } });

    it("lets rounds wait that move nothing", () => {
      expect(decidePoke(FACTS)).to.equal(false);
    });

    it("pokes when the price has moved, up or down", () => {
      expect(latest({ answer: 10_099n })).to.equal(false);
      expect(latest({ answer: 10_100n })).to.equal(true);
      expect(latest({ answer: 9_900n })).to.equal(true);
    });

    it("pokes when rounds have waited long enough, and never without one", () => {
      expect(decidePoke({ ...FACTS, time: 8_600n })).to.equal(true);
      const nothing = { ...FACTS.latest, roundId: FOLLOWED.roundId, answer: 1n };
      expect(decidePoke({ ...FACTS, latest: nothing, time: 1_000_000n })).to.equal(false);
    });

    it("pokes when a poke is full, or the feed has begun a new phase", () => {
      expect(latest({ roundId: PHASE + 17n })).to.equal(false);
      expect(latest({ roundId: PHASE + 18n })).to.equal(true);
      expect(latest({ roundId: 2n * PHASE + 1n })).to.equal(true);
      expect(latest({ roundId: 1n })).to.equal(false);
    });

    it("follows the one feed that prices, within its band", () => {
      const feed = { aggregator: "0xab", isInverse: false, minimum: 1n, maximum: 9n, maxAge: 1n };
      const of = (...primary: object[]) => ({ primary }) as never;
      expect(decideFollow(of(feed), FOLLOWED)).to.equal(false);
      expect(decideFollow(of({ ...feed, aggregator: "0xcd" }), FOLLOWED)).to.equal(true);
      expect(decideFollow(of({ ...feed, maximum: 8n }), FOLLOWED)).to.equal(true);
      expect(decideFollow(of(feed), undefined)).to.equal(true);
      expect(decideFollow(of(feed, feed), undefined)).to.equal(false);
    });
  });

  describe("on the chain", () => {
    let connection: NetworkConnection;
    before(async () => (connection = await network.create()));
    after(() => connection.close());

    /** Alice is 10 ETH long against Bob, and nothing is held still. */
    async function deployOpen(connection: NetworkConnection) {
      const plimsoll = await deployPlimsollAlive(connection);
      const { alice, bob, fund, trade } = plimsoll;
      for (const trader of [alice, bob]) await fund(trader, 0n, 1_000_000);
      const [size, price] = [parseWad(10), parseWad(3_000)];
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      return { ...plimsoll, keeper: await keeperScene(plimsoll) };
    }
    const load = () => connection.networkHelpers.loadFixture(deployOpen);
    type Scene = Awaited<ReturnType<typeof load>>;

    async function keysOf(role: Role, { keeper }: Pick<Scene, "keeper">) {
      return (await role.look(await keeper.view())).map(({ key }) => key);
    }

    it("brings an oracle up to its feed, and then finds nothing to do", async () => {
      const scene = await load();
      const { keeper, setPrice, volatilityOracle } = scene;
      const role = createVolatility({ ...keeper.tools, mostRounds: 64 });
      await setPrice(ETH, 3_010);
      expect(await keysOf(role, scene)).to.deep.equal([]);

      await setPrice(ETH, 3_300);
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.deep.equal([`poke ${ETH}`]);
      await keeper.execute(proposals);
      const { answer } = await volatilityOracle.volatilityOf(ETH);
      expect(answer).to.equal(3_300n * 10n ** 8n);
      expect(await keysOf(role, scene)).to.deep.equal([]);
    });

    it("lets an oracle follow the feed that prices the underlying now", async () => {
      const scene = await load();
      const { addresses, asGovernance, keeper, oracle, volatilityOracle } = scene;
      const [[feed]] = await oracle.sourcesOf(ETH);
      const { aggregator, maximumAge, minimum, maximum } = feed!;
      const narrower = { aggregator, maximumAge, minimum, maximum: maximum - 1n };
      await asGovernance(oracle, "setSources", [ETH, [narrower], [], 0]);
      const role = createVolatility({ ...keeper.tools, mostRounds: 64 });
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.include(`follow ${ETH}`);
      await keeper.execute(proposals);
      expect((await volatilityOracle.feedOf(ETH)).maximum).to.equal(narrower.maximum);
      expect(addresses.feeds["ETH/USD"]).to.equal((await volatilityOracle.feedOf(ETH)).feed);
      expect(await keysOf(role, scene)).to.deep.equal([]);
    });

    it("says that it could not look when no feed could be asked", async () => {
      const { keeper } = await load();
      const rpc: Rpc = () => Promise.reject(new Error("ECONNRESET"));
      const role = createVolatility({ ...keeper.tools, rpc, mostRounds: 64 });
      const view = await keeper.view();
      let failure: unknown;
      await role.look(view).catch((error: unknown) => (failure = error));
      expect(failure).to.be.instanceOf(CouldNotLook);
    });

    it("notes the price of what somebody holds, once in an hour", async () => {
      const scene = await load();
      const { keeper, oracle, passTime } = scene;
      const noFees = { worthTimes: 10_000n };
      const role = createFunding({ ...keeper.tools, ...noFees, noteSeconds: HOUR });
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.deep.equal([`notePrice ${ETH}`]);
      await keeper.execute(proposals);
      expect(keeper.index.state.notedPrices.has(BTC)).to.equal(false);
      expect(await oracle.lastPrice(ETH)).to.equal(parseWad(3_000));
      expect(await keysOf(role, scene)).to.deep.equal([]);
      await passTime(HOUR);
      expect(await keysOf(role, scene)).to.include(`notePrice ${ETH}`);
    });

    it("lets funding accrue by new rules, and only then", async () => {
      const scene = await load();
      const { asGovernance, clearinghouse, keeper, parameters, rules } = scene;
      const role = createFunding({ ...keeper.tools, noteSeconds: 10 * 86_400 });
      await keeper.execute(await role.look(await keeper.view()));
      const { funding } = parameters.underlyings.find(({ number }) => number === ETH)!.market!;
      await asGovernance(rules, "setFundingRules", [ETH, { ...funding, interestMillionths: -300 }]);

      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.include(`accrueFunding ${ETH_PERP}`);
      await keeper.execute(proposals);
      expect((await clearinghouse.fundingOf(ETH_PERP)).rate).to.be.lessThan(0n);
      expect(await keysOf(role, scene)).not.to.include(`accrueFunding ${ETH_PERP}`);
    });

    it("notes that the settlement token has left its peg, and that it is back", async () => {
      const scene = await load();
      const { clearinghouse, keeper, setFeed } = scene;
      const role = createFunding({ ...keeper.tools, noteSeconds: HOUR });
      await keeper.execute(await role.look(await keeper.view()));
      for (const [price, depegged] of [["0.9", true] as const, ["1", false] as const]) {
        await setFeed("USDC/USD", price);
        const proposals = await role.look(await keeper.view());
        expect(proposals.map(({ key }) => key)).to.deep.equal(["notePeg"]);
        await keeper.execute(proposals);
        expect((await clearinghouse.peg()).depegged).to.equal(depegged);
        expect(await keysOf(role, scene)).to.deep.equal([]);
      }
    });

    it("divides fees when they are worth the gas, and not again at once", async () => {
      const scene = await load();
      const { clearinghouse, keeper, trade, alice, bob } = scene;
      const waiting = await clearinghouse.reserve();
      expect(waiting).to.be.greaterThan(0n);
      // Gas costs 200,000 x 1 gwei x 3,000 dollars: 60 cents.
      const dear = createFunding({ ...keeper.tools, noteSeconds: HOUR, worthTimes: 10_000n });
      expect(await keysOf(dear, scene)).not.to.include("distributeFees");

      const role = createFunding({ ...keeper.tools, noteSeconds: HOUR, worthTimes: 1n });
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.include("distributeFees");
      await keeper.execute(proposals);
      expect(await clearinghouse.reserve()).to.equal(0n);
      await keysOf(role, scene);
      const [size, price] = [parseWad(10), parseWad(3_000)];
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      expect(await keysOf(role, scene)).not.to.include("distributeFees");
      await scene.passTime(HOUR);
      expect(await keysOf(role, scene)).to.include("distributeFees");
    });

    it("repays a deficit with what the fund may pay", async () => {
      const market = await connection.networkHelpers.loadFixture(deployDefaultMarket);
      const { clearinghouse, usdc, vault, stranger, fundAccount } = market;
      const account = await sinkToDebt(market, 1_000);
      await clearinghouse.connect(stranger).writeOff(account);
      expect(await clearinghouse.deficit()).to.equal(parseWad(1_000));
      const keeper = await keeperScene(market);
      const role = createFunding({ ...keeper.tools, noteSeconds: HOUR });
      expect(await keysOf(role, { keeper })).not.to.include("repayDeficit");

      await usdc.mint(stranger, 500n * 10n ** 6n);
      await usdc.connect(stranger).approve(vault, 500n * 10n ** 6n);
      await vault.connect(stranger).deposit(fundAccount, usdc, 500n * 10n ** 6n);
      const proposals = await role.look(await keeper.view());
      expect(proposals.map(({ key }) => key)).to.include("repayDeficit");
      await keeper.execute(proposals);
      // Half of the fund in a day.
      expect(await clearinghouse.deficit()).to.equal(parseWad(750));
      expect(await keysOf(role, { keeper })).not.to.include("repayDeficit");
    });
  });
});
