import { expect } from "chai";
import pino from "pino";
import { Registry } from "prom-client";
import type { Clock } from "../keeper/clock.js";
import { Memory } from "../keeper/memory.js";
import { createAlarms } from "../keeper/operations/alarmBoard.js";
import { createLeases } from "../keeper/storage/leases.js";
import { migrate } from "../keeper/storage/migrate.js";
import { MIGRATIONS } from "../keeper/storage/migrations.js";
import { restoreIndex } from "../keeper/storage/restoreIndex.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { EventIndex } from "../sdk/index.js";
import { everythingIn, WRITTEN_INDEX, WrittenChain } from "./support/writtenChain.js";

const logger = pino({ level: "silent" });

/** Memory of some accounts, in a database that has no tables yet. */
function remembered() {
  const database = openSqlite(":memory:");
  const chain = new WrittenChain(1);
  const made = (): EventIndex => {
    const index = new EventIndex(WRITTEN_INDEX);
    chain.openPositions(index, 5);
    return index;
  };
  const state = { index: made() };
  const time = { now: 0 };
  const clock: Clock = { now: () => time.now, sleep: () => Promise.resolve() };
  const memory = new Memory({
    ...{ clock, database, logger, state, stored: undefined },
    leases: createLeases(database, { holder: "one" }),
    config: { checkpointSeconds: 60 },
  });
  const due = (): Promise<unknown> => memory.saveWhenDue().catch((error: unknown) => error);
  return { chain, database, due, made, memory, state, time };
}

describe("A keeper's memory", () => {
  it("says that it could not be written down until it is, not for one block alone", async () => {
    const { database, due, memory, time } = remembered();
    time.now = 60_000;
    await due();
    await memory.save();
    expect(await due()).to.be.instanceOf(Error);
    time.now += 1_000;
    expect(await due()).to.be.instanceOf(Error);
    await migrate(database, MIGRATIONS);
    time.now += 60_000;
    await due();
    await memory.save();
    expect(await due()).to.equal(undefined);
    await memory.close();
    await database.close();
  });

  it("writes down what was built again, once, though it is asked twice at a time", async () => {
    const { chain, database, made, memory, state } = remembered();
    await migrate(database, MIGRATIONS);
    await memory.save();
    state.index = made();
    chain.grow(state.index, { accounts: 5 });
    await Promise.all([memory.save(), memory.save()]);
    const found = await restoreIndex(database, WRITTEN_INDEX);
    expect(everythingIn(found!.index)).to.deep.equal(everythingIn(state.index));
    chain.grow(state.index, { accounts: 5 });
    await memory.save();
    const again = await restoreIndex(database, WRITTEN_INDEX);
    expect(everythingIn(again!.index)).to.deep.equal(everythingIn(state.index));
    await memory.close();
    await database.close();
  });
});

describe("Alarms", () => {
  it("do not fill the metrics with everything that was ever wrong", async () => {
    const registry = new Registry();
    const alarms = createAlarms({
      clock: { now: Date.now, sleep: () => Promise.resolve() },
      logger,
      registry,
    });
    for (let nonce = 0; nonce < 5_000; ++nonce) {
      alarms.raise("transactionStuck", `0x1 ${nonce}`, "It waits");
      alarms.clear("transactionStuck", `0x1 ${nonce}`);
    }
    alarms.raise("transactionStuck", "0x1 5000", "It waits");
    const lines = (await registry.metrics())
      .split("\n")
      .filter((line) => line.startsWith("plimsoll"));
    expect(lines.length).to.be.within(2, 200);
    expect(lines.filter((line) => line.endsWith(" 1"))).to.have.length(1);
    expect(lines.some((line) => line.includes('"0x1 4999"') && line.endsWith(" 0"))).to.equal(true);
  });
});
