// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarginModel} from "../interfaces/IMarginModel.sol";
import {StandardRequirement} from "../margin/StandardRequirement.sol";
import {Portfolio} from "../types/Portfolio.sol";

/// @notice Twice what the standard model asks for.
function stricterRequirementOf(Portfolio memory portfolio) pure returns (uint256 initial, uint256 maintenance) {
    (initial, maintenance) = StandardRequirement.requirementOf(portfolio);
    return (2 * initial, 2 * maintenance);
}

/// @title MockStricterModel
/// @notice The model of MockStricterEngine.
contract MockStricterModel is IMarginModel {
    /// @inheritdoc IMarginModel
    function requirement(Portfolio calldata portfolio) external pure returns (uint256 initial, uint256 maintenance) {
        return stricterRequirementOf(portfolio);
    }
}
