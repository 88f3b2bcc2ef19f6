import { createHash } from "node:crypto";
import { type AccountId, ownerOf } from "../../sdk/index.js";
import type { Clock } from "../clock.js";
import type { Database, Row } from "../storage/database.js";
import type { Notice, Postbox } from "./notice.js";
import { SubscriptionRefused } from "./subscriptions.js";

/** What is written down for people, before anything is sent. */

/** So many accounts are asked for in one statement. */
const ACCOUNTS_TOGETHER = 500;
/** Mails to confirm that one mailbox gets: one in ten minutes, three a day. */
const CONFIRMATION_PAUSE = 10 * 60_000;
const DAY = 24 * 3_600_000;
const MOST_CONFIRMATIONS = 3;
/** The same of all accounts of one owner, to whatever mailboxes, a day. */
const MOST_OF_OWNER = 12;

/** What the body of a row says of a notice; a block's time is text, for JSON has no bigints. */
interface StoredNotice extends Omit<Notice, "block"> {
  readonly block: Omit<Notice["block"], "time"> & { readonly time: string };
}

/**
 * A postbox that keeps messages in the table `people_outbox`: one for each subscription and notice, never a second one.
 *
 * @param options `posted` is called when there may be something to deliver.
 */
export function databasePostbox(options: {
  database: Database;
  clock: Clock;
  posted: () => void;
}): Postbox {
  const { clock, database, posted } = options;
  return {
    async post(notices, within) {
      if (notices.length === 0) return;
      const now = clock.now();
      const write = async (inside: Database): Promise<void> => {
        for (const notice of notices) await writeNotice(inside, notice, now);
      };
      await (within === undefined ? database.transaction(write) : write(within));
      posted();
    },

    async subscribed(accounts) {
      const found = new Set<AccountId>();
      for (let start = 0; start < accounts.length; start += ACCOUNTS_TOGETHER) {
        const some = accounts.slice(start, start + ACCOUNTS_TOGETHER);
        const places = some.map((_, place) => `$${place + 1}`).join(", ");
        const rows = await database.query(
          `SELECT DISTINCT account FROM people_subscriptions
            WHERE state = 'active' AND account IN (${places})`,
          some,
        );
        for (const { account } of rows) found.add(account as AccountId);
      }
      return found;
    },
  };
}

async function writeNotice(inside: Database, notice: Notice, now: number): Promise<void> {
  const subscriptions = await inside.query(
    `SELECT id, channel, destination, kinds FROM people_subscriptions
      WHERE account = $1 AND state = 'active' AND (ends_at = 0 OR ends_at >= $2)`,
    [notice.account, Math.floor(now / 1_000)],
  );
  // Blocks of an index have more to them than what is said here.
  const { hash, number, parentHash, time } = notice.block;
  const block = { hash, number, parentHash, time: time.toString() };
  const stored: StoredNotice = { ...notice, block };
  for (const subscription of subscriptions) {
    if (!String(subscription.kinds).split(",").includes(notice.kind)) continue;
    await insert(inside, subscription, {
      notice: notice.key,
      kind: notice.kind,
      account: notice.account,
      episode: notice.episode ?? "",
      body: JSON.stringify(stored),
      now,
    });
  }
}

interface OutboxEntry {
  readonly notice: string;
  readonly kind: string;
  readonly account: string;
  readonly episode: string;
  readonly body: string;
  /** [unix milliseconds] */
  readonly now: number;
}

async function insert(inside: Database, subscription: Row, entry: OutboxEntry): Promise<void> {
  const { account, body, episode, kind, notice, now } = entry;
  const { channel = "", destination = "", id: owner = "" } = subscription;
  const id = createHash("sha256")
    .update(`${String(owner)} ${notice}`)
    .digest("hex")
    .slice(0, 40);
  await inside.query(
    `INSERT INTO people_outbox (id, subscription, notice, kind, account, episode, channel,
        destination, body, state, attempts, created_at, due_at, holder, held_until, reason)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', 0, $10, $10, '', 0, '')
      ON CONFLICT DO NOTHING`,
    [id, owner, notice, kind, account, episode, channel, destination, body, now],
  );
}

/** The notice that a row's body says. */
export function noticeOf(body: string): Notice {
  const stored = JSON.parse(body) as StoredNotice;
  return { ...stored, block: { ...stored.block, time: BigInt(stored.block.time) } };
}

/**
 * Writes the mail that asks whether an address is its subscriber's, within the transaction that opens the subscription.
 *
 * @throws SubscriptionRefused when the mailbox had as many lately as anybody may be sent.
 */
export async function postConfirmation(
  inside: Database,
  subscription: { id: string; account: AccountId; destination: string; code: string },
  now: number,
): Promise<void> {
  const { account, code, destination, id } = subscription;
  const mailbox = mailboxOf(destination);
  await inside.query("DELETE FROM people_confirmations WHERE asked_at < $1", [now - DAY]);
  await requireFewOfOwner(inside, account, now);
  const asked = await inside.query(
    "SELECT asked_at FROM people_confirmations WHERE mailbox = $1 ORDER BY asked_at DESC",
    [mailbox],
  );
  const last = Number(asked[0]?.asked_at ?? 0);
  if (asked.length >= MOST_CONFIRMATIONS || now - last < CONFIRMATION_PAUSE) {
    throw new SubscriptionRefused(
      "tooOften",
      "This address was asked to confirm a short time ago: use the link in that mail, or try again tomorrow.",
    );
  }
  await inside.query("INSERT INTO people_confirmations (mailbox, asked_at) VALUES ($1, $2)", [
    mailbox,
    now,
  ]);
  const entry = { kind: "confirmation", account, episode: "", now, body: JSON.stringify({ code }) };
  const address = { id, channel: "email", destination };
  await insert(inside, address, { ...entry, notice: `confirm ${code.slice(0, 8)}` });
}

/**
 * Takes note of a mail that an owner asked for: whoever ends a subscription could ask for the next address otherwise, and have
 * this keeper's mail server write to everybody.
 */
async function requireFewOfOwner(inside: Database, account: AccountId, now: number): Promise<void> {
  const owner = `owner ${ownerOf(account).toLowerCase()}`;
  const [asked] = await inside.query(
    "SELECT COUNT(*) AS number FROM people_confirmations WHERE mailbox = $1",
    [owner],
  );
  if (Number(asked?.number) >= MOST_OF_OWNER) {
    throw new SubscriptionRefused(
      "tooOften",
      `An owner can ask for ${MOST_OF_OWNER} mails a day that confirm an address: try again tomorrow.`,
    );
  }
  await inside.query("INSERT INTO people_confirmations (mailbox, asked_at) VALUES ($1, $2)", [
    owner,
    now,
  ]);
}

/** An e-mail address without what its owner may vary at will: anybody could flood a mailbox by tags otherwise. */
function mailboxOf(address: string): string {
  const [local = "", domain = ""] = address.toLowerCase().split("@");
  const [untagged = ""] = local.split("+");
  return `${untagged.replaceAll(".", "")}@${domain}`;
}
