import {
  abs,
  type AccountId,
  type IndexState,
  isInstrument,
  min,
  type Order,
  underlyingOf,
} from "../../../sdk/index.js";
import { type BookOrder, hasFlag, hasTrigger, isNonceGone } from "./bookOrder.js";
import { OrderRefused, refusedBy } from "./refusal.js";

/** All flags but `triggerAbove`: what is larger has one that is not known, or both triggers. */
const MOST_FLAGS = 23n;
/** Of a builder's fee: `Exchange` [wad]. */
const MOST_FEE_RATE = 10n ** 16n;
const FEE_BITS = 96n;

/** What is charged to the two sides of a trade [wad ratio]. */
export interface FeePair {
  readonly taker: bigint;
  readonly maker: bigint;
}

/** What an account is charged: of each side the lower of its tier's rate and that of tier 0 [wad ratio]. */
export function feesOf({ feeTiers, terms }: IndexState, account: string): FeePair {
  const base = feeTiers.get(0) ?? { taker: 0n, maker: 0n };
  const own = feeTiers.get(Number(terms.get(account as AccountId)?.feeTier ?? 0n)) ?? base;
  return { taker: min(own.taker, base.taker), maker: min(own.maker, base.maker) };
}

/** The fee that an order pays to its builder [wad ratio]. */
export function builderRateOf({ builder }: Pick<Order, "builder">): bigint {
  return BigInt.asUintN(Number(FEE_BITS), BigInt(builder));
}

/**
 * Whether an order could be filled by what the index knows, but for its signature and its price.
 *
 * @param time Of the block [unix seconds].
 * @throws OrderRefused with what the contracts would say.
 */
export function requireFillable(
  state: IndexState,
  entry: Pick<BookOrder, "hash" | "signed">,
  time: bigint,
): void {
  const { hash, signed } = entry;
  const { order } = signed;
  requireWellFormed(order, hash);
  if (time > order.expiry) throw refusedBy("OrderExpired", [hash, order.expiry, time]);
  const least = state.terms.get(order.account as AccountId)?.leastNonce ?? 0n;
  if (order.nonce < least) {
    throw refusedBy("NonceCancelled", [hash, order.account, order.nonce, least]);
  }
  if (isNonceGone(state, order)) throw refusedBy("NonceUsed", [hash, order.account, order.nonce]);
  requireListed(state, order);
  requireAccount(state, order);
  requireFees(state, order, hash);
}

/** What an order says by itself makes sense, to the contract and to this book. */
function requireWellFormed(order: Order, hash: string): void {
  const builder = BigInt(order.builder);
  const feeToNobody = builderRateOf(order) !== 0n && builder >> FEE_BITS === 0n;
  const { flags, limitPrice, size, triggerPrice } = order;
  if (size === 0n || limitPrice === 0n || feeToNobody) throw refusedBy("InvalidOrder", [hash]);
  const contradicts = hasFlag(order, "postOnly") && hasFlag(order, "fillOrKill");
  if (flags > MOST_FLAGS || contradicts) throw refusedBy("InvalidFlags", [hash, flags]);
  if (hasTrigger(order) !== (triggerPrice !== 0n)) throw refusedBy("InvalidOrder", [hash]);
  // Here an order with a trigger takes when its price is reached.
  if (hasTrigger(order) && hasFlag(order, "postOnly")) throw refusedBy("PostOnly", [hash]);
}

function requireListed({ underlyings }: IndexState, { instrument }: Order): void {
  const isKnown = isInstrument(instrument);
  const rules = isKnown ? underlyings.get(underlyingOf(instrument))?.rates.parameters : undefined;
  if (rules !== undefined) return;
  throw new OrderRefused(
    "UnknownInstrument",
    `Nothing is traded as instrument ${instrument}.`,
    "Name an instrument of a listed underlying.",
  );
}

/** An account that is empty could fill the book for free. */
function requireAccount(
  { accounts }: IndexState,
  { account, instrument, size, ...order }: Order,
): void {
  const stored = accounts.get(account as AccountId);
  const isEmpty =
    stored === undefined ||
    (stored.principal <= 0n && stored.positions.length + stored.collateral.length === 0);
  if (isEmpty) {
    throw new OrderRefused(
      "EmptyAccount",
      `Account ${account} has nothing to trade with.`,
      "Deposit first, and send the order again.",
    );
  }
  if (!hasFlag(order, "reduceOnly")) return;
  const held = stored.positions.find((position) => position.instrument === instrument)?.size ?? 0n;
  const isReducing = held > 0n ? size < 0n : held < 0n && size > 0n;
  if (!isReducing) throw refusedBy("NotReducing", [account, instrument, held, size]);
}

function requireFees(state: IndexState, order: Order, hash: string): void {
  const builder = builderRateOf(order);
  if (builder > MOST_FEE_RATE) throw refusedBy("FeeAboveMaximum", [hash, builder, MOST_FEE_RATE]);
  const { maker, taker } = feesOf(state, order.account);
  const charged = (hasTrigger(order) ? taker : maker) + builder;
  if (charged > order.maxFee) throw refusedBy("FeeAboveMaximum", [hash, charged, order.maxFee]);
}

/** The size of a position that a trade of this sign reduces, 0 for one that it would not [wad]. */
export function reducibleOf(held: bigint, change: bigint): bigint {
  return held > 0n === change > 0n ? 0n : abs(held);
}
