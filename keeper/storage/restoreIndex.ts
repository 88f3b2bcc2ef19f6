import { setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import {
  type BlockReference,
  CHECKPOINT_VERSION,
  CheckpointReader,
  type EventIndex,
  type EventIndexOptions,
  ForeignCheckpoint,
} from "../../sdk/index.js";
import { deploymentKey, digestOf, type Head, readHead, readPieces } from "./checkpointTables.js";
import type { Database } from "./database.js";

/** What of an index is in the database: whoever saves it again adds to it. */
export interface Stored {
  readonly head: Head;
  readonly tip: BlockReference | undefined;
}

/** An index out of the database. */
export interface RestoredIndex {
  readonly index: EventIndex;
  /** For `createCheckpoints`. */
  readonly stored: Stored;
}

/** Which index is restored. */
export interface RestoreOptions extends EventIndexOptions {
  readonly log?: Logger;
}

/** So often another keeper may begin a new series while this one reads. */
const MOST_ATTEMPTS = 5;

/**
 * The index of a deployment as it was last saved, by whichever keeper. Undefined when nothing was saved, or what was saved
 * is torn or of another version, which the log says: then the index is built from the chain.
 *
 * @throws StorageFailure when the database could not be asked: then nothing is known of what was saved.
 */
export async function restoreIndex(
  database: Database,
  { log, ...options }: RestoreOptions,
): Promise<RestoredIndex | undefined> {
  let reader = new CheckpointReader(options);
  const deployment = deploymentKey(reader);
  let head = await readHead(database, deployment);
  for (let attempt = 1; head !== undefined; ++attempt) {
    if (head.version !== CHECKPOINT_VERSION) {
      log?.warn({ version: head.version }, "The checkpoint is of another version: not used.");
      return undefined;
    }
    try {
      const index = await read(database, head, reader);
      return { index, stored: { head, tip: index.tip } };
    } catch (error) {
      if (!(error instanceof ForeignCheckpoint)) throw error;
      const now = await readHead(database, deployment);
      if (now?.digest === head.digest || attempt === MOST_ATTEMPTS) {
        log?.error({ block: head.block, reason: error.message }, "The checkpoint is not used.");
        return undefined;
      }
      // Another keeper has replaced it while it was read.
      head = now;
      reader = new CheckpointReader(options);
    }
  }
  return undefined;
}

async function read(database: Database, head: Head, reader: CheckpointReader): Promise<EventIndex> {
  let digest = head.series;
  for await (const lines of readPieces(database, head)) {
    digest = digestOf(digest, lines);
    for (const line of lines.split("\n")) reader.take(line);
    await turn();
  }
  if (digest !== head.digest) throw new ForeignCheckpoint("The checkpoint is not what was written");
  return reader.finish();
}
