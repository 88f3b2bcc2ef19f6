import type { ErrorEntries } from "../entry.js";

/** Errors of IExchange. */
export const EXCHANGE_ERRORS: ErrorEntries = {
  "InvalidOrder(bytes32)": {
    sentence:
      "Order {orderHash:hex} is malformed: its size or limit price is 0, its trigger price and flags do not belong together, or it pays a builder's fee to nobody.",
    cure: "Build and sign a new order with buildOrder.",
    remedy: "fatal",
  },
  "InvalidFlags(bytes32,uint8)": {
    sentence:
      "The flags {flags:flags} of order {orderHash:hex} are unknown or contradict each other.",
    cure: "Sign a new order with other flags; see ORDER_FLAGS.",
    remedy: "fatal",
  },
  "OrderExpired(bytes32,uint256,uint256)": {
    sentence: "Order {orderHash:hex} ended at {expiry:time}, and it is {now:time}.",
    cure: "Drop it, or sign a new order that ends later.",
    remedy: "fatal",
  },
  "NonceUsed(bytes32,bytes32,uint64)": {
    sentence:
      "Nonce {nonce} of account {account} is used: order {orderHash:hex} was filled, or it was cancelled.",
    cure: "Drop the order; look with orderStatuses before the next attempt.",
    remedy: "retry",
  },
  "NonceCancelled(bytes32,bytes32,uint64,uint64)": {
    sentence:
      "Account {account} has cancelled all nonces below {least}, {nonce} of order {orderHash:hex} among them.",
    cure: "Drop the order, or sign a new one with a higher nonce.",
    remedy: "retry",
  },
  "InvalidSignature(bytes32,bytes32)": {
    sentence:
      "The signature of order {orderHash:hex} is not by the owner of account {account} nor by an operator with TRADE at this moment.",
    cure: "Sign exactly this order for this chain and Exchange with the owner's key, or give the signer the right.",
    remedy: "fatal",
  },
  "TriggerNotReached(bytes32,uint256,uint256)": {
    sentence:
      "Order {orderHash:hex} waits for the index price {triggerPrice:wad}, and it is {indexPrice:wad}.",
    cure: "Try again when the price has crossed; the condition must hold in the transaction that fills it.",
    remedy: "wait",
  },
  "OrdersDoNotMatch(bytes32,bytes32)": {
    sentence:
      "Orders {takerHash:hex} and {makerHash:hex} are for different instruments, or both buy, or both sell.",
    cure: "Match a buyer with a seller of the same instrument.",
    remedy: "fatal",
  },
  "LimitPriceCrossed(bytes32,uint256,uint256)": {
    sentence:
      "The maker's price {price:wad} is worse than the limit {limitPrice:wad} of order {orderHash:hex}.",
    cure: "Match it with a better maker.",
    remedy: "fatal",
  },
  "InvalidFill(bytes32,uint256,uint256)": {
    sentence:
      "A fill of {fill:wad} was asked of order {orderHash:hex}, of which {left:wad} are left.",
    cure: "Read fillableOf again and fill more than 0 and at most what is left.",
    remedy: "retry",
  },
  "NotWhollyFilled(bytes32,uint256,uint256)": {
    sentence:
      "Order {orderHash:hex} must be filled wholly at once: {filled:wad} of its {size:wad} would be.",
    cure: "Bring makers for all of it.",
    remedy: "fatal",
  },
  "PostOnly(bytes32)": {
    sentence: "Order {orderHash:hex} may only rest, not take.",
    cure: "Use it as a maker.",
    remedy: "fatal",
  },
  "FeeAboveMaximum(bytes32,uint256,uint256)": {
    sentence:
      "Fees of {fee:ratio} of notional would be charged to order {orderHash:hex}, and at most {maxFee:ratio} are allowed.",
    cure: "Sign a new order with a higher maxFee or a cheaper builder, whose fee is at most 1 %.",
    remedy: "fatal",
  },
  "InvalidBatch(uint256,uint256)": {
    sentence:
      "A batch needs 1 to 64 makers and a size for each, not {makers} makers and {sizes} sizes.",
    cure: "Give each maker one size, and split what is larger.",
    remedy: "fatal",
  },
  "FeeRateOutOfBounds(uint256,uint256)": {
    sentence: "The fee rate {rate:ratio} is above its bound of {most:ratio}.",
    cure: "Propose a lower rate.",
    remedy: "fatal",
  },
  "UnknownFeeTier(uint8,uint8)": {
    sentence: "There is no fee tier {tier}; the last one is {most}.",
    cure: "Name a tier that exists.",
    remedy: "fatal",
  },
  "TooManyTierChanges(uint256,uint256)": {
    sentence: "{count} accounts cannot change their fee tier at once, at most {most} can.",
    cure: "Split the list.",
    remedy: "fatal",
  },
  "NonceBelowCurrent(uint64,uint64)": {
    sentence: "Nonces below {current} are cancelled already; {nonce} would not move that forward.",
    cure: "Nothing is left to cancel below that; name a higher nonce to cancel more.",
    remedy: "retry",
  },
  "CancelRefused(bytes32,address)": {
    sentence: "{caller} may not cancel orders of account {account}.",
    cure: "Send from the owner's address or an operator's with TRADE.",
    remedy: "fatal",
  },
};
