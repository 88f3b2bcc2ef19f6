import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the dispatcher counts. */
export interface DispatchMetrics {
  readonly sent: Counter<"role">;
  readonly mined: Counter<"role">;
  readonly reverted: Counter<"role">;
  readonly refused: Counter<"role" | "remedy">;
  readonly bumped: Counter;
  readonly abandoned: Counter;
  readonly gasUsed: Counter<"role">;
  /** In ether, since counters are floating-point numbers. */
  readonly etherSpent: Counter<"role">;
  readonly waiting: Gauge;
  readonly secondsToSend: Histogram;
}

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Registers what the dispatcher counts. */
export function dispatchMetrics(registry: Registry): DispatchMetrics {
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Counter<T>({ name: `plimsoll_keeper_${name}`, help, labelNames, registers });
  return {
    sent: counter("transactions_sent_total", "Transactions that a node took.", ["role"]),
    mined: counter("transactions_mined_total", "Transactions that passed in a block.", ["role"]),
    reverted: counter("transactions_reverted_total", "Those that reverted in a block.", ["role"]),
    refused: counter("proposals_refused_total", "Proposals whose simulation reverted.", [
      "role",
      "remedy",
    ]),
    bumped: counter("transactions_bumped_total", "Times that a fee was raised.", []),
    abandoned: counter("transactions_abandoned_total", "Those replaced by nothing, or lost.", []),
    gasUsed: counter("gas_used_total", "Gas of transactions in blocks.", ["role"]),
    etherSpent: counter("ether_spent_total", "What that gas cost [ether].", ["role"]),
    waiting: new Gauge({
      name: "plimsoll_keeper_transactions_waiting",
      help: "Transactions that wait for a block.",
      registers,
    }),
    secondsToSend: new Histogram({
      name: "plimsoll_keeper_send_seconds",
      help: "From the proposal until a node has its transaction.",
      buckets: SECONDS,
      registers,
    }),
  };
}
