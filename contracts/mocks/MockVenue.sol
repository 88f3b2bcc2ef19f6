// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {Trade} from "../types/Trade.sol";

/// @title MockVenue
/// @notice A venue without orders: it clears whatever anyone hands to it, so that tests make any position in one call.
contract MockVenue {
    IClearinghouse private immutable CLEARINGHOUSE;

    constructor(IClearinghouse clearinghouse) {
        CLEARINGHOUSE = clearinghouse;
    }

    /// @notice Clears trades that nobody signed.
    function clear(Trade[] calldata trades) external {
        CLEARINGHOUSE.clear(trades);
    }
}
