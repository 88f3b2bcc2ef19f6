import { expect } from "chai";
import { keccak256, Wallet } from "ethers";
import { CouldNotLook, explainError } from "../sdk/index.js";
import { MockToken__factory, type MockToken } from "../typechain-types/index.js";
import {
  type ChainOfTest,
  type NodesOfTest,
  openChain,
  startNodes,
  until,
} from "./fixtures/keeperChain.js";
import { FAULTS, type FaultyNode } from "../scripts/soak/faultyNode.js";

const ONE = `0x${"1".repeat(40)}`;

describe("A keeper's chain of several nodes", () => {
  let world: NodesOfTest;
  let first: FaultyNode, second: FaultyNode;
  let token: MockToken;
  let open: ChainOfTest;

  before(async () => {
    world = await startNodes();
    [first, second] = world.nodes;
    const signer = await world.provider.getSigner(0);
    token = await new MockToken__factory(signer).deploy("USD Coin", "USDC", 6);
    await token.waitForDeployment();
  });

  after(async () => {
    await world.close();
  });

  beforeEach(async () => {
    open = await openChain(world);
  });

  afterEach(async () => {
    await open.chain.close();

    for (const node of world.nodes) node.behave();
  });

  const mine = async (count = 1): Promise<void> => {
    await world.provider.send("hardhat_mine", [`0x${count.toString(16)}`]);
  };
  const numberOf = async (): Promise<number> => open.chain.provider.getBlockNumber();
  const lookAt = async (after = 0): Promise<void> =>
    open.chain.nextHead(after, { signal: new AbortController().signal, atMost: 1 });
  const failureOf = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
  const askedOf = (node: FaultyNode, method: string): number =>
    node.requests.filter((methods) => methods.includes(method)).length;

  describe("when a node does not answer", () => {
    for (const fault of FAULTS) {
      it(`asks the next one (${fault})`, async () => {
        await open.chain.close();
        open = await openChain(world, fault === "hang" ? { timeoutSeconds: 0.5 } : {});
        first.failNext(fault, { count: 2, method: "eth_getBalance" });
        const before = askedOf(second, "eth_getBalance");
        expect(await open.chain.provider.getBalance(ONE)).to.equal(0n);
        expect(askedOf(second, "eth_getBalance")).to.equal(before + 1);
      });
    }

    it("stays with that one for the rest of the look, and goes back in a later one", async () => {
      first.failNext("error500", { method: "eth_getBalance" });
      await open.chain.provider.getBalance(ONE);
      const before = askedOf(first, "eth_getBalance");
      await open.chain.provider.getBalance(ONE);
      expect(askedOf(first, "eth_getBalance")).to.equal(before);
      await lookAt();
      await open.chain.provider.getBalance(ONE);
      expect(askedOf(first, "eth_getBalance")).to.equal(before + 1);
    });

    it("says that it could not look when none answers, with a cause that the SDK explains", async () => {
      for (const node of world.nodes)
        node.failNext("tooMany", { count: 9, method: "eth_getBalance" });
      const error = await failureOf(open.chain.provider.getBalance(ONE));
      expect(error).to.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain("HTTP 429");
      expect(explainError(error)).to.include({ remedy: "retry" });
    });

    it("raises an alarm while it is so, and uses the node again after", async () => {
      first.troubles.isDown = true;
      const { subject } = await open.raised("nodeUnreachable");
      expect(subject).to.equal(new URL(first.url).host);
      expect(open.chain.nodes.map(({ isUsed }) => isUsed)).to.deep.equal([false, true]);
      expect(open.chain.nodes[0]).to.include({ head: undefined });
      expect(open.chain.nodes[0]?.problem).to.contain("does not answer");
      first.behave();
      await open.cleared("nodeUnreachable");
      expect(open.chain.nodes[0]).to.deep.include({ isUsed: true, problem: undefined });
    });

    it("does not wait for a node that is silent to polls as well", async () => {
      await open.chain.close();
      open = await openChain(world, { timeoutSeconds: 60 });
      first.troubles.faultOf = () => "hang";
      expect(await open.chain.provider.getBalance(ONE)).to.equal(0n);
    });

    it("asks a single node once more when it stumbles", async () => {
      await open.chain.close();
      open = await openChain({ ...world, nodes: [first] as never });
      first.failNext("reset", { count: 2, method: "eth_getBalance" });
      expect(await open.chain.provider.getBalance(ONE)).to.equal(0n);
    });
  });

  describe("in the middle of a look", () => {
    it("goes on with a node that has the same last block", async () => {
      const block = (await open.chain.provider.getBlock("latest"))!;
      first.troubles.isDown = true;
      const same = await open.chain.provider.getBlock(block.number);
      expect(same?.hash).to.equal(block.hash);
      expect(await open.metrics()).to.match(/node_failovers_total\{node="[^"]*"\} 1/);
    });

    it("does not go on with one that has not come so far", async () => {
      await mine(2);
      const { number } = (await open.chain.provider.getBlock("latest"))!;
      second.troubles.lag = 1;
      first.failNext("error500", { count: 9, method: "eth_call" });
      const error = await failureOf(
        token.connect(open.chain.provider).totalSupply({ blockTag: number }),
      );
      expect(error).to.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain(`has not block ${number}`);
    });

    it("does not go on with one that is on another fork", async () => {
      await mine(2);
      const { number } = (await open.chain.provider.getBlock("latest"))!;
      second.troubles.forkFrom = number - 1;
      first.failNext("error500", { count: 9, method: "eth_call" });
      const error = await failureOf(token.connect(open.chain.provider).totalSupply());
      expect(error).to.be.instanceOf(CouldNotLook);
    });

    it("takes a block that a node does not have yet for no answer", async () => {
      await open.chain.close();
      open = await openChain({ ...world, nodes: [first] as never });
      await mine(3);
      const number = await numberOf();
      first.troubles.lag = 2;
      const error = await failureOf(
        token.connect(open.chain.provider).totalSupply({ blockTag: number }),
      );
      expect(error).to.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain("header not found");
    });
  });

  describe("what a contract says", () => {
    it("is an answer: the refusal comes from one node, with its data", async () => {
      const before = askedOf(second, "eth_call");
      const transfer = token.connect(open.chain.provider).transfer;
      const error = await failureOf(transfer.staticCall(ONE, 5n, { from: ONE }));
      expect(error).to.include({ code: "CALL_EXCEPTION" });
      const { name, values } = explainError(error);
      expect(name).to.equal("ERC20InsufficientBalance");
      expect(values).to.deep.include({ balance: 0n, needed: 5n });
      expect(askedOf(second, "eth_call")).to.equal(before);
    });

    it("is the same for an estimate of gas", async () => {
      const transfer = token.connect(open.chain.provider).transfer;
      const error = await failureOf(transfer.estimateGas(ONE, 5n, { from: ONE }));
      expect(explainError(error).name).to.equal("ERC20InsufficientBalance");
    });

    it("comes by the bare questions too", async () => {
      const data = token.interface.encodeFunctionData("transfer", [ONE, 5n]);
      const call = open.chain.rpc("eth_call", [
        { from: ONE, to: await token.getAddress(), data },
        "latest",
      ]);
      expect(explainError(await failureOf(call)).name).to.equal("ERC20InsufficientBalance");
    });

    it("comes with answers to other questions of the same moment, in one request", async () => {
      const before = first.requests.length;
      const connected = token.connect(open.chain.provider);
      const [supply, refused, code] = await Promise.all([
        connected.totalSupply(),
        failureOf(connected.transfer.staticCall(ONE, 5n, { from: ONE })),
        open.chain.provider.getCode(token),
      ]);
      expect(supply).to.equal(0n);
      expect(explainError(refused).name).to.equal("ERC20InsufficientBalance");
      expect(code.length).to.be.above(2);
      const together = first.requests.slice(before).filter((methods) => methods.length === 3);
      expect(together.map((methods) => methods.toSorted())).to.deep.equal([
        ["eth_call", "eth_call", "eth_getCode"],
      ]);
    });

    it("comes though the node takes few questions at a time, and once that is known without trying", async () => {
      for (const node of world.nodes) node.troubles.mostTogether = 4;
      const ask = async () =>
        Promise.all(Array.from({ length: 11 }, () => open.chain.provider.getBalance(ONE)));
      expect(new Set(await ask())).to.deep.equal(new Set([0n]));
      const before = first.requests.length;
      await ask();
      const sizes = first.requests.slice(before).filter((one) => one[0] === "eth_getBalance");
      expect(Math.max(...sizes.map(({ length }) => length))).to.be.most(4);
    });

    it("is right or is not there at all, whatever the nodes do", async () => {
      const block = (await world.provider.getBlock("latest"))!;
      const faults = FAULTS.filter((fault) => fault !== "hang");
      for (const [seed, node] of world.nodes.entries())
        node.misbehave({ seed, share: 0.4, faults });
      const counts = { answers: 0, none: 0 };
      for (let i = 0; i < 60; ++i) {
        const [found, refused] = await Promise.all([
          open.chain.provider.getBlock(block.number).catch((reason: unknown) => reason),
          failureOf(token.connect(open.chain.provider).transfer.staticCall(ONE, 5n, { from: ONE })),
        ]);
        for (const one of [found, refused]) {
          if (one instanceof CouldNotLook) ++counts.none;
          else ++counts.answers;
        }
        if (!(found instanceof CouldNotLook)) expect(found).to.include({ hash: block.hash });
        if (!(refused instanceof CouldNotLook)) {
          expect(explainError(refused).name).to.equal("ERC20InsufficientBalance");
        }
        await lookAt();
      }
      expect(counts.answers).to.be.above(20);
      expect(counts.none).to.be.above(0);
    });

    it("is not asked for unless somebody wants to know", async () => {
      const asked = (): readonly string[][] =>
        world.nodes.flatMap(({ requests }) => requests as string[][]);
      const before = world.nodes.map(({ requests }) => requests.length);
      const total = asked().length;
      await until(() => asked().length > total + 6, "polls come");
      const methods = world.nodes.flatMap(({ requests }, i) => requests.slice(before[i])).flat();
      expect([...new Set(methods)]).to.deep.equal(["eth_getBlockByNumber"]);
    });
  });

  describe("which chain a node is on", () => {
    it("is asked before anything else, and a node of another one is never used", async () => {
      await open.chain.close();
      const hash = `0x${"9".repeat(64)}`;
      const other = { ...world.deployment, block: { number: 0, hash } };
      open = await openChain({ ...world, deployment: other });
      const error = await failureOf(numberOf());
      expect(error).to.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain("not the deployment's");
      const { detail } = await open.raised("nodeContradicting");
      expect(detail).to.contain("deploy again");
    });

    it("is told by its id, too", async () => {
      await open.chain.close();
      open = await openChain({ ...world, deployment: { ...world.deployment, chainId: 1 } });
      expect(open.chain.nodes[0]?.problem).to.contain("instead of 1");
      expect(await failureOf(numberOf())).to.be.instanceOf(CouldNotLook);
    });

    it("is asked again when it comes back after it was away", async () => {
      first.troubles.isDown = true;
      await open.raised("nodeUnreachable");
      const before = askedOf(first, "eth_chainId");
      first.behave();
      await open.cleared("nodeUnreachable");
      await until(() => open.chain.nodes[0]?.isUsed === true, "the node is used");
      expect(askedOf(first, "eth_chainId")).to.be.above(before);
    });
  });

  describe("a signed transaction", () => {
    const sign = async (): Promise<{ raw: string; hash: string }> => {
      const wallet = Wallet.createRandom();
      await world.provider.send("hardhat_setBalance", [wallet.address, "0xde0b6b3a7640000"]);
      const raw = await wallet.signTransaction({
        ...{ to: ONE, value: 1n, chainId: 31_337, type: 2, gasLimit: 21_000n, nonce: 0 },
        ...{ maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n },
      });
      return { raw, hash: keccak256(raw) };
    };

    it("goes to every node, and is taken when one has it", async () => {
      const before = world.nodes.map((node) => askedOf(node, "eth_sendRawTransaction"));
      first.failNext("error500", { method: "eth_sendRawTransaction" });
      const { hash, raw } = await sign();
      expect(await open.chain.broadcast(raw)).to.equal(hash);
      const after = world.nodes.map((node) => askedOf(node, "eth_sendRawTransaction"));
      expect(after).to.deep.equal(before.map((count) => count + 1));
      expect((await open.chain.provider.getTransactionReceipt(hash))?.status).to.equal(1);
    });

    it("counts as taken by a node that has it already, mined or not", async () => {
      const { hash, raw } = await sign();
      await world.provider.send("eth_sendRawTransaction", [raw]);
      expect(await open.chain.broadcast(raw)).to.equal(hash);
      await world.provider.send("evm_setAutomine", [false]);
      try {
        const waiting = await sign();
        await world.provider.send("eth_sendRawTransaction", [waiting.raw]);
        expect(await open.chain.broadcast(waiting.raw)).to.equal(waiting.hash);
      } finally {
        await world.provider.send("evm_setAutomine", [true]);
        await mine();
      }
    });

    it("is refused with the error of a node that answers", async () => {
      first.failNext("error500", { method: "eth_sendRawTransaction" });
      const poor = Wallet.createRandom();
      const raw = await poor.signTransaction({
        ...{ to: ONE, value: 1n, chainId: 31_337, type: 2, gasLimit: 21_000n, nonce: 0 },
        ...{ maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n },
      });
      const error = await failureOf(open.chain.broadcast(raw));
      expect(error).to.not.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain("enough funds");
    });

    it("may or may not be sent when no node answers, and that is what is said", async () => {
      for (const node of world.nodes)
        node.failNext("reset", { count: 2, method: "eth_sendRawTransaction" });
      const { raw } = await sign();
      const error = await failureOf(open.chain.broadcast(raw));
      expect(error).to.be.instanceOf(CouldNotLook);
      expect((error as Error).message).to.contain("may have");
    });

    it("goes the same way when it is sent by the provider", async () => {
      const before = askedOf(second, "eth_sendRawTransaction");
      const { hash, raw } = await sign();
      expect((await open.chain.provider.broadcastTransaction(raw)).hash).to.equal(hash);
      expect(askedOf(second, "eth_sendRawTransaction")).to.equal(before + 1);
    });
  });

  it("ends at once when it is closed, and lets nobody wait", async () => {
    first.troubles.faultOf = second.troubles.faultOf = () => "hang";
    const asked = failureOf(open.chain.provider.getBalance(ONE));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await open.chain.close();
    expect(await asked).to.be.instanceOf(Error);
  });
});
