// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {TokenUnits} from "../../contracts/libraries/TokenUnits.sol";

/// @title TokenUnitsTest
/// @notice Proves RD2 and TK3 for the conversions: exact up to 18 decimals, rounded as named above, and never a gain
/// there and back, for all decimals from 0 to 24.
contract TokenUnitsTest is BaseTest {
    uint256 private constant MOST = 1e40;

    function testFuzz_ThereAndBackIsExactUpToEighteenDecimals(uint256 amount, uint256 decimals) public pure {
        (amount, decimals) = (bound(amount, 0, MOST), bound(decimals, 0, 18));
        uint256 wad = TokenUnits.toWadDown(amount, decimals);

        assertEq(TokenUnits.toWadUp(amount, decimals), wad, "nothing to round");
        assertEq(TokenUnits.toAmountDown(wad, decimals), amount, "and back");
    }

    function testFuzz_ThereAndBackNeverGains(uint256 amount, uint256 decimals) public pure {
        (amount, decimals) = (bound(amount, 0, MOST), bound(decimals, 0, 24));
        uint256 credited = TokenUnits.toWadDown(amount, decimals);

        assertLe(TokenUnits.toAmountDown(credited, decimals), amount, "what is credited buys at most what came");
        assertLe(credited, TokenUnits.toWadUp(amount, decimals), "what is charged is at least what is credited");
    }

    function testFuzz_WadsBracketTheExactOne(uint256 amount, uint256 decimals) public pure {
        (amount, decimals) = (bound(amount, 0, MOST), bound(decimals, 18, 24));
        uint256 unit = 10 ** (decimals - 18);
        uint256 down = TokenUnits.toWadDown(amount, decimals);
        uint256 up = TokenUnits.toWadUp(amount, decimals);

        assertTrue(down * unit <= amount && (down + 1) * unit > amount);
        assertTrue(up * unit >= amount && (up == 0 || (up - 1) * unit < amount));
    }

    function testFuzz_AmountsBracketTheExactOne(uint256 wad, uint256 decimals) public pure {
        (wad, decimals) = (bound(wad, 0, MOST), bound(decimals, 0, 24));
        uint256 down = TokenUnits.toAmountDown(wad, decimals);
        uint256 up = TokenUnits.toAmountUp(wad, decimals);

        assertLe(TokenUnits.toWadUp(down, decimals), wad, "down");
        assertGe(TokenUnits.toWadDown(up, decimals), wad, "up");
        assertLe(up - down, 1, "at most one unit apart");
    }

    /// @dev TK3: so many whole tokens are the same WAD whatever the decimals.
    function testFuzz_WholeTokensAreTheSameForAllDecimals(uint256 tokens, uint256 decimals) public pure {
        (tokens, decimals) = (bound(tokens, 0, 1e15), bound(decimals, 0, 24));
        assertEq(TokenUnits.toWadDown(tokens * 10 ** decimals, decimals), tokens * 1e18);
    }

    function testFuzz_WhatIsPaidForAWadIsNeverMore(uint256 wad, uint256 decimals) public pure {
        (wad, decimals) = (bound(wad, 0, MOST), bound(decimals, 0, 24));
        uint256 amount = TokenUnits.toAmountDown(wad, decimals);
        assertLe(TokenUnits.toWadUp(amount, decimals), wad, "charged for what is paid");
        if (decimals <= 18) assertGt(TokenUnits.toWadUp(amount + 1, decimals), wad, "one unit more would be too much");
    }
}
