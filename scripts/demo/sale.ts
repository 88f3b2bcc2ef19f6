import type { Participant } from "./accounts.js";
import { Refused } from "./chain.js";
import { type Crew, type Deal, dealWithMaker } from "./crew.js";
import type { Market } from "./market.js";

/** A sale by the liquidator of what it has taken over. */
export interface SaleRecord {
  readonly kind: "sale";
  readonly liquidator: string;
  readonly deals: readonly Deal[];
}

/** A liquidator trades what it has taken over away with the makers, at their quotes. */
export async function sellOn(
  market: Market,
  liquidator: Participant,
  crew: Crew,
): Promise<SaleRecord | undefined> {
  const deals: Deal[] = [];
  for (const { instrument, size } of await market.clearinghouse.openPositionsOf(
    liquidator.account,
  )) {
    try {
      deals.push(await dealWithMaker(market, crew, { taker: liquidator, instrument, size: -size }));
    } catch (error) {
      // A maker without margin refuses; the liquidator keeps the position and tries again after the next slice.
      if (!(error instanceof Refused)) throw error;
    }
  }
  return deals.length === 0 ? undefined : { kind: "sale", liquidator: liquidator.account, deals };
}
