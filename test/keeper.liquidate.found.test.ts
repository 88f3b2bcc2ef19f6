import { expect } from "chai";
import { PassedOver } from "../keeper/roles/liquidatePassedOver.js";
import type { LiquidationPlans } from "../keeper/roles/liquidatePlan.js";
import { type Search, searchPlans } from "../keeper/roles/liquidateSearch.js";
import { type BelowLine, belowLine } from "../keeper/state/belowLine.js";
import type { KeeperView } from "../keeper/state/view.js";
import { type AccountId, accountId, MissingPriceError } from "../sdk/index.js";
import { OWNER } from "./support/accounts.js";

const MOST = 16;
/** After so many in a row that do not fit, a plan tries no others. */
const MISFITS = 8;

const idOf = (number: number) => accountId(OWNER, BigInt(number));
/** Accounts from one number on, each of less risk than the one before. */
const accountsFrom = (first: number, count: number): AccountId[] =>
  Array.from({ length: count }, (_, place) => idOf(first + place));

/** Plans as the role makes them: what does not fit is left, and after some of them the others are not tried. */
function planned(misfits: ReadonlySet<AccountId>, accounts: readonly BelowLine[]) {
  const plans: BelowLine[] = [];
  const left: { account: AccountId; reason: "doesNotFit" }[] = [];
  for (const one of accounts) {
    if (plans.length === MOST || left.length === MISFITS) break;
    if (misfits.has(one.account)) left.push({ account: one.account, reason: "doesNotFit" });
    else plans.push(one);
  }
  const isWhole = plans.length === MOST || plans.length + left.length === accounts.length;
  return { plans, left, isWhole } as unknown as LiquidationPlans;
}

/** One block: what is looked for among all that are listed, in the order in which they are. */
function block(listed: readonly AccountId[], misfits: ReadonlySet<AccountId>, over: PassedOver) {
  const isPassedOver = over.butFor(MOST);
  const candidates = listed
    .filter((account) => !isPassedOver(account))
    .map((account) => ({ account, risk: 1e6 - listed.indexOf(account) }) as BelowLine);
  const found: Search = searchPlans({
    candidates: candidates[Symbol.iterator]() as Iterator<BelowLine, undefined>,
    plan: (accounts) => planned(misfits, accounts),
    most: MOST,
  });
  over.note(found, []);
  return found.plans.map(({ account }) => account);
}

describe("Accounts below the line behind others", () => {
  it("are found though more do not fit than a plan tries in a row", () => {
    const misfits = accountsFrom(1, 20);
    const fitting = idOf(100);
    expect(block([...misfits, fitting], new Set(misfits), new PassedOver())).to.include(fitting);
  });

  it("are found in the end behind any number that do not fit", () => {
    const misfits = accountsFrom(1, 300);
    const [listed, over] = [[...misfits, idOf(1_000)], new PassedOver()];
    let blocks = 1;
    while (block(listed, new Set(misfits), over).length === 0 && blocks < 50) ++blocks;
    expect(blocks).to.be.below(25);
  });

  it("are looked at again at once when they are the most urgent, however many others were left", () => {
    const [listed, over] = [accountsFrom(1, 300), new PassedOver()];
    // At first nothing fits, then the most urgent two do.
    for (let number = 0; number < 3; ++number) block(listed, new Set(listed), over);
    const [first, second, ...others] = listed;
    expect(block(listed, new Set(others), over)).to.deep.equal([first, second]);
  });

  it("are found behind any number of which no price can be read", () => {
    const unread = accountsFrom(1, 4_000);
    const last = idOf(10_000);
    const looked: AccountId[] = [];
    const view = {
      snapshotOf(account: AccountId) {
        looked.push(account);
        throw new MissingPriceError(1);
      },
      failed: () => undefined,
    } as unknown as KeeperView;
    const over = new PassedOver();
    for (let number = 0; number < 2; ++number) {
      const isPassedOver = over.butFor(MOST);
      const misses: AccountId[] = [];
      const listed = [...unread, last];
      const found = belowLine(view, listed, isPassedOver, (some) => misses.push(...some));
      expect([...found]).to.deep.equal([]);
      over.note({ isWhole: true, left: [] }, misses);
    }
    expect(looked.length).to.equal(4_000 + MOST + 1);
    expect(looked.at(-1)).to.equal(last);
  });
});
