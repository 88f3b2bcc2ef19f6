import { expect } from "chai";
import { CouldNotLook } from "../sdk/index.js";
import {
  type ChainOfTest,
  type NodesOfTest,
  openChain,
  startNodes,
  until,
} from "./fixtures/keeperChain.js";
import type { FaultyNode } from "../scripts/soak/faultyNode.js";
import { createReorganiser } from "./support/reorganise.js";

/** So rarely that in a test nothing comes by it. */
const RARELY = { pollSeconds: 600 };
const LONG = 600_000;
const never = new AbortController().signal;

describe("New blocks on a keeper's chain", () => {
  let world: NodesOfTest;
  let first: FaultyNode, second: FaultyNode;
  let open: ChainOfTest | undefined;

  before(async () => {
    world = await startNodes();
    [first, second] = world.nodes;
  });

  after(async () => {
    await world.close();
  });

  afterEach(async () => {
    await open?.chain.close();
    open = undefined;
    for (const node of world.nodes) node.behave();
  });

  const mine = async (count = 1): Promise<void> => {
    await world.provider.send("hardhat_mine", [`0x${count.toString(16)}`]);
  };
  const headOf = async ({ chain }: ChainOfTest): Promise<number> =>
    (await chain.provider.getBlock("latest"))!.number;
  /** Looks until there is nothing that it was not woken for. */
  const settle = async ({ chain }: ChainOfTest): Promise<number> => {
    for (;;) {
      const { number } = (await chain.provider.getBlock("latest"))!;
      const late = AbortSignal.timeout(300);
      await chain.nextHead(number, { signal: late, atMost: LONG });
      if (late.aborted) return number;
    }
  };
  const woken = ({ chain }: ChainOfTest, after: number): Promise<void> =>
    chain.nextHead(after, { signal: never, atMost: LONG });
  const hostOf = (node: FaultyNode): string => new URL(node.url).host;

  describe("heard of by a socket", () => {
    const openSocket = async (config = {}): Promise<ChainOfTest> => {
      open = await openChain(world, { sockets: [first.socketUrl], ...config });
      return open;
    };
    const heardBySocket = async ({ metrics }: ChainOfTest): Promise<number> =>
      Number(/blocks_heard_total\{source="socket"\} (\d+)/.exec(await metrics())?.[1] ?? 0);

    it("wake whoever waits, without anybody asking", async () => {
      const one = await openSocket(RARELY);
      for (let i = 0; i < 3; ++i) {
        const after = await headOf(one);
        const waiting = woken(one, after);
        await mine();
        await waiting;
        expect(await headOf(one)).to.equal(after + 1);
      }
      expect(await heardBySocket(one)).to.be.at.least(3);
    });

    it("come by asking while the socket is closed, and by the socket once it is open again", async () => {
      const one = await openSocket();
      await settle(one);
      first.troubles.isDown = true;
      first.closeSockets();
      const { subject } = await one.raised("socketDead");
      expect(subject).to.equal(hostOf(first));
      const after = await headOf(one);
      const waiting = woken(one, after);
      await mine();
      await waiting;
      first.behave();
      await one.cleared("socketDead");
      const heard = await heardBySocket(one);
      // Whichever is first tells; a socket that is open is first nearly always.
      for (let last = after + 1; (await heardBySocket(one)) === heard; ++last) {
        const next = woken(one, last);
        await mine();
        await next;
      }
    });

    it("are missed by a socket that is open and silent: it is dead, and opened again", async () => {
      const one = await openSocket();
      const after = await settle(one);
      first.troubles.headsFrozen = true;
      await mine();
      await woken(one, after);
      const { detail } = await one.raised("socketDead");
      expect(detail).to.contain("told of no block");
      first.behave();
      await one.cleared("socketDead");
    });

    it("count for nothing when the socket is of another chain", async () => {
      const deployment = { ...world.deployment, chainId: 5 };
      open = await openChain({ ...world, deployment }, { sockets: [first.socketUrl], ...RARELY });
      const { detail } = await open.raised("socketDead");
      expect(detail).to.contain("instead of 5");
    });

    it("keep nobody waiting once the keeper stops", async () => {
      const one = await openSocket(RARELY);
      await settle(one);
      const waiting = woken(one, 1_000_000);
      await one.chain.close();
      await waiting;
      await woken(one, 1_000_000);
    });
  });

  describe("without a socket", () => {
    it("are asked for", async () => {
      open = await openChain(world);
      const after = await settle(open);
      const waiting = woken(open, after);
      await mine();
      await waiting;
      expect(await headOf(open)).to.equal(after + 1);
    });

    it("are not waited for longer than wanted, or than the signal allows", async () => {
      open = await openChain(world, RARELY);
      const after = await settle(open);
      await open.chain.nextHead(after, { signal: never, atMost: 5 });
      const stop = new AbortController();
      const waiting = open.chain.nextHead(after, { signal: stop.signal, atMost: LONG });
      stop.abort();
      await waiting;
      await open.chain.nextHead(after, { signal: stop.signal, atMost: LONG });
    });
  });

  describe("in place of others", () => {
    for (const [what, longer] of [
      ["longer", 1],
      ["of the same length", 0],
      ["shorter", -1],
    ] as const) {
      it(`wake whoever waits when the chain becomes ${what}`, async () => {
        const reorganiser = createReorganiser(world.provider);
        await reorganiser.mark();
        await mine(3);
        open = await openChain(world, { sockets: [first.socketUrl] });
        const after = await settle(open);
        const { hash } = (await open.chain.provider.getBlock(after))!;
        const waiting = woken(open, after);
        const { from, to } = await reorganiser.reorganise({ depth: 3, longer });
        expect([from, to]).to.deep.equal([after - 2, after + longer]);
        await waiting;
        await settle(open);
        const block = (await open.chain.provider.getBlock("latest"))!;
        expect(block.number).to.equal(to);
        expect(block.hash).to.not.equal(hash);
        const names = open.alarms.active.map(({ name }) => name);
        expect(names).to.not.include("nodeContradicting");
      });
    }

    it("wake whoever waits when blocks only vanish, which no socket tells", async () => {
      await mine(3);
      open = await openChain(world, { sockets: [first.socketUrl] });
      // The block that becomes the last one again is no news by itself.
      const settled = await settle(open);
      const snapshot: unknown = await world.provider.send("evm_snapshot", []);
      await mine(2);
      await until(() => open!.chain.nodes.every(({ head }) => head === settled + 2), "it is known");
      const after = await settle(open);
      const waiting = woken(open, after);
      await world.provider.send("evm_revert", [snapshot]);
      await waiting;
      expect(await settle(open)).to.equal(after - 2);
    });

    it("carry the transactions of those before again, if wanted", async () => {
      const signer = await world.provider.getSigner(0);
      const reorganiser = createReorganiser(world.provider);
      await reorganiser.mark();
      const sent = await signer.sendTransaction({ to: signer.address });
      const before = (await sent.wait())!;
      await mine(2);
      await reorganiser.reorganise({ depth: 3, again: true });
      const receipt = (await world.provider.getTransactionReceipt(sent.hash))!;
      expect(receipt.blockNumber).to.equal(before.blockNumber);
      expect(receipt.blockHash).to.not.equal(before.blockHash);
    });
  });

  describe("that a node does not have", () => {
    it("make it lag: it is not asked until it has come after", async () => {
      await mine(8);
      open = await openChain(world);
      first.troubles.lag = 5;
      const { subject } = await open.raised("nodeLagging");
      expect(subject).to.equal(hostOf(first));
      expect(open.chain.nodes.map(({ isUsed }) => isUsed)).to.deep.equal([false, true]);
      await open.chain.nextHead(0, { signal: never, atMost: 1 });
      expect(await headOf(open)).to.equal(await world.provider.getBlockNumber());
      first.troubles.lag = 1;
      await open.cleared("nodeLagging");
    });

    it("are got from a lagging node when no other is there", async () => {
      await mine(8);
      open = await openChain(world);
      first.troubles.lag = 5;
      await open.raised("nodeLagging");
      second.troubles.isDown = true;
      await open.raised("nodeUnreachable");
      await open.chain.nextHead(0, { signal: never, atMost: 1 });
      expect(await headOf(open)).to.equal((await world.provider.getBlockNumber()) - 5);
    });

    it("are got from the node that has them when the one of the look before does not", async () => {
      await mine(3);
      open = await openChain(world);
      const after = await settle(open);
      first.troubles.lag = 1;
      await mine();
      while ((await headOf(open)) === after) await woken(open, after);
      expect(await headOf(open)).to.equal(after + 1);
    });
  });

  describe("of which nodes say different things", () => {
    it("raise an alarm, and the node that is preferred less is not believed", async () => {
      await mine(10);
      open = await openChain(world);
      second.troubles.forkFrom = (await world.provider.getBlockNumber()) - 8;
      const { detail, subject } = await open.raised("nodeContradicting");
      expect(subject).to.equal(hostOf(second));
      expect(detail).to.contain(hostOf(first));
      first.troubles.isDown = true;
      await open.raised("nodeUnreachable");
      const failure: unknown = await headOf(open).catch((reason: unknown) => reason);
      expect(failure).to.be.instanceOf(CouldNotLook);
      second.behave();
      first.behave();
      await open.cleared("nodeContradicting");
      expect(open.chain.nodes.every(({ isUsed }) => isUsed)).to.equal(true);
    });
  });

  describe("that do not come", () => {
    it("raise an alarm after a while, until one comes", async () => {
      open = await openChain(world);
      expect(open.alarms.active.map(({ name }) => name)).to.not.include("blocksStalled");
      open.time.ahead = 61_000;
      const { detail } = await open.raised("blocksStalled");
      expect(detail).to.contain("No new block for 61 s");
      // Of two blocks one at least has a new time.
      await mine(2);
      await open.cleared("blocksStalled");
    });

    it("raise an alarm too while they come with a time that stands still", async () => {
      open = await openChain(world);
      const { timestamp } = (await world.provider.getBlock("latest"))!;
      open.time.ahead = 40_000;
      for (const ahead of [40_000, 80_000]) {
        open.time.ahead = ahead;
        await world.provider.send("evm_setNextBlockTimestamp", [timestamp]);
        const after = await world.provider.getBlockNumber();
        await world.provider.send("evm_mine", []);
        await until(() => open!.chain.nodes.every(({ head }) => head === after + 1), "it is known");
      }
      const { detail } = await open.raised("blocksStalled");
      expect(detail).to.contain("same time for 80 s");
      await mine(2);
      await open.cleared("blocksStalled");
    });
  });
});
