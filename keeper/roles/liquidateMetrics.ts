import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Figures of the role that liquidates. */
export interface LiquidateMetrics {
  readonly below: Gauge;
  readonly listed: Gauge;
  readonly planned: Counter;
  readonly left: Counter<"reason">;
  readonly lookSeconds: Histogram;
}

/** Makes them. */
export function liquidateMetrics(registry: Registry): LiquidateMetrics {
  const registers = [registry];
  return {
    below: new Gauge({
      name: "plimsoll_keeper_liquidatable_accounts",
      help: "Accounts below the line that were found at the last block, of those that are not under way.",
      registers,
    }),
    listed: new Gauge({
      name: "plimsoll_keeper_listed_accounts",
      help: "Accounts that the fast arithmetic lists as below the line or near it.",
      registers,
    }),
    planned: new Counter({
      name: "plimsoll_keeper_liquidations_planned_total",
      help: "Liquidations that were given to be sent.",
      registers,
    }),
    left: new Counter({
      name: "plimsoll_keeper_liquidations_left_total",
      help: "Accounts below the line that were left alone at a block, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    lookSeconds: new Histogram({
      name: "plimsoll_keeper_liquidate_look_seconds",
      help: "From a view until the liquidations are planned and confirmed.",
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
  };
}
