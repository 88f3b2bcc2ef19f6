import { expect } from "chai";
import hre from "hardhat";
import { begunDispatcher, dispatchWorld, gwei } from "./fixtures/dispatch.js";

const connection = await hre.network.create();

describe("A dispatcher", () => {
  it("lets no cheap transaction hold up a liquidation as long as gas is dear", async () => {
    const base = await dispatchWorld(connection);
    const world = await begunDispatcher(base, { config: { bumpBlocks: 1 } });
    await world.holdBlocks();
    const { dispatcher, mint } = world;
    const dearBlock = async (): Promise<void> => {
      await world.rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(30).toString(16)}`]);
      await world.pass();
    };
    const mostCost = 90_000n * gwei(4);
    const poke = mint(1, { role: "funding", mostCost, gasLimit: 90_000n });
    const [cheap] = dispatcher.submit([poke], await world.head());
    await cheap!.sent;
    for (let i = 0; i < 6; ++i) await dearBlock();
    expect(world.alarms.names).to.deep.equal(["transactionStuck"]);
    const [urgent] = dispatcher.submit([mint(2)], await world.head());
    await urgent!.sent;
    for (let i = 0; i < 3; ++i) await dearBlock();
    expect(await urgent!.done).to.have.property("kind", "mined");
    expect(await cheap!.done).to.have.property("kind", "abandoned");
    expect([await world.minted(1), await world.minted(2)]).to.deep.equal([0n, 1n]);
    expect(world.alarms.names).to.deep.equal([]);
    await dispatcher.close();
  });

  it("sends what passes after the look at the last block, and no later though that hangs", async () => {
    const world = await begunDispatcher(await dispatchWorld(connection));
    const { dispatcher, mint } = world;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let isHanging = true;
    world.before(async (method) => {
      if (isHanging && method === "eth_getBalance") await held;
    });
    const block = await world.head();
    expect(dispatcher.needsTick).to.equal(false);
    const ticking = dispatcher.tick(block);
    const [early] = dispatcher.submit([mint(1)], block);
    expect(dispatcher.needsTick).to.equal(true);
    const soon = new Promise((resolve) => setTimeout(resolve, 300, "not yet"));
    expect(await Promise.race([early!.sent, soon])).to.equal("not yet");
    expect(await early!.sent).to.have.property("hash");
    isHanging = false;
    release();
    await ticking;
    await dispatcher.close();
  });

  it("keeps places for liquidations, however much else waits for a block", async () => {
    const base = await dispatchWorld(connection);
    const world = await begunDispatcher(base, { config: { mostUnderWay: 4 } });
    await world.holdBlocks();
    const { dispatcher, mint } = world;
    const block = await world.head();
    const others = dispatcher.submit(
      [1, 2, 3, 4, 5].map((number) => mint(number, { role: "triggers" })),
      block,
    );
    const sent = await Promise.all(others.map((one) => one.sent));
    expect(sent.filter((one) => "hash" in one)).to.have.length(3);
    const [urgent] = dispatcher.submit([mint(6)], block);
    expect(await urgent!.sent).to.have.property("hash");
    await dispatcher.close();
  });

  it("simulates liquidations before what was submitted earlier and is less urgent", async () => {
    const base = await dispatchWorld(connection);
    const world = await begunDispatcher(base, { config: { mostUnderWay: 64 } });
    await world.holdBlocks();
    const { dispatcher, mint, token } = world;
    const simulated: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    world.before(async (method, [call]) => {
      if (method !== "eth_estimateGas") return;
      const { data = "" } = call as { data?: string };
      const [receiver] = token.interface.decodeFunctionData("mint", data) as unknown as [string];
      simulated.push(receiver.slice(-2).toLowerCase());
      await held;
    });
    const block = await world.head();
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
    const pokes = numbers.map((number) => mint(number, { role: "funding" }));
    const submissions = dispatcher.submit(pokes, block);
    const [urgent] = dispatcher.submit([mint(99)], block);
    while (simulated.length < 16) await new Promise((resolve) => setImmediate(resolve));
    release();
    while (simulated.length < 21) await new Promise((resolve) => setImmediate(resolve));
    expect(simulated.indexOf("63")).to.equal(16);
    await Promise.all([urgent, ...submissions].map((one) => one!.sent));
    await dispatcher.close();
  });

  it("gives all that it holds back with the wallet, so that who has it now is kept from nothing", async () => {
    const world = await dispatchWorld(connection);
    const config = { leaseSeconds: 60 };
    const one = await begunDispatcher(world, { config, leases: world.leases.of("one") });
    const two = await begunDispatcher(world, { config, leases: world.leases.of("two") });
    const [first] = one.dispatcher.submit([world.mint(1)], await world.head());
    await first!.sent;
    await one.tick();
    expect(await first!.done).to.have.property("kind", "mined");
    // It sleeps, and the other one takes the wallet.
    world.leases.pass(120);
    await two.tick();
    await one.pass();
    expect(await world.leases.held()).to.deep.equal([`wallet ${two.dispatcher.address}`]);
    await two.tick();
    const [again] = two.dispatcher.submit([world.mint(1)], await world.head());
    expect(await again!.sent).to.have.property("hash");
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });
});
