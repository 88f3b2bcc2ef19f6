import type { TransactionReceipt } from "ethers";
import pino from "pino";
import { Registry } from "prom-client";
import { configSchema } from "../../keeper/config/schema.js";
import { createKeeper, type CreatedKeeper } from "../../keeper/create.js";
import type { Submission } from "../../keeper/dispatch/dispatcher.js";
import type { Postbox } from "../../keeper/people/notice.js";
import type { RoleName } from "../../keeper/roles/role.js";
import { openDatabase } from "../../keeper/storage/openDatabase.js";
import type { Participant } from "./accounts.js";
import { DemoFailure } from "./errors.js";
import type { Market } from "./market.js";

/** A transaction of a keeper that is in a block. */
export interface KeeperAct {
  readonly role: RoleName;
  /** Whom it concerns. */
  readonly account: string | undefined;
  readonly receipt: TransactionReceipt;
}

/** What keepers have done and said since the last time. */
export interface KeeperActs {
  readonly acts: readonly KeeperAct[];
  /** Who is called for margin; each time below initial margin is one call. */
  readonly called: readonly string[];
}

/** What the demo's keepers do: nobody pokes volatility here, so that rates stay those of the introduction. */
const ROLES: readonly RoleName[] = ["liquidate", "marginCalls", "deleverage"];
/** For whom nothing is too dear [dollars]. */
const ANY_LOSS = -1e9;
/** More often than this nothing new is found. */
const MOST_TURNS = 24;
/** The demo shows what all roles do, however slow its machine is [milliseconds]. */
const PATIENCE = 60_000;

/**
 * The keepers of the demo: the service that `npm run keeper` runs, once for each liquidator, with a database that they share,
 * so that two never do the same. They look when they are told to, for the demo drives time.
 */
export class Keepers {
  private constructor(
    private readonly created: readonly CreatedKeeper[],
    private readonly end: () => Promise<void>,
    private readonly called: string[],
  ) {}

  /** @param options.leastProfit What they leave alone earns less [dollars]; nothing if nothing is said. */
  static async open(
    market: Market,
    liquidators: readonly Participant[],
    { leastProfit = ANY_LOSS }: { leastProfit?: number } = {},
  ): Promise<Keepers> {
    const database = openDatabase(":memory:");
    const called: string[] = [];
    const postbox: Postbox = {
      post: (notices) => {
        called.push(
          ...notices.flatMap(({ kind, account }) => (kind === "marginCall" ? account : [])),
        );
        return Promise.resolve();
      },
      subscribed: (accounts) => Promise.resolve(new Set(accounts)),
    };
    const created: CreatedKeeper[] = [];
    for (const { account, role, wallet } of liquidators) {
      const config = configSchema.parse({
        name: role.name.replaceAll(" ", "-"),
        rpc: { urls: [market.url] },
        roles: ROLES,
        liquidate: { account, leastProfit, slackBps: 500 },
        // The demo checks all of the books itself, at the end.
        audit: { accountsOfBlock: 0 },
      });
      const logger = pino({ level: "silent" });
      const { deployment } = market;
      const parts = { config, deployment, wallet, database, postbox, logger };
      const registry = new Registry();
      const keeper = await createKeeper({ ...parts, registry, patience: PATIENCE });
      created.push(keeper);
      await keeper.resume();
    }
    const end = async (): Promise<void> => {
      for (const { close } of created) await close();
      await database.close();
    };
    return new Keepers(created, end, called);
  }

  /** Lets them look, one after the other, until nobody finds anything to do. */
  async act(): Promise<KeeperActs> {
    const submitted: Submission[] = [];
    for (let turn = 0; turn < MOST_TURNS; ++turn) {
      let isDone = true;
      for (const { keeper } of this.created) {
        const round = await keeper.round();
        for (const submission of round?.submissions ?? []) {
          if (!("hash" in (await submission.sent))) continue;
          submitted.push(submission);
          isDone = false;
        }
      }
      if (isDone) break;
    }
    return { acts: await actsOf(submitted), called: this.called.splice(0) };
  }

  /** Ends them. */
  async close(): Promise<void> {
    await this.end();
  }
}

async function actsOf(submitted: readonly Submission[]): Promise<KeeperAct[]> {
  const acts: KeeperAct[] = [];
  for (const { done, proposal } of submitted) {
    const outcome = await done;
    const { account, role } = proposal;
    if (outcome.kind === "abandoned") throw new DemoFailure(`A keeper gave up: ${outcome.reason}`);
    if (outcome.kind === "mined") acts.push({ role, account, receipt: outcome.receipt });
  }
  const placeOf = ({ receipt: { blockNumber, index } }: KeeperAct): number =>
    blockNumber * 1_000 + index;
  return acts.sort((a, b) => placeOf(a) - placeOf(b));
}
