// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {WadMath} from "../../contracts/libraries/WadMath.sol";

/// @title WadMathTest
/// @notice Proves RD3 for products and quotients: each is the exact rational, rounded the way its name says and no
/// further.
contract WadMathTest is BaseTest {
    uint256 private constant WAD = 1e18;
    /// @dev Products of two such numbers can be checked exactly in 256 bits.
    uint256 private constant MOST = 1 << 126;

    function testFuzz_UnsignedProductsBracketTheExactOne(uint256 x, uint256 y) public pure {
        (x, y) = (bound(x, 0, MOST), bound(y, 0, MOST));
        uint256 down = WadMath.mulDown(x, y);
        uint256 up = WadMath.mulUp(x, y);

        assertLe(down * WAD, x * y);
        assertGt((down + 1) * WAD, x * y);
        assertGe(up * WAD, x * y);
        assertTrue(up == 0 || (up - 1) * WAD < x * y);
    }

    function testFuzz_ProductsUpToAWordAgreeWithOpenZeppelin(uint256 x, uint256 y) public pure {
        x = bound(x, 1, type(uint256).max);
        y = bound(y, 0, type(uint256).max / x);
        assertEq(WadMath.mulDown(x, y), Math.mulDiv(x, y, WAD));
        assertEq(WadMath.mulUp(x, y), Math.mulDiv(x, y, WAD, Math.Rounding.Ceil));
    }

    function testFuzz_RevertWhen_AProductLeavesAWord(uint256 x, uint256 y) public {
        x = bound(x, 2, type(uint256).max);
        y = bound(y, type(uint256).max / x + 1, type(uint256).max);
        vm.expectRevert(FixedPointMathLib.MulWadFailed.selector);
        this.mulDown(x, y);
        vm.expectRevert(FixedPointMathLib.MulWadFailed.selector);
        this.mulUp(x, y);
    }

    function mulDown(uint256 x, uint256 y) external pure returns (uint256) {
        return WadMath.mulDown(x, y);
    }

    function mulUp(uint256 x, uint256 y) external pure returns (uint256) {
        return WadMath.mulUp(x, y);
    }

    function testFuzz_QuotientsBracketTheExactOne(uint256 x, uint256 y) public pure {
        (x, y) = (bound(x, 0, MOST), bound(y, 1, MOST));
        uint256 down = WadMath.divDown(x, y);
        uint256 up = WadMath.divUp(x, y);

        assertLe(down * y, x * WAD);
        assertGt((down + 1) * y, x * WAD);
        assertGe(up * y, x * WAD);
        assertTrue(up == 0 || (up - 1) * y < x * WAD);
    }

    function testFuzz_SignedProductsRoundTowardsTheirInfinity(int256 x, int256 y) public pure {
        x = bound(x, -int256(MOST), int256(MOST));
        y = bound(y, -int256(MOST), int256(MOST));
        int256 down = WadMath.mulDown(x, y);
        int256 up = WadMath.mulUp(x, y);

        assertLe(down * int256(WAD), x * y);
        assertGt((down + 1) * int256(WAD), x * y);
        assertGe(up * int256(WAD), x * y);
        assertLt((up - 1) * int256(WAD), x * y);
    }

    function testFuzz_BasisPointsBracketTheExactShare(uint256 x, uint256 ratioBps) public pure {
        (x, ratioBps) = (bound(x, 0, 1 << 200), bound(ratioBps, 0, 1 << 24));
        uint256 down = WadMath.bpsDown(x, ratioBps);
        uint256 up = WadMath.bpsUp(x, ratioBps);

        assertLe(down * 10_000, x * ratioBps);
        assertGt((down + 1) * 10_000, x * ratioBps);
        assertGe(up * 10_000, x * ratioBps);
        assertTrue(up == 0 || (up - 1) * 10_000 < x * ratioBps);
    }

    function testFuzz_AbsIsTheMagnitude(int256 x) public pure {
        uint256 magnitude = WadMath.abs(x);
        assertEq(magnitude, x < 0 ? ~uint256(x) + 1 : uint256(x));
    }
}
