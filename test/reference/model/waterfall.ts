import {
  type AccountId,
  divDown,
  type InstrumentId,
  mulDown,
  underlyingOf,
} from "../../../sdk/index.js";
import { abs, max, min, sum } from "../margin.js";
import { cashOf, chargeLenders, post } from "./cash.js";
import { lenientPrices } from "./oracle.js";
import { shareDown } from "./units.js";
import { accountOf, bookOf, type World } from "./world.js";

/** DESIGN 6.3 and 6.5: what of a loss the other side of a book bears, what lenders, and what is left open. */

/** After this time an index may move by its whole cap again [seconds]. */
const HAIRCUT_WINDOW = 3_600n;

interface Weight {
  instrument: InstrumentId;
  size: bigint;
  /** Today's index price; 0 without one: nobody is charged by an old one [wad]. */
  price: bigint;
  /** |size| x index price, rounded down [wad] */
  weight: bigint;
}

/** The account's positions, by what each weighs when a loss is divided. */
export function weightsOf(world: World, id: AccountId): Weight[] {
  const prices = lenientPrices(world);
  return accountOf(world, id).positions.map(({ instrument, size }) => {
    const { price, isLast } = prices(underlyingOf(instrument));
    const today = isLast ? 0n : price;
    return { instrument, size, price: today, weight: mulDown(abs(size), today) };
  });
}

/**
 * Divides a loss by |size| x index price over the opposite sides; what they do not bear falls on those who have cash, and what
 * these do not bear is recorded as deficit.
 */
export function spreadLoss(world: World, id: AccountId, loss: bigint): void {
  if (loss === 0n) return;
  const weights = weightsOf(world, id).filter(({ weight }) => weight > 0n);
  const total = sum(weights.map(({ weight }) => weight));
  const borne = weights.map((position) =>
    haircut(world, position, (loss * position.weight) / total),
  );
  const left = loss - sum(borne);
  if (left > 0n) world.deficit += left - chargeOthers(world, id, left);
}

/** Everybody's cash but the account's own, which stands aside. */
function chargeOthers(world: World, id: AccountId, loss: bigint): bigint {
  const own = max(cashOf(world, id), 0n);
  post(world, [[id, -own]]);
  const borne = chargeLenders(world, loss);
  post(world, [[id, own]]);
  return borne;
}

/**
 * The index of the opposite side moves by loss / open interest, rounded down, at most by its cap (a share of the index price)
 * less what it moved in the last hour, of which the cap x elapsed / hour is forgotten.
 *
 * @returns What that side bears: move x open interest, rounded down [wad].
 */
function haircut(world: World, position: Weight, loss: bigint): bigint {
  const book = bookOf(world, position.instrument);
  const side = position.size < 0n ? "long" : "short";
  const cap = shareDown(position.price, world.rules.liquidation.gainsHaircutCapBps);
  const elapsed = min(world.now - book.movedAt, HAIRCUT_WINDOW);
  const forgotten = (cap * elapsed) / HAIRCUT_WINDOW;
  book.movedAt = world.now;
  book.moved.long = max(book.moved.long - forgotten, 0n);
  book.moved.short = max(book.moved.short - forgotten, 0n);

  const room = max(cap - book.moved[side], 0n);
  const move = min(divDown(loss, book.openInterest), room);
  book.haircut[side] += move;
  book.moved[side] += move;
  return mulDown(move, book.openInterest);
}
