import { toNumber } from "./format.js";
import type { Market } from "./market.js";

/** Where an account stands; the order is the chain's. */
export type Status = "healthy" | "margin call" | "liquidatable" | "bankrupt";

const STATUSES: readonly Status[] = ["healthy", "margin call", "liquidatable", "bankrupt"];

/** What the margin engine says of an account at one moment [wad]. */
export interface Reading {
  readonly account: string;
  readonly status: Status;
  readonly equity: bigint;
  readonly initial: bigint;
  readonly maintenance: bigint;
}

/** Asks the margin engine about every account: one batch, one block, the same arithmetic that liquidations use. */
export async function readMargins(
  { engine }: Market,
  accounts: readonly string[],
): Promise<Reading[]> {
  return Promise.all(
    accounts.map(async (account) => {
      const [status, { equity, initial, maintenance }] = await Promise.all([
        engine.statusOf(account),
        engine.marginOf(account),
      ]);
      const known = STATUSES[Number(status)];
      if (known === undefined) throw new RangeError(`unknown status ${status}`);
      return { account, status: known, equity, initial, maintenance };
    }),
  );
}

/** Equity over the maintenance requirement; infinite where nothing is required. */
export function healthOf({ equity, maintenance }: Pick<Reading, "equity" | "maintenance">): number {
  return maintenance === 0n ? Infinity : toNumber(equity) / toNumber(maintenance);
}

/** Whether anyone may liquidate. */
export function isBelowLine({ status }: Reading): boolean {
  return status === "liquidatable" || status === "bankrupt";
}

/** What a keeper remembers of an account between looks. */
export interface CallMemory {
  readonly status: Status;
  /** When the owner was last called [unix seconds]. */
  readonly calledAt: number | undefined;
}

/** What a keeper does after a look. */
export interface Decision {
  /** Owners to be told that they are below initial margin. */
  readonly calls: readonly Reading[];
  /** Accounts to be liquidated, the sickest first: its discount is the largest. */
  readonly liquidations: readonly Reading[];
  readonly memory: ReadonlyMap<string, CallMemory>;
}

/** Who hovers around initial margin is called once in this time at most [seconds]. */
export const CALL_PAUSE = 3 * 3600;

/**
 * Decides from a look at all accounts. Pure: what is below the line is liquidated, and whoever newly stands between the two
 * requirements is called.
 */
export function decide(
  readings: readonly Reading[],
  memory: ReadonlyMap<string, CallMemory>,
  now: number,
): Decision {
  const calls: Reading[] = [];
  const next = new Map<string, CallMemory>();
  for (const reading of readings) {
    const known = memory.get(reading.account);
    const paused = known?.calledAt !== undefined && now - known.calledAt < CALL_PAUSE;
    const isNew = reading.status === "margin call" && (known?.status ?? "healthy") === "healthy";
    if (isNew && !paused) calls.push(reading);
    next.set(reading.account, {
      status: reading.status,
      calledAt: isNew && !paused ? now : known?.calledAt,
    });
  }
  const liquidations = readings.filter(isBelowLine).sort((a, b) => healthOf(a) - healthOf(b));
  return { calls, liquidations, memory: next };
}
