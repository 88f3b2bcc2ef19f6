// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockToken} from "./MockToken.sol";

/// @notice Who is called by a CallbackToken.
interface ITransferHook {
    /// @notice A transfer is about to happen, or just did.
    function onTransfer() external;
}

/// @title CallbackToken
/// @notice A token that calls a contract before or after each transfer, as an ERC-777 token can.
contract CallbackToken is MockToken {
    enum Moment {
        Never,
        Before,
        After
    }

    ITransferHook public hook;
    Moment public moment;

    constructor(string memory name, string memory symbol, uint8 decimals_) MockToken(name, symbol, decimals_) {}

    /// @notice Sets who is called, and when.
    function setHook(ITransferHook hook_, Moment moment_) external {
        (hook, moment) = (hook_, moment_);
    }

    function _update(address from, address to, uint256 value) internal override {
        bool isTransfer = from != address(0) && to != address(0);
        if (isTransfer && moment == Moment.Before) hook.onTransfer();
        super._update(from, to, value);
        if (isTransfer && moment == Moment.After) hook.onTransfer();
    }
}
