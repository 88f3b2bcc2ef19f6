// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IExchange, Order, SignedOrder} from "./interfaces/IExchange.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IVault} from "./interfaces/IVault.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {TRADE} from "./types/Permissions.sol";
import {Leg, Trade} from "./types/Trade.sol";

/// @title Exchange
/// @notice Turns signed orders that cross into trades. See IExchange.
/// @dev The state of an order is kept by its EIP-712 digest and its nonce, never by its signature: another encoding of
/// the same signature is the same order.
contract Exchange is IExchange, EIP712, AccessManaged {
    using SafeCast for uint256;

    /// @dev One slot: what a tier is charged [wad ratio of notional], and whether that was ever set.
    struct FeeRates {
        uint64 taker;
        uint64 maker;
        bool isSet;
    }

    /// @dev One slot, which the check of an order reads anyhow: the tier costs a match no slot of its own.
    struct AccountTerms {
        uint64 leastNonce;
        uint8 feeTier;
    }

    /// @dev What the makers of a batch are matched with.
    struct Taking {
        bytes32 hash;
        /// Of the taker's tier [wad ratio of notional].
        uint64 takerRate;
        /// Of tier 0, in which most makers are [wad ratio of notional].
        uint64 makerRate;
        /// Of the underlying that all orders of the batch follow; 0 until the first of them with a trigger asks [wad].
        uint256 indexPrice;
    }

    /// @dev An order that was found valid, and how much of it is filled and left.
    struct Checked {
        bytes32 hash;
        /// Read from the calldata once.
        uint256 flags;
        /// [wad]
        uint256 size;
        /// [wad]
        uint256 filled;
        uint8 feeTier;
    }

    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 account,uint256 instrument,int128 size,uint128 limitPrice,uint128 triggerPrice,uint64 maxFee,uint40 expiry,uint8 flags,uint64 nonce,bytes32 builder)"
    );
    uint8 private constant REDUCE_ONLY = 1;
    uint8 private constant POST_ONLY = 2;
    uint8 private constant FILL_OR_KILL = 4;
    uint8 private constant TRIGGER_ABOVE = 8;
    uint8 private constant TRIGGER_BELOW = 16;
    /// @dev All flags but TRIGGER_ABOVE: what is larger has a flag that is not known, or both triggers.
    uint8 private constant MOST_FLAGS = 23;
    uint256 private constant USED = 1;
    uint256 private constant PARTLY_FILLED = 2;
    /// @dev A batch of so many different accounts costs less than 8,000,000 gas.
    uint256 private constant MOST_MAKERS = 64;
    /// @dev For each fee, of the venue and of a builder: 1 % [wad].
    uint256 private constant MOST_FEE_RATE = 0.01e18;
    uint8 private constant MOST_TIER = 7;
    /// @dev So many accounts change their tier for less than 8,000,000 gas.
    uint256 private constant MOST_ACCOUNTS = 256;

    IClearinghouse private immutable CLEARINGHOUSE;
    IVault private immutable VAULT;
    IPriceOracle private immutable ORACLE;

    /// @dev As governance set them; `_ratesOf` says what is charged.
    FeeRates[MOST_TIER + 1] private _feeRates;
    /// @dev Two bits for each of 128 nonces: used up (the order is filled or cancelled), and partly filled.
    mapping(bytes32 account => mapping(uint256 word => uint256 bits)) private _nonces;
    mapping(bytes32 account => AccountTerms terms) private _terms;
    /// @dev Only of orders that are partly filled: for all others it is never read [wad].
    mapping(bytes32 orderHash => uint128 filled) private _filled;

    constructor(
        address authority,
        IClearinghouse clearinghouse,
        IVault vault,
        IPriceOracle oracle
    ) EIP712("Plimsoll", "1") AccessManaged(authority) {
        CLEARINGHOUSE = clearinghouse;
        VAULT = vault;
        ORACLE = oracle;
    }

    // Traders

    /// @inheritdoc IExchange
    function matchOrders(SignedOrder calldata taker, SignedOrder[] calldata makers, uint128[] calldata sizes) external {
        uint256 count = makers.length;
        if (count == 0 || count > MOST_MAKERS || count != sizes.length) revert InvalidBatch(count, sizes.length);
        Checked memory checkedTaker = _check(taker);
        if (checkedTaker.flags & POST_ONLY != 0) revert PostOnly(checkedTaker.hash);

        Trade[] memory trades = new Trade[](count);
        Taking memory taking = _takingOf(taker.order, checkedTaker);
        uint256 total;
        for (uint256 i = 0; i < count; ++i) {
            _match(taker.order, taking, makers[i], sizes[i], trades[i]);
            total += sizes[i];
        }
        _recordFill(taker.order, checkedTaker, total);
        CLEARINGHOUSE.clear(trades);
    }

    /// @inheritdoc IExchange
    function cancel(bytes32 account, uint64[] calldata nonces) external {
        _requireCanceller(account);
        for (uint256 i = 0; i < nonces.length; ++i) _useNonce(account, nonces[i]);
        emit OrdersCancelled(account, nonces);
    }

    /// @inheritdoc IExchange
    function cancelUpTo(bytes32 account, uint64 nonce) external {
        _requireCanceller(account);
        AccountTerms storage terms = _terms[account];
        uint64 current = terms.leastNonce;
        if (nonce <= current) revert NonceBelowCurrent(nonce, current);
        terms.leastNonce = nonce;
        emit OrdersCancelledUpTo(account, nonce);
    }

    // Governance

    /// @inheritdoc IExchange
    /// @dev Tier 0 may fall below a tier that was set before: see `_ratesOf`.
    function setFeeRates(uint8 tier, uint64 takerFee, uint64 makerFee) external restricted {
        _requireTier(tier);
        FeeRates memory base = _feeRates[0];
        _requireRate(takerFee, tier == 0 ? MOST_FEE_RATE : base.taker);
        _requireRate(makerFee, tier == 0 ? MOST_FEE_RATE : base.maker);
        _feeRates[tier] = FeeRates({taker: takerFee, maker: makerFee, isSet: true});
        emit FeeRatesSet(tier, takerFee, makerFee);
    }

    /// @inheritdoc IExchange
    function setFeeTier(bytes32[] calldata accounts, uint8 tier) external restricted {
        _requireTier(tier);
        if (accounts.length > MOST_ACCOUNTS) revert TooManyTierChanges(accounts.length, MOST_ACCOUNTS);
        for (uint256 i = 0; i < accounts.length; ++i) {
            _terms[accounts[i]].feeTier = tier;
            emit FeeTierSet(accounts[i], tier);
        }
    }

    // Views

    /// @inheritdoc IExchange
    function hashOrder(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    /// @inheritdoc IExchange
    function filledOf(bytes32 orderHash) external view returns (uint128) {
        return _filled[orderHash];
    }

    /// @inheritdoc IExchange
    function fillableOf(Order[] calldata orders) external view returns (uint128[] memory fillable) {
        fillable = new uint128[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            Order calldata order = orders[i];
            bool done =
                order.expiry < block.timestamp ||
                    order.nonce < _terms[order.account].leastNonce ||
                    isNonceUsed(order.account, order.nonce);
            if (!done) fillable[i] = (WadMath.abs(order.size) - _filled[hashOrder(order)]).toUint128();
        }
    }

    /// @inheritdoc IExchange
    function leastNonceOf(bytes32 account) external view returns (uint64) {
        return _terms[account].leastNonce;
    }

    /// @inheritdoc IExchange
    function isNonceUsed(bytes32 account, uint64 nonce) public view returns (bool) {
        return _bitsOf(account, nonce) & USED != 0;
    }

    /// @inheritdoc IExchange
    function feeRates(uint8 tier) external view returns (uint64 takerFee, uint64 makerFee) {
        _requireTier(tier);
        return _ratesOf(tier);
    }

    /// @inheritdoc IExchange
    function feeTierOf(bytes32 account) external view returns (uint8) {
        return _terms[account].feeTier;
    }

    /// @inheritdoc IExchange
    function feeRatesOf(bytes32 account) external view returns (uint64 takerFee, uint64 makerFee) {
        return _ratesOf(_terms[account].feeTier);
    }

    // Orders

    /// @dev Finds an order valid by itself, or reverts with what is wrong with it.
    function _check(SignedOrder calldata signed) private view returns (Checked memory checked) {
        Order calldata order = signed.order;
        bytes32 hash = hashOrder(order);
        AccountTerms storage terms = _terms[order.account];
        uint64 least = terms.leastNonce;
        checked.feeTier = terms.feeTier;
        checked.flags = _requireWellFormed(order, hash);
        if (block.timestamp > order.expiry) revert OrderExpired(hash, order.expiry, block.timestamp);
        if (order.nonce < least) revert NonceCancelled(hash, order.account, order.nonce, least);
        uint256 bits = _bitsOf(order.account, order.nonce);
        if (bits & USED != 0) revert NonceUsed(hash, order.account, order.nonce);
        if (!_isSigned(order.account, hash, signed.signature)) revert InvalidSignature(hash, order.account);
        checked.hash = hash;
        checked.size = WadMath.abs(order.size);
        if (bits & PARTLY_FILLED != 0) checked.filled = _filled[hash];
    }

    /// @dev What an order says by itself makes sense; returns its flags.
    function _requireWellFormed(Order calldata order, bytes32 hash) private pure returns (uint8 flags) {
        bool feeToNobody = uint96(uint256(order.builder)) != 0 && bytes20(order.builder) == 0;
        if (order.size == 0 || order.limitPrice == 0 || feeToNobody) revert InvalidOrder(hash);
        flags = order.flags;
        if (flags > MOST_FLAGS || flags & (POST_ONLY | FILL_OR_KILL) == POST_ONLY | FILL_OR_KILL) {
            revert InvalidFlags(hash, flags);
        }
        // Up to MOST_FLAGS, so large a sum has exactly one of the triggers.
        if (flags >= TRIGGER_ABOVE != (order.triggerPrice != 0)) revert InvalidOrder(hash);
    }

    /// @dev By the account's owner, a key or a contract, or by the key of an operator with TRADE.
    function _isSigned(bytes32 account, bytes32 hash, bytes calldata signature) private view returns (bool) {
        AccountId id = AccountId.wrap(account);
        address owner = id.ownerOf();
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        if (failure == ECDSA.RecoverError.NoError) {
            if (signer == owner || VAULT.isAuthorized(id, signer, TRADE)) return true;
        }
        return owner.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(owner, hash, signature);
    }

    /// @dev Fills one maker and writes the trade.
    function _match(
        Order calldata taker,
        Taking memory taking,
        SignedOrder calldata signedMaker,
        uint128 size,
        Trade memory trade
    ) private {
        Order calldata maker = signedMaker.order;
        Checked memory checked = _check(signedMaker);
        if (maker.instrument != taker.instrument || maker.size > 0 == taker.size > 0) {
            revert OrdersDoNotMatch(taking.hash, checked.hash);
        }
        if (taker.size > 0 ? maker.limitPrice > taker.limitPrice : maker.limitPrice < taker.limitPrice) {
            revert LimitPriceCrossed(taking.hash, taker.limitPrice, maker.limitPrice);
        }
        // Only now: the price was read for the taker's instrument.
        if (checked.flags >= TRIGGER_ABOVE) _requireTriggered(maker, checked, taking);
        _recordFill(maker, checked, size);

        trade.instrument = InstrumentId.wrap(taker.instrument);
        trade.size = taker.size > 0 ? int128(size) : -int128(size);
        trade.price = maker.limitPrice;
        uint256 notional = WadMath.mulUp(uint256(size), trade.price);
        uint64 makerRate = taking.makerRate;
        if (checked.feeTier != 0) (, makerRate) = _ratesOf(checked.feeTier);
        _chargeLeg(trade.taker, taker, taking.hash, notional, taking.takerRate);
        _chargeLeg(trade.maker, maker, checked.hash, notional, makerRate);
    }

    /// @dev The rates of tier 0 are read once for a batch.
    function _takingOf(Order calldata taker, Checked memory checked) private view returns (Taking memory taking) {
        taking.hash = checked.hash;
        (taking.takerRate, taking.makerRate) = _ratesOf(0);
        if (checked.feeTier != 0) (taking.takerRate, ) = _ratesOf(checked.feeTier);
        if (checked.flags >= TRIGGER_ABOVE) _requireTriggered(taker, checked, taking);
    }

    /// @dev Reads the index price at most once for a batch, and never for a batch without a trigger: signatures are
    /// asked without a right to write, so that no price changes between two orders. No price is ever 0.
    function _requireTriggered(Order calldata order, Checked memory checked, Taking memory taking) private view {
        uint256 indexPrice = taking.indexPrice;
        if (indexPrice == 0) {
            indexPrice = ORACLE.price(InstrumentId.wrap(order.instrument).underlyingOf());
            taking.indexPrice = indexPrice;
        }
        bool isAbove = checked.flags & TRIGGER_ABOVE != 0;
        if (isAbove ? indexPrice < order.triggerPrice : indexPrice > order.triggerPrice) {
            revert TriggerNotReached(checked.hash, order.triggerPrice, indexPrice);
        }
    }

    /// @dev What a tier is charged: for each side the lower of its own rate and that of tier 0. Looking at the time of
    /// charging needs no bound between tiers when tier 0 is lowered, writes to no other tier then, and gives a tier its
    /// own rates back when tier 0 rises again. A tier that was never set is charged as tier 0. One more slot is read for
    /// each tier above 0 in a batch, none for tier 0.
    function _ratesOf(uint8 tier) private view returns (uint64 taker, uint64 maker) {
        FeeRates storage base = _feeRates[0];
        (taker, maker) = (base.taker, base.maker);
        FeeRates storage own = _feeRates[tier];
        if (tier == 0 || !own.isSet) return (taker, maker);
        if (own.taker < taker) taker = own.taker;
        if (own.maker < maker) maker = own.maker;
    }

    /// @dev Writes one side of a trade: fees are rounded up, and their rates together are within what was signed.
    function _chargeLeg(
        Leg memory leg,
        Order calldata order,
        bytes32 hash,
        uint256 notional,
        uint256 rate
    ) private pure {
        uint256 builderRate = uint96(uint256(order.builder));
        if (builderRate > MOST_FEE_RATE) revert FeeAboveMaximum(hash, builderRate, MOST_FEE_RATE);
        if (rate + builderRate > order.maxFee) revert FeeAboveMaximum(hash, rate + builderRate, order.maxFee);
        leg.account = AccountId.wrap(order.account);
        leg.fee = WadMath.mulUp(notional, rate).toUint128();
        if (builderRate != 0) leg.builderFee = WadMath.mulUp(notional, builderRate).toUint128();
        leg.builder = address(bytes20(order.builder));
        leg.reduceOnly = order.flags & REDUCE_ONLY != 0;
    }

    /// @dev A wholly filled order uses up its nonce; a slot is taken only while it is partly filled.
    function _recordFill(Order calldata order, Checked memory checked, uint256 fill) private {
        uint256 left = checked.size - checked.filled;
        if (fill == 0 || fill > left) revert InvalidFill(checked.hash, fill, left);
        if (checked.flags & FILL_OR_KILL != 0 && fill != checked.size) {
            revert NotWhollyFilled(checked.hash, fill, checked.size);
        }
        if (fill == left) {
            _useNonce(order.account, order.nonce);
            if (checked.filled != 0) delete _filled[checked.hash];
        } else {
            _filled[checked.hash] = (checked.filled + fill).toUint128();
            if (checked.filled == 0) _mark(order.account, order.nonce, PARTLY_FILLED);
        }
        emit OrderFilled(checked.hash, order.account, order.nonce, fill, checked.filled + fill, left - fill);
    }

    function _useNonce(bytes32 account, uint64 nonce) private {
        _mark(account, nonce, USED);
    }

    function _mark(bytes32 account, uint64 nonce, uint256 bit) private {
        _nonces[account][nonce >> 7] |= bit << (2 * (nonce & 0x7f));
    }

    function _bitsOf(bytes32 account, uint64 nonce) private view returns (uint256) {
        return (_nonces[account][nonce >> 7] >> (2 * (nonce & 0x7f))) & (USED | PARTLY_FILLED);
    }

    function _requireTier(uint8 tier) private pure {
        if (tier > MOST_TIER) revert UnknownFeeTier(tier, MOST_TIER);
    }

    function _requireRate(uint256 rate, uint256 most) private pure {
        if (rate > most) revert FeeRateOutOfBounds(rate, most);
    }

    function _requireCanceller(bytes32 account) private view {
        if (!VAULT.isAuthorized(AccountId.wrap(account), msg.sender, TRADE)) revert CancelRefused(account, msg.sender);
    }
}
