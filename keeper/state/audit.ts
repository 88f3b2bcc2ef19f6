import type { Logger } from "pino";
import {
  type AccountId,
  type EventIndex,
  type Margin,
  MissingPriceError,
  type MarginReading,
  type Plimsoll,
  verifyIndex,
} from "../../sdk/index.js";
import type { Chain } from "../chain/chain.js";
import type { Clock } from "../clock.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import { PassedView } from "./blockView.js";
import { LensPages, PAGE } from "./lensPages.js";
import type { StateMetrics } from "./metrics.js";
import type { KeeperState } from "./state.js";
import type { KeeperView } from "./view.js";

/** What the audit is made of. */
export interface AuditOptions {
  readonly state: KeeperState;
  readonly chain: Pick<Chain, "rpc">;
  /** On a provider of the same chain. */
  readonly plimsoll: Plimsoll;
  readonly config: Pick<KeeperConfig, "audit">;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: StateMetrics;
  /** Everything that is not an account's margin is compared so often [seconds]; 600 if nothing is said. */
  readonly verifySeconds?: number;
}

/** What is wrong about an account: only the fast book, or the index and with it everything. */
interface Finding {
  readonly what: "book" | "index";
  readonly detail: string;
}

/** Of what there is for each user, so many entries are compared at a time. */
const ENTRIES = 50;

/** Compares what is in memory with the chain, some accounts after each block, and has repaired what is wrong. */
export class Audit {
  private readonly lens: LensPages;
  /** Where the last block has ended, and in which index. */
  private place: { readonly index: EventIndex; readonly rest: Iterator<AccountId> } | undefined;
  private verifiedAt: number | undefined;
  /** Whether the index was found wrong where no single account is. */
  private isIndexSuspected = false;

  constructor(private readonly options: AuditOptions) {
    const { chain, clock, plimsoll } = options;
    this.lens = new LensPages({ rpc: chain.rpc, plimsoll });
    this.verifiedAt = clock.now();
  }

  /**
   * Looks at some accounts as of a view, those that are suspected first, and now and then at everything else. Where the state
   * moves on meanwhile it finds nothing.
   *
   * @throws CouldNotLook when a node did not answer, or so late that memory is of a later block: that is no difference.
   */
  async run(view: KeeperView): Promise<void> {
    const { alarms, config, metrics, state } = this.options;
    // A margin engine that nobody here knows says other numbers; its accounts are found by the Lens.
    if (!state.isModelKnown) return;
    const suspects = [...state.suspects].slice(0, PAGE);
    const next = this.nextAccounts(view, config.audit.accountsOfBlock);
    const accounts = [...new Set([...suspects, ...next])];
    if (accounts.length === 0) return;
    const readings = await this.lens.marginsOf(accounts, view.block.hash);
    requireLast(view);
    metrics.audited.inc(readings.length);
    const wrongInBook: AccountId[] = [];
    let isIndexWrong = false;
    for (const reading of readings) {
      // The Lens could not say, of a price that is missing or of gas that was spent: that is no all-clear.
      if (!reading.priced) continue;
      const finding = findingOf(view, reading);
      if (finding === undefined) {
        state.suspects.delete(reading.account);
        continue;
      }
      metrics.differences.inc({ what: finding.what });
      state.suspect(reading.account, finding.detail);
      if (finding.what === "book") wrongInBook.push(reading.account);
      else isIndexWrong = true;
    }
    state.putAgain(wrongInBook);
    if (isIndexWrong) state.rebuildSoon();
    await this.verifyNowAndThen(view, accounts);
    if (state.suspects.size === 0 && !this.isIndexSuspected) alarms.clear("memoryWrong", "");
  }

  /** Everything that is no margin, with the accounts that were just looked at. */
  private async verifyNowAndThen(view: KeeperView, accounts: readonly AccountId[]): Promise<void> {
    const { alarms, clock, logger, metrics, plimsoll, state, verifySeconds = 600 } = this.options;
    const now = clock.now();
    const isDue = now - (this.verifiedAt ?? now) >= verifySeconds * 1_000;
    if (!isDue && !this.isIndexSuspected) return;
    const contracts = plimsoll;
    const options = { contracts, accounts, mostOfUsers: ENTRIES };
    const { compared, differences } = await verifyIndex(view.index, options);
    requireLast(view);
    this.verifiedAt = now;
    logger.info({ compared, differences: differences.length }, "The index was verified.");
    const [first] = differences;
    this.isIndexSuspected = first !== undefined;
    if (first === undefined) return;
    metrics.differences.inc({ what: "index" }, differences.length);
    const detail = `${first.what} is ${first.index} in the index and ${first.chain} on the chain`;
    alarms.raise("memoryWrong", "", `${detail}; ${differences.length} differences in all`);
    logger.error({ differences: differences.slice(0, 20) }, "The index differs from the chain.");
    state.rebuildSoon();
  }

  /** Round robin over all accounts, also those that come meanwhile. */
  private nextAccounts({ index }: KeeperView, count: number): AccountId[] {
    const { accounts } = index.state;
    if (this.place?.index !== index) this.place = { index, rest: accounts.keys() };
    const chosen: AccountId[] = [];
    for (let ends = 0; chosen.length < Math.min(count, accounts.size) && ends < 2;) {
      const next = this.place.rest.next();
      if (next.done !== true) {
        chosen.push(next.value);
        continue;
      }
      this.place = { index, rest: accounts.keys() };
      ++ends;
    }
    return chosen;
  }
}

/** @throws PassedView when memory is of another block: what is compared then differs though both are right. */
function requireLast({ block, index }: KeeperView): void {
  if (index.tip?.hash !== block.hash) throw new PassedView(block);
}

/** What is wrong about an account in memory, if anything is. */
function findingOf(
  view: KeeperView,
  reading: Extract<MarginReading, { priced: true }>,
): Finding | undefined {
  const { account } = reading;
  const exact = exactOf(view, account);
  if (exact === undefined) return { what: "index", detail: "It has a margin only on the chain." };
  for (const field of ["equity", "initial", "maintenance"] as const) {
    if (exact[field] === reading[field]) continue;
    const detail = `${field} is ${exact[field]} by the index and ${reading[field]} on the chain`;
    return { what: "index", detail };
  }
  const fast = view.book.marginOf(account);
  // A block that was taken back may have been the first to name it.
  if (fast === undefined && !view.index.state.accounts.has(account)) return undefined;
  if (fast === undefined) return { what: "book", detail: "The book does not have it." };
  for (const field of ["equity", "initial", "maintenance"] as const) {
    // Not a number is never within the bound.
    if (Math.abs(fast[field] - Number(exact[field])) <= fast.errorBound) continue;
    return { what: "book", detail: `${field} is ${fast[field]} in the book, not ${exact[field]}` };
  }
  return undefined;
}

function exactOf(view: KeeperView, account: AccountId): Margin | undefined {
  try {
    return view.marginOf(account);
  } catch (error) {
    if (error instanceof MissingPriceError) return undefined;
    view.failed("audit", account, error);
    return undefined;
  }
}

/** Makes the audit. */
export function createAudit(options: AuditOptions): Audit {
  return new Audit(options);
}
