import {
  explainError,
  formatAccount,
  formatExplanation,
  formatWad,
  type FastMargin,
  wadOfAmount,
} from "../../sdk/index.js";
import type { Database } from "../storage/database.js";
import type { KeeperView } from "../state/view.js";
import { callAt } from "./calls.js";
import { inTurns } from "./inTurns.js";
import { Patience } from "./patience.js";
import type { Proposal, Role } from "./role.js";
import type { RoleTools } from "./tools.js";
import { byHealth, decideDue, decideMostCost, type DueInstruction } from "./topUps/decide.js";
import {
  instructionId,
  mayBeDue,
  SOURCE_KINDS,
  STANDING_TOP_UP,
  type StandingInstruction,
  topUpKey,
} from "./topUps/instruction.js";
import { Instructions } from "./topUps/instructions.js";

/** What the role is made of. */
export interface TopUpsOptions extends RoleTools {
  readonly database: Database;
  /** Address of StandingTopUp. */
  readonly standingTopUp: string;
  /** The first block that may have an instruction: `rpc.firstBlock`. */
  readonly firstBlock: number;
  /** Most blocks of one question for logs: `rpc.mostBlocks`. */
  readonly mostBlocks: number;
  /** What must be left of a tip after gas: `topUps.leastProfit` [wad]. */
  readonly leastProfit: bigint;
  /** How much more than the tip is paid for gas all the same; 0 unless said otherwise [wad]. */
  readonly mostSubsidy?: bigint;
}

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
const CALLS_AT_ONCE = 16;
/** Accounts that are looked at in one block, those of lowest health first. */
const MOST_ACCOUNTS = 256;
/** The longest for which an instruction is not looked at that could not be executed [blocks]. */
const LONGEST_PAUSE = 16;

/** Standing top-ups that are due and pay for their gas. */
export function createTopUps(options: TopUpsOptions): Role {
  const instructions = new Instructions({ ...options, contract: options.standingTopUp });
  const patience = new Patience(LONGEST_PAUSE);
  return {
    name: "topUps",
    async look(view) {
      await instructions.update(view.block, view.replacedFrom);
      options.metrics?.instructions.set(instructions.size);
      patience.sweep(view.block.number);
      const due = dueAccounts(instructions, view);
      const ready = due
        .map((of) => of.filter(({ instruction }) => isFree(instruction, view)))
        .filter((of) => of.length > 0)
        .slice(0, MOST_ACCOUNTS);
      const search = new Search(options, patience, view);
      // Vaults of shares are asked one at a time: one that burns its gas is not to hold up a whole batch.
      const mixed = ready.filter((of) => of.some(isOfShares));
      const plain = ready.filter((of) => !of.some(isOfShares));
      const found = await inTurns(plain, CALLS_AT_ONCE, (of) => search.of(of));
      found.push(...(await inTurns(mixed, 1, (of) => search.of(of))));
      return found.filter((proposal) => proposal !== undefined);
    },
  };

  function isFree(instruction: StandingInstruction, { block }: KeeperView): boolean {
    if (patience.isLeft(instructionId(instruction), block.number)) return false;
    const { account } = instruction;
    const numbers = instructions.byAccount.get(account)?.keys() ?? [];
    // While one of an account's is under way, nobody knows what the others would still move.
    return ![...numbers].some((number) => options.isHeld?.(topUpKey({ account, number }), block));
  }
}

function isOfShares({ instruction }: DueInstruction): boolean {
  return instruction.kind === SOURCE_KINDS.shares;
}

/** Due instructions of each account, those of lowest health first. */
function dueAccounts(instructions: Instructions, view: KeeperView): DueInstruction[][] {
  const found: DueInstruction[][] = [];
  for (const [account, numbers] of instructions.byAccount) {
    const fast: FastMargin | undefined = view.book.marginOf(account);
    if (fast === undefined) continue;
    const possible = [...numbers.values()].filter((one) => mayBeDue(one, fast));
    if (possible.length === 0) continue;
    try {
      const due = decideDue(possible, view.marginOf(account), view.block.time);
      if (due.length > 0) found.push(due);
    } catch (error) {
      view.failed("A standing top-up waits for a price", account, error);
    }
  }
  return found.sort(([a], [b]) => (a && b ? byHealth(a.margin, b.margin) : 0));
}

/** Finds, of an account's instructions, the one that brings most of those that pass. */
class Search {
  constructor(
    private readonly options: TopUpsOptions,
    private readonly patience: Patience,
    private readonly view: KeeperView,
  ) {}

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
    return {
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
    this.view.failed(`Standing top-up ${number} was refused`, account, new Error(said));
    this.#note(due, "refused");
  }

  #note({ instruction }: DueInstruction, result: string): void {
    this.patience.failed(instructionId(instruction), this.view.block.number);
    this.options.metrics?.topUpsTried.inc({ result });
  }
}
