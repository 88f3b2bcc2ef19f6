import { WAD } from "../../sdk/index.js";
import type { Happening } from "./drive.js";
import type { Market } from "./market.js";
import { createTeller } from "./teller.js";
import type { Terminal } from "./terminal.js";

/**
 * Tells what happened, without repeating itself: after its third slice an account's further ones are counted only, until
 * it is closed or something else happens to it.
 */
export interface Narrator {
  /** Whether anything would be told. */
  hasNews(done: readonly Happening[]): boolean;
  tell(done: readonly Happening[]): void;
}

/** Slices of one account that are told one by one. */
const TOLD_SLICES = 3;

/**
 * @param market For units.
 * @param nameOf How accounts are called.
 */
export function createNarrator(
  terminal: Terminal,
  options: { market: Market; nameOf: (account: string) => string },
): Narrator {
  const teller = createTeller(terminal, options);
  const told = new Map<string, number>();
  const untold = new Map<string, { slices: number; payment: bigint }>();

  /** A partial slice of an account of which enough slices have been told. */
  const isRoutine = (record: Happening): boolean =>
    record.kind === "liquidation" &&
    record.event.fraction < WAD &&
    record.event.equity >= 0n &&
    (told.get(record.event.account) ?? 0) >= TOLD_SLICES;

  const catchUp = (account: string): void => {
    const missed = untold.get(account);
    untold.delete(account);
    if (missed !== undefined) teller.tellUntold(account, missed);
  };

  return {
    hasNews: (done) => done.some((record) => record.kind !== "sale" && !isRoutine(record)),
    tell: (done) => {
      let toldSlice = false;
      for (const record of done) {
        if (record.kind === "sale" && !toldSlice) continue;
        if (record.kind === "liquidation") {
          const { account, payment } = record.event;
          if (isRoutine(record)) {
            const { slices, payment: before } = untold.get(account) ?? { slices: 0, payment: 0n };
            untold.set(account, { slices: slices + 1, payment: before + payment });
            continue;
          }
          toldSlice = true;
          told.set(account, (told.get(account) ?? 0) + 1);
        }
        catchUp(accountOf(record));
        teller.tell(record);
      }
    },
  };
}

function accountOf(record: Happening): string {
  switch (record.kind) {
    case "marginCall":
      return record.reading.account;
    case "liquidation":
      return record.event.account;
    case "deleverage":
      return record.event.bankrupt;
    case "topUp":
    case "reduction":
    case "lateTrade":
    case "settlement":
    case "flag":
    case "writeOff":
      return record.account;
    case "sale":
      return "";
  }
}
