/** What a column of a row can be; bigints are kept as text in decimal. */
export type Value = string | number | null;

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, Value>>;

/**
 * What all rooms keep their tables with. The SQL is what SQLite and Postgres have in common: parameters are $1, $2 ... in
 * their order, columns are TEXT, BIGINT (read as a number: below 2^53) and DOUBLE PRECISION, conflicts are met by
 * `ON CONFLICT`, and what was written is read by `RETURNING`.
 */
export interface Database {
  /** Runs one statement; gives the rows that it returns. */
  query(sql: string, values?: readonly Value[]): Promise<Row[]>;
  /**
   * Runs statements together: all of what they wrote stays, or nothing. What runs inside must use the database that it is
   * given and wait for nothing but it. It may run more than once, when Postgres finds that another keeper was in the way.
   */
  transaction<T>(act: (database: Database) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A step from one shape of the tables to the next; done once for each database, in the order of the list. */
export interface Migration {
  /** Never changed once released: "dispatch 1". */
  readonly id: string;
  readonly statements: readonly string[];
}

/** The database did not answer, or refused. To be tried again: what was asked for may or may not have been written. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
}
