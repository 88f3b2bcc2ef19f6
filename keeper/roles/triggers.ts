import type { KeeperView } from "../state/view.js";
import { leftOf } from "./orders/bookOrder.js";
import type { OrderBook } from "./orders/orderBook.js";
import { Patience } from "./patience.js";
import type { Role } from "./role.js";
import { Strangers } from "./strangers.js";
import type { RoleTools } from "./tools.js";
import { GOOD_BLOCKS, type Reserved, Round } from "./triggers/round.js";
import { Subsidies } from "./triggers/subsidies.js";

/** What the role is made of. */
export interface TriggersOptions extends RoleTools {
  readonly book: OrderBook;
  /** Makers of one transaction; 16 unless said otherwise, the Exchange takes 64. */
  readonly mostMakers?: number;
  /** A match moves at least so many times what its gas costs; 10 unless said otherwise. */
  readonly worthTimes?: bigint;
}

/** The longest pause of a taker or a maker that was refused [blocks]. */
const LONGEST_PAUSE = 64;
/** Fills orders whose trigger is reached, against the orders that rest in the book. Whoever matches earns nothing by it. */
export function createTriggers(options: TriggersOptions): Role {
  const patience = new Patience(LONGEST_PAUSE);
  const underWay = new Map<string, Reserved>();
  const [strangers, subsidies] = [new Strangers(), new Subsidies()];
  return {
    name: "triggers",
    async look(view) {
      const { book, isHeld } = options;
      await book.see(view);
      patience.sweep(view.block.number);
      strangers.sweep(view.block.number);
      subsidies.sweep(view.block.number);
      for (const [key, reserved] of underWay) {
        const isOpen = isHeld?.(key, view.block) === true && isReserving(reserved, view);
        if (!isOpen) underWay.delete(key);
      }
      const round = new Round(options, { patience, strangers, subsidies, underWay, view });
      return round.proposals();
    },
    ended(proposal, outcome) {
      strangers.ended(proposal, outcome);
      subsidies.ended(proposal, outcome);
    },
  };
}

/** Once it is filled the index knows; and what fails again and again does not keep makers from others. */
function isReserving({ block, match: { taker } }: Reserved, { block: now, index }: KeeperView) {
  const isNew = block <= now.number && now.number - block < GOOD_BLOCKS;
  return isNew && leftOf(index.state, taker, now.time) === taker.left;
}
