import type { Logger } from "pino";
import {
  type AccountId,
  type BlockReference,
  cashPoolAt,
  formatWad,
  type Indices,
  type IndexState,
  marginOfLiquidator,
  type Plimsoll,
  sidesAt,
} from "../../sdk/index.js";
import type { Chain } from "../chain/chain.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import { type BelowLine, belowLine, exactlyBelow, nearLine } from "../state/belowLine.js";
import { LensPages } from "../state/lensPages.js";
import type { KeeperState } from "../state/state.js";
import type { KeeperView } from "../state/view.js";
import { LensScan } from "./liquidateByLens.js";
import { LeftAccounts } from "./liquidateLeft.js";
import { PassedOver } from "./liquidatePassedOver.js";
import type { LiquidateMetrics } from "./liquidateMetrics.js";
import { type LiquidationPlan, type LiquidationPlans, planLiquidations } from "./liquidatePlan.js";
import { liquidationKey, proposalOf } from "./liquidateProposal.js";
import { planRulesOf } from "./liquidateRules.js";
import { type Search, searchPlans } from "./liquidateSearch.js";
import type { Proposal, Role } from "./role.js";

/** What the role is made of. */
export interface LiquidateOptions {
  readonly state: Pick<KeeperState, "isModelKnown" | "suspect">;
  readonly chain: Pick<Chain, "rpc">;
  readonly plimsoll: Pick<Plimsoll, "deployment" | "lens" | "clearinghouse" | "marginEngine">;
  /** The account that takes slices over. */
  readonly liquidator: AccountId;
  /** Who sends: it owns that account, or is its operator. */
  readonly sender: string;
  readonly config: Pick<KeeperConfig, "liquidate" | "dispatch">;
  /** Whether a proposal of this key is under way or left alone: `Dispatcher.isHeld`. */
  readonly isHeld: (key: string, block: BlockReference) => boolean;
  /** Whether one is under way: `Dispatcher.isUnderWay`. */
  readonly isUnderWay: (key: string, block: BlockReference) => boolean;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly metrics: LiquidateMetrics;
}

/** For so many blocks what was proposed is taken to come through while it is under way. */
const UNDER_WAY_BLOCKS = 3;
/** After so many rounds without agreement with the Lens, what it has confirmed is all that is sent. */
const MOST_ROUNDS = 3;

/** Finds accounts below the line and proposes to take slices of them over, the largest risk first. */
class Liquidate implements Role {
  readonly name = "liquidate";
  private readonly lens: LensPages;
  private readonly scan: LensScan;
  private readonly left: LeftAccounts;
  private readonly passedOver = new PassedOver();
  /** At which block each was proposed last. */
  private readonly proposed = new Map<AccountId, number>();

  private readonly options: LiquidateOptions;

  constructor(given: LiquidateOptions) {
    // Ids are compared: all others are in lower case.
    const liquidator = given.liquidator.toLowerCase() as AccountId;
    const options = { ...given, liquidator };
    this.options = options;
    const { chain, logger, metrics, plimsoll } = options;
    this.lens = new LensPages({ rpc: chain.rpc, plimsoll });
    this.scan = new LensScan({ ...options, lens: this.lens });
    this.left = new LeftAccounts(logger, metrics);
  }

  async look(view: KeeperView): Promise<readonly Proposal[]> {
    const { config, metrics, state } = this.options;
    const stop = metrics.lookSeconds.startTimer();
    this.forget(view.block);
    const isExcluded = (account: AccountId): boolean => this.isExcluded(account, view.block);
    if (!state.isModelKnown) return this.scan.look(view, isExcluded);

    const listed = nearLine(view, config.liquidate.guardBps);
    const underWay = this.underWay(view);
    const most = config.dispatch.mostUnderWay;
    const isPassedOver = this.passedOver.butFor(most);
    const misses: AccountId[] = [];
    const found = searchPlans({
      candidates: belowLine(
        view,
        listed,
        (one) => isExcluded(one) || isPassedOver(one),
        (accounts) => misses.push(...accounts),
      ),
      plan: (accounts) => this.plan(view, accounts, underWay),
      most,
    });
    this.passedOver.note(found, misses);
    metrics.listed.set(listed.length);
    metrics.below.set(found.accounts.length + found.left.length);
    this.left.note(found, view);
    this.tellOfMargin(view, found);
    const plans = await this.confirmed(view, found, underWay);
    const proposals = plans.map((plan) => this.propose(view, plan));
    metrics.planned.inc(proposals.length);
    stop();
    return proposals;
  }

  /** Asks the Lens about what is planned, and plans again without what it does not confirm. */
  private async confirmed(
    view: KeeperView,
    { accounts, plans }: Search,
    underWay: readonly BelowLine[],
  ): Promise<readonly LiquidationPlan[]> {
    const { state } = this.options;
    const asked = new Set<AccountId>();
    const refused = new Set<AccountId>();
    const isRefused = ({ account }: { account: AccountId }): boolean => refused.has(account);
    for (let round = 1; ; ++round) {
      const fresh = plans.map(({ account }) => account).filter((one) => !asked.has(one));
      if (fresh.length === 0) return plans;
      const says = await this.lens.liquidatable(fresh, view.block.hash);
      for (const account of fresh) {
        asked.add(account);
        if (says.has(account)) continue;
        refused.add(account);
        state.suspect(account, "It is below the line here, and not for the Lens.");
      }
      if (!plans.some(isRefused)) return plans;
      if (round === MOST_ROUNDS) return plans.filter((plan) => !isRefused(plan));
      const others = accounts.filter((one) => !isRefused(one));
      ({ plans } = this.plan(view, others, underWay));
    }
  }

  private plan(
    view: KeeperView,
    accounts: readonly BelowLine[],
    underWay: readonly BelowLine[],
  ): LiquidationPlans {
    const { config, liquidator } = this.options;
    return planLiquidations({
      ...{ accounts, underWay, rules: planRulesOf(config) },
      liquidator: view.snapshotOf(liquidator),
      market: view.market,
      fund: view.fund,
      indices: indicesOf(view.index.state, view.block.time),
      gasPrice: view.gasPrice,
      etherPrice: view.etherPrice,
    });
  }

  private propose(view: KeeperView, { priority, ...plan }: LiquidationPlan): Proposal {
    const { liquidator, plimsoll } = this.options;
    this.proposed.set(plan.account, view.block.number);
    return proposalOf(plimsoll, { ...plan, priority, liquidator });
  }

  private isExcluded(account: AccountId, block: BlockReference): boolean {
    const { isHeld, liquidator } = this.options;
    return account === liquidator || isHeld(liquidationKey(account), block);
  }

  /** What was proposed and is under way has first claim on the liquidator's margin, for some blocks. */
  private underWay(view: KeeperView): BelowLine[] {
    const found: BelowLine[] = [];
    for (const account of this.proposed.keys()) {
      // One that is only left alone claims nothing.
      if (!this.options.isUnderWay(liquidationKey(account), view.block)) continue;
      try {
        const below = exactlyBelow(view, account);
        if (below !== undefined) found.push(below);
      } catch (error) {
        view.failed("under way", account, error);
      }
    }
    return found;
  }

  private forget({ number }: BlockReference): void {
    for (const [account, block] of this.proposed) {
      if (block + UNDER_WAY_BLOCKS < number || block > number) this.proposed.delete(account);
    }
  }

  /** Nothing fits although something is there to be taken: people must bring margin. */
  private tellOfMargin(view: KeeperView, { left, plans }: Search): void {
    const { alarms, liquidator } = this.options;
    const free = this.freeMarginOf(view);
    // Whoever cannot be valued may take nothing over.
    const misfits = left.filter(({ reason }) => free === undefined || reason === "doesNotFit");
    if (plans.length > 0 || misfits.length === 0) {
      alarms.clear("liquidatorEmpty", "");
      return;
    }
    const detail =
      `${misfits.length} accounts below the line do not fit the account ${liquidator}, whose free ` +
      `initial margin is ${free ?? "unknown"}: deposit into it, or close what it holds`;
    alarms.raise("liquidatorEmpty", "", detail);
  }

  private freeMarginOf(view: KeeperView): string | undefined {
    const { liquidator } = this.options;
    try {
      const { equity, initial } = marginOfLiquidator(view.snapshotOf(liquidator), view.market);
      return formatWad(equity - initial);
    } catch (error) {
      view.failed("free margin", liquidator, error);
      return undefined;
    }
  }
}

/** What rounds balances that are written at a time. */
export function indicesOf(state: IndexState, time: bigint): Indices {
  const sides = new Map(
    [...state.interest.keys(), ...state.funding.keys()].map((instrument) => [
      instrument,
      sidesAt(state, instrument, time),
    ]),
  );
  return { cash: cashPoolAt(state, time), sides };
}

/** Makes the role. */
export function createLiquidate(options: LiquidateOptions): Role {
  return new Liquidate(options);
}
