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
import { type Posting, post } from "./cash.js";
import { type Observation, observe, setFunding } from "./funding.js";
import { changePosition, positionOf, tradeQuote } from "./ledger.js";
import { priceOf, type Quote } from "./oracle.js";
import { demand, Refusal } from "./refusal.js";
import { shareDown } from "./units.js";
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
  /** What positions that ended leave each party as cash, in the order of their first trade [wad]. */
  parties: Map<AccountId, bigint>;
  /** What builders receive [wad]. */
  builders: Posting[];
  run: Run | undefined;
}

/** Trades of one taker in one instrument that follow each other: its side is written once, when they end. */
interface Run extends Observation {
  taker: AccountId;
  instrument: InstrumentId;
  mark: Quote;
  size: bigint;
  quote: bigint;
  openBefore: bigint;
  onlyReducing: boolean;
}

const EMPTY = { size: 0n, quote: 0n, counted: 0n, said: 0n };

/** Clears trades of a registered venue, all or none, and then checks every account once. */
export function clear(world: World, venue: string, trades: readonly Trade[]): void {
  demand(world.rules.venues.has(venue), "NotVenue");
  const call: Call = {
    known: new Map(),
    onlyReducing: world.depegged,
    atLastMark: false,
    parties: new Map(),
    builders: [],
    run: undefined,
  };
  for (const trade of trades) novate(world, trade, call);
  closeRun(world, call);

  // Of a builder's fees the last comes first; a party is paid before it is a builder.
  const parties = [...call.parties.keys()];
  const paid = [...call.parties].filter(([, cash]) => cash !== 0n);
  const postings = [...paid, ...call.builders.reverse()];
  if (postings.length > 0) post(world, postings);
  if (call.atLastMark) {
    // All are looked at before any is refused: one without even a last price comes first.
    const sinks = parties.map((account) => isBelowMaintenance(world, account, call.known));
    demand(!sinks.includes(true), "BelowMaintenanceAtLastMark");
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
  run.quote -= quote + charge(world, taker, call);
  run.onlyReducing ||= taker.reduceOnly;
  const mayGrow = !maker.reduceOnly && !call.onlyReducing && !isFrozen(world, instrument);
  demand(mayGrow || isReducing(world, maker.account, instrument, -size), "NotReducing");
  if (!isLast) observe(world, run, { trade, mark });
  const fees = charge(world, maker, call);
  change(world, call, maker.account, { instrument, size: -size, quote: quote - fees });
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
  call.run = { taker, instrument, mark, openBefore, onlyReducing, ...EMPTY };
  return call.run;
}

/** The taker's side of a run, and then the cap and the funding: now both sides are in the book. */
function closeRun(world: World, call: Call): void {
  const { run } = call;
  if (run === undefined) return;
  const { taker, instrument, openBefore } = run;
  const mayEnd = !run.onlyReducing || isReducing(world, taker, instrument, run.size);
  demand(mayEnd, "NotReducing");
  change(world, call, taker, run);
  const { openInterest } = bookOf(world, instrument);
  const { market } = world.rules.underlyings.get(underlyingOf(instrument))!;
  const isCapped = mulUp(openInterest, run.mark.price) > BigInt(market!.openInterestCap) * WAD;
  demand(openInterest <= openBefore || !isCapped, "OpenInterestCapExceeded");
  // At the last mark nobody knows the premium, and funding goes on as it was.
  const most = max(openInterest, openBefore);
  if (!run.mark.isLast) setFunding(world, instrument, { mark: run.mark.price, most, seen: run });
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

/** Changes a position; what it leaves when it ends will be cash. */
function change(
  world: World,
  call: Call,
  id: AccountId,
  { instrument, size, quote }: { instrument: InstrumentId; size: bigint; quote: bigint },
): void {
  const ended = changePosition(world, id, { instrument, size, quote });
  call.parties.set(id, call.parties.get(id)! + ended);
}

/** The fees of one side of a trade: its position pays them [wad]. */
function charge(world: World, leg: Leg, call: Call): bigint {
  if (!call.parties.has(leg.account)) call.parties.set(leg.account, 0n);
  demand(leg.builderFee === 0n || !call.atLastMark, "BuilderFeeAtLastMark");
  world.reserve += leg.fee;
  if (leg.builderFee > 0n) call.builders.push([accountId(leg.builder), leg.builderFee]);
  return leg.fee + leg.builderFee;
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
