import { Interface } from "ethers";
import {
  clearinghouseAbi,
  describeInstrument,
  formatWad,
  insuranceFundOf,
  priceOracleAbi,
} from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";
import {
  instrumentsToAccrue,
  isPegToNote,
  repayableDeficit,
  underlyingsToNote,
  waitingFees,
} from "./pokes/upkeep.js";
import type { Proposal, Role } from "./role.js";
import type { RoleTools } from "./tools.js";

/** What the role is made of. */
export interface FundingOptions extends RoleTools {
  /** Between two notes of a price, and between two divisions of fees or payments of a deficit: `pokes.noteSeconds` [seconds]. */
  readonly noteSeconds: number;
  /** Less than so many times the gas is neither divided nor repaid; 20 unless said otherwise. */
  readonly worthTimes?: bigint;
}

const CLEARINGHOUSE = new Interface(clearinghouseAbi);
const ORACLE = new Interface(priceOracleAbi);
/** What dividing fees or repaying a deficit uses about [gas]. */
const USUAL_GAS = 200_000n;

/** Keeps rates, last prices, the peg and the insurance fund up to date. Nothing that would change nothing is proposed. */
export function createFunding(options: FundingOptions): Role {
  const fees = new Paced(options.noteSeconds);
  const deficit = new Paced(options.noteSeconds);
  return {
    name: "funding",
    look(view) {
      const proposals = [...accruals(view), ...notes(options, view)];
      if (fees.isDue(waitingFees(view.fund), view.block.time, leastWorth(options, view))) {
        const amount = formatWad(waitingFees(view.fund));
        proposals.push(act("distributeFees", view, `divided ${amount} of fees and interest`));
      }
      const repayable = repayableDeficit(view.fund, view.market, insuranceFundOf(view.index));
      if (deficit.isDue(repayable, view.block.time, leastWorth(options, view))) {
        proposals.push(act("repayDeficit", view, `repaid ${formatWad(repayable)} of the deficit`));
      }
      if (proposals.length === 0) return Promise.resolve([]);
      const mostCost = options.costs.weiOf(options.mostCost, view);
      const free = proposals.filter(
        ({ proposal }) => options.isHeld?.(proposal.key, view.block) !== true,
      );
      for (const { kind } of free) options.metrics?.pokes.inc({ kind });
      return Promise.resolve(free.map(({ proposal }) => ({ ...proposal, mostCost })));
    },
  };
}

/** A proposal without its price, with what is counted. */
interface Act {
  readonly kind: string;
  readonly proposal: Omit<Proposal, "mostCost">;
}

function accruals(view: KeeperView): Act[] {
  return instrumentsToAccrue(view.index.state).map((instrument) => {
    const about = `let ${describeInstrument(instrument)} accrue by its new rules`;
    const { kind, proposal } = act("accrueFunding", view, about, [instrument]);
    return { kind, proposal: { ...proposal, key: `accrueFunding ${instrument}` } };
  });
}

function notes({ noteSeconds }: FundingOptions, view: KeeperView): Act[] {
  const { index, market } = view;
  const when = { time: view.block.time, noteSeconds: BigInt(noteSeconds) };
  const acts = underlyingsToNote(index.state, market.prices, when).map((underlying): Act => {
    const proposal = {
      role: "funding",
      key: `notePrice ${underlying}`,
      to: index.deployment.contracts.oracle,
      data: ORACLE.encodeFunctionData("notePrice", [underlying]),
      priority: 0,
      about: `noted the price of underlying ${underlying}`,
    } as const;
    return { kind: "notePrice", proposal };
  });
  if (!isPegToNote(index.state, market.prices)) return acts;
  return [...acts, act("notePeg", view, "noted whether the settlement token is worth one")];
}

function act(
  kind: string,
  { index }: KeeperView,
  about: string,
  values: readonly unknown[] = [],
): Act {
  const data = CLEARINGHOUSE.encodeFunctionData(kind, values);
  const to = index.deployment.contracts.clearinghouse;
  return { kind, proposal: { role: "funding", key: kind, to, data, priority: 0, about } };
}

/** Gas that earns nothing for its sender should move many times its price for everybody [wad]. */
function leastWorth({ costs, worthTimes = 20n }: FundingOptions, view: KeeperView): () => bigint {
  return () => worthTimes * costs.priceOf(USUAL_GAS, view);
}

/** What piles up and is cleared now and then: not before it is worth it, and not again for some time after it was. */
class Paced {
  #before = 0n;
  #clearedAt: bigint | undefined;

  /** @param pause Between two times [seconds]. */
  constructor(private readonly pause: number) {}

  /**
   * Whether it is time.
   *
   * @param least Asked only when there is something: it may not be known [wad].
   */
  isDue(amount: bigint, time: bigint, least: () => bigint): boolean {
    // Whoever did it, this keeper or another: the pile has fallen.
    if (amount < this.#before) this.#clearedAt = time;
    this.#before = amount;
    const isPaused = this.#clearedAt !== undefined && time - this.#clearedAt < BigInt(this.pause);
    return amount > 0n && !isPaused && amount >= least();
  }
}
