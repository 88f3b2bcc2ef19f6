import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
} from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { KeeperConfig } from "../config/schema.js";
import { type Alarm, type AlarmName, ALARMS, type Alarms } from "./alarms.js";
import type { KeeperStatus } from "./status.js";

/** What the server shows. */
export interface ServerOptions {
  readonly settings: KeeperConfig["server"];
  readonly registry: Registry;
  readonly alarms: Alarms;
  readonly status: () => KeeperStatus;
  /** Pages of other rooms. */
  readonly plugins: readonly FastifyPluginAsync[];
  readonly logger: Logger;
}

/** A server that listens. */
export interface KeeperServer {
  /** Where: "http://127.0.0.1:9464". */
  readonly url: string;
  /** Ends connections and waits until none is left. */
  close(): Promise<void>;
}

/**
 * Alarms that do not make the keeper unhealthy: whoever subscribes a webhook that never answers could otherwise have it
 * restarted.
 */
const HARMLESS: ReadonlySet<AlarmName> = new Set(["deliveryFailing"]);

const MOST_BODY_BYTES = 64 * 1024;
const REQUEST_MILLISECONDS = 10_000;
const KEEP_ALIVE_MILLISECONDS = 5_000;
/** Requests that come too slowly are looked for so often. */
const CHECK_MILLISECONDS = 5_000;
const MOST_CONNECTIONS = 256;

/** Whether an alarm makes the health page fail. */
function isSerious({ name }: Pick<Alarm, "name">): boolean {
  return !HARMLESS.has(name);
}

/** Serves metrics, health, readiness, status, and what other rooms bring. */
export async function createServer(options: ServerOptions): Promise<KeeperServer> {
  const { logger, plugins, settings } = options;
  // Typed as fastify's own: its instance would otherwise be of another type than the one that plugins take.
  const loggerInstance: FastifyBaseLogger = logger;
  const server = fastify({
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_MILLISECONDS,
    connectionTimeout: REQUEST_MILLISECONDS,
    keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
    forceCloseConnections: true,
    // Behind a proxy all requests come from it: one stranger could use up what everybody may ask otherwise.
    trustProxy: settings.proxies.length === 0 ? false : [...settings.proxies],
    http: { connectionsCheckingInterval: CHECK_MILLISECONDS },
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
  });
  // Each is an open file, and without one left the keeper would reach neither nodes nor its database.
  server.server.maxConnections = MOST_CONNECTIONS;
  answerErrors(server, logger);
  addPages(server, options);
  for (const plugin of plugins) await server.register(plugin);
  const url = await server.listen({ host: settings.host, port: settings.port });
  logger.info({ url }, "The server listens.");
  return { url, close: () => server.close() };
}

function addPages(server: FastifyInstance, { alarms, registry, status }: ServerOptions): void {
  server.get("/metrics", async (_request, reply) => {
    await reply.type(registry.contentType).send(await registry.metrics());
  });
  server.get("/health", async (_request, reply) => {
    const active = alarms.active.map(described);
    const isHealthy = !alarms.active.some(isSerious);
    await json(reply.code(isHealthy ? 200 : 503), { healthy: isHealthy, alarms: active });
  });
  server.get("/ready", async (_request, reply) => {
    const { block, isReady } = status();
    await json(reply.code(isReady ? 200 : 503), { ready: isReady, block });
  });
  server.get("/status", async (_request, reply) => {
    await json(reply, status());
  });
}

function described(alarm: Alarm): Record<string, unknown> {
  return {
    ...alarm,
    meaning: ALARMS[alarm.name],
    serious: isSerious(alarm),
    since: new Date(alarm.since).toISOString(),
  };
}

/** Callers are told what they did wrong, and of what went wrong here nothing but that it did. */
function answerErrors(server: FastifyInstance, logger: Logger): void {
  server.setNotFoundHandler(async (_request, reply) => {
    await json(reply.code(404), { error: "There is no such page." });
  });
  server.setErrorHandler(async (error, request, reply) => {
    const { message, statusCode = 500 } = error as { message?: string; statusCode?: number };
    if (statusCode < 500) return json(reply.code(statusCode), { error: message });
    const { method, routeOptions } = request;
    logger.error({ err: error, method, route: routeOptions.url }, "A page failed.");
    return json(reply.code(500), { error: "Something went wrong here; it is in the log." });
  });
}

/** Bigints as decimal text: JSON itself has no way to say them. */
async function json(reply: FastifyReply, content: unknown): Promise<void> {
  const text = JSON.stringify(content, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  await reply.type("application/json; charset=utf-8").send(text);
}
