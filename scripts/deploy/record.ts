import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DeployedAddresses } from "../../ignition/deploy.js";

/** What `deployments/<network>.json` keeps for keepers, frontends and people. */
export interface DeploymentRecord extends DeployedAddresses {
  network: string;
  chainId: number;
  /** A block that has everything in it; its hash tells this chain from a later one of the same name. */
  block: { number: number; hash: string };
}

/** The record of a file, if there is one. */
export function readRecord(file: string): DeploymentRecord | undefined {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8")) as DeploymentRecord;
}

export function writeRecord(file: string, record: DeploymentRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
}
