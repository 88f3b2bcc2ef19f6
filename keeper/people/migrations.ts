import type { Migration } from "../storage/database.js";

/** The tables of this room. Times are by the keepers' clocks unless it is said that they are the chain's. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "people 1",
    statements: [
      // An account's latest time below initial margin: began_at, told_at and ended_at by the chain [unix seconds]; told_status
      // is the place in STATUSES; ended_at is 0 while it lasts.
      `CREATE TABLE people_episodes (
        account TEXT PRIMARY KEY,
        episode TEXT NOT NULL,
        began_at BIGINT NOT NULL,
        told BIGINT NOT NULL,
        told_at BIGINT NOT NULL,
        told_status BIGINT NOT NULL,
        ended_at BIGINT NOT NULL
      )`,
      // Up to which block events have been told of: one row.
      "CREATE TABLE people_cursor (name TEXT PRIMARY KEY, block BIGINT NOT NULL)",
      // Who wants to hear of what. ends_at: 0 for never [unix seconds]; open_until: until then a pending one can be confirmed
      // [unix milliseconds]; secret: what signs a webhook's messages, or ends an e-mail's.
      `CREATE TABLE people_subscriptions (
        id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        channel TEXT NOT NULL,
        destination TEXT NOT NULL,
        kinds TEXT NOT NULL,
        ends_at BIGINT NOT NULL,
        state TEXT NOT NULL,
        open_until BIGINT NOT NULL,
        code_hash TEXT NOT NULL,
        secret TEXT NOT NULL,
        UNIQUE (account, channel, destination)
      )`,
      "CREATE INDEX people_subscriptions_by_code ON people_subscriptions (code_hash)",
      "CREATE INDEX people_subscriptions_by_destination ON people_subscriptions (channel, destination)",
      // The newest signature that was accepted [unix seconds].
      `CREATE TABLE people_proofs (
        account TEXT NOT NULL,
        channel TEXT NOT NULL,
        issued_at BIGINT NOT NULL,
        PRIMARY KEY (account, channel)
      )`,
      // Messages to deliver and delivered. Times in unix milliseconds; body is JSON.
      `CREATE TABLE people_outbox (
        id TEXT PRIMARY KEY,
        subscription TEXT NOT NULL,
        notice TEXT NOT NULL,
        kind TEXT NOT NULL,
        account TEXT NOT NULL,
        episode TEXT NOT NULL,
        channel TEXT NOT NULL,
        destination TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        holder TEXT NOT NULL,
        held_until BIGINT NOT NULL,
        reason TEXT NOT NULL,
        UNIQUE (subscription, notice)
      )`,
      "CREATE INDEX people_outbox_by_state ON people_outbox (state, due_at)",
      "CREATE INDEX people_outbox_by_destination ON people_outbox (channel, destination)",
      // Mails to confirm an address, by the address without what varies at will; never more than a few a day.
      "CREATE TABLE people_confirmations (mailbox TEXT NOT NULL, asked_at BIGINT NOT NULL)",
      "CREATE INDEX people_confirmations_by_mailbox ON people_confirmations (mailbox, asked_at)",
    ],
  },
];
