import { WAD } from "../../sdk/index.js";
import type { GainsHaircutEvent, MarketEvent } from "./events.js";
import type { Market } from "./market.js";

/** What is worth a line [wad]. */
export const CENT = WAD / 100n;
/** What only rounding leaves [wad]. */
const DUST = WAD / 10n ** 6n;

/** Who bore what an account could not bear itself. */
export interface LossBorne {
  /** What the insurance fund paid [wad]. */
  readonly fromFund: bigint;
  /** What winners bore, by instrument. */
  readonly haircuts: readonly GainsHaircutEvent[];
  /** What all who have cash bore [wad]. */
  readonly lenders: bigint;
  /** What nobody bore: the recorded deficit grew by it [wad]. */
  readonly unborne: bigint;
  /** What the insurance fund has left [wad]. */
  readonly fundLeft: bigint;
}

/** What was borne, or not, after the fund [wad]. */
export function beyondFund({
  haircuts,
  lenders,
  unborne,
}: Pick<LossBorne, "haircuts" | "lenders" | "unborne">): bigint {
  return haircuts.reduce((sum, { loss }) => sum + loss, 0n) + lenders + unborne;
}

/** Reads from an act's events who bore a loss; the act was alone in its block. */
export async function lossBorneIn(
  { clearinghouse, vault, fund }: Market,
  { events, block }: { events: readonly MarketEvent[]; block: number },
): Promise<LossBorne> {
  let unborne = 0n;
  let lenders = 0n;
  let before = await clearinghouse.deficit({ blockTag: block - 1 });
  for (const event of events) {
    if (event.name === "LendersCharged") lenders += event.borne;
    if (event.name !== "DeficitChanged") continue;
    // Income may repay some of the deficit in the same act.
    if (event.deficit > before) unborne += event.deficit - before;
    before = event.deficit;
  }
  const rest = { haircuts: events.filter(isHaircut), lenders, unborne };
  return {
    ...rest,
    fromFund: fundPaymentIn(events, beyondFund(rest)),
    fundLeft: await vault.cashOf(fund, { blockTag: block }),
  };
}

/** Whether a loss took all that the insurance fund had. */
export function hasEmptiedFund({ fromFund, fundLeft }: LossBorne): boolean {
  return fromFund >= CENT && fundLeft < CENT;
}

function isHaircut(event: MarketEvent): event is GainsHaircutEvent {
  return event.name === "GainsHaircut";
}

/** What the fund paid, by the event of the act [wad]. */
function fundPaymentIn(events: readonly MarketEvent[], others: bigint): bigint {
  for (const event of events) {
    if (event.name === "Liquidated") return event.toInsurance < 0n ? -event.toInsurance : 0n;
    if (event.name === "WrittenOff") return event.fromFund;
    // Haircuts are rounded down by less than a wei for each unit of size, which the fund has not paid.
    if (event.name === "Deleveraged") return event.loss - others < DUST ? 0n : event.loss - others;
  }
  return 0n;
}
