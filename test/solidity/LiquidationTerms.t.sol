// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {Liquidation} from "../../contracts/clearing/Liquidation.sol";
import {
    LiquidationParameters,
    LiquidationRules,
    packLiquidationRules
} from "../../contracts/types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "../../contracts/types/LiquidationTerms.sol";

/// @title LiquidationTermsTest
/// @notice Proves section 6.1 of the design on numbers alone: incentive, payment and what the account receives lie
/// within their bounds for any rules, move continuously with equity, and the settlement sums to the loss that is left.
contract LiquidationTermsTest is BaseTest {
    uint256 private constant WAD = 1e18;

    function testFuzz_AccountNeverReceivesMoreThanIsPaidForIt(
        uint256 seed,
        int256 equity,
        uint256 maintenance
    ) public pure {
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        assertEq(terms.payment, terms.equity - int256(terms.incentive), "L = R - I");
        assertTrue(terms.toAccount == 0 || int256(terms.toAccount) <= terms.payment, "A <= R - I");
        assertTrue(
            terms.toAccount == 0 || terms.equity > int256(terms.toAccount),
            "A < R: each slice costs the account"
        );
    }

    function testFuzz_IncentiveLiesBetweenItsBounds(uint256 seed, int256 equity, uint256 maintenance) public pure {
        LiquidationRules rules = _rules(seed);
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        uint256 least = (terms.maintenance * rules.leastIncentiveBps()) / 10_000;

        assertGe(terms.incentive, least, "at least the floor");
        assertLe(terms.incentive * 10_000, terms.maintenance * rules.mostIncentiveBps(), "at most rhoMax x M");
        if (terms.incentive > least) {
            assertLe(int256(terms.incentive), terms.equity, "above the floor only what the account can pay");
        }
    }

    /// @dev At most (rhoMax - rhoMin) wei for a wei of equity on one branch, one wei on the other; one more for
    /// rounding.
    function testFuzz_IncentiveIsContinuousInEquity(uint256 seed, int256 equity, uint256 maintenance) public pure {
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        if (terms.equity + 1 >= int256(terms.maintenance)) return;
        LiquidationTerms memory next = Liquidation.termsOf(terms.equity + 1, terms.maintenance, _rules(seed));

        assertApproxEqAbs(terms.incentive, next.incentive, 1);
        assertApproxEqAbs(terms.toAccount, next.toAccount, 2);
    }

    /// @dev A Dutch auction in health: whoever waits is offered a larger share of the requirement, until equity is
    /// short.
    function testFuzz_IncentiveGrowsAsSolventAccountsSink(uint256 seed, uint256 maintenance) public pure {
        LiquidationRules rules = _rules(seed);
        maintenance = bound(maintenance, 1e18, 1e30);
        uint256 atLine = Liquidation.termsOf(int256(maintenance) - 1, maintenance, rules).incentive;
        uint256 least = (maintenance * rules.leastIncentiveBps()) / 10_000;
        assertApproxEqAbs(atLine, least, 1, "rhoMin at the line");
        uint256 bankrupt = Liquidation.termsOf(-1, maintenance, rules).incentive;
        assertEq(bankrupt, least, "the floor at no equity: more would be paid by others");
    }

    function testFuzz_FractionIsTheLeastThatReachesAProportionalTarget(
        uint256 seed,
        int256 equity,
        uint256 maintenance
    ) public pure {
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        uint256 target = Liquidation.targetOf(terms.maintenance, _rules(seed));
        uint256 fraction = Liquidation.proportionalFraction(terms, target);
        assertTrue(fraction > 0 && fraction <= WAD, "in (0, 1]");
        if (terms.toAccount == 0) return assertEq(fraction, WAD, "whole when the account receives nothing");

        // (T - R)(1 - f) <= f A, and not so with a wei less.
        uint256 gap = uint256(int256(target) - terms.equity);
        assertGe(fraction * terms.toAccount, gap * (WAD - fraction), "reached");
        assertLt((fraction - 1) * terms.toAccount, gap * (WAD - fraction + 1), "not reached with less");
    }

    function testFuzz_SettlementSumsToTheLoss(
        uint256 seed,
        int256 equity,
        uint256 maintenance,
        uint256 fraction,
        uint256 fundPays
    ) public pure {
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        terms.fraction = bound(fraction, 1e12, WAD);
        uint256 due = Liquidation.dueFromFund(terms);
        fundPays = bound(fundPays, 0, due);
        LiquidationSettlement memory settled = Liquidation.settlementOf(terms, fundPays);

        int256 sum = int256(settled.toAccount) + settled.toInsurance - settled.payment;
        assertEq(sum, int256(settled.loss), "account + fund - liquidator = loss");
        if (due == 0) assertGe(settled.toInsurance, 0, "a fund that is asked for nothing pays nothing");
        else assertEq(settled.toInsurance, -int256(fundPays), "the fund pays what it may");
        assertLe(settled.toAccount, terms.toAccount, "not more than for the whole account");
    }

    /// @dev What goes down the waterfall is the account's own loss, never the incentive, and only what the fund does not
    /// pay.
    function testFuzz_LossIsTheAccountsOwnAndComesAfterTheFund(
        uint256 seed,
        int256 equity,
        uint256 maintenance,
        uint256 fraction,
        uint256 fundPays
    ) public pure {
        LiquidationTerms memory terms = _terms(seed, equity, maintenance);
        terms.fraction = bound(fraction, 1e12, WAD);
        uint256 due = Liquidation.dueFromFund(terms);
        fundPays = bound(fundPays, 0, due);
        LiquidationSettlement memory settled = Liquidation.settlementOf(terms, fundPays);

        uint256 ownLoss = terms.equity < 0 ? uint256(-terms.equity) : 0;
        assertTrue(settled.loss * WAD <= ownLoss * terms.fraction + WAD, "at most -min(R, 0) x f");
        assertLe(settled.loss, due - fundPays, "at most what the fund does not pay");
        // With everything paid, the liquidator pays L x f rounded up; without, more, but never more than R x f.
        assertGe(settled.payment * int256(WAD), terms.payment * int256(terms.fraction), "never less than L x f");
        if (settled.payment * int256(WAD) > (terms.payment + 1) * int256(terms.fraction) + int256(WAD)) {
            assertLe((settled.payment - 2) * int256(WAD), terms.equity * int256(terms.fraction), "at most R x f");
        }
    }

    /// @dev Any rules within the bounds of the Rules contract.
    function _rules(uint256 seed) private pure returns (LiquidationRules) {
        LiquidationParameters memory parameters;
        uint256 least = bound(uint256(keccak256(abi.encode(seed, 1))), 100, 5_000);
        uint256 mostFee = 9_999 - least < 5_000 ? 9_999 - least : 5_000;
        parameters.leastIncentiveBps = uint16(least);
        parameters.mostIncentiveBps = uint16(bound(uint256(keccak256(abi.encode(seed, 2))), least, 9_000));
        parameters.insuranceFeeBps = uint16(bound(uint256(keccak256(abi.encode(seed, 3))), 0, mostFee));
        parameters.bufferBps = uint16(bound(uint256(keccak256(abi.encode(seed, 4))), 100, 10_000));
        return packLiquidationRules(parameters);
    }

    function _terms(uint256 seed, int256 equity, uint256 maintenance) private pure returns (LiquidationTerms memory) {
        maintenance = bound(maintenance, 1e18, 1e30);
        equity = bound(equity, -2 * int256(maintenance), int256(maintenance) - 1);
        return Liquidation.termsOf(equity, maintenance, _rules(seed));
    }
}
