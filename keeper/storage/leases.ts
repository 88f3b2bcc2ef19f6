import { randomBytes } from "node:crypto";
import type { Database, Engine, Migration } from "./database.js";

/** Who may do what when several keepers share a database: each thing is one keeper's for some seconds. */
export interface Leases {
  /** This keeper: a name and what tells this run of it from others. */
  readonly holder: string;
  /**
   * Takes things, or holds them for longer: all that nobody else holds, at once.
   *
   * @param keys What: "liquidate 0x…", "checkpoint".
   * @param seconds For how long, by the database's clock. Whoever counts them counts from before the call.
   * @returns Those of them that are this keeper's now.
   */
  take(keys: readonly string[], seconds: number): Promise<ReadonlySet<string>>;
  /** Gives back what it holds of these. */
  release(keys: readonly string[]): Promise<void>;
}

/** The tables of leases. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "storage 1: leases",
    statements: [
      // `ends`: by the database's clock [unix milliseconds].
      `CREATE TABLE storage_leases (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, ends BIGINT NOT NULL)`,
      "CREATE INDEX storage_leases_by_end ON storage_leases (ends)",
    ],
  },
];

/** A holder that no other run has, of this keeper or another: it must not take for its own what a former run held. */
export function newHolder(name: string): string {
  return `${name} ${randomBytes(8).toString("hex")}`;
}

/** What ended so long ago is removed [milliseconds]. */
const FORGOTTEN_AFTER = 3_600_000;
/** It is looked for with every so many takings. */
const FORGET_EVERY = 500;

/**
 * Leases in a table. The clock is the database's, so keepers need not agree about the time; in Postgres it is that of the
 * statement's begin, so one that waited takes nothing for ended that was not when it asked.
 *
 * @param holder See {@link newHolder}.
 */
export function createLeases(database: Database, { holder }: { readonly holder: string }): Leases {
  const sql = SQL[database.engine];
  let takings = 0;
  return {
    holder,
    async take(keys, seconds) {
      if (keys.length === 0) return new Set();
      if (takings++ % FORGET_EVERY === 0) await database.query(sql.forget, [FORGOTTEN_AFTER]);
      const taken = await database.query(sql.take, [
        listOf(keys),
        holder,
        Math.floor(seconds * 1_000),
      ]);
      return new Set(taken.map(({ name }) => name as string));
    },
    async release(keys) {
      if (keys.length > 0) await database.query(sql.release, [listOf(keys), holder]);
    },
  };
}

/** Each once and in one order, in which two keepers cannot wait for each other. */
function listOf(keys: readonly string[]): string {
  return JSON.stringify([...new Set(keys)].sort());
}

interface Statements {
  readonly take: string;
  readonly release: string;
  readonly forget: string;
}

function statementsOf(names: string, now: string): Statements {
  return {
    take: `INSERT INTO storage_leases (name, holder, ends)
      SELECT list.value, $2, ${now} + CAST($3 AS BIGINT) FROM ${names} WHERE 1 = 1
      ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends
      WHERE storage_leases.holder = excluded.holder OR storage_leases.ends <= ${now}
      RETURNING name`,
    release: `DELETE FROM storage_leases
      WHERE holder = $2 AND name IN (SELECT list.value FROM ${names})`,
    forget: `DELETE FROM storage_leases WHERE ends < ${now} - CAST($1 AS BIGINT)`,
  };
}

const SQL: Readonly<Record<Engine, Statements>> = {
  sqlite: statementsOf("json_each($1) AS list", "CAST(unixepoch('subsec') * 1000 AS BIGINT)"),
  postgres: statementsOf(
    "json_array_elements_text(CAST($1 AS JSON)) AS list",
    "CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)",
  ),
};
