import { expect } from "chai";
import { decide, type Found, type Known } from "../keeper/dispatch/decide.js";
import { firstFees, raisedFees } from "../keeper/dispatch/fees.js";
import { type NodeRefusal, nodeRefusalOf } from "../keeper/dispatch/nodeErrors.js";
import { leftAloneAfter, Patience } from "../keeper/dispatch/patience.js";
import { type BlockReference, CouldNotLook, type Explanation } from "../sdk/index.js";
import { gwei } from "./fixtures/dispatch.js";

const RULES = { bumpBlocks: 2, confirmations: 3 };

/** Ours, signed after block 10, in the pool of the node. */
const KNOWN: Known = {
  ...{ nonce: 5, isOurs: true, isDropped: false, minedAt: undefined, isNothing: false },
  ...{ versions: 1, refusal: undefined, newestBlock: 10, since: 10 },
  ...{ lastBlock: undefined, timesMissed: 0 },
};
const FOUND: Found = {
  ...{ block: 11, latestCount: 5, settledCount: 5, receipt: undefined, isInPool: true },
  ...{ raise: { most: 3n, tip: 2n }, paysBaseFee: true, simulation: "unasked" },
  holdsUp: false,
};
const AT_12 = { block: 12, blockHash: "0xb12", hash: "0x1" };

const decided = (known: Partial<Known>, found: Partial<Found> = {}) =>
  decide({ ...KNOWN, ...known }, { ...FOUND, ...found }, RULES);

describe("What is decided about a transaction that is under way", () => {
  it("waits while a node has it and little time has passed", () => {
    expect(decided({})).to.equal("wait");
  });

  it("gives it to the nodes again when none has it", () => {
    expect(decided({}, { isInPool: false })).to.equal("rebroadcast");
  });

  it("asks whether it still passes before it pays more, then pays more or replaces it", () => {
    expect(decided({}, { block: 12 })).to.equal("simulate");
    expect(decided({}, { block: 12, simulation: "passes" })).to.equal("bump");
    expect(decided({}, { block: 12, simulation: "refused" })).to.equal("replace");
  });

  it("is stuck where a higher fee would be more than it is worth", () => {
    const found = { block: 12, simulation: "passes", raise: undefined } as const;
    expect(decided({}, found)).to.equal("stuck");
    expect(decided({}, { ...found, isInPool: false })).to.equal("rebroadcast");
  });

  it("replaces what is not worth today's gas where another waits for it that is, and nothing else", () => {
    const dear = { block: 12, raise: undefined, simulation: "passes", paysBaseFee: false } as const;
    expect(decided({}, { ...dear, holdsUp: true })).to.equal("replace");
    expect(decided({}, { ...dear, holdsUp: true, isInPool: false })).to.equal("replace");
    expect(decided({}, { ...dear, holdsUp: true, paysBaseFee: true })).to.equal("stuck");
    expect(decided({ isNothing: true }, { ...dear, holdsUp: true })).to.equal("stuck");
    expect(decided({}, { ...dear, holdsUp: true, block: 11 })).to.equal("wait");
  });

  it("replaces what is of no use in the next block, or that no node will ever take", () => {
    expect(decided({ lastBlock: 12 })).to.equal("wait");
    expect(decided({ lastBlock: 11 })).to.equal("replace");
    expect(decided({ refusal: "never" })).to.equal("replace");
    expect(decided({ isDropped: true })).to.equal("replace");
  });

  it("does not replace nothing by nothing, and does not simulate it", () => {
    const nothing = { isNothing: true, lastBlock: 11, versions: 2 };
    expect(decided(nothing)).to.equal("wait");
    expect(decided(nothing, { block: 12 })).to.equal("bump");
    expect(decided(nothing, { block: 12, raise: undefined })).to.equal("stuck");
  });

  it("does not outbid somebody else with the same key, but does outbid itself", () => {
    const refused = { refusal: "underpriced" } as const;
    expect(decided(refused, { block: 20, simulation: "passes" })).to.equal("rebroadcast");
    expect(decided({ ...refused, versions: 2 }, { simulation: "passes" })).to.equal("bump");
  });

  it("writes a block down, waits for its confirmations, and settles it", () => {
    const found = { latestCount: 6, receipt: AT_12, block: 12 };
    expect(decided({}, found)).to.equal("mined");
    expect(decided({ minedAt: AT_12 }, { ...found, block: 14 })).to.equal("wait");
    expect(decided({ minedAt: AT_12 }, { ...found, block: 15 })).to.equal("settle");
  });

  it("sees that a block was replaced, with it or without it", () => {
    const minedAt = { ...AT_12, blockHash: "0xother" };
    expect(decided({ minedAt }, { latestCount: 6, receipt: AT_12 })).to.equal("mined");
    expect(decided({ minedAt })).to.equal("unmined");
    expect(decided({ minedAt }, { latestCount: 6 })).to.equal("unmined");
  });

  it("signs nothing for a nonce that is used, and believes that it is lost only when it is for good", () => {
    const used = { latestCount: 6, block: 30, isInPool: false };
    expect(decided({}, used)).to.equal("wait");
    expect(decided({ timesMissed: 1 }, { ...used, settledCount: 6 })).to.equal("wait");
    expect(decided({ timesMissed: 2 }, { ...used, settledCount: 6 })).to.equal("lost");
  });

  it("never signs for another keeper: waits, sends it again, and gives it up late", () => {
    const others = { isOurs: false };
    const late = { block: 14 };
    expect(decided(others, late)).to.equal("wait");
    expect(decided(others, { ...late, isInPool: false })).to.equal("relinquish");
    expect(decided(others, { ...late, paysBaseFee: false })).to.equal("relinquish");
    expect(decided(others, { block: 13, isInPool: false })).to.equal("rebroadcast");
    expect(decided(others, { block: 13, paysBaseFee: false })).to.equal("wait");
  });
});

describe("Fees", () => {
  const prices = { baseFee: gwei(10), tip: gwei(1) };

  it("begin with room for a base fee that doubles, within the limit", () => {
    expect(firstFees(prices, gwei(100))).to.deep.equal({ most: gwei(21), tip: gwei(1) });
    expect(firstFees(prices, gwei(12))).to.deep.equal({ most: gwei(12), tip: gwei(1) });
    expect(firstFees(prices, gwei(11))).to.deep.equal({ most: gwei(11), tip: gwei(1) });
    expect(firstFees(prices, gwei(11) - 1n)).to.equal(undefined);
  });

  it("are raised both, by what was asked for and at least to what is usual now", () => {
    const raise = (former: { most: bigint; tip: bigint }, limit = gwei(1_000)) =>
      raisedFees(former, { prices, percent: 20, limit });
    expect(raise({ most: gwei(30), tip: gwei(2) })).to.deep.equal({
      most: gwei(36),
      tip: gwei(2.4),
    });
    expect(raise({ most: gwei(5), tip: gwei(0.5) })).to.deep.equal({
      most: gwei(21),
      tip: gwei(1),
    });
    expect(raise({ most: gwei(30), tip: 0n })).to.deep.equal({ most: gwei(36), tip: gwei(1) });
  });

  it("are not raised by less than what nodes take", () => {
    const former = { most: gwei(30), tip: gwei(2) };
    const raise = (limit: bigint) => raisedFees(former, { prices, percent: 20, limit });
    expect(raise(gwei(33))).to.deep.equal({ most: gwei(33), tip: gwei(2.4) });
    expect(raise(gwei(33) - 1n)).to.equal(undefined);
    const free = { baseFee: 0n, tip: 0n };
    const raised = raisedFees({ most: 0n, tip: 0n }, { prices: free, percent: 10, limit: 9n });
    expect(raised).to.deep.equal({ most: 1n, tip: 1n });
  });
});

describe("What a node has against a transaction", () => {
  const CASES: [NodeRefusal, string][] = [
    ["known", "already known"],
    ["known", "Known transaction: 0xabc"],
    ["used", "nonce too low: next nonce 7, tx nonce 5"],
    ["underpriced", "replacement transaction underpriced"],
    ["underpriced", "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 3"],
    ["cheap", "transaction underpriced: tip needed 1, tip permitted 0"],
    ["cheap", "max fee per gas less than block base fee"],
    ["poor", "insufficient funds for gas * price + value: balance 0, tx cost 1"],
    ["poor", "Sender doesn't have enough funds to send tx."],
    ["never", "intrinsic gas too low: gas 100, minimum needed 21000"],
    ["never", "exceeds block gas limit"],
    ["never", "transaction gas limit too high (cap: 16777216, tx: 20000000)"],
    ["other", "connect ECONNREFUSED 127.0.0.1:8545"],
    ["other", "Nonce too high. Expected nonce to be 5 but got 6."],
  ];

  for (const [refusal, message] of CASES) {
    it(`is understood: ${message.slice(0, 50)}`, () => {
      expect(nodeRefusalOf(new Error(message))).to.equal(refusal);
      const wrapped = { code: "UNKNOWN_ERROR", error: { code: -32_000, message } };
      expect(nodeRefusalOf(new Error("could not coalesce error", { cause: wrapped }))).to.equal(
        refusal,
      );
    });
  }

  it("is nothing where no node has answered, whatever the failures quote", () => {
    expect(nodeRefusalOf(new CouldNotLook("No node took it (a: nonce too low)"))).to.equal("other");
  });
});

describe("A key that failed", () => {
  const at = (number: number): BlockReference => ({
    ...{ number, hash: "0x", parentHash: "0x", time: BigInt(number) * 12n },
  });
  const blocksLeft = (failures: number, remedy: Explanation["remedy"], until?: bigint) => {
    const asked = until === undefined ? { remedy } : { remedy, until };
    const left = leftAloneAfter(asked, { failures, block: at(100) });
    let number = 100;
    while (number < left.block && at(number).time < left.time) ++number;
    return number - 100;
  };

  it("is tried again after a block or two where the world has changed", () => {
    expect([1, 2, 3, 9].map((failures) => blocksLeft(failures, "retry"))).to.deep.equal([
      1, 2, 2, 2,
    ]);
  });

  it("is left alone for longer where it passes when it is tried and reverts in its block again and again", () => {
    const patience = new Patience();
    const explanation: Explanation = {
      ...{ name: undefined, values: {}, sentence: "It reverted.", cure: "Look again." },
      remedy: "retry",
    };
    const waited: number[] = [];
    let number = 100;
    for (let i = 0; i < 7; ++i) {
      patience.failed({ key: "key" }, explanation, at(number));
      patience.reverted({ key: "key" }, explanation, at(number));
      const since = number;
      while (patience.isLeftAlone("key", at(number))) ++number;
      waited.push(number - since);
    }
    expect(waited).to.deep.equal([2, 2, 4, 8, 16, 16, 16]);
    patience.succeeded("key");
    patience.reverted({ key: "key" }, explanation, at(number));
    expect(patience.isLeftAlone("key", at(number + 1))).to.be.false;
  });

  it("is left alone for some blocks at most where the next one is planned anew", () => {
    const left = (failures: number, remedy: Explanation["remedy"]): number =>
      leftAloneAfter(
        { remedy },
        { failures, reverts: failures, block: at(100), isPlannedAnew: true },
      ).block - 100;
    expect([1, 2, 3, 9].map((failures) => left(failures, "retry"))).to.deep.equal([1, 2, 2, 2]);
    expect([1, 2, 3, 9].map((failures) => left(failures, "fatal"))).to.deep.equal([1, 2, 4, 8]);
  });

  it("is left alone for twice as long each time where only somebody's act can help, up to an hour", () => {
    expect([1, 2, 3, 7, 8, 1_000].map((failures) => blocksLeft(failures, "fatal"))).to.deep.equal([
      4, 8, 16, 256, 300, 300,
    ]);
  });

  it("is left alone until the time that the contract names, but looked at each hour", () => {
    expect(blocksLeft(1, "wait", at(110).time)).to.equal(10);
    expect(blocksLeft(1, "wait", at(10_000).time)).to.equal(300);
    expect(blocksLeft(1, "wait")).to.equal(2);
    expect(blocksLeft(3, "wait", at(99).time)).to.equal(8);
  });

  it("is forgiven everything once it passes", () => {
    const patience = new Patience();
    const explanation: Explanation = {
      ...{ name: undefined, values: {}, sentence: "", cure: "", remedy: "fatal" },
    };
    patience.failed({ key: "key" }, explanation, at(1));
    patience.failed({ key: "key" }, explanation, at(5));
    expect(patience.isLeftAlone("key", at(12))).to.be.true;
    expect(patience.isLeftAlone("key", at(13))).to.be.false;
    expect(patience.isLeftAlone("another", at(5))).to.be.false;
    patience.succeeded("key");
    patience.failed({ key: "key" }, explanation, at(20));
    expect(patience.isLeftAlone("key", at(23))).to.be.true;
    expect(patience.isLeftAlone("key", at(24))).to.be.false;
  });
});
