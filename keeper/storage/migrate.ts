import type { Database, Migration } from "./database.js";

/** Brings a database to the newest shape: does what was not done yet, each step wholly or not at all. */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  await database.query("CREATE TABLE IF NOT EXISTS migrations (id TEXT PRIMARY KEY)");
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
