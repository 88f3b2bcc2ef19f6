import type { Logger } from "pino";
import { type BlockReference, CouldNotLook } from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import type { Clock } from "./clock.js";
import type { Dispatcher, Submission } from "./dispatch/dispatcher.js";
import type { Alarms } from "./operations/alarms.js";
import { type Proposal, type Role, ROLE_NAMES } from "./roles/role.js";
import type { KeeperView } from "./state/view.js";
import { HANGS_AFTER, Turns } from "./turns.js";
import { messageOf } from "./messageOf.js";

/** What is done between two blocks when all roles have looked: checkpoints, the audit, deliveries. */
export interface Chore {
  readonly name: string;
  /** @throws Whatever goes wrong: it is logged, is an alarm, and is tried again after the next block. */
  run(view: KeeperView): Promise<void>;
}

/** What a keeper is made of. */
export interface KeeperParts {
  readonly chain: Pick<Chain, "nextHead">;
  /** Brings memory up to the last block; undefined when that has been looked at already. */
  readonly state: { update(): Promise<KeeperView | undefined> };
  readonly dispatcher: Dispatcher;
  readonly roles: readonly Role[];
  readonly chores: readonly Chore[];
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told of each round. */
  readonly onRound?: (round: Round) => void;
  /** Told of what was given to the dispatcher, also of what came too late for its round, and when that had begun. */
  readonly onSubmitted?: (submissions: readonly Submission[], began: number) => void;
  /** For so long a round waits for parts that are not urgent [milliseconds]; 1,000 if nothing is said. */
  readonly patience?: number;
}

/** What one look at the chain came to. */
export interface Round {
  readonly view: KeeperView;
  /** When it began: there was a sign of the block [unix milliseconds]. */
  readonly began: number;
  /** What was given to the dispatcher, in that order; a role that takes longer than the round waits adds to it later. */
  readonly submissions: readonly Submission[];
  /** Until memory was up to date, until liquidations were given to the dispatcher, and in all [milliseconds]. */
  readonly took: { readonly update: number; readonly liquidate: number; readonly whole: number };
}

/** A look that failed is repeated after so long; one that finds no new block, at the latest [milliseconds]. */
const PAUSE = 250;
const LONGEST_PAUSE = 1_000;
/** So long a round waits for its other parts, so that one that hangs makes the next liquidations no later [milliseconds]. */
const PATIENCE = 1_000;
/** So long chores wait for what is given to the nodes [milliseconds]. */
const PATIENCE_WITH_NODES = 250;
/** So long proposals wait for the dispatcher's look at what is under way [milliseconds]. */
const PATIENCE_WITH_TICK = 2_000;

/**
 * The keeper's round: look at the chain, let every role say what is to be done, send it. Nothing that goes wrong in a part
 * ends it or holds up another part: it is an alarm while it lasts. A part that takes longer than the round waits goes on
 * beside it; what it proposes counts as long as its view is the last one.
 */
export class Keeper {
  /** The most urgent first: the others look when it has been served, all at once. */
  private readonly roles: readonly Role[];
  private readonly turns: Turns;
  private seen: BlockReference | undefined;
  /** The last view; undefined when memory may have moved on from it. */
  private view: KeeperView | undefined;
  /** Nothing new is begun. */
  private isSettling = false;
  /** The update that goes on, or the last one. */
  private updating: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: KeeperParts) {
    this.turns = new Turns(parts);
    const urgency = ({ name }: Role): number => ROLE_NAMES.indexOf(name);
    this.roles = [...parts.roles].sort((a, b) => urgency(a) - urgency(b));
  }

  /** The last block that was looked at. */
  get block(): BlockReference | undefined {
    return this.seen;
  }

  /** Looks round after round until it is told to stop; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const hasLooked = await this.tryRound();
      if (isAborted(signal)) return;
      // Also when it failed: what one node could not show, the next look may ask another one for.
      const atMost = hasLooked ? LONGEST_PAUSE : PAUSE;
      await this.parts.chain.nextHead(this.seen?.number ?? -1, { signal, atMost });
    }
  }

  /**
   * One look.
   *
   * @returns Nothing when there is no new block.
   * @throws CouldNotLook when no node said what is the case.
   */
  async round(): Promise<Round | undefined> {
    const { chores, clock, dispatcher, onRound, patience = PATIENCE } = this.parts;
    const { turns } = this;
    const began = clock.now();
    const view = await this.update();
    if (view === undefined) return undefined;
    const update = clock.now() - began;

    const submissions: Submission[] = [];
    const ticked = turns.take("dispatch", () => dispatcher.tick(view.block), PATIENCE_WITH_TICK);
    const offer = (role: Role, longest: number): Promise<void> =>
      turns.take(
        role.name,
        async () => {
          const proposals = await role.look(view);
          // What waits for blocks has places that others want.
          if (dispatcher.needsTick) await ticked;
          await this.requireLast(view);
          const given = this.submit(proposals, view, began);
          submissions.push(...given);
          if (role.ended === undefined) return;
          for (const { done, proposal } of given) {
            void done.then((outcome) => role.ended?.(proposal, outcome));
          }
        },
        longest,
      );
    const [urgent, others] = [this.roles.slice(0, 1), this.roles.slice(1)];
    await Promise.all(urgent.map((role) => offer(role, HANGS_AFTER)));
    const liquidate = clock.now() - began;
    await Promise.all(others.map((role) => offer(role, patience)));
    await ticked;
    await this.areSent(submissions);
    for (const chore of chores) await turns.take(chore.name, () => chore.run(view), patience);
    const took = { update, liquidate, whole: clock.now() - began };
    const round = { view, began, submissions, took };
    onRound?.(round);
    return round;
  }

  /** Waits until what was sent is settled, and begins nothing new; ends with the signal at the latest. */
  async settle(signal: AbortSignal): Promise<void> {
    const { chain, dispatcher } = this.parts;
    this.isSettling = true;
    let isIdle = false;
    const idle = dispatcher.idle(signal).then(() => (isIdle = true));
    const hasEnded = (): boolean => isIdle || signal.aborted;
    const tick = async (): Promise<void> => {
      const view = await this.update();
      if (view !== undefined) await dispatcher.tick(view.block);
    };
    while (!hasEnded()) {
      await Promise.race([this.turns.take("dispatch", tick, HANGS_AFTER), idle]);
      const next = { signal, atMost: PAUSE };
      if (!hasEnded()) await chain.nextHead(this.seen?.number ?? -1, next);
    }
    await idle;
  }

  private async tryRound(): Promise<boolean> {
    const { alarms, logger } = this.parts;
    try {
      await this.round();
      alarms.clear("looksFailing", "state");
      return true;
    } catch (error) {
      alarms.raise("looksFailing", "state", messageOf(error));
      if (!(error instanceof CouldNotLook)) {
        logger.error({ err: error }, "A look at the chain failed for a reason that is not known");
      }
      return false;
    }
  }

  /** Brings memory up to date; one that takes too long is an alarm, but at the start, when there is much to read. */
  private async update(): Promise<KeeperView | undefined> {
    const { alarms, clock, state } = this.parts;
    const answered = new AbortController();
    if (this.seen !== undefined) {
      void clock.sleep(HANGS_AFTER, answered.signal).then(() => {
        if (answered.signal.aborted) return;
        alarms.raise("looksFailing", "state", "A look at the chain does not come to an end.");
      });
    }
    const updating = state.update();
    this.updating = updating.then(
      (view) => {
        if (view !== undefined) this.view = view;
      },
      () => (this.view = undefined),
    );
    try {
      const view = await updating;
      if (view !== undefined) this.seen = view.block;
      return view;
    } finally {
      answered.abort();
    }
  }

  /** @throws CouldNotLook when there is another block since, or memory may be of another one. */
  private async requireLast(view: KeeperView): Promise<void> {
    await this.updating;
    if (this.view === view && !this.isSettling) return;
    const { number } = view.block;
    throw new CouldNotLook(`It was still at block ${number} when the next one was looked at`);
  }

  /** Chores ask the nodes much: they begin when what was given is with the nodes, or takes too long. */
  private async areSent(given: readonly Submission[]): Promise<void> {
    if (given.length === 0) return;
    const over = new AbortController();
    const sent = Promise.all(given.map((one) => one.sent));
    await Promise.race([sent, this.parts.clock.sleep(PATIENCE_WITH_NODES, over.signal)]);
    over.abort();
  }

  private submit(
    proposals: readonly Proposal[],
    { block }: KeeperView,
    began: number,
  ): readonly Submission[] {
    const { dispatcher, onSubmitted } = this.parts;
    const free = proposals.filter(({ key }) => !dispatcher.isHeld(key, block));
    free.sort((a, b) => b.priority - a.priority);
    const submissions = dispatcher.submit(free, block);
    onSubmitted?.(submissions, began);
    return submissions;
  }
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
