import type { Provider } from "ethers";
import type { Exchange, PriceOracle } from "../typechain-types/index.js";
import { refusalOf } from "./errors/revertData.js";
import { underlyingOf } from "./ids.js";
import { hashOrder, type Order, orderDomain } from "./orders.js";
import { isTriggered } from "./triggers.js";
import { max } from "./wad.js";

/**
 * Where an order stands:
 *
 * - `open`, `partlyFilled`: it can be filled, wholly or for the rest.
 * - `waiting`: it could be filled, but the index price is not beyond its trigger price, or cannot be read.
 * - `filled`: all of it is.
 * - `cancelled`: it was cancelled, or another order with its nonce was filled; what was filled before stays so.
 * - `expired`: its last second has passed.
 */
export type OrderState = "open" | "partlyFilled" | "waiting" | "filled" | "cancelled" | "expired";

/** Where an order stands and how much of it is filled. */
export interface OrderStatus {
  readonly state: OrderState;
  /** [wad] */
  readonly filled: bigint;
  /** What can still be filled, now or when the trigger is reached; 0 when it is done [wad]. */
  readonly left: bigint;
}

/** What is known of an order; {@link orderStatuses} reads it. */
export interface OrderFacts {
  readonly order: Order;
  /** What `OrderFilled` said last of it, or `filledOf` while it is partly filled [wad]. */
  readonly filled: bigint;
  /** Whether its nonce is used up or cancelled, by itself or with all below. */
  readonly isNonceGone: boolean;
  /** The index price of its underlying; undefined when none can be read [wad]. */
  readonly indexPrice: bigint | undefined;
  /** Of the block [unix seconds]. */
  readonly time: bigint;
}

/** What an order's status is by the facts. */
export function orderStatusOf({
  order,
  filled,
  isNonceGone,
  indexPrice,
  time,
}: OrderFacts): OrderStatus {
  const size = order.size < 0n ? -order.size : order.size;
  const done = (state: OrderState): OrderStatus => ({ state, filled, left: 0n });
  if (filled >= size) return done("filled");
  if (isNonceGone) return done("cancelled");
  if (time > order.expiry) return done("expired");

  const isDue =
    order.triggerPrice === 0n || (indexPrice !== undefined && isTriggered(order, indexPrice));
  const state = !isDue ? "waiting" : filled > 0n ? "partlyFilled" : "open";
  return { state, filled, left: size - filled };
}

/** What {@link orderStatuses} reads from: what `connect` gives has all of it. */
export interface OrderContracts {
  readonly exchange: Exchange;
  readonly oracle: PriceOracle;
  readonly provider: Provider;
}

/** How statuses are read. */
export interface OrderStatusOptions {
  /** The block to read at; the latest by default. */
  readonly block?: number;
  /**
   * How much of orders was filled, by hash, for those whose nonce is used up: the contract does not remember whether such
   * an order was filled or cancelled. By default the Exchange's events are asked from `fromBlock` on. The event index's
   * `fills` do not tell it: like the contract, they have what is filled in part only.
   */
  readonly fillsOf?: (hashes: readonly string[]) => Promise<ReadonlyMap<string, bigint>>;
  /** The first block whose events are asked: that of the deployment's record, or of the oldest order. */
  readonly fromBlock?: number;
}

/**
 * The statuses of orders in one block, in their order. One call for all that can be filled, and for the others what tells
 * why not.
 *
 * @throws What the node throws: an order that could not be read is never reported as done.
 */
export async function orderStatuses(
  contracts: OrderContracts,
  orders: readonly Order[],
  options: OrderStatusOptions = {},
): Promise<OrderStatus[]> {
  if (orders.length === 0) return [];
  const { exchange, provider } = contracts;
  const blockTag = options.block ?? (await provider.getBlockNumber());
  const [block, { chainId }, address, fillable] = await Promise.all([
    provider.getBlock(blockTag),
    provider.getNetwork(),
    exchange.getAddress(),
    exchange.fillableOf([...orders], { blockTag }),
  ]);
  if (block === null) throw new Error(`The node does not have block ${blockTag}`);

  const domain = orderDomain({ chainId, exchange: address });
  const entries = orders.map((order, i) => ({
    order,
    hash: hashOrder(domain, order),
    left: fillable[i] ?? 0n,
  }));
  const prices = await readPrices(contracts, orders, blockTag);
  const ended = await readEnded(
    contracts,
    entries.filter(({ left }) => left === 0n),
    { ...options, block: blockTag },
  );
  const time = BigInt(block.timestamp);
  return entries.map(({ order, hash, left }) => {
    const size = order.size < 0n ? -order.size : order.size;
    const { filled, isNonceGone } = ended.get(hash) ?? { filled: size - left, isNonceGone: false };
    const indexPrice = prices.get(underlyingOf(order.instrument));
    return orderStatusOf({ order, filled, isNonceGone, indexPrice, time });
  });
}

interface Ended {
  readonly filled: bigint;
  readonly isNonceGone: boolean;
}

/** What there is to know of orders that cannot be filled any more, by hash. */
async function readEnded(
  { exchange }: OrderContracts,
  entries: readonly { order: Order; hash: string }[],
  options: OrderStatusOptions & { block: number },
): Promise<ReadonlyMap<string, Ended>> {
  const blockTag = options.block;
  const read = await Promise.all(
    entries.map(async ({ order: { account, nonce }, hash }) => {
      const [isUsed, least, filled] = await Promise.all([
        exchange.isNonceUsed(account, nonce, { blockTag }),
        exchange.leastNonceOf(account, { blockTag }),
        exchange.filledOf(hash, { blockTag }),
      ]);
      return { hash, filled, isUsed, isNonceGone: isUsed || nonce < least };
    }),
  );
  // A wholly filled order leaves nothing but its nonce; one that is partly filled is known by the contract.
  const unclear = read.filter(({ isUsed, filled }) => isUsed && filled === 0n);
  const hashes = unclear.map(({ hash }) => hash);
  const fillsOf = options.fillsOf ?? ((asked) => readFills(exchange, asked, options));
  const fills = hashes.length === 0 ? new Map<string, bigint>() : await fillsOf(hashes);
  return new Map(
    read.map(({ hash, filled, isNonceGone }) => [
      hash,
      { filled: fills.get(hash) ?? filled, isNonceGone },
    ]),
  );
}

/** How much of orders was filled by the Exchange's events. */
async function readFills(
  exchange: Exchange,
  hashes: readonly string[],
  { fromBlock = 0, block }: OrderStatusOptions & { block: number },
): Promise<ReadonlyMap<string, bigint>> {
  // TypeChain's type takes one hash; nodes take any of several.
  const filter = exchange.filters.OrderFilled(hashes as unknown as string);
  const events = await exchange.queryFilter(filter, fromBlock, block);
  // Nodes need not give them in order, and what is filled never falls.
  const fills = new Map<string, bigint>();
  for (const { args } of events) {
    fills.set(args.orderHash, max(args.filled, fills.get(args.orderHash) ?? 0n));
  }
  return fills;
}

/** Index prices that orders with a trigger wait for; one that the oracle refuses is missing. */
async function readPrices(
  { oracle }: OrderContracts,
  orders: readonly Order[],
  blockTag: number,
): Promise<ReadonlyMap<number, bigint>> {
  const waiting = orders.filter(({ triggerPrice }) => triggerPrice !== 0n);
  const underlyings = [...new Set(waiting.map(({ instrument }) => underlyingOf(instrument)))];
  const prices = new Map<number, bigint>();
  await Promise.all(
    underlyings.map(async (underlying) => {
      try {
        prices.set(underlying, await oracle.price(underlying, { blockTag }));
      } catch (error) {
        // The oracle's own refusal is an answer; a node that does not answer is none.
        if (refusalOf(error) === undefined) throw error;
      }
    }),
  );
  return prices;
}
