import { type AccountId, underlyingOf, type InstrumentId } from "../../../sdk/index.js";
import { settlePositions, variationOf } from "./ledger.js";
import { priceOf } from "./oracle.js";
import { demand } from "./refusal.js";
import { marginOf } from "./valuation.js";
import { isAuthorized } from "./vault.js";
import type { World } from "./world.js";

/**
 * DESIGN section 7: who may turn an account's value into cash. Its owner and operators always; anyone when it is a loss, or the
 * account below its initial margin.
 */
export function settleVariation(world: World, caller: string, account: AccountId): void {
  const markOf = (instrument: InstrumentId) => priceOf(world, underlyingOf(instrument));
  const isGain = variationOf(world, account, markOf) >= 0n;
  if (isGain && !isAuthorized(world, account, caller, "trade")) {
    const { equity, initial } = marginOf(world, account);
    demand(equity < initial, "VariationNotDue");
  }
  settlePositions(world, account, markOf);
}
