// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";

/// @title SizeBracketsTest
/// @notice Proves that the charged notional is the exact progressive sum rounded up, continuous, monotone and convex,
/// for any brackets that the Rules accept.
contract SizeBracketsTest is BaseTest {
    uint256 private constant WAD = 1e18;
    uint256 private constant MOST = 1e30;

    function testFuzz_ChargeIsTheProgressiveSumRoundedUp(uint256 seed, uint256 notional) public pure {
        BracketParameters memory parameters = _parameters(seed);
        notional = bound(notional, 0, MOST);
        uint256 charged = packSizeBrackets(parameters).chargedNotional(notional);
        uint256 exact = _tenThousandfold(parameters, notional);

        assertGe(charged * 10_000, exact, "never less");
        assertLt(charged * 10_000, exact + 3 * 10_000, "less than 1 wei more for each bracket above the first");
    }

    function testFuzz_ChargeIsContinuousAndMonotone(uint256 seed, uint256 notional, uint256 more) public pure {
        SizeBrackets brackets = packSizeBrackets(_parameters(seed));
        notional = bound(notional, 0, MOST);
        more = bound(more, 1, 1e24);
        uint256 step = brackets.chargedNotional(notional + more) - brackets.chargedNotional(notional);

        assertGe(step + 3, more, "at least at a factor of 1");
        assertLe(step, 20 * more + 3, "at most at the largest factor");
    }

    function testFuzz_ChargeIsContinuousAtEachEnd(uint256 seed) public pure {
        BracketParameters memory parameters = _parameters(seed);
        SizeBrackets brackets = packSizeBrackets(parameters);
        uint40[3] memory ends = [parameters.firstEnd, parameters.secondEnd, parameters.thirdEnd];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 end = ends[i] * WAD;
            uint256 jump = brackets.chargedNotional(end + 1) - brackets.chargedNotional(end);
            assertLe(jump, 23, "no cliff: at most the factor of one wei and three roundings");
        }
    }

    /// @dev Convex: the mean of two charges is at least the charge of the mean, so nothing is saved by netting
    /// unevenly.
    function testFuzz_ChargeIsConvex(uint256 seed, uint256 a, uint256 b) public pure {
        SizeBrackets brackets = packSizeBrackets(_parameters(seed));
        a = bound(a, 0, MOST);
        b = bound(b, 0, MOST);
        uint256 middle = brackets.chargedNotional((a + b) / 2);
        assertGe(brackets.chargedNotional(a) + brackets.chargedNotional(b) + 6, 2 * middle);
    }

    function testFuzz_SplittingNeverRaisesTheCharge(uint256 seed, uint256 a, uint256 b) public pure {
        SizeBrackets brackets = packSizeBrackets(_parameters(seed));
        a = bound(a, 0, MOST);
        b = bound(b, 0, MOST);
        assertLe(brackets.chargedNotional(a) + brackets.chargedNotional(b), brackets.chargedNotional(a + b) + 6);
    }

    /// @dev The sum over the brackets of the notional inside it times its factor, 10,000-fold and exact.
    function _tenThousandfold(
        BracketParameters memory parameters,
        uint256 notional
    ) private pure returns (uint256 sum) {
        uint256[5] memory ends = [
            0,
            parameters.firstEnd * WAD,
            parameters.secondEnd * WAD,
            parameters.thirdEnd * WAD,
            type(uint256).max
        ];
        uint256[4] memory factors = [
            uint256(10_000),
            parameters.secondFactorBps,
            parameters.thirdFactorBps,
            parameters.lastFactorBps
        ];
        for (uint256 i = 0; i < 4; ++i) {
            if (notional <= ends[i]) break;
            uint256 inside = (notional < ends[i + 1] ? notional : ends[i + 1]) - ends[i];
            sum += inside * factors[i];
        }
    }

    /// @dev Any brackets within the bounds of the Rules.
    function _parameters(uint256 seed) private pure returns (BracketParameters memory parameters) {
        parameters.firstEnd = uint40(bound(uint256(keccak256(abi.encode(seed, 1))), 1, 1e9));
        parameters.secondEnd = parameters.firstEnd + uint40(bound(uint256(keccak256(abi.encode(seed, 2))), 1, 1e10));
        parameters.thirdEnd = parameters.secondEnd + uint40(bound(uint256(keccak256(abi.encode(seed, 3))), 1, 1e11));
        parameters.secondFactorBps = uint24(bound(uint256(keccak256(abi.encode(seed, 4))), 10_000, 200_000));
        parameters.thirdFactorBps = uint24(
            bound(uint256(keccak256(abi.encode(seed, 5))), parameters.secondFactorBps, 200_000)
        );
        parameters.lastFactorBps = uint24(
            bound(uint256(keccak256(abi.encode(seed, 6))), parameters.thirdFactorBps, 200_000)
        );
    }
}
