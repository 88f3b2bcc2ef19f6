import { expect } from "chai";
import hre from "hardhat";
import { type Database, StorageFailure } from "../keeper/storage/database.js";
import { begunDispatcher, dispatchWorld } from "./fixtures/dispatch.js";

const connection = await hre.network.create();

/** Where a database fails, while it does. */
type Failing = "not" | "before it writes" | "after it has written" | "in everything";

/** A dispatcher whose database fails when the test says so. */
async function begun() {
  const world = await dispatchWorld(connection);
  let failing: Failing = "not";
  const failure = () => Promise.reject(new StorageFailure("The connection was lost"));
  const database: Database = {
    ...world.database,
    query: (sql, values) =>
      failing === "in everything" ? failure() : world.database.query(sql, values),
    transaction: async (act) => {
      if (failing === "in everything" || failing === "before it writes") return failure();
      const result = await world.database.transaction(act);
      return failing === "after it has written" ? failure() : result;
    },
    close: () => world.database.close(),
  };
  const fail = (how: Failing) => {
    failing = how;
  };
  return { ...(await begunDispatcher(world, { database })), fail };
}

describe("A dispatcher whose database fails", () => {
  it("finds out later whether something was written, and sends it once", async () => {
    const { alarms, broadcasts, dispatcher, fail, head, mint, minted, pass, tick } = await begun();
    fail("after it has written");
    const [submission] = dispatcher.submit([mint(1)], await head());
    while (alarms.names.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(alarms.names).to.deep.equal(["storageFailing"]);
    expect(broadcasts).to.deep.equal([]);
    fail("not");
    await tick();
    expect(await submission!.sent).to.have.property("hash");
    await pass();
    expect((await submission!.done).kind).to.equal("mined");
    expect(await minted(1)).to.equal(1n);
    expect(alarms.names).to.deep.equal([]);
    await dispatcher.close();
  });

  it("sends nothing that is not written, and goes on when it is back", async () => {
    const { alarms, broadcasts, dispatcher, fail, head, leases, mint, tick } = await begun();
    fail("before it writes");
    const [lost] = dispatcher.submit([mint(1)], await head());
    while (alarms.names.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const [meanwhile] = dispatcher.submit([mint(2)], await head());
    expect((await meanwhile!.done).kind).to.equal("left");
    fail("not");
    await tick();
    expect((await lost!.done).kind).to.equal("left");
    expect(broadcasts).to.deep.equal([]);
    expect(await leases.held()).to.not.include("send mint 1");
    const [again] = dispatcher.submit([mint(1)], await head());
    expect(await again!.sent).to.have.property("hash");
    await dispatcher.close();
  });

  it("says so at each tick, keeps what is under way, and signs no higher fee that is not written", async () => {
    const { broadcasts, dispatcher, fail, head, holdBlocks, mine, mint, minted, tick } =
      await begun();
    await holdBlocks();
    const [submission] = dispatcher.submit([mint(1)], await head());
    await submission!.sent;
    fail("in everything");
    await mine();
    const failed = await tick().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).to.be.instanceOf(StorageFailure);
    expect(broadcasts).to.have.length(1);
    fail("not");
    await tick();
    expect((await submission!.done).kind).to.equal("mined");
    expect(await minted(1)).to.equal(1n);
    await dispatcher.close();
  });
});
