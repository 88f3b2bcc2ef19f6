import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What is counted of nodes. */
export interface ChainMetrics {
  /** Begins to measure a request; call what it returns with how it ended. */
  startRequest(node: string): (outcome: string) => void;
  /** The last block of a node. */
  setHead(node: string, block: number): void;
  /** Another node was asked in place of one that did not answer. */
  countFailover(to: string): void;
  /** A block was heard of, by a socket or by asking. */
  countHead(source: "socket" | "asked"): void;
}

/** Figures of the nodes. */
export function chainMetrics(registry: Registry): ChainMetrics {
  const registers = [registry];
  const seconds = new Histogram({
    name: "plimsoll_keeper_node_request_seconds",
    help: "How long nodes take to answer, by how it ended",
    labelNames: ["node", "outcome"],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers,
  });
  const heads = new Gauge({
    name: "plimsoll_keeper_node_head",
    help: "The last block of a node",
    labelNames: ["node"],
    registers,
  });
  const failovers = new Counter({
    name: "plimsoll_keeper_node_failovers_total",
    help: "How often a node was asked in place of another one",
    labelNames: ["node"],
    registers,
  });
  const heard = new Counter({
    name: "plimsoll_keeper_blocks_heard_total",
    help: "New blocks by what told of them first",
    labelNames: ["source"],
    registers,
  });
  return {
    startRequest(node) {
      const end = seconds.startTimer({ node });
      return (outcome) => {
        end({ outcome });
      };
    },
    setHead: (node, block) => {
      heads.set({ node }, block);
    },
    countFailover: (node) => {
      failovers.inc({ node });
    },
    countHead: (source) => {
      heard.inc({ source });
    },
  };
}
