import { expect } from "chai";
import { parseEther } from "ethers";
import hre from "hardhat";
import type { Outcome, Submission } from "../keeper/dispatch/dispatcher.js";
import { begunDispatcher, dispatchWorld, gwei } from "./fixtures/dispatch.js";

const connection = await hre.network.create();

const begun = async (options: Parameters<typeof begunDispatcher>[1] = {}) =>
  begunDispatcher(await dispatchWorld(connection), options);

const outcomesOf = (submissions: readonly Submission[]): Promise<Outcome[]> =>
  Promise.all(submissions.map(({ done }) => done));

describe("The dispatcher", () => {
  it("sends what passes, and says in which block it is", async () => {
    const { dispatcher, head, mint, minted, tick } = await begun();
    const [submission] = dispatcher.submit([mint(1)], await head());
    expect(await submission!.sent).to.have.property("hash");
    await tick();
    const outcome = await submission!.done;
    expect(outcome).to.have.nested.property("receipt.status", 1);
    expect(outcome.kind).to.equal("mined");
    expect(await minted(1)).to.equal(1n);
    await dispatcher.close();
  });

  it("gives nonces in the order of the proposals, and no slow simulation holds up the others for long", async () => {
    const { before, dispatcher, head, holdBlocks, mine, mint, minted, nonceOf, tick } =
      await begun();
    let answer = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const [, second] = [mint(1), mint(2), mint(3)];
    before(async (method, [call]) => {
      const { data } = (call ?? {}) as { data?: string };
      if (method === "eth_estimateGas" && data === second.data) await slow;
    });
    await holdBlocks();
    const submissions = dispatcher.submit([mint(1), mint(2), mint(3)], await head());
    await Promise.all([submissions[0]!.sent, submissions[2]!.sent]);
    answer();
    await submissions[1]!.sent;
    expect(await nonceOf("mint 1")).to.equal(0);
    expect(await nonceOf("mint 3")).to.equal(1);
    expect(await nonceOf("mint 2")).to.equal(2);
    await mine();
    await tick();
    expect((await outcomesOf(submissions)).map(({ kind }) => kind)).to.deep.equal(
      Array(3).fill("mined"),
    );
    expect(await minted(2)).to.equal(1n);
    await dispatcher.close();
  });

  it("keeps the order where simulations answer in another one", async () => {
    const { before, dispatcher, head, holdBlocks, mint, nonceOf } = await begun();
    let asked = 0;
    before(async (method) => {
      // The first asked is the last to be answered.
      if (method !== "eth_estimateGas") return;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 60 - 20 * asked++)));
    });
    await holdBlocks();
    const submissions = dispatcher.submit([mint(1), mint(2), mint(3)], await head());
    await Promise.all(submissions.map(({ sent }) => sent));
    const nonces = await Promise.all([1, 2, 3].map((number) => nonceOf(`mint ${number}`)));
    expect(nonces).to.deep.equal([0, 1, 2]);
    await dispatcher.close();
  });

  it("says why a simulation reverts, leaves that key alone for longer and longer, and goes on with the next", async () => {
    const { burn, dispatcher, head, mine, mint, registry, tick } = await begun();
    const held: number[] = [];
    for (let round = 0; round < 2; ++round) {
      const block = await head();
      const [refused, passing] = dispatcher.submit([burn(1), mint(round)], block);
      const outcome = await refused!.done;
      if (outcome.kind !== "refused") throw new Error(`It was ${outcome.kind}`);
      expect(outcome.explanation.name).to.equal("ERC20InsufficientBalance");
      expect(await passing!.sent).to.have.property("hash");

      let blocks = 0;
      for (; dispatcher.isHeld("burn 1", await head()); ++blocks) await mine();
      held.push((await head()).number - block.number);
      await tick();
    }
    expect(held[0]).to.be.greaterThan(0);
    expect(held[1]).to.equal(2 * held[0]!);
    expect(await registry.metrics()).to.match(/refused_total\{role="liquidate",remedy="\w+"\} 2/);
    await dispatcher.close();
  });

  it("does not take a silent node for a refusal", async () => {
    const { before, dispatcher, head, mint } = await begun();
    const answerAgain = before((method) => {
      if (method === "eth_estimateGas") throw new Error("socket hang up");
    });
    const [first] = dispatcher.submit([mint(1)], await head());
    expect(await first!.done).to.deep.equal({
      kind: "left",
      reason: "It could not be simulated: socket hang up",
    });
    expect(dispatcher.isHeld("mint 1", await head())).to.be.false;
    answerAgain();
    const [second] = dispatcher.submit([mint(1)], await head());
    expect(await second!.sent).to.have.property("hash");
    await dispatcher.close();
  });

  it("leaves what costs more than it is worth, and what is under way", async () => {
    const { dispatcher, head, holdBlocks, mint } = await begun();
    await holdBlocks();
    const [dear, first, again] = dispatcher.submit(
      [mint(1, { mostCost: 1_000n }), mint(2), mint(2)],
      await head(),
    );
    expect(await dear!.done)
      .to.have.property("reason")
      .that.matches(/more than the 1000 wei/);
    expect(await again!.done).to.deep.equal({ kind: "left", reason: "It is under way" });
    expect(await first!.sent).to.have.property("hash");
    expect(dispatcher.isHeld("mint 2", await head())).to.be.true;
    expect(dispatcher.isUnderWay("mint 2", await head())).to.be.true;
    // Those behind it have their turn.
    expect(dispatcher.isHeld("mint 1", await head())).to.be.true;
    expect(dispatcher.isUnderWay("mint 1", await head())).to.be.false;
    await dispatcher.close();
  });

  it("sends no more at a time than may wait for a block", async () => {
    const { dispatcher, head, holdBlocks, mine, mint, tick } = await begun({
      config: { mostUnderWay: 2 },
    });
    await holdBlocks();
    const numbers = [1, 2, 3, 4, 5];
    const submissions = dispatcher.submit(
      numbers.map((number) => mint(number)),
      await head(),
    );
    await mine();
    const left = await Promise.all(submissions.slice(2).map(({ done }) => done));
    expect(left.map(({ kind }) => kind)).to.deep.equal(["left", "left", "left"]);
    await Promise.all(submissions.slice(0, 2).map(({ sent }) => sent));
    await mine();
    await tick();
    const [third] = dispatcher.submit([mint(3)], await head());
    expect(await third!.sent).to.have.property("hash");
    await dispatcher.close();
  });

  it("shows a transaction to a node only after it has written it down", async () => {
    const { before, database, dispatcher, head, mint } = await begun();
    const written: unknown[] = [];
    before(async (method, [raw]) => {
      if (method !== "eth_sendRawTransaction") return;
      written.push(
        ...(await database.query("SELECT key FROM dispatch_transactions WHERE state = 'waiting'")),
        ...(await database.query("SELECT raw FROM dispatch_versions WHERE raw = $1", [
          raw as string,
        ])),
      );
    });
    const [submission] = dispatcher.submit([mint(7)], await head());
    await submission!.sent;
    expect(written).to.have.length(2);
    await dispatcher.close();
  });

  it("asks the nodes two things to send one: what it would do, and to take it", async () => {
    const { asked, broadcasts, dispatcher, head, mint } = await begun();
    const block = await head();
    asked.length = 0;
    const [submission] = dispatcher.submit([mint(1)], block);
    await submission!.sent;
    expect(asked).to.deep.equal(["eth_estimateGas"]);
    expect(broadcasts).to.have.length(1);
    await dispatcher.close();
  });

  it("only says what it would send when it is told so", async () => {
    const { broadcasts, burn, database, dispatcher, head, leases, mint, tick } = await begun({
      dryRun: true,
    });
    const [mintOutcome, burnOutcome] = await outcomesOf(
      dispatcher.submit([mint(1), burn(2)], await head()),
    );
    await tick();
    expect(mintOutcome).to.deep.equal({ kind: "left", reason: "dry run" });
    expect(burnOutcome?.kind).to.equal("refused");
    expect(broadcasts).to.deep.equal([]);
    expect(await database.query("SELECT * FROM dispatch_transactions")).to.deep.equal([]);
    expect(await leases.held()).to.deep.equal([]);
    await dispatcher.close();
  });

  it("says that something reverted in its block, and leaves it alone", async () => {
    const { dispatcher, head, holdBlocks, mine, mint, rpc, tick, token, wallet } = await begun();
    const [own] = dispatcher.submit([mint(0)], await head());
    await own!.sent;
    await tick();
    const burning = token.interface.encodeFunctionData("burn", [wallet.address, 5]);
    await token.mint(wallet.address, 5);
    await holdBlocks();
    const proposals = [1, 2].map((number) => mint(number, { data: burning, gasLimit: 90_000n }));
    const submissions = dispatcher.submit(proposals, await head());
    await Promise.all(submissions.map(({ sent }) => sent));
    await mine();
    await tick();
    const [first, second] = await outcomesOf(submissions);
    expect(first?.kind).to.equal("mined");
    if (second?.kind !== "reverted") throw new Error(`It was ${second?.kind}`);
    expect(second.receipt.status).to.equal(0);
    expect(dispatcher.isHeld("mint 2", await head())).to.be.true;
    await rpc("evm_setAutomine", [true]);
    await dispatcher.close();
  });

  it("is an alarm while the wallet has too little ether", async () => {
    const { alarms, dispatcher, head, mint, rpc, tick, wallet } = await begun();
    const setBalance = (ether: string) =>
      rpc("hardhat_setBalance", [wallet.address, `0x${parseEther(ether).toString(16)}`]);
    await setBalance("0.00001");
    await tick();
    expect(alarms.names).to.deep.equal(["walletEmpty"]);
    const [submission] = dispatcher.submit([mint(1)], await head());
    expect(await submission!.done)
      .to.have.property("reason")
      .that.matches(/send it ether/);
    await setBalance("1");
    await tick();
    expect(alarms.names).to.deep.equal([]);
    const [again] = dispatcher.submit([mint(1)], await head());
    expect(await again!.sent).to.have.property("hash");
    await dispatcher.close();
  });

  it("is idle when nothing waits for a block, and gives its leases back when it ends", async () => {
    const { dispatcher, head, holdBlocks, leases, mine, mint, tick } = await begun();
    await dispatcher.idle();
    await holdBlocks();
    const [submission] = dispatcher.submit([mint(1)], await head());
    await submission!.sent;
    let isIdle = false;
    const idle = dispatcher.idle().then(() => {
      isIdle = true;
    });
    await tick();
    expect(isIdle).to.be.false;
    expect(await leases.held()).to.include("send mint 1");
    await mine();
    await tick();
    await idle;
    await dispatcher.close();
    expect(await leases.held()).to.deep.equal([]);
    const [late] = dispatcher.submit([mint(2)], await head());
    expect(await late!.done).to.deep.equal({ kind: "left", reason: "The keeper ends" });
  });

  it("pays at first for a base fee that doubles, and the tip that the node suggests", async () => {
    const { dispatcher, head, holdBlocks, mint, rpc, tick, versionsOf } = await begun();
    await holdBlocks();
    await rpc("hardhat_setNextBlockBaseFeePerGas", [`0x${gwei(3).toString(16)}`]);
    await rpc("hardhat_mine", ["0x1"]);
    await tick();
    const tip = BigInt((await rpc("eth_maxPriorityFeePerGas", [])) as string);
    const [submission] = dispatcher.submit([mint(1)], await head());
    await submission!.sent;
    const [version] = await versionsOf("mint 1");
    expect(version).to.include({ most: 2n * gwei(3) + tip, tip });
    await dispatcher.close();
  });
});
