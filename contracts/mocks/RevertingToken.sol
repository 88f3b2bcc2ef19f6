// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockToken} from "./MockToken.sol";

/// @title RevertingToken
/// @notice A token that can refuse all transfers, as one that was paused or that blocks an address.
contract RevertingToken is MockToken {
    error TransferRefused(address from, address to);

    bool public refusing;

    constructor(string memory name, string memory symbol, uint8 decimals_) MockToken(name, symbol, decimals_) {}

    /// @notice Sets whether transfers are refused.
    function setRefusing(bool refuse) external {
        refusing = refuse;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (refusing && from != address(0)) revert TransferRefused(from, to);
        super._update(from, to, value);
    }
}
