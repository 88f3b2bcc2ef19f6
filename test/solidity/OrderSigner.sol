// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Exchange} from "../../contracts/Exchange.sol";
import {Order, SignedOrder} from "../../contracts/interfaces/IExchange.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {AccountId} from "../../contracts/types/AccountId.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";

/// @title OrderSigner
/// @notice Makes EIP-712 orders, and signs them with vm.sign.
abstract contract OrderSigner is BaseTest {
    /// @notice A trade of two accounts with the keys that sign for them.
    struct Signed {
        AccountId taker;
        uint256 takerKey;
        AccountId maker;
        uint256 makerKey;
        InstrumentId instrument;
        /// What the taker's position changes by [wad].
        int128 size;
        /// [wad]
        uint128 price;
        /// Of one of the orders; 0 for none [wad].
        uint128 triggerPrice;
        bool isTriggerAbove;
        bool isTriggerOfTaker;
    }

    uint8 private constant TRIGGER_ABOVE = 8;
    uint8 private constant TRIGGER_BELOW = 16;

    uint64 private _nonce;

    /// @dev Two orders that match: the taker's, then the maker's.
    function _signedPair(Exchange exchange, Signed memory signed) internal returns (SignedOrder[2] memory orders) {
        orders[0] = _order(exchange, signed, signed.size, true);
        orders[1] = _order(exchange, signed, -signed.size, false);
    }

    /// @dev Whether both orders may be filled at an index price [wad].
    function _isTriggered(Signed memory signed, uint256 indexPrice) internal pure returns (bool) {
        if (signed.triggerPrice == 0) return true;
        return signed.isTriggerAbove ? indexPrice >= signed.triggerPrice : indexPrice <= signed.triggerPrice;
    }

    function _order(
        Exchange exchange,
        Signed memory signed,
        int128 size,
        bool isTaker
    ) private returns (SignedOrder memory made) {
        bool hasTrigger = signed.triggerPrice != 0 && isTaker == signed.isTriggerOfTaker;
        made.order = Order({
            account: AccountId.unwrap(isTaker ? signed.taker : signed.maker),
            instrument: InstrumentId.unwrap(signed.instrument),
            size: size,
            limitPrice: signed.price,
            triggerPrice: hasTrigger ? signed.triggerPrice : 0,
            maxFee: 0.01e18,
            expiry: uint40(block.timestamp),
            flags: !hasTrigger
                ? 0
                : signed.isTriggerAbove
                    ? TRIGGER_ABOVE
                    : TRIGGER_BELOW,
            nonce: _nonce++,
            builder: bytes32(0)
        });
        bytes32 digest = exchange.hashOrder(made.order);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(isTaker ? signed.takerKey : signed.makerKey, digest);
        made.signature = abi.encodePacked(r, s, v);
    }
}
