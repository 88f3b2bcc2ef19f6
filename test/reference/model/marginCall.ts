import type { AccountId } from "../../../sdk/index.js";
import { ceilDiv } from "../margin.js";
import { demand } from "./refusal.js";
import { marginOf } from "./valuation.js";
import type { World } from "./world.js";

/** DESIGN section 6: an account is called for margin before anybody takes it. */

/** Between two calls of an account [seconds]. */
const CALL_INTERVAL = 3_600n;
/** Times of calls are kept in so many seconds, rounded up. */
const UNIT = 256n;

/** Anyone, for an account below initial margin at today's prices. */
export function callMargin(world: World, account: AccountId): void {
  const last = world.calls.get(account);
  demand(last === undefined || world.now >= last + CALL_INTERVAL, "MarginCallTooSoon");
  const { equity, initial } = marginOf(world, account);
  demand(equity < initial, "NoMarginCall");
  world.calls.set(account, ceilDiv(world.now, UNIT) * UNIT);
}
