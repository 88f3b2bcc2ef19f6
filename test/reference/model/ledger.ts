import { type AccountId, type InstrumentId, mulDown, mulUp } from "../../../sdk/index.js";
import { abs, max, sum } from "../margin.js";
import { post } from "./cash.js";
import { fundingNow } from "./funding.js";
import { type Account, accountOf, bookOf, type Position, type World } from "./world.js";

/**
 * DESIGN section 1: a position is a size and a quote, index(long) = funding + haircutLong, index(short) = funding -
 * haircutShort, and every product is rounded against the account.
 */

/** What one unit of size of a side has been charged since the beginning [wad]. */
export function indexOf(world: World, instrument: InstrumentId, size: bigint): bigint {
  const book = bookOf(world, instrument);
  const { long, short } = book.haircut;
  return fundingNow(book, world.now) + (size > 0n ? long : -short);
}

/** r = quote - size x index(side), rounded down [wad] */
export function realQuoteOf(world: World, { instrument, size, quote }: Position): bigint {
  return quote - mulUp(size, indexOf(world, instrument, size));
}

/** value = size x mark + r, rounded down [wad] */
export function valueOf(world: World, position: Position, mark: bigint): bigint {
  return mulDown(position.size, mark) + realQuoteOf(world, position);
}

/** What a trade takes from the side whose size changes by so much: |size| x price, rounded towards 0 [wad] */
export function tradeQuote(size: bigint, price: bigint): bigint {
  const quote = mulDown(abs(size), price);
  return size < 0n ? -quote : quote;
}

/** The account's position, of size 0 if it has none. */
export function positionOf(account: Account, instrument: InstrumentId): Position {
  const held = account.positions.find((position) => position.instrument === instrument);
  return held ?? { instrument, size: 0n, quote: 0n };
}

/**
 * r += the change of the quote, size += its change, stored quote = r + size x index(new side), rounded down.
 *
 * @returns The real quote of a position that is gone: cash of the account [wad].
 */
export function changePosition(
  world: World,
  id: AccountId,
  change: { instrument: InstrumentId; size: bigint; quote: bigint },
): bigint {
  const { instrument } = change;
  const account = accountOf(world, id);
  const before = positionOf(account, instrument);
  const size = before.size + change.size;
  const real = realQuoteOf(world, before) + change.quote;

  // Longs alone make the open interest: shorts are the same size once both sides are done.
  bookOf(world, instrument).openInterest += max(size, 0n) - max(before.size, 0n);
  if (size === 0n) {
    if (before.size !== 0n) removePosition(account, instrument);
    return real;
  }
  if (before.size === 0n) {
    account.positions.push(before);
  }
  before.size = size;
  before.quote = real + mulDown(size, indexOf(world, instrument, size));
  return 0n;
}

function removePosition(account: Account, instrument: InstrumentId): void {
  const place = account.positions.findIndex((position) => position.instrument === instrument);
  const last = account.positions.pop()!;
  if (place < account.positions.length) account.positions[place] = last;
}

/** What all positions of an account are worth together [wad]. */
export function variationOf(
  world: World,
  id: AccountId,
  mark: (instrument: InstrumentId) => bigint,
): bigint {
  const values = accountOf(world, id).positions.map((held) =>
    valueOf(world, held, mark(held.instrument)),
  );
  return sum(values);
}

/** quote -= value, cash += value, for every position; the account's equity stays but for rounding. */
export function settlePositions(
  world: World,
  id: AccountId,
  mark: (instrument: InstrumentId) => bigint,
): void {
  const variation = variationOf(world, id, mark);
  for (const position of [...accountOf(world, id).positions]) {
    const { instrument } = position;
    const value = valueOf(world, position, mark(instrument));
    changePosition(world, id, { instrument, size: 0n, quote: -value });
  }
  post(world, [[id, variation]]);
}
