import { expect } from "chai";
import { network } from "hardhat";
import { TABLE_NAMES } from "../sdk/eventIndex/emptyState.js";
import { CouldNotLook } from "../sdk/eventIndex/errors.js";
import { EventIndex } from "../sdk/eventIndex/eventIndex.js";
import { catchUp } from "../sdk/eventIndex/follow.js";
import {
  accountSnapshotAt,
  cashAt,
  insuranceFundOf,
  marketSnapshotAt,
} from "../sdk/eventIndex/projection.js";
import type { Singles, StoredAccount, Tables } from "../sdk/eventIndex/state.js";
import { verifyIndex } from "../sdk/eventIndex/verify.js";
import type { AccountId } from "../sdk/index.js";
import { differencesOf, indexOptions, sourceFor } from "./fixtures/eventIndex.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage, type Stage } from "./reference/scenario/stage.js";

/** What no view of the contracts says, so that nothing can be compared with it; of venues a view only knows single ones. */
const UNSEEN_TABLES: (keyof Tables)[] = ["haircuts", "draws", "notedPrices", "venues"];
const UNSEEN_SINGLES: (keyof Singles)[] = ["sequencer"];
/** What views say nothing of while it makes no difference: what has faded, and where ramps began that are over. */
const UNSEEN_FIELDS = [
  ...["premium", "netOutflow", "changedAt", "former", "formerRates", "formerBrackets", "notedBy"],
  ...["hasOwnVolatility", "lostShare", "lostAt", "vaultClearinghouse", "vaultMarginEngine"],
];

/** A value in which one number or truth value is another, for each of them. */
function* falsified(value: unknown, unseen = UNSEEN_FIELDS): Generator {
  if (typeof value === "bigint") yield 2n * value + 1n;
  else if (typeof value === "number") yield value + 1;
  else if (typeof value === "boolean") yield !value;
  else if (Array.isArray(value)) {
    for (const [i, part] of value.entries()) {
      for (const other of falsified(part, unseen)) yield value.with(i, other);
    }
  } else if (value !== null && typeof value === "object") {
    for (const [name, part] of Object.entries(value)) {
      if (unseen.includes(name)) continue;
      for (const other of falsified(part, unseen)) yield { ...value, [name]: other };
    }
  }
}

describe("The proof of the event index", () => {
  let stage: Stage;
  let index: EventIndex;

  before(async function () {
    this.timeout(120_000);
    stage = await openStage(await network.create(), 0);
    await playScenario(stage, { seed: 6, acts: 60, tally: new Map() });
    index = new EventIndex(await indexOptions(stage.plimsoll));
    await catchUp(index, { source: sourceFor(index, stage.connection) });
  });

  const differences = () => differencesOf(index, stage.plimsoll);

  it("finds no difference in an honest index", async () => {
    expect(await differences()).to.deep.equal([]);
  });

  it("says what margins look at: accounts with interest and funding, and the market", async () => {
    const { clearinghouse, marginEngine, oracle, vault } = stage.plimsoll;
    const { number, time } = index.tip!;
    const at = { blockTag: number };
    const later = time + 3_600n;
    const prices = new Map([[ETH, await oracle.price(ETH, at)]]);
    const market = marketSnapshotAt(index, time, { prices });
    const fund = insuranceFundOf(index);
    expect(market.fundCash).to.equal(await vault.cashOf(fund, at));
    expect(market.openInterest.get(ETH_PERP)).to.equal(
      await clearinghouse.openInterestOf(ETH_PERP, at),
    );
    for (const account of index.state.accounts.keys()) {
      const { cash, collateral, positions } = accountSnapshotAt(index.state, account, time);
      const [held, , amounts] = await vault.balancesOf(account, at);
      expect([cash, collateral.map(({ amount }) => amount)]).to.deep.equal([held, [...amounts]]);
      const open = await clearinghouse.openPositionsOf(account, at);
      expect(positions.map(({ realQuote }) => realQuote)).to.deep.equal(
        open.map(({ realQuote }) => realQuote),
      );
      expect(cashAt(index.state, account, later) <= cash || cash >= 0n).to.equal(true);
    }
    expect(await marginEngine.getAddress()).to.be.a("string");
  });

  /** Whether a falsified index is found out, be it because nothing can be read for it. */
  const isFound = async (): Promise<boolean> => {
    const accounts = [...index.state.accounts.keys()].slice(0, 2);
    return verifyIndex(index, { contracts: stage.plimsoll, accounts }).then(
      ({ differences: found }) => found.length > 0,
      () => true,
    );
  };

  for (const name of TABLE_NAMES.filter((table) => !UNSEEN_TABLES.includes(table))) {
    it(`finds whatever is wrong in ${name}`, async () => {
      const table = index.state[name] as Map<unknown, unknown>;
      const [[key, value] = ["", undefined]] = [...table];
      for (const other of falsified(value)) {
        table.set(key, other);
        expect(await isFound(), String(key)).to.equal(true);
      }
      if (value !== undefined) table.set(key, value);
    });
  }

  it("finds whatever is wrong in what there is once", async () => {
    const singles = index.state.singles as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(index.state.singles)) {
      if (UNSEEN_SINGLES.includes(name as keyof Singles)) continue;
      // Without debts no interest is counted from any time.
      const unseen = name === "pool" ? [...UNSEEN_FIELDS, "accruedAt"] : UNSEEN_FIELDS;
      for (const other of falsified(value, unseen)) {
        singles[name] = other;
        expect(await isFound(), name).to.equal(true);
      }
      singles[name] = value;
    }
  });

  it("finds an account that has one wei more or less", async () => {
    const [[account, value]] = [...index.state.accounts] as [[AccountId, StoredAccount]];
    for (const wei of [1n, -1n]) {
      index.state.accounts.set(account, { ...value, principal: value.principal + wei });
      expect(await differences()).to.not.deep.equal([]);
    }
    index.state.accounts.set(account, value);
    expect(await differences()).to.deep.equal([]);
  });

  it("says that it could not look when the chain no longer has the block", async () => {
    const known = index.tip!;
    Object.assign(known, { hash: `0x${"7".repeat(64)}` });
    const error: unknown = await differences().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(CouldNotLook);
  });
});
