import type { Database } from "./database.js";
import { openPostgres, type PostgresOptions } from "./postgres.js";
import { openSqlite } from "./sqlite.js";

/**
 * The database of a setting: ":memory:", a SQLite file, or postgres://…
 *
 * @throws StorageFailure when the file cannot be opened, or the address is none. A server that does not answer is noticed
 * by the first statement.
 */
export function openDatabase(setting: string, options: PostgresOptions = {}): Database {
  return /^postgres(ql)?:/.test(setting) ? openPostgres(setting, options) : openSqlite(setting);
}
