import { expect } from "chai";
import { parseEther, Transaction, type Wallet } from "ethers";
import hre from "hardhat";
import { begunDispatcher, dispatchWorld, gwei } from "./fixtures/dispatch.js";

const connection = await hre.network.create();

/** A dispatcher whose transactions wait until a block is made, and blocks that can be too dear for them. */
async function begun(options: Parameters<typeof begunDispatcher>[1] = {}) {
  const base = await dispatchWorld(connection);
  const world = await begunDispatcher(base, options);
  await world.holdBlocks();
  const dearBlock = async (price: bigint) => {
    await world.rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${price.toString(16)}`]);
    await world.pass();
  };
  return { ...world, base, dearBlock };
}

type World = Awaited<ReturnType<typeof begun>>;

async function sent(world: World, ...proposals: Parameters<World["mint"]>[]) {
  const block = await world.head();
  const submissions = world.dispatcher.submit(
    proposals.map((given) => world.mint(...given)),
    block,
  );
  await Promise.all(submissions.map((one) => one.sent));
  return submissions;
}

/** What somebody else with the same key sends. */
async function sendElsewhere({ rpc, token }: World, wallet: Wallet, nonce: number, price: bigint) {
  const raw = await wallet.signTransaction({
    ...{ type: 2, chainId: 31_337n, nonce, to: await token.getAddress(), gasLimit: 60_000n },
    data: token.interface.encodeFunctionData("mint", [wallet.address, 1]),
    ...{ maxFeePerGas: price, maxPriorityFeePerGas: price / 2n },
  });
  await rpc("eth_sendRawTransaction", [raw]);
  return Transaction.from(raw).hash;
}

describe("A transaction that waits", () => {
  it("gets higher fees after some blocks, with the same nonce, until a block takes it", async () => {
    const world = await begun({ config: { bumpBlocks: 2, bumpPercent: 20 } });
    const [submission] = await sent(world, [1]);
    await world.dearBlock(gwei(30));
    expect(await world.versionsOf("mint 1")).to.have.length(1);
    await world.dearBlock(gwei(30));
    const [first, second, ...more] = await world.versionsOf("mint 1");
    expect(more).to.deep.equal([]);
    expect(second!.tip >= (first!.tip * 12n) / 10n).to.be.true;
    expect(second!.most >= 2n * gwei(30)).to.be.true;
    expect(Transaction.from(second!.raw).nonce).to.equal(Transaction.from(first!.raw).nonce);

    await world.dearBlock(gwei(30));
    const outcome = await submission!.done;
    expect(outcome).to.have.nested.property("receipt.hash", second!.hash);
    expect(await world.minted(1)).to.equal(1n);
    expect(await world.registry.metrics()).to.include("transactions_bumped_total 1");
    await world.dispatcher.close();
  });

  it("never costs more than it is worth: at the bound it is an alarm, and is waited for", async () => {
    const world = await begun({ config: { bumpBlocks: 1 } });
    const mostCost = 90_000n * gwei(4);
    const [submission] = await sent(world, [1, { mostCost, gasLimit: 90_000n }]);
    for (let i = 0; i < 6; ++i) await world.dearBlock(gwei(30));
    expect(world.alarms.names).to.deep.equal(["transactionStuck"]);
    const versions = await world.versionsOf("mint 1");
    expect(versions.length).to.be.greaterThan(1);
    for (const { most, reason } of versions) {
      expect(most <= gwei(4)).to.be.true;
      expect(reason).to.equal(null);
    }
    await world.dearBlock(gwei(1));
    expect((await submission!.done).kind).to.equal("mined");
    expect(world.alarms.names).to.deep.equal([]);
    await world.dispatcher.close();
  });

  it("is replaced by nothing once its last block has passed, and does not hold up the next", async () => {
    const world = await begun({ config: { bumpBlocks: 1 } });
    const lastBlock = (await world.head()).number + 2;
    const mostCost = 90_000n * gwei(4);
    const [late, next] = await sent(
      world,
      [1, { mostCost, gasLimit: 90_000n, lastBlock }],
      [2, { gasLimit: 90_000n }],
    );
    for (let i = 0; i < 3; ++i) await world.dearBlock(gwei(30));
    const outcome = await late!.done;
    expect(outcome).to.deep.equal({ kind: "abandoned", reason: "It was not in a block in time" });
    expect((await next!.done).kind).to.equal("mined");
    expect(await world.minted(1)).to.equal(0n);
    expect(await world.minted(2)).to.equal(1n);
    const [nothing] = (await world.versionsOf("mint 1")).slice(-1);
    expect(Transaction.from(nothing!.raw)).to.include({ to: world.wallet.address, value: 0n });
    await world.dispatcher.close();
  });

  it("does not hold up what is worth its gas when its own is worth less than gas has come to cost", async () => {
    const world = await begun({ config: { bumpBlocks: 1 } });
    const mostCost = 90_000n * gwei(4);
    const [small, large] = await sent(
      world,
      [1, { mostCost, gasLimit: 90_000n }],
      [2, { gasLimit: 90_000n }],
    );
    for (let i = 0; i < 4; ++i) await world.dearBlock(gwei(30));
    const { kind } = await large!.done;
    expect(kind).to.equal("mined");
    expect(await small!.done).to.deep.equal({
      kind: "abandoned",
      reason: "It is not worth today's gas, or would no longer pass, and others wait for its nonce",
    });
    expect(await world.minted(1)).to.equal(0n);
    expect(await world.minted(2)).to.equal(1n);
    expect(world.dispatcher.isHeld("mint 1", await world.head())).to.equal(false);
    await world.dispatcher.close();
  });

  it("frees its nonce for no more than that may cost", async () => {
    const cancelCost = () => 21_000n * gwei(5);
    const world = await begun({ config: { bumpBlocks: 1 }, cancelCost });
    const lastBlock = (await world.head()).number + 1;
    await sent(world, [1, { lastBlock }]);
    for (let i = 0; i < 5; ++i) await world.dearBlock(gwei(30));
    const nothings = (await world.versionsOf("mint 1")).filter(({ reason }) => reason !== null);
    expect(nothings.length).to.be.greaterThan(0);
    for (const { most } of nothings) expect(most <= gwei(5)).to.be.true;
    expect(world.alarms.names).to.deep.equal(["transactionStuck"]);
    await world.dispatcher.close();
  });

  it("is replaced by nothing when it would no longer pass", async () => {
    const world = await begun({ config: { bumpBlocks: 2 } });
    const { token, wallet } = world;
    await world.rpc("evm_setAutomine", [true]);
    await token.mint(wallet.address, 1);
    await world.tick();
    await world.holdBlocks();
    const data = token.interface.encodeFunctionData("burn", [wallet.address, 1]);
    const [submission] = await sent(world, [1, { data }]);
    await world.dearBlock(gwei(30));
    // Somebody pays more, and is faster.
    await token.burn(wallet.address, 1, { maxFeePerGas: gwei(90), gasLimit: 90_000n });
    await world.dearBlock(gwei(30));
    expect(await token.balanceOf(wallet.address)).to.equal(0n);
    await world.dearBlock(gwei(30));
    expect((await submission!.done).kind).to.equal("abandoned");
    await world.dispatcher.close();
  });

  it("is sent again when the node has forgotten it", async () => {
    const world = await begun();
    const [submission] = await sent(world, [1]);
    const [version] = await world.versionsOf("mint 1");
    await world.rpc("hardhat_dropTransaction", [version!.hash]);
    await world.pass();
    expect(world.broadcasts).to.deep.equal([version!.raw, version!.raw]);
    await world.pass();
    expect((await submission!.done).kind).to.equal("mined");
    await world.dispatcher.close();
  });

  it("waits again, and is sent again, when its block is replaced", async () => {
    const world = await begun();
    const fork = await connection.networkHelpers.takeSnapshot();
    const [submission] = await sent(world, [1]);
    await world.pass();
    expect((await submission!.done).kind).to.equal("mined");
    expect(await world.rowOf("mint 1")).to.have.property("state", "mined");

    await fork.restore();
    await world.rpc("hardhat_mine", ["0x1", "0x5"]);
    await world.tick();
    expect(await world.rowOf("mint 1")).to.have.property("state", "waiting");
    expect(await world.minted(1)).to.equal(0n);
    await world.pass();
    expect(await world.minted(1)).to.equal(1n);
    await world.pass(3);
    expect(await world.rowOf("mint 1")).to.have.property("state", "settled");
    await world.dispatcher.close();
  });

  it("is settled after its confirmations, and its key is free as soon as it is in a known block", async () => {
    const world = await begun({ config: { confirmations: 2 } });
    const before = await world.head();
    await sent(world, [1]);
    await world.pass();
    expect(world.dispatcher.isHeld("mint 1", before)).to.be.true;
    expect(world.dispatcher.isHeld("mint 1", await world.head())).to.be.false;
    await world.pass();
    expect(await world.rowOf("mint 1")).to.have.property("state", "mined");
    await world.pass();
    expect(await world.rowOf("mint 1")).to.have.property("state", "settled");
    await world.dispatcher.close();
  });

  it("is given up when somebody else with the key uses its nonce, without a fight", async () => {
    const world = await begun({ config: { bumpBlocks: 1, confirmations: 2 } });
    await sendElsewhere(world, world.wallet, 0, gwei(50));
    // The node counts what waits: the next nonce is free.
    await world.tick();
    const [behind] = await sent(world, [1]);
    expect(await world.nonceOf("mint 1")).to.equal(1);
    // Now the other one takes that as well, at a price that displaces ours.
    await sendElsewhere(world, world.wallet, 1, gwei(60));
    await world.pass(6);
    expect((await behind!.done).kind).to.equal("abandoned");
    expect(await world.minted(1)).to.equal(0n);
    expect(new Set(world.broadcasts).size).to.equal(1);
    await world.dispatcher.close();
  });

  it("is lost when another transaction took its nonce, and the same can be proposed again", async () => {
    const world = await begun({ config: { bumpBlocks: 1, confirmations: 2 } });
    // Nobody has told the node's pool: it is taken between the look at the nonce and the broadcast.
    let isTaken = false;
    world.before(async (method) => {
      if (method !== "eth_sendRawTransaction" || isTaken) return;
      isTaken = true;
      await sendElsewhere(world, world.wallet, 0, gwei(50));
    });
    const [submission] = world.dispatcher.submit([world.mint(1)], await world.head());
    await world.pass(6);
    expect(await submission!.done).to.deep.equal({
      kind: "abandoned",
      reason: "Its nonce was used by another transaction of this wallet",
    });
    // One attempt at each block, never at a higher price.
    expect(new Set(world.broadcasts).size).to.equal(1);
    const [again] = await sent(world, [1]);
    await world.pass();
    expect((await again!.done).kind).to.equal("mined");
    expect(await world.minted(1)).to.equal(1n);
    await world.dispatcher.close();
  });

  it("does not wait for ever for a nonce that nobody has: the gap is filled with nothing", async () => {
    const world = await begun();
    const foreign = await sendElsewhere(world, world.wallet, 0, gwei(50));
    await world.tick();
    const [submission] = await sent(world, [1]);
    expect(await world.nonceOf("mint 1")).to.equal(1);
    await world.rpc("hardhat_dropTransaction", [foreign]);
    await world.pass(4);
    expect((await submission!.done).kind).to.equal("mined");
    expect(await world.minted(1)).to.equal(1n);
    await world.dispatcher.close();
  });

  it("is taken up by the next run of a keeper that was killed, as it was signed", async () => {
    const world = await begun();
    const stop = world.before((method) => {
      if (method === "eth_sendRawTransaction") throw new Error("the process ends here");
    });
    const [lost] = world.dispatcher.submit([world.mint(1)], await world.head());
    await world.pass();
    const [signed] = await world.versionsOf("mint 1");
    expect(await world.minted(1)).to.equal(0n);
    stop();

    const second = await begunDispatcher(world.base, { leases: world.leases.of("one") });
    expect(second.broadcasts.at(-1)).to.equal(signed!.raw);
    expect(second.dispatcher.isHeld("mint 1", await world.head())).to.be.true;
    const [refused] = second.dispatcher.submit([world.mint(1)], await world.head());
    expect((await refused!.done).kind).to.equal("left");
    await second.pass();
    expect(await world.minted(1)).to.equal(1n);
    expect(await world.versionsOf("mint 1")).to.have.length(1);
    await second.pass();
    await second.dispatcher.close();
    await world.dispatcher.close();
    expect((await lost!.done).kind).to.be.oneOf(["left", "mined"]);
  });

  it("survives a chain that has lost a settled block", async () => {
    const world = await begun({ config: { confirmations: 0 } });
    const fork = await connection.networkHelpers.takeSnapshot();
    await sent(world, [1]);
    await world.pass(2);
    expect(await world.rowOf("mint 1")).to.have.property("state", "settled");
    await fork.restore();
    await world.rpc("hardhat_mine", ["0x4", "0x5"]);
    await world.tick();
    await sent(world, [2]);
    await world.pass();
    expect(await world.minted(2)).to.equal(1n);
    expect(await world.rpc("eth_getBalance", [world.wallet.address, "latest"])).to.not.equal(
      `0x${parseEther("100").toString(16)}`,
    );
    await world.dispatcher.close();
  });
});
