import { z } from "zod";
import { count, httpUrl, noted, seconds, socketUrl } from "./setting.js";

/** Settings of how the chain is seen. */
export const chainSettings = {
  rpc: z
    .strictObject({
      urls: noted(
        z.array(httpUrl).min(1).default(["http://127.0.0.1:8545"]),
        "HTTP addresses of nodes, the preferred one first.",
      ),
      sockets: noted(
        z.array(socketUrl).default([]),
        "WebSocket addresses that announce blocks; without one, nodes are asked for them.",
      ),
      timeoutSeconds: seconds(5, "How long a node may take to answer."),
      pollSeconds: seconds(1, "How often a node is asked for its last block without a socket."),
      stalledSeconds: seconds(60, "No new block for so long raises an alarm."),
      laggingBlocks: count(3, "blocks", "A node so far behind the best one is not asked."),
      firstBlock: noted(
        z.int().nonnegative().default(0),
        "The first block that may have an event: that of the deployment's first transaction.",
        { unit: "block" },
      ),
      mostBlocks: count(2_000, "blocks", "The most that one question for logs covers."),
    })
    .prefault({}),
};
