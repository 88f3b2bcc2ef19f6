import { expect } from "chai";
import hre from "hardhat";
import { begunDispatcher, dispatchWorld, gwei } from "./fixtures/dispatch.js";

const connection = await hre.network.create();
const config = { leaseSeconds: 60, bumpBlocks: 1 };

/** Two keepers that share a database; the second has a wallet of its own, where nothing else is said. */
async function twoKeepers({ seed = 0xdef } = {}) {
  const world = await dispatchWorld(connection);
  const one = await begunDispatcher(world, { config, leases: world.leases.of("one") });
  const two = await begunDispatcher(world, { config, seed, leases: world.leases.of("two") });
  return { ...world, one, two };
}

type Keepers = Awaited<ReturnType<typeof twoKeepers>>;

/** The first keeper writes a proposal down and is killed before a node has it. */
async function diesBeforeSending(keepers: Keepers, number: number): Promise<string> {
  const stop = keepers.before((method) => {
    if (method === "eth_sendRawTransaction") throw new Error("the process ends here");
  });
  keepers.one.dispatcher.submit([keepers.mint(number)], await keepers.head());
  let signed: { raw: string } | undefined;
  while (signed === undefined || keepers.broadcasts.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    [signed] = await keepers.one.versionsOf(`mint ${number}`);
  }
  stop();
  keepers.leases.pass(120);
  return signed.raw;
}

describe("Several keepers", () => {
  it("do not send the same thing, though each proposes it", async () => {
    const { head, holdBlocks, mine, mint, minted, one, two } = await twoKeepers();
    await holdBlocks();
    const block = await head();
    const both = [one, two].map(({ dispatcher }) => dispatcher.submit([mint(1)], block)[0]!);
    const sent = await Promise.all(both.map((submission) => submission.sent));
    expect(sent.filter((what) => "hash" in what)).to.have.length(1);
    expect(sent.filter((what) => "kind" in what)).to.deep.equal([
      { kind: "left", reason: "Another keeper has it" },
    ]);
    await mine();
    await Promise.all([one.tick(), two.tick()]);
    expect(await minted(1)).to.equal(1n);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("do not repeat it either when one of them is a block behind and no lease stops it", async () => {
    const { head, leases, mint, minted, one, two } = await twoKeepers();
    const behind = await head();
    const [first] = one.dispatcher.submit([mint(1)], behind);
    await first!.sent;
    await one.tick();
    leases.pass(120);
    const [again] = two.dispatcher.submit([mint(1)], behind);
    expect(await again!.done)
      .to.have.property("reason")
      .that.matches(/is in block \d+, which it did not know/);
    const [later] = two.dispatcher.submit([mint(1)], await head());
    expect(await later!.sent).to.have.property("hash");
    await two.tick();
    expect(await minted(1)).to.equal(2n);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("keep a key for two blocks after its end, then others may have it", async () => {
    const { head, mint, one, two } = await twoKeepers();
    const [first] = one.dispatcher.submit([mint(1)], await head());
    await first!.sent;
    await one.tick();
    const [early] = two.dispatcher.submit([mint(1)], await head());
    expect(await early!.done).to.deep.equal({ kind: "left", reason: "Another keeper has it" });
    await one.pass(3);
    await two.tick();
    const [late] = two.dispatcher.submit([mint(1)], await head());
    expect(await late!.sent).to.have.property("hash");
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("send what a dead one had signed, in place of an own one", async () => {
    const keepers = await twoKeepers();
    const { broadcasts, head, holdBlocks, mint, minted, two } = keepers;
    await holdBlocks();
    const raw = await diesBeforeSending(keepers, 1);
    broadcasts.length = 0;
    const [submission] = two.dispatcher.submit([mint(1)], await head());
    expect(await submission!.sent).to.have.property("hash");
    expect(new Set(broadcasts)).to.deep.equal(new Set([raw]));
    expect(two.dispatcher.isHeld("mint 1", await head())).to.be.true;
    await two.pass();
    expect((await submission!.done).kind).to.equal("mined");
    expect(await minted(1)).to.equal(1n);
    await two.pass(4);
    expect(await two.rowOf("mint 1")).to.have.property("state", "settled");
    expect(keepers.broadcasts).to.satisfy((all: string[]) => all.every((one) => one === raw));
    await two.dispatcher.close();
  });

  it("go on at once with a new decision where what the dead one sent is in a block already", async () => {
    const { head, leases, mint, minted, one, two } = await twoKeepers();
    const [first] = one.dispatcher.submit([mint(1)], await head());
    await first!.sent;
    // It dies before it has seen its receipt.
    leases.pass(120);
    await two.tick();
    const [next] = two.dispatcher.submit([mint(1)], await head());
    expect(await next!.sent).to.have.property("hash");
    await two.tick();
    expect((await next!.done).kind).to.equal("mined");
    expect(await minted(1)).to.equal(2n);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("leave to a slow one what is its again", async () => {
    const keepers = await twoKeepers();
    const { head, holdBlocks, leases, mint, minted, one, rpc, two } = keepers;
    await holdBlocks();
    await diesBeforeSending(keepers, 1);
    const [submission] = two.dispatcher.submit([mint(1)], await head());
    await submission!.sent;
    // Now the second one is slow, and the first one goes on.
    leases.pass(120);
    await one.leases.of("one").take(["send mint 1"], 60);
    await rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(40).toString(16)}`]);
    await two.pass();
    expect(await submission!.done).to.deep.equal({ kind: "left", reason: "Another keeper has it" });
    for (let i = 0; i < 5; ++i) {
      await rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(40).toString(16)}`]);
      await two.pass();
    }
    expect(await two.rowOf("mint 1")).to.have.property("state", "waiting");
    await one.tick();
    await one.pass(2);
    expect(await minted(1)).to.equal(1n);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("give up what no block can take, and the dead one does not send it when it is back", async () => {
    const keepers = await twoKeepers();
    const { head, holdBlocks, mint, minted, one, rpc, two } = keepers;
    await holdBlocks();
    await diesBeforeSending(keepers, 1);
    await rpc("hardhat_setBalance", [one.wallet.address, "0x0"]);
    const [submission] = two.dispatcher.submit([mint(1)], await head());
    await two.pass(5);
    expect(await submission!.done)
      .to.have.property("reason")
      .that.matches(/given up; propose it again/);
    expect(await two.rowOf("mint 1")).to.have.property("state", "dropped");

    const [own] = two.dispatcher.submit([mint(1)], await head());
    expect(await own!.sent).to.have.property("hash");
    await two.pass();
    expect((await own!.done).kind).to.equal("mined");

    await rpc("hardhat_setBalance", [one.wallet.address, `0x${(10n ** 18n).toString(16)}`]);
    const nonceOf = async () =>
      Number(await rpc("eth_getTransactionCount", [one.wallet.address, "latest"]));
    expect(await nonceOf()).to.equal(0);
    await one.tick();
    await one.pass(2);
    expect(await nonceOf()).to.equal(1);
    expect(await minted(1)).to.equal(1n);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });

  it("give up what pays less than any block asks", async () => {
    const keepers = await twoKeepers();
    const { head, holdBlocks, mint, minted, rpc, two } = keepers;
    await holdBlocks();
    await diesBeforeSending(keepers, 1);
    const [submission] = two.dispatcher.submit([mint(1)], await head());
    for (let i = 0; i < 5; ++i) {
      await rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(40).toString(16)}`]);
      await two.pass();
    }
    expect((await submission!.done).kind).to.equal("left");
    const [own] = two.dispatcher.submit([mint(1)], await head());
    expect(await own!.sent).to.have.property("hash");
    await rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(40).toString(16)}`]);
    await two.pass();
    expect(await minted(1)).to.equal(1n);
    await two.dispatcher.close();
  });

  it("with one wallet: one alone sends, the other says so, and takes over when it is gone", async () => {
    const { head, leases, mint, minted, one, two } = await twoKeepers({ seed: 0xabc });
    expect(two.dispatcher.address).to.equal(one.dispatcher.address);
    const [first] = one.dispatcher.submit([mint(1)], await head());
    const [second] = two.dispatcher.submit([mint(2)], await head());
    expect(await first!.sent).to.have.property("hash");
    expect(await second!.done)
      .to.have.property("reason")
      .that.matches(/give each keeper a wallet of its own/);
    leases.pass(120);
    await two.tick();
    const [third] = two.dispatcher.submit([mint(3)], await head());
    expect(await third!.sent).to.have.property("hash");

    // The first one was only asleep: it finds that the wallet is gone, and stops.
    await one.tick();
    const [late] = one.dispatcher.submit([mint(4)], await head());
    expect((await late!.done).kind).to.equal("left");
    await two.tick();
    expect([await minted(1), await minted(3), await minted(4)]).to.deep.equal([1n, 1n, 0n]);
    await Promise.all([one.dispatcher.close(), two.dispatcher.close()]);
  });
});
