import type { Logger } from "pino";
import type { Clock } from "../clock.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import { broadcast } from "./broadcast.js";
import type { Chain } from "./chain.js";
import { endpointsOf } from "./endpoint.js";
import { Heads } from "./heads.js";
import type { DeployedAt } from "./identity.js";
import type { ChainMetrics } from "./metrics.js";
import { ChainNode } from "./node.js";
import { NodePool } from "./pool.js";
import { PoolProvider } from "./provider.js";
import { BlockSocket } from "./socket.js";
import { NodeWatch } from "./watch.js";

/** What a chain is made of. */
export interface ChainOptions {
  /** The `rpc` part of the settings. */
  readonly config: KeeperConfig["rpc"];
  /** A node of another chain is never used. */
  readonly deployment: DeployedAt;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly metrics?: ChainMetrics;
}

/** However rarely nodes are asked, one that failed is tried again soon. */
const MOST_FIRST_PAUSE_MILLISECONDS = 1_000;

/**
 * The chain through several nodes. Resolves as soon as one of them can be used, or all have been asked: that none answers is
 * an alarm, and found out by whoever asks.
 */
export async function createChain(options: ChainOptions): Promise<Chain> {
  const { alarms, clock, config, deployment, logger, metrics } = options;
  const pollMilliseconds = config.pollSeconds * 1_000;
  const timeout = config.timeoutSeconds * 1_000;
  const pause = Math.min(pollMilliseconds / 4, MOST_FIRST_PAUSE_MILLISECONDS);
  const stop = new AbortController();

  const heads = new Heads({ clock, mostPause: pause });
  const nodes = endpointsOf(config.urls).map(
    (endpoint) => new ChainNode({ endpoint, timeout, pause, metrics }),
  );
  const pool = new NodePool({
    nodes,
    metrics,
    onServed: (head) => {
      heads.serve(head);
    },
  });
  const sockets = endpointsOf(config.sockets).map((endpoint) => {
    const source = `socket ${endpoint.name}`;
    return new BlockSocket({
      ...{ alarms, clock, deployment, endpoint, logger, pause, timeout },
      onHead: (head) => {
        if (heads.announce(source, head)) metrics?.countHead("socket");
      },
      onDead: () => {
        heads.forget(source);
      },
    });
  });
  const watch = new NodeWatch({
    ...{ alarms, clock, config, deployment, heads, metrics, nodes, pool, sockets },
  });
  const provider = new PoolProvider(deployment.chainId, {
    ask: (questions) => pool.ask(questions),
    send: (question) => broadcast(nodes, question),
  });

  for (const socket of sockets) socket.start();
  await watch.begin();
  const watching = watch.run(stop.signal);
  logger.info({ nodes: nodes.map(({ status }) => status) }, "The nodes were asked");

  return {
    provider,
    rpc: (method, params) => provider.send(method, params),

    async broadcast(raw) {
      // Not by way of ethers: it would wait for whatever else is asked at this moment.
      const question = { jsonrpc: "2.0" as const, id: 1, method: "eth_sendRawTransaction" };
      const reply = await broadcast(nodes, { ...question, params: [raw] });
      if (reply instanceof Error) throw reply;
      if ("result" in reply) return String(reply.result);
      throw provider.getRpcError({ ...question, params: [raw] }, reply);
    },

    async nextHead(after, waiting) {
      const { isRepeated } = await heads.next(after, waiting);
      pool.beginLook(after, isRepeated);
    },

    get nodes() {
      return nodes.map(({ status }) => status);
    },

    async close() {
      stop.abort();
      heads.close();
      for (const node of nodes) node.close();
      await Promise.all([watching, ...sockets.map((socket) => socket.close())]);
      provider.destroy();
    },
  };
}
