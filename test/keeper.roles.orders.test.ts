import { expect } from "chai";
import { fastify, type FastifyInstance, type InjectOptions } from "fastify";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { signedOrderText } from "../keeper/roles/orders/orderJson.js";
import type { OrderBook } from "../keeper/roles/orders/orderBook.js";
import { ordersPlugin } from "../keeper/roles/orders/ordersPlugin.js";
import { OrderRefused } from "../keeper/roles/orders/refusal.js";
import {
  accountId,
  CouldNotLook,
  ORDER_FLAGS,
  type OrderContracts,
  packBuilder,
  type Rpc,
  signOrder,
  type SignedOrder,
  WAD,
} from "../sdk/index.js";
import { newDatabase } from "./fixtures/keeperView.js";
import { deployWithOrders } from "./fixtures/orderBook.js";
import { BTC_PERP, ETH } from "./fixtures/plimsoll.js";
import { FOREVER } from "./fixtures/topUp.js";

interface Answer {
  readonly hash?: string;
  readonly state?: string;
  readonly filled?: string;
  readonly left?: string;
  readonly error?: { reason: string; sentence: string; cure: string };
}

describe("Keeper: the book of signed orders", () => {
  let connection: NetworkConnection;
  let server: FastifyInstance | undefined;
  before(async () => (connection = await network.create()));
  after(() => connection.close());
  afterEach(async () => server?.close());

  async function load() {
    const scene = await connection.networkHelpers.loadFixture(deployWithOrders);
    const book = await scene.bookOf();
    await book.see(await scene.keeper.view());
    return { ...scene, book, http: serve(book, scene.contracts) };
  }

  function serve(book: OrderBook, contracts: OrderContracts) {
    const listening = fastify();
    server = listening;
    void listening.register(ordersPlugin, { book, contracts, firstBlock: 0 });
    const answered = async (request: InjectOptions) => {
      const response = await listening.inject(request);
      return { status: response.statusCode, body: response.json<Answer>() };
    };
    const headers = { "content-type": "application/json" };
    return {
      send: (payload: string) => answered({ method: "POST", url: "/orders", headers, payload }),
      ask: (hash: string) => answered({ method: "GET", url: `/orders/${hash}` }),
      remove: (hash: string) => answered({ method: "DELETE", url: `/orders/${hash}` }),
    };
  }

  it("takes an order in, once however often and at the same time it is sent", async () => {
    const { alice, book, hashOf, http, stop } = await load();
    const order = await stop(alice, 3);
    const text = signedOrderText(order);
    const answers = await Promise.all([http.send(text), http.send(text), http.send(text)]);
    answers.push(await http.send(text));
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 200, 200, 201]);
    expect(answers.every(({ body }) => body.hash === hashOf(order))).to.equal(true);
    expect(book.size).to.equal(1);
  });

  it("tells where an order stands, also when it was filled, and how one is cancelled", async () => {
    const { alice, fill, hashOf, http, setPrice, stop } = await load();
    const order = await stop(alice, 3);
    const hash = hashOf(order);
    await http.send(signedOrderText(order));
    const waiting = { state: "waiting", filled: "0", left: (3n * WAD).toString() };
    expect((await http.ask(hash)).body).to.deep.equal({ hash, ...waiting });
    await setPrice(ETH, 2_950);
    await fill(order, 3);
    const { body } = await http.ask(hash);
    // As of the block that the keeper has seen.
    expect(body.state).to.equal("waiting");
    expect((await http.ask(`0x${"1".repeat(64)}`)).status).to.equal(404);
    const removal = await http.remove(hash);
    expect([removal.status, removal.body.error?.reason]).to.deep.equal([405, "CancelOnChain"]);
  });

  it("answers what is no order with what is wrong, and takes no long ones", async () => {
    const { alice, http, stop } = await load();
    const order = await stop(alice, 3);
    const long = { ...order, signature: `0x${"00".repeat(2_049)}` };
    for (const text of [
      "{}",
      signedOrderText(order).replace("account", "acount"),
      signedOrderText(long),
    ]) {
      const { body, status } = await http.send(text);
      expect([status, body.error?.reason]).to.deep.equal([400, "MalformedOrder"]);
    }
    expect((await http.send(`"${"x".repeat(9_000)}"`)).status).to.equal(413);
    expect((await http.send("{")).status).to.equal(400);
  });

  describe("refuses, in the words of the SDK,", () => {
    const cases: [
      string,
      string,
      (scene: Awaited<ReturnType<typeof load>>) => Promise<SignedOrder>,
    ][] = [
      [
        "InvalidSignature",
        "one that somebody else has signed",
        async ({ alice, bob, domain, stop }) =>
          signOrder(bob, domain, (await stop(alice, 1)).order),
      ],
      [
        "OrderExpired",
        "one that has ended",
        async ({ alice, stop }) => stop(alice, 1, { expiry: 1n }),
      ],
      [
        "InvalidOrder",
        "one whose trigger and flags contradict each other",
        async ({ alice, stop }) => stop(alice, 1, { triggerPrice: 0n }),
      ],
      [
        "InvalidFlags",
        "one of unknown flags",
        async ({ alice, stop }) => stop(alice, 1, { flags: 64n }),
      ],
      [
        "PostOnly",
        "a trigger that may only rest",
        async ({ alice, stop }) =>
          stop(alice, 1, { flags: ORDER_FLAGS.triggerBelow | ORDER_FLAGS.postOnly }),
      ],
      ["NotReducing", "one that could not reduce", async ({ bob, stop }) => stop(bob, 1)],
      [
        "FeeAboveMaximum",
        "one that pays too little of fees",
        async ({ alice, stop }) => stop(alice, 1, { maxFee: 1n }),
      ],
      [
        "FeeAboveMaximum",
        "one of too dear a builder",
        async ({ alice, bob, stop }) =>
          stop(alice, 1, {
            builder: packBuilder(bob.address, 10n ** 16n + 1n),
            maxFee: 10n ** 18n,
          }),
      ],
      [
        "EmptyAccount",
        "one of an account without anything",
        async ({ alice, buy }) => buy({ signer: alice, subAccount: 9n }, 1),
      ],
      [
        "UnknownInstrument",
        "one of nothing that is traded",
        async ({ alice, buy }) => buy(alice, 1, { instrument: BTC_PERP + (1n << 200n) }),
      ],
      [
        "NonceUsed",
        "one that was cancelled",
        async ({ alice, book, exchange, keeper, stop }) => {
          const order = await stop(alice, 1);
          await exchange.connect(alice).cancel(order.order.account, [order.order.nonce]);
          await book.see(await keeper.view());
          return order;
        },
      ],
      [
        "NonceCancelled",
        "one below the nonces that count",
        async ({ alice, book, exchange, keeper, stop }) => {
          const order = await stop(alice, 1);
          await exchange.connect(alice).cancelUpTo(order.order.account, order.order.nonce + 1n);
          await book.see(await keeper.view());
          return order;
        },
      ],
    ];
    for (const [reason, what, make] of cases) {
      it(`${what} (${reason})`, async () => {
        const scene = await load();
        const { body, status } = await scene.http.send(signedOrderText(await make(scene)));
        expect([status, body.error?.reason]).to.deep.equal([422, reason]);
        expect(body.error?.sentence).to.match(/\.$/);
        expect(body.error?.cure).to.match(/\.$/);
        expect(scene.book.size).to.equal(0);
      });
    }
  });

  it("takes what an operator with the right to trade has signed, and a wallet's by its own word", async () => {
    const scene = await load();
    const { alice, bob, book, buy, carol, domain, keeper, usdc, vault } = scene;
    await vault.connect(alice).setOperator(bob, 1, FOREVER);
    const wallet = await connection.ethers.deployContract("MockWallet", [carol]);
    const account = accountId(await wallet.getAddress());
    await usdc.mint(carol, 10n ** 9n);
    await usdc.connect(carol).approve(vault, 10n ** 9n);
    await vault.connect(carol).deposit(account, usdc, 10n ** 9n);
    await book.see(await keeper.view());

    const { order } = await buy(alice, 1);
    expect((await book.submit(await signOrder(bob, domain, order))).isNew).to.equal(true);
    const ofWallet = { ...order, account };
    expect((await book.submit(await signOrder(carol, domain, ofWallet))).isNew).to.equal(true);
    const forged = book.submit(await signOrder(bob, domain, { ...ofWallet, nonce: 77n }));
    expect(await refusalOf(forged)).to.equal("InvalidSignature");
  });

  it("keeps no room for forged orders, and no true one waits for them", async () => {
    const { alice, bob, bookOf, buy, domain, keeper } = await load();
    let answer: ((code: string) => void) | undefined;
    const code = new Promise<string>((resolve) => (answer = resolve));
    const rpc: Rpc = (method, params) =>
      method === "eth_getCode" ? code : keeper.rpc(method, params);
    const book = await bookOf({ mostOfAccount: 2, mostWallets: 3, rpc });
    await book.see(await keeper.view());
    const orders = await Promise.all([1, 2, 3, 4].map(() => buy(alice, 1)));
    const forged = await Promise.all(orders.map(({ order }) => signOrder(bob, domain, order)));
    const refusals = forged.map((order) => refusalOf(book.submit(order)));
    expect(await refusals[3]).to.equal("Busy");
    // The same orders by the hand of their owner, while the forged ones are still looked at.
    expect(await refusalOf(book.submit(orders[0]!))).to.equal(undefined);
    expect(await refusalOf(book.submit(orders[1]!))).to.equal(undefined);
    answer?.("0x");
    expect(await Promise.all(refusals.slice(0, 3))).to.deep.equal(
      Array.from({ length: 3 }, () => "InvalidSignature"),
    );
    expect(book.size).to.equal(2);
  });

  it("answers one address no more often than may be, whatever it asks", async () => {
    const { book, contracts } = await load();
    const listening = fastify();
    server = listening;
    await listening.register(ordersPlugin, { book, contracts, firstBlock: 0, mostRequests: 2 });
    const statuses: number[] = [];
    for (let i = 0; i < 3; ++i) {
      const { statusCode } = await listening.inject({
        method: "POST",
        url: "/orders",
        payload: {},
      });
      statuses.push(statusCode);
    }
    expect(statuses).to.deep.equal([400, 400, 429]);
  });

  it("has room for so many of an account and in all, however many are sent at once", async () => {
    const { alice, bob, bookOf, buy, keeper } = await load();
    const book = await bookOf({ mostOfAccount: 2, mostOrders: 3 });
    await book.see(await keeper.view());
    const orders = await Promise.all([1, 2, 3, 4].map(() => buy(alice, 1)));
    const results = await Promise.all(orders.map((order) => refusalOf(book.submit(order))));
    expect(results).to.deep.equal([undefined, undefined, "TooManyOrders", "TooManyOrders"]);
    expect(await refusalOf(book.submit(await buy(bob, 1)))).to.equal(undefined);
    expect(await refusalOf(book.submit(await buy(bob, 1)))).to.equal("BookFull");
  });

  it("knows its orders after a restart, and those that another keeper was sent", async () => {
    const { alice, bob, bookOf, buy, keeper } = await load();
    const database = await newDatabase();
    const [one, other] = [await bookOf({ database }), await bookOf({ database })];
    const view = await keeper.view();
    await one.see(view);
    await other.see(view);
    const { hash } = await one.submit(await buy(alice, 1));
    await other.submit(await buy(bob, 1));
    await one.see(view);
    await other.see(view);
    const restarted = await bookOf({ database });
    await restarted.see(view);
    for (const book of [one, other, restarted]) {
      expect(book.size).to.equal(2);
      expect(book.orderOf(hash)?.signed.order.account).to.equal(accountId(alice.address));
    }
  });

  it("forgets what has ended, once no reorganisation can bring it back", async () => {
    const { alice, bookOf, buy, exchange, keeper } = await load();
    const database = await newDatabase();
    const book = await bookOf({ database });
    await book.see(await keeper.view());
    const order = await buy(alice, 1);
    await book.submit(order);
    await exchange.connect(alice).cancel(order.order.account, [order.order.nonce]);
    const view = await keeper.view();
    const at = (number: number) => book.see({ ...view, block: { ...view.block, number } });
    const first = view.block.number;
    await at(first);
    await at(first + 128);
    await at(first + 128);
    expect(book.size).to.equal(1);
    await at(first + 129);
    await at(first + 129);
    expect(book.size).to.equal(0);
    expect(await database.query("SELECT hash FROM roles_orders")).to.deep.equal([]);
  });

  it("takes nothing in before it has seen a block", async () => {
    const { alice, bookOf, buy, contracts } = await load();
    const book = await bookOf();
    let failure: unknown;
    await book.submit(await buy(alice, 1)).catch((error: unknown) => (failure = error));
    expect(failure).to.be.instanceOf(CouldNotLook);
    const { status } = await serve(book, contracts).send(signedOrderText(await buy(alice, 1)));
    expect(status).to.equal(503);
  });
});

/** Why an order was refused; nothing when it was taken in. */
async function refusalOf(submitted: Promise<unknown>): Promise<string | undefined> {
  try {
    await submitted;
    return undefined;
  } catch (error) {
    if (!(error instanceof OrderRefused)) throw error;
    return error.reason;
  }
}
