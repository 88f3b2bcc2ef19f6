// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {StandardRates} from "../../contracts/margin/StandardRates.sol";
import {RealisedVolatility} from "../../contracts/oracle/RealisedVolatility.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {FollowedRound} from "../../contracts/types/FollowedRound.sol";
import {NotedVolatility, packNotedVolatility} from "../../contracts/types/NotedVolatility.sol";
import {RateRules, UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";

/// @title RealisedVolatilityTest
/// @notice The volatility rule against exact rational arithmetic: each result is compared with numerator and
/// denominator by multiplication. Variances and rates are rounded up, by less than one unit.
contract RealisedVolatilityTest is BaseTest {
    uint256 private constant YEAR = 365 days;
    uint256 private constant MOST = 1e14;
    /// @dev 655 % [bps].
    uint256 private constant MOST_NOTED = type(uint16).max;
    uint256 private constant MOST_SQUARED = 0.04e18;
    uint256 private constant SLOW = RealisedVolatility.SLOW_SECONDS;
    uint256 private constant FAST = RealisedVolatility.FAST_SECONDS;

    // Moves

    /// @dev squared = (p1 - p0)^2 / (p0 p1), down by less than 3 of its 18 decimals.
    function testFuzz_AMoveIsItsSquaredReturn(uint256 before, uint256 price) public pure {
        before = bound(before, 1, 1e24);
        price = bound(price, 1, 1e24);
        uint256 squared = _squared(RealisedVolatility.movedBy(before, price, 0, 0));
        uint256 distance = FixedPointMathLib.dist(before, price);
        uint256 exact = distance * distance * 1e18;
        if (squared == MOST_SQUARED) return assertGe(exact, MOST_SQUARED * before * price, "saturated");
        assertLe(squared * before * price, exact, "never above");
        assertGt((squared + 3) * before * price, exact, "less than 3 below");
    }

    function testFuzz_AMoveCountsTheSameUpAndDown(
        uint256 before,
        uint256 price,
        uint256 prior,
        uint256 gap
    ) public pure {
        before = bound(before, 1, type(uint128).max);
        price = bound(price, 1, type(uint128).max);
        prior = bound(prior, 0, MOST);
        gap = bound(gap, 0, type(uint32).max);
        uint256 there = RealisedVolatility.movedBy(before, price, prior, gap);
        assertEq(RealisedVolatility.movedBy(price, before, prior, gap), there);
    }

    /// @dev Prices of the whole range that a feed of 24 decimals may have.
    function testFuzz_AMoveCountsTwentyPercentAtMost(uint256 before, uint256 price) public pure {
        before = bound(before, 1, 2 ** 148 - 1);
        price = bound(price, 1, 2 ** 148 - 1);
        uint256 moved = RealisedVolatility.movedBy(before, price, 0, 3_900);
        assertLe(moved, (MOST_SQUARED * YEAR) / 1e6);
        if (price >= 2 * before || before >= 2 * price) assertEq(moved, (MOST_SQUARED * YEAR) / 1e6);
    }

    function testFuzz_ALargerMoveCountsNoLess(uint256 before, uint256 small, uint256 large, bool up) public pure {
        before = bound(before, 2, type(uint128).max / 2);
        large = bound(large, 0, before - 1);
        small = bound(small, 0, large);
        uint256 less = RealisedVolatility.movedBy(before, up ? before + small : before - small, 0, 0);
        uint256 more = RealisedVolatility.movedBy(before, up ? before + large : before - large, 0, 0);
        assertLe(less, more);
    }

    /// @dev Exactly at 3,900 seconds nothing is added, and from there on the prior for every second.
    function testFuzz_ALongGapCountsAtLeastThePrior(uint256 prior, uint256 gap) public pure {
        prior = bound(prior, 1, 255 * 255 * 1e8);
        gap = bound(gap, 0, type(uint32).max);
        uint256 moved = RealisedVolatility.movedBy(3_000e8, 3_000e8, prior, gap);
        assertEq(moved, gap > 3_900 ? prior * (gap - 3_900) : 0);
    }

    // Variances

    function testFuzz_ARoundAveragesExactlyRoundedUp(
        uint256 variance,
        uint256 moved,
        uint256 elapsed,
        bool slow
    ) public pure {
        variance = bound(variance, 0, MOST);
        moved = bound(moved, 0, 1e22);
        elapsed = bound(elapsed, 0, type(uint32).max);
        uint256 memorySeconds = slow ? SLOW : FAST;
        uint256 average = RealisedVolatility.afterRound(variance, moved, elapsed, memorySeconds);
        uint256 exact = memorySeconds * variance + moved;
        if (average == MOST) return assertGt(exact, (MOST - 1) * (memorySeconds + elapsed), "saturated");
        assertGe(average * (memorySeconds + elapsed), exact, "never below");
        assertLt(average * (memorySeconds + elapsed), exact + memorySeconds + elapsed, "less than a unit above");
    }

    function testFuzz_ARoundKeepsAVarianceAboveZero(uint256 variance, uint256 elapsed, bool slow) public pure {
        variance = bound(variance, 1, MOST);
        elapsed = bound(elapsed, 0, type(uint32).max);
        assertGt(RealisedVolatility.afterRound(variance, 0, elapsed, slow ? SLOW : FAST), 0);
    }

    function testFuzz_ALargerVarianceStaysNoSmaller(
        uint256 less,
        uint256 more,
        uint256 moved,
        uint256 elapsed
    ) public pure {
        more = bound(more, 0, MOST);
        less = bound(less, 0, more);
        moved = bound(moved, 0, 1e22);
        elapsed = bound(elapsed, 0, type(uint32).max);
        assertLe(
            RealisedVolatility.afterRound(less, moved, elapsed, SLOW),
            RealisedVolatility.afterRound(more, moved, elapsed, SLOW)
        );
    }

    function testFuzz_SilenceIsBetweenVarianceAndPrior(uint256 variance, uint256 percent, uint256 elapsed) public pure {
        variance = bound(variance, 0, MOST);
        uint256 prior = RealisedVolatility.varianceOfPrior(bound(percent, 1, 255));
        elapsed = bound(elapsed, 0, type(uint32).max);
        uint256 now_ = RealisedVolatility.silentFor(variance, prior, elapsed, SLOW);
        assertGe(now_, FixedPointMathLib.min(variance, prior));
        assertLe(now_, FixedPointMathLib.max(variance, prior));
        assertGe(now_ * (SLOW + elapsed), SLOW * variance + prior * elapsed, "never below");
        assertLt(now_ * (SLOW + elapsed), SLOW * variance + prior * elapsed + SLOW + elapsed, "less than a unit above");
        if (elapsed == 0) assertEq(now_, variance);
    }

    function testFuzz_LongerSilenceIsNearerToThePrior(
        uint256 variance,
        uint256 percent,
        uint256 one,
        uint256 two
    ) public pure {
        variance = bound(variance, 0, MOST);
        uint256 prior = RealisedVolatility.varianceOfPrior(bound(percent, 1, 255));
        two = bound(two, 0, type(uint32).max);
        one = bound(one, 0, two);
        uint256 sooner = RealisedVolatility.silentFor(variance, prior, one, FAST);
        uint256 later = RealisedVolatility.silentFor(variance, prior, two, FAST);
        if (variance > prior) assertLe(later, sooner);
        else assertGe(later, sooner);
    }

    function testFuzz_SigmaIsTheRootRoundedUp(uint256 variance) public pure {
        variance = bound(variance, 0, MOST);
        uint256 sigma = RealisedVolatility.sigmaOf(variance);
        assertGe(sigma * sigma, variance * 1e24);
        if (variance != 0) assertLt((sigma - 1) ** 2, variance * 1e24);
        assertLe(sigma, 10e18);
    }

    function test_ThePriorIsExact() public pure {
        for (uint256 percent = 1; percent < 256; ++percent) {
            assertEq(RealisedVolatility.sigmaOf(RealisedVolatility.varianceOfPrior(percent)), percent * 1e16);
        }
    }

    /// @dev A basis point squared is 1e4 units of variance.
    function testFuzz_WhatIsNotedIsTheRootInBasisPointsRoundedUp(uint256 variance) public pure {
        variance = bound(variance, 0, MOST);
        uint256 bps = RealisedVolatility.sigmaBpsOf(variance);
        if (bps != MOST_NOTED) assertGe(bps * bps * 1e4, variance, "never below, but for the most that fits");
        if (bps != 0) assertLt((bps - 1) ** 2 * 1e4, variance, "less than a basis point above");
        if (variance >= MOST_NOTED ** 2 * 1e4) assertEq(bps, MOST_NOTED, "saturated");
    }

    function test_ThePriorIsNotedExactly() public pure {
        for (uint256 percent = 1; percent < 256; ++percent) {
            uint256 variance = RealisedVolatility.varianceOfPrior(percent);
            assertEq(RealisedVolatility.sigmaBpsOf(variance), percent * 100);
            assertEq(RealisedVolatility.sigmaBpsOf(variance + 1), percent * 100 + 1);
        }
    }

    function testFuzz_ALargerVarianceIsNotedNoSmaller(uint256 less, uint256 more) public pure {
        more = bound(more, 0, MOST);
        less = bound(less, 0, more);
        assertLe(RealisedVolatility.sigmaBpsOf(less), RealisedVolatility.sigmaBpsOf(more));
    }

    // Reading

    /// @dev sigma = (T noted + prior dt) / (T + dt), rounded up, and between both.
    function testFuzz_WhatIsReadGoesFromTheNotedToThePrior(
        uint16[2] memory noted,
        uint32 roundAt,
        uint32 elapsed,
        uint8 percent
    ) public {
        roundAt = uint32(bound(roundAt, 1, type(uint32).max));
        percent = uint8(bound(percent, 1, 255));
        vm.warp(uint256(roundAt) + elapsed);
        NotedVolatility word = packNotedVolatility(noted[0], noted[1], roundAt);
        (uint256 slow, uint256 fast) = RealisedVolatility.sigmasNow(word, percent);
        _assertRead(slow, uint256(noted[0]) * 1e14, uint256(percent) * 1e16, elapsed, SLOW);
        _assertRead(fast, uint256(noted[1]) * 1e14, uint256(percent) * 1e16, elapsed, FAST);
    }

    function testFuzz_WhatWasNeverNotedIsThePrior(uint256 time, uint8 percent) public {
        vm.warp(bound(time, 0, type(uint64).max));
        (uint256 slow, uint256 fast) = RealisedVolatility.sigmasNow(NotedVolatility.wrap(0), percent);
        assertEq(slow, uint256(percent) * 1e16);
        assertEq(fast, uint256(percent) * 1e16);
    }

    // Rates

    /// @dev clamp(A + B sigma, floor, cap), against the numerator over 1e22.
    function testFuzz_MaintenanceIsTheExactRateRoundedUp(uint256 seed, uint256 slow, uint256 fast) public pure {
        UnderlyingParameters memory rates = _rates(seed);
        slow = bound(slow, 0, 10e18);
        fast = bound(fast, 0, 10e18);
        (, uint256 maintenance) = StandardRates.ratesOf(packRateRules(rates), slow, fast);
        // [1e-22]
        uint256 exact = uint256(rates.maintenanceBaseBps) * 1e18 + rates.maintenanceSlopeBps * slow;
        uint256 floor = uint256(rates.maintenanceFloorBps) * 1e18;
        exact = FixedPointMathLib.clamp(exact, floor, uint256(rates.maintenanceCapBps) * 1e18);
        assertGe(maintenance * 1e4, exact, "never below");
        assertLt(maintenance * 1e4, exact + 1e4, "less than a wei above");
    }

    function testFuzz_MoreVolatilityNeverLowersARate(uint256 seed, uint256[4] memory sigmas) public pure {
        RateRules rules = packRateRules(_rates(seed));
        for (uint256 i = 0; i < 4; ++i) sigmas[i] = bound(sigmas[i], 0, 10e18);
        (uint256 slow, uint256 fast) = (sigmas[0], sigmas[1]);
        (uint256 initial, uint256 maintenance) = StandardRates.ratesOf(rules, slow, fast);
        slow = FixedPointMathLib.max(slow, sigmas[2]);
        fast = FixedPointMathLib.max(fast, sigmas[3]);
        (uint256 initialAfter, uint256 maintenanceAfter) = StandardRates.ratesOf(rules, slow, fast);
        assertLe(initial, initialAfter, "initial");
        assertLe(maintenance, maintenanceAfter, "maintenance");
        assertGe(initialAfter, maintenanceAfter, "initial is never below maintenance");
    }

    function testFuzz_TheFastHalfLifeLeavesMaintenanceAlone(
        uint256 seed,
        uint256 slow,
        uint256[2] memory fast
    ) public pure {
        RateRules rules = packRateRules(_rates(seed));
        slow = bound(slow, 0, 10e18);
        (, uint256 one) = StandardRates.ratesOf(rules, slow, bound(fast[0], 0, 10e18));
        (, uint256 two) = StandardRates.ratesOf(rules, slow, bound(fast[1], 0, 10e18));
        assertEq(one, two);
    }

    // The kept price

    /// @dev 56 bits of it at least, and nothing of the rest of the word.
    function testFuzz_AnAnswerIsKeptButForItsLowBits(
        uint256 word,
        uint256 answer,
        uint256[3] memory fields
    ) public pure {
        answer = bound(answer, 1, 2 ** 148 - 1);
        uint256 time = bound(fields[0], 0, type(uint32).max);
        uint256 slow = bound(fields[1], 0, MOST);
        uint256 fast = bound(fields[2], 0, MOST);
        FollowedRound followed = FollowedRound.wrap(word);
        FollowedRound changed = followed.withAnswer(answer, time, slow, fast);
        uint256 kept = changed.answerOf();
        assertLe(kept, answer);
        assertLe((answer - kept) * 2 ** 55, answer, "less than 2^-55 of it");
        if (answer < 2 ** 56) assertEq(kept, answer);
        assertEq(changed.acceptedAt(), time);
        assertEq(changed.slowVariance(), slow);
        assertEq(changed.fastVariance(), fast);
        assertEq(changed.roundOf(), followed.roundOf());
        assertEq(changed.phaseOf(), followed.phaseOf());
    }

    function testFuzz_ALookedAtRoundChangesNothingElse(uint256 word, uint256 phase, uint256 round) public pure {
        phase = bound(phase, 0, type(uint16).max);
        round = bound(round, 0, type(uint48).max);
        FollowedRound changed = FollowedRound.wrap(word).withRound(phase, round);
        assertEq(changed.phaseOf(), phase);
        assertEq(changed.roundOf(), round);
        assertEq(FollowedRound.unwrap(changed) << 64, word << 64);
    }

    // Helpers

    function _assertRead(
        uint256 sigma,
        uint256 noted,
        uint256 prior,
        uint256 elapsed,
        uint256 memorySeconds
    ) private pure {
        uint256 whole = memorySeconds + elapsed;
        uint256 exact = memorySeconds * noted + prior * elapsed;
        assertGe(sigma * whole, exact, "never below");
        assertLt(sigma * whole, exact + whole, "less than a wei above");
        assertGe(sigma, FixedPointMathLib.min(noted, prior), "not past the lower");
        assertLe(sigma, FixedPointMathLib.max(noted, prior), "not past the higher");
        if (elapsed == 0) assertEq(sigma, noted, "what was noted");
    }

    /// @dev moved = ceil(squared x YEAR / 1e6), the other way round.
    function _squared(uint256 moved) private pure returns (uint256) {
        return (moved * 1e6) / YEAR;
    }

    /// @dev Within the bounds of the Rules.
    function _rates(uint256 seed) private pure returns (UnderlyingParameters memory rates) {
        rates.maintenanceFloorBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 1))), 1, 5_000));
        uint256 floor = rates.maintenanceFloorBps;
        rates.maintenanceCapBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 2))), floor, 5_000));
        uint256 cap = rates.maintenanceCapBps;
        rates.maintenanceBaseBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 3))), 0, cap));
        rates.maintenanceSlopeBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 4))), 0, 10_000));
        rates.initialFloorBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 5))), floor, 10_000));
        rates.maintenanceToInitialBps = uint16(_bound(uint256(keccak256(abi.encode(seed, 6))), 1_000, 10_000));
    }
}
