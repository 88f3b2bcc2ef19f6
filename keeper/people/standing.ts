import { type AccountId, ONE_BPS, statusOf } from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";
import { CUSHION_BPS, type Standing } from "./episodes.js";

/**
 * Where an account stands: by the fast book where that is beyond doubt, otherwise exactly.
 *
 * @throws MissingPriceError when something that it has cannot be read.
 */
export function standingOf(view: KeeperView, account: AccountId): Standing {
  const fast = view.book.marginOf(account);
  if (fast?.isRead === true) {
    const { equity, errorBound: bound, initial, maintenance } = fast;
    const isClear = [equity, equity - initial, equity - maintenance].every(
      (height) => Math.abs(height) > bound,
    );
    const cushion = 1 + Number(CUSHION_BPS) / Number(ONE_BPS);
    const isCushioned = equity >= initial * cushion;
    if (isClear && equity < 0) return { status: "Bankrupt", isCushioned: false };
    if (isClear && equity < maintenance) return { status: "Liquidatable", isCushioned: false };
    if (isClear && equity < initial) return { status: "MarginCall", isCushioned: false };
    if (isClear) return { status: "Healthy", isCushioned };
  }
  const margin = view.marginOf(account);
  const isCushioned = margin.equity * ONE_BPS >= margin.initial * (ONE_BPS + CUSHION_BPS);
  return { status: statusOf(margin), isCushioned };
}

/** How much an account lacks to its initial margin, near enough [wad]. */
export function shortfallNear({ book }: KeeperView, account: AccountId): number {
  const fast = book.marginOf(account);
  return fast === undefined ? 0 : fast.initial - fast.equity;
}
