import type { Proposal } from "../roles/role.js";
import type { Database, Row } from "../storage/database.js";
import { intentionOf, proposalOf } from "./intention.js";
import type { MinedAt, Version, Written } from "./transaction.js";

/** What a nonce is reserved for. */
export interface Reservation {
  readonly wallet: string;
  readonly nonce: number;
  /** Undefined to use the nonce up with nothing. */
  readonly proposal: Proposal | undefined;
  readonly version: Version;
  readonly holder: string;
  /** The block that the proposal was made of. */
  readonly viewBlock: number;
  /** A nonce that had ended and that the nodes say is free again: its block is gone, deeper than was thought possible. */
  readonly isFreeAgain: boolean;
}

/** Whether a nonce was reserved, and if not, why. */
export type Reserved =
  | { readonly kind: "reserved"; readonly written: Written }
  /** A transaction of the same key waits, of whichever keeper. */
  | { readonly kind: "waits"; readonly written: Written }
  /** One of the same key is in a block that the proposal does not know of. */
  | { readonly kind: "outdated"; readonly minedBlock: number }
  /** The nonce has another transaction of ours. */
  | { readonly kind: "nonceTaken" };

/** States in which something can still become of a nonce. */
const OPEN = "('waiting', 'dropped', 'mined')";

/** The life of transactions, each step written down before it is taken. */
export class Journal {
  constructor(private readonly database: Database) {}

  /**
   * Writes down that a nonce is for a key, with what was signed, before any node sees it.
   *
   * This is the fence between keepers. A lease says whose turn it is, but by a clock: a keeper that was held up between taking
   * it and writing this would go on with a lease that is another's by now. So what must never be, that two transactions are
   * sent for one thing, is asked of these rows, in the same database transaction that adds one: none of the key waits, and
   * none is in a block after the one that the proposal was made of. The second also stops a keeper that is a block behind.
   */
  reserve(reservation: Reservation): Promise<Reserved> {
    const { nonce, proposal, viewBlock, wallet } = reservation;
    return this.database.transaction(async (inside): Promise<Reserved> => {
      const key = keyOf(reservation);
      if (proposal !== undefined) {
        const [other] = await inside.query(
          "SELECT * FROM dispatch_transactions WHERE key = $1 AND state = 'waiting'",
          [key],
        );
        if (other !== undefined) {
          return { kind: "waits", written: await withVersions(inside, other) };
        }
        const [later] = await inside.query(
          `SELECT MAX(mined_block) AS block FROM dispatch_transactions
            WHERE key = $1 AND state IN ('mined', 'settled') AND mined_block > $2`,
          [key, viewBlock],
        );
        if (typeof later?.block === "number") return { kind: "outdated", minedBlock: later.block };
      }
      const added = await addTransaction(inside, reservation);
      if (!added) return { kind: "nonceTaken" };
      await addVersion(inside, { wallet, nonce }, reservation.version);
      return { kind: "reserved", written: writtenOf(reservation) };
    });
  }

  /**
   * Writes another version down.
   *
   * @returns False when the nonce is no longer this keeper's to sign for: nothing was written, and nothing may be sent.
   */
  addVersion(
    { wallet, nonce, state }: Pick<Written, "wallet" | "nonce" | "state">,
    version: Version,
  ): Promise<boolean> {
    return this.database.transaction(async (inside) => {
      const open = await inside.query(
        `UPDATE dispatch_transactions SET state = state
          WHERE wallet = $1 AND nonce = $2 AND state = $3 RETURNING nonce`,
        [wallet, nonce, state],
      );
      if (open.length === 0) return false;
      await addVersion(inside, { wallet, nonce }, version);
      return true;
    });
  }

  /** They are in blocks. */
  async mined(
    found: readonly { readonly written: Written; readonly minedAt: MinedAt }[],
  ): Promise<void> {
    await this.eachOf(found, (database, { minedAt: { block, blockHash, hash }, written }) =>
      database.query(
        `UPDATE dispatch_transactions
          SET state = 'mined', mined_block = $3, mined_block_hash = $4, mined_hash = $5
          WHERE wallet = $1 AND nonce = $2 AND state IN ${OPEN}`,
        [written.wallet, written.nonce, block, blockHash, hash],
      ),
    );
  }

  /** Its block was replaced. */
  async unmined({ wallet, nonce }: Written): Promise<void> {
    await this.database.query(
      `UPDATE dispatch_transactions
        SET state = 'waiting', mined_block = NULL, mined_block_hash = NULL, mined_hash = NULL
        WHERE wallet = $1 AND nonce = $2 AND state = 'mined'`,
      [wallet, nonce],
    );
  }

  /** Nothing more becomes of them. */
  async end(ended: readonly Written[], state: "settled" | "lost"): Promise<void> {
    await this.eachOf(ended, (database, { nonce, wallet }) =>
      database.query(
        `UPDATE dispatch_transactions SET state = $3
          WHERE wallet = $1 AND nonce = $2 AND state IN ${OPEN}`,
        [wallet, nonce, state],
      ),
    );
  }

  /** Another keeper's act is free again. */
  async drop({ wallet, nonce }: Written): Promise<void> {
    await this.database.query(
      `UPDATE dispatch_transactions SET state = 'dropped'
        WHERE wallet = $1 AND nonce = $2 AND state = 'waiting'`,
      [wallet, nonce],
    );
  }

  /** All of a wallet of which something can still become, by nonce. */
  async open(wallet: string): Promise<Written[]> {
    return this.database.transaction(async (inside) => {
      const rows = await inside.query(
        `SELECT * FROM dispatch_transactions WHERE wallet = $1 AND state IN ${OPEN} ORDER BY nonce`,
        [wallet],
      );
      const found: Written[] = [];
      for (const row of rows) found.push(await withVersions(inside, row));
      return found;
    });
  }

  /** Nonces of a wallet whose acts another keeper has taken upon itself. */
  async dropped(wallet: string): Promise<number[]> {
    const rows = await this.database.query(
      "SELECT nonce FROM dispatch_transactions WHERE wallet = $1 AND state = 'dropped'",
      [wallet],
    );
    return rows.map(({ nonce }) => Number(nonce));
  }

  /** Writes about many at once, all or none: to be kept, each alone would wait for the disk. */
  private async eachOf<T>(
    ones: readonly T[],
    write: (database: Database, one: T) => Promise<unknown>,
  ): Promise<void> {
    if (ones.length === 0) return;
    await this.database.transaction(async (inside) => {
      for (const one of ones) await write(inside, one);
    });
  }

  /** Forgets what ended before a block, so that the tables do not grow for ever. */
  async forgetBefore(block: number): Promise<void> {
    await this.database.transaction(async (inside) => {
      const gone = await inside.query(
        `DELETE FROM dispatch_transactions WHERE first_block < $1 AND state IN ('settled', 'lost')
          RETURNING wallet, nonce`,
        [block],
      );
      await forget(inside, gone);
    });
  }
}

/** The versions of transactions that are gone. */
async function forget(database: Database, gone: readonly Row[]): Promise<void> {
  for (const { wallet = null, nonce = null } of gone) {
    await database.query("DELETE FROM dispatch_versions WHERE wallet = $1 AND nonce = $2", [
      wallet,
      nonce,
    ]);
  }
}

function keyOf({ wallet, nonce, proposal }: Reservation): string {
  return proposal?.key ?? `nothing ${wallet} ${nonce}`;
}

async function addTransaction(database: Database, reservation: Reservation): Promise<boolean> {
  const { holder, isFreeAgain, nonce, proposal, version, wallet } = reservation;
  if (isFreeAgain) {
    await forget(
      database,
      await database.query(
        `DELETE FROM dispatch_transactions
          WHERE wallet = $1 AND nonce = $2 AND state IN ('settled', 'lost')
          RETURNING wallet, nonce`,
        [wallet, nonce],
      ),
    );
  }
  const intention = proposal === undefined ? "" : intentionOf(proposal);
  const added = await database.query(
    `INSERT INTO dispatch_transactions (wallet, nonce, key, intention, holder, state, first_block)
      VALUES ($1, $2, $3, $4, $5, 'waiting', $6) ON CONFLICT DO NOTHING RETURNING nonce`,
    [wallet, nonce, keyOf(reservation), intention, holder, version.block],
  );
  return added.length > 0;
}

async function addVersion(
  database: Database,
  { wallet, nonce }: { wallet: string; nonce: number },
  { hash, raw, fees, gasLimit, block, reason }: Version,
): Promise<void> {
  await database.query(
    `INSERT INTO dispatch_versions (wallet, nonce, hash, raw, max_fee, tip, gas_limit, block, reason)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      ...[wallet, nonce, hash, raw, `${fees.most}`, `${fees.tip}`, `${gasLimit}`, block],
      reason ?? null,
    ],
  );
}

function writtenOf(reservation: Reservation): Written {
  const { holder, nonce, proposal, version, wallet } = reservation;
  return {
    ...{ wallet, nonce, proposal, holder, key: keyOf(reservation) },
    ...{ state: "waiting", firstBlock: version.block, minedAt: undefined, versions: [version] },
  };
}

async function withVersions(database: Database, row: Row): Promise<Written> {
  const { wallet, nonce, mined_block, mined_block_hash, mined_hash } = row;
  const versions = await database.query(
    "SELECT * FROM dispatch_versions WHERE wallet = $1 AND nonce = $2",
    [String(wallet), Number(nonce)],
  );
  const minedAt =
    mined_block === null
      ? undefined
      : {
          block: Number(mined_block),
          blockHash: String(mined_block_hash),
          hash: String(mined_hash),
        };
  return {
    wallet: String(wallet),
    nonce: Number(nonce),
    key: String(row.key),
    proposal: proposalOf(String(row.intention)),
    holder: String(row.holder),
    state: String(row.state) as Written["state"],
    firstBlock: Number(row.first_block),
    minedAt,
    // Each was signed with higher fees than the one before.
    versions: versions.map(versionOf).sort((a, b) => (a.fees.most < b.fees.most ? -1 : 1)),
  };
}

function versionOf({ hash, raw, max_fee, tip, gas_limit, block, reason }: Row): Version {
  return {
    hash: String(hash),
    raw: String(raw),
    fees: { most: BigInt(String(max_fee)), tip: BigInt(String(tip)) },
    gasLimit: BigInt(String(gas_limit)),
    block: Number(block),
    reason: typeof reason === "string" ? reason : undefined,
  };
}
