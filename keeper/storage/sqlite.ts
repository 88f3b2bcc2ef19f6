import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Database,
  requireValues,
  type Row,
  StorageFailure,
  StorageMisuse,
  type Value,
} from "./database.js";
import { StatementCache } from "./statements.js";
import { refuseWithin, Transaction } from "./transaction.js";
import { messageOf } from "../messageOf.js";

/** Another process may have the file for so long before this one gives up [milliseconds]. */
const PATIENCE = 10_000;
/** SQLite's results that mean: another process has the file just now. */
const [BUSY, LOCKED] = [5, 6];

/**
 * A database in one file, or in memory as ":memory:". Every transaction is on the disk when it ends, so that what was said
 * to be kept survives a loss of power. Several processes of one machine may use the file: one writes at a time, and the
 * others wait without holding up anything else. It must not lie on a network's file system.
 *
 * @throws StorageFailure when the file cannot be opened.
 */
export function openSqlite(file: string): Database {
  try {
    // Subscribers' secrets are in it: for nobody else's eyes. SQLite gives its other files the same rights.
    if (file !== ":memory:") closeSync(openSync(file, "a", 0o600));
    const database = new DatabaseSync(file, { timeout: PATIENCE });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    // From here on who waits for another process lets this one go on: see `patiently`.
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_size_limit = 67108864");
    return new SqliteDatabase(database);
  } catch (cause) {
    throw new StorageFailure(
      `The database ${file} could not be opened (${messageOf(cause)}): ` +
        "its folder must be there and writable, and it must be a keeper's database",
      { cause, code: codeOf(cause) },
    );
  }
}

class SqliteDatabase implements Database {
  readonly engine = "sqlite";
  private readonly statements: StatementCache;
  /** One transaction at a time: the connection is one. */
  private last: Promise<unknown> = Promise.resolve();
  private closed: Promise<void> | undefined;

  constructor(private readonly database: DatabaseSync) {
    this.statements = new StatementCache(database);
  }

  query(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.inTurn(() => this.patiently(sql, values));
  }

  transaction<T>(act: (database: Database) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      // At once the right to write: a transaction that asks for it later may find that it read what is no longer so.
      await this.patiently("BEGIN IMMEDIATE", []);
      try {
        const inside = new Transaction("sqlite", (sql, values) => this.run(sql, values));
        const result = await inside.perform(this, act);
        await this.run("COMMIT", []);
        return result;
      } catch (error) {
        this.rollBack();
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.closed ??= this.last.then(() => {
      this.statements.clear();
      this.database.close();
    });
    return this.closed;
  }

  private async inTurn<T>(act: () => Promise<T>): Promise<T> {
    refuseWithin(this);
    if (this.closed !== undefined) throw new StorageFailure("The database is closed");
    const turn = this.last.then(() => {
      // One that could not be rolled back, for the disk was full: nothing may be written into it.
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      return act();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** Waits as long as another process has the file. Nothing has been done then, so nothing is done twice. */
  private async patiently(sql: string, values: readonly Value[]): Promise<Row[]> {
    const start = performance.now();
    for (;;) {
      try {
        return await this.run(sql, values);
      } catch (error) {
        if (!isBusy(error) || performance.now() - start > PATIENCE) throw error;
        // Not all at the same time again.
        await pause(1 + Math.random() * 20);
      }
    }
  }

  /** Some failures have ended the transaction already. One that cannot be ended now is ended before the next statement. */
  private rollBack(): void {
    try {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
    } catch {
      // The reason why it had to be is what the caller must hear.
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown here must reach the caller as a rejection
  private async run(sql: string, values: readonly Value[]): Promise<Row[]> {
    requireValues(values);
    try {
      return this.statements.run(sql, values);
    } catch (cause) {
      if (cause instanceof StorageMisuse) throw cause;
      throw new StorageFailure(`${messageOf(cause)}, in: ${sql}`, { cause, code: codeOf(cause) });
    }
  }
}

/** The number of SQLite's result, if the failure is SQLite's; the last eight bits are its kind. */
function resultOf(error: unknown): number | undefined {
  const { cause, errcode } = (error ?? {}) as { cause?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return errcode & 255;
  return cause === undefined ? undefined : resultOf(cause);
}

function isBusy(error: unknown): boolean {
  const result = resultOf(error);
  return result === BUSY || result === LOCKED;
}

function codeOf(error: unknown): string | undefined {
  const { errcode, code } = (error ?? {}) as { errcode?: unknown; code?: unknown };
  if (typeof errcode === "number") return `SQLITE ${errcode}`;
  return typeof code === "string" ? code : undefined;
}
