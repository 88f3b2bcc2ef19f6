// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WadMath} from "../libraries/WadMath.sol";

/// @title Interest
/// @notice What cash costs and earns: pure arithmetic. An account stores a principal; an index turns it into cash.
/// @dev With T the tokens in the vault, D = debt x borrowIndex the sum of debts, and S the sum of positive cash:
///
///   S            = T + net + D, never below 0        all cash together is T + net, and debts are its negative part
///   u            = 1 - T / S between 0 and 1, 0 when S is 0
///   rate(u)      = base + slope x min(u, kink) + slopeAbove x max(u - kink, 0)                    per year
///   g            = x + x^2 / 2 + x^3 / 6, x = rate x elapsed / year
///   borrowIndex += borrowIndex x g
///   supplyIndex += supplyIndex x g x min(D, S) / S x (1 - reserve)
///   fund        += what debts grow by less what positive cash grows by
///
/// g is e^x - 1 but for less than e^x x^4 / 24, so at one rate it hardly matters how often anybody accrues: at 22 % a year
/// debts that nobody touches for a month grow by less than 1e-8 of themselves less than debts touched at each second.
/// Rounding: whatever debts pay is rounded up, what lenders have is rounded down, the fund has what is left, rounded
/// down: the sum of all cash never exceeds T + net. An index ends at the largest value of its type instead of
/// overflowing: nothing here can revert for any state that the pool can store. Tokens are below 2^172 wei (2^112 of 0
/// decimals), D below 2^124 and indices below 2^80, so no product leaves 256 bits.
library Interest {
    using SafeCast for uint256;

    /// @notice The state of all cash.
    struct Pool {
        /// T: tokens in the vault [wad].
        uint256 tokens;
        /// The sum of all cash less the tokens [wad].
        int256 net;
        /// The sum of the principals of debts, as a positive number [wad].
        uint256 debt;
        /// [wad]
        uint256 supplyIndex;
        /// [wad]
        uint256 borrowIndex;
    }

    /// @notice How the borrow rate follows utilisation.
    struct Curve {
        /// [bps per year]
        uint256 baseBps;
        /// [bps per year]
        uint256 slopeBps;
        /// [bps]
        uint256 kinkBps;
        /// [bps per year]
        uint256 slopeAboveBps;
    }

    /// @dev [seconds]
    uint256 private constant YEAR = 365 days;
    /// @dev One basis point [wad].
    uint256 private constant BPS = 1e14;

    // Principal and cash

    /// @notice principal x supplyIndex, rounded down: positive cash [wad].
    function cashOf(uint256 principal, uint256 supplyIndex) internal pure returns (uint256) {
        return supplyIndex == WadMath.WAD ? principal : WadMath.mulDown(principal, supplyIndex);
    }

    /// @notice principal x borrowIndex, rounded up: a debt [wad].
    function debtOf(uint256 principal, uint256 borrowIndex) internal pure returns (uint256) {
        return borrowIndex == WadMath.WAD ? principal : WadMath.mulUp(principal, borrowIndex);
    }

    /// @notice cash / supplyIndex, rounded down: the principal of positive cash [wad].
    function principalOfCash(uint256 cash, uint256 supplyIndex) internal pure returns (uint256) {
        return supplyIndex == WadMath.WAD ? cash : WadMath.divDown(cash, supplyIndex);
    }

    /// @notice debt / borrowIndex, rounded up: the principal of a debt [wad].
    function principalOfDebt(uint256 debt, uint256 borrowIndex) internal pure returns (uint256) {
        return borrowIndex == WadMath.WAD ? debt : WadMath.divUp(debt, borrowIndex);
    }

    /// @notice What a signed principal is worth: positive cash rounded down, debt up [wad].
    function presentOf(int256 principal, uint256 supplyIndex, uint256 borrowIndex) internal pure returns (int256) {
        if (principal >= 0) return cashOf(uint256(principal), supplyIndex).toInt256();
        return -debtOf(WadMath.abs(principal), borrowIndex).toInt256();
    }

    /// @notice The signed principal of cash: of positive cash rounded down, of debt up [wad].
    function principalOf(int256 cash, uint256 supplyIndex, uint256 borrowIndex) internal pure returns (int256) {
        if (cash >= 0) return principalOfCash(uint256(cash), supplyIndex).toInt256();
        return -principalOfDebt(WadMath.abs(cash), borrowIndex).toInt256();
    }

    // Rates

    /// @notice D, rounded down [wad].
    function owed(Pool memory pool) internal pure returns (uint256) {
        return WadMath.mulDown(pool.debt, pool.borrowIndex);
    }

    /// @notice S, rounded down [wad].
    function positiveCash(Pool memory pool) internal pure returns (uint256) {
        int256 sum = (pool.tokens + owed(pool)).toInt256() + pool.net;
        return sum > 0 ? uint256(sum) : 0;
    }

    /// @notice u, rounded up [wad].
    function utilisation(Pool memory pool) internal pure returns (uint256) {
        uint256 positive = positiveCash(pool);
        if (pool.tokens >= positive) return 0;
        return WadMath.divUp(positive - pool.tokens, positive);
    }

    /// @notice rate(u), rounded up [wad per year].
    function borrowRate(Curve memory curve, uint256 used) internal pure returns (uint256) {
        uint256 kink = curve.kinkBps * BPS;
        uint256 above = FixedPointMathLib.zeroFloorSub(used, kink);
        return
            curve.baseBps * BPS +
            WadMath.bpsUp(FixedPointMathLib.min(used, kink), curve.slopeBps) +
            WadMath.bpsUp(above, curve.slopeAboveBps);
    }

    /// @notice What positive cash receives: rate x min(D, S) / S x (1 - reserve), rounded down [wad per year].
    function supplyRate(Pool memory pool, uint256 rate, uint256 reservePercent) internal pure returns (uint256) {
        uint256 positive = positiveCash(pool);
        if (positive == 0) return 0;
        uint256 lent = FixedPointMathLib.min(owed(pool), positive);
        return (FixedPointMathLib.mulDiv(rate, lent, positive) * (100 - reservePercent)) / 100;
    }

    /// @notice g, rounded up [wad].
    /// @param rate The borrow rate [wad per year].
    /// @param elapsed For how long [seconds].
    function growth(uint256 rate, uint256 elapsed) internal pure returns (uint256) {
        uint256 x = FixedPointMathLib.mulDivUp(rate, elapsed, YEAR);
        uint256 square = WadMath.mulUp(x, x);
        return x + FixedPointMathLib.divUp(square, 2) + FixedPointMathLib.divUp(WadMath.mulUp(square, x), 6);
    }

    /// @notice Moves both indices of a pool.
    /// @dev Lenders receive at most g on what they have, however large the debts: one who holds the only cent would
    /// else take the interest of all. In a pool that lost nearly everything, an index near its least value, an
    /// accrual of seconds may round to nothing for them; the fund then has it.
    /// @param pool The pool; its indices are changed.
    /// @param g By how much debts grow [wad].
    /// @param reservePercent The fund's share of what lenders would receive [percent].
    /// @return toFund What debts grow by less what positive cash grows by; not taken from `net` yet [wad].
    function grow(Pool memory pool, uint256 g, uint256 reservePercent) internal pure returns (uint256 toFund) {
        uint256 positive = positiveCash(pool);
        uint256 lent = FixedPointMathLib.min(owed(pool), positive);
        uint256 borrowIndex = pool.borrowIndex;
        pool.borrowIndex = FixedPointMathLib.min(borrowIndex + WadMath.mulUp(borrowIndex, g), type(uint80).max);
        toFund = WadMath.mulDown(pool.debt, pool.borrowIndex - borrowIndex);
        if (positive == 0) return toFund;

        uint256 earned = (WadMath.mulDown(lent, g) * (100 - reservePercent)) / 100;
        earned = FixedPointMathLib.min(earned, toFund);
        uint256 index = pool.supplyIndex;
        uint256 raised = index + FixedPointMathLib.mulDiv(index, earned, positive);
        pool.supplyIndex = FixedPointMathLib.min(raised, type(uint72).max);
        // S was rounded down by less than one: with one more this is at least what positive cash grows by.
        uint256 received = FixedPointMathLib.mulDivUp(positive + 1, pool.supplyIndex - index, index);
        toFund = FixedPointMathLib.zeroFloorSub(toFund, received);
    }
}
