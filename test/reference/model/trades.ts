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
  run: Run | undefined;
}

/** Trades of one taker in one instrument that follow each other: its side is written once, when they end. */
interface Run {
  taker: AccountId;
  instrument: InstrumentId;
  mark: Quote;
  size: bigint;
  quote: bigint;
  openBefore: bigint;
  onlyReducing: boolean;
}

/** Clears trades of a registered venue, all or none, and then checks every account once. */
export function clear(world: World, venue: string, trades: readonly Trade[]): void {
  demand(world.rules.venues.has(venue), "NotVenue");
  const call: Call = {
    known: new Map(),
    onlyReducing: world.depegged,
    atLastMark: false,
    parties: new Set(),
    run: undefined,
  };
  for (const trade of trades) novate(world, trade, call);
  closeRun(world, call);

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
  const run = runOf(world, trade, call);
  const { market } = rules.underlyings.get(underlyingOf(instrument))!;
  const { price: mark, isLast } = run.mark;
  const bandBps = isLast ? 0 : Math.max(market!.tradeBandBps, market!.leastTradeBandBps);
  demand(abs(price - mark) <= shareDown(mark, bandBps), "PriceOutsideBand");

  // One quote with both signs: what one side pays, the other receives.
  const quote = tradeQuote(size, price);
  run.size += size;
  run.quote -= quote;
  run.onlyReducing ||= taker.reduceOnly;
  charge(world, taker, call);
  const mayGrow = !maker.reduceOnly && !call.onlyReducing && !isFrozen(world, instrument);
  demand(mayGrow || isReducing(world, maker.account, instrument, -size), "NotReducing");
  change(world, maker.account, { instrument, size: -size, quote });
  charge(world, maker, call);
}

/** The run that a trade continues or begins. */
function runOf(world: World, trade: Trade, call: Call): Run {
  const { instrument } = trade;
  const taker = trade.taker.account;
  if (call.run?.taker === taker && call.run.instrument === instrument) return call.run;
  closeRun(world, call);
  const underlying = underlyingOf(instrument);
  const { market } = world.rules.underlyings.get(underlying) ?? {};
  demand(market !== undefined && instrument === perpetual(underlying), "UnknownInstrument");
  const mark = markOf(world, trade, call);
  const onlyReducing = call.onlyReducing || isFrozen(world, instrument);
  const openBefore = bookOf(world, instrument).openInterest;
  call.run = { taker, instrument, mark, size: 0n, quote: 0n, openBefore, onlyReducing };
  return call.run;
}

/** The taker's side of a run, and then the cap: now both sides are in the book. */
function closeRun(world: World, { run }: Call): void {
  if (run === undefined) return;
  const { taker, instrument, openBefore } = run;
  const mayEnd = !run.onlyReducing || isReducing(world, taker, instrument, run.size);
  demand(mayEnd, "NotReducing");
  change(world, taker, run);
  const { openInterest } = bookOf(world, instrument);
  const { market } = world.rules.underlyings.get(underlyingOf(instrument))!;
  const isCapped = mulUp(openInterest, run.mark.price) > BigInt(market!.openInterestCap) * WAD;
  demand(openInterest <= openBefore || !isCapped, "OpenInterestCapExceeded");
}

function isFrozen(world: World, instrument: InstrumentId): boolean {
  return world.now <= (world.frozenUnderlyings.get(underlyingOf(instrument)) ?? -1n);
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

/** Changes a position; what it leaves when it ends is cash. */
function change(
  world: World,
  id: AccountId,
  { instrument, size, quote }: { instrument: InstrumentId; size: bigint; quote: bigint },
): void {
  accountOf(world, id).cash += changePosition(world, id, { instrument, size, quote });
}

/** The fees of one side of a trade. */
function charge(world: World, leg: Leg, call: Call): void {
  call.parties.add(leg.account);
  demand(leg.builderFee === 0n || !call.atLastMark, "BuilderFeeAtLastMark");
  accountOf(world, leg.account).cash -= leg.fee + leg.builderFee;
  world.reserve += leg.fee;
  if (leg.builderFee > 0n) accountOf(world, accountId(leg.builder)).cash += leg.builderFee;
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
