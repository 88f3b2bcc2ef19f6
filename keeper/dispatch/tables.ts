import type { Migration } from "../storage/database.js";

/**
 * The tables of this room. A row of `dispatch_transactions` is a nonce of a wallet:
 *
 * - `waiting`: signed, perhaps in the mempools, in no block that this keeper knows;
 * - `dropped`: the same, but another keeper has its act now: nobody sends it again, and its nonce is used up by nothing;
 * - `mined`: in the block `mined_block`, which may still be replaced;
 * - `settled`: in a block for good;
 * - `lost`: the nonce was used by something that is not ours.
 *
 * `dispatch_versions` has every transaction that was ever signed for a nonce: those of an act and, with a reason, those
 * of nothing. Fees are in wei, as decimal text.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "dispatch 1",
    statements: [
      `CREATE TABLE dispatch_transactions (
        wallet TEXT NOT NULL, nonce BIGINT NOT NULL, key TEXT NOT NULL, intention TEXT NOT NULL, holder TEXT NOT NULL,
        state TEXT NOT NULL, first_block BIGINT NOT NULL, mined_block BIGINT, mined_block_hash TEXT, mined_hash TEXT,
        PRIMARY KEY (wallet, nonce))`,
      "CREATE INDEX dispatch_transactions_key ON dispatch_transactions (key)",
      "CREATE INDEX dispatch_transactions_state ON dispatch_transactions (state, wallet)",
      `CREATE TABLE dispatch_versions (
        wallet TEXT NOT NULL, nonce BIGINT NOT NULL, hash TEXT NOT NULL, raw TEXT NOT NULL, max_fee TEXT NOT NULL,
        tip TEXT NOT NULL, gas_limit TEXT NOT NULL, block BIGINT NOT NULL, reason TEXT,
        PRIMARY KEY (wallet, nonce, hash))`,
    ],
  },
];
