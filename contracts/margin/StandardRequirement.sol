// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {CollateralHolding, Holding, Portfolio} from "../types/Portfolio.sol";
import {UnderlyingRules} from "../types/UnderlyingRules.sol";

/// @title StandardRequirement
/// @notice Cross margin: each position requires a rate on its notional, each collateral its haircut; no netting.
/// @dev
///   rate(sigma)       = clamp(A + B x sigma, floor, cap)
///   maintenance rate  = rate(slow sigma)
///   initial rate      = max(rate(slow sigma), rate(fast sigma)) / (maintenance to initial), at least the initial floor
///   crowded           = required + (notional - required) x crowding, for the initial requirement of a position
///   requirement       = sum of rate x charged notional + sum of haircut x collateral value, all rounded up
/// The charged notional grows progressively with size (SizeBrackets). The margin engine has it built in: nearly every
/// account uses it, and a call to another contract for each would cost it more than the arithmetic.
library StandardRequirement {
    /// @notice What the portfolio must be worth [wad].
    function requirementOf(
        Portfolio memory portfolio
    ) internal pure returns (uint256 initial, uint256 maintenance) {
        for (uint256 i = 0; i < portfolio.positions.length; ++i) {
            Holding memory holding = portfolio.positions[i];
            uint256 notional = WadMath.mulUp(WadMath.abs(holding.size), holding.mark);
            uint256 charged = holding.brackets.chargedNotional(notional);
            (uint256 initialRate, uint256 maintenanceRate) = _rates(holding.rules);
            uint256 required = WadMath.mulUp(charged, initialRate);
            if (holding.crowding != 0 && required < notional) {
                required += WadMath.mulUp(notional - required, holding.crowding);
            }
            initial += required;
            maintenance += WadMath.mulUp(charged, maintenanceRate);
        }
        for (uint256 i = 0; i < portfolio.collateral.length; ++i) {
            CollateralHolding memory holding = portfolio.collateral[i];
            // The value that equity counts: tokens that add nothing to equity must add nothing to the requirement.
            uint256 value = WadMath.mulDown(holding.quantity, holding.price);
            initial += WadMath.bpsUp(value, holding.rules.initialHaircutBps());
            maintenance += WadMath.bpsUp(value, holding.rules.maintenanceHaircutBps());
        }
    }

    /// @dev Today's rates of an underlying, as ratios of notional [wad].
    function _rates(UnderlyingRules rules) private pure returns (uint256 initial, uint256 maintenance) {
        (uint256 slow, uint256 fast) = (rules.slowSigmaBps(), rules.fastSigmaBps());
        maintenance = _rate(rules, slow);
        // The rate rises with sigma, so the larger of the two rates is that of the larger sigma.
        uint256 higher = fast > slow ? _rate(rules, fast) : maintenance;
        // Unchecked: a rate is below 2^16 x 1e14, and the divisor is bounded away from 0 by the Rules.
        unchecked {
            initial = FixedPointMathLib.max(
                FixedPointMathLib.divUp(higher * 10_000, rules.maintenanceToInitialBps()),
                rules.initialFloorBps() * 1e14
            );
        }
    }

    /// @dev clamp(A + B x sigma, floor, cap); bps x bps is 1e8 of one, so exact in WADs.
    function _rate(UnderlyingRules rules, uint256 sigmaBps) private pure returns (uint256) {
        // Unchecked: every factor is below 2^16.
        unchecked {
            uint256 rate = rules.maintenanceBaseBps() * 1e14 + rules.maintenanceSlopeBps() * sigmaBps * 1e10;
            return FixedPointMathLib.clamp(rate, rules.maintenanceFloorBps() * 1e14, rules.maintenanceCapBps() * 1e14);
        }
    }
}
