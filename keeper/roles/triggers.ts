import {
  abs,
  describeInstrument,
  formatAccount,
  formatExplanation,
  formatWad,
  type InstrumentId,
  isTriggered,
  mulDown,
  underlyingOf,
} from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";
import { leftOf } from "./orders/bookOrder.js";
import type { OrderBook } from "./orders/orderBook.js";
import { Patience } from "./patience.js";
import type { Proposal, Role } from "./role.js";
import type { RoleTools } from "./tools.js";
import { attemptMatch, matchData } from "./triggers/attempt.js";
import { decideMatch, type Match, type OpenOrder } from "./triggers/decide.js";
import { type InstrumentFacts, instrumentFacts } from "./triggers/market.js";

/** What the role is made of. */
export interface TriggersOptions extends RoleTools {
  readonly book: OrderBook;
  /** Makers of one transaction; 16 unless said otherwise, the Exchange takes 64. */
  readonly mostMakers?: number;
  /** A match moves at least so many times what its gas costs; 10 unless said otherwise. */
  readonly worthTimes?: bigint;
}

const MOST_MAKERS = 16;
/** A match with one maker uses about so much, and each further one [gas]. */
const MATCH_GAS = 210_000n;
const FURTHER_GAS = 65_000n;
/** Orders that are matched in one block, the largest first. */
const MOST_MATCHES = 64;
/** The longest pause of a taker or a maker that was refused [blocks]. */
const LONGEST_PAUSE = 64;
/** A match is good for so many blocks: until then prices move on. */
const GOOD_BLOCKS = 20;

/** Fills orders whose trigger is reached, against the orders that rest in the book. Whoever matches earns nothing by it. */
export function createTriggers(options: TriggersOptions): Role {
  const patience = new Patience(LONGEST_PAUSE);
  const underWay = new Map<string, Reserved>();
  return {
    name: "triggers",
    async look(view) {
      const { book, isHeld } = options;
      await book.see(view);
      patience.sweep(view.block.number);
      for (const [key, reserved] of underWay) {
        const isOpen = isHeld?.(key, view.block) === true && isReserving(reserved, view);
        if (!isOpen) underWay.delete(key);
      }
      const round = new Round(options, { patience, underWay, view });
      return round.proposals();
    },
  };
}

/** A match that was proposed at a block. */
interface Reserved {
  readonly match: Match;
  readonly block: number;
}

/** Once it is filled the index knows; and what fails again and again does not keep makers from others. */
function isReserving({ block, match: { taker } }: Reserved, { block: now, index }: KeeperView) {
  const isNew = block <= now.number && now.number - block < GOOD_BLOCKS;
  return isNew && leftOf(index.state, taker, now.time) === taker.left;
}

interface RoundState {
  readonly patience: Patience;
  /** What was proposed and is not settled yet: its makers are spoken for. */
  readonly underWay: Map<string, Reserved>;
  readonly view: KeeperView;
}

/** One look at all orders whose trigger is reached. */
class Round {
  readonly #facts = new Map<InstrumentId, InstrumentFacts | undefined>();
  readonly #makers = new Map<string, readonly OpenOrder[]>();
  readonly #taken = new Map<string, bigint>();

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
      if (patience.isLeft(entry.hash, block.number)) continue;
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
      without: decide,
    });
    for (const culprit of culprits) this.#setAside(culprit, "A resting order was set aside");
    if (match !== undefined) return this.#isWorth(match) ? match : undefined;
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
        .map((entry) => ({ ...entry, left: leftOf(view.index.state, entry, view.block.time) }))
        .filter(({ left }) => left > 0n);
      this.#makers.set(key, makers);
    }
    return makers;
  }

  /** Gas that earns nothing is spent for what matters: nobody can have it burnt by orders of dust. */
  #isWorth({ fills, notional }: Match): boolean {
    const { costs, worthTimes = 10n } = this.options;
    const gas = MATCH_GAS + FURTHER_GAS * BigInt(fills.length - 1);
    return notional >= worthTimes * costs.priceOf(gas, this.of.view);
  }

  #setAside(culprit: OpenOrder, what: string): void {
    const { patience, view } = this.of;
    patience.failed(culprit.hash, view.block.number);
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
    return {
      role: "triggers",
      key: keyOf(taker),
      account: accountOf(taker),
      to: view.index.deployment.contracts.exchange,
      data: matchData(match),
      priority: Number(notional) / 1e18,
      mostCost: this.options.costs.weiOf(this.options.mostCost, view),
      lastBlock: view.block.number + GOOD_BLOCKS,
      about: `${act} ${what} for ${formatAccount(order.account, { short: true })} by its trigger`,
    };
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

function keyOf({ hash }: Pick<OpenOrder, "hash">): string {
  return `trigger ${hash}`;
}

function accountOf({ signed }: Pick<OpenOrder, "signed">) {
  return signed.order.account as `0x${string}`;
}
