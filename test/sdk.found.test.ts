import { expect } from "chai";
import { id, makeError, toBeHex, ZeroHash, type ContractTransactionResponse } from "ethers";
import {
  accountId,
  accruedPool,
  catchUp,
  CouldNotLook,
  EventIndex,
  explainError,
  ForeignCheckpoint,
  fundingSince,
  INDEXED_ABIS,
  MarginBook,
  newCashPool,
  orderStatuses,
  perpetual,
  restoreCheckpoint,
  rpcSource,
  saveCheckpoint,
  sendExplained,
  WAD,
  type EventIndexOptions,
  type Order,
  type OrderContracts,
  type Rpc,
} from "../sdk/index.js";
import { ERRORS } from "../sdk/errors/fragments.js";

const NOBODY = "0x0000000000000000000000000000000000000000";
const VAULT = "0x00000000000000000000000000000000000000aa";
const OPTIONS: EventIndexOptions = {
  abis: INDEXED_ABIS,
  deployment: {
    contracts: {
      vault: VAULT,
      clearinghouse: "0x00000000000000000000000000000000000000bb",
      exchange: "0x00000000000000000000000000000000000000cc",
      rules: "0x00000000000000000000000000000000000000dd",
      oracle: "0x00000000000000000000000000000000000000ee",
      volatilityOracle: "0x00000000000000000000000000000000000000ff",
    },
    settlementToken: NOBODY,
    settlementDecimals: 6,
    firstBlock: 0,
  },
  keptBlocks: 4,
};

interface FakeBlock {
  readonly hash: string;
  readonly parentHash: string;
  readonly number: string;
  readonly timestamp: string;
  readonly logsBloom: string;
}

/** A chain without filters, whose blocks are named by what forked it. */
class FakeChain {
  blocks: FakeBlock[] = [];
  logs: Record<string, unknown>[] = [];

  constructor(length: number) {
    this.grow(length, "a");
  }

  grow(count: number, fork: string): void {
    for (let i = 0; i < count; ++i) {
      const number = this.blocks.length;
      this.blocks.push({
        hash: id(`${fork}${number}`),
        parentHash: this.blocks.at(-1)?.hash ?? id("none"),
        number: `0x${number.toString(16)}`,
        timestamp: `0x${(1_000 + number).toString(16)}`,
        logsBloom: `0x${"0".repeat(512)}`,
      });
    }
  }

  cut(length: number): void {
    this.blocks.length = length;
  }

  readonly rpc: Rpc = (method, [first]) => {
    if (method === "eth_getBlockByNumber") {
      const number = first === "latest" ? this.blocks.length - 1 : Number(first);
      return Promise.resolve(this.blocks[number] ?? null);
    }
    const { fromBlock, toBlock } = first as { fromBlock: string; toBlock: string };
    const found = this.logs.filter(
      ({ blockNumber }) =>
        Number(blockNumber) >= Number(fromBlock) && Number(blockNumber) <= Number(toBlock),
    );
    return Promise.resolve(found);
  };
}

const indexOver = (rpc: Rpc) => {
  const index = new EventIndex(OPTIONS);
  const { addresses, topics } = index;
  return { index, source: rpcSource({ rpc, addresses, topics }) };
};

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("What a look through the SDK has found", () => {
  describe("in the event index", () => {
    it("takes a node that is far behind for one that could not look", async () => {
      const chain = new FakeChain(20);
      const { index, source } = indexOver(chain.rpc);
      await catchUp(index, { source });
      const before = index.tip;
      chain.cut(3);
      expect(await failureOf(catchUp(index, { source }))).to.be.instanceOf(CouldNotLook);
      expect(index.tip).to.equal(before);
      chain.grow(20, "a");
      expect(await catchUp(index, { source })).to.include({ applied: 3, takenBack: 0 });
    });

    it("stands where it stood when the node falls silent in the middle of going back", async () => {
      const chain = new FakeChain(20);
      let answers = Number.POSITIVE_INFINITY;
      const { index, source } = indexOver((method, params) =>
        answers-- > 0 ? chain.rpc(method, params) : Promise.reject(new Error("gone")),
      );
      await catchUp(index, { source });
      const before = index.tip;
      chain.cut(17);
      chain.grow(5, "b");
      answers = 2;
      expect(await failureOf(catchUp(index, { source }))).to.be.instanceOf(CouldNotLook);
      expect(index.tip).to.equal(before);
      answers = Number.POSITIVE_INFINITY;
      expect(await catchUp(index, { source })).to.include({ applied: 5, takenBack: 3 });
    });

    it("misses no log of a block that is replaced between two questions, without filters", async () => {
      const chain = new FakeChain(10);
      let isReplaced = false;
      const { index, source } = indexOver(async (method, params) => {
        const answer = await chain.rpc(method, params);
        if (method === "eth_getLogs" && !isReplaced) {
          // The new block 9 has a log; the answer that is on its way is of the old one.
          isReplaced = true;
          chain.cut(9);
          chain.grow(1, "b");
          chain.logs.push({
            address: VAULT,
            blockHash: id("b9"),
            blockNumber: "0x9",
            logIndex: "0x0",
            topics: [id("AuthorityUpdated(address)")],
            data: `0x${"11".repeat(32)}`,
          });
        }
        return answer;
      });
      await catchUp(index, { source });
      expect(index.tip?.hash).to.equal(id("b9"));
      expect(index.state.authorities.get(VAULT)).to.equal(`0x${"11".repeat(20)}`);
    });

    it("takes nonsense from a node for no answer", async () => {
      const chain = new FakeChain(3);
      const log = {
        address: VAULT,
        blockHash: id("a1"),
        blockNumber: "0x1",
        logIndex: "0x0",
        topics: [id("AuthorityUpdated(address)")],
        data: `0x${"11".repeat(32)}`,
      };
      const nonsense: [string, unknown][] = [
        ["eth_getBlockByNumber", { ...chain.blocks[2], number: "latest" }],
        ["eth_getBlockByNumber", { ...chain.blocks[2], timestamp: "soon" }],
        ["eth_getBlockByNumber", "block"],
        ["eth_getLogs", null],
        ["eth_getLogs", [null]],
        ["eth_getLogs", [{ ...log, logIndex: null }]],
        ["eth_getLogs", [{ ...log, topics: null }]],
        ["eth_getLogs", [{ ...log, data: null }]],
        ["eth_getLogs", [{ ...log, address: undefined }]],
      ];
      for (const [asked, answer] of nonsense) {
        const { index, source } = indexOver((method, params) =>
          method === asked ? Promise.resolve(answer) : chain.rpc(method, params),
        );
        const error = await failureOf(catchUp(index, { source }));
        expect(error, JSON.stringify(answer)).to.be.instanceOf(CouldNotLook);
        expect(index.tip).to.equal(undefined);
      }
    });

    it("makes no checkpoint of two moments", async () => {
      const chain = new FakeChain(5);
      const { index, source } = indexOver(chain.rpc);
      await catchUp(index, { source });
      const lines = saveCheckpoint(index);
      lines.next();
      chain.grow(1, "a");
      await catchUp(index, { source });
      expect(() => [...lines]).to.throw("moved while it was saved");
    });

    it("says of a line that is cut off, or is no line, that the checkpoint is not whole", async () => {
      const chain = new FakeChain(5);
      const { index, source } = indexOver(chain.rpc);
      await catchUp(index, { source });
      const lines = [...saveCheckpoint(index)];
      const cut = [...lines.slice(0, 3), lines[3]!.slice(0, -5)];
      expect(() => restoreCheckpoint(cut, OPTIONS)).to.throw(ForeignCheckpoint, "not whole");
      for (const line of ["null", "7", "{}", ""]) {
        const spoilt = lines.with(2, line);
        expect(() => restoreCheckpoint(spoilt, OPTIONS), line).to.throw(ForeignCheckpoint);
      }
    });
  });

  describe("in the sentences of errors", () => {
    it("explains whatever it is given", () => {
      const named = ERRORS.encodeErrorResult("RuleOutOfBounds", [`0x${"ff".repeat(32)}`, 1, 2, 3]);
      expect(explainError({ data: named }).sentence).to.contain("0xffff");
      const odd = [
        { name: "constructor" },
        { code: "toString" },
        Object.create(null) as object,
        null,
        7n,
      ];
      for (const error of [...odd, Symbol("odd"), [], () => 0]) {
        const { sentence, cure } = explainError(error);
        expect(sentence).to.contain("no revert that can be explained");
        expect(cure).to.be.a("string");
      }
    });

    it("tells what an object says that is no Error", () => {
      const { sentence } = explainError({ code: -32_005, message: "limit exceeded" });
      expect(sentence).to.contain("limit exceeded");
    });

    it("finds the data that some nodes put into a sentence", () => {
      const data = ERRORS.encodeErrorResult("Panic", [0x11]);
      expect(explainError({ code: -32_015, data: `Reverted ${data}` }).name).to.equal("Panic");
    });

    it("takes a transaction that the wallet sent again at another price for done", async () => {
      const replaced = (status: number, cancelled: boolean) => {
        const error = makeError("transaction was replaced", "TRANSACTION_REPLACED", {
          cancelled,
          reason: cancelled ? "cancelled" : "repriced",
          hash: id("old"),
          replacement: {} as never,
          receipt: { status, logs: [] } as never,
        });
        const response = { wait: () => Promise.reject(error), hash: id("old"), provider: null };
        return sendExplained(Promise.resolve(response as unknown as ContractTransactionResponse));
      };
      expect((await replaced(1, false)).status).to.equal(1);
      const error = (await failureOf(replaced(1, true))) as Error;
      expect(error.message).to.contain("Another transaction took the place");
    });
  });

  describe("in the statuses of orders", () => {
    const order: Order = {
      account: accountId("0x00000000000000000000000000000000000000a1"),
      instrument: perpetual(1),
      size: 10n,
      limitPrice: 1n,
      triggerPrice: 5n,
      maxFee: 0n,
      expiry: 10_000n,
      nonce: 7n,
      flags: 0n,
      builder: ZeroHash,
    };

    const contractsWith = (price: () => Promise<bigint>, fills: bigint[] = []) =>
      ({
        provider: {
          getBlockNumber: () => Promise.resolve(5),
          getBlock: () => Promise.resolve({ timestamp: 1_000 }),
          getNetwork: () => Promise.resolve({ chainId: 1n }),
        },
        oracle: { price },
        exchange: {
          getAddress: () => Promise.resolve(VAULT),
          fillableOf: () => Promise.resolve([fills.length === 0 ? 10n : 0n]),
          isNonceUsed: () => Promise.resolve(true),
          leastNonceOf: () => Promise.resolve(0n),
          filledOf: () => Promise.resolve(0n),
          filters: { OrderFilled: (hashes: unknown) => hashes },
          queryFilter: ([hash]: string[]) =>
            Promise.resolve(fills.map((filled) => ({ args: { orderHash: hash, filled } }))),
        },
      }) as unknown as OrderContracts;

    it("does not take a call without an answer for the oracle's refusal", async () => {
      const silent = contractsWith(() =>
        Promise.reject(Object.assign(new Error(), { data: "0x" })),
      );
      expect(await failureOf(orderStatuses(silent, [order]))).to.be.instanceOf(Error);
      const data = toBeHex(0x12345678, 4);
      const refused = contractsWith(() => Promise.reject(Object.assign(new Error(), { data })));
      expect((await orderStatuses(refused, [order]))[0]?.state).to.equal("waiting");
    });

    it("counts all fills of an order, in whatever order the node gives them", async () => {
      const contracts = contractsWith(() => Promise.resolve(5n), [10n, 4n]);
      expect((await orderStatuses(contracts, [order]))[0]?.state).to.equal("filled");
    });
  });

  it("does not make up interest and funding of a time that is gone", () => {
    const rules = {
      ...{ baseBps: 100n, slopeBps: 500n, kinkBps: 8_000n, slopeAboveBps: 5_000n },
      ...{ reservePercent: 10n, borrowCap: 10n ** 9n },
    };
    const pool = { ...newCashPool(rules), tokens: 10n * WAD, debt: 5n * WAD, accruedAt: 1_000n };
    expect(() => accruedPool(pool, 999n)).to.throw(RangeError, "after 999");
    const funding = {
      ...{ longIndex: 0n, shortIndex: 0n, mark: WAD, interest: 100n, premium: 5n },
      accruedAt: 1_000n,
    };
    expect(() => fundingSince(funding, 999n)).to.throw(RangeError, "after 999");
    expect(fundingSince(funding, 1_000n)).to.equal(0n);
  });

  it("leaves an account that the fast book refuses as it was", () => {
    const book = new MarginBook();
    const account = accountId("0x00000000000000000000000000000000000000a1");
    book.put({ account, cash: 5n, positions: [], collateral: [] });
    const position = { instrument: perpetual(1), size: 1n, realQuote: 0n };
    const positions = new Array<typeof position>(256).fill(position);
    expect(() => {
      book.put({ account, cash: -9n, positions, collateral: [] });
    }).to.throw(RangeError);
    expect(book.marginOf(account)?.equity).to.equal(5);
    book.market.setCashIndices({ supplyIndex: 2n * 10n ** 18n, borrowIndex: 10n ** 18n });
    expect(book.marginOf(account)?.equity).to.equal(10);
    const other = accountId("0x00000000000000000000000000000000000000a2");
    expect(() => {
      book.put({ account: other, cash: -9n, positions, collateral: [] });
    }).to.throw();
    expect([book.size, book.slotOf(other)]).to.deep.equal([1, undefined]);
  });
});
