/** What a column of a row can be; bigints are kept as text in decimal. */
export type Value = string | number | null;

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, Value>>;

/** What a database is kept by. Only the storage itself, and a statement that the two spell differently, should ask. */
export type Engine = "sqlite" | "postgres";

/**
 * What all rooms keep their tables with. The SQL is what SQLite and Postgres have in common: parameters are $1, $2 ... each
 * named at least once, columns are TEXT, BIGINT (read as a number: below 2^53, or refused) and DOUBLE PRECISION, conditions
 * are read as 1 and 0, conflicts are met by `ON CONFLICT`, and what was written is read by `RETURNING`.
 */
export interface Database {
  readonly engine: Engine;
  /** Runs one statement, wholly or not at all; gives the rows that it returns. */
  query(sql: string, values?: readonly Value[]): Promise<Row[]>;
  /**
   * Runs statements together: all of what they wrote stays, or nothing. What runs inside must use the database that it is
   * given and wait for nothing but it: the outer one refuses. It may run more than once, when Postgres finds that another
   * keeper was in the way. Once a statement inside has failed, the whole fails, even if the error was caught; what may fail
   * and be gone on without stands in a transaction of its own within the transaction.
   */
  transaction<T>(act: (database: Database) => Promise<T>): Promise<T>;
  /** Waits for what is under way; from then on nothing is answered. A second time does nothing. */
  close(): Promise<void>;
}

/** A step from one shape of the tables to the next; done once for each database, in the order of the list. */
export interface Migration {
  /** Never changed once released: "dispatch 1". */
  readonly id: string;
  readonly statements: readonly string[];
}

/** What is known of a failure beside its sentence. */
export interface FailureOptions extends ErrorOptions {
  readonly code?: string | undefined;
}

/** The database did not answer, or refused. To be tried again: what was asked for may or may not have been written. */
export class StorageFailure extends Error {
  override readonly name: string = "StorageFailure";
  /** What the database calls it: SQLSTATE in Postgres, the name of the result in SQLite. */
  readonly code: string | undefined;

  constructor(message: string, { code, ...options }: FailureOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** A mistake of the program: what it asked of the database would never be answered, or mean another thing in the other one. */
export class StorageMisuse extends Error {
  override readonly name = "StorageMisuse";
}

/**
 * Refuses what the two databases would keep differently, or not at all.
 *
 * @throws StorageMisuse for numbers that are no numbers, or whole and not below 2^53.
 */
export function requireValues(values: readonly Value[]): void {
  values.forEach((value, i) => {
    const isKept =
      value === null ||
      typeof value === "string" ||
      (typeof value === "number" &&
        Number.isFinite(value) &&
        (Number.isSafeInteger(value) || !Number.isInteger(value)));
    if (isKept) return;
    const what = typeof value === "number" ? String(value) : typeof value;
    throw new StorageMisuse(
      `Parameter $${i + 1} is ${what}: give text, nothing, or a number below 2^53 (a bigint as text)`,
    );
  });
}
