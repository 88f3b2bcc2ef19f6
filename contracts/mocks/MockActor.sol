// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MockActor
/// @notice An owner of accounts that is a contract: it does what anyone tells it to, in one transaction, and reverts
/// when it is called in any other way, as a hostile receiver of callbacks would.
contract MockActor {
    /// @notice A call for the actor to make.
    struct Act {
        address target;
        bytes data;
    }

    error Uncalled(bytes data);
    error ActFailed(uint256 place, bytes reason);

    fallback(bytes calldata data) external payable returns (bytes memory) {
        revert Uncalled(data);
    }

    receive() external payable {
        revert Uncalled("");
    }

    /// @notice Makes the calls in order, all or none.
    function run(Act[] calldata acts) external {
        for (uint256 i = 0; i < acts.length; ++i) {
            // solhint-disable-next-line avoid-low-level-calls, -- an actor may call anything
            (bool success, bytes memory reason) = acts[i].target.call(acts[i].data);
            if (!success) revert ActFailed(i, reason);
        }
    }
}
