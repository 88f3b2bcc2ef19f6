import { expect } from "chai";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, StorageFailure } from "../keeper/storage/database.js";
import { openDatabase } from "../keeper/storage/openDatabase.js";
import { newPostgresDatabase } from "../scripts/soak/postgres.js";
import { describeWithPostgres } from "./support/describeWithPostgres.js";

async function failureOf(promise: Promise<unknown>): Promise<StorageFailure> {
  const error: unknown = await promise.then(
    () => expect.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(StorageFailure);
  return error as StorageFailure;
}

describe("A database in a file", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "plimsoll-sqlite-"));
    file = join(folder, "keeper.sqlite");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("is for nobody else's eyes, and is there when it is opened again", async () => {
    const first = openDatabase(file);
    await first.query("CREATE TABLE things (a BIGINT)");
    await first.query("INSERT INTO things VALUES ($1)", [7]);
    for (const name of [file, `${file}-wal`]) expect((await stat(name)).mode & 0o077).to.equal(0);
    await first.close();
    const second = openDatabase(file);
    expect((await second.query("SELECT a FROM things")).map(({ a }) => a)).to.deep.equal([7]);
    await second.close();
  });

  it("that cannot be opened says which, and why", async () => {
    expect(() => openDatabase(join(folder, "none", "keeper.sqlite"))).to.throw(
      StorageFailure,
      /none\/keeper\.sqlite could not be opened .*folder must be there/,
    );
    await writeFile(file, "no database, but text that is longer than the head of one".repeat(9));
    expect(() => openDatabase(file)).to.throw(StorageFailure, "must be a keeper's database");
  });

  it("lets others wait for a long transaction without standing still itself", async () => {
    const [first, second] = [openDatabase(file), openDatabase(file)];
    await first.query("CREATE TABLE things (a BIGINT)");
    let end: () => void = () => undefined;
    const order: string[] = [];
    const long = first.transaction(async (inside) => {
      await inside.query("INSERT INTO things VALUES (1)");
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      order.push("first");
    });
    const waiting = second.query("INSERT INTO things VALUES (2)").then(() => order.push("second"));
    // Only a process that goes on comes here, and only then the transaction ends.
    setTimeout(() => {
      end();
    }, 30);
    await Promise.all([long, waiting]);
    expect(order).to.deep.equal(["first", "second"]);
    await Promise.all([first.close(), second.close()]);
  });
});

describe("An address of a server", () => {
  it("that is none is refused without its password", () => {
    for (const url of ["postgres://keeper:secret@host:port/name", "postgres://a:secret@[/x"]) {
      expect(() => openDatabase(url))
        .to.throw(StorageFailure, "address of the database is none")
        .that.satisfies(
          (error: Error) => !`${error.stack} ${String(error.cause)}`.includes("secret"),
        );
    }
  });

  it("where nobody answers fails with the place, without the password", async () => {
    const database = openDatabase("postgres://keeper:secret@127.0.0.1:1/name");
    const { message } = await failureOf(database.query("SELECT 1"));
    expect(message).to.contain("127.0.0.1:1/name does not answer").and.not.contain("secret");
    await failureOf(database.transaction(() => Promise.resolve()));
    await database.close();
  });
});

describeWithPostgres("A database of a server", () => {
  let url: string;
  let database: Database;
  let other: Database;

  beforeEach(async () => {
    url = await newPostgresDatabase();
    [database, other] = [openDatabase(url, { applicationName: url.slice(-9) }), openDatabase(url)];
    await database.query("CREATE TABLE things (a BIGINT PRIMARY KEY)");
  });

  afterEach(() => Promise.all([database.close(), other.close()]));

  /** Ends all connections of the first one, as a server does that is started again. */
  const cut = () =>
    other.query(
      "SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity WHERE application_name = $1",
      [url.slice(-9)],
    );

  it("goes on with a new connection when the old one is lost", async () => {
    expect(await cut()).to.deep.include({ cut: 1 });
    let answer: unknown;
    // The first may still meet the connection that is gone.
    for (let i = 0; i < 3 && answer === undefined; ++i) {
      answer = await database.query("SELECT 1 AS one").catch(() => undefined);
    }
    expect(answer).to.deep.equal([{ one: 1 }]);
  });

  it("keeps nothing of a transaction whose connection is lost, and says so", async () => {
    const act = database.transaction(async (inside) => {
      await inside.query("INSERT INTO things VALUES (1)");
      await cut();
      await inside.query("INSERT INTO things VALUES (2)");
    });
    await failureOf(act);
    expect(await other.query("SELECT * FROM things")).to.deep.equal([]);
    await database.query("INSERT INTO things VALUES (3)");
    expect(await other.query("SELECT * FROM things")).to.deep.equal([{ a: 3 }]);
  });

  it("ends a statement that takes too long", async () => {
    const impatient = openDatabase(url, { timeoutSeconds: 0.2 });
    const { code } = await failureOf(impatient.query("SELECT pg_sleep(60)"));
    expect(code).to.equal("57014");
    expect(await impatient.query("SELECT 1 AS one")).to.deep.equal([{ one: 1 }]);
    await impatient.close();
  });

  it("does a transaction again that another one was in the way of", async () => {
    await database.query("INSERT INTO things VALUES (1)");
    let runs = 0;
    await database.transaction(async (inside) => {
      const [row] = await inside.query("SELECT MAX(a) AS last FROM things");
      if (++runs === 1) await other.query("UPDATE things SET a = 5");
      await inside.query("UPDATE things SET a = $1", [Number(row!.last) + 1]);
    });
    expect(runs).to.equal(2);
    expect(await other.query("SELECT * FROM things")).to.deep.equal([{ a: 6 }]);
  });

  it("gives up a transaction after many conflicts, even if it catches them", async () => {
    await database.query("INSERT INTO things VALUES (1)");
    let runs = 0;
    const act = database.transaction(async (inside) => {
      await inside.query("SELECT * FROM things");
      await other.query("UPDATE things SET a = a + 1");
      ++runs;
      await inside.query("UPDATE things SET a = 0").catch(() => undefined);
    });
    expect((await failureOf(act)).code).to.equal("40001");
    expect(runs).to.equal(20);
  });
});
