import { type Database, type Migration, StorageFailure } from "./database.js";

/**
 * Brings a database to the newest shape: does what was not done yet, each step wholly or not at all. Several keepers may do
 * it at the same time.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  await ensureList(database);
  for (const { id, statements } of migrations) {
    await database.transaction(async (inside) => {
      const added = await inside.query(
        "INSERT INTO migrations (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id",
        [id],
      );
      if (added.length === 0) return;
      for (const statement of statements) await inside.query(statement);
    });
  }
}

async function ensureList(database: Database): Promise<void> {
  const create = (): Promise<unknown> =>
    database.query("CREATE TABLE IF NOT EXISTS migrations (id TEXT PRIMARY KEY)");
  try {
    await create();
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    // In Postgres two that begin at the same time both find no table, and the second one fails. Now there is one.
    await create();
  }
}
