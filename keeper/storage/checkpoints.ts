import { setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import { type Clock, systemClock } from "../clock.js";
import type { EventIndex } from "../../sdk/index.js";
import { Changes } from "./changes.js";
import { deploymentKey, type Head, readHead, removeSome } from "./checkpointTables.js";
import { CheckpointWriter, Overtaken, Stopped } from "./checkpointWriter.js";
import type { Database } from "./database.js";
import type { Leases } from "./leases.js";
import type { Stored } from "./restoreIndex.js";

/** What came of a save. */
export type Saved =
  | {
      readonly outcome: "saved";
      /** The last block that is in it. */
      readonly block: number;
      /** Entries of the state and blocks that were written, some of them more than once. */
      readonly lines: number;
      /** Everything was written, not only what had changed. */
      readonly isWhole: boolean;
    }
  /** Nothing has happened since the last one; another keeper does it; `close` was called. */
  | { readonly outcome: "unchanged" | "elsewhere" | "stopped" };

/** Keeps an index in the database. */
export interface Checkpoints {
  /**
   * Makes what is stored what the index knows now, or at a block that came while it was written: all of it or, when the
   * process dies at any instant, what was stored before. Blocks may go on meanwhile, and nobody needs to wait for it; while
   * one is under way, asking again gives the same. After a failure the next one writes what this one did not.
   *
   * @throws StorageFailure when the database does not answer.
   */
  save(): Promise<Saved>;
  /** Stops what is under way, which leaves what was stored before, and gives back the right to write. */
  close(): Promise<void>;
}

/** Whose checkpoints, and where. */
export interface CheckpointsOptions {
  readonly database: Database;
  readonly index: EventIndex;
  /** What `restoreIndex` has given with this index, if it did: then only changes are written. */
  readonly stored?: Stored | undefined;
  /** With several keepers on one database: only one of them writes. */
  readonly leases?: Leases;
  /** What a keeper that does not come back makes the others wait [seconds]; 30 if nothing is said. */
  readonly leaseSeconds?: number;
  /** Lines that are written at a time; 400 if nothing is said, which takes a few milliseconds. */
  readonly pieceLines?: number;
  /** A series is added to by so much at least before a new one begins [characters]; 1,000,000 if nothing is said. */
  readonly leastGrowth?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** Checkpoints of an index; its tables are those of `MIGRATIONS` in checkpointTables.ts. */
export function createCheckpoints(options: CheckpointsOptions): Checkpoints {
  return new DatabaseCheckpoints(options);
}

/** [characters] */
const LEAST_GROWTH = 1_000_000;

class DatabaseCheckpoints implements Checkpoints {
  private readonly changes: Changes;
  private readonly deployment: string;
  private readonly writer: CheckpointWriter;
  /** What the database has, if it is of this index; what it may have, if a save has failed at its end. */
  private head: Head | undefined;
  private doubtful: Head | undefined;
  private tip: EventIndex["tip"];
  private saving: Promise<Saved> | undefined;
  private isClosed = false;
  /** [unix milliseconds] */
  private leaseEnds = 0;

  constructor(private readonly options: CheckpointsOptions) {
    const { database, index, pieceLines = 400, stored } = options;
    this.changes = new Changes(index);
    this.deployment = deploymentKey(index);
    this.writer = new CheckpointWriter({
      ...{ database, index, changes: this.changes, deployment: this.deployment, pieceLines },
      mayGoOn: () => this.mayGoOn(),
    });
    // One that has moved since has changes that nobody has collected.
    if (stored === undefined || stored.tip !== index.tip) return;
    [this.head, this.tip] = [stored.head, stored.tip];
    this.writer.adopt(index.history.kept);
    this.changes.start();
  }

  save(): Promise<Saved> {
    this.saving ??= this.attempt().finally(() => {
      this.saving = undefined;
    });
    return this.saving;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.saving?.catch(() => undefined);
    this.changes.stop();
    if (this.leaseEnds > 0) await this.options.leases?.release([this.leaseKey]);
  }

  private async attempt(): Promise<Saved> {
    const { database, index, log } = this.options;
    if (this.isClosed) return { outcome: "stopped" };
    if (index.tip === undefined || (this.head !== undefined && index.tip === this.tip)) {
      return { outcome: "unchanged" };
    }
    try {
      await this.mayGoOn();
      const stored = await readHead(database, this.deployment);
      const known = [this.head, this.doubtful].find((head) => head?.digest === stored?.digest);
      // A save of which it was not known whether it was kept: it was.
      if (known !== undefined) this.head = known;
      const isWhole = stored === undefined || known === undefined || this.isGrown(known);
      if (isWhole) await this.removeOthers();
      const written = await this.write(isWhole ? undefined : known, stored);
      if (isWhole) await this.removeOthers();
      log?.debug({ ...written, isWhole }, "The checkpoint is written.");
      return { outcome: "saved", ...written, isWhole };
    } catch (error) {
      this.tip = undefined;
      if (error instanceof Stopped) return { outcome: "stopped" };
      if (!(error instanceof Overtaken)) throw error;
      // What this one has collected since its last save says nothing of what another has stored.
      this.forget();
      return { outcome: "elsewhere" };
    }
  }

  private async write(base: Head | undefined, stored: Head | undefined) {
    const lines = base?.lines ?? 0;
    if (base === undefined) this.forget();
    this.doubtful = undefined;
    const { head, tip } = await this.writer.write({
      ...{ base, stored },
      onHead: (planned) => {
        this.doubtful = planned;
      },
    });
    [this.head, this.doubtful, this.tip] = [head, undefined, tip];
    return { block: head.block, lines: head.lines - lines };
  }

  private forget(): void {
    [this.head, this.doubtful, this.tip] = [undefined, undefined, undefined];
    this.changes.stop();
  }

  /** What was left over by saves that died, and the series before the one that counts. */
  private async removeOthers(): Promise<void> {
    while (await removeSome(this.options.database, this.deployment)) {
      await turn();
      await this.mayGoOn();
    }
  }

  /** When what was added weighs as much as the whole did, a new series costs less than reading the old one. */
  private isGrown({ size, wholeSize }: Head): boolean {
    return size - wholeSize > Math.max(wholeSize, this.options.leastGrowth ?? LEAST_GROWTH);
  }

  private get leaseKey(): string {
    return `checkpoint ${this.deployment}`;
  }

  /**
   * @throws Stopped when it is to be ended.
   * @throws Overtaken when another keeper has the right to write.
   */
  private async mayGoOn(): Promise<void> {
    const { clock = systemClock, leases, leaseSeconds = 30 } = this.options;
    if (this.isClosed) throw new Stopped();
    const now = clock.now();
    // Held for two thirds of its time before it is asked for again.
    if (leases === undefined || now < this.leaseEnds - (leaseSeconds * 1_000) / 3) return;
    this.leaseEnds = 0;
    const taken = await leases.take([this.leaseKey], leaseSeconds);
    if (!taken.has(this.leaseKey)) throw new Overtaken();
    this.leaseEnds = now + leaseSeconds * 1_000;
  }
}
