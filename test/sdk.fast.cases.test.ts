import { expect } from "chai";
import { network } from "hardhat";
import { type AccountId, accountId, type AccountSnapshot, MarginBook } from "../sdk/index.js";
import { type CaseScene, marginCases } from "./fixtures/marginCases.js";
import { MARGIN_STATES } from "./fixtures/marginStates.js";
import { deployMarginWorld, type MarginWorld } from "./fixtures/marginWorld.js";
import { usedOfBound } from "./support/floats.js";

const SCENES = 16;
const SIZE = { margins: 135, withdrawals: 0, searches: 0 };
const LEAST_CASES = 10_000;
const OWNER = "0x00000000000000000000000000000000000a11ce";

describe("The fast mirror against the contracts", () => {
  let world: MarginWorld;
  const used: number[] = [];
  let [listed, unread] = [0, 0];

  before(async () => {
    world = await deployMarginWorld(await network.create());
  });

  for (const [name, reach] of Object.entries(MARGIN_STATES)) {
    it(`says what the contracts say, within its bound, ${name}`, async () => {
      await reach(world);
      for await (const scene of marginCases(world, { seed: 3, scenes: SCENES, size: SIZE })) {
        compareMargins(scene);
        compareLists(scene);
      }
    });
  }

  it("has seen 10,000 margins, and a bound that says something", () => {
    expect(used).to.have.length.at.least(LEAST_CASES);
    used.sort((a, b) => a - b);
    expect(used[used.length >> 1]).to.be.greaterThan(0.01);
    expect(listed).to.be.greaterThan(100);
    expect(unread).to.be.greaterThan(100);
  });

  function compareMargins({ market, margins }: CaseScene): void {
    const book = new MarginBook();
    book.market.set(market);
    for (const { account, said } of margins) {
      book.put(account);
      const fast = book.marginOf(account.account)!;
      expect(fast.isRead).to.equal(said !== undefined);
      if (said === undefined) {
        ++unread;
        continue;
      }
      const part = usedOfBound(fast, said);
      used.push(part);
      expect(part, account.account).to.be.lessThan(1);
    }
  }

  /** What `below` lists: each under a name of its own, for the contracts were asked about the same accounts many times. */
  function compareLists({ market, margins, previews }: CaseScene): void {
    const book = new MarginBook();
    book.market.set(market);
    const put = (account: AccountSnapshot): AccountId => {
      const name = accountId(OWNER, book.size);
      book.put({ ...account, account: name });
      return name;
    };
    const below: AccountId[] = [];
    for (const { account, said } of margins) {
      const name = put(account);
      if (said !== undefined && said.equity < said.maintenance) below.push(name);
    }
    for (const { account, said } of previews) {
      const name = put(account);
      if (said !== undefined && said.maxFraction > 0n) below.push(name);
    }
    expect(book.below()).to.include.members(below);
    listed += below.length;
  }
});
