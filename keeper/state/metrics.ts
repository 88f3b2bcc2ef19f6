import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Figures of the room that knows. */
export interface StateMetrics {
  readonly block: Gauge;
  readonly accounts: Gauge;
  readonly updateSeconds: Histogram;
  readonly blocksTaken: Counter;
  readonly replacements: Counter;
  readonly rebuilds: Counter;
  readonly failures: Counter<"what">;
  readonly audited: Counter;
  readonly differences: Counter<"what">;
}

/** Makes them. */
export function stateMetrics(registry: Registry): StateMetrics {
  const registers = [registry];
  return {
    block: new Gauge({
      name: "plimsoll_keeper_block",
      help: "The block up to which everything is known.",
      registers,
    }),
    accounts: new Gauge({
      name: "plimsoll_keeper_accounts",
      help: "Accounts in memory.",
      registers,
    }),
    updateSeconds: new Histogram({
      name: "plimsoll_keeper_update_seconds",
      help: "From the sign of a block until everything in memory is of it.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    blocksTaken: new Counter({
      name: "plimsoll_keeper_blocks_total",
      help: "Blocks that were taken in.",
      registers,
    }),
    replacements: new Counter({
      name: "plimsoll_keeper_reorganisations_total",
      help: "How often blocks were replaced by others.",
      registers,
    }),
    rebuilds: new Counter({
      name: "plimsoll_keeper_index_rebuilds_total",
      help: "How often the index was built again from the first block.",
      registers,
    }),
    failures: new Counter({
      name: "plimsoll_keeper_account_failures_total",
      help: "What went wrong with single accounts.",
      labelNames: ["what"],
      registers,
    }),
    audited: new Counter({
      name: "plimsoll_keeper_audited_accounts_total",
      help: "Accounts that were compared with the chain.",
      registers,
    }),
    differences: new Counter({
      name: "plimsoll_keeper_audit_differences_total",
      help: "What the audit found wrong in memory: the fast book, or the index.",
      labelNames: ["what"],
      registers,
    }),
  };
}
