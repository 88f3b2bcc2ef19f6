import type { Migration } from "../storage/database.js";

/** The tables of this room. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "roles 1",
    statements: [
      `CREATE TABLE roles_instructions (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, number BIGINT NOT NULL, kind BIGINT NOT NULL,
        source TEXT NOT NULL, ends TEXT NOT NULL, trigger_health TEXT NOT NULL, block BIGINT NOT NULL
      )`,
      "CREATE TABLE roles_cursors (name TEXT PRIMARY KEY, block BIGINT NOT NULL, hash TEXT NOT NULL)",
      `CREATE TABLE roles_orders (
        hash TEXT PRIMARY KEY, account TEXT NOT NULL, signed TEXT NOT NULL,
        taken_at BIGINT NOT NULL
      )`,
      "CREATE INDEX roles_orders_taken_at ON roles_orders (taken_at)",
    ],
  },
];
