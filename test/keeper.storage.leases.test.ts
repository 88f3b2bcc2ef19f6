import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "../keeper/storage/database.js";
import { createLeases, type Leases, newHolder } from "../keeper/storage/leases.js";
import { migrate } from "../keeper/storage/migrate.js";
import { MIGRATIONS } from "../keeper/storage/migrations.js";
import { describeWithEachEngine } from "./support/databases.js";

/** Longer than any test takes [seconds]. */
const LONG = 600;
/** As short as a lease can be that another may take at once [seconds]. */
const ENDED = 0;

describeWithEachEngine("Leases", (test) => {
  let first: Leases;
  let second: Leases;
  let database: Database;

  /** A keeper with a connection of its own. */
  const keeper = async (): Promise<Leases> =>
    createLeases(await test.open(), { holder: newHolder("keeper") });

  beforeEach(async () => {
    database = await test.open();
    await migrate(database, MIGRATIONS);
    [first, second] = [await keeper(), await keeper()];
  });

  it("are of one run: two keepers of one name are two holders", () => {
    expect(first.holder).not.to.equal(second.holder);
  });

  it("give what nobody has, all at once, and nobody else gets it", async () => {
    expect(await first.take(["a", "b"], LONG)).to.deep.equal(new Set(["a", "b"]));
    expect(await second.take(["b", "c", "a"], LONG)).to.deep.equal(new Set(["c"]));
    expect(await first.take(["c"], LONG)).to.deep.equal(new Set());
  });

  it("are kept by who has them, for as long as he says again", async () => {
    await first.take(["a"], ENDED);
    expect(await first.take(["a"], LONG)).to.deep.equal(new Set(["a"]));
    expect(await second.take(["a"], LONG)).to.deep.equal(new Set());
  });

  it("are another's when their time is over, and not before", async () => {
    const start = performance.now();
    await first.take(["a"], 0.4);
    while ((await second.take(["a"], LONG)).size === 0) await pause(20);
    // Never less, however slow the machine is; a little for the difference of the two clocks.
    expect(performance.now() - start).to.be.above(350);
    expect(await first.take(["a"], LONG)).to.deep.equal(new Set());
  });

  it("are another's as soon as they are given back, by who has them alone", async () => {
    await first.take(["a", "b"], LONG);
    await second.release(["a", "b"]);
    expect(await second.take(["a"], LONG)).to.deep.equal(new Set());
    await first.release(["a", "never held"]);
    expect(await second.take(["a", "b"], LONG)).to.deep.equal(new Set(["a"]));
  });

  it("may be asked for twice at once, for none, and under any name", async () => {
    expect(await first.take([], LONG)).to.deep.equal(new Set());
    await first.release([]);
    const odd = ['it\'s "so"', "ünïcode ✓", "", "a,b", "$1"];
    expect(await first.take([...odd, ...odd], LONG)).to.deep.equal(new Set(odd));
    expect(await second.take(odd, LONG)).to.deep.equal(new Set());
  });

  it("are never two keepers', whoever asks for however many in whatever order", async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `account ${i}`);
    const keepers = [first, second, await keeper(), await keeper()];
    for (let round = 0; round < 10; ++round) {
      const orders = keepers.map((_, i) => keys.map((_key, k) => keys[(k * 7 + i * 11) % 40]!));
      const taken = await Promise.all(keepers.map((one, i) => one.take(orders[i]!, LONG)));
      expect(taken.flatMap((held) => [...held]).sort()).to.deep.equal([...keys].sort());
      await Promise.all(keepers.map((one, i) => one.release([...taken[i]!])));
    }
  });

  it("are taken over by one of several that wait for their end", async () => {
    await first.take(["a"], ENDED);
    const others = await Promise.all(Array.from({ length: 6 }, keeper));
    const taken = await Promise.all(others.map((one) => one.take(["a"], LONG)));
    expect(taken.filter(({ size }) => size === 1)).to.have.length(1);
  });

  it("of long ago are forgotten", async () => {
    await first.take(["a", "b"], LONG);
    const sql = "UPDATE storage_leases SET ends = ends - 100000000 WHERE name = 'a'";
    await database.query(sql);
    await second.take(["c"], LONG);
    const left = await database.query("SELECT name FROM storage_leases ORDER BY name");
    expect(left.map(({ name }) => name)).to.deep.equal(["b", "c"]);
  });
});
