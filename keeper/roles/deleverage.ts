import { Interface } from "ethers";
import {
  type AccountId,
  type AccountSnapshot,
  clearinghouseAbi,
  describeInstrument,
  formatAccount,
  formatWad,
  insuranceFundOf,
  valuationForLiquidation,
} from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";
import { Counterparties, type Side, sideKey } from "./default/counterparties.js";
import { type Closing, decideClosings, decideStep, type Step } from "./default/decide.js";
import type { Proposal, Role } from "./role.js";
import type { RoleTools } from "./tools.js";

/** What the role is made of. */
export type DeleverageOptions = RoleTools;

/** An account that is worth less than nothing, or was flagged when it was. */
interface Candidate {
  readonly account: AccountSnapshot;
  /** As a liquidation sees it [wad]. */
  readonly equity: bigint;
}

/** Since when an account is bankrupt, or is not any more. */
interface Condition {
  readonly isBankrupt: boolean;
  readonly since: number;
}

const CLEARINGHOUSE = new Interface(clearinghouseAbi);
/** What a write-off uses about [gas]. */
const WRITE_OFF_GAS = 220_000n;

/** Flags accounts that nobody takes, closes them against the other side when the delay is over, and writes off what is left. */
export function createDeleverage(options: DeleverageOptions): Role {
  const conditions = new Map<AccountId, Condition>();
  const counterparties = new Counterparties();
  return {
    name: "deleverage",
    async look(view) {
      const candidates = candidatesIn(view);
      follow(conditions, candidates, view.block.number);
      options.metrics?.bankrupt.set(candidates.filter(({ equity }) => equity < 0n).length);
      options.metrics?.flagged.set(view.index.state.flags.size);
      if (candidates.length === 0) return [];
      const { mostCost, steps } = decided(options, view, candidates, conditions);
      const closingsOf = await closingsFrom(view, steps, counterparties);
      return proposalsOf({ view, mostCost, steps, closingsOf });
    },
  };
}

/** A candidate with what is to be done about it. */
interface Decided extends Candidate {
  readonly step: Step;
}

function decided(
  { costs, mostCost }: DeleverageOptions,
  view: KeeperView,
  candidates: readonly Candidate[],
  conditions: ReadonlyMap<AccountId, Condition>,
): { steps: Decided[]; mostCost: bigint } {
  const { flags, singles } = view.index.state;
  const { number, time } = view.block;
  const leastDebt = costs.priceOf(WRITE_OFF_GAS, view);
  const steps = candidates.map((candidate) => {
    const { account } = candidate.account;
    const step = decideStep({
      ...candidate,
      flaggedAt: flags.get(account) ?? 0n,
      time,
      delay: singles.liquidation?.parameters.deleverageDelay ?? 0n,
      blocks: number - (conditions.get(account)?.since ?? number),
      leastDebt,
    });
    return { ...candidate, step };
  });
  // The largest loss first: what the day's caps leave is for it.
  steps.sort((a, b) => (a.equity < b.equity ? -1 : a.equity > b.equity ? 1 : 0));
  return { steps, mostCost: costs.weiOf(mostCost, view) };
}

/** Those below nothing by what is known exactly, and those that carry a flag. */
function candidatesIn(view: KeeperView): Candidate[] {
  const accounts = new Set(view.index.state.flags.keys());
  for (const account of view.book.below()) {
    const fast = view.book.marginOf(account);
    // What cannot be valued at all compares as false.
    if (fast === undefined || !(fast.equity - fast.errorBound >= 0)) accounts.add(account);
  }
  // The fund bears losses of others and is no party itself.
  accounts.delete(insuranceFundOf(view.index));
  const found: Candidate[] = [];
  for (const account of accounts) {
    try {
      const snapshot = view.snapshotOf(account);
      const { equity } = valuationForLiquidation(snapshot, view.market);
      const isFlagged = view.index.state.flags.has(account);
      if (equity < 0n || isFlagged) found.push({ account: snapshot, equity });
    } catch (error) {
      // Whatever it is, it is one account's: the others are looked at.
      view.failed("Whether it is bankrupt cannot be told", account, error);
    }
  }
  return found;
}

/** Notes since which block each is as it is. Blocks that are gone count no more. */
function follow(
  conditions: Map<AccountId, Condition>,
  candidates: readonly Candidate[],
  block: number,
): void {
  const now = new Map(candidates.map(({ account, equity }) => [account.account, equity < 0n]));
  for (const account of conditions.keys()) if (!now.has(account)) conditions.delete(account);
  for (const [account, isBankrupt] of now) {
    const before = conditions.get(account);
    if (before?.isBankrupt !== isBankrupt || before.since > block) {
      conditions.set(account, { isBankrupt, since: block });
    }
  }
}

interface Proposing {
  readonly view: KeeperView;
  /** [wei] */
  readonly mostCost: bigint;
  readonly steps: readonly Decided[];
  readonly closingsOf: (of: Candidate) => readonly Closing[];
}

function proposalsOf({ closingsOf, mostCost, steps, view }: Proposing): Proposal[] {
  const { clearinghouse } = view.index.deployment.contracts;
  const base = { role: "deleverage" as const, to: clearinghouse, mostCost };
  return steps.flatMap((decided): Proposal[] => {
    const { account } = decided.account;
    const [name, priority] = [formatAccount(account, { short: true }), riskOf(decided)];
    const simple = (kind: "flag" | "writeOff", about: string): Proposal => ({
      ...base,
      key: `${kind} ${account}`,
      account,
      data: CLEARINGHOUSE.encodeFunctionData(kind, [account]),
      priority,
      about,
    });
    switch (decided.step.kind) {
      case "flag":
        return [simple("flag", aboutFlag(decided.step.why, name))];
      case "writeOff":
        return [simple("writeOff", `wrote off what ${name} owed`)];
      case "deleverage":
        return closingsOf(decided).map((closing) => ({
          ...base,
          key: `deleverage ${account} ${closing.instrument}`,
          account,
          data: CLEARINGHOUSE.encodeFunctionData("deleverage", [
            ...[account, closing.counterparty, closing.instrument, closing.size],
          ]),
          priority,
          about: aboutClosing(closing, name),
        }));
      case "wait":
        return [];
    }
  });
}

/** The counterparties of all that is due are looked for at once; what one closing takes is not there for the next. */
async function closingsFrom(
  view: KeeperView,
  steps: readonly Decided[],
  counterparties: Counterparties,
): Promise<Proposing["closingsOf"]> {
  const due = steps.filter(({ step }) => step.kind === "deleverage");
  if (due.length === 0) return () => [];
  const sides = due.flatMap(({ account }) => account.positions.map(opposite));
  const { accounts } = view.index.state;
  const holders = await counterparties.of(accounts, sides, view.block.number);
  const taken = new Map<string, bigint>();
  return ({ account }) =>
    decideClosings(
      {
        bankrupt: account,
        market: view.market,
        counterpartiesOf: (position) => holders.get(sideKey(opposite(position))) ?? [],
        snapshotOf: (counterparty) => view.snapshotOf(counterparty),
      },
      taken,
    );
}

function opposite({ instrument, size }: AccountSnapshot["positions"][number]): Side {
  return { instrument, isLong: size < 0n };
}

/** What is lost already, in whole settlement currency. */
function riskOf({ equity }: Candidate): number {
  return equity < 0n ? Number(-equity) / 1e18 : 0;
}

function aboutFlag(why: "bankrupt" | "tooOld" | "recovered", name: string): string {
  if (why === "recovered") return `took the flag of ${name} back, which has equity again`;
  return why === "tooOld" ? `flagged ${name} anew` : `flagged ${name}, which is bankrupt`;
}

function aboutClosing({ counterparty, instrument, size }: Closing, name: string): string {
  const against = formatAccount(counterparty, { short: true });
  return `closed ${formatWad(size)} ${describeInstrument(instrument)} of ${name} against ${against}`;
}
