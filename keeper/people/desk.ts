import { type AccountId, formatAccount, type Rpc } from "../../sdk/index.js";
import type { Clock } from "../clock.js";
import type { Database } from "../storage/database.js";
import type { ChannelName } from "./channel.js";
import { destinationOf, requirePublicWebhook } from "./destinations.js";
import type { NoticeKind } from "./notice.js";
import { postConfirmation } from "./outbox.js";
import { isOwnersProof, type ProofScope } from "./proof.js";
import {
  endDestination,
  endSubscriptions,
  linkTelegram,
  type OpenedSubscription,
  openSubscription,
  requireNewer,
} from "./subscriptions.js";
import type { TelegramDesk } from "./telegram.js";

/** Opens and ends subscriptions for whoever proves to be entitled to. */

/** What the desk works with. */
export interface DeskOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly rpc: Rpc;
  readonly scope: ProofScope;
  readonly allowPrivateWebhooks: boolean;
  /** Whether an account is one that the chain has heard of; without it all are. */
  readonly isKnown?: (account: AccountId) => boolean;
  /** Called when there is a mail to send. */
  readonly posted: () => void;
}

/** Why a proof is not accepted, with the cure. */
export class ProofRefused extends Error {
  override readonly name = "ProofRefused";
}

/** What a request to subscribe says. */
export interface SubscribeRequest {
  readonly account: AccountId;
  readonly channel: ChannelName;
  readonly destination: string;
  readonly kinds: readonly NoticeKind[];
  /** [unix seconds]; 0: never. */
  readonly until: number;
  /** [unix seconds] */
  readonly issuedAt: number;
  readonly signature: string;
}

/** A signature is good for so long, and may be so far ahead of this clock [seconds]. */
export const MOST_AGE_SECONDS = 600;
const MOST_AHEAD_SECONDS = 60;

/**
 * Opens a subscription.
 *
 * @throws ProofRefused, InvalidDestination or SubscriptionRefused; CouldNotLook when the owner could not be asked.
 */
export async function subscribe(
  request: SubscribeRequest,
  options: DeskOptions,
): Promise<OpenedSubscription> {
  const { account, channel, issuedAt, kinds, signature, until } = request;
  const { allowPrivateWebhooks, clock, database, isKnown, posted } = options;
  requireFresh(issuedAt, clock.now());
  if (until !== 0 && until * 1_000 <= clock.now()) {
    throw new ProofRefused("The subscription would be over already: give a later `until`, or 0.");
  }
  if (isKnown?.(account) === false) {
    throw new ProofRefused("Nothing was ever in this account: deposit first.");
  }
  const destination = destinationOf(channel, request.destination, allowPrivateWebhooks);
  const proven = { account, channel, destination: request.destination, kinds: kinds.join(",") };
  const dated = { ...proven, until: BigInt(until), issuedAt: BigInt(issuedAt) };
  await requireProof("Subscription", dated, { signature, options });
  if (channel === "webhook" && !allowPrivateWebhooks) await requirePublicWebhook(destination);

  const opened = await database.transaction(async (inside) => {
    const asked = { account, channel, destination, kinds, until, issuedAt };
    const subscription = await openSubscription(inside, asked, clock.now());
    if (channel === "email" && subscription.isPending) {
      await postConfirmation(inside, { ...subscription, account, destination }, clock.now());
    }
    return subscription;
  });
  posted();
  return opened;
}

/** What a request to hear no more says; an empty destination stands for all of the channel. */
export type EndRequest = Omit<SubscribeRequest, "kinds" | "until">;

/**
 * Ends subscriptions; gives how many.
 *
 * @throws as {@link subscribe}.
 */
export async function unsubscribe(request: EndRequest, options: DeskOptions): Promise<number> {
  const { account, channel, issuedAt, signature } = request;
  requireFresh(issuedAt, options.clock.now());
  const { destination: text } = request;
  // A chat's number is a destination that nobody could subscribe by itself.
  const isPlain = text === "" || channel === "telegram";
  const destination = isPlain ? text : destinationOf(channel, text, options.allowPrivateWebhooks);
  const dated = { account, channel, destination: text, issuedAt: BigInt(issuedAt) };
  await requireProof("Unsubscription", dated, { signature, options });
  return options.database.transaction(async (inside) => {
    await requireNewer(inside, { account, channel, issuedAt });
    return endSubscriptions(inside, account, channel, destination);
  });
}

function requireFresh(issuedAt: number, now: number): void {
  const seconds = Math.floor(now / 1_000);
  if (issuedAt > seconds + MOST_AHEAD_SECONDS) {
    throw new ProofRefused("The signature is of a time to come: correct the clock and sign again.");
  }
  if (issuedAt < seconds - MOST_AGE_SECONDS) {
    throw new ProofRefused(
      `The signature is older than ${MOST_AGE_SECONDS / 60} minutes: sign again.`,
    );
  }
}

async function requireProof(
  type: "Subscription" | "Unsubscription",
  request: Parameters<typeof isOwnersProof>[0]["request"],
  { options, signature }: { signature: string; options: DeskOptions },
): Promise<void> {
  const { rpc, scope } = options;
  if (await isOwnersProof({ type, request, signature }, scope, rpc)) return;
  throw new ProofRefused(
    "The signature is not of the account's owner, or not of these words: sign what GET /people/terms says, " +
      "with the owner's key or wallet.",
  );
}

/** What the bot does for people. */
export function telegramDesk({
  clock,
  database,
}: Pick<DeskOptions, "clock" | "database">): TelegramDesk {
  return {
    async linked(code, chat) {
      const account = await linkTelegram(database, { code, chat, now: clock.now() });
      return account === undefined
        ? "This code is not known, or too old: subscribe again for a new one."
        : `You will hear of the Plimsoll account ${formatAccount(account)} here. Send /stop to end that.`;
    },
    async stopped(chat) {
      const ended = await endDestination(database, "telegram", chat);
      return ended === 0 ? "Nothing was sent here." : "Nothing more will be sent here.";
    },
  };
}
