import { setTimeout as pause } from "node:timers/promises";
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from "pg";
import { type Database, requireValues, type Row, StorageFailure, type Value } from "./database.js";
import { isConflict, refuseWithin, Transaction } from "./transaction.js";

/** How a database server is asked. */
export interface PostgresOptions {
  /** What this keeper is called in the server's list of connections; "plimsoll keeper" if nothing is said. */
  readonly applicationName?: string;
  /** No statement takes longer [seconds]; 10 if nothing is said. */
  readonly timeoutSeconds?: number;
  /** Connections at a time; 5 if nothing is said. */
  readonly mostConnections?: number;
}

/** So often other keepers may be in the way before a transaction is given up. */
const MOST_ATTEMPTS = 20;

/**
 * A database of a Postgres server, which several keepers share. Nothing is connected before the first statement; a lost
 * connection fails what was under way, and the next statement makes a new one.
 *
 * @param url postgres://user@host:port/name; a password is better given as PGPASSWORD in the environment.
 * @throws StorageFailure when the address is none. No message ever says the password.
 */
export function openPostgres(url: string, options: PostgresOptions = {}): Database {
  return new PostgresDatabase(placeOf(url), configOf(url, options));
}

class PostgresDatabase implements Database {
  readonly engine = "postgres";
  private readonly pool: Pool;
  private readonly underWay = new Set<Promise<unknown>>();
  private closed: Promise<void> | undefined;

  constructor(
    private readonly place: string,
    config: PoolConfig,
  ) {
    this.pool = new Pool(config);
    // A connection that is lost is noticed by who uses it; an error that nobody hears would end the process.
    this.pool.on("error", () => undefined);
    this.pool.on("connect", (client) => client.on("error", () => undefined));
  }

  query(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.untilClosed(() => this.withClient((client) => run(client, sql, values)));
  }

  transaction<T>(act: (database: Database) => Promise<T>): Promise<T> {
    return this.untilClosed(() => this.withClient((client) => perform(this, client, act)));
  }

  close(): Promise<void> {
    // The pool itself would forget those that wait for a connection.
    this.closed ??= Promise.allSettled(this.underWay).then(() => this.pool.end());
    return this.closed;
  }

  private async untilClosed<T>(act: () => Promise<T>): Promise<T> {
    refuseWithin(this);
    if (this.closed !== undefined) throw new StorageFailure("The database is closed");
    const answer = this.againAfterConflicts(act);
    this.underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.underWay.delete(answer);
    }
  }

  private async againAfterConflicts<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; ++attempt) {
      try {
        return await act();
      } catch (error) {
        if (!isConflict(error) || attempt === MOST_ATTEMPTS) throw error;
        await pause(Math.random() * Math.min(2 ** attempt, 200));
      }
    }
  }

  private async withClient<T>(act: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw failureOf(error, `${this.place} does not answer`);
    }
    let isLost = false;
    try {
      return await act(client);
    } catch (error) {
      isLost = error instanceof StorageFailure && !isAnswer(error);
      throw error;
    } finally {
      // One that still stands in a transaction is of no more use either.
      client.release(isLost || client.getTransactionStatus() !== "I");
    }
  }
}

async function run(client: PoolClient, sql: string, values: readonly Value[]): Promise<Row[]> {
  requireValues(values);
  try {
    const { rows } = await client.query<Row>(sql, [...values]);
    return rows;
  } catch (error) {
    throw failureOf(error, sql);
  }
}

async function perform<T>(
  around: Database,
  client: PoolClient,
  act: (database: Database) => Promise<T>,
): Promise<T> {
  const inside = new Transaction("postgres", (sql, values) => run(client, sql, values));
  await run(client, "BEGIN ISOLATION LEVEL SERIALIZABLE", []);
  try {
    const result = await inside.perform(around, act);
    await run(client, "COMMIT", []);
    return result;
  } catch (error) {
    // Where even that fails, the connection is given up, and the server ends the transaction with it.
    await run(client, "ROLLBACK", []).catch(() => undefined);
    // Whatever was made of a conflict: it is why the transaction did not succeed.
    throw isConflict(inside.failure) ? inside.failure : error;
  }
}

/** A failure of which the server has told, and after which it goes on listening. */
function isAnswer({ code }: StorageFailure): boolean {
  // Classes 08 and 57P are those of ended connections; what has no SQLSTATE did not come from the server.
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P)/.test(code);
}

/** Without the server's own object: it may quote what stands in the rows. */
function failureOf(error: unknown, where: string): StorageFailure {
  const { code, errors, message } = error as {
    code?: unknown;
    errors?: readonly Error[];
    message: string;
  };
  // A name with several addresses fails with one error for each, and says nothing itself.
  const said = message || (errors ?? []).map((one) => one.message).join("; ");
  const known = error instanceof DatabaseError || typeof code === "string";
  return new StorageFailure(`${said}, in: ${where}`, { code: known ? String(code) : undefined });
}

function configOf(url: string, options: PostgresOptions): PoolConfig {
  const { applicationName = "plimsoll keeper", mostConnections = 5, timeoutSeconds = 10 } = options;
  const timeout = timeoutSeconds * 1_000;
  return {
    connectionString: url,
    application_name: applicationName,
    max: mostConnections,
    connectionTimeoutMillis: timeout,
    statement_timeout: timeout,
    // A keeper that stands still must not hold up the others.
    idle_in_transaction_session_timeout: timeout,
    // For a server that is gone without a word; later than the server's own, which says why.
    query_timeout: timeout + 1_000,
    keepAlive: true,
    types: { getTypeParser: (type: number) => READERS.get(type) ?? String },
  };
}

/** How values are read, by the server's numbers of types; all others are text. */
const READERS: ReadonlyMap<number, (text: string) => Value> = new Map([
  [16, (text: string) => (text === "t" ? 1 : 0)], // boolean
  [20, wholeNumber], // bigint
  [21, Number], // smallint
  [23, Number], // integer
  [700, Number], // real
  [701, Number], // double precision
  [1700, wholeNumber], // numeric, which sums of bigints are
]);

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  throw new RangeError(`${text} is no number below 2^53: keep it as text`);
}

/** Where it is, without the password. */
function placeOf(url: string): string {
  let parsed: URL;
  try {
    // Without a host the address is that of a socket file, which URL knows nothing of.
    parsed = new URL(url.replace(/^(postgres(?:ql)?:\/\/[^/]*@)\//, "$1localhost/"));
  } catch {
    // Not with the reason: it quotes what was given.
    throw new StorageFailure(
      "The address of the database is none: it is written postgres://user@host:5432/name",
    );
  }
  const host = parsed.searchParams.get("host") ?? parsed.host;
  return `Postgres at ${host}${parsed.pathname}`;
}
