// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WadMath} from "../libraries/WadMath.sol";

/// @dev Up to so many times the base, open interest adds nothing to the initial requirement.
uint256 constant ADD_ON_BEGINS = 10;
/// @dev From so many times on, the initial requirement is the whole notional.
uint256 constant ADD_ON_ENDS = 40;

/// @notice How far the initial requirement of an instrument's positions has risen towards their whole notional: 0 up to
/// 10 times the base, 1 from 40 times on, linear between, rounded up [wad].
/// @param notional The instrument's open interest [wad].
/// @param base The larger of the insurance fund and governance's figure [wad].
function crowdingOf(uint256 notional, uint256 base) pure returns (uint256) {
    // Unchecked: a base is below 2^128, and the difference is only taken when it is above 0.
    unchecked {
        if (notional <= base * ADD_ON_BEGINS) return 0;
        if (notional >= base * ADD_ON_ENDS) return WadMath.WAD;
        return WadMath.divUp(notional - base * ADD_ON_BEGINS, base * (ADD_ON_ENDS - ADD_ON_BEGINS));
    }
}
