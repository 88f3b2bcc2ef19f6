// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITransferHook} from "./CallbackToken.sol";

/// @title ReentrantOwner
/// @notice An owner of accounts that does what it is told, and that tries a list of calls whenever a token calls it.
contract ReentrantOwner is ITransferHook {
    error CallFailed(uint256 place, bytes reason);

    struct Call {
        address target;
        bytes data;
    }

    Call[] private _attempts;
    bool private _attempting;

    /// @notice What became of a call of the list.
    event Attempted(uint256 place, bool success, bytes result);

    /// @notice Makes calls that must all succeed, the whole list so many times.
    function execute(Call[] calldata calls, uint256 times) external {
        for (uint256 i = 0; i < times * calls.length; ++i) {
            Call calldata given = calls[i % calls.length];
            (bool success, bytes memory result) = _call(given.target, given.data);
            if (!success) revert CallFailed(i, result);
        }
    }

    /// @notice Sets the list of calls to try.
    function prepare(Call[] calldata calls) external {
        delete _attempts;
        for (uint256 i = 0; i < calls.length; ++i) _attempts.push(calls[i]);
    }

    /// @inheritdoc ITransferHook
    /// @dev A call that gets through moves tokens and so comes back here: once is enough.
    function onTransfer() external {
        if (_attempting) return;
        _attempting = true;
        for (uint256 i = 0; i < _attempts.length; ++i) {
            (bool success, bytes memory result) = _call(_attempts[i].target, _attempts[i].data);
            emit Attempted(i, success, result);
        }
        _attempting = false;
    }

    function _call(address target, bytes memory data) private returns (bool success, bytes memory result) {
        // solhint-disable-next-line avoid-low-level-calls, -- a refusal is what the caller wants to see
        return target.call(data);
    }
}
