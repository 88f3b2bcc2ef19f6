// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IWired
/// @notice Shared by the contracts that are told after deployment whom they work with.
interface IWired {
    /// @notice The contract does not know its partners yet.
    error NotWired();
    /// @notice An address that must be a contract is none.
    error NotAContract(address given);
}
