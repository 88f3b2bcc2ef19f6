import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Database,
  type Engine,
  type Row,
  StorageFailure,
  StorageMisuse,
  type Value,
} from "./database.js";

/** Runs a statement on the connection that has the transaction. */
export type Run = (sql: string, values: readonly Value[]) => Promise<Row[]>;

/** What runs within a transaction, to know who of it asks the outer database. */
interface Scope {
  readonly of: object;
  readonly outer: Scope | undefined;
  isOpen: boolean;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * What waits for its own transaction would wait for ever, or see another state of things.
 *
 * @throws StorageMisuse when it is called from within a transaction of this database.
 */
export function refuseWithin(database: object): void {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.of !== database || !scope.isOpen) continue;
    throw new StorageMisuse(
      "A transaction asks the database around it: use the one that the transaction is given",
    );
  }
}

/** Postgres has found that another transaction was in the way: nothing was written, and it may be tried again. */
export function isConflict(error: unknown): error is StorageFailure {
  return error instanceof StorageFailure && (error.code === "40001" || error.code === "40P01");
}

/** The database as it is given to what runs within a transaction. Both engines behave alike by it. */
export class Transaction implements Database {
  /** The first that a statement met: after it everything can only be taken back. */
  failure: StorageFailure | undefined;
  private isOpen = true;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly engine: Engine,
    private readonly run: Run,
    private readonly level = 0,
  ) {}

  query(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.inTurn(() => this.statement(sql, values));
  }

  /** One within: what it wrote can be taken back alone. */
  transaction<T>(act: (database: Database) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      const name = `level_${this.level + 1}`;
      await this.statement(`SAVEPOINT ${name}`, []);
      const inner = new Transaction(this.engine, this.run, this.level + 1);
      try {
        const result = await inner.perform(this, act);
        await this.statement(`RELEASE SAVEPOINT ${name}`, []);
        return result;
      } catch (error) {
        // A conflict is the end of the whole transaction, which is then tried again.
        if (isConflict(inner.failure)) this.failure = inner.failure;
        if (this.failure !== undefined) throw this.failure;
        await this.statement(`ROLLBACK TO SAVEPOINT ${name}`, []);
        await this.statement(`RELEASE SAVEPOINT ${name}`, []);
        throw error;
      }
    });
  }

  close(): Promise<void> {
    return Promise.reject(new StorageMisuse("A transaction cannot close its database"));
  }

  /**
   * Lets it run, once; afterwards this database answers nothing more.
   *
   * @param around The database that must not be asked meanwhile.
   * @throws StorageFailure when a statement has failed, whether or not that was noticed.
   */
  async perform<T>(around: object, act: (database: Database) => Promise<T>): Promise<T> {
    const scope: Scope = { of: around, outer: scopes.getStore(), isOpen: true };
    try {
      const result = await scopes.run(scope, () => act(this));
      // What nobody awaited must not come to stand behind the end of the transaction.
      await this.last;
      if (this.failure !== undefined) throw this.failure;
      return result;
    } finally {
      scope.isOpen = false;
      this.isOpen = false;
    }
  }

  private async inTurn<T>(act: () => Promise<T>): Promise<T> {
    refuseWithin(this);
    const turn = this.last.then(() => {
      if (!this.isOpen) throw new StorageMisuse("The transaction has ended: await what it does");
      return act();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async statement(sql: string, values: readonly Value[]): Promise<Row[]> {
    if (this.failure !== undefined) {
      const { code, message } = this.failure;
      throw new StorageFailure(`The transaction has failed already: ${message}`, { code });
    }
    try {
      return await this.run(sql, values);
    } catch (error) {
      if (error instanceof StorageFailure) this.failure = error;
      throw error;
    }
  }
}
