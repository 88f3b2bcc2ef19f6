import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Database, type Row, StorageFailure, type Value } from "./database.js";

/**
 * A database in one file, or in memory as ":memory:". Every transaction is on the disk when it ends, so that what was said
 * to be kept survives a loss of power.
 *
 * @throws StorageFailure when the file cannot be opened.
 */
export function openSqlite(file: string): Database {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file);
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000",
    );
  } catch (cause) {
    throw new StorageFailure(`The database ${file} could not be opened: ${messageOf(cause)}`, {
      cause,
    });
  }
  return new SqliteDatabase(database);
}

class SqliteDatabase implements Database {
  private readonly statements = new Map<string, StatementSync>();
  /** One transaction at a time: the connection is one. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly database: DatabaseSync) {}

  query(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.inTurn(() => Promise.resolve(this.run(sql, values)));
  }

  transaction<T>(act: (database: Database) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.run("BEGIN IMMEDIATE", []);
      try {
        const result = await act(this.inside());
        this.run("COMMIT", []);
        return result;
      } catch (error) {
        this.run("ROLLBACK", []);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.inTurn(() => {
      this.database.close();
      return Promise.resolve();
    });
  }

  /** The same connection without waiting for its turn: it has it. */
  private inside(): Database {
    const inside: Database = {
      query: (sql, values = []) =>
        new Promise((resolve) => {
          resolve(this.run(sql, values));
        }),
      transaction: (act) => act(inside),
      close: () => Promise.reject(new StorageFailure("A transaction cannot close its database")),
    };
    return inside;
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.last.then(act, act);
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private run(sql: string, values: readonly Value[]): Row[] {
    try {
      let statement = this.statements.get(sql);
      if (statement === undefined) {
        statement = this.database.prepare(sql);
        this.statements.set(sql, statement);
      }
      const named = Object.fromEntries(values.map((value, i) => [`$${i + 1}`, value]));
      return statement.all(named) as Row[];
    } catch (cause) {
      throw new StorageFailure(`${messageOf(cause)}, in: ${sql}`, { cause });
    }
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
