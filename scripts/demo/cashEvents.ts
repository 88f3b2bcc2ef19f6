import type { InterestLedger } from "./interest.js";

/** Events after which accounts have other cash, or all cash other indices. Balances are those afterwards [wad]. */
export type CashEvent =
  | {
      readonly name: "Deposited" | "Withdrawn";
      readonly account: string;
      readonly token: string;
      readonly balance: bigint;
    }
  | {
      readonly name: "Transferred";
      readonly from: string;
      readonly to: string;
      readonly token: string;
      readonly fromBalance: bigint;
      readonly toBalance: bigint;
    }
  | { readonly name: "CashPosted"; readonly account: string; readonly cash: bigint }
  | {
      readonly name: "InterestAccrued";
      readonly supplyIndex: bigint;
      readonly borrowIndex: bigint;
    }
  | { readonly name: "InterestCollected"; readonly collected: bigint };

/** Their names. */
export const CASH_EVENTS = [
  "Deposited",
  "Withdrawn",
  "Transferred",
  "CashPosted",
  "InterestAccrued",
  "InterestCollected",
] as const satisfies readonly CashEvent["name"][];

/**
 * Takes an event into the ledger.
 *
 * @param settlement Address of the settlement token: other tokens are no cash.
 * @returns How often cash or an index was written, each of which may round.
 */
export function noteCash(ledger: InterestLedger, event: CashEvent, settlement: string): number {
  switch (event.name) {
    case "Deposited":
    case "Withdrawn":
      if (event.token !== settlement) return 0;
      ledger.setCash(event.account, event.balance);
      return 1;
    case "Transferred":
      if (event.token !== settlement) return 0;
      ledger.setCash(event.from, event.fromBalance);
      ledger.setCash(event.to, event.toBalance);
      return 2;
    case "CashPosted":
      ledger.setCash(event.account, event.cash);
      return 1;
    case "InterestAccrued":
      ledger.accrue({ supply: event.supplyIndex, borrow: event.borrowIndex });
      return 1;
    case "InterestCollected":
      ledger.collect(event.collected);
      return 0;
  }
}
