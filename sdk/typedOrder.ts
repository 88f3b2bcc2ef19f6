import { ORDER_TYPES, type Order } from "./orders.js";

/** An order in the types that viem and wagmi take from {@link ORDER_TYPES} and the ABI: small integers are numbers. */
export interface TypedOrder {
  readonly account: `0x${string}`;
  readonly instrument: bigint;
  readonly size: bigint;
  readonly limitPrice: bigint;
  readonly triggerPrice: bigint;
  readonly maxFee: bigint;
  readonly expiry: number;
  readonly flags: number;
  readonly nonce: bigint;
  readonly builder: `0x${string}`;
}

/** What `signTypedData` of viem and wagmi takes, but for the account that signs. */
export interface OrderTypedData {
  readonly domain: {
    readonly name: string;
    readonly version: string;
    readonly chainId: bigint;
    readonly verifyingContract: `0x${string}`;
  };
  readonly types: typeof ORDER_TYPES;
  readonly primaryType: "Order";
  readonly message: TypedOrder;
}

/** An order as viem and wagmi type it: for `matchOrders` and `hashOrder` through `exchangeAbi`. */
export function typedOrder(order: Order): TypedOrder {
  return {
    ...order,
    account: order.account as `0x${string}`,
    builder: order.builder as `0x${string}`,
    expiry: Number(order.expiry),
    flags: Number(order.flags),
  };
}

/**
 * What viem and wagmi sign of an order; with ethers `signOrder` does it all.
 *
 * @example
 *   const signature = await walletClient.signTypedData({ account, ...orderTypedData({ chainId, exchange }, order) });
 */
export function orderTypedData(
  { chainId, exchange }: { chainId: bigint | number; exchange: string },
  order: Order,
): OrderTypedData {
  return {
    domain: {
      name: "Plimsoll",
      version: "1",
      chainId: BigInt(chainId),
      verifyingContract: exchange as `0x${string}`,
    },
    types: ORDER_TYPES,
    primaryType: "Order",
    message: typedOrder(order),
  };
}
