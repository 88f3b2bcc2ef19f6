import type { LogDescription } from "ethers";
import type { Market } from "./market.js";
import type { Receipt } from "./chain.js";

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

/** The events that the demo looks into. */
export type MarketEvent = LiquidatedEvent | GainsHaircutEvent | DeficitEvent | PositionEvent;

const KNOWN: ReadonlySet<string> = new Set<MarketEvent["name"]>([
  "Liquidated",
  "GainsHaircut",
  "DeficitChanged",
  "PositionChanged",
]);

/** Names under which events mention accounts. */
const ACCOUNT_ARGUMENTS: ReadonlySet<string> = new Set([
  "account",
  "from",
  "to",
  "taker",
  "maker",
  "liquidator",
]);

/** With each of them an account's cash was written. */
const CASH_EVENTS = new Set(["Deposited", "Withdrawn", "CashPosted"]);

/** The events of a transaction that the demo looks into, in order. */
export function marketEventsOf(market: Market, receipt: Receipt): MarketEvent[] {
  return market.chain.eventsOf(receipt.logs).flatMap(toMarketEvent);
}

function toMarketEvent(event: LogDescription): MarketEvent[] {
  if (!KNOWN.has(event.name)) return [];
  // The ABI of the same build declares these very fields.
  return [{ name: event.name, ...event.args.toObject() } as MarketEvent];
}

/** What the chain's events tell, read in pieces as blocks come. */
export interface EventIndex {
  /** Every account that any event of the vault or the clearinghouse has mentioned, in order of appearance. */
  readonly accounts: readonly string[];
  /** How often a position was written. */
  readonly positionWrites: number;
  /** How often cash was written or interest counted since interest first was; 0 while it never was. */
  readonly cashWrites: number;
  /** The open interest at each move of an index [wad]. */
  readonly indexMoves: readonly bigint[];
  /** Reads the blocks since the last time. */
  update(): Promise<void>;
}

/** An index of the chain's events from its first block on. It knows nothing but what the chain has said. */
export function indexEvents(market: Market): EventIndex {
  const accounts = new Set<string>();
  const sizes = new Map<bigint, Map<string, bigint>>();
  const indexMoves: bigint[] = [];
  let positionWrites = 0;
  let cashWrites = 0;
  let nextBlock = 0;

  const take = (event: LogDescription): void => {
    event.fragment.inputs.forEach(({ type, name }, i) => {
      if (type === "bytes32" && ACCOUNT_ARGUMENTS.has(name)) accounts.add(event.args[i] as string);
    });
    if (event.name === "InterestAccrued" || (cashWrites > 0 && CASH_EVENTS.has(event.name))) {
      cashWrites++;
    }
    const [known] = toMarketEvent(event);
    if (known?.name === "PositionChanged") {
      positionWrites++;
      const book = sizes.get(known.instrument) ?? new Map<string, bigint>();
      sizes.set(known.instrument, book.set(known.account, known.size));
    } else if (known?.name === "GainsHaircut") {
      const held = [...(sizes.get(known.instrument)?.values() ?? [])];
      indexMoves.push(held.reduce((long, size) => (size > 0n ? long + size : long), 0n));
    }
  };

  return {
    get accounts() {
      return [...accounts];
    },
    get positionWrites() {
      return positionWrites;
    },
    get cashWrites() {
      return cashWrites;
    },
    indexMoves,
    update: async () => {
      const address = [market.vault.target, market.clearinghouse.target] as string[];
      const last = await market.chain.provider.getBlockNumber();
      if (last < nextBlock) return;
      const filter = {
        address,
        fromBlock: `0x${nextBlock.toString(16)}`,
        toBlock: `0x${last.toString(16)}`,
      };
      const logs = (await market.chain.provider.send("eth_getLogs", [filter])) as Receipt["logs"];
      for (const event of market.chain.eventsOf(logs)) take(event);
      nextBlock = last + 1;
    },
  };
}
