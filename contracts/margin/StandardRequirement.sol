// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WadMath} from "../libraries/WadMath.sol";
import {CollateralHolding, Holding, Portfolio} from "../types/Portfolio.sol";

/// @title StandardRequirement
/// @notice Cross margin: each position requires a rate on its notional, each collateral its haircut; no netting.
/// @dev
///   crowded           = required + (notional - required) x crowding, for the initial requirement of a position
///   requirement       = sum of rate x charged notional + sum of haircut x collateral value, all rounded up
/// The rates of now come with the rules (StandardRates). The charged notional grows progressively with size
/// (SizeBrackets). The margin engine has it built in: nearly every
/// account uses it, and a call to another contract for each would cost it more than the arithmetic.
library StandardRequirement {
    /// @notice What the portfolio must be worth [wad].
    function requirementOf(Portfolio memory portfolio) internal pure returns (uint256 initial, uint256 maintenance) {
        // Unchecked: a product of WADs is below 2^197, so no sum of them reaches 2^256.
        unchecked {
            Holding[] memory positions = portfolio.positions;
            for (uint256 i = 0; i < positions.length; ++i) {
                Holding memory holding = positions[i];
                uint256 notional = WadMath.mulUp(WadMath.abs(holding.size), holding.mark);
                uint256 charged = holding.brackets.chargedNotional(notional);
                uint256 required = WadMath.mulUp(charged, holding.rules.initialRate());
                if (holding.crowding != 0 && required < notional) {
                    required += WadMath.mulUp(notional - required, holding.crowding);
                }
                initial += required;
                maintenance += WadMath.mulUp(charged, holding.rules.maintenanceRate());
            }
            for (uint256 i = 0; i < portfolio.collateral.length; ++i) {
                CollateralHolding memory holding = portfolio.collateral[i];
                // The value that equity counts: tokens that add nothing to equity must add nothing to the requirement.
                uint256 value = WadMath.mulDown(holding.quantity, holding.price);
                initial += WadMath.bpsUp(value, holding.rules.initialHaircutBps());
                maintenance += WadMath.bpsUp(value, holding.rules.maintenanceHaircutBps());
            }
        }
    }
}
