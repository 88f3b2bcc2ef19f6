// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Portfolio} from "../types/Portfolio.sol";

/// @title IMarginModel
/// @notice Says what an account must be worth for what it holds.
interface IMarginModel {
    /// @notice What a portfolio requires, haircuts of its collateral included.
    /// @dev Reads nothing by itself, so that the same model serves accounts, what-if questions and slices of an
    /// account. The minimum margin of an account and `initial >= maintenance` are the margin engine's business.
    /// @param portfolio Positions with marks, collateral with prices, and the rules' words.
    /// @return initial What it takes to add risk, rounded up [wad].
    /// @return maintenance What it takes to keep it, rounded up [wad].
    function requirement(Portfolio calldata portfolio) external pure returns (uint256 initial, uint256 maintenance);
}
