import { Bot, GrammyError, HttpError } from "grammy";
import type { Logger } from "pino";
import type { Clock } from "../clock.js";
import type { Leases } from "../storage/leases.js";
import type { Channel, Delivery } from "./channel.js";

/** The bot. Its token is never in a log. */
export interface TelegramOptions {
  readonly token: string;
  readonly apiRoot: string;
  /** The longest that one attempt takes [milliseconds]. */
  readonly timeout: number;
}

/** What people say to the bot. */
export interface TelegramDesk {
  /** Somebody sent `/start CODE` from a chat; gives what is answered. */
  linked(code: string, chat: string): Promise<string>;
  /** Somebody sent `/stop`; gives what is answered. */
  stopped(chat: string): Promise<string>;
}

/** How the bot listens. */
interface ListeningOptions {
  readonly desk: TelegramDesk;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The bot as a channel that also listens. */
export interface TelegramChannel extends Channel {
  /** Where a person sends the code with one touch. */
  linkOf(code: string): Promise<string>;
  /** Answers people until the signal is aborted; one keeper at a time does, for Telegram serves one listener. */
  listen(options: ListeningOptions): Promise<void>;
}

/** How long one question for news is kept open [seconds]. */
const POLL_SECONDS = 20;
/** Longer than one question and its answers [seconds]. */
const LEASE_SECONDS = POLL_SECONDS + 40;
/** After a failure, or while another keeper listens [milliseconds]. */
const PAUSE_MILLISECONDS = 5_000;
const LEASE = "people telegram";

/** Network errors after which surely nothing was sent. */
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/** Messages by Telegram. Nobody there discards a second copy, so what may have been sent is not sent again. */
export function telegramChannel({ apiRoot, timeout, token }: TelegramOptions): TelegramChannel {
  const bot = new Bot(token, { client: { apiRoot } });
  return {
    name: "telegram",
    knowsRepeats: false,
    async send({ destination, message }, signal) {
      try {
        const ends = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
        const text = `${message.subject}\n\n${message.text}`;
        await bot.api.sendMessage(destination, text, NO_PREVIEW, ends as GrammySignal);
        return { kind: "sent" };
      } catch (error) {
        return failureOf(error);
      }
    },
    async linkOf(code) {
      if (!bot.isInited()) await bot.init(AbortSignal.timeout(timeout) as GrammySignal);
      return `https://t.me/${bot.botInfo.username}?start=${code}`;
    },
    listen: async (options) => listen(bot, options),
    close: () => Promise.resolve(),
  };
}

/** grammY types signals by its own polyfill of them. */
type GrammySignal = Parameters<Bot["api"]["getMe"]>[0];

const NO_PREVIEW = { link_preview_options: { is_disabled: true } };

async function listen(bot: Bot, options: ListeningOptions): Promise<void> {
  const { clock, leases, logger, signal } = options;
  const isOver = (): boolean => signal.aborted;
  let offset = 0;
  while (!isOver()) {
    try {
      const held = await leases.take([LEASE], LEASE_SECONDS);
      if (held.has(LEASE)) {
        offset = await answerNews(bot, offset, options);
        continue;
      }
    } catch (error) {
      if (!isOver()) {
        logger.warn({ reason: reasonOf(error) }, "Telegram could not be asked for news");
      }
    }
    await clock.sleep(PAUSE_MILLISECONDS, signal);
  }
  await leases.release([LEASE]).catch(() => undefined);
}

/** Asks for news once and answers them; gives from where to ask the next time. */
async function answerNews(bot: Bot, offset: number, options: ListeningOptions): Promise<number> {
  const { desk, logger, signal } = options;
  const ends = AbortSignal.any([signal, AbortSignal.timeout((POLL_SECONDS + 10) * 1_000)]);
  const asked = { offset, timeout: POLL_SECONDS, allowed_updates: ["message"] as const };
  const news = await bot.api.getUpdates(asked, ends as GrammySignal);
  let next = offset;
  for (const { message, update_id: update } of news) {
    next = update + 1;
    if (message?.text === undefined) continue;
    const answer = await answerTo(message.text, String(message.chat.id), desk);
    try {
      if (answer !== undefined)
        await bot.api.sendMessage(message.chat.id, answer, NO_PREVIEW, ends as GrammySignal);
    } catch (error) {
      // What was asked is done; only the answer is lost.
      logger.debug({ reason: reasonOf(error) }, "A person on Telegram could not be answered");
    }
  }
  return next;
}

async function answerTo(
  text: string,
  chat: string,
  desk: TelegramDesk,
): Promise<string | undefined> {
  const [command, code] = text.trim().split(/\s+/, 2);
  if (command === "/start" && code !== undefined) return desk.linked(code, chat);
  if (command === "/start") return "Send /start with the code that your subscription gave you.";
  if (command === "/stop") return desk.stopped(chat);
  return undefined;
}

function failureOf(error: unknown): Delivery {
  const reason = reasonOf(error);
  if (error instanceof GrammyError) {
    const { error_code: code, parameters } = error;
    // Blocked by the person, or a chat that is no more.
    if (code === 403) return { kind: "refused", reason };
    const seconds = parameters.retry_after;
    const retryAfter = seconds === undefined ? {} : { retryAfter: seconds * 1_000 };
    return { kind: "failed", reason, isOurs: code !== 400, ...retryAfter };
  }
  const isSure = error instanceof HttpError && NOT_CONNECTED.has(codeOf(error.error));
  return isSure ? { kind: "failed", reason, isOurs: true } : { kind: "unknown", reason };
}

/** What may be logged: an error of the connection has the token in its text. */
function reasonOf(error: unknown): string {
  if (error instanceof GrammyError) return `Telegram answered ${error.error_code}`;
  if (error instanceof HttpError) return `Telegram was not reached: ${codeOf(error.error)}`;
  return error instanceof Error ? error.name : "unknown";
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : String(name);
}
