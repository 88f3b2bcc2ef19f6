import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import {
  blockLine,
  CHECKPOINT_VERSION,
  type CheckpointLine,
  encodeLine,
  entryLines,
  type EventIndex,
  firstLine,
  type KeptBlock,
} from "../../sdk/index.js";
import type { Changes, Place } from "./changes.js";
import {
  countPieces,
  digestOf,
  type Head,
  type Piece,
  readHead,
  writeHead,
  writePiece,
} from "./checkpointTables.js";
import type { Database } from "./database.js";
import type { Stored } from "./restoreIndex.js";

/** Another keeper has written the checkpoint meanwhile, or has the right to. */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
}

/** The save was ended before it was done. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** What is written, and where. */
export interface WriterOptions {
  readonly database: Database;
  readonly index: EventIndex;
  readonly changes: Changes;
  readonly deployment: string;
  /** Lines that are written at a time: no more, so that none is long in the way of what else the process does. */
  readonly pieceLines: number;
  /** Asked after each piece; throws to end the save. */
  readonly mayGoOn: () => Promise<void>;
}

/** One save. */
export interface Writing {
  /** What is added to; undefined for a new series with everything. */
  readonly base: Head | undefined;
  /** What counts now: whoever else writes makes another one of it. */
  readonly stored: Head | undefined;
  /** Told just before the new head is written: if that fails, it may have been or not. */
  readonly onHead: (head: Head) => void;
}

/** A piece of long lines is cut earlier [characters]. */
const PIECE_SIZE = 200_000;
/** More changes than these are written before the moment of which the checkpoint will be. */
const MOST_LAST_CHANGES = 10_000;
/** So often: where the chain writes faster than the database, the last changes are many. */
const MOST_ROUNDS = 5;

/**
 * Writes an index that may move meanwhile: first whatever is known, each entry as it is when its turn comes; then, of one
 * moment between two blocks, all that was changed since its turn. Values are never changed in place, so that moment takes
 * no longer than to look them up.
 */
export class CheckpointWriter {
  /** Blocks that the series has already. */
  private written = new WeakSet<KeptBlock>();

  constructor(private readonly options: WriterOptions) {}

  /** Blocks that came out of the database. */
  adopt(blocks: readonly KeptBlock[]): void {
    for (const block of blocks) this.written.add(block);
  }

  /**
   * @throws Overtaken when another keeper has written.
   * @throws whatever ends it; what was stored before stays, and what was not written is said to be changed again.
   */
  async write({ base, onHead, stored }: Writing): Promise<Stored> {
    const { changes, index } = this.options;
    const pieces = new Pieces(this.options, base, stored);
    let taken: Place[] = [];
    try {
      if (base === undefined) {
        this.written = new WeakSet();
        changes.start();
        await pieces.addAll([firstLine(index.deployment)]);
        await pieces.addAll(entryLines(index));
      }
      for (let i = 0; i < MOST_ROUNDS && changes.count > MOST_LAST_CHANGES; ++i) {
        const round = changes.take();
        taken = taken.concat(round);
        await pieces.addAll(this.entriesAt(round));
      }
      const last = changes.take();
      taken = taken.concat(last);
      const { tip } = index;
      const kept = [...index.history.kept];
      await pieces.addAll([...this.entriesAt(last), ...this.blockLines(kept)]);
      const head = await pieces.finish(tip?.number ?? 0, onHead);
      this.adopt(kept);
      return { head, tip };
    } catch (error) {
      changes.giveBack(taken);
      throw error;
    }
  }

  private *entriesAt(places: readonly Place[]): Generator<CheckpointLine, void> {
    const { changes } = this.options;
    for (const place of places) yield ["entry", ...place, changes.valueAt(place)];
  }

  private *blockLines(kept: readonly KeptBlock[]): Generator<CheckpointLine, void> {
    for (const block of kept) if (!this.written.has(block)) yield blockLine(block);
    const { isWhole } = this.options.index.history;
    yield ["kept", isWhole, kept.map(({ hash }) => hash)];
  }
}

/** The pieces of one save, which count for nothing before it is finished. */
class Pieces {
  private readonly save = randomBytes(8).toString("hex");
  private readonly series: string;
  private readonly firstNumber: number;
  private number: number;
  private lines: number;
  private digest: string;
  private size: number;
  private waiting: string[] = [];
  private waitingSize = 0;

  constructor(
    private readonly options: WriterOptions,
    private readonly base: Head | undefined,
    private readonly stored: Head | undefined,
  ) {
    this.series = base?.series ?? this.save;
    this.firstNumber = this.number = base?.pieces ?? 0;
    this.lines = base?.lines ?? 0;
    this.digest = base?.digest ?? this.series;
    this.size = base?.size ?? 0;
  }

  async addAll(lines: Iterable<CheckpointLine>): Promise<void> {
    const { deployment, mayGoOn, pieceLines } = this.options;
    for (const line of lines) {
      this.add(line);
      if (this.waiting.length < pieceLines && this.waitingSize < PIECE_SIZE) continue;
      const piece = this.cut();
      await this.unlessOvertaken((inside) => writePiece(inside, deployment, piece));
      await turn();
      await mayGoOn();
    }
  }

  /** Makes all of them count, together with the last one: what is small is one transaction. */
  async finish(block: number, onHead: (head: Head) => void): Promise<Head> {
    this.add(["end", this.lines]);
    const last = this.cut();
    const { digest, lines, number: pieces, series, size } = this;
    const wholeSize = this.base?.wholeSize ?? size;
    const version = CHECKPOINT_VERSION;
    const head = { version, series, pieces, lines, digest, wholeSize, size, block };
    const { deployment } = this.options;
    onHead(head);
    await this.unlessOvertaken(async (inside) => {
      await writePiece(inside, deployment, last);
      // Another keeper that had the right to write may have removed some, or written over them.
      if ((await countPieces(inside, last)) !== pieces - this.firstNumber) throw new Overtaken();
      await writeHead(inside, deployment, head);
    });
    return head;
  }

  private add(line: CheckpointLine): void {
    const text = encodeLine(line);
    this.waiting.push(text);
    this.waitingSize += text.length;
    ++this.lines;
  }

  private cut(): Piece {
    const lines = this.waiting.join("\n");
    [this.waiting, this.waitingSize] = [[], 0];
    this.digest = digestOf(this.digest, lines);
    this.size += lines.length;
    return { lines, number: ++this.number, save: this.save, series: this.series };
  }

  private unlessOvertaken(act: (inside: Database) => Promise<void>): Promise<void> {
    const { database, deployment } = this.options;
    return database.transaction(async (inside) => {
      const now = await readHead(inside, deployment);
      if (now?.digest !== this.stored?.digest) throw new Overtaken();
      await act(inside);
    });
  }
}
