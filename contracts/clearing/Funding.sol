// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {FundingRules} from "../types/FundingRules.sol";

/// @title Funding
/// @notice What longs pay shorts, so that a perpetual trades near its index: section 5 of the design.
/// @dev
///   of one trade    p  = price / index price - 1
///                   g  = p beyond (interest -+ dead band), clamped to +-cap - interest
///   of all trades   P <- P + w (g - P),  w = min(1, notional / depth), after P has faded since the last one
///                   P(t) = P x max(0, 1 - t / FADE)
///   rate            interest + P(t), for a period, within +-cap
///   index        += mark x integral of the rate: mark is the index price at the last trade
/// The integral of a straight line is exact in closed form, and nothing of it depends on who asks when: only trades move
/// P, its time and the mark. So accrual costs the same whatever the time, and is the same however often it is asked for.
///
/// Nobody earns by a false premium. Whoever trades with himself pays fees, and a trade counts only as far as it has paid
/// FEE_RATE: for a notional n it moves P by at most 2 cap x n / depth, for at most the equivalent of one FADE (trades of
/// dust may keep renewing it), so what the whole open interest pays for it is at most
///   open interest x 2 cap x n / depth x FADE / PERIOD  <=  FEE_RATE x n
/// as long as depth >= open interest x 2 cap x FADE / (PERIOD x FEE_RATE), which `leastDepthShareBps` says and the Rules
/// enforce. The design's 1 % of open interest would let fees of $700 earn $75,000.
library Funding {
    /// @notice The time for which rates are quoted [seconds].
    uint256 internal constant PERIOD = 8 hours;
    /// @notice After this time without a trade nothing is left of a premium [seconds].
    uint256 internal constant FADE = 5 minutes;
    /// @notice The fees of both sides that a trade must have paid to count wholly [millionths of notional].
    uint256 internal constant FEE_RATE = 500;
    /// @notice The least notional that sets the premium anew, however little is open [wad].
    uint256 internal constant LEAST_DEPTH = 250_000e18;
    /// @notice One in the unit of stored premium rates.
    int256 internal constant UNIT = 1e15;
    /// @dev One millionth in that unit.
    int256 private constant MILLIONTH = 1e9;
    uint256 private constant MILLION = 1_000_000;
    uint256 private constant YEAR = 365 days;

    /// @notice What longs have paid and shorts received for one unit of size since the last trade; rounded by less than
    /// mark / (UNIT x PERIOD) and 1 wei, the same for both [wad].
    /// @param mark The index price at that trade [wad].
    /// @param premium P at that trade [1e-15 per period].
    /// @param interest [millionths per period]
    /// @param elapsed [seconds]
    function accrued(uint256 mark, int256 premium, int256 interest, uint256 elapsed) internal pure returns (int256) {
        // Unchecked: mark < 2^96, premium and interest x MILLIONTH < 2^48, elapsed < 2^32.
        unchecked {
            int256 area = interest * MILLIONTH * int256(elapsed);
            if (premium != 0) {
                uint256 time = FixedPointMathLib.min(elapsed, FADE);
                area += (premium * int256(time * (2 * FADE - time))) / int256(2 * FADE);
            }
            return (int256(mark) * area) / (UNIT * int256(PERIOD));
        }
    }

    /// @notice What is left of a premium, rounded towards 0 [1e-15 per period].
    function faded(int256 premium, uint256 elapsed) internal pure returns (int256) {
        if (premium == 0 || elapsed >= FADE) return 0;
        // Unchecked: premium < 2^48.
        unchecked {
            return (premium * int256(FADE - elapsed)) / int256(FADE);
        }
    }

    /// @notice What a trade says of the rate, beyond the interest: g [1e-15 per period].
    /// @param price At which it was made [wad].
    /// @param mark The index price [wad].
    /// @param rules The underlying's.
    function observed(uint256 price, uint256 mark, FundingRules rules) internal pure returns (int256) {
        // Unchecked: prices < 2^128, all else < 2^48, and a mark is not 0.
        unchecked {
            int256 interest = int256(rules.interestMillionths()) * MILLIONTH;
            int256 deadBand = int256(rules.deadBandMillionths()) * MILLIONTH;
            int256 cap = int256(rules.capMillionths()) * MILLIONTH;
            int256 beyond = ((int256(price) - int256(mark)) * UNIT) / int256(mark) - interest;
            if (FixedPointMathLib.abs(beyond) <= uint256(deadBand)) return 0;
            beyond += beyond > 0 ? -deadBand : deadBand;
            return FixedPointMathLib.clamp(beyond, -cap - interest, cap - interest);
        }
    }

    /// @notice How much of a trade's notional counts: as far as it has paid the fees, rounded down [wad].
    function countedNotional(uint256 notional, uint256 fees) internal pure returns (uint256) {
        // Unchecked: fees < 2^129.
        unchecked {
            return FixedPointMathLib.min(notional, (fees * MILLION) / FEE_RATE);
        }
    }

    /// @notice The premium after trades [1e-15 per period].
    /// @param premium What was left of it before.
    /// @param average g of the trades, weighted by what counted of their notionals.
    /// @param counted What counted of them in all [wad].
    /// @param depth What sets the premium anew [wad].
    function moved(int256 premium, int256 average, uint256 counted, uint256 depth) internal pure returns (int256) {
        if (counted >= depth) return average;
        // Unchecked: premiums < 2^48, counted < 2^160.
        unchecked {
            return premium + ((average - premium) * int256(counted)) / int256(depth);
        }
    }

    /// @notice The notional that sets the premium anew, rounded up [wad].
    /// @param openNotional The instrument's open interest at the mark, the larger of before and after the trades [wad].
    function depthOf(uint256 openNotional, FundingRules rules) internal pure returns (uint256) {
        return FixedPointMathLib.max(LEAST_DEPTH, WadMath.bpsUp(openNotional, rules.depthShareBps()));
    }

    /// @notice The least share of open interest as depth with which a false premium costs what it earns [bps].
    function leastDepthShareBps(uint256 cap) internal pure returns (uint256) {
        return FixedPointMathLib.divUp(2 * cap * FADE * 10_000, PERIOD * FEE_RATE);
    }

    /// @notice A rate for a period as one for a year [wad per year].
    function perYear(int256 rate) internal pure returns (int256) {
        return (rate * int256(YEAR) * int256(WadMath.WAD)) / (int256(PERIOD) * UNIT);
    }

    /// @notice interest + P, for a period [1e-15].
    function rateOf(int256 premium, int256 interest) internal pure returns (int256) {
        return interest * MILLIONTH + premium;
    }
}
