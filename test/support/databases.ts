import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database, Engine } from "../../keeper/storage/database.js";
import { openDatabase } from "../../keeper/storage/openDatabase.js";
import { newPostgresDatabase } from "../../scripts/soak/postgres.js";
import { describeWithPostgres } from "./describeWithPostgres.js";

/** A database of one test, that several connections may be made to. */
export interface TestDatabase {
  readonly engine: Engine;
  /** What the setting would say: a file, or an address. Another one for each test. */
  setting(): Promise<string>;
  /** One more connection to this test's database; it is closed when the test ends. */
  open(): Promise<Database>;
}

/** Describes the same thing for SQLite and Postgres: each test has a database of its own. */
export function describeWithEachEngine(
  title: string,
  body: (database: TestDatabase) => void,
): void {
  describe(`${title}, in SQLite`, () => {
    body(databaseOfTests("sqlite"));
  });
  describeWithPostgres(`${title}, in Postgres`, () => {
    body(databaseOfTests("postgres"));
  });
}

function databaseOfTests(engine: Engine): TestDatabase {
  let setting: Promise<string> | undefined;
  let ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    [setting, ends] = [undefined, []];
  });
  const settingOfTest = (): Promise<string> => {
    setting ??= engine === "postgres" ? newPostgresDatabase() : Promise.resolve(newFile());
    return setting;
  };
  const newFile = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "plimsoll-sqlite-"));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    return join(folder, "keeper.sqlite");
  };
  return {
    engine,
    setting: settingOfTest,
    async open() {
      const database = openDatabase(await settingOfTest());
      ends.push(() => database.close());
      return database;
    },
  };
}
