import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createRandom } from "../demo/random.js";
import { answerAsOf, onOtherFork, type WireQuestion, type WireReply } from "./otherChain.js";
import { relaySocket } from "./socketRelay.js";

/** How a request can fail. */
export const FAULTS = [
  "error500",
  "tooMany",
  "garbage",
  "truncated",
  "rpcError",
  "hang",
  "reset",
] as const;

/** One of {@link FAULTS}. */
type Fault = (typeof FAULTS)[number];

/** What is wrong with a node, until it is set otherwise. */
interface Troubles {
  /** Every connection is cut. */
  isDown: boolean;
  /** It answers as if it were so many blocks behind, and announces none. */
  lag: number;
  /** Blocks above this one are of another fork. */
  forkFrom: number | undefined;
  /** Sockets stay open and announce nothing. */
  headsFrozen: boolean;
  /** Larger batches are refused. */
  mostTogether: number;
  /** Every answer comes so much later [milliseconds]. */
  delay: number;
  /** How the next request fails, by the methods that it asks for; asked once for each request. */
  faultOf: (methods: readonly string[]) => Fault | undefined;
}

/** A node that fails as it is told to, in front of one that does not. */
export interface FaultyNode {
  readonly url: string;
  readonly socketUrl: string;
  readonly troubles: Troubles;
  /** The methods of each HTTP request that came. */
  readonly requests: readonly (readonly string[])[];
  /** The next requests fail, those that ask for this method if one is named. */
  failNext(fault: Fault, options?: { count?: number; method?: string }): void;
  /** From now on a share of all requests fails, each in one of these ways; the same ones for the same seed. */
  misbehave(options: { seed: number; share: number; faults?: readonly Fault[] }): void;
  /** From now on it does everything right. */
  behave(): void;
  /** Cuts the sockets that are open. */
  closeSockets(): void;
  close(): Promise<void>;
}

function noTroubles(): Troubles {
  return {
    ...{ isDown: false, lag: 0, forkFrom: undefined, headsFrozen: false, delay: 0 },
    mostTogether: Infinity,
    faultOf: () => undefined,
  };
}

/** Puts a faulty node in front of a true one, for HTTP and WebSocket at the same port of loopback. */
export async function startFaultyNode(upstream: string): Promise<FaultyNode> {
  const troubles = noTroubles();
  const requests: string[][] = [];
  const server = createServer((request, response) => {
    void serve({ request, response, troubles, upstream, requests });
  });
  const sockets = new Set<Duplex>();
  server.on("connection", (connection) => {
    if (troubles.isDown) connection.destroy();
  });
  server.on("upgrade", (request: IncomingMessage, client: Duplex) => {
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    relaySocket(request, client, {
      upstream: new URL(upstream),
      change: (text) => changeText(troubles, text),
    });
  });
  const port = await listen(server);

  return {
    url: `http://127.0.0.1:${port}`,
    socketUrl: `ws://127.0.0.1:${port}`,
    troubles,
    requests,

    failNext(fault, { count = 1, method } = {}) {
      let left = count;
      troubles.faultOf = (methods) => {
        if (left === 0 || (method !== undefined && !methods.includes(method))) return undefined;
        --left;
        return fault;
      };
    },

    misbehave({ faults = FAULTS, seed, share }) {
      const random = createRandom(seed);
      troubles.faultOf = () => {
        if (random.uniform() >= share) return undefined;
        return faults[Math.floor(random.uniform() * faults.length)];
      };
    },

    behave() {
      Object.assign(troubles, noTroubles());
    },

    closeSockets() {
      for (const socket of sockets) socket.destroy();
    },

    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly troubles: Troubles;
  readonly upstream: string;
  readonly requests: string[][];
}

async function serve({ request, response, requests, troubles, upstream }: Exchange): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // Whoever asked went away.
    return;
  }
  const asked = JSON.parse(Buffer.concat(chunks).toString()) as WireQuestion | WireQuestion[];
  const questions = Array.isArray(asked) ? asked : [asked];
  const methods = questions.map(({ method }) => method);
  requests.push(methods);
  const fault = troubles.isDown ? "reset" : troubles.faultOf(methods);
  if (fault === "hang") return;
  if (fault === "reset") {
    request.socket.destroy();
    return;
  }
  if (questions.length > troubles.mostTogether) {
    const error = { code: -32_600, message: "batch too large" };
    send(response, fault, JSON.stringify({ jsonrpc: "2.0", id: null, error }));
    return;
  }
  try {
    const replies = await Promise.all(
      questions.map((question) => answer(question, { fault, troubles, upstream })),
    );
    if (troubles.delay > 0) await new Promise((resolve) => setTimeout(resolve, troubles.delay));
    send(response, fault, JSON.stringify(Array.isArray(asked) ? replies : replies[0]));
  } catch {
    // The true node does not answer, so neither does this one.
    request.socket.destroy();
  }
}

async function answer(
  question: WireQuestion,
  {
    fault,
    troubles,
    upstream,
  }: Pick<Exchange, "troubles" | "upstream"> & { fault?: Fault | undefined },
): Promise<WireReply> {
  const { forkFrom, lag } = troubles;
  if (fault === "rpcError") {
    return { jsonrpc: "2.0", id: question.id, error: { code: -32_603, message: "Internal error" } };
  }
  const ask = (one: WireQuestion): Promise<WireReply> => askUpstream(upstream, one);
  let reply: WireReply;
  if (lag === 0) reply = await ask(question);
  else {
    const { result } = await ask({ id: 0, method: "eth_blockNumber", params: [] });
    reply = await answerAsOf(Math.max(0, Number(result) - lag), question, ask);
  }
  if (forkFrom === undefined || !("result" in reply)) return reply;
  return { ...reply, result: onOtherFork(forkFrom, reply.result) };
}

async function askUpstream(upstream: string, question: WireQuestion): Promise<WireReply> {
  const response = await fetch(upstream, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", ...question }),
  });
  return (await response.json()) as WireReply;
}

function send(response: ServerResponse, fault: Fault | undefined, body: string): void {
  const status = fault === "error500" ? 500 : fault === "tooMany" ? 429 : 200;
  response.writeHead(status, { "content-type": "application/json" });
  if (fault === "garbage") response.end("<html>bad gateway</html>");
  else if (fault === "truncated") response.end(body.slice(0, body.length / 2));
  else response.end(status === 200 ? body : "");
}

/** What a node in trouble says of a text for its sockets. */
function changeText({ forkFrom, headsFrozen, lag }: Troubles, text: string): string | undefined {
  const message = JSON.parse(text) as { params?: { result?: unknown }; result?: unknown };
  if (message.params !== undefined && (headsFrozen || lag > 0)) return undefined;
  if (forkFrom === undefined) return text;
  if (message.params === undefined) {
    return JSON.stringify({ ...message, result: onOtherFork(forkFrom, message.result) });
  }
  const result = onOtherFork(forkFrom, message.params.result);
  return JSON.stringify({ ...message, params: { ...message.params, result } });
}
