import { messageOf } from "../messageOf.js";
import { Interface } from "ethers";
import type { Logger } from "pino";
import {
  type AccountId,
  CALL_INTERVAL,
  clearinghouseAbi,
  type ErrorContext,
  formatAccount,
  marginCallOf,
  parseWad,
  type Rpc,
  type Status,
  WAD,
} from "../../sdk/index.js";
import type { Clock } from "../clock.js";
import type { Alarms } from "../operations/alarms.js";
import { EpisodeBook } from "../people/episodeBook.js";
import { QUIET_SECONDS, rankOf, type Standing, stepOf } from "../people/episodes.js";
import { depositTermsOf, marginCallFacts, marginFacts } from "../people/facts.js";
import { Happenings } from "../people/happenings.js";
import type { PeopleMetrics } from "../people/metrics.js";
import { type Naming, namingOf } from "../people/naming.js";
import type { Notice, Postbox } from "../people/notice.js";
import { shortfallNear, standingOf } from "../people/standing.js";
import type { KeeperView } from "../state/view.js";
import { type Database, StorageFailure } from "../storage/database.js";
import type { Proposal, Role } from "./role.js";

/** What the role works with. */
export interface MarginCallsOptions {
  readonly clearinghouse: string;
  readonly standingTopUp: string;
  readonly rpc: Rpc;
  readonly database: Database;
  readonly postbox: Postbox;
  /** Symbols and decimals for messages: `readErrorContext` of the SDK. */
  readonly context: ErrorContext;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly metrics: PeopleMetrics;
  /** Between repeats, on chain and to people [seconds]. */
  readonly repeatSeconds: number;
  /** Blocks after which events are told. */
  readonly confirmations: number;
  /** The most that one call's gas may cost [dollars]. */
  readonly mostCost: number;
  /** Whether a call is under way or left alone: then the next one has its turn. */
  readonly isHeld?: (key: string, block: KeeperView["block"]) => boolean;
}

/** Calls on chain that one look proposes: they must not crowd out what keeps the market solvent. */
const MOST_CALLS = 8;
/** A call that waits so many blocks is decided anew. */
const LIFE_BLOCKS = 20;
/** Messages that one look composes, and accounts whose trouble it writes down: the others have the next block. */
const MOST_NOTICES = 100;
const MOST_BEGINNINGS = 500;
/** Accounts that one look goes through: when there are more, each has its turn. */
const MOST_STANDINGS = 20_000;
/** How often what other keepers wrote is read [milliseconds]. */
const RELOAD_MILLISECONDS = 60_000;
const CALLS = new Interface(clearinghouseAbi);

/** Tells accounts below initial margin so, on chain and to their people; and people of liquidations and top-ups. */
export function marginCallsRole(options: MarginCallsOptions): Role {
  const role = new MarginCalls(options);
  return { name: "marginCalls", look: async (view) => role.look(view) };
}

class MarginCalls {
  private readonly episodes: EpisodeBook;
  private readonly happenings: Happenings;
  private readonly naming: Naming;
  /** By account in an episode: since when it is not below initial margin [unix seconds]. */
  private readonly calmSince = new Map<AccountId, number>();
  private reloadAt = 0;
  private turn = 0;

  constructor(private readonly options: MarginCallsOptions) {
    const { context, database, postbox } = options;
    this.naming = namingOf(context);
    this.episodes = new EpisodeBook(database, postbox);
    this.happenings = new Happenings({ ...options, naming: this.naming });
  }

  /** That people cannot be told, for want of a database or a node, holds up no call on chain. */
  async look(view: KeeperView): Promise<readonly Proposal[]> {
    const standings = this.standingsAt(view);
    await this.trying("telling of margin calls", () => this.tellStandings(view, standings));
    await this.trying("telling of events", async () => {
      const notices = await this.happenings.tell(view.block);
      for (const { kind } of notices) this.options.metrics.notices.inc({ kind });
    });
    return this.callsAt(view, standings);
  }

  private async trying(subject: string, act: () => Promise<void>): Promise<void> {
    const { alarms, logger } = this.options;
    try {
      await act();
      alarms.clear("storageFailing", subject);
      alarms.clear("looksFailing", subject);
    } catch (error) {
      const detail = messageOf(error);
      alarms.raise(
        error instanceof StorageFailure ? "storageFailing" : "looksFailing",
        subject,
        detail,
      );
      logger.error({ err: error }, "People could not be told: the next block tries again");
    }
  }

  /** Where all accounts stand that are below initial margin, or were. */
  private standingsAt(view: KeeperView): Map<AccountId, Standing> {
    const standings = new Map<AccountId, Standing>();
    const accounts = new Set(view.book.below({ line: "initial" }));
    for (const { account } of this.episodes.lasting()) accounts.add(account);
    for (const account of this.turnOf([...accounts])) {
      try {
        standings.set(account, standingOf(view, account));
      } catch (error) {
        // Not known is not healthy: its episode stays as it is.
        view.failed("margin call", account, error);
      }
    }
    return standings;
  }

  /** As many accounts as one look goes through, from where the one before ended. */
  private turnOf(accounts: readonly AccountId[]): readonly AccountId[] {
    if (accounts.length <= MOST_STANDINGS) return accounts;
    const start = this.turn % accounts.length;
    this.turn = start + MOST_STANDINGS;
    const rest = Math.max(this.turn - accounts.length, 0);
    return [...accounts.slice(start, this.turn), ...accounts.slice(0, rest)];
  }

  private async tellStandings(
    view: KeeperView,
    standings: ReadonlyMap<AccountId, Standing>,
  ): Promise<void> {
    const { clock, metrics, repeatSeconds } = this.options;
    const time = Number(view.block.time);
    if (clock.now() >= this.reloadAt) {
      await this.episodes.reload(time - Math.max(QUIET_SECONDS, repeatSeconds) - 86_400);
      this.reloadAt = clock.now() + RELOAD_MILLISECONDS;
    }
    const listed = [...standings];
    const beginning = listed.filter(([account, one]) => this.step(account, one, time) === "begin");
    if (beginning.length > 0) {
      const accounts = beginning.slice(0, MOST_BEGINNINGS).map(([account]) => account);
      await this.episodes.begin(accounts, view.block.hash.slice(2, 18), time);
    }
    const ending = listed.filter(([account, one]) => this.step(account, one, time) === "end");
    await this.endAll(view, ending);
    const due = listed.filter(([account, one]) => this.step(account, one, time) === "tell");
    // The worst are told first.
    due.sort(([, a], [, b]) => rankOf(b.status) - rankOf(a.status));
    const subscribed = await this.options.postbox.subscribed(due.map(([account]) => account));
    const told = due.filter(([account]) => subscribed.has(account)).slice(0, MOST_NOTICES);
    for (const [account, { status }] of told) await this.tell(view, account, status);
    metrics.episodes.set([...this.episodes.lasting()].length);
  }

  private async endAll(view: KeeperView, ending: readonly [AccountId, Standing][]): Promise<void> {
    const accounts = ending.map(([account]) => account);
    const isTold = (account: AccountId): boolean => (this.episodes.of(account)?.told ?? 0) > 0;
    for (const account of accounts.filter(isTold).slice(0, MOST_NOTICES)) {
      await this.end(view, account);
    }
    const untold = accounts.filter((account) => !isTold(account)).slice(0, MOST_BEGINNINGS);
    if (untold.length > 0) await this.episodes.endUntold(untold, Number(view.block.time));
  }

  private step(account: AccountId, standing: Standing, time: number) {
    const episode = this.episodes.of(account);
    const isCalm = standing.status === "Healthy" && episode?.endedAt === 0;
    if (!isCalm) this.calmSince.delete(account);
    else if (!this.calmSince.has(account)) this.calmSince.set(account, time);
    const calmSince = this.calmSince.get(account);
    return stepOf(episode, standing, { calmSince, time }, this.options);
  }

  private async tell(view: KeeperView, account: AccountId, status: Status): Promise<void> {
    const episode = this.episodes.of(account);
    if (episode === undefined) return;
    const { block, index, market } = view;
    let facts: Notice["facts"];
    try {
      const terms = depositTermsOf(index, account, market);
      const called = { account: view.snapshotOf(account), margin: view.marginOf(account) };
      facts = marginCallFacts({ ...called, market, terms }, this.naming);
    } catch (error) {
      view.failed("margin call", account, error);
      return;
    }
    const { episode: name, told } = episode;
    const key = `call ${account} ${name} ${told + 1}`;
    const notice: Notice = { kind: "marginCall", account, key, block, episode: name, facts };
    // What was told of the episode before it counts only until its own first message.
    const worst = Math.max(rankOf(status), told > 0 ? episode.toldStatus : 0);
    const at = { status: worst, time: Number(block.time) };
    const isTold = await this.episodes.tell(episode, notice, at);
    if (isTold) this.options.metrics.notices.inc({ kind: "marginCall" });
    else this.reloadAt = 0;
  }

  private async end(view: KeeperView, account: AccountId): Promise<void> {
    const episode = this.episodes.of(account);
    if (episode === undefined) return;
    const { block } = view;
    let notices: Notice[] = [];
    try {
      const facts = marginFacts(view.marginOf(account), this.naming);
      const key = `recovered ${account} ${episode.episode}`;
      notices = [{ kind: "recovered", account, key, block, episode: episode.episode, facts }];
    } catch (error) {
      view.failed("margin call", account, error);
      return;
    }
    this.calmSince.delete(account);
    const isEnded = await this.episodes.end(episode, notices, Number(block.time));
    if (isEnded) this.options.metrics.notices.inc({ kind: "recovered" }, notices.length);
    else this.reloadAt = 0;
  }

  /** Calls that are due on chain, of those who lack most; below maintenance liquidators come anyway. */
  private callsAt(view: KeeperView, standings: ReadonlyMap<AccountId, Standing>): Proposal[] {
    const { block, etherPrice, market } = view;
    const { isHeld, mostCost } = this.options;
    // Without ether's price nothing bounds what a call costs.
    if (etherPrice === undefined || etherPrice === 0n) return [];
    const mostWei = (parseWad(mostCost.toFixed(6)) * WAD) / etherPrice;
    const due = [...standings]
      .filter(([account, { status }]) => status === "MarginCall" && this.isCallDue(view, account))
      .filter(([account]) => isHeld?.(keyOf(account), block) !== true)
      .map(([account]) => ({ account, lacking: shortfallNear(view, account) }))
      .sort((a, b) => b.lacking - a.lacking)
      .slice(0, MOST_CALLS);
    return due.flatMap(({ account }) => {
      try {
        const calledAt = view.index.state.calls.get(account) ?? 0n;
        const call = marginCallOf(view.snapshotOf(account), market, calledAt);
        return call.isDue ? [this.proposalOf(account, call.shortfall, { block, mostWei })] : [];
      } catch (error) {
        view.failed("margin call", account, error);
        return [];
      }
    });
  }

  /** Once in each episode, and again after each repeat time; never before the contract takes it. */
  private isCallDue({ block, index }: KeeperView, account: AccountId): boolean {
    const calledAt = index.state.calls.get(account) ?? 0n;
    if (block.time < calledAt + CALL_INTERVAL) return false;
    const episode = this.episodes.of(account);
    if (episode !== undefined && calledAt < BigInt(episode.beganAt)) return true;
    return block.time >= calledAt + BigInt(Math.ceil(this.options.repeatSeconds));
  }

  private proposalOf(
    account: AccountId,
    shortfall: bigint,
    { block, mostWei }: { block: KeeperView["block"]; mostWei: bigint },
  ): Proposal {
    return {
      role: "marginCalls",
      key: keyOf(account),
      account,
      to: this.options.clearinghouse,
      data: CALLS.encodeFunctionData("callMargin", [account]),
      priority: Number(shortfall) / Number(WAD),
      mostCost: mostWei,
      lastBlock: block.number + LIFE_BLOCKS,
      about: `called ${formatAccount(account)} for margin`,
    };
  }
}

/** The same in every keeper. */
function keyOf(account: AccountId): string {
  return `call ${account}`;
}
