import { WAD } from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import type { Clock } from "./clock.js";
import type { KeeperConfig } from "./config/schema.js";
import type { Submission } from "./dispatch/dispatcher.js";
import type { Alarms } from "./operations/alarms.js";
import type { KeeperMetrics } from "./operations/metrics.js";
import type { KeeperStatus } from "./operations/status.js";
import { wadOfDollars } from "./roles/costs.js";
import type { Round } from "./service.js";
import type { KeeperView } from "./state/view.js";

/** What the figures are of. */
export interface FiguresOptions {
  readonly config: KeeperConfig;
  readonly chainId: number;
  /** Undefined when it looks on only. */
  readonly wallet: string | undefined;
  readonly chain: Pick<Chain, "nodes" | "provider">;
  readonly alarms: Alarms;
  readonly metrics: KeeperMetrics;
  readonly clock: Clock;
}

const WEI_OF_ETHER = 1e18;

/** What a keeper says of itself: metrics and the status page, from its rounds. */
export class Figures {
  private last: Round | undefined;
  private below = 0;
  private readonly underWay = new Set<string>();

  constructor(private readonly options: FiguresOptions) {
    options.metrics.isDryRun.set(options.config.dryRun ? 1 : 0);
    options.metrics.isReady.set(0);
  }

  /** What so many dollars are at ether's last price; undefined while there was none [wei]. */
  weiOf(dollars: number): bigint | undefined {
    const price = this.last?.view.etherPrice;
    return price === undefined ? undefined : (wadOfDollars(dollars) * WAD) / price;
  }

  /** Takes a round down. */
  take(round: Round): void {
    const { config, metrics } = this.options;
    const { took, view } = round;
    this.last = round;
    this.below = view.book.below().length;
    metrics.headTime.set(Number(view.block.time));
    metrics.accountsBelow.set(this.below);
    metrics.isReady.set(this.isReady ? 1 : 0);
    metrics.roundTook(took);
    this.takeFreeMargin(view);
    if (config.dryRun || this.options.wallet === undefined) return;
    void this.readWallet(this.options.wallet);
  }

  /** Follows what was given to the dispatcher. */
  followAll(submissions: readonly Submission[], began: number): void {
    for (const submission of submissions) void this.follow(submission, began);
  }

  /** For the status page. */
  status(): KeeperStatus {
    const { chain, chainId, config, wallet } = this.options;
    const block = this.last?.view.block;
    return {
      ...{ chainId, wallet },
      name: config.name,
      isReady: this.isReady,
      isDryRun: config.dryRun || wallet === undefined,
      roles: config.roles,
      block: block && { number: block.number, hash: block.hash, time: Number(block.time) },
      accounts: this.last?.view.index.state.accounts.size ?? 0,
      accountsBelow: this.below,
      underWay: [...this.underWay],
      nodes: chain.nodes,
    };
  }

  /** A round has been made, and looks at the chain succeed. */
  private get isReady(): boolean {
    const isBlind = this.options.alarms.active.some(
      ({ name, subject }) => name === "looksFailing" && subject === "state",
    );
    return this.last !== undefined && !isBlind;
  }

  private async follow({ done, proposal, sent }: Submission, began: number): Promise<void> {
    const { clock, metrics } = this.options;
    const first = await sent;
    if (!("hash" in first)) return;
    if (proposal.role === "liquidate") {
      metrics.priceToSentSeconds.observe((clock.now() - began) / 1_000);
    }
    this.underWay.add(proposal.key);
    await done;
    this.underWay.delete(proposal.key);
  }

  private takeFreeMargin(view: KeeperView): void {
    const { account } = this.options.config.liquidate;
    const margin = account === undefined ? undefined : view.book.marginOf(account as `0x${string}`);
    if (margin === undefined) return;
    this.options.metrics.liquidatorFreeMargin.set((margin.equity - margin.initial) / Number(WAD));
  }

  private async readWallet(wallet: string): Promise<void> {
    try {
      const balance = await this.options.chain.provider.getBalance(wallet);
      this.options.metrics.walletEther.set(Number(balance) / WEI_OF_ETHER);
    } catch {
      // A node that does not answer is an alarm already; the figure stays as it was.
    }
  }
}
