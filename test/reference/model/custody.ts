import { max, min } from "../margin.js";
import { shareDown } from "./units.js";
import { demand } from "./refusal.js";
import type { Custody, World } from "./world.js";

/** What the vault holds, takes and lets go of each token: DESIGN section 7, the last paragraph. */

/** What left or came is forgotten evenly over this time [seconds]. */
const OUTFLOW_WINDOW = 86_400n;

/** net outflow x (1 - elapsed / window), rounded towards 0 [token] */
function netOutflowOf({ netOutflow, changedAt }: Custody, now: bigint): bigint {
  return (netOutflow * max(OUTFLOW_WINDOW - (now - changedAt), 0n)) / OUTFLOW_WINDOW;
}

/** room = max(amount, share of what there would be without the outflow) - the outflow [token] */
function outflowRoomOf(world: World, place: number): bigint {
  const custody = world.custody[place]!;
  const { outflowAmount, outflowBps } = world.rules.tokens[place]!;
  const outflow = netOutflowOf(custody, world.now);
  // What was there before what came and went.
  const before = max(custody.tracked + outflow, 0n);
  return max(max(outflowAmount, shareDown(before, outflowBps)) - outflow, 0n);
}

/** What can leave now: what is there, within the limit [token]. */
export function releasableOf(world: World, place: number): bigint {
  return min(world.custody[place]!.tracked, outflowRoomOf(world, place));
}

/** Tokens arrived. */
export function takeTokens(world: World, place: number, amount: bigint): void {
  moveTokens(world, place, amount);
}

/** Tokens leave, if there are so many and the limit allows it. */
export function releaseTokens(world: World, place: number, amount: bigint): void {
  const { tracked } = world.custody[place]!;
  const room = outflowRoomOf(world, place);
  demand(amount <= room || room >= tracked, "OutflowLimitExceeded");
  demand(amount <= tracked, "InsufficientTokens");
  moveTokens(world, place, -amount);
}

function moveTokens(world: World, place: number, amount: bigint): void {
  const custody = world.custody[place]!;
  custody.netOutflow = netOutflowOf(custody, world.now) - amount;
  custody.changedAt = world.now;
  custody.tracked += amount;
  custody.held += amount;
}
