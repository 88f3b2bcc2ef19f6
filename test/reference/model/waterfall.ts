import {
  type AccountId,
  divDown,
  type InstrumentId,
  mulDown,
  underlyingOf,
} from "../../../sdk/index.js";
import { abs, ceilDiv, max, min, sum } from "../margin.js";
import { sharesOf } from "./ledger.js";
import { lenientPrices } from "./oracle.js";
import { shareDown } from "./requirement.js";
import { accountOf, bookOf, type InstrumentBook, type World } from "./world.js";

/** DESIGN 6.2 and 6.3: what the insurance fund pays, what the other side of a book bears, and what is left open. */

/** After this time an index may move by its whole cap again, and an instrument draw its whole share [seconds]. */
const HAIRCUT_WINDOW = 3_600n;
const DRAW_WINDOW = 86_400n;

/** Draws of an account without a priced instrument are counted here. */
const NO_INSTRUMENT: InstrumentId = 0n;

interface Weight {
  instrument: InstrumentId;
  size: bigint;
  /** Today's index price; 0 without one: nobody is charged by an old one [wad]. */
  price: bigint;
  /** |size| x index price, rounded down [wad] */
  weight: bigint;
}

function weightsOf(world: World, id: AccountId): Weight[] {
  const prices = lenientPrices(world);
  return accountOf(world, id).positions.map(({ instrument, size }) => {
    const { price, isLast } = prices(underlyingOf(instrument));
    const today = isLast ? 0n : price;
    return { instrument, size, price: today, weight: mulDown(abs(size), today) };
  });
}

interface Draw {
  instrument: InstrumentId;
  /** What it draws now, and what it had drawn that is not forgotten [wad]. */
  part: bigint;
  drawn: bigint;
}

/**
 * part = due x weight / sum of weights, rounded up, at most share x (fund + drawn) - drawn; all of them at most the fund and
 * what is due, in the account's order. The fund has its share of the reserve already.
 */
function drawsOf(world: World, id: AccountId, due: bigint): Draw[] {
  const fundCash = max(accountOf(world, world.rules.fund).cash, 0n) + sharesOf(world).toFund;
  const weights = weightsOf(world, id);
  const total = sum(weights.map(({ weight }) => weight));
  const claims =
    total === 0n
      ? [{ instrument: NO_INSTRUMENT, asked: due }]
      : weights.map(({ instrument, weight }) => ({
          instrument,
          asked: ceilDiv(due * weight, total),
        }));
  let left = min(due, fundCash);
  return claims.map(({ instrument, asked }) => {
    const drawn = drawnOf(bookOf(world, instrument), world.now);
    const cap = shareDown(fundCash + drawn, world.rules.liquidation.fundDrawCapBps);
    const part = min(min(asked, max(cap - drawn, 0n)), left);
    left -= part;
    return { instrument, part, drawn };
  });
}

/** drawn x (1 - elapsed / day), rounded up [wad] */
function drawnOf({ drawn, drawnAt }: InstrumentBook, now: bigint): bigint {
  return ceilDiv(drawn * max(DRAW_WINDOW - (now - drawnAt), 0n), DRAW_WINDOW);
}

/** What of a claim the insurance fund would pay [wad]. */
export function fundPaymentOf(world: World, id: AccountId, due: bigint): bigint {
  return sum(drawsOf(world, id, due).map(({ part }) => part));
}

/** The same, counted against each instrument's share. */
export function drawFund(world: World, id: AccountId, due: bigint): bigint {
  const draws = drawsOf(world, id, due);
  for (const { instrument, part, drawn } of draws) {
    const book = bookOf(world, instrument);
    book.drawn = drawn + part;
    book.drawnAt = world.now;
  }
  const paid = sum(draws.map(({ part }) => part));
  if (draws[0]!.instrument !== NO_INSTRUMENT) {
    // Who has no instrument left may draw only what all of them have left of one share.
    const all = bookOf(world, NO_INSTRUMENT);
    all.drawn = drawnOf(all, world.now) + paid;
    all.drawnAt = world.now;
  }
  return paid;
}

/** Divides a loss by |size| x index price over the opposite sides; what they do not bear is recorded as deficit. */
export function spreadLoss(world: World, id: AccountId, loss: bigint): void {
  const weights = weightsOf(world, id).filter(({ weight }) => weight > 0n);
  const total = sum(weights.map(({ weight }) => weight));
  const borne = weights.map((position) =>
    haircut(world, position, (loss * position.weight) / total),
  );
  world.deficit += loss - sum(borne);
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
