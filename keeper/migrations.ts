import { MIGRATIONS as dispatch } from "./dispatch/tables.js";
import { MIGRATIONS as people } from "./people/migrations.js";
import { MIGRATIONS as roles } from "./roles/migrations.js";
import type { Migration } from "./storage/database.js";
import { MIGRATIONS as checkpoints } from "./storage/checkpointTables.js";
import { MIGRATIONS as deployment } from "./storage/deployment.js";
import { MIGRATIONS as leases } from "./storage/leases.js";

/** All rooms' tables. */
export const MIGRATIONS: readonly Migration[] = [
  ...deployment,
  ...leases,
  ...checkpoints,
  ...dispatch,
  ...roles,
  ...people,
];
