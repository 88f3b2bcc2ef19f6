import { TABLE_NAMES } from "./emptyState.js";
import { EventIndex, type EventIndexOptions, type KeptBlock } from "./eventIndex.js";
import type { TableName, Undo } from "./journal.js";
import type { IndexState, Singles } from "./state.js";

/**
 * A checkpoint is a list of lines, each a JSON value: first what it is of, then an entry of the state or a block that can be
 * taken back a line. So a million accounts need no text of a million accounts, and a database can keep a row a line.
 */

/** Of another version or another deployment, or not whole: the index must be rebuilt. */
export class ForeignCheckpoint extends Error {
  override readonly name = "ForeignCheckpoint";
}

const VERSION = 1;

type Line =
  | readonly ["plimsoll event index", version: number, contracts: string, isWhole: boolean]
  | readonly ["entry", table: TableName, key: unknown, value: unknown]
  | readonly ["block", number: number, hash: string, parentHash: string, time: bigint, undo: Undo]
  | readonly ["end", lines: number];

/**
 * All that an index knows, line by line. The lines are of one moment: whoever waits between two of them stops the index first.
 *
 * @throws RangeError when the index has moved since the first line.
 */
export function* saveCheckpoint(index: EventIndex): Generator<string, void> {
  const { kept, isWhole } = index.history;
  const { tip } = index;
  let lines = 0;
  for (const line of linesOf(index, kept, isWhole)) {
    if (index.tip !== tip) throw new RangeError("The index has moved while it was saved");
    ++lines;
    yield encode(line);
  }
  yield encode(["end", lines]);
}

function* linesOf(
  { deployment, state }: EventIndex,
  kept: readonly KeptBlock[],
  isWhole: boolean,
): Generator<Line, void> {
  yield ["plimsoll event index", VERSION, JSON.stringify(deployment), isWhole];
  for (const [name, value] of Object.entries(state.singles))
    yield ["entry", "singles", name, value];
  for (const table of TABLE_NAMES) {
    for (const [key, value] of state[table]) yield ["entry", table, key, value];
  }
  for (const { hash, number, parentHash, time, undo } of kept) {
    yield ["block", number, hash, parentHash, time, undo];
  }
}

/**
 * An index as it was when the checkpoint was made, with the blocks that it can take back.
 *
 * @throws ForeignCheckpoint when the lines are not all there, or not of this deployment.
 */
export function restoreCheckpoint(lines: Iterable<string>, options: EventIndexOptions): EventIndex {
  const index = new EventIndex(options);
  const kept: KeptBlock[] = [];
  let isWhole: boolean | undefined;
  let [count, end] = [0, -1];
  for (const text of lines) {
    const line = decode(text);
    if (line[0] === "end") end = line[1];
    else ++count;
    if (line[0] === "plimsoll event index") {
      isWhole = line[3];
      if (line[1] !== VERSION || line[2] !== JSON.stringify(index.deployment)) {
        throw new ForeignCheckpoint("The checkpoint is of another version or deployment");
      }
    } else if (line[0] === "entry") {
      put(index.state, line);
    } else if (line[0] === "block") {
      const [, number, hash, parentHash, time, undo] = line;
      kept.push({ number, hash, parentHash, time, undo });
    }
  }
  if (isWhole === undefined || count !== end) {
    throw new ForeignCheckpoint("The checkpoint is not whole");
  }
  index.adopt({ kept, isWhole });
  return index;
}

function put(state: IndexState, [, table, key, value]: Line & { 0: "entry" }): void {
  if (table === "singles") {
    (state.singles as unknown as Record<string, Singles[keyof Singles]>)[key as string] =
      value as never;
  } else {
    (state[table] as Map<unknown, unknown>).set(key, value);
  }
}

/** Bigints end in n; no text of the state is written so. What is not there is said by a text of its own. */
function encode(line: Line): string {
  return JSON.stringify(line, function (this: Record<string, unknown>, key, value: unknown) {
    // Not `value`, which an application that gives bigints a toJSON has made a string of already.
    const held = this[key];
    if (typeof held === "bigint") return `${held}n`;
    return value === undefined ? NOTHING : value;
  });
}

const NOTHING = "nothing";

function decode(text: string): Line {
  let line: unknown;
  try {
    line = revived(JSON.parse(text));
  } catch (cause) {
    throw new ForeignCheckpoint("The checkpoint is not whole: a line of it is cut off", { cause });
  }
  if (!Array.isArray(line)) throw new ForeignCheckpoint("The checkpoint has a line of no kind");
  return line as unknown as Line;
}

/** By hand: a reviver of JSON.parse would leave out what is undefined. */
function revived(value: unknown): unknown {
  if (typeof value === "string") {
    if (value === NOTHING) return undefined;
    return value.endsWith("n") && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
  }
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revived(part)]));
}
