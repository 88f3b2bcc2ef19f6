import type { KeeperConfig } from "../config/schema.js";
import type { PlanRules } from "./liquidatePlan.js";

/** What getting rid of a slice costs, about: fees of a taker and half a spread, of its positions [bps]. */
const CLOSE_OUT_BPS = 5n;
/** Settings in dollars are taken to so many parts of one. */
const PARTS = 1_000_000;

/** The rules of plans from the keeper's settings. */
export function planRulesOf({
  dispatch,
  liquidate,
}: Pick<KeeperConfig, "liquidate" | "dispatch">): PlanRules {
  return {
    leastProfit: wadOfDollars(liquidate.leastProfit),
    reserve: wadOfDollars(liquidate.reserve),
    slackBps: BigInt(liquidate.slackBps),
    closeOutBps: CLOSE_OUT_BPS,
    most: dispatch.mostUnderWay,
  };
}

function wadOfDollars(dollars: number): bigint {
  return BigInt(Math.round(dollars * PARTS)) * 10n ** 12n;
}
