import {
  type AccountId,
  type InstrumentId,
  mulUp,
  ownerOf,
  perpetual,
  underlyingOf,
  WAD,
} from "../../../sdk/index.js";
import { abs, max, min } from "../margin.js";
import { positionOf } from "../model/ledger.js";
import { priceOf } from "../model/oracle.js";
import { crowdingOf } from "../model/requirement.js";
import { clear, type Leg, type Trade } from "../model/trades.js";
import { accountOf, bookOf, type World } from "../model/world.js";
import type { Act } from "./act.js";
import { namesOf } from "./news.js";
import {
  chance,
  dollarsOf,
  hasRoomFor,
  isReadable,
  knownMargin,
  logBetween,
  markOf,
  sinking,
  otherThan,
  sizeOf,
  type Table,
  wad,
} from "./table.js";

/** Trades of a venue without orders: any account against any other, at nearly any price. */

/** Who trades what, and how much of it. */
export interface Match {
  instrument: InstrumentId;
  size: bigint;
  price: bigint;
  taker: AccountId;
  maker: AccountId;
}

/** A size that opens or adds within the parties' means, or one that closes what the taker has. */
export function drawMatch(table: Table): Match {
  const { dice, world, stage } = table;
  const below = chance(table, 0.15) ? sinking(table) : [];
  const taker = dice.pick(below.length > 0 ? below : table.accounts);
  const held = accountOf(world, taker).positions;
  const silent = held.find(({ instrument: id }) => !isReadable(table, id));
  const isClosing = held.length > 0 && chance(table, silent === undefined ? 0.35 : 0.8);
  // Mostly one of those that the taker has, when it may have no others.
  const isFull = held.length >= world.rules.liquidation.mostInstruments;
  const isHeld = isClosing || (isFull && chance(table, 0.85));
  const instrument = isHeld ? (silent ?? dice.pick(held)).instrument : dice.pick(stage.instruments);
  const { size: open } = positionOf(accountOf(world, taker), instrument);
  // Who holds the other side is the likely counterparty of who closes.
  const opposite = table.accounts.filter((other) => {
    const { size } = positionOf(accountOf(world, other), instrument);
    return other !== taker && size !== 0n && size > 0n !== open > 0n;
  });
  const able = table.accounts.filter(
    (other) => other !== taker && hasRoomFor(table, other, [instrument]),
  );
  const choices = isClosing && opposite.length > 0 ? opposite : able;
  const isAble = choices.length > 0 && chance(table, 0.85);
  const maker = isAble ? dice.pick(choices) : otherThan(table, taker);
  const size = isClosing
    ? drawClosing(table, { taker, maker, instrument })
    : drawOpening(table, { taker, maker, instrument });
  return { instrument, size, price: drawPriceOf(table, instrument), taker, maker };
}

function drawClosing(
  table: Table,
  { taker, maker, instrument }: Omit<Match, "size" | "price">,
): bigint {
  const sizeOfAccount = (account: AccountId) =>
    positionOf(accountOf(table.world, account), instrument).size;
  const [own, other] = [sizeOfAccount(taker), sizeOfAccount(maker)];
  const both = min(abs(own), abs(other));
  const most = other !== 0n && own > 0n !== other > 0n && chance(table, 0.7) ? both : abs(own);
  const size = chance(table, 0.5) ? most : table.dice.between(1n, most);
  return own > 0n ? -size : size;
}

function drawOpening(
  table: Table,
  { taker, maker, instrument }: Omit<Match, "size" | "price">,
): bigint {
  const means = [taker, maker].map((account) =>
    dollarsOf(knownMargin(table.world, account)?.equity ?? 0n),
  );
  const dollars = Math.max(Math.min(...means), 10) * logBetween(table, 0.3, 14);
  if (chance(table, 0.03)) return table.dice.between(-9n, 9n);
  const size = sizeOf(
    table,
    instrument,
    chance(table, 0.1) ? logBetween(table, 1e-6, 1e7) : dollars,
  );
  return chance(table, 0.5) ? size : -size;
}

/** The mark, near it, at times outside of the band. */
function drawPriceOf(table: Table, instrument: InstrumentId): bigint {
  const mark = markOf(table, instrument);
  if (chance(table, isReadable(table, instrument) ? 0.4 : 0.9)) return mark;
  const width = chance(table, 0.06) ? 0.08 : chance(table, 0.5) ? 0.002 : 0.05;
  return (mark * wad(1 + (2 * table.dice.next() - 1) * width)) / WAD;
}

function legOf(table: Table, account: AccountId, notional: bigint): Leg {
  const { dice, stage } = table;
  const ratio = () => (notional * wad(dice.next() * 0.002)) / WAD;
  return {
    account,
    fee: chance(table, 0.6) ? ratio() : 0n,
    builderFee: chance(table, 0.07) ? ratio() : 0n,
    builder: dice.pick(stage.owners).address,
    reduceOnly: chance(table, 0.08),
  };
}

function drawTrade(table: Table): Trade {
  const { taker, maker, ...trade } = drawMatch(table);
  const notional = mulUp(abs(trade.size), trade.price);
  return { ...trade, taker: legOf(table, taker, notional), maker: legOf(table, maker, notional) };
}

/** A trade as nobody should clear it. */
function spoil(table: Table, trade: Trade): Trade {
  const { taker, maker } = trade;
  return table.dice.pick([
    { ...trade, size: 0n },
    { ...trade, price: 0n },
    { ...trade, maker: { ...maker, account: taker.account } },
    { ...trade, maker: { ...maker, account: table.world.rules.fund } },
    { ...trade, instrument: perpetual(3) },
    { ...trade, instrument: trade.instrument + 1n },
  ]);
}

export function drawClear(table: Table): Act {
  const { dice } = table;
  const count = chance(table, 0.75) ? 1 : 2 + Math.floor(dice.next() * 2);
  const trades = Array.from({ length: count }, () => drawTrade(table));
  if (chance(table, 0.04)) trades[count - 1] = spoil(table, trades[count - 1]!);
  return clearOf(table, trades);
}

/** A bankrupt account closes a position at the mark and is left with its debt. */
export function drawEscape(table: Table, taker: AccountId): Act {
  const { world, dice, accounts } = table;
  const { instrument, size } = dice.pick(accountOf(world, taker).positions);
  const sizeIn = (id: AccountId) => positionOf(accountOf(world, id), instrument).size;
  const opposite = accounts.filter((id) => sizeIn(id) * size < 0n);
  const maker = opposite.length > 0 ? dice.pick(opposite) : otherThan(table, taker);
  const most = min(abs(size), max(abs(sizeIn(maker)), 1n));
  const free = { fee: 0n, builderFee: 0n, builder: ownerOf(maker), reduceOnly: false };
  const [ofTaker, ofMaker] = [taker, maker].map((account) => ({ ...free, account }));
  return clearOf(table, [
    {
      instrument,
      size: size > 0n ? -most : most,
      price: markOf(table, instrument),
      taker: ofTaker!,
      maker: ofMaker!,
    },
  ]);
}

function clearOf(table: Table, trades: Trade[]): Act {
  const { venue, plimsoll, addresses } = table.stage;
  const isVenue = !chance(table, 0.01);
  const caller = isVenue ? addresses.venue : plimsoll.stranger.address;
  return {
    kind: "clear",
    says: `${caller} clears ${trades.map(tradeInWords).join("; ")}`,
    from: plimsoll.stranger.address,
    to: isVenue ? addresses.venue : addresses.clearinghouse,
    data: isVenue
      ? venue.interface.encodeFunctionData("clear", [trades])
      : plimsoll.clearinghouse.interface.encodeFunctionData("clear", [trades]),
    after: 1n,
    touched: [...new Set(trades.flatMap(({ taker, maker }) => [taker.account, maker.account]))],
    apply: (world) => {
      clear(world, caller, trades);
      return trades.flatMap((trade) => newsOfTrade(world, trade));
    },
  };
}

function tradeInWords({ instrument, size, price, taker, maker }: Trade): string {
  const leg = ({ account, fee, builderFee, reduceOnly }: Leg) =>
    `${account} (fee ${fee}, builder ${builderFee}${reduceOnly ? ", reduce only" : ""})`;
  return `${size} of ${underlyingOf(instrument)} at ${price}, ${leg(taker)} with ${leg(maker)}`;
}

/** What is worth counting of a trade that was cleared. */
export function newsOfTrade(world: World, trade: Pick<Trade, "instrument">): string[] {
  const { openInterest, lastMark, haircut, premium } = bookOf(world, trade.instrument);
  const crowding = crowdingOf(world, openInterest, lastMark);
  const news = namesOf({
    "the open-interest add-on is active in a trade": crowding > 0n,
    "a trade in a book with moved indices": haircut.long > 0n || haircut.short > 0n,
    "longs pay a premium": premium > 0n,
    "shorts pay a premium": premium < 0n,
  });
  try {
    priceOf(world, underlyingOf(trade.instrument));
  } catch {
    news.push("a reduction at the last mark");
  }
  return news;
}

export function traderOf(account: AccountId, table: Table) {
  return table.stage.owners.find(({ address }) => address === ownerOf(account))!;
}
