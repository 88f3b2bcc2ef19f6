import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Shared price files lie beside the repository; a worktree is one folder deeper. */
const FOLDERS = ["../../../shared/data/prices/", "../../../../shared/data/prices/"];

/** Where a shared price file is, or `undefined` where there is none: tests that need it are skipped then. */
export function pricesPath(name: string): string | undefined {
  return FOLDERS.map((folder) => fileURLToPath(new URL(`${folder}${name}`, import.meta.url))).find(
    existsSync,
  );
}
