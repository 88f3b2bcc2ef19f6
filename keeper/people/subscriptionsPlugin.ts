import rateLimit from "@fastify/rate-limit";
import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply } from "fastify";
import { z } from "zod";
import { type AccountId, CouldNotLook } from "../../sdk/index.js";
import { CHANNEL_NAMES, type ChannelName } from "./channel.js";
import {
  type DeskOptions,
  MOST_AGE_SECONDS,
  ProofRefused,
  subscribe,
  unsubscribe,
} from "./desk.js";
import { InvalidDestination } from "./destinations.js";
import { PATHS } from "./letters.js";
import { escaped } from "./message.js";
import { NOTICE_KINDS } from "./notice.js";
import { PROOF_TYPES, proofDomain } from "./proof.js";
import { confirmEmail, leaveEmail, SubscriptionRefused } from "./subscriptions.js";

/** What people reach over HTTP. */
export interface SubscriptionsOptions extends DeskOptions {
  /** Those that can be subscribed. */
  readonly channels: readonly ChannelName[];
  /** Where a person sends the code of a Telegram subscription with one touch. */
  readonly telegramLinkOf: ((code: string) => Promise<string>) | undefined;
  /** Requests of one address in a minute. */
  readonly mostRequests?: number;
}

const MOST_BODY = 32_768;
const MOST_REQUESTS = 30;

const signed = {
  account: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, "an account id: 0x and 64 hexadecimal digits")
    .transform((text) => text.toLowerCase() as AccountId),
  channel: z.enum(CHANNEL_NAMES),
  destination: z.string().max(2_048),
  issuedAt: z.int().nonnegative(),
  signature: z.string().regex(/^0x([0-9a-fA-F]{2}){1,4096}$/, "hexadecimal bytes"),
};
const unsubscribeBody = z.strictObject(signed);
const subscribeBody = z.strictObject({
  ...signed,
  kinds: z
    .array(z.enum(NOTICE_KINDS))
    .min(1)
    .refine((kinds) => new Set(kinds).size === kinds.length, "each kind once"),
  until: z.int().nonnegative(),
});
const confirmQuery = z.object({ code: z.string().min(1).max(64) });
const leaveQuery = confirmQuery.extend({ subscription: z.string().min(1).max(64) });

/**
 * Subscriptions over HTTP, as a plugin of fastify:
 *
 *     GET  /people/terms               what to sign: EIP-712 domain and types, channels, kinds
 *     POST /people/subscriptions       opens one: a webhook's secret and a Telegram code are told here, and never again
 *     POST /people/subscriptions/end   ends those of a destination, or of a channel
 *     GET, POST /people/confirm        the link in the first mail; only the button behind it confirms
 *     GET, POST /people/leave          the link below every other mail
 */
export function subscriptionsPlugin(options: SubscriptionsOptions): FastifyPluginAsync {
  return async (app) => {
    const max = options.mostRequests ?? MOST_REQUESTS;
    await app.register(rateLimit, { max, timeWindow: 60_000 });
    app.setErrorHandler(answerError);
    // The buttons of pages post forms without a field; mail programs send one of either type, which says nothing (RFC 8058).
    const types = ["application/x-www-form-urlencoded", "multipart/form-data"];
    app.addContentTypeParser(types, { parseAs: "string" }, (_request, _body, done) => {
      done(null, undefined);
    });
    addProofRoutes(app, options);
    addPages(app, options);
  };
}

function addProofRoutes(app: FastifyInstance, options: SubscriptionsOptions): void {
  const { channels, scope, telegramLinkOf } = options;
  app.get(PATHS.terms, () => ({
    domain: { ...proofDomain(scope), chainId: scope.chainId.toString() },
    types: PROOF_TYPES,
    keeper: scope.keeper,
    channels,
    kinds: NOTICE_KINDS,
    mostAgeSeconds: MOST_AGE_SECONDS,
  }));

  app.post(PATHS.subscribe, { bodyLimit: MOST_BODY }, async (request, reply) => {
    const asked = subscribeBody.parse(request.body);
    const { channel } = asked;
    if (!channels.includes(channel)) {
      throw new InvalidDestination(`This keeper sends nothing by ${channel}: choose another way.`);
    }
    const { code, id, isPending, secret } = await subscribe(asked, options);
    const state = isPending ? "pending" : "active";
    reply.code(201).header("cache-control", "no-store");
    if (channel === "webhook") return { id, state, secret };
    if (channel === "email") return { id, state };
    // Without the bot's name the code alone does as well.
    const link = await telegramLinkOf?.(code).catch(() => undefined);
    return { id, state, code, link };
  });

  app.post(PATHS.unsubscribe, { bodyLimit: MOST_BODY }, async (request) => {
    const asked = unsubscribeBody.parse(request.body);
    return { ended: await unsubscribe(asked, options) };
  });
}

function addPages(app: FastifyInstance, { clock, database }: SubscriptionsOptions): void {
  // Programs that look at mails open links: a GET changes nothing.
  app.get(PATHS.confirm, async (request, reply) => {
    confirmQuery.parse(request.query);
    return page(reply, "Messages about your Plimsoll account come to this address?", "Confirm");
  });
  app.post(PATHS.confirm, { bodyLimit: MOST_BODY }, async (request, reply) => {
    const { code } = confirmQuery.parse(request.query);
    const isDone = await confirmEmail(database, code, clock.now());
    if (!isDone) reply.code(404);
    return page(
      reply,
      isDone
        ? "Confirmed. Messages will come to this address."
        : "This link was used already, or is too old: subscribe again.",
    );
  });
  app.get(PATHS.leave, async (request, reply) => {
    leaveQuery.parse(request.query);
    return page(reply, "No more messages about your Plimsoll account to this address?", "End them");
  });
  app.post(PATHS.leave, { bodyLimit: MOST_BODY }, async (request, reply) => {
    const { code, subscription } = leaveQuery.parse(request.query);
    await leaveEmail(database, subscription, code);
    return page(reply, "No more messages will come to this address.");
  });
}

/** A page of one sentence and, where something is asked, a button that posts to the page's own address. */
function page(reply: FastifyReply, sentence: string, button?: string): FastifyReply {
  const form = button && `<form method="post"><button>${escaped(button)}</button></form>`;
  return reply
    .header("content-security-policy", "default-src 'none'; form-action 'self'")
    .header("referrer-policy", "no-referrer")
    .header("cache-control", "no-store")
    .type("text/html; charset=utf-8")
    .send(`<!doctype html><title>Plimsoll</title><p>${escaped(sentence)}</p>${form ?? ""}`);
}

const STATUS_OF_REFUSAL = { replayed: 409, tooMany: 409, tooOften: 429 } as const;

function answerError(error: unknown, _request: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof z.ZodError) {
    return reply.code(400).send({ code: "malformed", message: z.prettifyError(error) });
  }
  if (error instanceof ProofRefused) {
    return reply.code(401).send({ code: "proof", message: error.message });
  }
  if (error instanceof InvalidDestination) {
    return reply.code(422).send({ code: "destination", message: error.message });
  }
  if (error instanceof SubscriptionRefused) {
    const { code, message } = error;
    return reply.code(STATUS_OF_REFUSAL[code]).send({ code, message });
  }
  if (error instanceof CouldNotLook) {
    const message = "The node that could vouch for the signature does not answer: try again.";
    return reply.code(503).header("retry-after", "10").send({ code: "couldNotLook", message });
  }
  const { statusCode = 500 } = error as Partial<FastifyError>;
  if (statusCode < 500 && error instanceof Error) {
    return reply.code(statusCode).send({ code: "refused", message: error.message });
  }
  reply.log.error({ err: error }, "A request of a subscriber failed");
  const message = "Something failed here: try again in a while.";
  return reply.code(500).send({ code: "failed", message });
}
