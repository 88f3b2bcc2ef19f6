import {
  type AccountId,
  accountId,
  type InstrumentId,
  mulUp,
  perpetual,
  underlyingOf,
  WAD,
} from "../../../sdk/index.js";
import { abs, max, sum } from "../margin.js";
import { type Change, isBelowMaintenance, isDoubtful, requireSafer } from "./gate.js";
import { changePosition, positionOf, tradeQuote } from "./ledger.js";
import { priceOf, type Quote } from "./oracle.js";
import { demand, Refusal } from "./refusal.js";
import { shareDown } from "./requirement.js";
import { accountOf, bookOf, type World } from "./world.js";

/** Clearing of trades: DESIGN sections 1, 3 (the band) and 5 (a silent feed), and the caps of docs/risk-parameters.md. */

export interface Leg {
  account: AccountId;
  /** [wad] */
  fee: bigint;
  builderFee: bigint;
  builder: string;
  reduceOnly: boolean;
}

export interface Trade {
  instrument: InstrumentId;
  /** What the taker buys [wad]. */
  size: bigint;
  price: bigint;
  taker: Leg;
  maker: Leg;
}

/** What is known of a call while its trades are cleared. */
interface Call {
  /** The price of each underlying, as the first trade in it found it. */
  known: Map<number, Quote>;
  onlyReducing: boolean;
  /** Its first price could not be read: it reduces at the marks of the last trades. */
  atLastMark: boolean;
  parties: Set<AccountId>;
}

/** Clears trades of a registered venue, all or none, and then checks every account once. */
export function clear(world: World, venue: string, trades: readonly Trade[]): void {
  demand(world.rules.venues.has(venue), "NotVenue");
  const call: Call = {
    known: new Map(),
    onlyReducing: world.depegged,
    atLastMark: false,
    parties: new Set(),
  };
  for (const trade of trades) novate(world, trade, call);

  const parties = [...call.parties];
  if (call.atLastMark) {
    const sinks = parties.some((account) => isBelowMaintenance(world, account, call.known));
    demand(!sinks, "BelowMaintenanceAtLastMark");
  }
  for (const account of parties.filter((party) => isDoubtful(world, party, call.known))) {
    requireSafer(world, call.known, changeOf(account, trades));
  }
}

/** What the trades of a call did to one of their parties. */
function changeOf(account: AccountId, trades: readonly Trade[]): Change {
  const sides = trades.flatMap(({ taker, maker, instrument, size, price }) => [
    { leg: taker, trade: { instrument, size, price } },
    { leg: maker, trade: { instrument, size: -size, price } },
  ]);
  const own = sides.filter(({ leg }) => leg.account === account);
  return {
    account,
    trades: own.map(({ trade }) => trade),
    count: BigInt(trades.length),
    venueFees: sum(own.map(({ leg }) => leg.fee)),
    builderFees: sum(own.map(({ leg }) => leg.builderFee)),
  };
}

function novate(world: World, trade: Trade, call: Call): void {
  const { instrument, size, price, taker, maker } = trade;
  const { rules } = world;
  demand(size !== 0n && price !== 0n, "EmptyTrade");
  demand(taker.account !== maker.account, "SelfDealing");
  demand(taker.account !== rules.fund && maker.account !== rules.fund, "FundIsNoParty");
  const underlying = underlyingOf(instrument);
  const market = rules.underlyings.get(underlying)?.market;
  demand(market !== undefined && instrument === perpetual(underlying), "UnknownInstrument");

  const { price: mark, isLast } = markOf(world, trade, call);
  const bandBps = isLast ? 0 : Math.max(market.tradeBandBps, market.leastTradeBandBps);
  demand(abs(price - mark) <= shareDown(mark, bandBps), "PriceOutsideBand");

  const book = bookOf(world, instrument);
  const openBefore = book.openInterest;
  const isFrozen = world.now <= (world.frozenUnderlyings.get(underlying) ?? -1n);
  const onlyReducing = call.onlyReducing || isFrozen;
  // One quote with both signs: what one side pays, the other receives.
  const quote = tradeQuote(size, price);
  fill(world, { leg: taker, instrument, size, quote: -quote, onlyReducing }, call);
  fill(world, { leg: maker, instrument, size: -size, quote, onlyReducing }, call);

  const isCapped = mulUp(book.openInterest, mark) > BigInt(market.openInterestCap) * WAD;
  demand(book.openInterest <= openBefore || !isCapped, "OpenInterestCapExceeded");
}

/** The index price; without one, the mark of the last trade, if a call reduces both sides from its first trade on. */
function markOf(world: World, trade: Trade, call: Call): Quote {
  const underlying = underlyingOf(trade.instrument);
  const known = call.known.get(underlying);
  if (known !== undefined) return known;
  const book = bookOf(world, trade.instrument);
  let quote: Quote;
  try {
    quote = { price: priceOf(world, underlying), isLast: false };
    book.lastMark = quote.price;
  } catch (reason) {
    if (!(reason instanceof Refusal)) throw reason;
    const reduces =
      isReducing(world, trade.taker.account, trade.instrument, trade.size) &&
      isReducing(world, trade.maker.account, trade.instrument, -trade.size);
    const isFirst = call.parties.size === 0;
    if (book.lastMark === 0n || !reduces || !(isFirst || call.atLastMark)) throw reason;
    call.onlyReducing = call.atLastMark = true;
    quote = { price: book.lastMark, isLast: true };
  }
  call.known.set(underlying, quote);
  return quote;
}

/** One side of a trade: its position, its realised quote, and its fees. */
function fill(
  world: World,
  side: { leg: Leg; instrument: InstrumentId; size: bigint; quote: bigint; onlyReducing: boolean },
  call: Call,
): void {
  const { leg, instrument, size, quote } = side;
  const mayGrow = !leg.reduceOnly && !side.onlyReducing;
  demand(mayGrow || isReducing(world, leg.account, instrument, size), "NotReducing");
  const realised = changePosition(world, leg.account, { instrument, size, quote });
  demand(leg.builderFee === 0n || !call.atLastMark, "BuilderFeeAtLastMark");
  accountOf(world, leg.account).cash += realised - leg.fee - leg.builderFee;
  world.reserve += leg.fee;
  if (leg.builderFee > 0n) accountOf(world, accountId(leg.builder)).cash += leg.builderFee;
  call.parties.add(leg.account);
}

/** Whether a change only brings the account's position closer to 0. */
function isReducing(
  world: World,
  id: AccountId,
  instrument: InstrumentId,
  change: bigint,
): boolean {
  const { size } = positionOf(accountOf(world, id), instrument);
  const isOpposite = size !== 0n && change > 0n !== size > 0n;
  return isOpposite && max(abs(change), abs(size)) === abs(size);
}
