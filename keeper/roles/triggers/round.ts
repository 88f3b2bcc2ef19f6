import {
  abs,
  describeInstrument,
  formatAccount,
  formatExplanation,
  formatWad,
  type InstrumentId,
  isTriggered,
  mulDown,
  ownerOf,
  underlyingOf,
} from "../../../sdk/index.js";
import type { KeeperView } from "../../state/view.js";
import { leftOf } from "../orders/bookOrder.js";
import type { Patience } from "../patience.js";
import type { Proposal } from "../role.js";
import type { Strangers } from "../strangers.js";
import type { TriggersOptions } from "../triggers.js";
import { attemptMatch, type CallBudget, matchData } from "./attempt.js";
import { decideMatch, type Match, type OpenOrder } from "./decide.js";
import { gasOf, isOfWallet } from "./gas.js";
import { type InstrumentFacts, instrumentFacts } from "./market.js";
import type { Subsidies } from "./subsidies.js";

const MOST_MAKERS = 16;
/** Orders that are matched in one block, the largest first. */
const MOST_MATCHES = 64;
/** Calls of one look: the next one, and with it liquidations, waits for their answers. */
const MOST_CALLS = 96;
/** A match is good for so many blocks: until then prices move on. */
export const GOOD_BLOCKS = 20;

/** A match that was proposed at a block. */
export interface Reserved {
  readonly match: Match;
  readonly block: number;
}

/** What rounds have in common, and the view of this one. */
export interface RoundState {
  readonly patience: Patience;
  /** What was proposed and is not settled yet: its makers are spoken for. */
  readonly underWay: Map<string, Reserved>;
  readonly strangers: Strangers;
  readonly subsidies: Subsidies;
  readonly view: KeeperView;
}

/** One look at all orders whose trigger is reached. */
export class Round {
  readonly #facts = new Map<InstrumentId, InstrumentFacts | undefined>();
  readonly #makers = new Map<string, readonly OpenOrder[]>();
  readonly #taken = new Map<string, bigint>();
  readonly #budget: CallBudget = { left: MOST_CALLS };

  constructor(
    private readonly options: TriggersOptions,
    private readonly of: RoundState,
  ) {
    for (const { match } of of.underWay.values()) this.#take(match);
  }

  async proposals(): Promise<Proposal[]> {
    const reached = this.#reached();
    this.#measure(reached.length);
    const proposals: Proposal[] = [];
    for (const taker of reached.slice(0, MOST_MATCHES)) {
      if (this.#budget.left === 0) break;
      const match = await this.#matchOf(taker);
      if (match === undefined) continue;
      proposals.push(this.#proposalOf(match));
      this.#take(match);
      this.of.underWay.set(keyOf(taker), { match, block: this.of.view.block.number });
    }
    return proposals;
  }

  /** Orders whose price is reached and that can be filled, the largest notional first. */
  #reached(): OpenOrder[] {
    const { patience, view } = this.of;
    const { block, index } = view;
    const found: { taker: OpenOrder; notional: bigint }[] = [];
    for (const entry of this.options.book.triggers()) {
      const { order } = entry.signed;
      const price = view.market.prices.get(underlyingOf(order.instrument));
      if (price === undefined || !isTriggered(order, price)) continue;
      if (patience.isLeft(entry.hash, block.number) || this.#isStrange(entry)) continue;
      if (this.options.isHeld?.(keyOf(entry), block) === true) continue;
      const left = leftOf(index.state, entry, block.time);
      if (left > 0n) found.push({ taker: { ...entry, left }, notional: mulDown(left, price) });
    }
    found.sort((a, b) => (a.notional > b.notional ? -1 : a.notional < b.notional ? 1 : 0));
    return found.map(({ taker }) => taker);
  }

  async #matchOf(taker: OpenOrder): Promise<Match | undefined> {
    const { view } = this.of;
    const decide = (without: ReadonlySet<string>) => this.#decide(taker, without);
    const first = decide(new Set());
    if (first === undefined || !this.#isWorth(first)) return undefined;
    const { culprits, match, refusal } = await attemptMatch(first, {
      rpc: this.options.rpc,
      exchange: view.index.deployment.contracts.exchange,
      sender: this.options.sender,
      block: view.block.number,
      gasOf: (tried) => gasOf(tried, view).limit,
      isOfWallet: (entry) => isOfWallet(entry, view),
      budget: this.#budget,
      without: decide,
    });
    for (const culprit of culprits) this.#setAside(culprit, "A resting order was set aside");
    if (match !== undefined) return this.#isWorth(match) ? match : undefined;
    // Nothing is known against a taker for which no call was left.
    if (this.#budget.left === 0) return undefined;
    this.of.patience.failed(taker.hash, view.block.number);
    const said = refusal === undefined ? "no maker is left" : formatExplanation(refusal);
    view.failed("A triggered order was not filled", accountOf(taker), new Error(said));
    return undefined;
  }

  #decide(taker: OpenOrder, without: ReadonlySet<string>): Match | undefined {
    const facts = this.#factsOf(taker.signed.order.instrument);
    if (facts === undefined) return undefined;
    const makers = this.#makersFor(taker).filter(({ hash }) => !without.has(hash));
    const { mostMakers = MOST_MAKERS } = this.options;
    return decideMatch({ ...facts, taker, makers, mostMakers, taken: this.#taken });
  }

  #factsOf(instrument: InstrumentId): InstrumentFacts | undefined {
    if (!this.#facts.has(instrument)) {
      this.#facts.set(instrument, instrumentFacts(this.of.view, instrument));
    }
    return this.#facts.get(instrument);
  }

  #makersFor({ signed: { order } }: OpenOrder): readonly OpenOrder[] {
    const { patience, view } = this.of;
    const isBuying = order.size < 0n;
    const key = `${order.instrument} ${isBuying}`;
    let makers = this.#makers.get(key);
    if (makers === undefined) {
      const resting = this.options.book.resting(order.instrument, isBuying);
      makers = resting
        .filter(({ hash }) => !patience.isLeft(hash, view.block.number))
        .filter((entry) => !this.#isStrange(entry))
        .map((entry) => ({ ...entry, left: leftOf(view.index.state, entry, view.block.time) }))
        .filter(({ left }) => left > 0n);
      this.#makers.set(key, makers);
    }
    return makers;
  }

  /**
   * Gas that earns nothing is spent for what matters: nobody can have it burnt by orders of dust, nor much of it by trading
   * with themselves.
   */
  #isWorth(match: Match): boolean {
    const { costs, worthTimes = 10n } = this.options;
    const { subsidies, view } = this.of;
    const { usual } = gasOf(match, view);
    const times = subsidies.timesOf(ownerOf(accountOf(match.taker)), worthTimes, view.block.number);
    return match.notional >= times * costs.priceOf(usual, view);
  }

  /** Whether it is of an owner whose contract made a transaction or a call revert lately. */
  #isStrange({ hash, signed }: Pick<OpenOrder, "hash" | "signed">): boolean {
    const { patience, strangers, view } = this.of;
    const { number } = view.block;
    if (strangers.isLeft(ownerOf(signed.order.account), number)) return true;
    return patience.isLeft(walletKey({ signed }), number) && isOfWallet({ hash, signed }, view);
  }

  #setAside(culprit: OpenOrder, what: string): void {
    const { patience, view } = this.of;
    patience.failed(culprit.hash, view.block.number);
    if (isOfWallet(culprit, view)) patience.failed(walletKey(culprit), view.block.number);
    this.options.metrics?.makersSetAside.inc();
    const { account } = culprit.signed.order;
    this.options.logger.info({ account, order: culprit.hash }, what);
    for (const [key, makers] of this.#makers) {
      this.#makers.set(
        key,
        makers.filter(({ hash }) => hash !== culprit.hash),
      );
    }
  }

  #take({ fills }: Match): void {
    for (const { maker, size } of fills) {
      this.#taken.set(maker.hash, (this.#taken.get(maker.hash) ?? 0n) + size);
    }
  }

  #proposalOf(match: Match): Proposal {
    const { notional, size, taker } = match;
    const { view } = this.of;
    const { order } = taker.signed;
    const act = order.size > 0n ? "bought" : "sold";
    const what = `${formatWad(abs(size))} ${describeInstrument(order.instrument)}`;
    const { limit, owners } = gasOf(match, view);
    const proposal: Proposal = {
      role: "triggers",
      key: keyOf(taker),
      account: accountOf(taker),
      to: view.index.deployment.contracts.exchange,
      data: matchData(match),
      priority: Number(notional) / 1e18,
      mostCost: this.options.costs.weiOf(this.options.mostCost, view),
      ...(limit === undefined ? {} : { gasLimit: limit }),
      lastBlock: view.block.number + GOOD_BLOCKS,
      about: `${act} ${what} for ${formatAccount(order.account, { short: true })} by its trigger`,
    };
    this.of.strangers.reaches(proposal, owners);
    this.of.subsidies.given(proposal, ownerOf(order.account), view.block.number);
    return proposal;
  }

  #measure(reached: number): void {
    const { book, metrics } = this.options;
    if (metrics === undefined) return;
    const waiting = book.triggers().length;
    metrics.orders.set({ kind: "trigger" }, waiting);
    metrics.orders.set({ kind: "resting" }, book.size - waiting);
    metrics.triggersReached.set(reached);
  }
}

/** The key of an order's match. */
function keyOf({ hash }: Pick<OpenOrder, "hash">): string {
  return `trigger ${hash}`;
}

/** For what an owner's contract did not vouch for: many orders of it are to hold up no more than one. */
function walletKey({ signed }: Pick<OpenOrder, "signed">): string {
  return `wallet ${ownerOf(signed.order.account)}`;
}

function accountOf({ signed }: Pick<OpenOrder, "signed">) {
  return signed.order.account as `0x${string}`;
}
