import { expect } from "chai";
import { type Database, StorageFailure, StorageMisuse } from "../keeper/storage/database.js";
import { migrate } from "../keeper/storage/migrate.js";
import { describeWithEachEngine } from "./support/databases.js";

const TABLE = "CREATE TABLE things (name TEXT PRIMARY KEY, count BIGINT, share DOUBLE PRECISION)";

/** Fails as expected, or tells what else it did. */
async function failureOf(promise: Promise<unknown>): Promise<StorageFailure> {
  const error: unknown = await promise.then(
    () => expect.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(StorageFailure);
  return error as StorageFailure;
}

async function misuseOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => expect.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(StorageMisuse);
  return (error as StorageMisuse).message;
}

const add = (database: Database, name: string, count: number | null = 0) =>
  database.query("INSERT INTO things (name, count) VALUES ($1, $2)", [name, count]);

async function namesIn(database: Database): Promise<unknown[]> {
  return (await database.query("SELECT name FROM things ORDER BY name")).map(({ name }) => name);
}

describeWithEachEngine("A keeper's database", (test) => {
  let database: Database;

  beforeEach(async () => {
    database = await test.open();
    await database.query(TABLE);
  });

  describe("one statement", () => {
    it("keeps text, numbers and nothing, and gives them back as they were", async () => {
      const rows = [
        { name: 'it\'s $1 -- "so"', count: Number.MAX_SAFE_INTEGER, share: 0.1 },
        { name: "", count: -1, share: -2.5e-300 },
        { name: "ünïcode ✓", count: null, share: null },
      ];
      for (const { count, name, share } of rows) {
        const sql = "INSERT INTO things (name, count, share) VALUES ($1, $2, $3) RETURNING *";
        expect(await database.query(sql, [name, count, share])).to.deep.equal([
          { name, count, share },
        ]);
      }
      expect(await database.query("SELECT * FROM things")).to.have.deep.members(rows);
    });

    it("takes parameters in any order and any number of times", async () => {
      const sql = `INSERT INTO things (name, count, share)
        VALUES ($3, CAST($2 AS BIGINT) + $1, $1) -- not $9, nor '
        RETURNING '$8', name, count, share`;
      const [row] = await database.query(sql, [2, 5, "both"]);
      expect(Object.values(row!)).to.deep.equal(["$8", "both", 7, 2]);
    });

    it("writes thousands of rows at once", async () => {
      const count = 5_000;
      const places = Array.from({ length: count }, (_, i) => `($${2 * i + 1}, $${2 * i + 2})`);
      const values = Array.from({ length: count }, (_, i) => [`thing ${i}`, i]).flat();
      await database.query(`INSERT INTO things (name, count) VALUES ${places.join()}`, values);
      const sums = await database.query("SELECT COUNT(*) AS rows, SUM(count) AS sum FROM things");
      expect(sums).to.deep.equal([{ rows: count, sum: (count * (count - 1)) / 2 }]);
    });

    it("meets conflicts, and says what it wrote", async () => {
      const sql = `INSERT INTO things (name, count) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET count = excluded.count
        WHERE things.count < excluded.count RETURNING count`;
      expect(await database.query(sql, ["one", 2])).to.deep.equal([{ count: 2 }]);
      expect(await database.query(sql, ["one", 1])).to.deep.equal([]);
      expect(await database.query(sql, ["one", 3])).to.deep.equal([{ count: 3 }]);
    });

    it("reads conditions as 1 and 0", async () => {
      const [row] = await database.query("SELECT 1 = 1 AS yes, 1 = 2 AS no");
      expect({ ...row }).to.deep.equal({ yes: 1, no: 0 });
    });

    it("keeps a number as the text that it is in a column of texts", async () => {
      await database.query("INSERT INTO things (name) VALUES ($1)", [7]);
      expect(await namesIn(database)).to.deep.equal(["7"]);
    });

    it("refuses whole numbers that JavaScript cannot hold, given or found", async () => {
      for (const number of [2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(await misuseOf(add(database, "much", number))).to.contain(`$2 is ${number}`);
      }
      expect(await misuseOf(add(database, "much", 1n as never))).to.contain("$2 is bigint");
      await database.query("INSERT INTO things (name, count) VALUES ('much', 9007199254740992)");
      await failureOf(database.query("SELECT count FROM things"));
      expect(await database.query("SELECT name FROM things")).to.have.length(1);
    });

    it("fails with the statement, without its values, and goes on", async () => {
      await add(database, "one");
      const { code, message } = await failureOf(add(database, "one"));
      expect(message).to.contain("INSERT INTO things").and.not.contain('"one"');
      expect(code).to.be.a("string");
      await failureOf(database.query("SELECT nonsense"));
      await failureOf(database.query("neither SQL nor sense"));
      expect(await namesIn(database)).to.deep.equal(["one"]);
    });

    it("refuses too few and too many values", async () => {
      const sql = "INSERT INTO things (name, count) VALUES ($1, $2)";
      for (const values of [["one"], ["one", 1, 2]]) {
        const error: unknown = await database.query(sql, values).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(Error);
      }
      expect(await namesIn(database)).to.deep.equal([]);
    });
  });

  describe("a transaction", () => {
    it("keeps all that it wrote, and gives its result", async () => {
      const result = await database.transaction(async (inside) => {
        await add(inside, "one");
        await add(inside, "two");
        return await namesIn(inside);
      });
      expect(result).to.deep.equal(["one", "two"]);
      expect(await namesIn(database)).to.deep.equal(result);
    });

    it("keeps nothing when what runs inside throws, and passes on what was thrown", async () => {
      const reason = new Error("no");
      const act = database.transaction(async (inside) => {
        await add(inside, "one");
        throw reason;
      });
      expect(await act.catch((error: unknown) => error)).to.equal(reason);
      expect(await namesIn(database)).to.deep.equal([]);
      await add(database, "two");
      expect(await namesIn(database)).to.deep.equal(["two"]);
    });

    it("keeps nothing when one of its statements failed, even if that was not minded", async () => {
      await add(database, "one");
      const act = database.transaction(async (inside) => {
        await add(inside, "two");
        await add(inside, "one").catch(() => undefined);
        await add(inside, "three").catch(() => undefined);
        return "well";
      });
      expect((await failureOf(act)).message).to.contain("INSERT INTO things");
      expect(await namesIn(database)).to.deep.equal(["one"]);
    });

    it("can take back a part of itself and go on", async () => {
      await add(database, "one");
      await database.transaction(async (inside) => {
        await add(inside, "two");
        const part = inside.transaction(async (within) => {
          await add(within, "three");
          await within.transaction((deep) => add(deep, "four"));
          await add(within, "one");
        });
        await failureOf(part);
        await inside.transaction((within) => add(within, "five"));
      });
      expect(await namesIn(database)).to.deep.equal(["five", "one", "two"]);
    });

    it("sees statements one after another, though they are asked for at once", async () => {
      await database.transaction(async (inside) => {
        await Promise.all(["one", "two", "three"].map((name) => add(inside, name)));
      });
      expect(await namesIn(database)).to.deep.equal(["one", "three", "two"]);
    });

    it("keeps what it started and did not await, or refuses it: never behind its end", async () => {
      let late: Promise<unknown> | undefined;
      let inside: Database | undefined;
      await database.transaction((given) => {
        inside = given;
        void add(given, "one");
        return Promise.resolve();
      });
      expect(await namesIn(database)).to.deep.equal(["one"]);
      late = add(inside!, "two");
      expect(await misuseOf(late)).to.contain("has ended");
      late = inside!.transaction((within) => add(within, "three"));
      expect(await misuseOf(late)).to.contain("has ended");
      expect(await namesIn(database)).to.deep.equal(["one"]);
    });

    it("is refused the database around it, which would wait for it for ever", async () => {
      const acts: ((inside: Database) => Promise<unknown>)[] = [
        () => namesIn(database),
        () => database.transaction(namesIn),
        (inside) => inside.transaction(() => namesIn(inside)),
      ];
      for (const act of acts) {
        expect(await misuseOf(database.transaction(act))).to.contain("the one that");
      }
      expect(await database.transaction(namesIn)).to.deep.equal([]);
    });

    it("cannot close the database", async () => {
      expect(await misuseOf(database.transaction((inside) => inside.close()))).to.contain("close");
    });

    it("counts right when many connections count at once", async () => {
      await add(database, "count", 0);
      const others = [database, await test.open(), await test.open()];
      const increase = (one: Database) =>
        one.transaction(async (inside) => {
          const [row] = await inside.query("SELECT count FROM things WHERE name = 'count'");
          await inside.query("UPDATE things SET count = $1 WHERE name = 'count'", [
            Number(row!.count) + 1,
          ]);
        });
      await Promise.all(others.flatMap((one) => Array.from({ length: 5 }, () => increase(one))));
      expect(await database.query("SELECT count FROM things")).to.deep.equal([{ count: 15 }]);
    });
  });

  describe("its shape", () => {
    const steps = [
      { id: "test 1", statements: ["CREATE TABLE first (a BIGINT)"] },
      { id: "test 2", statements: ["CREATE TABLE second (a BIGINT)", "DROP TABLE first"] },
    ];

    it("is changed once, however many keepers begin at the same time", async () => {
      const keepers = [database, await test.open(), await test.open(), await test.open()];
      await Promise.all(keepers.map((keeper) => migrate(keeper, steps)));
      await migrate(database, steps);
      expect(await database.query("SELECT * FROM second")).to.deep.equal([]);
      expect(await database.query("SELECT id FROM migrations ORDER BY id")).to.deep.equal([
        { id: "test 1" },
        { id: "test 2" },
      ]);
    });

    it("is left alone by a step that fails half-way, which is done when it can be", async () => {
      const broken = [{ id: "test 1", statements: ["CREATE TABLE first (a BIGINT)", "nonsense"] }];
      await failureOf(migrate(database, broken));
      await migrate(database, steps);
      expect(await database.query("SELECT * FROM second")).to.deep.equal([]);
    });
  });

  describe("when it is closed", () => {
    it("ends what is under way first, and answers nothing afterwards", async () => {
      const asked = [add(database, "one"), database.transaction((inside) => add(inside, "two"))];
      await Promise.all([...asked, database.close(), database.close()]);
      await database.close();
      expect((await failureOf(namesIn(database))).message).to.contain("closed");
      expect((await failureOf(database.transaction(namesIn))).message).to.contain("closed");
      expect(await namesIn(await test.open())).to.deep.equal(["one", "two"]);
    });
  });
});
