import type { Database, Migration } from "../../storage/database.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

const { ok, warning, wrong } = findingsOf("storage");

/** What the keeper's rooms keep, and where. */
export interface StorageOptions {
  /** The setting as it may be shown. */
  readonly name: string;
  readonly open: () => Database | Promise<Database>;
  /** All rooms' steps. */
  readonly migrations: readonly Migration[];
}

/** Thrown so that what was tried is taken back. */
class TakeBack extends Error {}

/** Looks at the database: that it opens and can be written, and which steps its tables need. Leaves it as it was. */
export async function checkStorage({ migrations, name, open }: StorageOptions): Promise<Check[]> {
  let database: Database | undefined;
  try {
    database = await open();
    await tryToWrite(database);
    const checks = [ok("writing", `${name} opens and can be written`)];
    if (name === ":memory:") {
      const cure = "Give storage a file: what is under way is forgotten when the keeper ends.";
      checks.push(warning("durability", "memory only", cure));
    }
    return [...checks, await checkSteps(database, migrations)];
  } catch (error) {
    const cure =
      "See that the folder exists and is writable, or that the server answers and its user may make tables.";
    return [wrong("writing", `${name}: ${reasonOf(error)}`, cure)];
  } finally {
    await database?.close();
  }
}

async function tryToWrite(database: Database): Promise<void> {
  try {
    await database.transaction(async (inside) => {
      await inside.query("CREATE TABLE operations_trial (value BIGINT NOT NULL)");
      await inside.query("INSERT INTO operations_trial (value) VALUES ($1)", [1]);
      throw new TakeBack();
    });
  } catch (error) {
    if (!(error instanceof TakeBack)) throw error;
  }
}

async function checkSteps(database: Database, migrations: readonly Migration[]): Promise<Check> {
  const done = await database.query("SELECT id FROM migrations").catch(() => []);
  const ids = new Set(migrations.map(({ id }) => id));
  const unknown = done.flatMap(({ id }) => (ids.has(String(id)) ? [] : [String(id)]));
  if (unknown.length > 0) {
    const cure = "Use the newer release that made them, or another database.";
    return wrong(
      "tables",
      `they have steps that this release does not know: ${unknown.join(", ")}`,
      cure,
    );
  }
  const due = ids.size - done.length;
  return ok(
    "tables",
    due === 0 ? "they are up to date" : `${due} steps are made at the next start`,
  );
}
