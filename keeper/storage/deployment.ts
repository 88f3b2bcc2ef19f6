import type { DeploymentRecord } from "../../sdk/index.js";
import type { Database, Migration } from "./database.js";

/** The table that says whose database it is. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "storage: deployment",
    statements: [
      "CREATE TABLE storage_deployment (place BIGINT PRIMARY KEY, identity TEXT NOT NULL)",
    ],
  },
];

/** The database is another deployment's: nonces, orders and messages in it are of another chain. */
class ForeignDatabase extends Error {
  override readonly name = "ForeignDatabase";

  constructor() {
    super(
      "The database was filled for another deployment or another chain: set `storage` to a new one, " +
        "or remove this one if that chain is gone.",
    );
  }
}

/**
 * Makes a database that deployment's, or finds that it is.
 *
 * @throws ForeignDatabase when it is another's.
 */
export async function claimDatabase(
  database: Database,
  { block, chainId, contracts }: DeploymentRecord,
): Promise<void> {
  const identity = [chainId, block.hash, contracts.Clearinghouse].join(" ").toLowerCase();
  await database.query(
    "INSERT INTO storage_deployment (place, identity) VALUES (0, $1) ON CONFLICT DO NOTHING",
    [identity],
  );
  const rows = await database.query("SELECT identity FROM storage_deployment");
  if (rows.some((row) => row.identity !== identity)) throw new ForeignDatabase();
}
