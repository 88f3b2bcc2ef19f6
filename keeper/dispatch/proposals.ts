import PQueue from "p-queue";
import { formatExplanation } from "../../sdk/index.js";
import { ROLE_NAMES } from "../roles/role.js";
import { BLOCKS_KEPT } from "./endings.js";
import type { HeldLeases } from "./heldLeases.js";
import type { Patience } from "./patience.js";
import type { Pending } from "./pending.js";
import type { Parts } from "./sender.js";
import { simulate, type Simulated } from "./simulate.js";
import { leaseOf } from "./names.js";
import { messageOf } from "../messageOf.js";

/** Simulations at a time: as many as nodes like to answer at once. */
const TOGETHER = 16;

/** More than it takes questions to go together. */
const PAUSE_AFTER_FIRST_MILLISECONDS = 3;

/** For so long those behind it wait for a slow simulation, from when the first of them was done [milliseconds]. */
const PATIENCE_MILLISECONDS = 250;

/** What proposals are prepared with. */
export interface ProposalsOptions {
  readonly parts: Parts;
  readonly leases: HeldLeases;
  readonly patience: Patience;
  /** Gives one that passes its nonce, one after the other in the order of the calls. */
  readonly send: (pending: Pending, gasLimit: bigint) => Promise<void>;
}

/** Simulates proposals and takes their leases, all at once, then lets them go on in the order in which they were given. */
export class Proposals {
  private readonly simulations = new PQueue({ concurrency: TOGETHER });

  constructor(private readonly options: ProposalsOptions) {}

  /** Resolves when each has been sent, or it is clear that it is not. Never rejects. */
  async prepare(batch: readonly Pending[]): Promise<void> {
    const { parts } = this.options;
    const { clock, dryRun } = parts.options;
    const leases = dryRun === true ? undefined : this.takeLeases(batch);
    const simulated = batch.map((pending, i) => {
      // Of those that wait for their turn the most urgent first, whatever was submitted before.
      const priority = -ROLE_NAMES.indexOf(pending.proposal.role);
      const simulate = async (): Promise<Simulated> => {
        // What is asked together is answered together: the first waits for nobody.
        if (i > 0) await clock.sleep(PAUSE_AFTER_FIRST_MILLISECONDS);
        return this.simulate(pending);
      };
      return this.simulations.add(simulate, { priority });
    });
    const over = new AbortController();
    const patience = Promise.race(simulated).then(() =>
      clock.sleep(PATIENCE_MILLISECONDS, over.signal),
    );

    const going: Promise<unknown>[] = [];
    for (const [i, pending] of batch.entries()) {
      const ready = simulated[i] as Promise<Simulated>;
      const goOn = ready
        .then((found) => this.goOn(pending, { found, leases }))
        .catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : typeof error;
          pending.leave(`It could not be prepared: ${reason}`);
        })
        .finally(() => parts.state.preparing.delete(pending.proposal.key));
      going.push(goOn);
      // Its place in the line is taken when it is ready; a slow one finds its place behind those that were quicker.
      await Promise.race([goOn, patience]);
    }
    over.abort();
    await Promise.all(going);
  }

  private async goOn(
    pending: Pending,
    { found, leases }: { found: Simulated; leases: Promise<ReadonlySet<string>> | undefined },
  ): Promise<void> {
    const { proposal } = pending;
    const { key, role, about } = proposal;
    const { parts } = this.options;
    const { logger } = parts.options;
    if (found.kind === "unknown") {
      await this.giveBack(pending, leases);
      pending.leave(`It could not be simulated: ${found.reason}`);
    } else if (found.kind === "refused") {
      await this.giveBack(pending, leases);
      this.refuse(pending, found);
    } else if (leases === undefined) {
      logger.info({ role, key, account: proposal.account, about }, "Dry run: this would be sent.");
      pending.leave("dry run");
    } else if (!(await leases).has(key)) {
      pending.leave("Another keeper has it");
    } else {
      await this.options.send(pending, found.gasLimit);
      if (pending.isDone) await this.giveBack(pending, leases);
    }
  }

  private refuse(pending: Pending, { explanation }: Extract<Simulated, { kind: "refused" }>): void {
    const { logger, metrics } = this.options.parts.options;
    const { key, role } = pending.proposal;
    const { remedy } = explanation;
    metrics.refused.inc({ role, remedy });
    logger.info({ role, key, remedy }, `Not sent: ${formatExplanation(explanation)}`);
    this.options.patience.failed(pending.proposal, explanation, pending.block);
    pending.finish({ kind: "refused", explanation });
  }

  private async simulate({ block, proposal }: Pending): Promise<Simulated> {
    const { parts } = this.options;
    const { chain, errorContext: context = {} } = parts.options;
    const from = parts.state.address;
    // What reverted in a block although it had passed is not given the same limit again.
    const hasReverted = this.options.patience.hasReverted(proposal.key);
    const asked = hasReverted ? { ...proposal, roomyGas: undefined } : proposal;
    return simulate(chain.rpc, { proposal: asked, from, context, block: block.number });
  }

  /** Keys whose lease is this keeper's; none when the database did not say. Asked while the simulations run. */
  private async takeLeases(batch: readonly Pending[]): Promise<ReadonlySet<string>> {
    const { leases, parts } = this.options;
    const keys = batch.map(({ proposal }) => proposal.key);
    try {
      const taken = await leases.take(keys.map(leaseOf));
      return new Set(keys.filter((key) => taken.has(leaseOf(key))));
    } catch (error) {
      const detail = messageOf(error);
      parts.options.alarms.raise("storageFailing", "dispatch", detail);
      parts.state.isStale = true;
      return new Set();
    }
  }

  /** What is not sent is anybody's, unless an earlier transaction of the key is still to be kept from others. */
  private async giveBack(
    { proposal: { key }, block }: Pending,
    leases: Promise<ReadonlySet<string>> | undefined,
  ): Promise<void> {
    if (leases === undefined || !(await leases).has(key)) return;
    const { leases: held, parts } = this.options;
    const earlier = parts.state.all.filter(({ written }) => written.key === key);
    // One that waits keeps its lease until it is in a block.
    if (earlier.some(({ state }) => state !== "mined")) return;
    if (earlier.length > 0) {
      held.keepUntil(leaseOf(key), block.number + BLOCKS_KEPT);
    } else await held.release([leaseOf(key)]);
  }
}
