import type { Logger } from "pino";
import { type BlockReference, CouldNotLook } from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import type { Clock } from "./clock.js";
import type { Dispatcher, Submission } from "./dispatch/dispatcher.js";
import type { Alarms } from "./operations/alarms.js";
import { type Proposal, type Role, ROLE_NAMES } from "./roles/role.js";
import type { KeeperView } from "./state/view.js";

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
}

/** What one look at the chain came to. */
export interface Round {
  readonly view: KeeperView;
  /** When it began: there was a sign of the block [unix milliseconds]. */
  readonly began: number;
  /** What was given to the dispatcher, in that order. */
  readonly submissions: readonly Submission[];
  /** Until memory was up to date, until liquidations were given to the dispatcher, and in all [milliseconds]. */
  readonly took: { readonly update: number; readonly liquidate: number; readonly whole: number };
}

/** A look that failed is repeated after so long; one that finds no new block, at the latest [milliseconds]. */
const PAUSE = 250;
const LONGEST_PAUSE = 1_000;

/**
 * The keeper's round: look at the chain, let every role say what is to be done, send it. Nothing that goes wrong in a part
 * ends it or holds up another part: it is an alarm while it lasts.
 */
export class Keeper {
  /** The most urgent first: the others look when it has been served, all at once. */
  private readonly roles: readonly Role[];
  private seen: BlockReference | undefined;

  constructor(private readonly parts: KeeperParts) {
    const urgency = ({ name }: Role): number => ROLE_NAMES.indexOf(name);
    this.roles = [...parts.roles].sort((a, b) => urgency(a) - urgency(b));
  }

  /** The last block that was looked at. */
  get block(): BlockReference | undefined {
    return this.seen;
  }

  /** Looks round after round until it is told to stop; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { chain, clock } = this.parts;
    while (!signal.aborted) {
      const hasLooked = await this.tryRound();
      if (isAborted(signal)) return;
      if (!hasLooked) await clock.sleep(PAUSE, signal);
      else await chain.nextHead(this.seen?.number ?? -1, { signal, atMost: LONGEST_PAUSE });
    }
  }

  /**
   * One look.
   *
   * @returns Nothing when there is no new block.
   * @throws CouldNotLook when no node said what is the case.
   */
  async round(): Promise<Round | undefined> {
    const { clock, dispatcher, onRound, state } = this.parts;
    const began = clock.now();
    const view = await state.update();
    if (view === undefined) return undefined;
    this.seen = view.block;
    const update = clock.now() - began;

    const submissions: Submission[] = [];
    const offer = async (role: Role): Promise<void> => {
      const proposals = await this.look(role, view);
      // What waits for blocks is settled first, so that proposals find nonces and fees of today.
      await ticked;
      const given = dispatcher.submit(proposals, view.block);
      submissions.push(...given);
      for (const { done, proposal } of given) {
        void done.then((outcome) => role.ended?.(proposal, outcome));
      }
    };
    const ticked = this.guarded("dispatch", () => dispatcher.tick(view.block));
    const [urgent, others] = [this.roles.slice(0, 1), this.roles.slice(1)];
    await Promise.all(urgent.map(offer));
    const liquidate = clock.now() - began;
    await Promise.all(others.map(offer));
    await ticked;
    for (const chore of this.parts.chores) await this.guarded(chore.name, () => chore.run(view));
    const round = {
      view,
      began,
      submissions,
      took: { update, liquidate, whole: clock.now() - began },
    };
    onRound?.(round);
    return round;
  }

  /** Waits until what was sent is settled, and begins nothing new; ends with the signal at the latest. */
  async settle(signal: AbortSignal): Promise<void> {
    const { chain, dispatcher, state } = this.parts;
    let isIdle = false;
    const idle = dispatcher.idle(signal).then(() => (isIdle = true));
    const hasEnded = (): boolean => isIdle || signal.aborted;
    while (!hasEnded()) {
      await this.guarded("dispatch", async () => {
        const view = await state.update();
        if (view === undefined) return;
        this.seen = view.block;
        await dispatcher.tick(view.block);
      });
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

  /** What a role wants; nothing, and an alarm, when it could not look. */
  private async look(role: Role, view: KeeperView): Promise<readonly Proposal[]> {
    let proposals: readonly Proposal[] = [];
    await this.guarded(role.name, async () => {
      proposals = await role.look(view);
    });
    const isFree = ({ key }: Proposal): boolean => !this.parts.dispatcher.isHeld(key, view.block);
    return proposals.filter(isFree).sort((a, b) => b.priority - a.priority);
  }

  private async guarded(name: string, act: () => Promise<void>): Promise<void> {
    const { alarms, logger } = this.parts;
    try {
      await act();
      alarms.clear("looksFailing", name);
    } catch (error) {
      alarms.raise("looksFailing", name, messageOf(error));
      logger.warn({ err: error, part: name }, "A part of the keeper failed in this round");
    }
  }
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
