// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title TokenUnits
/// @notice Between a token's own decimals and WADs. Exact up to 18 decimals; above, the rounding is in the name.
library TokenUnits {
    /// @notice An amount as a WAD, rounded down.
    function toWadDown(uint256 amount, uint256 decimals) internal pure returns (uint256) {
        return decimals <= 18 ? amount * 10 ** (18 - decimals) : amount / 10 ** (decimals - 18);
    }

    /// @notice An amount as a WAD, rounded up.
    function toWadUp(uint256 amount, uint256 decimals) internal pure returns (uint256) {
        if (decimals <= 18) return amount * 10 ** (18 - decimals);
        uint256 unit = 10 ** (decimals - 18);
        return amount / unit + (amount % unit == 0 ? 0 : 1);
    }

    /// @notice A WAD as an amount, rounded down.
    function toAmountDown(uint256 wad, uint256 decimals) internal pure returns (uint256) {
        return decimals <= 18 ? wad / 10 ** (18 - decimals) : wad * 10 ** (decimals - 18);
    }

    /// @notice A WAD as an amount, rounded up.
    function toAmountUp(uint256 wad, uint256 decimals) internal pure returns (uint256) {
        if (decimals > 18) return wad * 10 ** (decimals - 18);
        uint256 unit = 10 ** (18 - decimals);
        return wad / unit + (wad % unit == 0 ? 0 : 1);
    }
}
