import PQueue from "p-queue";
import type { DispatcherOptions } from "./options.js";
import { nodeRefusalOf } from "./nodeErrors.js";
import type { Transaction } from "./transaction.js";
import { messageOf } from "../messageOf.js";

/** Gives signed transactions to the nodes: one after the other, since some nodes refuse a nonce before they have the one below it. */
export class Wire {
  private readonly queue = new PQueue({ concurrency: 1 });
  /** Of nonces that the nodes had before: there may be very many, and which comes first matters little. */
  private readonly repetitions = new PQueue({ concurrency: 8 });

  constructor(
    private readonly options: Pick<
      DispatcherOptions,
      "alarms" | "chain" | "clock" | "logger" | "metrics" | "wallet"
    >,
  ) {}

  /** Gives the newest version to the nodes. What they say is kept with the transaction; it never throws. */
  broadcast(transaction: Transaction): Promise<void> {
    return this.queue.add(() => this.broadcastNow(transaction));
  }

  /** The same for one whose nonce the nodes should know. */
  repeat(transaction: Transaction): Promise<void> {
    return this.repetitions.add(() => this.broadcastNow(transaction));
  }

  /** Waits until nothing is on its way to a node. */
  async idle(): Promise<void> {
    await Promise.all([this.queue.onIdle(), this.repetitions.onIdle()]);
  }

  private async broadcastNow(transaction: Transaction): Promise<void> {
    const { chain, logger } = this.options;
    const { newest, written } = transaction;
    const { key, nonce, wallet } = written;
    try {
      await chain.broadcast(newest.raw);
      transaction.refusal = undefined;
    } catch (error) {
      const refusal = nodeRefusalOf(error);
      transaction.refusal = refusal === "known" ? undefined : refusal;
      if (transaction.refusal !== undefined) {
        logger.warn(
          { key, nonce, hash: newest.hash, refusal, error: messageOf(error) },
          "No node took a transaction; it is looked at again after the next block.",
        );
      }
      if (refusal === "poor" && wallet === this.options.wallet.address) {
        this.options.alarms.raise("walletEmpty", wallet, `A node says: ${messageOf(error)}`);
      }
    }
    if (transaction.refusal === undefined) this.wasTaken(transaction);
  }

  private wasTaken({ newest, pending, written }: Transaction): void {
    const { clock, logger, metrics } = this.options;
    const { key, nonce, proposal } = written;
    logger.debug({ key, nonce, hash: newest.hash }, "A node has a transaction.");
    if (pending === undefined || pending.wasTaken) return;
    metrics.sent.inc({ role: proposal?.role ?? "none" });
    metrics.secondsToSend.observe((clock.now() - pending.submittedAt) / 1_000);
    pending.wasSent(newest.hash);
  }
}
