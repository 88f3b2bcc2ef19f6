import { MIGRATIONS as CHECKPOINTS } from "./checkpointTables.js";
import type { Migration } from "./database.js";
import { MIGRATIONS as DEPLOYMENT } from "./deployment.js";
import { MIGRATIONS as LEASES } from "./leases.js";

/** All tables of the storage itself. */
export const MIGRATIONS: readonly Migration[] = [...LEASES, ...CHECKPOINTS, ...DEPLOYMENT];
