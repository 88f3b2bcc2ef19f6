import { publicUrl } from "../../config/publicUrl.js";
import { type Check, findingsOf } from "./check.js";
import type { NodeSurroundings } from "./nodes.js";

const { ok, warning, wrong } = findingsOf("socket");

/** Looks at every WebSocket: that it is of the right chain and announces blocks. */
export async function checkSockets(surroundings: NodeSurroundings): Promise<Check[]> {
  const { pollSeconds, sockets } = surroundings.config;
  if (sockets.length > 0) {
    return Promise.all(sockets.map((url) => checkSocket(url, surroundings)));
  }
  const cure = "Give rpc.sockets, if the provider has them: blocks are then heard of at once.";
  return [warning("all of them", `there is none: nodes are asked every ${pollSeconds} s`, cure)];
}

async function checkSocket(url: string, { config, deployment }: NodeSurroundings): Promise<Check> {
  const name = publicUrl(url);
  const answers = await conversation(url, config.timeoutSeconds * 1_000);
  if (typeof answers === "string") {
    const cure = "Correct rpc.sockets, or leave the address out: nodes are then asked for blocks.";
    return wrong(name, answers, cure);
  }
  const [chainId, subscription] = answers;
  if (Number(chainId) !== deployment.chainId) {
    const found = `it is on chain ${Number(chainId)}, the deployment on chain ${deployment.chainId}`;
    return wrong(name, found, "Use a socket of the deployment's chain.");
  }
  if (typeof subscription === "string") return ok(name, "it announces blocks");
  const cure = "Use a socket whose provider allows eth_subscribe, or none.";
  return wrong(name, "it does not announce blocks", cure);
}

const QUESTIONS = [
  { id: 1, method: "eth_chainId", params: [] },
  { id: 2, method: "eth_subscribe", params: ["newHeads"] },
];

/** Asks for the chain and for a subscription: both answers, or why there are none. */
function conversation(url: string, milliseconds: number): Promise<[unknown, unknown] | string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    const answers = new Map<number, unknown>();
    const end = (result: [unknown, unknown] | string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => {
      end(`nothing came within ${milliseconds / 1_000} seconds`);
    }, milliseconds);
    socket.addEventListener("open", () => {
      for (const question of QUESTIONS)
        socket.send(JSON.stringify({ jsonrpc: "2.0", ...question }));
    });
    socket.addEventListener("error", () => {
      end("it does not open");
    });
    socket.addEventListener("close", () => {
      end("it was closed");
    });
    socket.addEventListener("message", ({ data }) => {
      const { id, result } = parsed(data);
      if (id !== undefined) answers.set(id, result);
      if (answers.size === QUESTIONS.length) end([answers.get(1), answers.get(2)]);
    });
  });
}

function parsed(content: unknown): { id?: number; result?: unknown } {
  try {
    return JSON.parse(String(content)) as { id?: number; result?: unknown };
  } catch {
    return {};
  }
}
