import { type FastMargin, ownerOf } from "../../sdk/index.js";
import type { Database } from "../storage/database.js";
import type { KeeperView } from "../state/view.js";
import { inTurns } from "./inTurns.js";
import { Patience } from "./patience.js";
import type { Role } from "./role.js";
import { Strangers } from "./strangers.js";
import type { RoleTools } from "./tools.js";
import { byHealth, decideDue, type DueInstruction } from "./topUps/decide.js";
import {
  instructionId,
  mayBeDue,
  type StandingInstruction,
  topUpKey,
} from "./topUps/instruction.js";
import { Instructions } from "./topUps/instructions.js";
import { isOfShares, Search, sharesKey } from "./topUps/search.js";

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

const CALLS_AT_ONCE = 16;
/** Accounts that are looked at in one block, those of lowest health first. */
const MOST_ACCOUNTS = 256;
/** Instructions of one account that are tried in one block: those that fail make room for the next ones. */
const MOST_OF_ACCOUNT = 8;
/** Accounts with vaults of shares that are looked at in one block, for everything else waits for their answers. */
const MOST_MIXED = 8;
/** The longest for which an instruction is not looked at that could not be executed [blocks]. */
const LONGEST_PAUSE = 16;

/** Standing top-ups that are due and pay for their gas. */
export function createTopUps(options: TopUpsOptions): Role {
  const instructions = new Instructions({ ...options, contract: options.standingTopUp });
  const patience = new Patience(LONGEST_PAUSE);
  const strangers = new Strangers();
  return {
    name: "topUps",
    async look(view) {
      await instructions.update(view.block, view.replacedFrom);
      options.metrics?.instructions.set(instructions.size);
      patience.sweep(view.block.number);
      strangers.sweep(view.block.number);
      const due = dueAccounts(instructions, view);
      const ready = due
        .map((of) => of.filter(({ instruction }) => isFree(instruction, view)))
        .map((of) => of.slice(0, MOST_OF_ACCOUNT))
        .filter((of) => of.length > 0)
        .slice(0, MOST_ACCOUNTS);
      const search = new Search(options, { patience, strangers, view });
      // Vaults of shares are asked one at a time: one that burns its gas is not to hold up a whole batch.
      const mixed = ready.filter((of) => of.some(isOfShares)).slice(0, MOST_MIXED);
      const plain = ready.filter((of) => !of.some(isOfShares));
      const found = await inTurns(plain, CALLS_AT_ONCE, (of) => search.of(of));
      found.push(...(await inTurns(mixed, 1, (of) => search.of(of))));
      return found.filter((proposal) => proposal !== undefined);
    },
    ended(proposal, outcome) {
      strangers.ended(proposal, outcome);
    },
  };

  function isFree(instruction: StandingInstruction, { block }: KeeperView): boolean {
    if (patience.isLeft(instructionId(instruction), block.number)) return false;
    const { account } = instruction;
    if (isOfShares({ instruction })) {
      if (strangers.isLeft(ownerOf(account), block.number)) return false;
      if (patience.isLeft(sharesKey(account), block.number)) return false;
    }
    const numbers = instructions.byAccount.get(account)?.keys() ?? [];
    // While one of an account's is under way, nobody knows what the others would still move.
    return ![...numbers].some((number) => options.isHeld?.(topUpKey({ account, number }), block));
  }
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
