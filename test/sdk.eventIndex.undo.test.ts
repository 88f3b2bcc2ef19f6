import { expect } from "chai";
import { Interface } from "ethers";
import { network } from "hardhat";
import { restoreCheckpoint, saveCheckpoint } from "../sdk/eventIndex/checkpoint.js";
import { ForeignCheckpoint } from "../sdk/eventIndex/checkpointLines.js";
import { TABLE_NAMES } from "../sdk/eventIndex/emptyState.js";
import { IndexOutOfStep, NotTheNextBlock, ReorgTooDeep } from "../sdk/eventIndex/errors.js";
import { EventIndex, type EventIndexOptions } from "../sdk/eventIndex/eventIndex.js";
import type { ChainBlock } from "../sdk/eventIndex/events.js";
import { indexOptions, sourceFor } from "./fixtures/eventIndex.js";
import { randomFrom } from "./fixtures/random.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage } from "./reference/scenario/stage.js";

/** Everything that an index knows, as one text, whatever the order in which tables were filled. */
function everythingIn({ state, tip }: EventIndex): string {
  const tables = TABLE_NAMES.map((name) => [
    name,
    [...(state[name] as Map<unknown, unknown>)].map((entry) => spell(entry)).sort(),
  ]);
  return spell([tables, state.singles, tip?.hash]);
}

function spell(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? `${one}n` : one));
}

describe("The event index, block by block", () => {
  let blocks: ChainBlock[];
  let options: EventIndexOptions;

  before(async function () {
    this.timeout(120_000);
    const stage = await openStage(await network.create(), 1);
    await playScenario(stage, { seed: 4, acts: 160, tally: new Map() });
    options = await indexOptions(stage.plimsoll);
    const source = sourceFor(new EventIndex(options), stage.connection);
    const { number } = await source.head();
    blocks = await source.blocks({ from: 0, to: number, allFrom: 0 });
  });

  const indexOfAll = (changed: Partial<EventIndexOptions> = {}): EventIndex => {
    const index = new EventIndex({ ...options, ...changed });
    for (const block of blocks) index.apply(block);
    return index;
  };

  it("is the same after blocks were taken back and taken in again, however many", () => {
    const known = new EventIndex({ ...options, keptBlocks: 1_000 });
    const after: string[] = [];
    for (const block of blocks) {
      known.apply(block);
      after.push(everythingIn(known));
    }
    const dice = randomFrom(7);
    let at = blocks.length;
    for (let round = 0; round < 60; ++round) {
      const back = Math.min(at, Math.floor(dice.next() * (round % 10 === 0 ? blocks.length : 20)));
      for (let i = 0; i < back; ++i) known.takeBack();
      at -= back;
      if (at > 0) expect(everythingIn(known)).to.equal(after[at - 1]);
      const forth = Math.floor(dice.next() * (blocks.length - at + 1));
      for (const block of blocks.slice(at, at + forth)) known.apply(block);
      at += forth;
      if (at > 0) expect(everythingIn(known)).to.equal(after[at - 1]);
    }
    while (known.tip !== undefined) known.takeBack();
    expect(everythingIn(known)).to.equal(everythingIn(new EventIndex(options)));
  });

  it("takes back as many blocks as it was told to keep, and then says that it can no more", () => {
    const index = indexOfAll({ keptBlocks: 5 });
    for (let i = 0; i < 5; ++i) index.takeBack();
    expect(index.tip?.number).to.equal(blocks.at(-6)?.number);
    expect(() => {
      index.takeBack();
    }).to.throw(ReorgTooDeep, `block ${blocks.at(-6)!.number}`);
  });

  describe("a checkpoint", () => {
    it("restores everything, and what can be taken back", () => {
      const index = indexOfAll({ keptBlocks: 30 });
      const lines = [...saveCheckpoint(index)];
      const restored = restoreCheckpoint(lines, { ...options, keptBlocks: 30 });
      expect(everythingIn(restored)).to.equal(everythingIn(index));
      for (let i = 0; i < 30; ++i) {
        index.takeBack();
        restored.takeBack();
      }
      expect(everythingIn(restored)).to.equal(everythingIn(index));
      expect(() => {
        restored.takeBack();
      }).to.throw(ReorgTooDeep);
      for (const block of blocks.slice(-30)) restored.apply(block);
      expect(everythingIn(restored)).to.equal(everythingIn(indexOfAll()));
    });

    it("goes on where it was made", () => {
      const half = new EventIndex(options);
      for (const block of blocks.slice(0, blocks.length / 2)) half.apply(block);
      const restored = restoreCheckpoint(saveCheckpoint(half), options);
      for (const block of blocks.slice(blocks.length / 2)) restored.apply(block);
      expect(everythingIn(restored)).to.equal(everythingIn(indexOfAll()));
    });

    it("is refused when a line is missing or it is of other contracts", () => {
      const lines = [...saveCheckpoint(indexOfAll())];
      const without = lines.toSpliced(lines.length / 2, 1);
      expect(() => restoreCheckpoint(without, options)).to.throw(ForeignCheckpoint);
      expect(() => restoreCheckpoint(lines.slice(0, -1), options)).to.throw(ForeignCheckpoint);
      const deployment = { ...options.deployment, firstBlock: 1 };
      expect(() => restoreCheckpoint(lines, { ...options, deployment })).to.throw(
        ForeignCheckpoint,
      );
    });
  });

  describe("when something does not follow", () => {
    /** The index as far as the block before the one with a log of an event. */
    function before(event: string): { index: EventIndex; block: ChainBlock; place: number } {
      const topic = topicOf(event);
      const at = blocks.findLastIndex(({ logs }) => logs.some(({ topics }) => topics[0] === topic));
      expect(at, event).to.be.above(0);
      const index = new EventIndex(options);
      for (const block of blocks.slice(0, at)) index.apply(block);
      const block = blocks[at]!;
      return { index, block, place: block.logs.findIndex(({ topics }) => topics[0] === topic) };
    }

    const topicOf = (event: string): string => {
      for (const abi of Object.values(options.abis)) {
        const found = Interface.from(abi).getEvent(event);
        if (found !== null) return found.topicHash;
      }
      throw new Error(`No contract has ${event}`);
    };

    for (const event of [
      "PositionChanged",
      "CashPosted",
      "Deposited",
      "InterestAccrued",
      "FundingAccrued",
    ]) {
      it(`notices that the first ${event} was left out`, () => {
        const topic = topicOf(event);
        const at = blocks.findIndex(({ logs }) => logs.some(({ topics }) => topics[0] === topic));
        const block = blocks[at]!;
        const place = block.logs.findIndex(({ topics }) => topics[0] === topic);
        const poorer = blocks.with(at, { ...block, logs: block.logs.toSpliced(place, 1) });
        const index = new EventIndex(options);
        expect(() => {
          for (const one of poorer) index.apply(one);
        }).to.throw(IndexOutOfStep);
      });
    }

    it("takes in nothing of a block that it refuses", () => {
      const { block, index, place } = before("CashPosted");
      const known = everythingIn(index);
      const log = block.logs[place]!;
      const data = `${log.data.slice(0, -1)}${log.data.endsWith("0") ? "1" : "0"}`;
      const wrong = { ...block, logs: block.logs.with(place, { ...log, data }) };
      expect(() => {
        index.apply(wrong);
      }).to.throw(IndexOutOfStep, /CashPosted.*The cash of 0x/);
      expect(everythingIn(index)).to.equal(known);
      index.apply(block);
    });

    it("refuses a block of another chain, an older one, and the same one again", () => {
      const index = new EventIndex(options);
      for (const block of blocks.slice(0, 50)) index.apply(block);
      const next = blocks[50]!;
      const stranger = { ...next, parentHash: `0x${"1".repeat(64)}` };
      expect(() => {
        index.apply(stranger);
      }).to.throw(NotTheNextBlock);
      expect(() => {
        index.apply(blocks[49]!);
      }).to.throw(NotTheNextBlock);
      expect(() => {
        index.apply(blocks[10]!);
      }).to.throw(NotTheNextBlock);
      index.apply(next);
    });

    it("refuses logs that it does not know, or that are too short", () => {
      const { block, index, place } = before("CashPosted");
      const log = block.logs[place]!;
      for (const wrong of [
        { ...log, topics: [`0x${"2".repeat(64)}`] },
        { ...log, address: `0x${"3".repeat(40)}` },
        { ...log, data: log.data.slice(0, -64) },
        { ...log, topics: log.topics.slice(0, 1) },
      ]) {
        const logs = block.logs.with(place, wrong);
        expect(() => {
          index.apply({ ...block, logs });
        }).to.throw(IndexOutOfStep);
      }
    });
  });
});
