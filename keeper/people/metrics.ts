import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Figures of what people are told. */
export interface PeopleMetrics {
  /** Attempts to deliver, by channel and outcome. */
  readonly deliveries: Counter<"channel" | "outcome">;
  /** From a message's writing to its delivery [seconds]. */
  readonly delay: Histogram<"channel">;
  /** Messages that were of no use any more before they were sent. */
  readonly dropped: Counter;
  /** Messages by e-mail or Telegram whose sender died in the middle of an attempt. */
  readonly unknown: Counter;
  /** Accounts below initial margin. */
  readonly episodes: Gauge;
  /** Notices posted, by kind. */
  readonly notices: Counter<"kind">;
}

const DELAYS = [0.1, 0.5, 1, 5, 15, 60, 300, 3_600, 21_600, 86_400];

/** Makes the figures of this room. */
export function peopleMetrics(registry: Registry): PeopleMetrics {
  const registers = [registry];
  return {
    deliveries: new Counter({
      name: "plimsoll_keeper_people_deliveries_total",
      help: "Attempts to deliver messages to people",
      labelNames: ["channel", "outcome"],
      registers,
    }),
    delay: new Histogram({
      name: "plimsoll_keeper_people_delivery_seconds",
      help: "From the writing of a message to its delivery",
      labelNames: ["channel"],
      buckets: DELAYS,
      registers,
    }),
    dropped: new Counter({
      name: "plimsoll_keeper_people_dropped_total",
      help: "Messages to people that were of no use any more before they were sent",
      registers,
    }),
    unknown: new Counter({
      name: "plimsoll_keeper_people_unknown_total",
      help: "Messages to people of which nobody knows whether they were delivered",
      registers,
    }),
    episodes: new Gauge({
      name: "plimsoll_keeper_people_episodes",
      help: "Accounts below initial margin that people are told of",
      registers,
    }),
    notices: new Counter({
      name: "plimsoll_keeper_people_notices_total",
      help: "Notices posted for people",
      labelNames: ["kind"],
      registers,
    }),
  };
}
