// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What an account's owner or operator signs: buy or sell so much at this price or better.
/// @dev Field order and types are those of the EIP-712 type.
struct Order {
    /// The account that trades.
    bytes32 account;
    /// The instrument.
    uint256 instrument;
    /// Positive buys, negative sells [wad].
    int128 size;
    /// The worst price [wad].
    uint128 limitPrice;
    /// The order may be filled only while the index price of the instrument's underlying has reached this one, as the
    /// flags say; 0 for an order without a trigger [wad].
    uint128 triggerPrice;
    /// The most that all fees together may be, as a ratio of notional [wad].
    uint64 maxFee;
    /// Last second in which the order may be filled; 0 is always past [unix seconds].
    uint40 expiry;
    /// REDUCE_ONLY 1, POST_ONLY 2, FILL_OR_KILL 4; with a trigger price exactly one of TRIGGER_ABOVE 8, at or above it,
    /// and TRIGGER_BELOW 16, at or below it.
    uint8 flags;
    /// Any number not used before by the account. Once an order is wholly filled or cancelled, all others with its
    /// number are dead too; two that are only partly filled live side by side.
    uint64 nonce;
    /// Address (20 bytes) and fee ratio (12 bytes) [wad], at most 1 %, of the frontend that made the order; 0 for none.
    bytes32 builder;
}

/// @notice An order with the signature of the account's owner (EOA or ERC-1271) or of an operator with TRADE (EOA).
struct SignedOrder {
    Order order;
    bytes signature;
}

/// @title IExchange
/// @notice A venue: EIP-712 orders in, trades out. Anyone may match orders that cross.
/// @dev A trigger is a condition of validity like an expiry, on whichever side the order is and whatever its other flags
/// are. It is looked at in the transaction of each fill, with the price that IPriceOracle.price answers there, and
/// nothing remembers that it held before: what is left of an order that was partly filled needs it again, and nothing
/// is filled while there is no fresh price. Who matches chooses the moment among those in which it holds; the signer
/// bounds the price by limitPrice alone.
interface IExchange {
    /// @notice The order's size or limit price is 0, it has a trigger price without its flag or the flag without the price,
    /// or it pays a builder's fee to nobody.
    error InvalidOrder(bytes32 orderHash);
    /// @notice A flag is not known or flags contradict each other.
    error InvalidFlags(bytes32 orderHash, uint8 flags);
    /// @notice The order's last second has passed [unix seconds].
    error OrderExpired(bytes32 orderHash, uint256 expiry, uint256 now);
    /// @notice The order was wholly filled or its nonce cancelled.
    error NonceUsed(bytes32 orderHash, bytes32 account, uint64 nonce);
    /// @notice All nonces below `least` are cancelled.
    error NonceCancelled(bytes32 orderHash, bytes32 account, uint64 nonce, uint64 least);
    /// @notice The signature is not by the account's owner or an operator with TRADE.
    error InvalidSignature(bytes32 orderHash, bytes32 account);
    /// @notice The index price is below the trigger price of TRIGGER_ABOVE, or above that of TRIGGER_BELOW [wad].
    error TriggerNotReached(bytes32 orderHash, uint256 triggerPrice, uint256 indexPrice);
    /// @notice The two orders are not for the same instrument, or both buy, or both sell.
    error OrdersDoNotMatch(bytes32 takerHash, bytes32 makerHash);
    /// @notice The maker's price is worse than the taker's limit [wad].
    error LimitPriceCrossed(bytes32 orderHash, uint256 limitPrice, uint256 price);
    /// @notice A fill of 0 or of more than what is left of the order [wad].
    error InvalidFill(bytes32 orderHash, uint256 fill, uint256 left);
    /// @notice The order must be filled wholly at once [wad].
    error NotWhollyFilled(bytes32 orderHash, uint256 filled, uint256 size);
    /// @notice The order may only rest, not take.
    error PostOnly(bytes32 orderHash);
    /// @notice The fees would be more than the order allows, or the builder's more than 1 % [wad ratio].
    error FeeAboveMaximum(bytes32 orderHash, uint256 fee, uint256 maxFee);
    /// @notice Each maker needs one size, and there must be at least one and at most 64 makers.
    error InvalidBatch(uint256 makers, uint256 sizes);
    /// @notice A fee rate is above its bound: 1 % in tier 0, the rate of tier 0 in the others [wad].
    error FeeRateOutOfBounds(uint256 rate, uint256 most);
    /// @notice There is no such tier.
    error UnknownFeeTier(uint8 tier, uint8 most);
    /// @notice More accounts than may change their tier at once.
    error TooManyTierChanges(uint256 count, uint256 most);
    /// @notice `cancelUpTo` only moves forward.
    error NonceBelowCurrent(uint64 nonce, uint64 current);
    /// @notice The caller may not cancel this account's orders.
    error CancelRefused(bytes32 account, address caller);

    /// @notice An order was filled: a taker's once for all its makers. `filled` is what of it is filled now, this fill
    /// included, and `left` what can still be; with 0 its nonce is used up [wad]. The clearinghouse's TradeCleared has the
    /// prices.
    event OrderFilled(
        bytes32 indexed orderHash,
        bytes32 indexed account,
        uint64 nonce,
        uint256 fill,
        uint256 filled,
        uint256 left
    );
    /// @notice The orders with these nonces can no longer be filled.
    event OrdersCancelled(bytes32 indexed account, uint64[] nonces);
    /// @notice No order with a nonce below `nonce` can be filled any more.
    event OrdersCancelledUpTo(bytes32 indexed account, uint64 nonce);
    /// @notice The venue's fee rates of a tier were set [wad ratio of notional]. A tier above 0 is charged the lower of
    /// these and the last ones of tier 0, for each side by itself.
    event FeeRatesSet(uint8 indexed tier, uint64 takerFee, uint64 makerFee);
    /// @notice An account is in this fee tier from now on.
    event FeeTierSet(bytes32 indexed account, uint8 tier);

    /// @notice Matches an order with others that rest, each at its own price. All or nothing. An order with a
    /// trigger needs a fresh index price that has reached it; without one the reason of the oracle is the error.
    /// @param taker The order that takes.
    /// @param makers The orders that rest, best first.
    /// @param sizes How much of each is filled [wad].
    function matchOrders(SignedOrder calldata taker, SignedOrder[] calldata makers, uint128[] calldata sizes) external;

    /// @notice Cancels orders by nonce: by the account's owner or an operator with TRADE. Never depends on anything
    /// else.
    function cancel(bytes32 account, uint64[] calldata nonces) external;

    /// @notice Cancels all orders with a nonce below the given one.
    function cancelUpTo(bytes32 account, uint64 nonce) external;

    /// @notice The EIP-712 digest of an order, which identifies it.
    function hashOrder(Order calldata order) external view returns (bytes32);

    /// @notice How much of a partly filled order is filled [wad]; 0 for an order that was never filled or is wholly
    /// filled.
    function filledOf(bytes32 orderHash) external view returns (uint128);

    /// @notice How much of each order can still be filled: 0 when it is done, cancelled or expired [wad]. Margin,
    /// signature and trigger are not looked at.
    function fillableOf(Order[] calldata orders) external view returns (uint128[] memory);

    /// @notice The lowest nonce that is not cancelled as a whole.
    function leastNonceOf(bytes32 account) external view returns (uint64);

    /// @notice Whether a nonce is used up or cancelled.
    function isNonceUsed(bytes32 account, uint64 nonce) external view returns (bool);

    /// @notice What the venue charges accounts of a tier now [wad ratio of notional]: never more than tier 0, which is
    /// also what a tier that was never set is charged.
    function feeRates(uint8 tier) external view returns (uint64 takerFee, uint64 makerFee);

    /// @notice The fee tier of an account: 0 unless governance put it in another.
    function feeTierOf(bytes32 account) external view returns (uint8);

    /// @notice What the venue charges an account now, by its tier [wad ratio of notional]; a builder's fee comes on top.
    function feeRatesOf(bytes32 account) external view returns (uint64 takerFee, uint64 makerFee);

    /// @notice Sets the venue's fee rates of a tier. Governance only.
    /// @param tier 0, which is everybody's, to 7.
    /// @param takerFee In tier 0 at most 1 %, in others at most the taker's of tier 0 [wad ratio of notional].
    /// @param makerFee In tier 0 at most 1 %, in others at most the maker's of tier 0 [wad ratio of notional].
    function setFeeRates(uint8 tier, uint64 takerFee, uint64 makerFee) external;

    /// @notice Puts accounts in a fee tier, each sub-account by itself. Governance only.
    /// @param accounts At most 256.
    /// @param tier 0 to 7.
    function setFeeTier(bytes32[] calldata accounts, uint8 tier) external;
}
