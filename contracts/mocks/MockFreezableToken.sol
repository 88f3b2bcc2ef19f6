// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockToken} from "./MockToken.sol";

/// @title MockFreezableToken
/// @notice A token whose every transfer reverts once it is frozen, as one that is paused or that blocks a holder.
contract MockFreezableToken is MockToken {
    bool public frozen;

    error TransfersFrozen();

    constructor(string memory name, string memory symbol, uint8 decimals_) MockToken(name, symbol, decimals_) {}

    /// @notice Stops all transfers for ever.
    function freeze() external {
        frozen = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (frozen) revert TransfersFrozen();
        super._update(from, to, value);
    }
}
