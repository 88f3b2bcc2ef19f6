import {
  type AccountId,
  explainError,
  formatAccount,
  formatExplanation,
  formatWad,
  ownerOf,
  wadOfAmount,
} from "../../../sdk/index.js";
import type { KeeperView } from "../../state/view.js";
import { callAt } from "../calls.js";
import type { Patience } from "../patience.js";
import type { Proposal } from "../role.js";
import type { Strangers } from "../strangers.js";
import type { TopUpsOptions } from "../topUps.js";
import { decideMostCost, type DueInstruction } from "./decide.js";
import {
  instructionId,
  SOURCE_KINDS,
  STANDING_TOP_UP,
  type StandingInstruction,
  topUpKey,
} from "./instruction.js";

/** A top-up that a call has found to pass. */
interface Found extends DueInstruction {
  /** [token] */
  readonly amount: bigint;
  /** [token] */
  readonly tip: bigint;
}

/** What a top-up uses about; what it may use at most follows from its tip [gas]. */
const USUAL_GAS = 200_000n;
/** Vaults of shares are strangers' contracts: each gets so much, and no more [gas]. */
const MOST_GAS_OF_SHARES = 1_500_000n;
/** What searches have in common, and the view of this one. */
export interface SearchState {
  readonly patience: Patience;
  readonly strangers: Strangers;
  readonly view: KeeperView;
}

/** Whether an instruction takes from a vault of shares. */
export function isOfShares({ instruction }: Pick<DueInstruction, "instruction">): boolean {
  return instruction.kind === SOURCE_KINDS.shares;
}

/** For what an owner's vaults of shares refuse: many of them are to hold up no more than one. */
export function sharesKey(account: AccountId): string {
  return `shares ${ownerOf(account)}`;
}

/** Finds, of an account's instructions, the one that brings most of those that pass. */
export class Search {
  private readonly patience: Patience;
  private readonly view: KeeperView;

  constructor(
    private readonly options: TopUpsOptions,
    private readonly state: SearchState,
  ) {
    this.patience = state.patience;
    this.view = state.view;
  }

  async of(due: readonly DueInstruction[]): Promise<Proposal | undefined> {
    const previews: Found[] = [];
    for (const one of due) {
      const found = await this.#preview(one);
      if (found !== undefined) previews.push(found);
    }
    previews.sort((a, b) => (a.amount > b.amount ? -1 : a.amount < b.amount ? 1 : 0));
    for (const found of previews) {
      const proposal = await this.#attempt(found);
      if (proposal !== undefined) return proposal;
    }
    return undefined;
  }

  async #preview(due: DueInstruction): Promise<Found | undefined> {
    const { account, number } = due.instruction;
    const result = await this.#call(due.instruction, "previewTopUp", [account, number]);
    if (!result.isAnswer) {
      this.#refuse(due, result.data);
      return undefined;
    }
    const [amount, tip] = STANDING_TOP_UP.decodeFunctionResult(
      "previewTopUp",
      result.data,
    ) as unknown as [bigint, bigint];
    if (amount > 0n) return { ...due, amount, tip };
    // Budget, source or cap: whatever it is, only time changes it.
    this.#note(due, "nothing");
    return undefined;
  }

  /** What a preview cannot see: rights that are missing, and sources that lie. */
  async #attempt(found: Found): Promise<Proposal | undefined> {
    const { account, number } = found.instruction;
    const mostCost = this.#mostCostOf(found);
    if (mostCost === undefined) {
      this.#note(found, "unprofitable");
      return undefined;
    }
    const result = await this.#call(found.instruction, "topUp", [account, number, found.tip]);
    if (!result.isAnswer) {
      this.#refuse(found, result.data);
      return undefined;
    }
    this.patience.forget(instructionId(found.instruction));
    this.options.metrics?.topUpsTried.inc({ result: "proposed" });
    return this.#proposalOf(found, mostCost);
  }

  #mostCostOf({ tip }: Found): bigint | undefined {
    const { costs, leastProfit, mostSubsidy = 0n } = this.options;
    const { settlementDecimals } = this.view.index.deployment;
    const most = decideMostCost({
      tip: wadOfAmount(tip, settlementDecimals),
      gasCost: costs.priceOf(USUAL_GAS, this.view),
      leastProfit,
      mostSubsidy,
    });
    return most === undefined ? undefined : costs.weiOf(most, this.view);
  }

  #proposalOf(found: Found, mostCost: bigint): Proposal {
    const { amount, instruction, margin, tip } = found;
    const { account, number } = instruction;
    const { settlementDecimals } = this.view.index.deployment;
    const moved = formatWad(wadOfAmount(amount, settlementDecimals));
    const proposal: Proposal = {
      role: "topUps",
      key: topUpKey(instruction),
      account,
      to: this.options.standingTopUp,
      data: STANDING_TOP_UP.encodeFunctionData("topUp", [account, number, tip]),
      priority: Number(margin.maintenance) / 1e18,
      mostCost,
      ...(isOfShares(found) ? { gasLimit: MOST_GAS_OF_SHARES } : {}),
      about: `topped ${formatAccount(account, { short: true })} up with ${moved} by instruction ${number}`,
    };
    if (isOfShares(found)) this.state.strangers.reaches(proposal, [ownerOf(account)]);
    return proposal;
  }

  #call(instruction: StandingInstruction, name: string, values: readonly unknown[]) {
    const { rpc, sender: from, standingTopUp: to } = this.options;
    const data = STANDING_TOP_UP.encodeFunctionData(name, values);
    const gas = instruction.kind === SOURCE_KINDS.shares ? { gas: MOST_GAS_OF_SHARES } : {};
    return callAt(rpc, { to, from, data, ...gas }, this.view.block.number);
  }

  #refuse(due: DueInstruction, data: string): void {
    const { account, number } = due.instruction;
    const said = formatExplanation(explainError(data));
    // The number is not in the name, which labels a figure.
    const error = new Error(`Instruction ${number}: ${said}`);
    this.view.failed("A standing top-up was refused", account, error);
    if (isOfShares(due)) this.patience.failed(sharesKey(account), this.view.block.number);
    this.#note(due, "refused");
  }

  #note({ instruction }: DueInstruction, result: string): void {
    this.patience.failed(instructionId(instruction), this.view.block.number);
    this.options.metrics?.topUpsTried.inc({ result });
  }
}
