import { HeldLeases } from "./heldLeases.js";
import type { Parts } from "./sender.js";
import { leaseOf, subjectOf } from "./names.js";

/** What ownership of a wallet needs. */
export interface OwnershipOptions {
  readonly parts: Parts;
  /** Brings memory in step with what is written, when nothing is being reserved. */
  readonly refreshMemory: () => Promise<void>;
  /** Whether the keeper still does its rounds. */
  readonly isAlive: () => boolean;
}

/** Whether the wallet is this keeper's: of those that have its key one alone may send. */
export class Ownership {
  readonly leases: HeldLeases;

  constructor(private readonly options: OwnershipOptions) {
    const { leases, config } = options.parts.options;
    this.leases = new HeldLeases({
      leases,
      seconds: config.leaseSeconds,
      isAlive: options.isAlive,
      onLost: (names, error) => {
        this.onLost(names, error);
      },
    });
  }

  /** Takes the wallet where it is free, and sends again what was left under way. */
  async take(): Promise<void> {
    const { options, state, wire } = this.options.parts;
    const { address } = state;
    const taken = await this.leases.take([this.name]);
    if (!taken.has(this.name)) {
      options.logger.warn(
        { wallet: address },
        "Another keeper, or an earlier run of this one, has this wallet; nothing is sent until it is free.",
      );
      return;
    }
    state.hasWallet = true;
    state.isStale = true;
    await this.options.refreshMemory();
    const left = state.waitingOwn.toSorted((a, b) => a.written.nonce - b.written.nonce);
    const next = state.nextNonce;
    options.logger.info({ wallet: address, left: left.length, next }, "Ready to send.");
    await this.leases.take(left.map(({ written }) => leaseOf(written.key)));
    const used = state.surroundings?.counts.latest ?? 0;
    for (const transaction of left) {
      const isSendable = transaction.state === "waiting" && transaction.written.nonce >= used;
      if (isSendable) await wire.broadcast(transaction);
    }
  }

  private get name(): string {
    return `wallet ${this.options.parts.state.address}`;
  }

  private onLost(names: readonly string[], error: unknown): void {
    const { options, state } = this.options.parts;
    if (error !== undefined) {
      const detail = error instanceof Error ? error.message : "The database did not answer";
      options.alarms.raise("storageFailing", "dispatch", detail);
      state.isStale = true;
    }
    if (names.includes(this.name)) this.lose();
    else if (names.length > 0) {
      options.logger.warn({ names }, "Leases were lost to another keeper.");
    }
  }

  private lose(): void {
    const { options, state } = this.options.parts;
    options.logger.error({ wallet: state.address }, "Another keeper has taken this wallet.");
    state.hasWallet = false;
    // Keys that are held go with it: who has the wallet could never send anything of them otherwise.
    void this.leases.releaseAll();
    for (const transaction of [...state.all]) {
      state.remove(transaction);
      options.alarms.clear("transactionStuck", subjectOf(transaction));
      transaction.pending?.leave("Another keeper has taken this wallet, and goes on with it");
    }
  }
}
