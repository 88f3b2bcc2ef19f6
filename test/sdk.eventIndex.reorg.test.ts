import { expect } from "chai";
import { network } from "hardhat";
import { CouldNotLook, IndexOutOfStep, ReorgTooDeep } from "../sdk/eventIndex/errors.js";
import { EventIndex, type EventIndexOptions } from "../sdk/eventIndex/eventIndex.js";
import { catchUp, follow, type Progress } from "../sdk/eventIndex/follow.js";
import { parseWad, WAD } from "../sdk/index.js";
import { differencesOf, indexOf, indexOptions, rpcOf, sourceFor } from "./fixtures/eventIndex.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { rpcSource } from "../sdk/eventIndex/source.js";

const connection = await network.create();
const { networkHelpers } = connection;
const { loadFixture, mine, takeSnapshot } = networkHelpers;

/** A market in which trades are made, each in a block of its own. */
async function deployTrading() {
  const market = await deployLiquidationMarket(connection);
  const account = await market.fund(market.alice, 0n, 20_000);
  const tradeEth = async (size: number): Promise<void> => {
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(size) });
  };
  await tradeEth(2);
  const options: EventIndexOptions = await indexOptions(market);
  return { ...market, account, options, tradeEth };
}

/** A promise that must fail in a certain way. */
async function expectFailure(
  promise: Promise<unknown>,
  kind: new (...args: never[]) => Error,
  message = "",
): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(kind);
  expect((error as Error).message).to.contain(message);
}

const load = async () => loadFixture(deployTrading);

describe("The event index on a chain that moves", () => {
  describe("when blocks are replaced", () => {
    it("takes back what is gone and ends equal", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      for (const size of [1, -3, 5]) await market.tradeEth(size);
      const index = await indexOf(market);
      const [before, known] = [index.tip!, index.state.accounts.get(market.account)];
      await fork.restore();
      for (const size of [2, 2]) await market.tradeEth(size);
      await market.clearinghouse.connect(market.alice).settleVariation(market.account);
      const progress = await catchUp(index, { source: sourceFor(index, connection) });
      expect(progress.takenBack).to.equal(3);
      expect(index.tip?.hash).to.not.equal(before.hash);
      expect(index.state.accounts.get(market.account)).to.not.deep.equal(known);
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });

    it("notices it though the other chain is shorter, or longer", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      for (const size of [1, 1, 1, 1]) await market.tradeEth(size);
      const index = await indexOf(market);
      await fork.restore();
      await market.tradeEth(-4);
      const source = sourceFor(index, connection);
      expect((await catchUp(index, { source })).takenBack).to.equal(4);
      expect(await differencesOf(index, market)).to.deep.equal([]);
      await fork.restore();
      await mine(3);
      for (const size of [3, 1, 1, 1]) await market.tradeEth(size);
      expect((await catchUp(index, { source })).takenBack).to.equal(1);
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });

    it("takes in the blocks that are left of a chain that only became shorter", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      await market.tradeEth(1);
      const index = await indexOf(market);
      await fork.restore();
      const progress = await catchUp(index, { source: sourceFor(index, connection) });
      expect([progress.applied, progress.takenBack]).to.deep.equal([0, 1]);
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });

    it("says that it cannot go back far enough, and changes no further", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      for (const size of [1, 1, 1, 1]) await market.tradeEth(size);
      const index = await indexOf(market, { keptBlocks: 3 });
      await fork.restore();
      for (const size of [2, 2, 2, 2]) await market.tradeEth(size);
      const source = sourceFor(index, connection);
      await expectFailure(catchUp(index, { source }), ReorgTooDeep);
      const rebuilt = await indexOf(market);
      expect(await differencesOf(rebuilt, market)).to.deep.equal([]);
    });

    it("looks again when the chain changes while it is read", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      for (const size of [1, 1]) await market.tradeEth(size);
      const index = new EventIndex(market.options);
      let changes = 1;
      const { addresses, topics } = index;
      const inner = rpcOf(connection);
      const rpc: typeof inner = async (method, params) => {
        const answer = await inner(method, params);
        if (method === "eth_getLogs" && changes-- > 0) {
          await fork.restore();
          await market.tradeEth(7);
        }
        return answer;
      };
      await catchUp(index, { source: rpcSource({ rpc, addresses, topics }) });
      await catchUp(index, { source: sourceFor(index, connection) });
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });
  });

  describe("when the node does not tell all", () => {
    for (const ways of [1, 2]) {
      // One block alone is asked for by its hash, several as a range.
      const asked = ways === 1 ? "blockHash" : "fromBlock";
      /** Whether it is the question for all events, not one that makes sure of some. */
      const isForAll = (method: string, [filter]: unknown[], { topics }: EventIndex): boolean => {
        if (method !== "eth_getLogs") return false;
        const given = filter as { topics: [string[]] };
        return given.topics[0].length === topics.length && asked in given;
      };

      it(`notices each log of a trade that it leaves out when it is asked by ${asked}`, async () => {
        const market = await load();
        const options = { keptBlocks: 8 };
        const index = await indexOf(market, options);
        for (let i = 0; i < ways; ++i) await market.tradeEth(1);
        const before = index.tip;
        const [from, allFrom] = [before!.number + 1, 0];
        const range = { from, to: before!.number + ways, allFrom };
        const blocks = await sourceFor(index, connection).blocks(range);
        const count = blocks.flatMap((block) => block.logs).length;
        expect(count).to.be.above(3 * ways);
        let falsified = 0;
        for (let place = 0; place < count; ++place) {
          const source = sourceFor(index, connection, (method, answer, params) => {
            if (!isForAll(method, params, index)) return answer;
            ++falsified;
            return (answer as unknown[]).toSpliced(place, 1);
          });
          const error: unknown = await catchUp(index, { source }).catch(
            (reason: unknown) => reason,
          );
          expect(error, `log ${place}`).to.satisfy(
            (one: unknown) => one instanceof IndexOutOfStep || one instanceof CouldNotLook,
          );
          while (index.tip!.number > before!.number) index.takeBack();
        }
        expect(falsified).to.equal(count);
        await catchUp(index, { source: sourceFor(index, connection) });
        expect(await differencesOf(index, market)).to.deep.equal([]);
      });

      it(`notices by the block's own filter that it leaves out all logs asked by ${asked}`, async () => {
        const market = await load();
        const index = await indexOf(market);
        for (let i = 0; i < ways; ++i) await market.tradeEth(1);
        const before = index.tip;
        const source = sourceFor(index, connection, (method, answer, params) =>
          isForAll(method, params, index) ? [] : answer,
        );
        await expectFailure(catchUp(index, { source }), CouldNotLook, "left logs of block");
        expect(index.tip).to.equal(before);
      });
    }

    it("asks again when the last block is replaced before its logs are read", async () => {
      const market = await load();
      const fork = await takeSnapshot();
      const index = await indexOf(market);
      await market.tradeEth(1);
      let changes = 1;
      const { addresses, topics } = index;
      const inner = rpcOf(connection);
      const rpc: typeof inner = async (method, params) => {
        const answer = await inner(method, params);
        if (method === "eth_getBlockByNumber" && params[0] === "latest" && changes-- > 0) {
          await fork.restore();
          await market.tradeEth(-2);
        }
        // A node that lacks a block may say that it has no logs.
        return answer;
      };
      const silent: typeof inner = (method, params) =>
        rpc(method, params).catch((error: unknown) => {
          if (method === "eth_getLogs") return [];
          throw error;
        });
      await catchUp(index, { source: rpcSource({ rpc: silent, addresses, topics }) });
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });

    it("takes two questions after another for a block that follows the last one", async () => {
      const market = await load();
      const index = await indexOf(market);
      await market.tradeEth(1);
      const { addresses, topics } = index;
      const inner = rpcOf(connection);
      let [underWay, rounds] = [0, 0];
      const rpc: typeof inner = async (method, params) => {
        if (underWay++ === 0) ++rounds;
        try {
          return await inner(method, params);
        } finally {
          --underWay;
        }
      };
      await catchUp(index, { source: rpcSource({ rpc, addresses, topics }) });
      expect(rounds).to.equal(2);
      expect(await differencesOf(index, market)).to.deep.equal([]);
    });

    it("notices blocks that do not hang together", async () => {
      const market = await load();
      const index = await indexOf(market);
      await market.tradeEth(1);
      const parentHash = `0x${"5".repeat(64)}`;
      const source = sourceFor(index, connection, (method, answer) =>
        method === "eth_getBlockByNumber" ? { ...(answer as object), parentHash } : answer,
      );
      await expectFailure(catchUp(index, { source }), CouldNotLook, "keeps changing");
    });

    it("notices logs of blocks that were not asked for, logs that are gone, and logs told twice", async () => {
      const market = await load();
      for (const change of [
        (logs: object[]) => logs.map((log) => ({ ...log, blockNumber: "0xffff" })),
        (logs: object[]) => logs.map((log) => ({ ...log, removed: true })),
        (logs: object[]) => [...logs, ...logs],
        () => "0x",
      ]) {
        const index = new EventIndex(market.options);
        const source = sourceFor(index, connection, (method, answer) =>
          method === "eth_getLogs" ? change(answer as object[]) : answer,
        );
        await expectFailure(catchUp(index, { source }), CouldNotLook);
        expect(index.tip).to.equal(undefined);
      }
    });

    it("never takes silence for an empty chain", async () => {
      const market = await load();
      for (const silent of ["eth_getLogs", "eth_getBlockByNumber"]) {
        const index = new EventIndex(market.options);
        const source = sourceFor(index, connection, (method, answer) => {
          if (method === silent) throw new Error("429 Too Many Requests");
          return answer;
        });
        await expectFailure(catchUp(index, { source }), CouldNotLook, "429");
        expect(index.tip).to.equal(undefined);
      }
    });
  });

  it("asks for less at a time where the node refuses much", async () => {
    const market = await load();
    const index = new EventIndex(market.options);
    const asked: number[] = [];
    const source = sourceFor(index, connection, (method, answer, [filter]) => {
      if (method !== "eth_getLogs") return answer;
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      asked.push(Number(toBlock) - Number(fromBlock) + 1);
      if (asked.at(-1)! > 7) throw new Error("query returned more than 10000 results");
      return answer;
    });
    await catchUp(index, { source });
    expect(Math.max(...asked)).to.be.above(7);
    expect(await differencesOf(index, market)).to.deep.equal([]);
  });

  it("follows the chain until it is told to stop, and tells of every look that failed", async () => {
    const market = await load();
    const index = new EventIndex(market.options);
    const stop = new AbortController();
    let looks = 0;
    const failed: string[] = [];
    const source = sourceFor(index, connection, (_method, answer) => {
      if (++looks === 1) throw new Error("the line is down");
      return answer;
    });
    const seen: Progress[] = [];
    const following = follow(index, {
      source,
      signal: stop.signal,
      pause: 5,
      onCouldNotLook: ({ message }) => failed.push(message),
      onProgress: (progress) => seen.push(progress),
    });
    await market.tradeEth(1);
    const { number } = await sourceFor(index, connection).head();
    while (index.tip?.number !== number) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await following;
    expect(failed).to.have.length(1);
    expect(failed[0]).to.contain("the line is down");
    expect(seen.at(-1)?.tip?.number).to.equal(number);
    expect(await differencesOf(index, market)).to.deep.equal([]);
    expect(index.state.interest.get(ETH_PERP)?.open).to.equal(3n * WAD);
  });
});
