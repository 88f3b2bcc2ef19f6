import type { Logger } from "pino";
import type { Clock } from "../clock.js";
import type { Alarms } from "../operations/alarms.js";
import type { Database } from "../storage/database.js";
import type { Channel, ChannelName, Delivery } from "./channel.js";
import {
  claimLetters,
  type ClaimedLetter,
  forgetOld,
  GIVE_UP_AFTER,
  nextDue,
  settleLetter,
  type Settlement,
} from "./claims.js";
import { type Attempted, ATTEMPTS_KEPT, attemptedOf, isChannelFailing } from "./failing.js";
import { letterOf } from "./letters.js";
import type { PeopleMetrics } from "./metrics.js";
import { endDestination } from "./subscriptions.js";

/** What a deliverer works with. */
export interface DelivererOptions {
  readonly database: Database;
  readonly channels: readonly Channel[];
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly metrics: PeopleMetrics;
  /** This run of this keeper. */
  readonly holder: string;
  readonly publicUrl: string | undefined;
}

/** Attempts at a time, each to another destination. Webhooks are strangers', which may hang as long as they may. */
const MOST_AT_A_TIME: Readonly<Record<ChannelName, number>> = {
  webhook: 64,
  email: 8,
  telegram: 8,
};
/** Between two looks for messages of other keepers [milliseconds]. */
const LOOK_MILLISECONDS = 5_000;
const FIRST_RETRY = 15_000;
const MOST_RETRY = 3_600_000;
const FORGET_EVERY = 3_600_000;
/** Writings of an outcome before it is left to the claim's end. */
const MOST_SETTLINGS = 5;

/** When an attempt after so many is made, from the last one on: twice as long each time, up to an hour [milliseconds]. */
export function retryDelay(attempts: number): number {
  return Math.min(FIRST_RETRY * 2 ** Math.min(attempts - 1, 20), MOST_RETRY);
}

/** What a row becomes after an attempt. */
export function settlementOf(
  { attempts, createdAt }: Pick<ClaimedLetter, "attempts" | "createdAt">,
  delivery: Delivery,
  { knowsRepeats, now }: { knowsRepeats: boolean; now: number },
): Settlement {
  if (delivery.kind === "sent") return { state: "sent", reason: "", dueAt: now };
  const { reason } = delivery;
  if (delivery.kind === "refused") return { state: "failed", reason, dueAt: now };
  if (delivery.kind === "unknown" && !knowsRepeats) return { state: "unknown", reason, dueAt: now };
  const asked = delivery.kind === "failed" ? (delivery.retryAfter ?? 0) : 0;
  const dueAt = now + Math.max(retryDelay(attempts), asked);
  const isOver = dueAt > createdAt + GIVE_UP_AFTER;
  return { state: isOver ? "failed" : "waiting", reason, dueAt };
}

/** Delivers what is in the outbox. Several keepers may do so with one database: each message is one's at a time. */
export class Deliverer {
  private readonly channels: ReadonlyMap<ChannelName, Channel>;
  private readonly recent = new Map<ChannelName, Attempted[]>();
  private readonly underWay = new Map<Promise<void>, ChannelName>();
  private pause = new AbortController();
  private ending = new AbortController().signal;
  private wakes = 0;
  private forgottenAt = 0;

  constructor(private readonly options: DelivererOptions) {
    this.channels = new Map(options.channels.map((channel) => [channel.name, channel]));
  }

  /** There may be something to deliver. */
  wake(): void {
    this.wakes++;
    this.pause.abort();
  }

  /** Delivers until the signal is aborted; then ends the attempts that are under way: what they come to is written down. */
  async run(signal: AbortSignal): Promise<void> {
    this.ending = signal;
    const { alarms, clock, logger } = this.options;
    while (!signal.aborted) {
      let wait = LOOK_MILLISECONDS;
      const { wakes } = this;
      this.pause = new AbortController();
      try {
        wait = await this.look();
        alarms.clear("storageFailing", "people");
      } catch (error) {
        alarms.raise("storageFailing", "people", "The outbox could not be read.");
        logger.error({ err: error }, "The outbox could not be read");
      }
      if (this.wakes !== wakes) continue;
      await clock.sleep(wait, AbortSignal.any([signal, this.pause.signal]));
    }
    await Promise.all(this.underWay.keys());
  }

  /** Starts what is due; gives how long there is nothing to do [milliseconds]. */
  private async look(): Promise<number> {
    const { clock, database, holder, metrics } = this.options;
    const now = clock.now();
    const claims = await claimLetters(database, { holder, now, most: this.places() });
    metrics.unknown.inc(claims.unknown);
    metrics.dropped.inc(claims.dropped);
    for (const letter of claims.letters) {
      const attempt = this.deliver(letter).finally(() => {
        this.underWay.delete(attempt);
        this.wake();
      });
      this.underWay.set(attempt, letter.channel);
    }
    if (now - this.forgottenAt >= FORGET_EVERY) {
      this.forgottenAt = now;
      await forgetOld(database, now);
    }
    const due = await nextDue(database);
    const least = this.underWay.size > 0 ? LOOK_MILLISECONDS : 50;
    return Math.min(Math.max((due ?? Infinity) - clock.now(), least), LOOK_MILLISECONDS);
  }

  /** How many more attempts each channel takes: none waits for another channel's. */
  private places(): Partial<Record<ChannelName, number>> {
    const places: Partial<Record<ChannelName, number>> = {};
    for (const name of this.channels.keys()) places[name] = MOST_AT_A_TIME[name];
    for (const name of this.underWay.values()) places[name] = (places[name] ?? 0) - 1;
    return places;
  }

  /** One attempt and what it comes to; never rejects. */
  private async deliver(letter: ClaimedLetter): Promise<void> {
    const { clock, logger, metrics, publicUrl } = this.options;
    const { account, channel: name, destination, id, kind } = letter;
    const channel = this.channels.get(name);
    if (channel === undefined) return;
    const delivery = await attempt(channel, letter, { publicUrl, ending: this.ending });
    const now = clock.now();
    const { knowsRepeats } = channel;
    const settlement = settlementOf(letter, delivery, { knowsRepeats, now });
    metrics.deliveries.inc({ channel: name, outcome: delivery.kind });
    if (delivery.kind === "sent") {
      metrics.delay.observe({ channel: name }, (now - letter.createdAt) / 1_000);
    }
    if (settlement.state === "unknown") metrics.unknown.inc();
    // A person's address is nobody's business: the id of the message leads to it in the database.
    const seen = { account, channel: name, kind, message: id, outcome: delivery.kind };
    const reason = "reason" in delivery ? delivery.reason : undefined;
    if (delivery.kind === "sent") logger.info(seen, "A message was delivered");
    else logger.warn({ ...seen, reason }, "A message was not delivered");
    this.judge(name, attemptedOf(destination, delivery));
    await this.settle(letter, settlement, delivery.kind === "refused");
  }

  private judge(name: ChannelName, attempted: Attempted): void {
    const recent = [...(this.recent.get(name) ?? []), attempted].slice(-ATTEMPTS_KEPT);
    this.recent.set(name, recent);
    const { alarms } = this.options;
    if (isChannelFailing(recent)) {
      alarms.raise("deliveryFailing", name, `Messages by ${name} fail: see the log for why.`);
    } else alarms.clear("deliveryFailing", name);
  }

  /** What is not written down while the claim holds is taken for an attempt of a dead keeper: so it is tried more than once. */
  private async settle(letter: ClaimedLetter, settlement: Settlement, ends: boolean) {
    const { clock, database, holder, logger } = this.options;
    for (let turn = 1; turn <= MOST_SETTLINGS; ++turn) {
      try {
        // Together: between the two its next message could be claimed.
        await database.transaction(async (inside) => {
          await settleLetter(inside, letter, holder, settlement);
          if (ends) await endDestination(inside, letter.channel, letter.destination);
        });
        return;
      } catch (error) {
        logger.error({ err: error, message: letter.id }, "An outcome could not be written down");
        if (turn < MOST_SETTLINGS) await clock.sleep(1_000 * turn);
      }
    }
  }
}

/**
 * A letter that cannot even be composed must not come back for ever: it counts as a failure of ours. At the keeper's end only
 * an attempt that can be repeated is broken off.
 */
async function attempt(
  channel: Channel,
  claimed: ClaimedLetter,
  { ending, publicUrl }: { ending: AbortSignal; publicUrl: string | undefined },
): Promise<Delivery> {
  try {
    const signal = channel.knowsRepeats ? ending : new AbortController().signal;
    return await channel.send(letterOf(claimed, publicUrl), signal);
  } catch (error) {
    const name = error instanceof Error ? error.name : "unknown";
    return { kind: "failed", reason: `The message could not be sent: ${name}`, isOurs: true };
  }
}
