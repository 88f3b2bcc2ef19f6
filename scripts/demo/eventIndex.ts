import type { LogDescription } from "ethers";
import { CASH_EVENTS, type CashEvent, noteCash } from "./cashEvents.js";
import type { RawLog } from "./chain.js";
import { ACCOUNT_ARGUMENTS, type MarketEvent, toMarketEvent } from "./events.js";
import { FundingLedger } from "./funding.js";
import { InterestLedger } from "./interest.js";
import type { Market } from "./market.js";

/** What the chain's events tell, read in pieces as blocks come. */
export interface EventIndex {
  /** Every account that any event of the vault or the clearinghouse has mentioned, in order of appearance. */
  readonly accounts: readonly string[];
  /** How often a position was written. */
  readonly positionWrites: number;
  /** The open interest at each move of an index [wad]. */
  readonly indexMoves: readonly bigint[];
  /** How often cash was written since interest or a loss first moved an index: it is exact before. */
  readonly cashWrites: number;
  readonly funding: FundingLedger;
  readonly interest: InterestLedger;
  /** Reads the blocks since the last time. */
  update(): Promise<void>;
}

/** An index of the chain's events from its first block on. It knows nothing but what the chain has said. */
export function indexEvents(market: Market): EventIndex {
  const collector = new Collector(market.settlement.address);
  let nextBlock = 0;
  const update = async (): Promise<void> => {
    const address = [market.vault.target, market.clearinghouse.target] as string[];
    const last = await market.chain.provider.getBlockNumber();
    if (last < nextBlock) return;
    const filter = {
      address,
      fromBlock: `0x${nextBlock.toString(16)}`,
      toBlock: `0x${last.toString(16)}`,
    };
    const logs = (await market.chain.provider.send("eth_getLogs", [filter])) as RawLog[];
    const times = await market.chain.timesOf(logs);
    for (const log of logs) {
      const time = times.get(log.blockNumber) ?? 0;
      for (const event of market.chain.eventsOf([log])) collector.take(event, time);
    }
    nextBlock = last + 1;
  };
  return Object.assign(collector, { update });
}

class Collector implements Omit<EventIndex, "update"> {
  readonly funding = new FundingLedger();
  readonly interest = new InterestLedger();
  readonly indexMoves: bigint[] = [];
  positionWrites = 0;
  cashWrites = 0;
  private readonly seen = new Set<string>();
  private readonly sizes = new Map<bigint, Map<string, bigint>>();

  constructor(private readonly settlement: string) {}

  get accounts(): readonly string[] {
    return [...this.seen];
  }

  take(event: LogDescription, time: number): void {
    event.fragment.inputs.forEach(({ type, name }, i) => {
      if (type === "bytes32" && ACCOUNT_ARGUMENTS.has(name)) this.seen.add(event.args[i] as string);
    });
    for (const known of toMarketEvent(event)) this.note(known, time);
  }

  private note(event: MarketEvent, time: number): void {
    if (isCashEvent(event)) {
      const writes = noteCash(this.interest, event, this.settlement);
      if (this.interest.largestIndex > 0n) this.cashWrites += writes;
      return;
    }
    if (event.name === "PositionChanged") {
      const { instrument, account, size } = event;
      this.positionWrites++;
      const book = this.sizes.get(instrument) ?? new Map<string, bigint>();
      this.sizes.set(instrument, book.set(account, size));
      // Between the writes of the two sides of a trade no time passes, so nothing is counted by half of it.
      this.funding.setOpenInterest(instrument, this.heldLong(instrument), time);
    } else if (event.name === "FundingAccrued") {
      this.funding.setState(event.instrument, event, time);
      this.indexMoves.push(this.heldLong(event.instrument));
    } else if (event.name === "GainsHaircut") {
      this.indexMoves.push(this.heldLong(event.instrument));
    } else if (event.name === "LendersCharged") {
      this.interest.charge({ borne: event.borne, supply: event.supplyIndex });
      this.cashWrites++;
    }
  }

  private heldLong(instrument: bigint): bigint {
    const held = [...(this.sizes.get(instrument)?.values() ?? [])];
    return held.reduce((long, size) => (size > 0n ? long + size : long), 0n);
  }
}

function isCashEvent(event: MarketEvent): event is CashEvent {
  return CASH_EVENTS.some((name) => name === event.name);
}
