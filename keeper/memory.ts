import type { Logger } from "pino";
import type { Clock } from "./clock.js";
import type { KeeperConfig } from "./config/schema.js";
import type { KeeperState } from "./state/state.js";
import { type Checkpoints, createCheckpoints } from "./storage/checkpoints.js";
import type { Database } from "./storage/database.js";
import type { Leases } from "./storage/leases.js";
import type { Stored } from "./storage/restoreIndex.js";

/** Whose memory is written down, and where. */
export interface MemoryOptions {
  readonly state: Pick<KeeperState, "index">;
  readonly database: Database;
  readonly leases: Leases;
  readonly config: Pick<KeeperConfig, "checkpointSeconds">;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What the index was restored from, if it was. */
  readonly stored: Stored | undefined;
}

/** Writes what the keeper knows to the database now and then, while it goes on. */
export class Memory {
  private checkpoints: Checkpoints;
  private index: KeeperState["index"];
  private savedAt: number;
  /** Of the last save, until one succeeds. */
  private failure: Error | undefined;
  private saving: Promise<void> | undefined;

  constructor(private readonly options: MemoryOptions) {
    this.index = options.state.index;
    this.savedAt = options.clock.now();
    this.checkpoints = this.checkpointsOf(options.stored);
  }

  /**
   * Begins to write when it is time to; nobody waits for it.
   *
   * @throws What went wrong with the last one, as long as none has succeeded since.
   */
  async saveWhenDue(): Promise<void> {
    const { clock, config } = this.options;
    if (clock.now() - this.savedAt >= config.checkpointSeconds * 1_000) {
      this.savedAt = clock.now();
      void this.save();
    }
    if (this.failure !== undefined) throw this.failure;
    await Promise.resolve();
  }

  /** Writes it now; never throws: what is not written is read from the chain again. One that goes on already is waited for. */
  async save(): Promise<void> {
    this.saving ??= this.saveNow().finally(() => {
      this.saving = undefined;
    });
    await this.saving;
  }

  private async saveNow(): Promise<void> {
    const { logger, state } = this.options;
    try {
      if (state.index !== this.index) {
        // It was built again: what is stored is of the one that was wrong.
        await this.checkpoints.close();
        this.index = state.index;
        this.checkpoints = this.checkpointsOf(undefined);
      }
      await this.checkpoints.save();
      this.failure = undefined;
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      logger.warn({ err: error }, "The checkpoint could not be written.");
    }
  }

  /** Ends what is being written. */
  async close(): Promise<void> {
    await this.checkpoints.close();
  }

  private checkpointsOf(stored: Stored | undefined): Checkpoints {
    const { clock, database, leases, logger } = this.options;
    return createCheckpoints({ clock, database, leases, stored, index: this.index, log: logger });
  }
}
