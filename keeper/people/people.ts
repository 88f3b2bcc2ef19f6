import type { FastifyPluginAsync } from "fastify";
import type { Logger } from "pino";
import type { AccountId, Rpc } from "../../sdk/index.js";
import type { Clock } from "../clock.js";
import type { Alarms } from "../operations/alarms.js";
import type { Database } from "../storage/database.js";
import type { Leases } from "../storage/leases.js";
import { ATTEMPT_MILLISECONDS, type Channel } from "./channel.js";
import { Deliverer } from "./deliverer.js";
import { type DeskOptions, telegramDesk } from "./desk.js";
import { emailChannel } from "./email.js";
import type { PeopleMetrics } from "./metrics.js";
import type { Postbox } from "./notice.js";
import { databasePostbox } from "./outbox.js";
import type { ProofScope } from "./proof.js";
import { subscriptionsPlugin } from "./subscriptionsPlugin.js";
import { type TelegramChannel, telegramChannel } from "./telegram.js";
import { webhookChannel } from "./webhook.js";

/** How people are reached: `people` of the configuration. */
interface PeopleSettings {
  readonly publicUrl?: string | undefined;
  readonly webhooks: boolean;
  readonly allowPrivateWebhooks: boolean;
  readonly smtp?:
    | {
        readonly host: string;
        readonly port: number;
        readonly secure: boolean;
        readonly from: string;
      }
    | undefined;
  readonly telegram?: { readonly apiRoot: string } | undefined;
}

/** What no file and no log has. */
export interface PeopleSecrets {
  readonly smtpUser?: string | undefined;
  readonly smtpPassword?: string | undefined;
  readonly telegramToken?: string | undefined;
}

/** What {@link openPeople} works with. */
export interface PeopleOptions {
  readonly settings: PeopleSettings;
  readonly secrets: PeopleSecrets;
  /** Whom subscribers' signatures are for. */
  readonly scope: ProofScope;
  readonly database: Database;
  readonly leases: Leases;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly metrics: PeopleMetrics;
  /** Whether the chain has heard of an account; those that it has not cannot be subscribed. */
  readonly isKnown?: (account: AccountId) => boolean;
}

/** People's room of the keeper. */
export interface People {
  /** For roles. */
  readonly postbox: Postbox;
  /** For the server. */
  readonly plugin: FastifyPluginAsync;
  /** Delivers, and listens to the bot, until the signal is aborted; resolves when all is settled. */
  run(signal: AbortSignal): Promise<void>;
  /** There may be something to deliver: after each round. */
  wake(): void;
}

/** Settings for people contradict each other: a sentence with the cure. */
export class PeopleSettingsError extends Error {
  override readonly name = "PeopleSettingsError";
}

/**
 * Opens the room: the tables must be there already.
 *
 * @throws PeopleSettingsError when e-mail or Telegram is switched on without what it needs.
 */
export function openPeople(options: PeopleOptions): People {
  const { alarms, clock, database, isKnown, leases, logger, metrics, rpc, scope } = options;
  const { allowPrivateWebhooks, publicUrl } = options.settings;
  const { channels, telegram } = channelsOf(options);
  const deliverer = new Deliverer({
    ...{ alarms, channels, clock, database, logger, metrics, publicUrl },
    holder: leases.holder,
  });
  const posted = (): void => {
    deliverer.wake();
  };
  const desk: DeskOptions = {
    ...{ allowPrivateWebhooks, clock, database, posted, rpc, scope },
    ...(isKnown === undefined ? {} : { isKnown }),
  };
  const plugin = subscriptionsPlugin({
    ...desk,
    channels: channels.map(({ name }) => name),
    telegramLinkOf: telegram && (async (code) => telegram.linkOf(code)),
  });
  return {
    postbox: databasePostbox({ database, clock, posted }),
    plugin,
    wake: posted,
    async run(signal) {
      const listening = { desk: telegramDesk(desk), leases, clock, logger, signal };
      await Promise.all([deliverer.run(signal), telegram?.listen(listening)]);
      await Promise.all(channels.map(async (channel) => channel.close()));
    },
  };
}

function channelsOf({ clock, secrets, settings }: PeopleOptions): {
  channels: readonly Channel[];
  telegram: TelegramChannel | undefined;
} {
  const { allowPrivateWebhooks: allowPrivate, publicUrl, smtp } = settings;
  const timeout = ATTEMPT_MILLISECONDS;
  const channels: Channel[] = [];
  if (settings.webhooks) channels.push(webhookChannel({ clock, allowPrivate, timeout }));
  if (smtp !== undefined) {
    if (publicUrl === undefined) {
      throw new PeopleSettingsError(
        "E-mail needs links to confirm addresses: set people.publicUrl, or leave people.smtp out.",
      );
    }
    const { smtpPassword: password, smtpUser: user } = secrets;
    if ((user === undefined) !== (password === undefined)) {
      throw new PeopleSettingsError(
        "The mail server's user and password go together: set both secrets, or neither.",
      );
    }
    const login = user === undefined || password === undefined ? {} : { user, password };
    channels.push(emailChannel({ ...smtp, ...login, timeout }));
  }
  if (settings.telegram === undefined) return { channels, telegram: undefined };
  const { telegramToken: token } = secrets;
  if (token === undefined) {
    throw new PeopleSettingsError(
      "Telegram needs the bot's token: set its secret, or leave people.telegram out.",
    );
  }
  const telegram = telegramChannel({ token, apiRoot: settings.telegram.apiRoot, timeout });
  return { channels: [...channels, telegram], telegram };
}
