import { toNumber } from "./format.js";
import type { Market } from "./market.js";

/** Where an account stands; the order is the chain's. */
type Status = "healthy" | "margin call" | "liquidatable" | "bankrupt";

/** All of them, in the order of the chain. */
export const STATUSES: readonly Status[] = ["healthy", "margin call", "liquidatable", "bankrupt"];

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

/** What a keeper does after a look. */
export interface Decision {
  /** Owners to be told that they are below initial margin. */
  readonly calls: readonly Reading[];
  /** Accounts to be liquidated, the sickest first: its discount is the largest. */
  readonly liquidations: readonly Reading[];
  /** Who need not be called again before having recovered. */
  readonly called: ReadonlySet<string>;
}

/** Who has been called is called again only after equity was this much above initial margin (ratio). */
const RECOVERY = 1.05;

/**
 * Decides from a look at all accounts. Pure: what is below the line is liquidated, and whoever has newly come between the
 * two requirements is called; hovering around initial margin is one call, not many.
 */
export function decide(readings: readonly Reading[], called: ReadonlySet<string>): Decision {
  const calls = readings.filter(
    ({ account, status }) => status === "margin call" && !called.has(account),
  );
  const recovered = ({ equity, initial }: Reading): boolean =>
    toNumber(equity) >= RECOVERY * toNumber(initial);
  const next = readings.filter(
    (reading) =>
      reading.status !== "healthy" || (called.has(reading.account) && !recovered(reading)),
  );
  return {
    calls,
    liquidations: readings.filter(isBelowLine).sort((a, b) => healthOf(a) - healthOf(b)),
    called: new Set(next.map(({ account }) => account)),
  };
}
