import { createHash, randomBytes } from "node:crypto";
import type { AccountId } from "../../sdk/index.js";
import type { Database, Row } from "../storage/database.js";
import type { ChannelName } from "./channel.js";
import type { NoticeKind } from "./notice.js";

/** Who wants to hear of what, as it is kept. */

/** A subscription that somebody proved to be entitled to. */
export interface NewSubscription {
  readonly account: AccountId;
  readonly channel: ChannelName;
  readonly destination: string;
  readonly kinds: readonly NoticeKind[];
  /** [unix seconds]; 0: never. */
  readonly until: number;
  /** When the proof was signed [unix seconds]. */
  readonly issuedAt: number;
}

/** What a subscriber is told once. */
export interface OpenedSubscription {
  readonly id: string;
  /** Whether it waits to be confirmed: by the link in a mail, or the code sent to the bot. */
  readonly isPending: boolean;
  /** Of a webhook: what its messages are signed with. */
  readonly secret: string;
  /** What confirms it. */
  readonly code: string;
}

/** Why a subscription is not accepted: `code` for programs, the message for people, with the cure. */
export class SubscriptionRefused extends Error {
  override readonly name = "SubscriptionRefused";

  constructor(
    readonly code: "replayed" | "tooMany" | "tooOften",
    message: string,
  ) {
    super(message);
  }
}

/** Subscriptions of one account, pending ones included. */
const MOST_OF_ACCOUNT = 10;
/** How long a code for Telegram is good [milliseconds]. */
const CODE_LIFE = 15 * 60_000;
/** How long a link in a mail is good; also how long a pending subscription counts [milliseconds]. */
const LINK_LIFE = 24 * 3_600_000;

/** What proves that somebody read a mail or has a code: only its hash is kept. */
function hashOf(code: string): string {
  return createHash("sha256").update(code).digest("hex");
}

/**
 * Opens a subscription within a transaction, or replaces the one of the same account, channel and destination.
 *
 * @param now [unix milliseconds]
 * @throws SubscriptionRefused when the proof is not newer than the last, or the account has too many already.
 */
export async function openSubscription(
  database: Database,
  asked: NewSubscription,
  now: number,
): Promise<OpenedSubscription> {
  const { account, channel, kinds, until } = asked;
  await requireNewer(database, asked);
  await database.query(
    "DELETE FROM people_subscriptions WHERE account = $1 AND state = 'pending' AND open_until < $2",
    [account, now],
  );
  const code = randomBytes(24).toString("base64url");
  const secret = randomBytes(32).toString("base64url");
  const id = randomBytes(16).toString("hex");
  const isPending = channel !== "webhook" && !(await isConfirmed(database, asked));
  // Which chat it will be is not known before the code is sent.
  const destination = channel === "telegram" ? `code ${hashOf(code)}` : asked.destination;
  const openUntil = now + (channel === "telegram" ? CODE_LIFE : LINK_LIFE);
  const [row] = await database.query(
    `INSERT INTO people_subscriptions
      (id, account, channel, destination, kinds, ends_at, state, open_until, code_hash, secret)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      ON CONFLICT (account, channel, destination) DO UPDATE SET kinds = excluded.kinds,
        ends_at = excluded.ends_at, state = excluded.state, open_until = excluded.open_until,
        code_hash = excluded.code_hash,
        secret = CASE WHEN excluded.channel = 'email' THEN people_subscriptions.secret
          ELSE excluded.secret END
      RETURNING id`,
    [
      ...[id, account, channel, destination, kinds.join(","), until],
      ...(isPending ? ["pending", openUntil, hashOf(code)] : ["active", 0, ""]),
      secret,
    ],
  );
  await requireFew(database, account);
  return { id: String(row?.id), isPending, secret, code };
}

/**
 * Takes note of a proof.
 *
 * @throws SubscriptionRefused when one that is as new or newer was accepted before: this one may be somebody's copy.
 */
export async function requireNewer(
  database: Database,
  { account, channel, issuedAt }: Pick<NewSubscription, "account" | "channel" | "issuedAt">,
): Promise<void> {
  const taken = await database.query(
    `INSERT INTO people_proofs (account, channel, issued_at) VALUES ($1, $2, $3)
      ON CONFLICT (account, channel) DO UPDATE SET issued_at = excluded.issued_at
      WHERE people_proofs.issued_at < excluded.issued_at RETURNING issued_at`,
    [account, channel, issuedAt],
  );
  if (taken.length > 0) return;
  throw new SubscriptionRefused(
    "replayed",
    "A signature as new as this one was used already: sign again, with the time of now.",
  );
}

/** An address that was confirmed for the account stays so: changing what is told needs no second mail. */
async function isConfirmed(database: Database, asked: NewSubscription): Promise<boolean> {
  const rows = await database.query(
    `SELECT id FROM people_subscriptions
      WHERE account = $1 AND channel = $2 AND destination = $3 AND state = 'active'`,
    [asked.account, asked.channel, asked.destination],
  );
  return rows.length > 0;
}

async function requireFew(database: Database, account: AccountId): Promise<void> {
  const [count] = await database.query(
    "SELECT COUNT(*) AS number FROM people_subscriptions WHERE account = $1",
    [account],
  );
  if (Number(count?.number) <= MOST_OF_ACCOUNT) return;
  throw new SubscriptionRefused(
    "tooMany",
    `An account has at most ${MOST_OF_ACCOUNT} subscriptions: end one that is not needed.`,
  );
}

/**
 * Ends subscriptions of an account.
 *
 * @param destination Which; empty: all of the channel.
 * @returns How many there were.
 */
export async function endSubscriptions(
  database: Database,
  account: AccountId,
  channel: string,
  destination: string,
): Promise<number> {
  const ended = await database.query(
    `DELETE FROM people_subscriptions WHERE account = $1 AND channel = $2
      AND (destination = $3 OR $3 = '') RETURNING id`,
    [account, channel, destination],
  );
  return ended.length;
}

/**
 * Confirms the e-mail subscription of a link.
 *
 * @param now [unix milliseconds]
 * @returns Whether there was one to confirm.
 */
export async function confirmEmail(
  database: Database,
  code: string,
  now: number,
): Promise<boolean> {
  const confirmed = await database.query(
    `UPDATE people_subscriptions SET state = 'active', code_hash = '', open_until = 0
      WHERE code_hash = $1 AND channel = 'email' AND state = 'pending' AND open_until >= $2
      RETURNING id`,
    [hashOf(code), now],
  );
  return confirmed.length > 0;
}

/**
 * Gives the Telegram subscription of a code to a chat.
 *
 * @param now [unix milliseconds]
 * @returns The account, if the code is one.
 */
export async function linkTelegram(
  database: Database,
  { chat, code, now }: { code: string; chat: string; now: number },
): Promise<AccountId | undefined> {
  return database.transaction(async (inside) => {
    const [found] = await inside.query(
      `SELECT id, account FROM people_subscriptions
        WHERE code_hash = $1 AND channel = 'telegram' AND state = 'pending' AND open_until >= $2`,
      [hashOf(code), now],
    );
    if (found === undefined) return undefined;
    const { account = "", id = "" } = found;
    // The chat may have an older subscription to the same account: the new one takes its place.
    await inside.query(
      "DELETE FROM people_subscriptions WHERE account = $1 AND channel = 'telegram' AND destination = $2",
      [account, chat],
    );
    await inside.query(
      `UPDATE people_subscriptions SET state = 'active', destination = $2, code_hash = '',
        open_until = 0 WHERE id = $1`,
      [id, chat],
    );
    return account as AccountId;
  });
}

/** Ends the subscription of the link below a mail; gives whether there was one. */
export async function leaveEmail(database: Database, id: string, secret: string): Promise<boolean> {
  const ended = await database.query(
    "DELETE FROM people_subscriptions WHERE id = $1 AND channel = 'email' AND secret = $2 RETURNING id",
    [id, secret],
  );
  return ended.length > 0;
}

/** Ends all subscriptions of a destination that is gone or asked for it; gives how many. */
export async function endDestination(
  database: Database,
  channel: ChannelName,
  destination: string,
): Promise<number> {
  const ended: Row[] = await database.query(
    "DELETE FROM people_subscriptions WHERE channel = $1 AND destination = $2 RETURNING id",
    [channel, destination],
  );
  return ended.length;
}
