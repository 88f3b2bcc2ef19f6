import { EventIndex, type EventIndexOptions, type KeptBlock } from "./eventIndex.js";
import type { TableName, Undo } from "./journal.js";
import type { IndexedDeployment } from "./reduction.js";
import type { IndexState, Singles } from "./state.js";

/** Of another version or another deployment, or not whole: the index must be rebuilt. */
export class ForeignCheckpoint extends Error {
  override readonly name = "ForeignCheckpoint";
}

/** Changed with every change of the lines or of the state. */
export const CHECKPOINT_VERSION = 2;

/**
 * What a checkpoint consists of, a JSON value a line: first what it is of; then entries of the state, of which the last one of
 * a key counts and one without a value removes it; blocks; which of the blocks can be taken back, oldest first; and the number
 * of lines before this one. After the end others may follow, up to another end: what has changed since.
 */
export type CheckpointLine =
  | readonly ["plimsoll event index", version: number, contracts: string]
  | readonly ["entry", table: TableName, key: unknown, value: unknown]
  | readonly ["block", number: number, hash: string, parentHash: string, time: bigint, undo: Undo]
  | readonly ["kept", isWhole: boolean, hashes: readonly string[]]
  | readonly ["end", lines: number];

/** The first line of all. */
export function firstLine(deployment: IndexedDeployment): CheckpointLine {
  return ["plimsoll event index", CHECKPOINT_VERSION, JSON.stringify(deployment)];
}

/** A block's line. */
export function blockLine({ hash, number, parentHash, time, undo }: KeptBlock): CheckpointLine {
  return ["block", number, hash, parentHash, time, undo];
}

/**
 * A line as text. Bigints end in n; no text of the state is written so. What is not there is said by a text of its own.
 * By hand: JSON.stringify would ask an application's own toJSON of bigints, and leave out what is undefined.
 */
export function encodeLine(line: CheckpointLine): string {
  return spelled(line);
}

const NOTHING = "nothing";

function spelled(value: unknown): string {
  if (typeof value === "bigint") return `"${value}n"`;
  if (value === undefined) return `"${NOTHING}"`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const part of value as readonly unknown[])
      text += `${text === "" ? "" : ","}${spelled(part)}`;
    return `[${text}]`;
  }
  for (const name of Object.keys(value)) {
    const part = (value as Readonly<Record<string, unknown>>)[name];
    text += `${text === "" ? "" : ","}"${name}":${spelled(part)}`;
  }
  return `{${text}}`;
}

/** Makes an index of lines, which may come in pieces. */
export class CheckpointReader {
  private readonly index: EventIndex;
  private readonly blocks = new Map<string, KeptBlock>();
  private kept: readonly KeptBlock[] = [];
  private isWhole: boolean | undefined;
  private lines = 0;
  private isAtEnd = false;

  constructor(options: EventIndexOptions) {
    this.index = new EventIndex(options);
  }

  /** Of which contracts it must be. */
  get deployment(): IndexedDeployment {
    return this.index.deployment;
  }

  /** @throws ForeignCheckpoint when it is no line, or the lines before it are not all there. */
  take(text: string): void {
    const line = decodeLine(text);
    if (this.lines === 0) this.requireFirst(line);
    this.isAtEnd = line[0] === "end";
    if (line[0] === "entry") put(this.index.state, line);
    else if (line[0] === "block") this.takeBlock(line);
    else if (line[0] === "kept") this.keep(line);
    else if (line[0] === "end" && line[1] !== this.lines) throw notWhole("lines are missing");
    ++this.lines;
  }

  /** @throws ForeignCheckpoint when the last line was not the end. */
  finish(): EventIndex {
    const { isAtEnd, isWhole, kept } = this;
    if (!isAtEnd || isWhole === undefined) throw notWhole("its end is missing");
    this.index.adopt({ kept, isWhole });
    return this.index;
  }

  private requireFirst(line: CheckpointLine): void {
    if (line[0] !== "plimsoll event index") throw notWhole("its beginning is missing");
    const [, version, contracts] = line;
    if (version === CHECKPOINT_VERSION && contracts === JSON.stringify(this.index.deployment)) {
      return;
    }
    throw new ForeignCheckpoint("The checkpoint is of another version or deployment");
  }

  private takeBlock([, number, hash, parentHash, time, undo]: CheckpointLine & {
    0: "block";
  }): void {
    this.blocks.set(hash, { number, hash, parentHash, time, undo });
  }

  /** Blocks that are not kept any more need not be remembered either. */
  private keep([, isWhole, hashes]: CheckpointLine & { 0: "kept" }): void {
    this.isWhole = isWhole;
    this.kept = hashes.map((hash) => {
      const block = this.blocks.get(hash);
      if (block === undefined) throw notWhole(`block ${hash} is missing`);
      return block;
    });
    this.blocks.clear();
    for (const block of this.kept) this.blocks.set(block.hash, block);
  }
}

function put(state: IndexState, [, table, key, value]: CheckpointLine & { 0: "entry" }): void {
  if (table === "singles") {
    (state.singles as unknown as Record<string, Singles[keyof Singles]>)[key as string] =
      value as never;
  } else if (value === undefined) {
    state[table].delete(key as never);
  } else {
    (state[table] as Map<unknown, unknown>).set(key, value);
  }
}

const KINDS: ReadonlySet<unknown> = new Set<CheckpointLine[0]>([
  "plimsoll event index",
  "entry",
  "block",
  "kept",
  "end",
]);

function decodeLine(text: string): CheckpointLine {
  let line: unknown;
  try {
    line = revived(JSON.parse(text));
  } catch (cause) {
    throw notWhole("a line of it is cut off", cause);
  }
  if (!Array.isArray(line) || !KINDS.has(line[0])) throw notWhole("it has a line of no kind");
  return line as unknown as CheckpointLine;
}

function notWhole(why: string, cause?: unknown): ForeignCheckpoint {
  return new ForeignCheckpoint(`The checkpoint is not whole: ${why}`, { cause });
}

const LETTER_N = "n".charCodeAt(0);

/** In place, and by hand: a reviver of JSON.parse would leave out what is undefined. */
function revived(value: unknown): unknown {
  if (typeof value === "string") {
    if (value.charCodeAt(value.length - 1) === LETTER_N && /^-?\d+n$/.test(value)) {
      return BigInt(value.slice(0, -1));
    }
    return value === NOTHING ? undefined : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const parts = value as Record<string, unknown>;
  for (const name of Object.keys(parts)) parts[name] = revived(parts[name]);
  return value;
}
