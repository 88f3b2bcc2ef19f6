import {
  type AccountId,
  accountId,
  type InstrumentId,
  ownerOf,
  underlyingOf,
  WAD,
} from "../../../sdk/index.js";
import type { randomFrom } from "../../fixtures/random.js";
import { abs, type ReferenceMargin } from "../margin.js";
import { lenientPrices, priceOf } from "../model/oracle.js";
import { marginOfValuation, portfolioOf, valuationOf } from "../model/valuation.js";
import { accountOf, bookOf, type World } from "../model/world.js";
import type { Signed } from "../model/exchange.js";
import type { Stage } from "./stage.js";

/** What the acts of a scenario are drawn from: the world as the model has it, the accounts, and dice. */
export interface Table {
  stage: Stage;
  world: World;
  dice: ReturnType<typeof randomFrom>;
  /** For the triggers of orders alone, so that they leave all other draws as they are. */
  triggerDice: ReturnType<typeof randomFrom>;
  /** The first is rich. */
  accounts: AccountId[];
  /** A feed that does not repeat its answer at present. */
  silentFeed: string | undefined;
  /** Orders that were used before, with their signatures. */
  orders: (Signed & { signature: string })[];
  lastNonce: bigint;
  /** Whether hardly anybody liquidates. */
  isNeglected: boolean;
}

export function chance({ dice }: Table, probability: number): boolean {
  return dice.next() < probability;
}

/** Between two numbers, each order of magnitude as likely as another. */
export function logBetween({ dice }: Table, least: number, most: number): number {
  return least * (most / least) ** dice.next();
}

/** A dollar figure or ratio as a WAD, to nine digits. */
export function wad(value: number): bigint {
  return BigInt(Math.round(value * 1e9)) * 10n ** 9n;
}

/** A random part of an amount. */
export function partOf({ dice }: Table, amount: bigint): bigint {
  return dice.between(0n, amount);
}

/** Another account than this one. */
export function otherThan(table: Table, account: AccountId): AccountId {
  return table.dice.pick(table.accounts.filter((other) => other !== account));
}

/** The owner; at times somebody else. */
export function callerFor(table: Table, account: AccountId): string {
  const { owners, plimsoll } = table.stage;
  if (chance(table, 0.95)) return ownerOf(account);
  return table.dice.pick([...owners, plimsoll.stranger]).address;
}

/** The index price, or the last mark of trades when there is none. */
export function markOf({ world }: Table, instrument: InstrumentId): bigint {
  try {
    return priceOf(world, underlyingOf(instrument));
  } catch {
    return bookOf(world, instrument).lastMark;
  }
}

export function isReadable({ world }: Table, instrument: InstrumentId): boolean {
  try {
    return priceOf(world, underlyingOf(instrument)) > 0n;
  } catch {
    return false;
  }
}

/** Whether an account may hold these instruments beside its own. */
export function hasRoomFor({ world }: Table, id: AccountId, instruments: InstrumentId[]): boolean {
  const held = accountOf(world, id).positions.map(({ instrument }) => instrument);
  return new Set([...held, ...instruments]).size <= world.rules.liquidation.mostInstruments;
}

/** Margin at the last prices; nothing when there are none. */
export function knownMargin(world: World, id: AccountId): ReferenceMargin | undefined {
  try {
    const options = { prices: lenientPrices(world), addOn: true };
    return marginOfValuation(valuationOf(world, portfolioOf(world, id), options));
  } catch {
    return undefined;
  }
}

/** Accounts below their line. */
export function sinking({ world, accounts }: Table): AccountId[] {
  return accounts.filter((account) => {
    const margin = knownMargin(world, account);
    return margin !== undefined && margin.equity < margin.maintenance;
  });
}

/** Accounts whose equity at the last prices is below 0. */
export function bankrupt(table: Table): AccountId[] {
  return sinking(table).filter((account) => knownMargin(table.world, account)!.equity < 0n);
}

/** A size of an instrument that is worth about so many dollars [wad]. */
export function sizeOf(table: Table, instrument: InstrumentId, dollars: number): bigint {
  const mark = markOf(table, instrument);
  return mark === 0n ? WAD : (wad(dollars) * WAD) / mark + 1n;
}

/** The accounts of a scenario: the first sub-account of each owner, and a second one of some. */
export function drawAccounts(stage: Stage, dice: Table["dice"]): AccountId[] {
  const count = 4 + Math.floor(dice.next() * 5);
  return Array.from({ length: count }, (_, place) => {
    const owner = stage.owners[place % stage.owners.length]!;
    return accountId(owner.address, BigInt(Math.floor(place / stage.owners.length)));
  });
}

/** Everyone whose balances are compared. */
export function everyone({ world, accounts, stage }: Table): AccountId[] {
  const builders = stage.owners.map(({ address }) => accountId(address));
  return [...new Set([...accounts, ...builders, world.rules.fund, world.rules.treasury])];
}

export function dollarsOf(value: bigint): number {
  return Number(abs(value) / 10n ** 12n) / 1e6;
}
