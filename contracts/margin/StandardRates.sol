// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {RateRules} from "../types/RateRules.sol";

/// @title StandardRates
/// @notice The margin rates of the standard model, from what governance has set and how much the price moves.
/// @dev
///   rate(sigma)       = clamp(A + B x sigma, floor, cap)
///   maintenance rate  = rate(slow sigma)
///   initial rate      = max(rate(slow sigma), rate(fast sigma)) / (maintenance to initial), at least the initial floor
///
/// Rounded up. The slow half-life keeps maintenance from jumping; new risk is priced by the faster one first.
library StandardRates {
    /// @notice The rates at these volatilities [wad of notional].
    /// @param rules What governance has set.
    /// @param slow sigma with the slow half-life [wad].
    /// @param fast sigma with the fast half-life [wad].
    function ratesOf(
        RateRules rules,
        uint256 slow,
        uint256 fast
    ) internal pure returns (uint256 initial, uint256 maintenance) {
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

    /// @dev clamp(A + B x sigma, floor, cap) [wad].
    function _rate(RateRules rules, uint256 sigma) private pure returns (uint256) {
        // Unchecked: bps are below 2^16, a sigma below 7e18.
        unchecked {
            uint256 rate = rules.maintenanceBaseBps() * 1e14;
            rate += FixedPointMathLib.divUp(rules.maintenanceSlopeBps() * sigma, 10_000);
            return FixedPointMathLib.clamp(rate, rules.maintenanceFloorBps() * 1e14, rules.maintenanceCapBps() * 1e14);
        }
    }
}
