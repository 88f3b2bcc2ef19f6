import type { Logger } from "pino";
import {
  type AccountId,
  insuranceFundOf,
  mulDown,
  mulUp,
  abs,
  CouldNotLook,
  type Plimsoll,
  WAD,
} from "../../sdk/index.js";
import type { Chain } from "../chain/chain.js";
import type { KeeperConfig } from "../config/schema.js";
import { riskOf } from "../state/belowLine.js";
import { messageOf } from "../messageOf.js";
import { callView } from "../state/call.js";
import { type LensPages, PAGE } from "../state/lensPages.js";
import type { KeeperView } from "../state/view.js";
import { costOfGas, gasOfLiquidation, mostCostOf, roomyGasOf } from "./liquidateCost.js";
import { proposalOf } from "./liquidateProposal.js";
import { planRulesOf } from "./liquidateRules.js";
import type { Proposal } from "./role.js";

/** What the scan is made of. */
export interface LensScanOptions {
  readonly chain: Pick<Chain, "rpc">;
  readonly plimsoll: Pick<Plimsoll, "deployment" | "clearinghouse" | "marginEngine">;
  readonly lens: LensPages;
  readonly liquidator: AccountId;
  readonly sender: string;
  readonly config: Pick<KeeperConfig, "liquidate" | "dispatch">;
  readonly logger: Logger;
}

/** So many pages are asked for at a block; the next block goes on where this one ended. */
const PAGES_OF_BLOCK = 20;
/** What holds more than so many positions and tokens may use more than an equal share of a page's gas. */
const MOST_ITEMS_OF_SMALL = 6;
const PAGE_OF_LARGE = 10;
const EMPTY = { collateral: [], positions: [] } as const;
/** Parts of the largest slice that are tried, the larger ones first. */
const PARTS = [1n, 4n, 16n, 64n];

/**
 * Liquidations while nobody here knows how margins are computed: the Lens says who is below the line, and the contract, asked
 * what a slice would cost, which slice the liquidator's margin bears.
 */
export class LensScan {
  /** Where the last block has ended. */
  private accounts: Iterator<AccountId, undefined> | undefined;
  private scanned: unknown;

  constructor(private readonly options: LensScanOptions) {}

  /** @throws CouldNotLook */
  async look(
    view: KeeperView,
    isExcluded: (account: AccountId) => boolean,
  ): Promise<readonly Proposal[]> {
    const fund = insuranceFundOf(view.index);
    const page = this.nextAccounts(view).filter((one) => one !== fund && !isExcluded(one));
    const below = await this.belowAmong(page, view);
    const most = this.options.config.dispatch.mostUnderWay;
    const tried = await Promise.all(
      [...below].slice(0, most).map(async (account) => {
        try {
          return await this.tryOne(view, account);
        } catch (error) {
          if (error instanceof CouldNotLook) throw error;
          view.failed("liquidation by the Lens", account, error);
          return undefined;
        }
      }),
    );
    return tried
      .filter((proposal) => proposal !== undefined)
      .sort((a, b) => b.priority - a.priority);
  }

  /**
   * Nothing is expected of an account, so a no is believed: then none may be said for want of gas. Accounts that hold much
   * are asked for in small pages, where the gas of a page is enough for all of them, and leave that of others alone.
   */
  private async belowAmong(page: readonly AccountId[], { block, index }: KeeperView) {
    const { lens } = this.options;
    const isLarge = (account: AccountId): boolean => {
      const { collateral, positions } = index.state.accounts.get(account) ?? EMPTY;
      return collateral.length + positions.length > MOST_ITEMS_OF_SMALL;
    };
    const small = page.filter((account) => !isLarge(account));
    const large = page.filter(isLarge);
    const ofSmall = await lens.liquidatable(small, block.hash, false);
    const ofLarge = await lens.liquidatable(large, block.hash, false, PAGE_OF_LARGE);
    return new Set([...ofSmall, ...ofLarge]);
  }

  private nextAccounts({ index }: KeeperView): AccountId[] {
    if (this.scanned !== index) [this.scanned, this.accounts] = [index, undefined];
    const most = Math.min(PAGE * PAGES_OF_BLOCK, index.state.accounts.size);
    const accounts = new Set<AccountId>();
    for (let ends = 0; accounts.size < most && ends < 2;) {
      this.accounts ??= index.state.accounts.keys();
      const next = this.accounts.next();
      if (next.done !== true) {
        accounts.add(next.value);
        continue;
      }
      this.accounts = undefined;
      ++ends;
    }
    return [...accounts];
  }

  /** The largest slice that would go through now and pays. */
  private async tryOne(view: KeeperView, account: AccountId): Promise<Proposal | undefined> {
    const { config, liquidator, logger, plimsoll } = this.options;
    const [equity, , maintenance] = await this.ofEngine("marginOf", account, view);
    const [mostFraction = 0n] = await this.ofEngine("previewLiquidation", account, view);
    if (equity === undefined || maintenance === undefined) return undefined;
    const rules = planRulesOf(config);
    const [from, to] = [view.snapshotOf(account), view.snapshotOf(liquidator)];
    const gas = gasOfLiquidation(from, to, equity < maintenance / 10n);
    const cost = costOfGas(gas, view);
    for (const part of PARTS) {
      const fraction = mostFraction / part;
      const payment = await this.paymentFor(account, fraction, view);
      if (payment === undefined) continue;
      const worth = mulDown(equity, fraction) - payment - rules.leastProfit;
      if (worth < cost) break;
      const slack = mulUp(abs(equity) + maintenance, (fraction * rules.slackBps) / 10_000n);
      const mostCost = mostCostOf(gas, worth, view);
      return proposalOf(plimsoll, {
        ...{ account, liquidator, fraction },
        maxPayment: payment + slack,
        mostCost,
        roomyGas: roomyGasOf(gas, mostCost, view),
        priority: (riskOf({ equity, maintenance }) * Number(fraction)) / Number(WAD),
      });
    }
    logger.warn({ account }, "No slice of an account below the line goes through and pays.");
    return undefined;
  }

  /** What a slice would cost; nothing when the contract refuses it. */
  private async paymentFor(
    account: AccountId,
    fraction: bigint,
    { block }: KeeperView,
  ): Promise<bigint | undefined> {
    const { chain, liquidator, plimsoll, sender } = this.options;
    const { clearinghouse, deployment } = plimsoll;
    const most = (1n << 255n) - 1n;
    const args = [account, liquidator, fraction, most] as const;
    const data = clearinghouse.interface.encodeFunctionData("liquidate", [...args]);
    const call = { to: deployment.contracts.Clearinghouse, data, from: sender };
    const { returned } = await callView(chain.rpc, { ...call, blockHash: block.hash });
    if (returned === undefined) return undefined;
    return clearinghouse.interface.decodeFunctionResult("liquidate", returned)[1] as bigint;
  }

  /** What the engine in charge says of an account; nothing of one that it cannot price. */
  private async ofEngine(
    name: "marginOf" | "previewLiquidation",
    account: AccountId,
    { block, index }: KeeperView,
  ): Promise<readonly (bigint | undefined)[]> {
    const { chain, plimsoll } = this.options;
    const engine = plimsoll.marginEngine.interface;
    const data = engine.encodeFunctionData(name as "marginOf", [account]);
    const to = index.state.singles.wiring.marginEngine;
    const { refusal, returned } = await callView(chain.rpc, { to, data, blockHash: block.hash });
    if (returned === undefined) throw new Error(messageOf(refusal));
    const words = engine.decodeFunctionResult(name as "marginOf", returned).toArray(true);
    return words.flat() as bigint[];
  }
}
