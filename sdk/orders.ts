import { concat, hexlify, randomBytes, toBeHex, TypedDataEncoder, ZeroHash } from "ethers";
import type { Signer, TypedDataDomain } from "ethers";
import { parseWad } from "./wad.js";

/** What an account's owner or operator signs: buy or sell so much at this price or better. */
export interface Order {
  /** The account that trades. */
  account: string;
  /** The instrument. */
  instrument: bigint;
  /** Positive buys, negative sells [wad]. */
  size: bigint;
  /** The worst price [wad]. */
  limitPrice: bigint;
  /**
   * The order may be filled only while the index price of the instrument's underlying is at or beyond this one, on the
   * side that its flag says; 0 for an order without a trigger [wad].
   */
  triggerPrice: bigint;
  /** The most that all fees together may be, as a ratio of notional [wad]. */
  maxFee: bigint;
  /** Last second in which the order may be filled [unix seconds]. */
  expiry: bigint;
  /** Sum of {@link ORDER_FLAGS}. */
  flags: bigint;
  /** Any number that the account has not used before. */
  nonce: bigint;
  /** Address (20 bytes) and fee ratio (12 bytes) [wad] of the frontend; 0 for none. */
  builder: string;
}

/** An order with the signature of the account's owner or an operator with TRADE. */
export interface SignedOrder {
  order: Order;
  signature: string;
}

/** What can be asked of an order; flags add up. */
export const ORDER_FLAGS = {
  reduceOnly: 1n,
  postOnly: 2n,
  fillOrKill: 4n,
  /** Only while the index price is at or above the trigger price. */
  triggerAbove: 8n,
  /** Only while the index price is at or below the trigger price. */
  triggerBelow: 16n,
} as const;

const TYPES = {
  Order: [
    { name: "account", type: "bytes32" },
    { name: "instrument", type: "uint256" },
    { name: "size", type: "int128" },
    { name: "limitPrice", type: "uint128" },
    { name: "triggerPrice", type: "uint128" },
    { name: "maxFee", type: "uint64" },
    { name: "expiry", type: "uint40" },
    { name: "flags", type: "uint8" },
    { name: "nonce", type: "uint64" },
    { name: "builder", type: "bytes32" },
  ],
} as const;

/** Without `readonly`, which ethers does not accept. */
type Mutable<T> = { -readonly [K in keyof T]: Mutable<T[K]> };

/**
 * The EIP-712 type of an order, in the order of the contract's struct. Its names and types are literal, so that viem types
 * the message by them.
 */
export const ORDER_TYPES = TYPES as Mutable<typeof TYPES>;

/** Fees up to 0.1 % of notional are accepted unless an order says otherwise [wad ratio]. */
const DEFAULT_MAX_FEE = parseWad("0.001");

/** The fields of an order that have no default. */
type Said = "account" | "instrument" | "size" | "limitPrice" | "expiry";

/** What must be said about an order; the rest has defaults. */
export type OrderRequest = Pick<Order, Said> & Partial<Omit<Order, Said>>;

/**
 * The `builder` field of an order: who made it and what it costs.
 *
 * @param feeRatio Of notional; counts towards `maxFee` [wad].
 */
export function packBuilder(address: string, feeRatio: bigint): string {
  return concat([address, toBeHex(feeRatio, 12)]);
}

/** The EIP-712 domain of an Exchange. */
export function orderDomain(options: { chainId: bigint; exchange: string }): TypedDataDomain {
  return {
    name: "Plimsoll",
    version: "1",
    chainId: options.chainId,
    verifyingContract: options.exchange,
  };
}

/**
 * A complete order: no trigger, no flags, no builder, fees up to 0.1 % and a random nonce, unless the request says
 * otherwise. Makers that want cheap fills number their nonces upwards: 128 neighbours share a storage word.
 */
export function buildOrder(request: OrderRequest): Order {
  return {
    triggerPrice: 0n,
    maxFee: DEFAULT_MAX_FEE,
    flags: 0n,
    nonce: BigInt(hexlify(randomBytes(8))),
    builder: ZeroHash,
    ...request,
  };
}

/** The EIP-712 digest of an order, as `Exchange.hashOrder` computes it. */
export function hashOrder(domain: TypedDataDomain, order: Order): string {
  return TypedDataEncoder.hash(domain, ORDER_TYPES, order);
}

/** Signs an order with the key of the account's owner or of an operator. */
export async function signOrder(
  signer: Signer,
  domain: TypedDataDomain,
  order: Order,
): Promise<SignedOrder> {
  return { order, signature: await signer.signTypedData(domain, ORDER_TYPES, order) };
}
