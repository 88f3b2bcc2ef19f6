import { ATTEMPT_MILLISECONDS, CHANNEL_NAMES, type ChannelName } from "./channel.js";
import type { Database, Row } from "../storage/database.js";

/** Which keeper delivers which message: rows of `people_outbox` are claimed before an attempt, and settled after it. */

/** A message that this keeper is about to try to deliver. */
export interface ClaimedLetter {
  readonly id: string;
  readonly subscription: string;
  readonly kind: string;
  readonly account: string;
  readonly channel: ChannelName;
  readonly destination: string;
  readonly body: string;
  /** The subscription's. */
  readonly secret: string;
  /** This one counted. */
  readonly attempts: number;
  /** [unix milliseconds] */
  readonly createdAt: number;
}

/** Who claims, and when. */
export interface ClaimTerms {
  readonly holder: string;
  /** [unix milliseconds] */
  readonly now: number;
  /** How many more at most by each channel; none by a channel that is missing. */
  readonly most: Readonly<Partial<Record<ChannelName, number>>>;
}

/** What claiming came to. */
export interface Claims {
  readonly letters: readonly ClaimedLetter[];
  /** Messages by e-mail or Telegram whose sender died in the middle of an attempt. */
  readonly unknown: number;
  /** Messages that are of no use any more. */
  readonly dropped: number;
}

/** A keeper that is silent for so long is dead: attempts are shorter, and clocks of keepers differ less [milliseconds]. */
const CLAIM_MILLISECONDS = 4 * ATTEMPT_MILLISECONDS;
/** Webhooks of one account that are under way at a time: its owner may have them all hang. */
const MOST_OF_ACCOUNT = 2;
/** What is older is given up [milliseconds]. */
export const GIVE_UP_AFTER = 24 * 3_600_000;
/** What is settled is forgotten after this, keys against repeats included [milliseconds]. */
const FORGET_AFTER = 30 * 24 * 3_600_000;

/**
 * Claims what is due, at most one message of each destination, and writes the attempt down before it is made.
 *
 * When a keeper dies in the middle of an attempt, nobody knows whether the message went out. A webhook is sent again with
 * the same key, by which its receiver discards a second copy. E-mail and Telegram have nothing like it, and "never twice"
 * counts more there than one message: the next notice of the same trouble comes within its repeat time anyway.
 */
export async function claimLetters(database: Database, terms: ClaimTerms): Promise<Claims> {
  const { most } = terms;
  const channels = CHANNEL_NAMES.map((name) => ((most[name] ?? 0) > 0 ? name : ""));
  if (channels.every((name) => name === "")) return { letters: [], unknown: 0, dropped: 0 };
  return database.transaction(async (inside) => {
    const { holder, now } = terms;
    const unknown = await inside.query(
      `UPDATE people_outbox SET state = 'unknown', reason = 'The keeper that sent it died'
        WHERE state = 'sending' AND held_until < $1 AND channel <> 'webhook' RETURNING id`,
      [now],
    );
    const dropped = await dropUseless(inside, now);
    // What was never tried goes first: strangers' webhooks that never answer are tried for a day, and hold up nobody.
    const due = await inside.query(
      `SELECT o.id, o.channel, o.destination, o.account FROM people_outbox o
        WHERE ((o.state = 'waiting' AND o.due_at <= $1) OR (o.state = 'sending' AND o.held_until < $1))
          AND o.channel IN ($2, $3, $4)
          AND NOT EXISTS (SELECT 1 FROM people_outbox other WHERE other.channel = o.channel
            AND other.destination = o.destination AND other.state = 'sending'
            AND other.held_until >= $1)
          AND (o.channel <> 'webhook' OR (SELECT COUNT(*) FROM people_outbox mine
            WHERE mine.channel = 'webhook' AND mine.account = o.account AND mine.state = 'sending'
              AND mine.held_until >= $1) < $5)
        ORDER BY o.attempts, o.created_at, o.id LIMIT 1000`,
      [now, ...channels, MOST_OF_ACCOUNT],
    );
    const letters: ClaimedLetter[] = [];
    for (const row of chosen(due, most)) {
      letters.push(await claim(inside, String(row.id), { holder, now }));
    }
    return { letters, unknown: unknown.length, dropped: dropped.length };
  });
}

/**
 * What would come too late is not sent at all: a margin call whose episode is over or that a later one of the same episode
 * has overtaken, a recovery of which nobody was told that there was trouble, and whatever nobody wants any more.
 */
async function dropUseless(inside: Database, now: number): Promise<Row[]> {
  const seconds = Math.floor(now / 1_000);
  return inside.query(
    `UPDATE people_outbox SET state = 'dropped', reason = 'Of no use any more'
      WHERE (state = 'waiting' OR (state = 'sending' AND held_until < $1)) AND (
        NOT EXISTS (SELECT 1 FROM people_subscriptions s WHERE s.id = people_outbox.subscription
          AND s.destination = people_outbox.destination AND (s.ends_at = 0 OR s.ends_at >= $2))
        OR (kind = 'marginCall' AND NOT EXISTS (SELECT 1 FROM people_episodes e
          WHERE e.account = people_outbox.account AND e.episode = people_outbox.episode
            AND e.ended_at = 0))
        OR (kind = 'marginCall' AND EXISTS (SELECT 1 FROM people_outbox later
          WHERE later.subscription = people_outbox.subscription AND later.kind = 'marginCall'
            AND later.episode = people_outbox.episode AND later.created_at > people_outbox.created_at))
        OR (kind = 'recovered' AND NOT EXISTS (SELECT 1 FROM people_outbox call
          WHERE call.subscription = people_outbox.subscription AND call.kind = 'marginCall'
            AND call.episode = people_outbox.episode AND (call.state IN ('sent', 'unknown')
              OR (call.state = 'sending' AND call.held_until >= $1)))))
      RETURNING id`,
    [now, seconds],
  );
}

/** One for each destination, as many as each channel has places for, and of webhooks few for each account. */
function chosen(rows: readonly Row[], most: ClaimTerms["most"]): Row[] {
  const found: Row[] = [];
  const counts = new Map<string, number>();
  const count = (name: string): number => counts.get(name) ?? 0;
  for (const row of rows) {
    const channel = String(row.channel) as ChannelName;
    const [place, owner] = [
      `${channel} ${String(row.destination)}`,
      `account ${String(row.account)}`,
    ];
    const isFull = count(channel) >= (most[channel] ?? 0) || count(place) > 0;
    if (isFull || (channel === "webhook" && count(owner) >= MOST_OF_ACCOUNT)) continue;
    for (const name of [channel, place]) counts.set(name, count(name) + 1);
    if (channel === "webhook") counts.set(owner, count(owner) + 1);
    found.push(row);
  }
  return found;
}

async function claim(
  inside: Database,
  id: string,
  { holder, now }: { holder: string; now: number },
): Promise<ClaimedLetter> {
  const [row] = await inside.query(
    `UPDATE people_outbox SET state = 'sending', attempts = attempts + 1, holder = $2,
      held_until = $3 WHERE id = $1
      RETURNING id, subscription, kind, account, channel, destination, body, attempts, created_at`,
    [id, holder, now + CLAIM_MILLISECONDS],
  );
  const [owner] = await inside.query("SELECT secret FROM people_subscriptions WHERE id = $1", [
    String(row?.subscription),
  ]);
  return {
    id,
    subscription: String(row?.subscription),
    kind: String(row?.kind),
    account: String(row?.account),
    channel: String(row?.channel) as ChannelName,
    destination: String(row?.destination),
    body: String(row?.body),
    secret: String(owner?.secret),
    attempts: Number(row?.attempts),
    createdAt: Number(row?.created_at),
  };
}

/** What a row becomes. */
export interface Settlement {
  readonly state: "sent" | "waiting" | "unknown" | "failed";
  readonly reason: string;
  /** Of one that waits: when it is tried again [unix milliseconds]. */
  readonly dueAt: number;
}

/** Writes down what came of an attempt, unless somebody else has taken the message over since. */
export async function settleLetter(
  database: Database,
  { attempts, id, kind }: ClaimedLetter,
  holder: string,
  { dueAt, reason, state }: Settlement,
): Promise<void> {
  // A code that was sent, or never will be, need not lie about.
  const isOver = kind === "confirmation" && state !== "waiting";
  await database.query(
    `UPDATE people_outbox SET state = $4, reason = $5, due_at = $6, held_until = 0,
      body = CASE WHEN $7 = 1 THEN '' ELSE body END
      WHERE id = $1 AND holder = $2 AND attempts = $3 AND state = 'sending'`,
    [id, holder, attempts, state, reason, dueAt, isOver ? 1 : 0],
  );
}

/** When the next message is due; nothing while none waits [unix milliseconds]. */
export async function nextDue(database: Database): Promise<number | undefined> {
  const [row] = await database.query(
    `SELECT MIN(CASE WHEN state = 'waiting' THEN due_at ELSE held_until END) AS due
      FROM people_outbox WHERE state IN ('waiting', 'sending')`,
  );
  return row?.due === null || row?.due === undefined ? undefined : Number(row.due);
}

/** Forgets what was settled long ago. */
export async function forgetOld(database: Database, now: number): Promise<void> {
  await database.query(
    "DELETE FROM people_outbox WHERE created_at < $1 AND state NOT IN ('waiting', 'sending')",
    [now - FORGET_AFTER],
  );
  await database.query(
    "DELETE FROM people_subscriptions WHERE state = 'pending' AND open_until < $1",
    [now],
  );
  await database.query("DELETE FROM people_subscriptions WHERE ends_at <> 0 AND ends_at < $1", [
    Math.floor(now / 1_000),
  ]);
}
