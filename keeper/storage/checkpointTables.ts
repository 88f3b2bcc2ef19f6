import { createHash } from "node:crypto";
import { CHECKPOINT_VERSION, type EventIndex } from "../../sdk/index.js";
import type { Database, Migration } from "./database.js";

/**
 * Checkpoints are series of pieces, each of some hundred lines. A save adds pieces, and one row, the head, says up to which
 * of which series they count: so however large a save is, it is there at once, and what a crash has left over counts for
 * nothing. The head has a digest of all pieces in their order: it tells a torn series, and who has written last.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "storage 2: checkpoints",
    statements: [
      `CREATE TABLE storage_checkpoints (
        deployment TEXT PRIMARY KEY, version BIGINT NOT NULL, series TEXT NOT NULL,
        pieces BIGINT NOT NULL, lines BIGINT NOT NULL, digest TEXT NOT NULL,
        whole_size BIGINT NOT NULL, size BIGINT NOT NULL, block BIGINT NOT NULL)`,
      `CREATE TABLE storage_checkpoint_pieces (
        series TEXT NOT NULL, number BIGINT NOT NULL, deployment TEXT NOT NULL,
        save TEXT NOT NULL, lines TEXT NOT NULL, PRIMARY KEY (series, number))`,
    ],
  },
];

/** How far a series counts. */
export interface Head {
  readonly version: number;
  readonly series: string;
  readonly pieces: number;
  readonly lines: number;
  /** Of the pieces, see {@link digestOf}. */
  readonly digest: string;
  /** Of the pieces with which the series began [characters]. */
  readonly wholeSize: number;
  /** Of all pieces [characters]. */
  readonly size: number;
  /** The last block that is in it. */
  readonly block: number;
}

/** A piece of a series that may come to count. */
export interface Piece {
  readonly series: string;
  /** From 1 on. */
  readonly number: number;
  /** Which save has written it. */
  readonly save: string;
  readonly lines: string;
}

/** By what a deployment's checkpoint is found. */
export function deploymentKey({ deployment }: Pick<EventIndex, "deployment">): string {
  return createHash("sha256").update(JSON.stringify(deployment)).digest("hex");
}

/** The digest after one more piece. Before the first it is the series: the same words of another one are not the same. */
export function digestOf(before: string, lines: string): string {
  return createHash("sha256").update(before).update("\n").update(lines).digest("hex");
}

/** What counts; undefined when nothing was ever saved. */
export async function readHead(database: Database, deployment: string): Promise<Head | undefined> {
  const [row] = await database.query(
    `SELECT version, series, pieces, lines, digest, whole_size AS "wholeSize", size, block
      FROM storage_checkpoints WHERE deployment = $1`,
    [deployment],
  );
  return row as Head | undefined;
}

/** Writes a piece, or in place of one that a save before left over. */
export async function writePiece(
  database: Database,
  deployment: string,
  { lines, number, save, series }: Piece,
): Promise<void> {
  await database.query(
    `INSERT INTO storage_checkpoint_pieces (series, number, deployment, save, lines)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT (series, number)
      DO UPDATE SET save = excluded.save, lines = excluded.lines`,
    [series, number, deployment, save, lines],
  );
}

/** How many pieces of a series a save has written that are still there. */
export async function countPieces(
  database: Database,
  { save, series }: Pick<Piece, "save" | "series">,
): Promise<number> {
  const [row] = await database.query(
    "SELECT COUNT(*) AS count FROM storage_checkpoint_pieces WHERE series = $1 AND save = $2",
    [series, save],
  );
  return row?.count as number;
}

/** From here on these pieces count. */
export async function writeHead(
  database: Database,
  deployment: string,
  { block, digest, lines, pieces, series, size, wholeSize }: Head,
): Promise<void> {
  await database.query(
    `INSERT INTO storage_checkpoints
      (deployment, version, series, pieces, lines, digest, whole_size, size, block)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (deployment) DO UPDATE SET
      version = excluded.version, series = excluded.series, pieces = excluded.pieces,
      lines = excluded.lines, digest = excluded.digest, whole_size = excluded.whole_size,
      size = excluded.size, block = excluded.block`,
    [deployment, CHECKPOINT_VERSION, series, pieces, lines, digest, wholeSize, size, block],
  );
}

/** Removes some pieces of series that do not count; says whether there may be more. */
export function removeSome(database: Database, deployment: string): Promise<boolean> {
  return database.transaction(async (inside) => {
    const head = await readHead(inside, deployment);
    const removed = await inside.query(
      `DELETE FROM storage_checkpoint_pieces WHERE deployment = $1 AND series <> $2 AND number <=
        (SELECT MIN(number) FROM storage_checkpoint_pieces
          WHERE deployment = $1 AND series <> $2) + ${REMOVED_TOGETHER - 1} RETURNING number`,
      [deployment, head?.series ?? ""],
    );
    return removed.length > 0;
  });
}

/** A few megabytes at a time, for the others wait meanwhile. */
const REMOVED_TOGETHER = 8;

/** The lines of the pieces that count, in order, some at a time. */
export async function* readPieces(
  database: Database,
  { pieces, series }: Pick<Head, "series" | "pieces">,
): AsyncGenerator<string, void> {
  for (let from = 1; from <= pieces; from += READ_TOGETHER) {
    const rows = await database.query(
      `SELECT lines FROM storage_checkpoint_pieces
        WHERE series = $1 AND number >= $2 AND number <= $3 ORDER BY number`,
      [series, from, Math.min(from + READ_TOGETHER - 1, pieces)],
    );
    for (const { lines } of rows) yield lines as string;
  }
}

const READ_TOGETHER = 8;
