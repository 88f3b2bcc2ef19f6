import type { GainsHaircutEvent, MarketEvent } from "./events.js";
import type { Market } from "./market.js";

/** Who bore what an account could not bear itself, after the insurance fund. */
export interface LossBorne {
  /** What winners bore, by instrument. */
  readonly haircuts: readonly GainsHaircutEvent[];
  /** What all who have cash bore [wad]. */
  readonly lenders: bigint;
  /** What nobody bore: the recorded deficit grew by it [wad]. */
  readonly unborne: bigint;
  /** What the insurance fund has left [wad]. */
  readonly fundLeft: bigint;
}

/** All of it, the fund's part aside [wad]. */
export function totalOf({ haircuts, lenders, unborne }: LossBorne): bigint {
  return haircuts.reduce((sum, { loss }) => sum + loss, 0n) + lenders + unborne;
}

/**
 * Reads from an act's events who bore a loss. To be called before anything else happens.
 *
 * @param deficit The recorded deficit before the act [wad].
 */
export async function lossBorneOf(
  { vault, fund }: Market,
  { events, deficit }: { events: readonly MarketEvent[]; deficit: bigint },
): Promise<LossBorne> {
  let unborne = 0n;
  let lenders = 0n;
  let before = deficit;
  for (const event of events) {
    if (event.name === "LendersCharged") lenders += event.borne;
    if (event.name !== "DeficitChanged") continue;
    // Income may repay some of the deficit in the same act.
    if (event.deficit > before) unborne += event.deficit - before;
    before = event.deficit;
  }
  return {
    haircuts: events.filter((event) => event.name === "GainsHaircut"),
    lenders,
    unborne,
    fundLeft: await vault.cashOf(fund),
  };
}
