import type { AccountId } from "../../sdk/index.js";
import type { Database, Row } from "../storage/database.js";
import type { Episode } from "./episodes.js";
import type { Notice, Postbox } from "./notice.js";

/** Episodes in memory, as the table `people_episodes` has them; other keepers may write to it as well. */
export class EpisodeBook {
  private readonly latest = new Map<AccountId, Episode>();

  constructor(
    private readonly database: Database,
    private readonly postbox: Postbox,
  ) {}

  /** The latest episode of an account. */
  of(account: AccountId): Episode | undefined {
    return this.latest.get(account);
  }

  /** Those that last. */
  *lasting(): Iterable<Episode> {
    for (const episode of this.latest.values()) if (episode.endedAt === 0) yield episode;
  }

  /** Reads what other keepers have written, and forgets what ended before a time [unix seconds]. */
  async reload(forgetBefore: number): Promise<void> {
    await this.database.query("DELETE FROM people_episodes WHERE ended_at <> 0 AND ended_at < $1", [
      forgetBefore,
    ]);
    const rows = await this.database.query(
      "SELECT account, episode, began_at, told, told_at, told_status, ended_at FROM people_episodes",
    );
    this.latest.clear();
    for (const row of rows) this.keep(row);
  }

  /** Writes down that episodes begin, all together; what was told before in another one of the account still counts. */
  async begin(accounts: readonly AccountId[], episode: string, time: number): Promise<void> {
    const rows = await this.database.transaction(async (inside) => {
      const begun: Row[] = [];
      for (const account of accounts) {
        await inside.query(
          `INSERT INTO people_episodes
            (account, episode, began_at, told, told_at, told_status, ended_at)
            VALUES ($1, $2, $3, 0, 0, 0, 0)
            ON CONFLICT (account) DO UPDATE SET episode = excluded.episode,
              began_at = excluded.began_at, told = 0, ended_at = 0
              WHERE people_episodes.ended_at <> 0`,
          [account, episode, time],
        );
        // Another keeper may have begun it already: its name is the one that counts.
        begun.push(
          ...(await inside.query(
            `SELECT account, episode, began_at, told, told_at, told_status, ended_at
              FROM people_episodes WHERE account = $1`,
            [account],
          )),
        );
      }
      return begun;
    });
    for (const row of rows) this.keep(row);
  }

  /** Posts a margin call and writes down that it was told, or neither: when another keeper was faster. */
  async tell(
    { account, episode, told }: Episode,
    notice: Notice,
    { status, time }: { status: number; time: number },
  ): Promise<boolean> {
    return this.change(
      `UPDATE people_episodes SET told = told + 1, told_at = $4, told_status = $5
        WHERE account = $1 AND episode = $2 AND told = $3 AND ended_at = 0
        RETURNING account, episode, began_at, told, told_at, told_status, ended_at`,
      [account, episode, told, time, status],
      [notice],
    );
  }

  /** Writes down that episodes are over of which nobody was told. */
  async endUntold(accounts: readonly AccountId[], time: number): Promise<void> {
    const rows = await this.database.transaction(async (inside) => {
      const ended: Row[] = [];
      for (const account of accounts) {
        ended.push(
          ...(await inside.query(
            `UPDATE people_episodes SET ended_at = $2
              WHERE account = $1 AND told = 0 AND ended_at = 0
              RETURNING account, episode, began_at, told, told_at, told_status, ended_at`,
            [account, time],
          )),
        );
      }
      return ended;
    });
    for (const row of rows) this.keep(row);
  }

  /** Writes down that an episode is over, and posts that it is if it was told of. */
  async end(
    { account, episode }: Episode,
    notices: readonly Notice[],
    time: number,
  ): Promise<boolean> {
    return this.change(
      `UPDATE people_episodes SET ended_at = $3
        WHERE account = $1 AND episode = $2 AND ended_at = 0
        RETURNING account, episode, began_at, told, told_at, told_status, ended_at`,
      [account, episode, time],
      notices,
    );
  }

  private async change(
    sql: string,
    values: (string | number)[],
    notices: readonly Notice[],
  ): Promise<boolean> {
    const row = await this.database.transaction(async (inside) => {
      const [changed] = await inside.query(sql, values);
      if (changed !== undefined) await this.postbox.post(notices, inside);
      return changed;
    });
    if (row !== undefined) this.keep(row);
    return row !== undefined;
  }

  private keep(row: Row): void {
    const account = row.account as AccountId;
    this.latest.set(account, {
      account,
      episode: String(row.episode),
      beganAt: Number(row.began_at),
      told: Number(row.told),
      toldAt: Number(row.told_at),
      toldStatus: Number(row.told_status),
      endedAt: Number(row.ended_at),
    });
  }
}
