import { decide, type Decision, type Found } from "./decide.js";
import { raisedFees, type Fees } from "./fees.js";
import { BLOCKS_KEPT, type Endings } from "./endings.js";
import type { HeldLeases } from "./heldLeases.js";
import { type FoundReceipt, foundOf, knownOf, type Look, lookFor } from "./look.js";
import type { Parts, Sender } from "./sender.js";
import { simulateAgain } from "./simulateAgain.js";
import { readCounts, type Surroundings } from "./surroundings.js";
import { reasonOfReplacing, reasonOfWaiting } from "./reasons.js";
import { leaseOf, subjectOf } from "./names.js";
import type { Transaction } from "./transaction.js";

/** What a watcher does it with. */
export interface WatcherParts {
  readonly parts: Parts;
  readonly sender: Sender;
  readonly endings: Endings;
  readonly leases: HeldLeases;
}

/** What was seen of one transaction at one block. */
interface Seen {
  readonly look: Look;
  readonly surroundings: Surroundings;
}

/** What is to be done about a transaction. */
interface Plan {
  readonly transaction: Transaction;
  readonly seen: Seen;
  readonly raise: Fees | undefined;
  decision: Decision;
}

/** Looks after what is under way: after each block it asks, decides, and does. */
export class Watcher {
  constructor(private readonly with_: WatcherParts) {}

  /**
   * Looks once after everything that is under way.
   *
   * @throws CouldNotLook when a node did not answer; what could be seen is done.
   */
  async watch(surroundings: Surroundings): Promise<void> {
    const { state } = this.with_.parts;
    this.leaveToOthers();
    const seen = await Promise.allSettled(
      state.all.map(async (transaction) => ({
        transaction,
        seen: await this.see(transaction, surroundings),
      })),
    );
    const failures: Error[] = [];
    const plans: Plan[] = [];
    for (const result of seen) {
      if (result.status === "rejected") failures.push(result.reason as Error);
      else plans.push(this.plan(result.value.transaction, result.value.seen));
    }
    failures.push(...(await this.attend(plans)));
    const [failure] = failures;
    if (failure !== undefined) throw failure;
  }

  /** Looks after one transaction at once. */
  async watchOne(transaction: Transaction, surroundings: Surroundings): Promise<void> {
    const plan = this.plan(transaction, await this.see(transaction, surroundings));
    const [failure] = await this.attend([plan]);
    if (failure !== undefined) throw failure;
  }

  /** Does what is planned; gives what went wrong. */
  private async attend(plans: readonly Plan[]): Promise<Error[]> {
    const failures: Error[] = [];
    const trying = (act: Promise<void>): Promise<void> =>
      act.catch((error: unknown) => {
        failures.push(error instanceof Error ? error : new Error(String(error)));
      });
    const those = (wanted: Decision): Plan[] => plans.filter(({ decision }) => decision === wanted);
    // What needs nobody's answer first, all at once: a block may have many of them.
    await trying(this.minedAll(those("mined")));
    await trying(this.settleAll(those("settle")));
    await Promise.all(those("simulate").map((plan) => trying(this.simulated(plan))));
    // After a reorganisation there may be very many, and what waits for this look waits for all of them.
    await Promise.all(plans.map((plan) => trying(this.act(plan))));
    return failures;
  }

  /** What was taken up for dead is its keeper's again when the lease is: it was only slow. */
  private leaveToOthers(): void {
    const { leases, parts } = this.with_;
    for (const transaction of [...parts.state.others.values()]) {
      if (leases.has(leaseOf(transaction.written.key))) continue;
      parts.state.remove(transaction);
      transaction.pending?.leave("Another keeper has it");
    }
  }

  private async see(transaction: Transaction, own: Surroundings): Promise<Seen> {
    const { options, state } = this.with_.parts;
    const { wallet } = transaction.written;
    const { confirmations } = options.config;
    const { rpc } = options.chain;
    const counts =
      wallet === state.address
        ? own.counts
        : await readCounts(rpc, { address: wallet, block: own.block, confirmations });
    const surroundings = { ...own, counts };
    return { look: await lookFor(rpc, transaction, counts), surroundings };
  }

  private plan(transaction: Transaction, seen: Seen): Plan {
    const { counts } = seen.surroundings;
    const { nonce } = transaction.written;
    const isMissed = seen.look.receipt === undefined && nonce < counts.settled;
    transaction.timesMissed = isMissed ? transaction.timesMissed + 1 : 0;
    const raise = this.raiseOf(transaction, seen.surroundings);
    const decision = this.decide(transaction, seen, { raise, simulation: "unasked" });
    return { transaction, seen, raise, decision };
  }

  private async simulated(plan: Plan): Promise<void> {
    const { raise, seen, transaction } = plan;
    const { options } = this.with_.parts;
    const simulation = await simulateAgain(options, transaction, seen.surroundings.block);
    plan.decision = this.decide(transaction, seen, { raise, simulation });
  }

  private decide(
    transaction: Transaction,
    { look, surroundings }: Seen,
    rest: Pick<Found, "raise" | "simulation">,
  ): Decision {
    const { options, state } = this.with_.parts;
    const known = knownOf(transaction, transaction.written.wallet === state.address);
    const holdsUp = state.holdsUp(transaction, surroundings.prices.baseFee);
    const found = foundOf(look, { ...rest, holdsUp, surroundings, transaction });
    return decide(known, found, options.config);
  }

  private async act({ decision, transaction, seen, raise }: Plan): Promise<void> {
    const { parts, sender } = this.with_;
    const { alarms, metrics } = parts.options;
    switch (decision) {
      case "wait":
      case "simulate":
      case "mined":
      case "settle":
        return;
      case "unmined":
        return this.unmined(transaction);
      case "lost":
        return this.lost(transaction);
      case "rebroadcast":
        return parts.wire.repeat(transaction);
      case "bump":
        if (raise === undefined) return;
        metrics.bumped.inc();
        alarms.clear("transactionStuck", subjectOf(transaction));
        return sender.sendVersion(transaction, { fees: raise, reason: transaction.newest.reason });
      case "replace":
        return this.replace(transaction, seen.surroundings);
      case "stuck":
        this.raiseStuck(transaction, seen.surroundings);
        return;
      case "relinquish":
        await parts.journal.drop(transaction.written);
        parts.state.remove(transaction);
        this.with_.leases.keepUntil(
          leaseOf(transaction.written.key),
          seen.surroundings.block + BLOCKS_KEPT,
        );
        this.with_.endings.relinquished(transaction);
    }
  }

  private async minedAll(plans: readonly Plan[]): Promise<void> {
    const { parts } = this.with_;
    const found = plans.flatMap(({ seen, transaction }) => {
      const { receipt } = seen.look;
      return receipt === undefined ? [] : [{ receipt, seen, transaction }];
    });
    await parts.journal.mined(
      found.map(({ receipt: { minedAt }, transaction: { written } }) => ({ minedAt, written })),
    );
    await Promise.all(
      found.map(({ receipt, seen, transaction }) =>
        this.tellMined(transaction, receipt, seen.surroundings.block),
      ),
    );
    // Where nothing is ever taken back it is settled in its own block.
    if (parts.options.config.confirmations === 0) await this.settleAll(plans);
  }

  private async tellMined(
    transaction: Transaction,
    raw: FoundReceipt,
    block: number,
  ): Promise<void> {
    const { endings, leases, parts } = this.with_;
    const receipt = endings.receiptOf(raw);
    const isNew = transaction.toldHash !== receipt.hash;
    transaction.state = "mined";
    transaction.minedAt = raw.minedAt;
    parts.options.alarms.clear("transactionStuck", subjectOf(transaction));
    leases.keepUntil(leaseOf(transaction.written.key), block + BLOCKS_KEPT);
    // The same in another block is nothing new to people.
    transaction.toldHash = receipt.hash;
    if (isNew) await endings.mined(transaction, receipt);
  }

  private async settleAll(plans: readonly Plan[]): Promise<void> {
    const { journal, state } = this.with_.parts;
    await journal.end(
      plans.map(({ transaction }) => transaction.written),
      "settled",
    );
    for (const { transaction } of plans) state.remove(transaction);
  }

  private async unmined(transaction: Transaction): Promise<void> {
    const { parts } = this.with_;
    const { minedAt } = transaction;
    const { key, nonce } = transaction.written;
    parts.options.logger.warn(
      { key, nonce, block: minedAt?.block, blockHash: minedAt?.blockHash },
      "The block of a transaction was replaced; it is sent again as it is.",
    );
    await parts.journal.unmined(transaction.written);
    transaction.state = "waiting";
    transaction.minedAt = undefined;
    await this.with_.leases.take([leaseOf(key)]);
    await parts.wire.repeat(transaction);
  }

  private async lost(transaction: Transaction): Promise<void> {
    const { endings, leases, parts } = this.with_;
    const { wallet, nonce, key } = transaction.written;
    // Another process with this key may have signed a version that memory lacks: that would be ours.
    const written = (await parts.journal.open(wallet)).find((row) => row.nonce === nonce);
    if (written !== undefined && written.versions.length > transaction.versions.length) {
      transaction.versions = written.versions;
      transaction.timesMissed = 0;
      return;
    }
    await parts.journal.end([transaction.written], "lost");
    parts.state.remove(transaction);
    parts.options.alarms.clear("transactionStuck", subjectOf(transaction));
    await leases.release([leaseOf(key)]);
    endings.lost(transaction);
  }

  private async replace(transaction: Transaction, surroundings: Surroundings): Promise<void> {
    const { parts, sender } = this.with_;
    const { key, nonce } = transaction.written;
    const fees = sender.feesOfNothing(transaction.newest);
    if (fees === undefined) {
      this.raiseStuck(transaction, surroundings);
      return;
    }
    const reason = reasonOfReplacing(transaction, parts.state, surroundings);
    parts.options.logger.info({ key, nonce, reason }, "A transaction is replaced by nothing.");
    await sender.sendVersion(transaction, { fees, reason });
  }

  private raiseStuck(transaction: Transaction, surroundings: Surroundings): void {
    const detail = reasonOfWaiting(transaction, surroundings);
    this.with_.parts.options.alarms.raise("transactionStuck", subjectOf(transaction), detail);
  }

  private raiseOf(transaction: Transaction, { prices }: Surroundings): Fees | undefined {
    const { config } = this.with_.parts.options;
    const { newest, written } = transaction;
    if (newest.reason !== undefined || written.proposal === undefined) {
      return this.with_.sender.feesOfNothing(newest);
    }
    const limit = written.proposal.mostCost / newest.gasLimit;
    return raisedFees(newest.fees, { prices, percent: config.bumpPercent, limit });
  }
}
