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

/**
 * Asks the margin engine about every account: one batch, one block, the same arithmetic that liquidations use.
 *
 * @param block At the end of which block; the last one if nothing is said.
 */
export async function readMargins(
  { engine }: Market,
  accounts: readonly string[],
  block?: number,
): Promise<Reading[]> {
  const at = { blockTag: block ?? "latest" };
  return Promise.all(
    accounts.map(async (account) => {
      const [status, { equity, initial, maintenance }] = await Promise.all([
        engine.statusOf(account, at),
        engine.marginOf(account, at),
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
