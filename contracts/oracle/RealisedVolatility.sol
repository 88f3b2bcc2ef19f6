// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {NotedVolatility} from "../types/NotedVolatility.sol";

/// @title RealisedVolatility
/// @notice How rounds of a feed become a volatility, and what becomes of it while there are none.
/// @dev The rational moving average of the design: of a round that came dt after the last one and moved the price from
/// p to p', with T = half-life / ln 2,
///
///   moved     = (p' - p)^2 / (p p') x year          the squared return: ln(p' / p)^2 but for its 4th power / 12
///   variance' = (T x variance + moved) / (T + dt)   within 2 % of the exact exponential average, without exp
///   sigma     = sqrt(variance)
///   silent    = (T x sigma + prior x dt) / (T + dt)    read dt after the last round: on the way to the prior
///
/// Only rounds change what is kept, so what is read does not depend on when or by whom they were brought. A feed that
/// was silent for longer than an honest one can be is taken to have moved at least as the prior says: coming back
/// without a move is no sign of calm. One round counts at most a move of 20 %, so that two wrong prints, there and
/// back, cannot hold requirements at their cap for weeks. Variances are rounded up, for what they raise is owed.
library RealisedVolatility {
    /// @notice 72 h / ln 2 [seconds].
    uint256 internal constant SLOW_SECONDS = 373_947;
    /// @notice 24 h / ln 2 [seconds].
    uint256 internal constant FAST_SECONDS = 124_649;
    /// @notice The longest time between two rounds of a feed that works: its heartbeat and what it may be late [seconds].
    uint256 internal constant HONEST_GAP = 3_900;
    /// @notice A sigma of 10 [1e-12 per year].
    uint256 internal constant MOST_VARIANCE = 1e14;

    /// @dev 20 %, squared [wad].
    uint256 private constant MOST_SQUARED_MOVE = 0.04e18;
    uint256 private constant YEAR = 365 days;

    /// @notice What a round adds to a variance before it is averaged [1e-12 x seconds per year].
    /// @param before The price until now, above 0 and below 2^148 [any unit].
    /// @param price The price of the round, the same.
    /// @param prior The prior's variance [1e-12 per year].
    /// @param elapsed The time between them [seconds].
    function movedBy(
        uint256 before,
        uint256 price,
        uint256 prior,
        uint256 elapsed
    ) internal pure returns (uint256 moved) {
        uint256 distance = FixedPointMathLib.dist(before, price) * WadMath.WAD;
        uint256 squared = WadMath.WAD;
        // Compared first, so that the product of two huge returns cannot overflow.
        (uint256 ofBefore, uint256 ofPrice) = (distance / before, distance / price);
        if (ofBefore < WadMath.WAD && ofPrice < WadMath.WAD) squared = WadMath.mulDown(ofBefore, ofPrice);
        squared = FixedPointMathLib.min(squared, MOST_SQUARED_MOVE);
        moved = FixedPointMathLib.divUp(squared * YEAR, 1e6);
        if (elapsed > HONEST_GAP) moved = FixedPointMathLib.max(moved, prior * (elapsed - HONEST_GAP));
    }

    /// @notice A variance after a round [1e-12 per year].
    /// @param variance Until now, at most MOST_VARIANCE [1e-12 per year].
    /// @param moved See movedBy.
    /// @param elapsed The time since the last round [seconds].
    /// @param memorySeconds SLOW_SECONDS or FAST_SECONDS.
    function afterRound(
        uint256 variance,
        uint256 moved,
        uint256 elapsed,
        uint256 memorySeconds
    ) internal pure returns (uint256) {
        uint256 average = FixedPointMathLib.divUp(memorySeconds * variance + moved, memorySeconds + elapsed);
        return FixedPointMathLib.min(average, MOST_VARIANCE);
    }

    /// @notice The sigmas of now: on the way to the prior while there are no rounds [wad].
    /// @param noted What was noted last.
    /// @param priorPercent The prior's sigma [percent per year].
    function sigmasNow(NotedVolatility noted, uint256 priorPercent) internal view returns (uint256 slow, uint256 fast) {
        // Unchecked: a prior is below 2^8, bps below 2^16, and the round is past.
        unchecked {
            uint256 prior = priorPercent * 1e16;
            if (NotedVolatility.unwrap(noted) == 0) return (prior, prior);
            uint256 elapsed = block.timestamp - noted.roundAt();
            slow = silentFor(noted.slowSigmaBps() * 1e14, prior, elapsed, SLOW_SECONDS);
            fast = silentFor(noted.fastSigmaBps() * 1e14, prior, elapsed, FAST_SECONDS);
        }
    }

    /// @notice A sigma, or a variance, some time after the last round: on the way to the prior, rounded up.
    /// @param value As of the round, below 2^96 [any unit].
    /// @param prior In the same unit.
    /// @param elapsed Below 2^64 [seconds].
    /// @param memorySeconds SLOW_SECONDS or FAST_SECONDS.
    function silentFor(
        uint256 value,
        uint256 prior,
        uint256 elapsed,
        uint256 memorySeconds
    ) internal pure returns (uint256) {
        // Unchecked: the products are below 2^160, and the divisor is not 0.
        unchecked {
            return FixedPointMathLib.divUp(memorySeconds * value + prior * elapsed, memorySeconds + elapsed);
        }
    }

    /// @notice The variance of a prior [1e-12 per year].
    /// @param percent Its sigma [percent per year].
    function varianceOfPrior(uint256 percent) internal pure returns (uint256) {
        return percent * percent * 1e8;
    }

    /// @notice sigma, rounded up, at most 65,535 [bps per year].
    function sigmaBpsOf(uint256 variance) internal pure returns (uint16) {
        return uint16(FixedPointMathLib.min(FixedPointMathLib.divUp(sigmaOf(variance), 1e14), type(uint16).max));
    }

    /// @notice sigma, rounded up [wad].
    function sigmaOf(uint256 variance) internal pure returns (uint256 sigma) {
        uint256 square = variance * 1e24;
        sigma = FixedPointMathLib.sqrt(square);
        if (sigma * sigma < square) ++sigma;
    }
}
