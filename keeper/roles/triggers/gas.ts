import { ownerOf } from "../../../sdk/index.js";
import type { KeeperView } from "../../state/view.js";
import type { BookOrder } from "../orders/bookOrder.js";
import { isSignedByKey, MOST_GAS_OF_WALLET } from "../orders/signature.js";
import type { Match } from "./decide.js";

/** A match with one maker uses about so much, and each further one [gas]. */
const MATCH_GAS = 210_000n;
const FURTHER_GAS = 65_000n;
/** Of accounts that hold much, the same is so many times as large. */
const ROOM = 4n;

/** What a match may use, and whose contracts it reaches. */
export interface MatchGas {
  /** What it uses about, wallets at their worst [gas]. */
  readonly usual: bigint;
  /** The most that it may use, where a contract is asked that may burn all that it gets [gas]. */
  readonly limit: bigint | undefined;
  /** Owners whose wallets are asked for a signature. */
  readonly owners: readonly string[];
}

/** Whether a contract is asked for an order's signature. */
export function isOfWallet(
  { hash, signed }: Pick<BookOrder, "hash" | "signed">,
  { block, index }: Pick<KeeperView, "block" | "index">,
): boolean {
  return !isSignedByKey(signed, hash, { block, state: index.state });
}

/** What a match costs: by its makers, and by the wallets that vouch for signatures in it. */
export function gasOf(
  { fills, taker }: Match,
  { block, index }: Pick<KeeperView, "block" | "index">,
): MatchGas {
  const owners = [taker, ...fills.map(({ maker }) => maker)]
    .filter((entry) => isOfWallet(entry, { block, index }))
    .map(({ signed }) => ownerOf(signed.order.account));
  const own = MATCH_GAS + FURTHER_GAS * BigInt(fills.length - 1);
  const ofWallets = MOST_GAS_OF_WALLET * BigInt(owners.length);
  const limit = owners.length === 0 ? undefined : ROOM * own + ofWallets;
  return { usual: own + ofWallets, limit, owners };
}
