// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarginModel} from "../interfaces/IMarginModel.sol";
import {Portfolio} from "../types/Portfolio.sol";
import {StandardRequirement} from "./StandardRequirement.sol";

/// @title StandardMargin
/// @notice The standard model behind the interface of all models, for whoever asks it about a portfolio of his own. The
/// margin engine uses StandardRequirement itself.
contract StandardMargin is IMarginModel {
    /// @inheritdoc IMarginModel
    function requirement(Portfolio calldata portfolio) external pure returns (uint256 initial, uint256 maintenance) {
        return StandardRequirement.requirementOf(portfolio);
    }
}
