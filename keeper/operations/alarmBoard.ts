import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../clock.js";
import { type Alarm, type AlarmName, ALARMS, type Alarms } from "./alarms.js";

/** What alarms are shown with. */
export interface AlarmsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** So many alarms that are over stay in the gauge as 0: some have a subject of their own each time. */
const MOST_OVER = 128;

/**
 * Where all parts say that they cannot look. Each alarm is a line in the log when it begins and one when it ends, and 1 in
 * the gauge while it lasts.
 */
export function createAlarms({ clock, logger, registry }: AlarmsOptions): Alarms {
  const gauge = new Gauge({
    name: "plimsoll_keeper_alarm",
    help: "1 while something is wrong, 0 once it is over: see the names of keeper/operations/alarms.ts",
    labelNames: ["name", "subject"],
    registers: [registry],
  });
  const board = new Map<string, Alarm>();
  const over = new Map<string, Pick<Alarm, "name" | "subject">>();
  const keepZero = (alarm: Pick<Alarm, "name" | "subject">): void => {
    const { name, subject } = alarm;
    gauge.set({ name, subject }, 0);
    over.set(keyOf(name, subject), alarm);
    const [oldest] = over;
    if (oldest === undefined || over.size <= MOST_OVER) return;
    over.delete(oldest[0]);
    gauge.remove({ name: oldest[1].name, subject: oldest[1].subject });
  };

  return {
    raise(name, subject, detail) {
      const key = keyOf(name, subject);
      const lasting = board.get(key);
      board.set(key, { name, subject, detail, since: lasting?.since ?? clock.now() });
      // What is repeated at every look would bury the rest of the log.
      if (lasting !== undefined) return;
      over.delete(key);
      gauge.set({ name, subject }, 1);
      logger.warn({ alarm: name, subject, detail }, `Alarm: ${ALARMS[name]}`);
    },

    clear(name, subject) {
      const ended = board.get(keyOf(name, subject));
      if (ended === undefined) return;
      board.delete(keyOf(name, subject));
      keepZero(ended);
      const lastedSeconds = (clock.now() - ended.since) / 1_000;
      logger.info({ alarm: name, subject, lastedSeconds }, `Over: ${ALARMS[name]}`);
    },

    get active() {
      return [...board.values()].sort((a, b) => a.since - b.since);
    },
  };
}

function keyOf(name: AlarmName, subject: string): string {
  return `${name} ${subject}`;
}
