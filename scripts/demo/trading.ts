import {
  buildOrder,
  hashOrder,
  type InstrumentId,
  ORDER_FLAGS,
  signOrder,
  type SignedOrder,
} from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import { abs } from "./format.js";
import type { Market } from "./market.js";

/** What somebody wants to trade. */
export interface OrderWish {
  readonly instrument: InstrumentId;
  /** Positive buys [wad]. */
  readonly size: bigint;
  /** The worst price [wad]. */
  readonly limitPrice: bigint;
  readonly reduceOnly?: boolean;
}

/** A resting order with what of it is still to be had. */
export interface RestingOrder {
  readonly maker: Participant;
  readonly signed: SignedOrder;
  /** [wad] */
  left: bigint;
}

/** Orders stay good for this long [seconds]. */
const ORDER_LIFE = 3600;

/** Signs an order with the participant's own key (EIP-712). Nothing is sent: the order rests until somebody matches it. */
export async function placeOrder(
  market: Market,
  participant: Participant,
  wish: OrderWish,
): Promise<SignedOrder> {
  const order = buildOrder({
    account: participant.account,
    instrument: wish.instrument,
    size: wish.size,
    limitPrice: wish.limitPrice,
    expiry: BigInt((await market.chain.now()) + ORDER_LIFE),
    flags: wish.reduceOnly === true ? ORDER_FLAGS.reduceOnly : 0n,
    nonce: participant.nextNonce++,
  });
  return signOrder(participant.wallet, market.domain, order);
}

/** Matches a taker's order with resting ones, as the operator of an order book would; anyone may. */
export async function match(
  market: Market,
  taker: SignedOrder,
  fills: readonly { resting: RestingOrder; size: bigint }[],
): Promise<void> {
  const { chain, exchange, operator } = market;
  const request = await exchange.matchOrders.populateTransaction(
    taker,
    fills.map(({ resting }) => resting.signed),
    fills.map(({ size }) => size),
  );
  await chain.send(operator, request);
  for (const { resting, size } of fills) resting.left -= size;
}

/** How much of a partly filled order is filled, as the Exchange keeps it [wad]. */
export async function filledOf(market: Market, signed: SignedOrder): Promise<bigint> {
  return market.exchange.filledOf(hashOrder(market.domain, signed.order));
}

/** Trades at once: both sign, the maker at the price, and the two orders are matched whole. */
export async function tradeNow(
  market: Market,
  { taker, maker, wish }: { taker: Participant; maker: Participant; wish: OrderWish },
): Promise<void> {
  const resting: RestingOrder = {
    maker,
    signed: await placeOrder(market, maker, { ...wish, size: -wish.size, reduceOnly: false }),
    left: abs(wish.size),
  };
  await match(market, await placeOrder(market, taker, wish), [{ resting, size: abs(wish.size) }]);
}
