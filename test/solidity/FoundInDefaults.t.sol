// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DefaultsSetup} from "./DefaultsSetup.sol";
import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";

/// @title FoundInDefaultsTest
/// @notice Holes in what happens to a bankrupt account that people who were asked to steal have found, each with the
/// numbers in which it paid. They stay shut.
contract FoundInDefaultsTest is DefaultsSetup {
    function setUp() public {
        _deployWithLenders();
    }

    // The insurance fund

    /// @dev A second leg let the account draw the other half of the fund too. As lenders were charged before that payment
    /// was posted, the fund bore 1 % of what it had just paid, and owed 1,000. Now it pays all that it has and no more.
    function test_TheFundOwesNothingAfterALiquidation() public {
        _insure(100_000e6);
        _sinkInTwoMarkets();
        (, int256 payment, , ) = engine.previewLiquidation(sinking);

        _liquidate(sinking, honest);

        assertEq(vault.cashOf(fund), 0, "the fund has paid all");
        assertEq(vault.cashPool().debt, 0, "nobody owes");
        // Winners bear 5 % of 1,000 x 1,500 and of 5 x 60,000; lenders 1 % of 51 M.
        int256 borne = 100_000e18 + 75_000e18 + 15_000e18 + 510_000e18;
        assertApproxEqAbs(int256(clearinghouse.deficit()), -payment - borne, 1e9, "the rest is recorded");
    }

    /// @dev Deleveraging led there too.
    function test_TheFundOwesNothingAfterDeleveraging() public {
        _insure(100_000e6);
        _sinkInTwoMarkets();
        _flagAndWait(sinking);

        clearinghouse.deleverage(sinking, honest, ethPerpetual, 1_000e18);

        assertEq(vault.cashOf(fund), 0, "the fund has paid all");
        assertEq(int256(vault.cashPool().debt), -vault.cashOf(sinking), "the bankrupt account alone owes");
    }

    /// @dev One leg was enough where governance allows a draw of 100 %: the fund owed a tenth of what it had, the highest
    /// that lenders bear.
    function test_TheFundOwesNothingAtTheHighestDrawCap() public {
        _setCaps({lendersCapBps: 1_000, fundDrawCapBps: 10_000});
        _insure(100_000e6);
        _fund(sinking, usdc, 420_000e6);
        _trade(sinking, honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_000e8);

        _liquidate(sinking, honest);

        assertEq(vault.cashOf(fund), 0, "the fund has paid all");
        assertEq(vault.cashPool().debt, 0, "nobody owes");
        assertLt(clearinghouse.deficit(), 1e9, "others bear the rest, but for rounding");
    }

    /// @dev Whoever liquidated a fund in debt was given, in the act, all that waited for it: 40,000 of each 100,000 in fees,
    /// as often as they gathered. The fund is no party, and has its income.
    function test_TheFundsIncomeIsNotTaken() public {
        _insure(20_000e6);
        _sinkBorrower({withSecondLeg: true});
        _liquidate(sinking, honest);
        assertEq(vault.cashOf(fund), 0, "the fund has paid all");

        _payFees(100_000e18);
        vm.prank(thief);
        vm.expectRevert(IClearinghouse.FundIsNoParty.selector);
        clearinghouse.liquidate(fund, rising, WAD, type(int256).max);
        clearinghouse.distributeFees();

        assertEq(vault.cashOf(rising), 0, "the thief has nothing");
        assertEq(clearinghouse.deficit(), 0, "what rounding left is repaid");
        assertApproxEqAbs(vault.cashOf(fund), 40_000e18, 1e9, "the fund has its income");
    }

    /// @dev A fund in debt could be written off, and lenders paid its debt although fees waited for it. It is refused
    /// wherever an account can be named, with cash and without.
    function test_TheFundIsNoParty() public {
        _insure(1_000e6);
        _sinkInTwoMarkets();
        for (uint256 i = 0; i < 2; ++i) {
            int256 lent = vault.cashOf(lender);
            vm.expectRevert(IClearinghouse.FundIsNoParty.selector);
            clearinghouse.writeOff(fund);
            vm.expectRevert(IClearinghouse.FundIsNoParty.selector);
            clearinghouse.flag(fund);
            vm.expectRevert(abi.encodeWithSelector(IClearinghouse.DeleverageNotDue.selector, fund, 0));
            clearinghouse.deleverage(fund, honest, ethPerpetual, 1);
            vm.prank(fund.ownerOf());
            vm.expectRevert(IClearinghouse.FundIsNoParty.selector);
            clearinghouse.liquidate(sinking, fund, WAD, type(int256).max);
            assertEq(vault.cashOf(lender), lent, "lenders pay nothing for the fund");

            if (i == 0) _liquidate(sinking, honest);
            assertEq(vault.cashOf(fund), 0);
        }
    }

    // Who bears what

    /// @dev The bankrupt account's own cash, 1,000,000, was charged as a lender's between the terms and the slice: its
    /// liquidator got 10,000 less than he paid for, unless he had settled its variation first.
    function test_ALiquidatorPaysNoShareOfTheLendersLoss() public {
        int256 unsettled = _liquidatorsResult({settleFirst: false});
        int256 settled = _liquidatorsResult({settleFirst: true});

        assertApproxEqAbs(unsettled, 0, 4, "nothing, but for rounding");
        assertApproxEqAbs(settled, 0, 4, "and nothing when he settles first");
    }

    /// @dev For the same reason a deleveraged account was left with a debt of 10,000, and lenders were charged again for it.
    function test_NothingIsOwedAfterDeleveraging() public {
        _sinkWithCash();
        _flagAndWait(sinking);

        clearinghouse.deleverage(sinking, stranger, ethPerpetual, 2_000e18);

        assertEq(clearinghouse.instrumentsOf(sinking).length, 0);
        assertGe(vault.cashOf(sinking), -1, "nothing is owed but a wei");
        assertLe(vault.cashOf(sinking), 0, "and nothing is left");
    }

    // What a preview and a call promise

    /// @dev The case that was found: a payment a wei above the previewed one, as dividing the fund's income in the act rounds
    /// once more. Whoever passed the preview as the most that he pays was refused.
    function test_ThePreviewedPaymentIsTaken() public {
        _assertPreviewHolds({income: 5_127, time: 1 + 5_127});
    }

    function testFuzz_ThePreviewedPaymentIsTaken(uint64 seed) public {
        _assertPreviewHolds({income: seed, time: 1 + (uint256(seed) % 30 days)});
    }

    /// @dev A trade of a millionth just before made a call for the whole size revert, at a cost of less than a cent. Now as
    /// much is closed as both hold.
    function test_NoDeleveragingIsDodgedByAWei() public {
        _sinkAmongTwoWinners(2_550e8);
        _flagAndWait(sinking);
        _trade(sinking, honest, ethPerpetual, -1e12, 2_551e18);

        clearinghouse.deleverage(sinking, rising, ethPerpetual, 1_000e18);

        assertEq(clearinghouse.positionOf(sinking, ethPerpetual).size, 0, "the bankrupt side is closed");
        assertEq(clearinghouse.positionOf(rising, ethPerpetual).size, -1e12, "the other keeps what is left");
        assertEq(clearinghouse.flaggedAt(sinking), 0);
    }

    /// @dev A flag that was left from a bankruptcy which somebody had resolved let the next one be closed without delay.
    function test_AFlagEndsWithItsBankruptcy() public {
        _sinkAmongTwoWinners(2_550e8);
        _flagAndWait(sinking);
        uint256 snapshot = vm.snapshotState();
        clearinghouse.deleverage(sinking, rising, ethPerpetual, 1_000e18);
        _assertNextFlagIsNeeded();

        vm.revertToState(snapshot);
        _liquidate(sinking, honest);
        _assertNextFlagIsNeeded();
    }

    /// @dev It goes bankrupt once more within the day for which its flag would have been good.
    function _assertNextFlagIsNeeded() private {
        assertEq(clearinghouse.flaggedAt(sinking), 0, "the flag is gone");
        _fund(sinking, usdc, 420_000e6);
        _trade(sinking, stranger, ethPerpetual, 1_000e18, 2_550e18);
        _setPrice(ETH, 2_100e8);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.DeleverageNotDue.selector, sinking, 0));
        clearinghouse.deleverage(sinking, stranger, ethPerpetual, 1_000e18);
    }

    /// @dev 1,000,000 of cash and a loss of 1,800,000, without a fund.
    function _sinkWithCash() private {
        _fund(sinking, usdc, 1_000_000e6);
        _fund(stranger, usdc, 5_000_000e6);
        _trade(sinking, stranger, ethPerpetual, 2_000e18, 3_000e18);
        _setPrice(ETH, 2_100e8);
    }

    /// @dev What a liquidator who has no cash, so that he lends nothing himself, gains or loses by taking it over [wad].
    function _liquidatorsResult(bool settleFirst) private returns (int256 result) {
        uint256 snapshot = vm.snapshotState();
        AccountId keeper = accountIdOf(makeAddr("keeper"), 0);
        _fund(keeper, weth, 1_000e18);
        _sinkWithCash();
        if (settleFirst) clearinghouse.settleVariation(sinking);
        int256 before = _equityOf(keeper);
        int256 lent = vault.cashOf(lender);
        _liquidate(sinking, keeper);
        result = _equityOf(keeper) - before;
        assertLt(vault.cashOf(lender), lent, "lenders bear a part");
        vm.revertToState(snapshot);
    }

    /// @dev A borrower sinks while interest and fees wait for the fund, which has between 1,000 and 21,000 [wad, seconds].
    function _assertPreviewHolds(uint256 income, uint256 time) private {
        // The pool in which the case was found: 10 M of a lender, and 1 M.
        _fund(lender, usdc, 9_000_000e6);
        vm.prank(honest.ownerOf());
        vault.withdraw(honest, address(usdc), 49_000_000e6, honest.ownerOf());
        _insure(1_000e6 + (income % 20_000e6));
        _fund(sinking, weth, 100e18);
        _trade(sinking, honest, ethPerpetual, 0.001e18, 3_000e18);
        _withdrawAll(sinking);
        _wait(time);
        _setPrice(ETH, 2_100e8);
        vault.accrueInterest();
        _payFees(1e18 + income);
        (uint256 fraction, int256 payment, , ) = engine.previewLiquidation(sinking);

        vm.prank(honest.ownerOf());
        (uint256 taken, int256 paid) = clearinghouse.liquidate(sinking, honest, WAD, payment);

        assertEq(taken, fraction, "the previewed fraction");
        assertEq(paid, payment, "the previewed payment");
    }
}
