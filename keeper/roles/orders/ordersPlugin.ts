import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import {
  CouldNotLook,
  type OrderContracts,
  type OrderStatus,
  orderStatuses,
} from "../../../sdk/index.js";
import { StorageFailure } from "../../storage/database.js";
import type { RoleMetrics } from "../metrics.js";
import type { OrderBook } from "./orderBook.js";
import { signedOrderSchema } from "./orderJson.js";
import { OrderRefused } from "./refusal.js";

/** What the plugin is made of. */
export interface OrdersPluginOptions {
  readonly book: OrderBook;
  /** What statuses are read from: `connect` gives it. */
  readonly contracts: OrderContracts;
  /** The first block that may have a fill: `rpc.firstBlock`. */
  readonly firstBlock: number;
  readonly metrics?: RoleMetrics;
  /** Requests of one address in a minute; 240 unless said otherwise. */
  readonly mostRequests?: number;
}

/** What is wrong, for programs and for people. */
interface Problem {
  readonly reason: string;
  readonly sentence: string;
  readonly cure: string;
}

/** An order with the longest signature that is taken [bytes]. */
const MOST_BYTES = 8_192;
/** Refusals that are no fault of the order. */
const STATUS_OF: Readonly<Record<string, number>> = {
  BookFull: 503,
  Busy: 503,
  TooManyOrders: 429,
};
const MOST_REQUESTS = 240;
const HASH = /^0x[0-9a-fA-F]{64}$/;

/**
 * Takes signed orders over HTTP: `POST /orders` takes one in, `GET /orders/:hash` tells where it stands. They are cancelled on
 * the Exchange, by their owner, for whoever has seen an order can match it.
 *
 * For `fastify.register(ordersPlugin, options)`.
 */
export async function ordersPlugin(
  server: FastifyInstance,
  options: OrdersPluginOptions,
): Promise<void> {
  const { book, metrics } = options;
  // Most requests have the node asked something, and it is the one that liquidations are decided by.
  const max = options.mostRequests ?? MOST_REQUESTS;
  await server.register(rateLimit, { max, timeWindow: 60_000 });
  server.setErrorHandler((error, _request, reply) => {
    const { status, problem } = problemOf(error);
    if (problem !== undefined) metrics?.ordersRefused.inc({ reason: problem.reason });
    if (problem === undefined) return reply.send(error);
    return reply.code(status).send({ error: problem });
  });

  server.post("/orders", { bodyLimit: MOST_BYTES }, async (request, reply) => {
    const { hash, isNew } = await book.submit(signedOrderSchema.parse(request.body));
    return reply.code(isNew ? 201 : 200).send({ hash });
  });

  server.get<{ Params: { hash: string } }>("/orders/:hash", async ({ params: { hash } }, reply) => {
    const entry = HASH.test(hash) ? book.orderOf(hash) : undefined;
    if (entry === undefined) return refuse(reply, 404, unknownOrder(hash));
    const [status] = await statusesOf(options, entry.signed.order);
    return { hash: entry.hash, ...textsOf(status) };
  });

  server.delete("/orders/:hash", (_request, reply) =>
    refuse(reply.header("allow", "GET"), 405, {
      reason: "CancelOnChain",
      sentence: "An order is not cancelled here: whoever has seen it can match it.",
      cure: "Send Exchange.cancel(account, [nonce]), or cancelUpTo, from the owner or an operator with TRADE.",
    }),
  );
}

async function statusesOf(
  { book, contracts, firstBlock }: OrdersPluginOptions,
  order: Parameters<typeof orderStatuses>[1][number],
): Promise<OrderStatus[]> {
  const block = book.view?.block.number;
  const at = block === undefined ? {} : { block };
  try {
    return await orderStatuses(contracts, [order], { ...at, fromBlock: firstBlock });
  } catch (cause) {
    throw new CouldNotLook("The order's status could not be read", { cause });
  }
}

/** Amounts as decimal text of their smallest units [wad]. */
function textsOf(status: OrderStatus | undefined) {
  return {
    state: status?.state,
    filled: status?.filled.toString(),
    left: status?.left.toString(),
  };
}

function unknownOrder(hash: string): Problem {
  return {
    reason: "UnknownOrder",
    sentence: `This keeper has no order ${hash}: it never came here, or ended long ago.`,
    cure: "Ask the Exchange: filledOf and isNonceUsed, or orderStatuses of the SDK.",
  };
}

function refuse(reply: FastifyReply, status: number, problem: Problem): FastifyReply {
  return reply.code(status).send({ error: problem });
}

/** What a failure means for who has sent an order; nothing for what Fastify answers itself. */
function problemOf(error: unknown): { status: number; problem?: Problem } {
  if (error instanceof OrderRefused) {
    const { cure, reason, sentence } = error;
    return { status: STATUS_OF[reason] ?? 422, problem: { reason, sentence, cure } };
  }
  if (error instanceof z.ZodError) {
    const sentence = `This is no signed order: ${z.prettifyError(error)}`;
    const cure = "Send { order, signature } as signOrder makes it, whole numbers as decimal text.";
    return { status: 400, problem: { reason: "MalformedOrder", sentence, cure } };
  }
  if (error instanceof CouldNotLook || error instanceof StorageFailure) {
    const cure = "Send it again; an order that was taken in is not taken in twice.";
    const reason = error.name;
    return { status: 503, problem: { reason, sentence: "The keeper cannot look now.", cure } };
  }
  return { status: 500 };
}
