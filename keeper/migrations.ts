import { MIGRATIONS as DISPATCH } from "./dispatch/tables.js";
import { MIGRATIONS as PEOPLE } from "./people/migrations.js";
import { MIGRATIONS as ROLES } from "./roles/migrations.js";
import type { Migration } from "./storage/database.js";
import { MIGRATIONS as STORAGE } from "./storage/migrations.js";

/** The tables of all rooms, in the order in which they are made. */
export const MIGRATIONS: readonly Migration[] = [...STORAGE, ...DISPATCH, ...ROLES, ...PEOPLE];
