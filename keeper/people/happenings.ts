import {
  type AccountId,
  type BlockReference,
  type ChainBlock,
  type ChainLog,
  clearinghouseAbi,
  compileDecoders,
  type EventDecoder,
  formatWad,
  type Rpc,
  rpcSource,
  standingTopUpAbi,
} from "../../sdk/index.js";
import type { Database } from "../storage/database.js";
import { type Naming, percent } from "./naming.js";
import type { Notice, Postbox } from "./notice.js";

/** What has happened to accounts, out of events: liquidations and top-ups. */

/** What {@link Happenings} works with. */
export interface HappeningsOptions {
  readonly rpc: Rpc;
  readonly database: Database;
  readonly postbox: Postbox;
  readonly naming: Naming;
  readonly clearinghouse: string;
  readonly standingTopUp: string;
  /** Blocks after which what happened is taken to stay. */
  readonly confirmations: number;
}

/** Blocks that one look reads at most. */
const MOST_BLOCKS = 1_000;
/** Up to so many blocks each is checked for logs that a node left out. */
const CHECKED_BLOCKS = 32;
/** What is older is no news [seconds]. */
const NEWS_SECONDS = 86_400n;

const LIQUIDATED = decoderOf(compileDecoders(clearinghouseAbi), "Liquidated");
const TOPPED_UP = decoderOf(compileDecoders(standingTopUpAbi), "ToppedUp");

/**
 * Tells of events some blocks after they happened, so that no reorganisation makes a message untrue. How far it has come is
 * kept in the database, in one transaction with the messages: however it is killed, whoever else does the same, each event
 * is told once. Events are asked for at that time only; those of blocks that were replaced meanwhile were never read.
 */
export class Happenings {
  private readonly source;

  constructor(private readonly options: HappeningsOptions) {
    const { clearinghouse, rpc, standingTopUp } = options;
    const addresses = [clearinghouse.toLowerCase(), standingTopUp.toLowerCase()];
    this.source = rpcSource({ rpc, addresses, topics: [LIQUIDATED.topic, TOPPED_UP.topic] });
  }

  /**
   * Posts what happened up to some blocks before the last one; gives the notices.
   *
   * @throws CouldNotLook or NotTheNextBlock when a node did not say, or changed its mind: to be tried again.
   */
  async tell(head: BlockReference): Promise<readonly Notice[]> {
    const { confirmations, database, postbox } = this.options;
    const last = head.number - confirmations;
    const known = await this.cursor(last);
    const to = Math.min(last, known + MOST_BLOCKS);
    if (to <= known) return [];
    const from = known + 1;
    const allFrom = Math.max(from, to - CHECKED_BLOCKS);
    const blocks = await this.source.blocks({ from, to, allFrom });
    const news = blocks.filter(({ time }) => head.time - time <= NEWS_SECONDS);
    const found = news.flatMap((block) => block.logs.map((log) => this.noticeOf(block, log)));
    const subscribed = await postbox.subscribed(found.map(({ account }) => account));
    const notices = found.filter(({ account }) => subscribed.has(account));
    return database.transaction(async (inside) => {
      const moved = await inside.query(
        "UPDATE people_cursor SET block = $1 WHERE name = 'events' AND block = $2 RETURNING block",
        [to, known],
      );
      // Another keeper has told of these blocks meanwhile.
      if (moved.length === 0) return [];
      await postbox.post(notices, inside);
      return notices;
    });
  }

  /** Up to which block events were told; what was before the first look is no news. */
  private async cursor(last: number): Promise<number> {
    const { database } = this.options;
    await database.query(
      "INSERT INTO people_cursor (name, block) VALUES ('events', $1) ON CONFLICT DO NOTHING",
      [last],
    );
    const [row] = await database.query("SELECT block FROM people_cursor WHERE name = 'events'");
    return Number(row?.block);
  }

  private noticeOf(block: ChainBlock, log: ChainLog): Notice {
    const isTopUp = log.topics[0] === TOPPED_UP.topic;
    const args = (isTopUp ? TOPPED_UP : LIQUIDATED).decode(log) as Readonly<Record<string, bigint>>;
    const { hash, number, parentHash, time } = block;
    const account = String(args.account).toLowerCase() as AccountId;
    return {
      kind: isTopUp ? "toppedUp" : "liquidated",
      account,
      key: `log ${hash} ${log.logIndex}`,
      block: { hash, number, parentHash, time },
      facts: isTopUp ? this.topUpFacts(args) : this.liquidationFacts(args),
    };
  }

  private liquidationFacts(args: Readonly<Record<string, bigint>>): Notice["facts"] {
    const { equity = 0n, fraction = 0n, maintenance = 0n, toAccount = 0n } = args;
    return {
      currency: this.options.naming.currency,
      liquidator: String(args.liquidator),
      takenPercent: percent(fraction),
      equity: formatWad(equity),
      maintenance: formatWad(maintenance),
      received: formatWad(toAccount),
    };
  }

  private topUpFacts(args: Readonly<Record<string, bigint>>): Notice["facts"] {
    const { currency, money } = this.options.naming;
    const { amount = 0n, budgetLeft = 0n, number = 0n, tip = 0n } = args;
    return {
      currency,
      instruction: number.toString(),
      amount: money(amount),
      tip: money(tip),
      budgetLeft: money(budgetLeft),
    };
  }
}

function decoderOf(decoders: ReadonlyMap<string, EventDecoder>, name: string): EventDecoder {
  for (const decoder of decoders.values()) if (decoder.name === name) return decoder;
  throw new RangeError(`No contract has an event ${name}`);
}
