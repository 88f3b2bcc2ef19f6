import { mulDown, mulUp, parseWad, type SignedOrder } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import type { Bet } from "./cast.js";
import { DemoFailure } from "./errors.js";
import { abs, toWad } from "./format.js";
import type { Market } from "./market.js";
import type { Underlying } from "./options.js";
import { OPENING_SKEW, quotedPrice } from "./quotes.js";
import { filledOf, match, placeOrder, type RestingOrder } from "./trading.js";

/** A trade at the opening, and how it came about. */
export interface OpeningTrade {
  readonly participant: Participant;
  readonly underlying: Underlying;
  /** Signed size [wad]. */
  readonly size: bigint;
  /** [wad] */
  readonly price: bigint;
  readonly how: "one maker" | "two parts" | "two makers";
  /** What the Exchange kept as filled after the first of two parts [wad]. */
  readonly firstPart?: bigint;
}

/** The makers' orders that rest in the book. */
type OrderBook = readonly (RestingOrder & { readonly underlying: Underlying })[];

/** What each maker offers on each side of each instrument [dollars]. */
const DEPTH = 5_000_000;
/** Share of a two-part order that is filled first [wad]. */
const FIRST_PART = parseWad("0.6");
/** Venue fees at the most, as a share of notional [wad]. */
const FEE_ALLOWANCE = parseWad("0.001");
/** A position that the account cannot carry is cut down by this much until it can [wad]. */
const CUT = parseWad("0.95");

/** The makers sign their quotes, then every trader takes what it wants from them. */
export async function openPositions(
  market: Market,
  participants: readonly Participant[],
): Promise<OpeningTrade[]> {
  const makers = participants.filter(({ role }) => role.kind === "maker");
  const book = await quoteAll(market, makers);

  const trades: OpeningTrade[] = [];
  for (const participant of participants) {
    if (participant.role.opens !== "first") continue;
    for (const bet of participant.role.bets) {
      trades.push(await openBet(market, { participant, bet, book, turn: trades.length }));
    }
  }
  return trades;
}

/** Each maker signs a bid and an offer on each instrument: four signatures, nothing on the chain yet. */
async function quoteAll(market: Market, makers: readonly Participant[]): Promise<OrderBook> {
  const book: (RestingOrder & { underlying: Underlying })[] = [];
  for (const underlying of ["eth", "btc"] as const) {
    const instrument = market.instruments[underlying];
    const mark = await market.clearinghouse.markOf(instrument);
    const size = (toWad(DEPTH) * 10n ** 18n) / mark;
    for (const maker of makers) {
      for (const signedSize of [size, -size]) {
        // What the maker buys is sold to it.
        const limitPrice = quotedPrice(mark, { size: -signedSize, skew: OPENING_SKEW });
        const signed = await placeOrder(market, maker, {
          instrument,
          size: signedSize,
          limitPrice,
        });
        book.push({ underlying, maker, signed, left: size });
      }
    }
  }
  return book;
}

/** Opens one bet; the turn decides whose quote is taken, so that the makers share the business. */
async function openBet(
  market: Market,
  {
    participant,
    bet,
    book,
    turn,
  }: { participant: Participant; bet: Bet; book: OrderBook; turn: number },
): Promise<OpeningTrade> {
  const { underlying } = bet;
  const instrument = market.instruments[underlying];
  const quotes = book.filter(
    ({ signed, underlying: quoted }) =>
      quoted === underlying && signed.order.size > 0n === (bet.side === "short"),
  );
  const first = quotes[turn % quotes.length];
  const second = quotes[(turn + 1) % quotes.length];
  if (first === undefined || second === undefined)
    throw new DemoFailure("The makers quote nothing.");
  const price = first.signed.order.limitPrice;
  const size = await affordableSize(market, { participant, bet, price });
  const taker = await placeOrder(market, participant, { instrument, size, limitPrice: price });

  const whole = abs(size);
  const trade = { participant, underlying, size, price };
  switch (participant.role.name) {
    case "Ben": {
      const firstPart = await fillInParts(market, { taker, first, second, whole });
      return { ...trade, how: "two parts", firstPart };
    }
    case "Hana": {
      const half = whole / 2n;
      await match(market, taker, [
        { resting: first, size: half },
        { resting: second, size: whole - half },
      ]);
      return { ...trade, how: "two makers" };
    }
    default:
      await match(market, taker, [{ resting: first, size: whole }]);
      return { ...trade, how: "one maker" };
  }
}

/** Fills a part now and the rest later: the Exchange remembers by the order's hash how much is filled. */
async function fillInParts(
  market: Market,
  order: { taker: SignedOrder; first: RestingOrder; second: RestingOrder; whole: bigint },
): Promise<bigint> {
  const part = mulDown(order.whole, FIRST_PART);
  await match(market, order.taker, [{ resting: order.first, size: part }]);
  const filled = await filledOf(market, order.taker);
  await match(market, order.taker, [{ resting: order.second, size: order.whole - part }]);
  return filled;
}

/** The wanted size, or as much of it as initial margin allows; asks the chain, in the chain's own arithmetic. */
export async function affordableSize(
  market: Market,
  { participant, bet, price }: { participant: Participant; bet: Bet; price: bigint },
): Promise<bigint> {
  const { equity } = await market.engine.marginOf(participant.account);
  const instrument = market.instruments[bet.underlying];
  let size = (mulDown(equity, toWad(bet.leverage)) * 10n ** 18n) / price;
  for (;;) {
    const signed = bet.side === "long" ? size : -size;
    const fees = mulUp(mulUp(size, price), FEE_ALLOWANCE);
    const after = await market.engine.marginWith(
      participant.account,
      [{ instrument, size: signed, price }],
      -fees,
    );
    if (after.equity >= after.initial) return signed;
    size = mulDown(size, CUT);
  }
}
