import { firstFees, raisedFees, type Fees } from "./fees.js";
import type { Journal, Reserved } from "./journal.js";
import type { DispatcherOptions } from "./options.js";
import type { Pending } from "./pending.js";
import { sign } from "./signing.js";
import type { DispatchState } from "./state.js";
import { readCounts, type Surroundings } from "./surroundings.js";
import { Transaction, type Version, type Written } from "./transaction.js";
import type { Wire } from "./wire.js";
import { messageOf } from "../messageOf.js";

/** What the parts of a dispatcher share. */
export interface Parts {
  readonly options: DispatcherOptions;
  readonly state: DispatchState;
  readonly journal: Journal;
  readonly wire: Wire;
}

/** What became of an attempt to give a proposal a nonce. */
export type Sending =
  /** It has one, or it is clear why not. */
  | { readonly kind: "ended" }
  /** Gas costs more than it is worth. */
  | { readonly kind: "tooDear"; readonly reason: string }
  /** Another wallet's transaction of the same key waits. */
  | { readonly kind: "waitsElsewhere"; readonly written: Written };

const ENDED: Sending = { kind: "ended" };

/** How often another nonce is tried when somebody else had it. */
const MOST_ATTEMPTS = 3;

/** A transfer of nothing to a wallet that is no contract [gas]. */
const GAS_OF_NOTHING = 21_000n;

/** What a transfer of nothing may cost while ether's price is not known [wei]. */
const USUAL_CANCEL_COST = 5_000_000_000_000_000n;

/**
 * Gives nonces to what is sent, writes down what was signed, and only then shows it to the nodes. Its methods that reserve
 * run one after the other: the caller sees to it.
 */
export class Sender {
  /** Gas of a transfer of nothing; more than usual where gas pays for data, or where the wallet has code [gas]. */
  private gasOfNothing = GAS_OF_NOTHING;
  /** What may have been written or not, by hash: the database did not say. */
  readonly unsure = new Map<string, Pending>();

  constructor(private readonly parts: Parts) {}

  /** Asks what a transfer of nothing costs on this chain. */
  async measureNothing(): Promise<void> {
    const { options, state } = this.parts;
    const { address } = state;
    const answer = await options.chain
      .rpc("eth_estimateGas", [{ from: address, to: address, value: "0x0" }])
      .catch(() => undefined);
    if (typeof answer === "string") {
      const estimate = BigInt(answer);
      this.gasOfNothing = estimate > GAS_OF_NOTHING ? (estimate * 5n) / 4n : GAS_OF_NOTHING;
    }
  }

  /** Reserves a nonce for a proposal that passes, signs, writes it down and sends it. */
  async send(pending: Pending, gasLimit: bigint): Promise<Sending> {
    const surroundings = this.parts.state.surroundings;
    if (!this.parts.state.hasWallet || surroundings === undefined) {
      pending.leave("The wallet is another keeper's, or is not known yet");
      return ENDED;
    }
    const { proposal } = pending;
    const fees = firstFees(surroundings.prices, proposal.mostCost / gasLimit);
    if (fees === undefined) {
      const reason = `Gas costs more than the ${proposal.mostCost} wei that it is worth`;
      return { kind: "tooDear", reason };
    }
    const lack = this.lackFor(fees.most * gasLimit, surroundings);
    if (lack !== undefined) {
      pending.leave(lack);
      return ENDED;
    }
    return this.reserveFor(pending, { fees, gasLimit });
  }

  /** Signs another version of a nonce, writes it down and sends it. Nothing happens when the nonce is no longer ours. */
  async sendVersion(
    transaction: Transaction,
    { fees, reason }: { fees: Fees; reason?: string | undefined },
  ): Promise<void> {
    const { journal, state, wire } = this.parts;
    const { proposal, wallet, nonce } = transaction.written;
    const version =
      reason === undefined && proposal !== undefined
        ? this.sign({ ...proposal, nonce, fees, gasLimit: transaction.newest.gasLimit })
        : this.signNothing(nonce, fees, reason ?? "to free the nonce");
    if (!(await journal.addVersion({ wallet, nonce, state: transaction.state }, version))) {
      state.isStale = true;
      return;
    }
    transaction.versions = [...transaction.versions, version];
    transaction.refusal = undefined;
    await wire.repeat(transaction);
  }

  /** Uses a nonce up that nobody uses and that holds up those after it. */
  async fill(nonce: number): Promise<void> {
    const { options, state, wire } = this.parts;
    const fees = this.feesOfNothing(undefined);
    if (fees === undefined) return;
    const version = this.signNothing(nonce, fees, "to fill a gap of nonces");
    const reserved = await this.reserve(version, { nonce, isFreeAgain: true });
    if (reserved.kind !== "reserved") {
      state.isStale = true;
      return;
    }
    options.logger.warn({ nonce }, "A nonce was missing; it is used up with nothing.");
    const transaction = new Transaction(reserved.written, { since: version.block });
    state.add(transaction);
    await wire.broadcast(transaction);
  }

  /** Fees with which a nonce can be used up; undefined when it would cost more than it may. */
  feesOfNothing(former: Version | undefined): Fees | undefined {
    const { options, state } = this.parts;
    const prices = state.surroundings?.prices;
    if (prices === undefined) return undefined;
    const limit = (options.cancelCost?.() ?? USUAL_CANCEL_COST) / this.gasOfNothing;
    return former === undefined
      ? firstFees(prices, limit)
      : raisedFees(former.fees, { prices, percent: options.config.bumpPercent, limit });
  }

  private lackFor(cost: bigint, { balance }: Surroundings): string | undefined {
    const { options, state } = this.parts;
    const free = balance - state.committed;
    if (free >= cost) return undefined;
    const lack = `${state.address} has ${free} wei free, and this may cost ${cost} wei: send it ether`;
    options.alarms.raise("walletEmpty", state.address, lack);
    return lack;
  }

  private async reserveFor(
    pending: Pending,
    { fees, gasLimit }: { fees: Fees; gasLimit: bigint },
  ): Promise<Sending> {
    const { state } = this.parts;
    const { proposal } = pending;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; ++attempt) {
      const nonce = state.nextNonce;
      const version = this.sign({ ...proposal, nonce, fees, gasLimit });
      let reserved: Reserved;
      try {
        reserved = await this.reserve(version, { nonce, pending, isFreeAgain: attempt > 0 });
      } catch (error) {
        return this.doubt(pending, { version, error });
      }
      if (reserved.kind === "nonceTaken") {
        await this.findNextNonce(nonce);
        continue;
      }
      return this.followUp(pending, reserved);
    }
    pending.leave("Somebody else uses the nonces of this wallet");
    return ENDED;
  }

  private followUp(pending: Pending, reserved: Exclude<Reserved, { kind: "nonceTaken" }>): Sending {
    const { state, wire } = this.parts;
    switch (reserved.kind) {
      case "outdated":
        pending.leave(`One of its kind is in block ${reserved.minedBlock}, which it did not know`);
        return ENDED;
      case "waits":
        if (reserved.written.wallet !== state.address) {
          return { kind: "waitsElsewhere", written: reserved.written };
        }
        // Written, and not in memory: an earlier run's.
        state.isStale ||= state.find(reserved.written) === undefined;
        pending.leave("It is under way");
        return ENDED;
      case "reserved": {
        const { written } = reserved;
        const transaction = new Transaction(written, { since: written.firstBlock, pending });
        state.add(transaction);
        state.nextNonce = written.nonce + 1;
        void wire.broadcast(transaction);
        return ENDED;
      }
    }
  }

  /** Whether it was written is found out when memory is read again. Until then nothing is reserved. */
  private doubt(
    pending: Pending,
    { version, error }: { version: Version; error: unknown },
  ): Sending {
    const { options, state } = this.parts;
    const detail = messageOf(error);
    options.alarms.raise("storageFailing", "dispatch", detail);
    options.logger.error({ key: pending.proposal.key, error: detail }, "The database failed.");
    state.isStale = true;
    this.unsure.set(version.hash, pending);
    return ENDED;
  }

  /** A nonce that is written belongs to another process with this key, or ended: the nodes know what is next. */
  private async findNextNonce(taken: number): Promise<void> {
    const { options, state } = this.parts;
    const { address, surroundings } = state;
    const block = surroundings?.block ?? 0;
    const { confirmations } = options.config;
    const counts = await readCounts(options.chain.rpc, { address, block, confirmations }).catch(
      () => undefined,
    );
    state.isStale = true;
    // It may be the same one: then it is free again, and the next attempt takes the place of what had ended.
    state.nextNonce = counts?.pending ?? taken + 1;
    while (state.own.has(state.nextNonce)) ++state.nextNonce;
  }

  private reserve(
    version: Version,
    options: { nonce: number; pending?: Pending; isFreeAgain: boolean },
  ): Promise<Reserved> {
    const { journal, options: all, state } = this.parts;
    const { isFreeAgain, nonce, pending } = options;
    return journal.reserve({
      ...{ wallet: state.address, nonce, proposal: pending?.proposal, version, isFreeAgain },
      ...{ holder: all.leases.holder, viewBlock: pending?.block.number ?? version.block },
    });
  }

  private sign(unsigned: {
    to: string;
    data: string;
    nonce: number;
    fees: Fees;
    gasLimit: bigint;
    reason?: string;
  }): Version {
    const { options, state } = this.parts;
    const { data, fees, gasLimit, nonce, reason, to } = unsigned;
    return sign(options.wallet, {
      ...{ chainId: state.chainId, block: state.surroundings?.block ?? 0 },
      ...{ to, data, nonce, fees, gasLimit, ...(reason === undefined ? {} : { reason }) },
    });
  }

  private signNothing(nonce: number, fees: Fees, reason: string): Version {
    const gasLimit = this.gasOfNothing;
    return this.sign({ to: this.parts.state.address, data: "0x", nonce, fees, gasLimit, reason });
  }
}
