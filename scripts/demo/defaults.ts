import type { DeleveragedEvent, MarketEvent } from "./events.js";
import { type LossBorne, lossBorneIn } from "./losses.js";
import type { Market } from "./market.js";

/** A bankrupt account that nobody took over was marked. */
export interface FlagRecord {
  readonly kind: "flag";
  readonly account: string;
  /** [wad] */
  readonly equity: bigint;
}

/** A part of it was closed against somebody on the other side. */
export interface DeleverageRecord {
  readonly kind: "deleverage";
  readonly event: DeleveragedEvent;
  readonly loss: LossBorne;
}

/** A debt that nothing was left to pay was cleared. */
export interface WriteOffRecord {
  readonly kind: "writeOff";
  readonly account: string;
  /** [wad] */
  readonly debt: bigint;
  readonly loss: LossBorne;
}

/** What is done about accounts that nobody takes over. */
export type DefaultRecord = FlagRecord | DeleverageRecord | WriteOffRecord;

/** What a keeper's transaction did about an account that nobody takes over; nothing when it was about something else. */
export async function defaultRecordOf(
  market: Market,
  { events, block }: { events: readonly MarketEvent[]; block: number },
): Promise<DefaultRecord[]> {
  for (const event of events) {
    if (event.name === "Flagged") {
      return [{ kind: "flag", account: event.account, equity: event.equity }];
    }
    if (event.name === "Deleveraged") {
      return [{ kind: "deleverage", event, loss: await lossBorneIn(market, { events, block }) }];
    }
    if (event.name === "WrittenOff") {
      const { account, debt } = event;
      const loss = await lossBorneIn(market, { events, block });
      return [{ kind: "writeOff", account, debt, loss }];
    }
  }
  return [];
}
