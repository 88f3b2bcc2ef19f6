import { expect } from "chai";
import { ZeroHash } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { createTriggers, type TriggersOptions } from "../keeper/roles/triggers.js";
import { decideMatch, type MatchFacts, type OpenOrder } from "../keeper/roles/triggers/decide.js";
import { leftOf } from "../keeper/roles/orders/bookOrder.js";
import { abs, accountId, type Order, ORDER_FLAGS, parseWad, signOrder, WAD } from "../sdk/index.js";
import { deployWithOrders, type OrderScene } from "./fixtures/orderBook.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { FOREVER } from "./fixtures/topUp.js";
import { OWNER } from "./support/accounts.js";

let made = 0;
/** An order of the tests' own accounts: whole units at whole dollars. */
function open(account: bigint, size: number, dollars: number, changes: Partial<Order> = {}) {
  const order: Order = {
    account: accountId(OWNER, account),
    instrument: ETH_PERP,
    size: parseWad(size),
    limitPrice: parseWad(dollars),
    triggerPrice: 0n,
    maxFee: WAD,
    expiry: 10n ** 10n,
    flags: 0n,
    nonce: 1n,
    builder: ZeroHash,
    ...changes,
  };
  const hash = `0x${(++made).toString(16).padStart(64, "0")}`;
  const entry: OpenOrder = {
    hash,
    signed: { order, signature: "0x" },
    takenAt: made,
    left: abs(order.size),
  };
  return entry;
}

const STOP_FLAGS = ORDER_FLAGS.triggerBelow | ORDER_FLAGS.reduceOnly;

/** Account 1 is long 5 and wants to sell 3 at 90 or better, and the mark is 100. */
function factsWith(makers: OpenOrder[], changes: Partial<MatchFacts> = {}): MatchFacts {
  const stop = { flags: STOP_FLAGS, triggerPrice: parseWad(100) };
  return {
    taker: open(1n, -3, 90, stop),
    makers,
    mark: parseWad(100),
    bandBps: 500n,
    isFrozen: false,
    mostMakers: 16,
    feesOf: () => ({ taker: 0n, maker: 0n }),
    sizeOf: (account) => (account === accountId(OWNER, 1n) ? 5n * WAD : 0n),
    passes: () => true,
    taken: new Map(),
    ...changes,
  };
}

function fillsOf(facts: MatchFacts) {
  return (decideMatch(facts)?.fills ?? []).map(({ maker, size }) => [maker.hash, size / WAD]);
}

describe("Keeper: trigger orders", () => {
  describe("what is decided", () => {
    it("takes the best price first, of equal prices the oldest, and no more than is left", () => {
      const [late, best, early] = [open(2n, 1, 98), open(3n, 1, 99), open(4n, 5, 98)];
      const older = { ...early, takenAt: 0 };
      expect(fillsOf(factsWith([late, best, older]))).to.deep.equal([
        [best.hash, 1n],
        [older.hash, 2n],
      ]);
    });

    it("passes over prices beyond the limit or the band, the own account and other triggers", () => {
      const wrong = [
        open(2n, 9, 94),
        open(2n, 9, 106),
        open(1n, 9, 99),
        open(2n, -9, 99),
        open(2n, 9, 99, { flags: ORDER_FLAGS.triggerAbove, triggerPrice: 1n }),
      ];
      expect(decideMatch(factsWith(wrong))).to.equal(undefined);
      const edge = open(2n, 9, 95);
      expect(fillsOf(factsWith([edge]))).to.deep.equal([[edge.hash, 3n]]);
      const limited = factsWith([edge]);
      const dear = { ...limited.taker.signed.order, limitPrice: parseWad(96) };
      const taker = { ...limited.taker, signed: { order: dear, signature: "0x" } };
      expect(decideMatch({ ...limited, taker })).to.equal(undefined);
    });

    it("reduces a position to nothing and no further, on either side", () => {
      const maker = open(2n, 9, 99);
      const little = factsWith([maker], { sizeOf: () => 2n * WAD });
      expect(fillsOf(little)).to.deep.equal([[maker.hash, 2n]]);
      expect(decideMatch({ ...little, sizeOf: () => -2n * WAD })).to.equal(undefined);

      const reducing = open(2n, 9, 99, { flags: ORDER_FLAGS.reduceOnly });
      const held = factsWith([reducing], {
        sizeOf: (account) => (account === accountId(OWNER, 1n) ? 5n * WAD : -WAD),
      });
      expect(fillsOf(held)).to.deep.equal([[reducing.hash, 1n]]);
    });

    it("counts two reducing makers of one account together", () => {
      const flags = ORDER_FLAGS.reduceOnly;
      const [first, second] = [open(2n, 2, 99, { flags }), open(2n, 2, 98, { flags })];
      const sizeOf = (account: string) =>
        account === accountId(OWNER, 1n) ? 5n * WAD : (-5n * WAD) / 2n;
      const match = decideMatch(factsWith([first, second], { sizeOf }))!;
      expect(match.fills.map(({ size }) => size)).to.deep.equal([2n * WAD, WAD / 2n]);
    });

    it("lets everybody only reduce while the underlying is frozen", () => {
      const maker = open(2n, 9, 99);
      expect(decideMatch(factsWith([maker], { isFrozen: true }))).to.equal(undefined);
    });

    it("passes over makers that want all or nothing, and takers that would get less than all", () => {
      const flags = ORDER_FLAGS.fillOrKill;
      const [whole, rest] = [open(2n, 4, 99, { flags }), open(3n, 1, 98)];
      expect(fillsOf(factsWith([whole, rest]))).to.deep.equal([[rest.hash, 1n]]);
      const facts = factsWith([rest]);
      const order = { ...facts.taker.signed.order, flags: STOP_FLAGS | flags };
      const taker = { ...facts.taker, signed: { order, signature: "0x" } };
      expect(decideMatch({ ...facts, taker })).to.equal(undefined);
    });

    it("leaves out makers without margin, and what other matches have taken", () => {
      const [poor, used, good] = [open(2n, 9, 100), open(3n, 9, 99), open(4n, 9, 98)];
      const facts = factsWith([poor, used, good], {
        passes: (account) => account !== accountId(OWNER, 2n),
        taken: new Map([[used.hash, 8n * WAD]]),
      });
      expect(fillsOf(facts)).to.deep.equal([
        [used.hash, 1n],
        [good.hash, 2n],
      ]);
    });

    it("stops at as many makers as a transaction may have", () => {
      const makers = [1, 2, 3].map((i) => open(BigInt(i + 1), 1, 99));
      expect(fillsOf(factsWith(makers, { mostMakers: 2 }))).to.have.length(2);
    });

    it("knows how much of an order is left by nonce, fills and expiry", () => {
      const entry = open(1n, -3, 90, { nonce: 300n, expiry: 100n });
      const account = accountId(OWNER, 1n);
      const state = { fills: new Map(), nonces: new Map(), terms: new Map() };
      const left = (changes: object, time = 100n) => leftOf({ ...state, ...changes }, entry, time);
      expect(left({})).to.equal(3n * WAD);
      expect(left({ fills: new Map([[entry.hash, WAD]]) })).to.equal(2n * WAD);
      expect(left({}, 101n)).to.equal(0n);
      expect(left({ nonces: new Map([[`${account}/1`, 1n << 44n]]) })).to.equal(0n);
      const terms = (leastNonce: bigint) => new Map([[account, { leastNonce, feeTier: 0n }]]);
      expect(left({ terms: terms(300n) })).to.equal(3n * WAD);
      expect(left({ terms: terms(301n) })).to.equal(0n);
    });
  });

  describe("on the chain", () => {
    let connection: NetworkConnection;
    before(async () => (connection = await network.create()));
    after(() => connection.close());

    async function load(changes: Partial<TriggersOptions> = {}) {
      const scene = await connection.networkHelpers.loadFixture(deployWithOrders);
      const book = await scene.bookOf();
      const role = createTriggers({ ...scene.keeper.tools, book, ...changes });
      await book.see(await scene.keeper.view());
      scene.keeper.failures.length = 0;
      return { ...scene, book, role, look: () => lookOf(scene, role) };
    }

    async function lookOf({ keeper }: OrderScene, role: ReturnType<typeof createTriggers>) {
      return role.look(await keeper.view());
    }

    const bid = { limitPrice: parseWad(2_940) };

    it("fills a stop-loss when its price comes, against the best of who rests", async () => {
      const { alice, book, buy, carol, dave, hashOf, keeper, look, setPrice, sizeOf, stop } =
        await load();
      const order = await stop(alice, 3);
      await book.submit(order);
      await book.submit(await buy(carol, 2, bid));
      await book.submit(await buy(dave, 5, { limitPrice: parseWad(2_930) }));
      expect(await look()).to.deep.equal([]);

      await setPrice(ETH, 2_950);
      const proposals = await look();
      expect(proposals.map(({ key }) => key)).to.deep.equal([`trigger ${hashOf(order)}`]);
      await keeper.execute(proposals);
      expect(await sizeOf(alice)).to.equal(0n);
      expect(await sizeOf(carol)).to.equal(2n * WAD);
      expect(await sizeOf(dave)).to.equal(WAD);
      expect(await look()).to.deep.equal([]);
    });

    it("fills what is left when more makers come", async () => {
      const { alice, book, buy, carol, keeper, look, setPrice, sizeOf, stop } = await load();
      await book.submit(await stop(alice, 3));
      await book.submit(await buy(carol, 1, bid));
      await setPrice(ETH, 2_950);
      await keeper.execute(await look());
      expect(await sizeOf(alice)).to.equal(2n * WAD);
      expect(await look()).to.deep.equal([]);
      await book.submit(await buy(carol, 4, bid));
      await keeper.execute(await look());
      expect(await sizeOf(alice)).to.equal(0n);
    });

    it("gives two triggers different makers, the larger first", async () => {
      const scene = await load();
      const { alice, bob, book, buy, carol, dave, hashOf, keeper, look, setPrice, stop } = scene;
      await scene.match(await buy(carol, 2), [await scene.sell(bob, 2)], [2]);
      await book.see(await keeper.view());
      const [small, large] = [await stop(carol, 2), await stop(alice, 3)];
      for (const order of [small, large, await buy(dave, 5, bid)]) await book.submit(order);
      await setPrice(ETH, 2_950);
      const proposals = await look();
      expect(proposals.map(({ key }) => key)).to.deep.equal(
        [large, small].map((order) => `trigger ${hashOf(order)}`),
      );
      await keeper.execute(proposals);
      expect(await scene.sizeOf(dave)).to.equal(5n * WAD);
    });

    it("finds the maker that makes a match revert, sets it aside, and fills with the others", async () => {
      const scene = await load();
      const { alice, bob, book, buy, carol, dave, keeper, look, setPrice, sizeOf, vault } = scene;
      await book.submit(await scene.stop(alice, 3));
      await vault.connect(carol).setOperator(bob, 1, FOREVER);
      await book.see(await keeper.view());
      const { order } = await buy(carol, 3, bid);
      await book.submit(await signOrder(bob, scene.domain, order));
      await book.submit(await buy(dave, 3, { limitPrice: parseWad(2_930) }));
      // From now on what Bob has signed for Carol reverts, and no view of the order says so.
      await vault.connect(carol).setOperator(bob, 0, 0);
      await setPrice(ETH, 2_950);
      const proposals = await look();
      expect(proposals).to.have.length(1);
      await keeper.execute(proposals);
      expect(await sizeOf(dave)).to.equal(3n * WAD);
      expect(await sizeOf(carol)).to.equal(0n);
      expect(keeper.failures).to.deep.equal([]);
    });

    it("leaves a taker alone that is refused itself, and says why", async () => {
      const scene = await load();
      const { alice, bob, book, buy, carol, keeper, look, setPrice, stop, vault } = scene;
      await vault.connect(alice).setOperator(bob, 1, FOREVER);
      await book.see(await keeper.view());
      const { order } = await stop(alice, 3);
      await book.submit(await signOrder(bob, scene.domain, order));
      await book.submit(await buy(carol, 3, bid));
      await vault.connect(alice).setOperator(bob, 0, 0);
      await setPrice(ETH, 2_950);
      expect(await look()).to.deep.equal([]);
      expect(keeper.failures.map(({ account }) => account)).to.deep.equal([order.account]);
      keeper.failures.length = 0;
      expect(await look()).to.deep.equal([]);
    });

    it("does not burn gas for dust", async () => {
      const scene = await load({ worthTimes: 1_000_000n });
      const { alice, book, buy, carol, look, setPrice, stop } = scene;
      await book.submit(await stop(alice, 3));
      await book.submit(await buy(carol, 3, bid));
      await setPrice(ETH, 2_950);
      expect(await look()).to.deep.equal([]);
    });

    it("keeps the makers of what is under way for it", async () => {
      const held = new Set<string>();
      const scene = await load({ isHeld: (key) => held.has(key) });
      const { alice, bob, book, buy, carol, dave, look, setPrice, stop } = scene;
      await scene.match(await buy(carol, 2), [await scene.sell(bob, 2)], [2]);
      await book.submit(await stop(alice, 3));
      await book.submit(await buy(dave, 3, bid));
      await setPrice(ETH, 2_950);
      const [first] = await look();
      held.add(first!.key);
      await book.submit(await stop(carol, 2));
      expect(await look()).to.deep.equal([]);
      held.clear();
      // What was under way came to nothing: both are looked at anew, the larger first.
      expect((await look()).map(({ key }) => key)).to.deep.equal([first!.key]);
    });
  });
});
