import { expect } from "chai";
import { Judge, type JudgedBlock } from "../scripts/soak/judge.js";
import { trendOf } from "../scripts/soak/memory.js";
import { reportOf } from "../scripts/soak/report.js";
import { accountId } from "../sdk/index.js";

const ANNA = accountId("0x000000000000000000000000000000000000000a");
const BEN = accountId("0x000000000000000000000000000000000000000b");
const MB = 2 ** 20;

function block(number: number, what: Partial<JudgedBlock> = {}): JudgedBlock {
  return { number, below: [], liquidated: [], reverted: [], isKept: true, ...what };
}

/** A judge that has seen Anna below the line in each of these blocks, from block 1 on. */
function waiting(...kept: boolean[]): Judge {
  const judge = new Judge();
  kept.forEach((isKept, i) => {
    judge.take(block(i + 1, { below: [ANNA], isKept }));
  });
  return judge;
}

describe("The judge of a soak", () => {
  it("finds an account that was left below the line for more than two blocks", () => {
    expect(waiting(true, true, true).verdict().missed).to.deep.equal([]);
    const { longestWait, missed } = waiting(true, true, true, true).verdict();
    expect(missed).to.deep.equal([{ account: ANNA, block: 4 }]);
    expect(longestWait).to.equal(3);
  });

  it("says so once, however long it goes on", () => {
    expect(waiting(true, true, true, true, true, true).verdict().missed).to.have.length(1);
  });

  it("does not count blocks in which no keeper was there", () => {
    expect(waiting(true, true, false, false, true).verdict().missed).to.deep.equal([]);
    expect(waiting(true, true, false, false, true, true).verdict().missed).to.have.length(1);
  });

  it("begins anew after a slice that was not enough", () => {
    const judge = waiting(true, true, true);
    judge.take(block(4, { below: [ANNA], liquidated: [ANNA] }));
    for (const number of [5, 6]) judge.take(block(number, { below: [ANNA] }));
    expect(judge.verdict().missed).to.deep.equal([]);
  });

  it("does not mix accounts up", () => {
    const judge = waiting(true, true);
    for (const number of [3, 4]) judge.take(block(number, { below: [BEN] }));
    expect(judge.verdict().missed).to.deep.equal([]);
  });

  it("forgets what a reorganisation has replaced", () => {
    const judge = waiting(true, true, true, true);
    judge.takeBack(3);
    expect(judge.verdict()).to.include({ blocks: 2 });
    expect(judge.verdict().missed).to.deep.equal([]);
    judge.take(block(3, { below: [ANNA] }));
    expect(judge.verdict().missed).to.deep.equal([]);
    judge.take(block(4, { below: [ANNA] }));
    expect(judge.verdict().missed).to.have.length(1);
  });

  it("finds a liquidation that reverted because another had just done it", () => {
    const judge = new Judge();
    judge.take(block(1, { liquidated: [ANNA] }));
    judge.take(block(2, { reverted: [ANNA, BEN] }));
    expect(judge.verdict().sentTwice).to.deep.equal([{ account: ANNA, block: 2 }]);
    expect(judge.verdict().reverted).to.equal(2);
  });

  it("finds two in one block", () => {
    const judge = new Judge();
    judge.take(block(1, { liquidated: [ANNA], reverted: [ANNA] }));
    expect(judge.verdict().sentTwice).to.have.length(1);
  });

  it("does not take a revert much later for one", () => {
    const judge = new Judge();
    judge.take(block(1, { liquidated: [ANNA] }));
    for (const number of [2, 3]) judge.take(block(number));
    judge.take(block(4, { reverted: [ANNA] }));
    expect(judge.verdict().sentTwice).to.deep.equal([]);
  });

  it("does not take a second slice for one, whose account a price has saved meanwhile", () => {
    const judge = new Judge();
    judge.take(block(1, { liquidated: [ANNA], below: [ANNA] }));
    judge.take(block(2, { reverted: [ANNA] }));
    expect(judge.verdict().sentTwice).to.deep.equal([]);
  });
});

describe("The memory of a soak", () => {
  const life = (resident: (age: number) => number) =>
    Array.from({ length: 60 }, (_, i) => ({ age: 2 * i, resident: resident(2 * i) }));

  it("is flat when it stays, and when garbage comes and goes", () => {
    expect(trendOf(life(() => 200 * MB))?.isFlat).to.equal(true);
    expect(trendOf(life((age) => (200 + (age % 20)) * MB))?.isFlat).to.equal(true);
  });

  it("is not flat when it grows", () => {
    expect(trendOf(life((age) => (200 + 3 * age) * MB))?.isFlat).to.equal(false);
  });

  it("is not judged by the beginning of a life, nor by a short one", () => {
    expect(trendOf(life((age) => (age < 20 ? 10 : 200) * MB))?.isFlat).to.equal(true);
    expect(trendOf(life(() => MB).slice(0, 12))).to.equal(undefined);
  });
});

describe("The report of a soak", () => {
  const counts = { errors: 1, down: 1, sockets: 1, silence: 1, lag: 1, reorganisation: 1, kill: 1 };
  const keepers = [
    { lives: [Array.from({ length: 60 }, (_, i) => ({ age: i, resident: 100 * MB }))] },
  ];
  const ending = { faults: { counts }, keepers, leftBelow: 0, exitCodes: [0, 0] };
  /** A judge of a minute with a liquidation in each block. */
  function busy(): Judge {
    const judge = new Judge();
    for (let number = 1; number <= 120; ++number) judge.take(block(number, { liquidated: [BEN] }));
    return judge;
  }

  it("has no problem when nothing was missed", () => {
    expect(reportOf({ ...ending, judge: busy() }).problems).to.deep.equal([]);
  });

  it("is not content with a run in which nothing happened", () => {
    const { problems } = reportOf({ ...ending, judge: waiting(true) });
    expect(problems.join()).to.match(/Only 0 liquidations/);
    const faults = { counts: { ...counts, kill: 0 } };
    expect(reportOf({ ...ending, faults, judge: busy() }).problems.join()).to.match(/"kill"/);
    expect(reportOf({ ...ending, keepers: [], judge: busy() }).problems.join()).to.match(/memory/);
  });

  it("names who was missed, what is left, and a keeper that did not end well", () => {
    const judge = busy();
    for (let number = 121; number <= 124; ++number) judge.take(block(number, { below: [ANNA] }));
    const { problems } = reportOf({ ...ending, judge, leftBelow: 1, exitCodes: [0, 1] });
    expect(problems).to.have.length(3);
    expect(problems[0]).to.include(ANNA);
  });
});
