import type { Log, LogDescription } from "ethers";
import { CASH_EVENTS, type CashEvent } from "./cashEvents.js";
import type { FundingState } from "./funding.js";
import type { Market } from "./market.js";

/** A slice of an account was taken over; amounts are for the slice [wad]. */
export interface LiquidatedEvent {
  readonly name: "Liquidated";
  readonly account: string;
  readonly liquidator: string;
  readonly fraction: bigint;
  readonly equity: bigint;
  readonly maintenance: bigint;
  readonly payment: bigint;
  readonly toAccount: bigint;
  readonly toInsurance: bigint;
}

/** One side of an instrument bore a loss [wad]. */
export interface GainsHaircutEvent {
  readonly name: "GainsHaircut";
  readonly instrument: bigint;
  readonly long: boolean;
  readonly loss: bigint;
}

/** The recorded deficit changed [wad]. */
interface DeficitEvent {
  readonly name: "DeficitChanged";
  readonly deficit: bigint;
}

/** A position was written [wad]. */
interface PositionEvent {
  readonly name: "PositionChanged";
  readonly account: string;
  readonly instrument: bigint;
  readonly size: bigint;
}

/** Funding goes on from another state. */
interface FundingEvent extends FundingState {
  readonly name: "FundingAccrued";
  readonly instrument: bigint;
}

/** An account's variation became cash [wad]. */
interface VariationEvent {
  readonly name: "VariationSettled";
  readonly account: string;
  readonly variation: bigint;
}

/** A bankrupt account was closed against another one [wad]. */
export interface DeleveragedEvent {
  readonly name: "Deleveraged";
  readonly bankrupt: string;
  readonly counterparty: string;
  readonly instrument: bigint;
  readonly size: bigint;
  readonly mark: bigint;
  readonly loss: bigint;
}

/** A bankrupt account that nobody takes over was marked [wad]. */
interface FlaggedEvent {
  readonly name: "Flagged";
  readonly account: string;
  readonly equity: bigint;
}

/** A debt was written off [wad]. */
interface WrittenOffEvent {
  readonly name: "WrittenOff";
  readonly account: string;
  readonly debt: bigint;
  readonly fromFund: bigint;
}

/** Lenders bore a loss; the index that was left [wad]. */
interface LendersEvent {
  readonly name: "LendersCharged";
  readonly borne: bigint;
  readonly supplyIndex: bigint;
}

/** The events that the demo looks into. */
export type MarketEvent =
  | LiquidatedEvent
  | GainsHaircutEvent
  | DeficitEvent
  | PositionEvent
  | FundingEvent
  | VariationEvent
  | DeleveragedEvent
  | FlaggedEvent
  | WrittenOffEvent
  | LendersEvent
  | CashEvent;

const KNOWN: ReadonlySet<string> = new Set<MarketEvent["name"]>([
  "Liquidated",
  "GainsHaircut",
  "DeficitChanged",
  "PositionChanged",
  "FundingAccrued",
  "VariationSettled",
  "Deleveraged",
  "Flagged",
  "WrittenOff",
  "LendersCharged",
  ...CASH_EVENTS,
]);

/** Names under which events mention accounts. */
export const ACCOUNT_ARGUMENTS: ReadonlySet<string> = new Set([
  "account",
  "from",
  "to",
  "taker",
  "maker",
  "liquidator",
  "bankrupt",
  "counterparty",
]);

/** What of a log is decoded. */
export type EncodedLog = Pick<Log, "topics" | "data">;

/** The events of a transaction that the demo looks into, in order. */
export function marketEventsOf(
  market: Market,
  { logs }: { logs: readonly EncodedLog[] },
): MarketEvent[] {
  return market.chain.eventsOf(logs).flatMap(toMarketEvent);
}

/** The event, if the demo looks into its kind. */
export function toMarketEvent(event: LogDescription): MarketEvent[] {
  if (!KNOWN.has(event.name)) return [];
  // The ABI of the same build declares these very fields.
  return [{ name: event.name, ...event.args.toObject() } as MarketEvent];
}
