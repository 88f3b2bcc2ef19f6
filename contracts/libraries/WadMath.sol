// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title WadMath
/// @notice Products and quotients of WADs (1e18 fixed point) whose names say their rounding.
/// @dev For signed numbers down is towards minus infinity and up towards plus infinity, so that rounding "down"
/// always means "less for the receiver". Solady does the unsigned arithmetic.
library WadMath {
    /// @notice One in fixed point [wad].
    uint256 internal constant WAD = 1e18;

    /// @dev One as a signed number [wad].
    int256 private constant SIGNED_WAD = 1e18;

    /// @notice x * y / 1e18, rounded down; reverts when x * y leaves uint256, as do all products here.
    function mulDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return FixedPointMathLib.mulWad(x, y);
    }

    /// @notice x * y / 1e18, rounded up.
    function mulUp(uint256 x, uint256 y) internal pure returns (uint256) {
        return FixedPointMathLib.mulWadUp(x, y);
    }

    /// @notice x * 1e18 / y, rounded down; reverts when y is 0.
    function divDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return FixedPointMathLib.divWad(x, y);
    }

    /// @notice x * 1e18 / y, rounded up; reverts when y is 0.
    function divUp(uint256 x, uint256 y) internal pure returns (uint256) {
        return FixedPointMathLib.divWadUp(x, y);
    }

    /// @notice x * y / 1e18, rounded towards minus infinity; reverts when x * y leaves int256.
    function mulDown(int256 x, int256 y) internal pure returns (int256 z) {
        int256 product = x * y;
        // Unchecked: a quotient by 1e18 is far from the ends of int256.
        unchecked {
            z = product / SIGNED_WAD;
            if (product % SIGNED_WAD < 0) --z;
        }
    }

    /// @notice x * y / 1e18, rounded towards plus infinity; reverts when x * y leaves int256.
    function mulUp(int256 x, int256 y) internal pure returns (int256) {
        return -mulDown(-x, y);
    }

    /// @notice x * ratio / 10,000, rounded up; the ratio is in basis points.
    function bpsUp(uint256 x, uint256 ratioBps) internal pure returns (uint256) {
        return FixedPointMathLib.mulDivUp(x, ratioBps, 10_000);
    }

    /// @notice x * ratio / 10,000, rounded down; the ratio is in basis points.
    function bpsDown(uint256 x, uint256 ratioBps) internal pure returns (uint256) {
        return FixedPointMathLib.mulDiv(x, ratioBps, 10_000);
    }

    /// @notice |x|.
    function abs(int256 x) internal pure returns (uint256) {
        return FixedPointMathLib.abs(x);
    }
}
