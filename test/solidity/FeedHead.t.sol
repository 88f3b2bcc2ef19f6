// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {FeedHead, packFeedHead} from "../../contracts/types/FeedHead.sol";

/// @title FeedHeadTest
/// @notice That a feed's word calls no answer well inside of its band that is not, and that its fields keep apart.
contract FeedHeadTest is BaseTest {
    /// @dev What is well inside is strictly inside; what else is inside lies within a factor of two of an end.
    function testFuzz_WellInsideIsInside(uint128 minimum, uint128 maximum, uint256 answer, uint8 bits) public pure {
        minimum = uint128(bound(minimum >> (bits % 127), 1, type(uint128).max - 1));
        maximum = uint128(bound(maximum, uint256(minimum) + 1, type(uint128).max));
        FeedHead head = packFeedHead(address(1), 0, 0, minimum, maximum);
        answer >>= bits;
        if (head.isWellInside(answer)) {
            assertGt(answer, minimum);
            assertLt(answer, maximum);
        } else if (answer > minimum && answer < maximum) {
            assertTrue(answer < 2 * uint256(minimum) || 2 * answer >= maximum, "far from both ends");
        }
    }

    /// @dev At every power of two and beside it, against every other: all the edges there are.
    function test_EveryEdgeOfPowersOfTwo() public pure {
        for (uint256 i = 0; i < 127; i += 3) {
            for (uint256 j = i; j < 128; j += 5) {
                _assertEdges(2 ** i, 2 ** j);
                _assertEdges(2 ** i, 2 ** j - 1);
                _assertEdges(2 ** i, 2 ** j + 1);
                _assertEdges(2 ** i + 1, 2 ** j);
                if (i != 0) _assertEdges(2 ** i - 1, 2 ** j);
            }
        }
    }

    function testFuzz_FieldsKeepToThemselves(
        address proxy,
        uint32 age,
        uint8 decimals,
        uint256[5] memory other
    ) public pure {
        uint256 minimum = bound(other[0], 1, type(uint128).max - 1);
        uint256 maximum = bound(other[1], minimum + 1, type(uint128).max);
        FeedHead alone = packFeedHead(proxy, age, decimals, minimum, maximum);
        FeedHead head = alone.withSources(uint8(other[2]), uint8(other[3]), uint16(other[4])).withSequencer(true);
        assertEq(head.aggregator(), proxy);
        assertEq(head.maximumAge(), age);
        assertEq(head.feedDecimals(), decimals);
        assertEq(head.primaryCount(), uint8(other[2]));
        assertEq(head.secondaryCount(), uint8(other[3]));
        assertEq(head.allowedDeviationBps(), uint16(other[4]));
        assertTrue(head.hasSequencer());
        assertFalse(head.withSequencer(false).hasSequencer());
        for (uint256 i = 0; i < 256; ++i) {
            assertEq(head.isWellInside(1 << i), alone.isWellInside(1 << i), "the band stays");
        }
    }

    function _assertEdges(uint256 minimum, uint256 maximum) private pure {
        if (minimum >= maximum || maximum > type(uint128).max) return;
        FeedHead head = packFeedHead(address(1), 0, 0, uint128(minimum), uint128(maximum));
        uint256 low = 2 ** (FixedPointMathLib.log2(minimum) + 1);
        uint256 high = 2 ** FixedPointMathLib.log2(maximum);
        assertFalse(head.isWellInside(minimum), "the minimum");
        assertFalse(head.isWellInside(maximum), "the maximum");
        assertFalse(head.isWellInside(low - 1), "below the lower power");
        assertFalse(head.isWellInside(high), "the higher power");
        assertEq(head.isWellInside(low), low < high, "the lower power");
        assertEq(head.isWellInside(high - 1), low < high, "below the higher power");
        assertFalse(head.isWellInside(0), "nothing");
        assertFalse(head.isWellInside(type(uint256).max), "everything");
    }
}
