import PQueue from "p-queue";
import { formatEther } from "ethers";
import type { BlockReference } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";
import type { Dispatcher, Submission } from "./dispatcher.js";
import { Endings } from "./endings.js";
import { Gaps } from "./gaps.js";
import { Journal } from "./journal.js";
import { readMemory } from "./memory.js";
import { Ownership } from "./ownership.js";
import type { DispatcherOptions } from "./options.js";
import { Patience } from "./patience.js";
import { Pending } from "./pending.js";
import { placesOf } from "./places.js";
import { Proposals } from "./proposals.js";
import { Sender, type Parts } from "./sender.js";
import { DispatchState } from "./state.js";
import { looking, quantity, readSurroundings } from "./surroundings.js";
import { Ticks } from "./ticks.js";
import { takeOver } from "./takeOver.js";
import type { Written } from "./transaction.js";
import { Watcher } from "./watcher.js";
import { Wire } from "./wire.js";
import { messageOf } from "../messageOf.js";

/** Ether as a number of the configuration in wei. */
const WEI = 1e18;

/** What ended so many blocks ago is forgotten, looked for as often as this. */
const BLOCKS_REMEMBERED = 50_000;
const BLOCKS_BETWEEN_FORGETTING = 1_000;

const NO_ROOM = "As many as may wait for a block do";
/** Others have their turn meanwhile; gas may be cheaper, or it worth more, in some blocks. */
const TOO_DEAR = { remedy: "retry" } as const;

/** Sends the transactions of one wallet; see {@link Dispatcher}. */
export class WalletDispatcher implements Dispatcher {
  readonly address: string;
  private readonly state: DispatchState;
  private readonly patience = new Patience();
  private readonly parts: Parts;
  private readonly ownership: Ownership;
  private readonly sender: Sender;
  private readonly watcher: Watcher;
  private readonly proposals: Proposals;
  private readonly gaps: Gaps;
  /** What reserves nonces or reads memory again, one after the other. */
  private readonly line = new PQueue({ concurrency: 1 });
  private readonly ticks: Ticks;
  private readonly background = new Set<Promise<void>>();
  private readonly idlers = new Set<() => void>();
  private forgotAt = 0;
  private isClosed = false;

  constructor(private readonly options: DispatcherOptions) {
    this.address = options.wallet.address;
    this.state = new DispatchState(this.address);
    this.ticks = new Ticks(options.clock);
    const wire = new Wire(options);
    const journal = new Journal(options.database);
    const parts = (this.parts = { options, state: this.state, journal, wire });
    this.sender = new Sender(parts);
    this.ownership = new Ownership({
      parts,
      refreshMemory: () => this.line.add(() => this.refreshMemory()),
      isAlive: () => this.ticks.isAlive,
    });
    const { leases } = this.ownership;
    const endings = new Endings(parts, this.patience);
    this.watcher = new Watcher({ parts, sender: this.sender, endings, leases });
    this.gaps = new Gaps(parts, this.sender);
    this.proposals = new Proposals({
      ...{ parts, leases, patience: this.patience },
      send: (pending, gasLimit) => this.send(pending, gasLimit),
    });
  }

  async resume(): Promise<void> {
    const { rpc } = this.options.chain;
    const head = await looking(async () => Number(quantity(await rpc("eth_blockNumber", []))));
    await this.ticks.take(() => this.begin(head));
  }

  submit(proposals: readonly Proposal[], block: BlockReference): readonly Submission[] {
    const { clock, config } = this.options;
    const { waiting } = this.state;
    let taken = 0;
    // Some will be refused: so that they do not take the places of those behind them, more are tried than there are places.
    const hasRoom = ({ role }: Proposal): boolean =>
      taken < 2 * (placesOf(role, config.mostUnderWay) - waiting);
    const submissions = proposals.map((proposal) => new Pending(proposal, block, clock.now()));
    const batch = submissions.filter((pending) => {
      const reason = hasRoom(pending.proposal) ? this.reasonToLeave(pending) : NO_ROOM;
      if (reason === undefined) {
        this.state.preparing.add(pending.proposal.key);
        ++taken;
      } else pending.leave(reason);
      return reason === undefined;
    });
    if (batch.length > 0) this.run(this.proposals.prepare(batch));
    return submissions;
  }

  get needsTick(): boolean {
    return this.state.needsTick(this.options.dryRun === true);
  }

  async tick(block: BlockReference): Promise<void> {
    await this.ticks.take(() => this.tickNow(block));
  }

  isUnderWay(key: string, block: BlockReference): boolean {
    return this.state.isUnderWay(key, block.number);
  }

  isHeld(key: string, block: BlockReference): boolean {
    return this.state.isUnderWay(key, block.number) || this.patience.isLeftAlone(key, block);
  }

  async idle(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.idlers.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.idlers.add(done);
      signal?.addEventListener("abort", done);
      if (signal?.aborted) done();
      this.tellIdlers();
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.ticks.idle();
    while (this.background.size > 0) await Promise.all(this.background);
    await this.line.onIdle();
    await this.parts.wire.idle();
    await this.ownership.leases.close();
    for (const { pending } of this.state.all) {
      pending?.leave("The keeper ended while it waited; the next run goes on with it");
    }
    for (const done of [...this.idlers]) done();
  }

  private reasonToLeave({ proposal: { key }, block }: Pending): string | undefined {
    const { state } = this;
    if (this.isClosed) return "The keeper ends";
    if (state.surroundings === undefined) return "Nothing is known of the chain yet";
    if (state.isUnderWay(key, block.number)) return "It is under way";
    if (this.patience.isLeftAlone(key, block)) return "It failed, and is left alone for a while";
    if (this.options.dryRun !== true && !state.hasWallet) {
      return `Another keeper sends with ${this.address}: give each keeper a wallet of its own`;
    }
    return undefined;
  }

  /** Reads what is around at a block, and sees to it that the wallet is this keeper's. */
  private async begin(block: number): Promise<void> {
    const { chain, dryRun } = this.options;
    if (this.state.chainId === 0n) {
      this.state.chainId = await looking(async () => quantity(await chain.rpc("eth_chainId", [])));
      if (dryRun !== true) await this.sender.measureNothing();
    }
    await this.readSurroundings(block);
    if (dryRun !== true && !this.state.hasWallet) await this.ownership.take();
  }

  private async tickNow(block: BlockReference): Promise<void> {
    const { journal } = this.parts;
    if (this.isClosed) return;
    await this.begin(block.number);
    this.patience.forgetBefore(block);
    if (!this.state.hasWallet) return;
    await this.ownership.leases.renew();
    await this.line.add(() => this.refreshMemory());
    try {
      await this.watchAll();
    } finally {
      await this.line.add(() => this.gaps.fill());
      await this.ownership.leases.releaseBefore(block.number);
      this.options.metrics.waiting.set(this.state.waitingOwn.length);
      this.tellIdlers();
    }
    if (block.number >= this.forgotAt + BLOCKS_BETWEEN_FORGETTING) {
      this.forgotAt = block.number;
      await journal.forgetBefore(block.number - BLOCKS_REMEMBERED);
    }
  }

  private async watchAll(): Promise<void> {
    const { state } = this;
    if (state.surroundings === undefined) return;
    if (state.own.size > 0) {
      for (const nonce of await this.parts.journal.dropped(this.address)) {
        const transaction = state.own.get(nonce);
        if (transaction !== undefined) transaction.state = "dropped";
      }
    }
    await this.watcher.watch(state.surroundings);
  }

  /** Memory as it is written, and the next nonce. */
  private async refreshMemory(): Promise<void> {
    const { state } = this;
    if (state.isStale) await readMemory(this.parts, this.sender, this.ownership.leases);
    state.chooseNextNonce();
  }

  /** Gives a proposal that passes its nonce, when it is its turn. */
  private async send(pending: Pending, gasLimit: bigint): Promise<void> {
    const { key, role } = pending.proposal;
    // What waits for blocks is settled first, so that it finds nonces and fees of today.
    await this.ticks.afterLast();
    await this.line.add(async () => {
      try {
        if (this.state.isStale) await this.refreshMemory();
        const places = placesOf(role, this.options.config.mostUnderWay);
        if (this.state.waitingOwn.length >= places) {
          pending.leave(NO_ROOM);
          return;
        }
        const sending = await this.sender.send(pending, gasLimit);
        if (sending.kind === "ended") return;
        if (sending.kind === "tooDear") {
          this.patience.failed(pending.proposal, TOO_DEAR, pending.block);
          pending.leave(sending.reason);
          return;
        }
        this.run(this.followOther(pending, { gasLimit, written: sending.written }));
      } catch (error) {
        this.options.logger.error({ key, error: messageOf(error) }, "It could not be sent.");
        pending.leave(`It could not be sent: ${messageOf(error)}`);
      }
    });
  }

  private async followOther(
    pending: Pending,
    { gasLimit, written }: { gasLimit: bigint; written: Written },
  ): Promise<void> {
    try {
      const isFree = await takeOver(pending, { written, parts: this.parts, watcher: this.watcher });
      if (isFree) await this.send(pending, gasLimit);
    } catch (error) {
      pending.leave(`Another keeper's transaction is under way: ${messageOf(error)}`);
    }
  }

  private async readSurroundings(block: number): Promise<void> {
    const { alarms, chain, config } = this.options;
    const { address } = this;
    const { confirmations, leastEther } = config;
    const found = await readSurroundings(chain.rpc, { address, block, confirmations });
    this.state.surroundings = found;
    if (found.balance >= BigInt(Math.round(leastEther * WEI))) alarms.clear("walletEmpty", address);
    else {
      const detail = `It has ${formatEther(found.balance)} ether, less than ${leastEther}: send it some`;
      alarms.raise("walletEmpty", address, detail);
    }
  }

  /** What goes on beside; `close` and `idle` wait for it. It never rejects. */
  private run(work: Promise<void>): void {
    const done = work.finally(() => {
      this.background.delete(done);
      this.tellIdlers();
    });
    this.background.add(done);
  }

  private tellIdlers(): void {
    const { others, preparing, waitingOwn } = this.state;
    const isBusy =
      preparing.size > 0 ||
      waitingOwn.length > 0 ||
      this.background.size > 0 ||
      [...others.values()].some(({ state }) => state !== "mined");
    if (!isBusy) for (const done of [...this.idlers]) done();
  }
}
