import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../clock.js";

/** Every figure of the keeper begins so. */
const METRIC_PREFIX = "plimsoll_keeper_";

/** How long a round took until memory was up to date, until liquidations were given on, and in all. */
interface RoundTimes {
  /** [milliseconds] */
  readonly update: number;
  /** [milliseconds] */
  readonly liquidate: number;
  /** [milliseconds] */
  readonly whole: number;
}

const ROUND_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SENT_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15];

/** A registry with the figures of the process: memory, processor, event loop. */
export function createRegistry(labels: Readonly<Record<string, string>>): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  return registry;
}

/** The service's own figures; those of single rooms are the rooms'. */
export interface KeeperMetrics {
  /** The last block's own time [unix seconds]; the lag is counted from it when it is asked for. */
  readonly headTime: Gauge;
  /** From the log of a price to the liquidation that it caused, sent [seconds]. */
  readonly priceToSentSeconds: Histogram;
  readonly accountsBelow: Gauge;
  readonly walletEther: Gauge;
  readonly liquidatorFreeMargin: Gauge;
  readonly isReady: Gauge;
  readonly isDryRun: Gauge;
  roundTook(times: RoundTimes): void;
}

/** Registers the service's figures. */
export function keeperMetrics(registry: Registry, clock: Pick<Clock, "now">): KeeperMetrics {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: METRIC_PREFIX + name, help, registers: [registry] });
  const headTime = gauge("head_time_seconds", "The last block's own time, unix seconds");
  lagFrom(headTime, registry, clock);
  const roundSeconds = new Histogram({
    name: `${METRIC_PREFIX}round_seconds`,
    help: "How long rounds took until each of their phases was over",
    labelNames: ["phase"],
    buckets: ROUND_BUCKETS,
    registers: [registry],
  });
  return {
    headTime,
    priceToSentSeconds: new Histogram({
      name: `${METRIC_PREFIX}price_to_sent_seconds`,
      help: "From a price to the liquidation that it caused, sent",
      buckets: SENT_BUCKETS,
      registers: [registry],
    }),
    accountsBelow: gauge(
      "accounts_below_line",
      "Accounts that the fast arithmetic has below the line",
    ),
    walletEther: gauge("wallet_ether", "What the wallet has for gas, in ether"),
    liquidatorFreeMargin: gauge(
      "liquidator_free_margin_dollars",
      "Equity less the initial requirement of the liquidator's account",
    ),
    isReady: gauge("ready", "1 once everything up to the head is known"),
    isDryRun: gauge("dry_run", "1 when nothing is sent"),
    roundTook: (times) => {
      for (const [phase, milliseconds] of Object.entries(times)) {
        roundSeconds.observe({ phase }, milliseconds / 1_000);
      }
    },
  };
}

/** A lag that was written down at each block would stand still when blocks do: it is counted when it is asked for. */
function lagFrom(headTime: Gauge, registry: Registry, clock: Pick<Clock, "now">): void {
  new Gauge({
    name: `${METRIC_PREFIX}head_lag_seconds`,
    help: "How long ago the last known block was made",
    registers: [registry],
    async collect() {
      const [time] = (await headTime.get()).values;
      if (time !== undefined && time.value > 0) this.set(clock.now() / 1000 - time.value);
    },
  });
}
