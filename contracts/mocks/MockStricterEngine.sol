// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MarginEngine} from "../MarginEngine.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IMarginModel} from "../interfaces/IMarginModel.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Portfolio} from "../types/Portfolio.sol";
import {MockStricterModel, stricterRequirementOf} from "./MockStricterModel.sol";

/// @title MockStricterEngine
/// @notice A margin engine that asks for twice as much as the standard one: what governance could put in charge.
contract MockStricterEngine is MarginEngine {
    constructor(
        IVault vault,
        IClearinghouse clearinghouse,
        IPriceOracle oracle,
        IRules rules,
        IMarginEngine engine
    ) MarginEngine(vault, clearinghouse, oracle, rules, engine) {}

    function _newModel() internal override returns (IMarginModel) {
        return new MockStricterModel();
    }

    function _ownRequirementOf(Portfolio memory portfolio) internal pure override returns (uint256, uint256) {
        return stricterRequirementOf(portfolio);
    }
}
