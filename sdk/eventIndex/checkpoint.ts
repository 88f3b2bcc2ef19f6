import {
  blockLine,
  type CheckpointLine,
  CheckpointReader,
  encodeLine,
  firstLine,
} from "./checkpointLines.js";
import { TABLE_NAMES } from "./emptyState.js";
import type { EventIndex, EventIndexOptions, History } from "./eventIndex.js";

/**
 * A checkpoint is a list of lines, each a JSON value: first what it is of, then an entry of the state or a block that can be
 * taken back a line. So a million accounts need no text of a million accounts, and a database can keep a row a line.
 */

/**
 * All that an index knows, line by line. The lines are of one moment: whoever waits between two of them stops the index first.
 *
 * @throws RangeError when the index has moved since the first line.
 */
export function* saveCheckpoint(index: EventIndex): Generator<string, void> {
  const { history, tip } = index;
  let lines = 0;
  for (const line of linesOf(index, history)) {
    if (index.tip !== tip) throw new RangeError("The index has moved while it was saved");
    ++lines;
    yield encodeLine(line);
  }
  yield encodeLine(["end", lines]);
}

function* linesOf(index: EventIndex, { isWhole, kept }: History): Generator<CheckpointLine, void> {
  yield firstLine(index.deployment);
  yield* entryLines(index);
  for (const block of kept) yield blockLine(block);
  yield ["kept", isWhole, kept.map(({ hash }) => hash)];
}

/**
 * Every entry of the state. If the index moves between two of them, each is of the moment when it was asked for, and what is
 * written or removed later must be said again: see `EventIndex.onChange`.
 */
export function* entryLines({ state }: EventIndex): Generator<CheckpointLine, void> {
  for (const [name, value] of Object.entries(state.singles))
    yield ["entry", "singles", name, value];
  for (const table of TABLE_NAMES) {
    for (const [key, value] of state[table]) yield ["entry", table, key, value];
  }
}

/**
 * An index as it was when the checkpoint was made, with the blocks that it can take back.
 *
 * @throws ForeignCheckpoint when the lines are not all there, or not of this deployment.
 */
export function restoreCheckpoint(lines: Iterable<string>, options: EventIndexOptions): EventIndex {
  const reader = new CheckpointReader(options);
  for (const line of lines) reader.take(line);
  return reader.finish();
}
