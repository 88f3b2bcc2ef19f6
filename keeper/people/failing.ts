import type { Delivery } from "./channel.js";

/** When failures are our own trouble, and not that of one receiver. */

/** What became of an attempt, as far as it says something about the channel. */
export interface Attempted {
  readonly destination: string;
  readonly isDelivered: boolean;
  /** Whether it failed for a reason that lies with us: our mail server, our bot. */
  readonly isOurs: boolean;
}

/** How many attempts are looked back on. */
export const ATTEMPTS_KEPT = 20;
const FAILURES_OF_OURS = 3;
const LEAST_DESTINATIONS = 3;

/** An attempt as it counts for its channel. */
export function attemptedOf(destination: string, delivery: Delivery): Attempted {
  const isOurs = delivery.kind === "unknown" || (delivery.kind === "failed" && delivery.isOurs);
  return { destination, isDelivered: delivery.kind === "sent", isOurs };
}

/**
 * Whether a channel fails: its last three attempts did for reasons of ours, or most of the last twenty did, to at least
 * three destinations that got nothing. One receiver that is down is its owner's trouble.
 *
 * @param attempts The last ones, oldest first.
 */
export function isChannelFailing(attempts: readonly Attempted[]): boolean {
  const last = attempts.slice(-FAILURES_OF_OURS);
  if (last.length === FAILURES_OF_OURS && last.every(({ isOurs }) => isOurs)) return true;
  const reached = new Set(
    attempts.filter(({ isDelivered }) => isDelivered).map(({ destination }) => destination),
  );
  const failed = attempts.filter(({ isDelivered }) => !isDelivered);
  const unreached = new Set(
    failed.map(({ destination }) => destination).filter((one) => !reached.has(one)),
  );
  return unreached.size >= LEAST_DESTINATIONS && failed.length * 2 > attempts.length;
}
