import type { AccountId } from "../ids.js";
import { newCashPool } from "../interest.js";
import { AccountTable } from "./accountTable.js";
import { NonceTable } from "./nonceTable.js";
import type { IndexState, Singles, StoredAccount, Tables } from "./state.js";

/** Every table of the state. */
export const TABLE_NAMES = [
  "accounts",
  "flags",
  "calls",
  "interest",
  "funding",
  "haircuts",
  "draws",
  "custody",
  "limits",
  "operators",
  "venues",
  "feeTiers",
  "terms",
  "nonces",
  "fills",
  "underlyings",
  "collateral",
  "sources",
  "notedPrices",
  "volatilities",
  "authorities",
] as const satisfies readonly (keyof Tables)[];

/** An account of which nothing was heard. */
export const EMPTY_ACCOUNT: StoredAccount = { principal: 0n, positions: [], collateral: [] };

/** The address of nobody. */
export const NOBODY = `0x${"0".repeat(40)}`;

/** The state before the first event: what the constructors leave. */
export function emptyState(): IndexState {
  const rules = {
    baseBps: 0n,
    slopeBps: 0n,
    kinkBps: 0n,
    slopeAboveBps: 0n,
    reservePercent: 0n,
    borrowCap: 0n,
  };
  const singles: Singles = {
    pool: newCashPool(rules),
    books: { deficit: 0n, reserve: 0n },
    feeShares: { treasury: NOBODY, fundShare: 0n },
    peg: { underlying: 0, allowedBps: 0n, depegged: false },
    wiring: {
      marginEngine: NOBODY,
      endOfBlend: 0n,
      vaultClearinghouse: NOBODY,
      vaultMarginEngine: NOBODY,
    },
    liquidation: undefined,
    volatilityOracle: { oracle: NOBODY, generation: 0n },
    sequencer: { uptimeFeed: NOBODY, gracePeriodSeconds: 0n },
    tokens: [],
  };
  const tables = Object.fromEntries(TABLE_NAMES.map((name) => [name, new Map()]));
  // Of these there are very many: a Map of objects would take several times the memory.
  const packed = { accounts: new AccountTable(), nonces: new NonceTable() };
  return { singles, ...(tables as unknown as Tables), ...packed };
}

/** The key of an operator's rights. */
export function operatorKey(owner: string, operator: string): string {
  return `${owner.toLowerCase()}/${operator.toLowerCase()}`;
}

/** The key of the word in which a nonce has its bit, `nonce % 256`. */
export function nonceKey(account: AccountId, nonce: bigint): string {
  return `${account}/${(nonce >> 8n).toString(16)}`;
}

/** The key of what an oracle knows of an underlying. */
export function volatilityKey(oracle: string, underlying: number): string {
  return `${oracle.toLowerCase()}/${underlying}`;
}
