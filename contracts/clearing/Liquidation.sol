// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {LiquidationRules} from "../types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "../types/LiquidationTerms.sol";

/// @title Liquidation
/// @notice The price of a slice of an account below the line: section 6.1 of the design.
/// @dev With equity R and maintenance requirement M, both of the whole account:
///   incentive   I = min(rho x M, max(R, rhoMin x M)),  rho from rhoMin at R = M to rhoMax at R <= 0, linear in R
///   pays        L = R - I
///   receives    A = max(R - I - kappa x M, 0)
///   insurance   L - A
/// The discount grows as the account sinks, so whoever waits for a better price bets against all others: an auction
/// without a clock. The account alone pays it, but for the floor rhoMin x M that the fund guarantees.
library Liquidation {
    /// @notice The terms for an account, its fraction left 0. All are rounded against the liquidator or the account, so
    /// for the fund.
    /// @param equity R, below `maintenance` [wad].
    /// @param maintenance M [wad].
    /// @param rules The rules of liquidation.
    function termsOf(
        int256 equity,
        uint256 maintenance,
        LiquidationRules rules
    ) internal pure returns (LiquidationTerms memory terms) {
        uint256 missing = equity <= 0 ? maintenance : maintenance - uint256(equity);
        uint256 least = WadMath.bpsDown(maintenance, rules.leastIncentiveBps());
        uint256 offered = least + WadMath.bpsDown(missing, rules.mostIncentiveBps() - rules.leastIncentiveBps());
        uint256 affordable = equity > int256(least) ? uint256(equity) : least;

        terms.equity = equity;
        terms.maintenance = maintenance;
        terms.incentive = FixedPointMathLib.min(offered, affordable);
        terms.payment = equity - int256(terms.incentive);
        int256 received = terms.payment - int256(WadMath.bpsUp(maintenance, rules.insuranceFeeBps()));
        terms.toAccount = received > 0 ? uint256(received) : 0;
    }

    /// @notice What the account is to be worth afterwards, as a multiple of its requirement: (1 + buffer) x M, rounded
    /// up.
    function targetOf(uint256 maintenance, LiquidationRules rules) internal pure returns (uint256) {
        return maintenance + WadMath.bpsUp(maintenance, rules.bufferBps());
    }

    /// @notice The least slice that restores an account whose requirement shrinks with the slice, rounded up; 1 when
    /// the account receives nothing for what it gives.
    /// @dev From R (1 - f) + f A = T (1 - f): f = (T - R) / (T - R + A).
    /// @param terms The terms, with R and A.
    /// @param target T, above R [wad].
    function proportionalFraction(LiquidationTerms memory terms, uint256 target) internal pure returns (uint256) {
        if (terms.toAccount == 0) return WadMath.WAD;
        uint256 gap = uint256(int256(target) - terms.equity);
        return WadMath.divUp(gap, gap + terms.toAccount);
    }

    /// @notice How far the account would be above its target after a slice; negative: below [wad].
    /// @param terms The terms, with R and A.
    /// @param fraction The slice f [wad].
    /// @param target T(1 - f): the target of what remains [wad].
    function surplusAfter(
        LiquidationTerms memory terms,
        uint256 fraction,
        uint256 target
    ) internal pure returns (int256) {
        int256 kept = WadMath.mulDown(terms.equity, int256(WadMath.WAD - fraction));
        return kept + int256(WadMath.mulDown(terms.toAccount, fraction)) - int256(target);
    }

    /// @notice What the insurance fund is asked to pay for the fraction of the terms: what the liquidator is to be paid
    /// beyond what the account gives [wad].
    function dueFromFund(LiquidationTerms memory terms) internal pure returns (uint256) {
        int256 payment = WadMath.mulUp(terms.payment, int256(terms.fraction));
        return payment < 0 ? uint256(-payment) : 0;
    }

    /// @notice Turns terms into cash for their fraction, given what the insurance fund can pay.
    /// @dev What the fund lacks beyond the account's own loss is taken from the incentive, never from winners: only that loss,
    /// -min(R, 0) x f, goes further down the waterfall. An account that receives anything asks the fund for nothing:
    /// A > 0 means L > kappa x M.
    /// @param terms The terms with their fraction.
    /// @param fundPays What the fund pays of what is due from it [wad].
    function settlementOf(
        LiquidationTerms memory terms,
        uint256 fundPays
    ) internal pure returns (LiquidationSettlement memory settlement) {
        settlement.payment = WadMath.mulUp(terms.payment, int256(terms.fraction));
        settlement.toAccount = WadMath.mulDown(terms.toAccount, terms.fraction);
        settlement.toInsurance = settlement.payment - int256(settlement.toAccount);
        if (settlement.toInsurance >= 0) return settlement;

        uint256 missing = uint256(-settlement.toInsurance) - fundPays;
        uint256 ownLoss = terms.equity < 0 ? WadMath.mulUp(uint256(-terms.equity), terms.fraction) : 0;
        settlement.loss = FixedPointMathLib.min(missing, ownLoss);
        settlement.payment += int256(missing - settlement.loss);
        settlement.toInsurance = -int256(fundPays);
    }
}
