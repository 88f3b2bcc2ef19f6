import { expect } from "chai";
import hre from "hardhat";
import {
  buildOrder,
  hashOrder,
  type Order,
  type OrderFacts,
  orderStatuses,
  orderStatusOf,
  ORDER_FLAGS,
  parseWad,
  perpetual,
} from "../sdk/index.js";
import { deployWithTraders, PRICE } from "./fixtures/exchange.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const ORDER = buildOrder({
  account: `0x${"11".repeat(32)}`,
  instrument: perpetual(1),
  size: -parseWad(5),
  limitPrice: parseWad(3_000),
  expiry: 1_000n,
});
const FACTS: OrderFacts = {
  order: ORDER,
  filled: 0n,
  isNonceGone: false,
  indexPrice: undefined,
  time: 1_000n,
};
const STOP: Order = {
  ...ORDER,
  flags: ORDER_FLAGS.triggerBelow,
  triggerPrice: parseWad(2_900),
};

describe("orderStatusOf", () => {
  const stateOf = (facts: Partial<OrderFacts>) => orderStatusOf({ ...FACTS, ...facts }).state;

  it("tells what can be filled, up to the last second", () => {
    expect(orderStatusOf(FACTS)).to.deep.equal({ state: "open", filled: 0n, left: parseWad(5) });
    const partly = orderStatusOf({ ...FACTS, filled: parseWad(2) });
    expect(partly).to.deep.equal({ state: "partlyFilled", filled: parseWad(2), left: parseWad(3) });
    expect(stateOf({ time: 1_001n })).to.equal("expired");
  });

  it("keeps what was filled of an order that is dead", () => {
    const cancelled = orderStatusOf({ ...FACTS, filled: parseWad(2), isNonceGone: true });
    expect(cancelled).to.deep.equal({ state: "cancelled", filled: parseWad(2), left: 0n });
    const filled = { filled: parseWad(5), isNonceGone: true, time: 2_000n };
    expect(stateOf(filled)).to.equal("filled");
    expect(stateOf({ isNonceGone: true, time: 2_000n })).to.equal("cancelled");
  });

  it("lets an order wait for its price, and while there is none", () => {
    const price = STOP.triggerPrice;
    expect(stateOf({ order: STOP })).to.equal("waiting");
    expect(stateOf({ order: STOP, indexPrice: price + 1n })).to.equal("waiting");
    expect(stateOf({ order: STOP, indexPrice: price })).to.equal("open");
    expect(stateOf({ order: STOP, indexPrice: price, filled: 1n })).to.equal("partlyFilled");
    expect(stateOf({ order: STOP, indexPrice: price + 1n, filled: 1n })).to.equal("waiting");
    expect(stateOf({ order: STOP, time: 1_001n })).to.equal("expired");
  });
});

describe("orderStatuses", () => {
  async function stage() {
    const trading = await networkHelpers.loadFixture(deployWithTraders);
    const { exchange, oracle } = trading;
    const { provider } = connection.ethers;
    return { ...trading, contracts: { exchange, oracle, provider } };
  }

  it("reads every state at once", async () => {
    const { contracts, alice, bob, buy, sell, match, exchange, setPrice, orderOf } = await stage();
    const [open, filled, partly, cancelled, below, cut] = [
      await buy(alice, 1),
      await buy(alice, 2),
      await buy(alice, 3),
      await buy(alice, 4),
      await buy(alice, 5, { nonce: 5n }),
      await buy(alice, 6),
    ];
    const expired = await orderOf(alice, {
      instrument: ETH_PERP,
      size: 1n,
      limitPrice: PRICE,
      expiry: 1n,
    });
    const trigger = { triggerPrice: parseWad(2_990), flags: ORDER_FLAGS.triggerBelow };
    const stop = await sell(alice, 1, trigger);
    await match(filled, [await sell(bob, 2)], [2]);
    await match(partly, [await sell(bob, 1)], [1]);
    await match(cut, [await sell(bob, 1)], [1]);
    const account = open.order.account;
    await exchange.connect(alice).cancel(account, [cancelled.order.nonce, cut.order.nonce]);
    const orders = [open, filled, partly, cancelled, cut, stop].map(({ order }) => order);
    const read = async () =>
      (await orderStatuses(contracts, [...orders, expired])).map(({ state, filled: done }) => [
        state,
        Number(done / parseWad(1)),
      ]);
    const before = [
      ["open", 0],
      ["filled", 2],
      ["partlyFilled", 1],
      ["cancelled", 0],
      ["cancelled", 1],
      ["waiting", 0],
      ["expired", 0],
    ];
    expect(await read()).to.deep.equal(before);

    await setPrice(ETH, 2_990);
    expect((await read())[5]).to.deep.equal(["open", 0]);

    await exchange.connect(alice).cancelUpTo(account, 6n);
    const [status] = await orderStatuses(contracts, [below.order]);
    expect(status).to.deep.equal({ state: "cancelled", filled: 0n, left: 0n });
  });

  it("reads all in one block, an earlier one too", async () => {
    const { contracts, alice, bob, buy, sell, match } = await stage();
    const order = await buy(alice, 1);
    const block = await connection.ethers.provider.getBlockNumber();
    await match(order, [await sell(bob, 1)], [1]);
    const [now] = await orderStatuses(contracts, [order.order]);
    const [before] = await orderStatuses(contracts, [order.order], { block });
    expect([now?.state, before?.state]).to.deep.equal(["filled", "open"]);
    expect(await orderStatuses(contracts, [])).to.deep.equal([]);
  });

  it("lets orders wait while the price is stale", async () => {
    const { contracts, alice, sell } = await stage();
    const trigger = { triggerPrice: parseWad(2_990), flags: ORDER_FLAGS.triggerAbove };
    const stop = await sell(alice, 1, { ...trigger, expiry: 2n ** 40n - 1n });
    const read = async () => (await orderStatuses(contracts, [stop.order]))[0]?.state;
    expect(await read()).to.equal("open");
    await networkHelpers.time.increase(4_000);
    expect(await read()).to.equal("waiting");
  });

  it("asks an event index about orders that the contract has forgotten", async () => {
    const { contracts, alice, bob, buy, sell, match, domain } = await stage();
    const order = await buy(alice, 1);
    await match(order, [await sell(bob, 1)], [1]);
    const hash = hashOrder(domain, order.order);
    const asked: string[] = [];
    const [status] = await orderStatuses(contracts, [order.order], {
      fillsOf: (hashes) => {
        asked.push(...hashes);
        return Promise.resolve(new Map([[hash, parseWad(1)]]));
      },
    });
    expect([status?.state, asked]).to.deep.equal(["filled", [hash]]);
  });

  it("never reports an order as done because the node did not answer", async () => {
    const { contracts, alice, sell } = await stage();
    const stop = await sell(alice, 1, {
      triggerPrice: parseWad(2_990),
      flags: ORDER_FLAGS.triggerBelow,
    });
    const silent = { price: () => Promise.reject(new Error("no answer")) };
    const broken = { ...contracts, oracle: silent as never };
    const failure = await orderStatuses(broken, [stop.order]).catch((error: unknown) => error);
    expect((failure as Error).message).to.equal("no answer");
  });
});
