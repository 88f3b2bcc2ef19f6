import { createHmac } from "node:crypto";
import { request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import type { Clock } from "../clock.js";
import type { Channel, Delivery, Letter } from "./channel.js";
import { PrivateAddress, publicLookup, requirePublicLiteral } from "./networks.js";

/** Headers of an answer are read up to this; its body never is [bytes]. */
const MOST_HEADERS = 16_384;

/** Which webhooks are sent to. */
export interface WebhookOptions {
  readonly clock: Clock;
  /** Also to this machine's own network, and without TLS: for tests. */
  readonly allowPrivate: boolean;
  /** The longest that one attempt takes [milliseconds]. */
  readonly timeout: number;
}

/**
 * Messages as POST requests of JSON. Receivers verify them by the headers:
 *
 *     plimsoll-signature    t=<unix seconds>,v1=<hex of HMAC-SHA256 with the secret over "<unix seconds>.<body>">
 *     idempotency-key       the same for the same message at every attempt
 *
 * A receiver computes the HMAC over the bytes of the body as they came, compares in constant time, refuses a time that is
 * more than some minutes from its own, and discards a key that it has seen. An answer 200 to 299 accepts the message;
 * everything else, a redirect too, is a failure, and the message comes again for a day. 410 ends the subscription.
 */
export function webhookChannel({ allowPrivate, clock, timeout }: WebhookOptions): Channel {
  return {
    name: "webhook",
    knowsRepeats: true,
    async send(letter, signal) {
      try {
        const url = new URL(letter.destination);
        if (!allowPrivate) requirePublicLiteral(url.hostname);
        const ends = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
        const seconds = Math.floor(clock.now() / 1_000);
        return deliveryOf(await post(url, { letter, seconds, signal: ends, allowPrivate }));
      } catch (error) {
        return failureOf(error);
      }
    },
    close: () => Promise.resolve(),
  };
}

/** What the signature header says: see {@link webhookChannel}. */
export function webhookSignature(secret: string, seconds: number, body: string): string {
  const mac = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${mac}`;
}

interface Attempt {
  readonly letter: Letter;
  /** [unix seconds] */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly allowPrivate: boolean;
}

/** Posts a letter; gives the status. A redirect is an answer like any other: node's client follows none. */
function post(url: URL, { allowPrivate, letter, seconds, signal }: Attempt): Promise<number> {
  const { body, id, secret } = letter;
  const options: RequestOptions = {
    method: "POST",
    agent: false,
    signal,
    maxHeaderSize: MOST_HEADERS,
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "plimsoll-keeper",
      "idempotency-key": id,
      "plimsoll-signature": webhookSignature(secret, seconds, body),
    },
    ...(allowPrivate ? {} : { lookup: publicLookup }),
  };
  return new Promise((answered, failed) => {
    const request = url.protocol === "https:" ? requestHttps : requestHttp;
    const sending = request(url, options, (answer) => {
      answered(answer.statusCode ?? 0);
      // Nothing of the body is of use, and it could be endless.
      answer.destroy();
    });
    // A receiver that changes protocols gives no answer otherwise, and no error either, not even when the time is over.
    sending.on("upgrade", (answer, socket) => {
      answered(answer.statusCode ?? 0);
      socket.destroy();
    });
    sending.on("close", () => {
      failed(Object.assign(new Error("closed without an answer"), { code: "ECONNRESET" }));
    });
    sending.on("error", failed);
    sending.end(body);
  });
}

function deliveryOf(status: number): Delivery {
  if (status >= 200 && status < 300) return { kind: "sent" };
  if (status === 410) return { kind: "refused", reason: "The receiver answered 410: gone" };
  const reason =
    status >= 300 && status < 400
      ? `The receiver answered ${status}: redirects are not followed`
      : `The receiver answered ${status}`;
  return { kind: "failed", reason, isOurs: false };
}

/** Nothing of what the receiver says is repeated: only the kind of error. */
function failureOf(error: unknown): Delivery {
  if (error instanceof PrivateAddress) {
    return { kind: "failed", reason: error.message, isOurs: false };
  }
  const { code, name } = error as { code?: unknown; name?: unknown };
  const what = typeof code === "string" ? code : String(name);
  return { kind: "failed", reason: `The receiver was not reached: ${what}`, isOurs: false };
}
