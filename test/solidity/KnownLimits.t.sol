// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DefaultsSetup} from "./DefaultsSetup.sol";
import {cashRulesOfDesign} from "./PlimsollSetup.sol";
import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {TokenLimits} from "../../contracts/types/TokenLimits.sol";

/// @title KnownLimitsTest
/// @notice What docs/known-limits.md says of losses can be done, and costs others no more than it says there. Each test
/// does it, measures the harm, and bounds it by the rule that is to bound it.
contract KnownLimitsTest is DefaultsSetup {
    function setUp() public {
        _deployWithLenders();
    }

    // The insurance fund

    /// @dev The loss is that of collateral. Each leg, of 3 dollars only, draws half of the fund: two draw all of it, and
    /// never more.
    function test_EachLegOfDustDrawsHalfOfTheFund() public {
        uint256 snapshot = vm.snapshotState();
        assertEq(_drawnByLegsOfDust({withSecondLeg: false}), 10_000e18, "one leg, one half");

        vm.revertToState(snapshot);
        assertEq(_drawnByLegsOfDust({withSecondLeg: true}), 20_000e18, "two legs, all, and no debt");
    }

    // Who pays

    /// @dev Alone on one side of ETH the bankrupt closes it, keeps a millionth of a BTC, and strangers in BTC pay: at most
    /// 5 % of the index price, together and in an hour; then lenders, at most 1 %.
    function test_TheBankruptPicksTheMarketThatPays() public {
        _fund(sinking, usdc, 420_000e6);
        _fund(rising, usdc, 420_000e6);
        _fund(stranger, usdc, 3_000_000e6);
        _trade(sinking, rising, ethPerpetual, 1_000e18, 3_000e18);
        _trade(honest, stranger, btcPerpetual, 100e18, 60_000e18);
        _trade(sinking, stranger, btcPerpetual, 1e12, 60_000e18);
        _setPrice(ETH, 2_200e8);
        int256 winner = _equityOf(rising);
        _trade(sinking, rising, ethPerpetual, -1_000e18, 2_200e18);
        (int256 strange, int256 lent) = (_equityOf(stranger), vault.cashOf(lender));

        _liquidate(sinking, honest);

        // The lender has a million, the winner 1.22, the stranger three beside his side of BTC.
        int256 ofMillion = lent - vault.cashOf(lender);
        assertApproxEqAbs(winner - _equityOf(rising), (ofMillion * 122) / 100, 1e9, "the winner bears no haircut");
        assertApproxEqAbs(
            strange - _equityOf(stranger),
            300_000e18 + 3e15 + ofMillion * 3,
            1e9,
            "the stranger bears the haircut's cap"
        );
        assertLe(ofMillion, 10_000e18, "lenders bear their cap at most");
    }

    /// @dev The bankrupt closes everything against his friend, who takes the gain along: the fund pays half of what it has,
    /// lenders 1 %, and the rest is recorded. A second time in the same day they pay nothing more.
    function test_LendersPayForWhoClosedFirst() public {
        _insure(50_000e6);
        for (uint256 i = 0; i < 2; ++i) {
            _fund(sinking, usdc, 420_000e6);
            _fund(rising, usdc, 420_000e6);
            _setPrice(ETH, 3_000e8);
            _trade(sinking, rising, ethPerpetual, 1_000e18, 3_000e18);
            _setPrice(ETH, 1_800e8);
            _trade(sinking, rising, ethPerpetual, -1_000e18, 1_800e18);
            clearinghouse.settleVariation(sinking);
            assertGe(_withdrawAll(rising), 1_619_999e6, "the friend has the whole gain");

            clearinghouse.writeOff(sinking);

            assertApproxEqAbs(vault.cashOf(lender), 990_000e18, 1e9, "a lender pays 1 % in a day, however often");
            assertApproxEqAbs(vault.cashOf(fund), 24_750e18, 1e9, "the fund half of itself, and as a lender");
            if (i == 0) assertApproxEqAbs(clearinghouse.deficit(), 245_000e18 - 250e18, 1e9, "the rest is recorded");
        }
        assertApproxEqAbs(clearinghouse.deficit(), 245_000e18 - 250e18 + 780_000e18, 1e9, "all of the second time");
    }

    /// @dev The winner takes the bankrupt account over in slices, and has left a part when each is charged. Two who hold the
    /// same bear a half each; in endless slices the other bears ln 2. The sum is the same.
    function test_ByLiquidatingInSlicesAWinnerBearsLess() public {
        _sinkAmongTwoWinners(2_500e8);
        (int256 winner, int256 other) = (_equityOf(rising), _equityOf(stranger));
        for (uint256 i = 0; i < 50; ++i) {
            vm.prank(thief);
            clearinghouse.liquidate(sinking, rising, WAD / (50 - i), type(int256).max);
        }
        _assertLossOfTwoWinners(winner - _equityOf(rising), other - _equityOf(stranger));
    }

    /// @dev The same by deleveraging: whom the caller closes slice by slice bears less.
    function test_ByDeleveragingInSlicesAWinnerBearsLess() public {
        _sinkAmongTwoWinners(2_500e8);
        _flagAndWait(sinking);
        (int256 winner, int256 other) = (_equityOf(rising), _equityOf(stranger));
        for (uint256 i = 0; i < 50; ++i) clearinghouse.deleverage(sinking, rising, ethPerpetual, 20e18);
        _assertLossOfTwoWinners(winner - _equityOf(rising), other - _equityOf(stranger));
    }

    /// @dev Cash that is taken out for the moment of the loss bears nothing of it: what it leaves to others is bounded by
    /// the lenders' cap for each, and by the outflow limit for all who leave.
    function test_CashLeavesForTheMomentOfTheLoss() public {
        vault.setTokenLimits(address(usdc), TokenLimits(type(uint112).max, 1_000_000e6, 2_000));
        _fund(rising, usdc, 20_000_000e6);
        _wait(1 days);
        _fund(sinking, usdc, 420_000e6);
        _trade(sinking, honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 1_500e8);
        uint256 room = vault.releasableOf(address(usdc));
        assertEq(room, 14_200_000e6 + 420_000e6, "a fifth of the 71 M, and what came in since");

        vm.startPrank(thief);
        vm.expectRevert(
            abi.encodeWithSelector(IVault.OutflowLimitExceeded.selector, address(usdc), 20_000_000e6, room)
        );
        vault.withdraw(rising, address(usdc), 20_000_000e6, thief);
        vault.withdraw(rising, address(usdc), room, thief);
        vm.stopPrank();
        _liquidate(sinking, honest);

        int256 stayed = 20_000_000e18 - int256(room * 1e12);
        assertApproxEqAbs(vault.cashOf(rising), stayed - stayed / 100, 1e9, "who cannot leave bears 1 %");
        assertApproxEqAbs(vault.cashOf(lender), 990_000e18, 1e9, "who stays bears 1 %, and no more for who left");
    }

    // Cash

    /// @dev Governance allows no loan, yet cash can be lost to a friend against collateral, and withdrawn by him: no more than
    /// initial margin would allow as a loan, at the cost of fees and interest, and within the outflow limit.
    function test_LossesToAFriendAreLoansWithinMargin() public {
        vault.setCashRules(cashRulesOfDesign({borrowCap: 0}));
        _fund(sinking, weth, 1_000e18);
        _fund(rising, usdc, 400_000e6);
        assertEq(engine.withdrawable(sinking, address(usdc)), 0, "nothing can be borrowed");
        for (uint256 i = 0; i < 17; ++i) {
            _tradeWithFee(sinking, rising, 400e18, 3_149e18, 629.8e18);
            _tradeWithFee(sinking, rising, -400e18, 2_851e18, 570.2e18);
        }

        uint256 lent = _withdrawAll(rising) - 400_000e6;

        assertGt(lent, 2_000_000e6, "a loan all the same");
        assertLe(lent, 2_400_000e6, "of at most 1,000 WETH less their initial haircut");
        Margin memory margin = engine.marginOf(sinking);
        assertGe(margin.equity, int256(margin.initial), "there is margin for it");
        assertLe(_equityOf(sinking) + int256(lent * 1e12), 3_000_000e18 - 17 * 1_200e18, "which has cost its fees");
        int256 owed = vault.cashOf(sinking);
        _wait(365 days);
        assertLt(vault.cashOf(sinking), owed + owed / 50, "and costs interest, 2 % a year at least");
    }

    /// @dev Anybody may settle a loss at a low. It changes no margin at that moment; a debt costs the owner interest until he
    /// settles the gain, at the rate of the pool.
    function test_AStrangerSettlesALossAtALow() public {
        _fund(stranger, weth, 1_000e18);
        _trade(stranger, honest, ethPerpetual, 3_000e18, 3_000e18);
        _setPrice(ETH, 2_850e8);
        Margin memory before = engine.marginOf(stranger);

        vm.prank(thief);
        clearinghouse.settleVariation(stranger);

        assertEq(vault.cashOf(stranger), -450_000e18, "the loss is a debt");
        Margin memory margin = engine.marginOf(stranger);
        assertEq(margin.equity, before.equity, "no equity is lost");
        assertEq(margin.initial, before.initial, "and no margin");
        uint256 rate = vault.cashPool().borrowRate;
        assertLe(rate, 0.223e18, "the highest rate");
        _setPrice(ETH, 3_000e8);
        _wait(30 days);
        uint256 cost = uint256(3_000_000e18 - _equityOf(stranger));
        assertGt(cost, 0);
        assertLe(cost, (450_000 * rate * 30 * 1.01e18) / 365e18, "interest of 30 days");
    }

    /// @dev Settled just before the owner's transfer a loss leaves less to transfer, by the loss at most: what is out of
    /// reach then, only a loan could give.
    function test_AStrangerSettlesBeforeATransfer() public {
        _fund(stranger, weth, 1_000e18);
        _fund(stranger, usdc, 100_000e6);
        _trade(stranger, honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_940e8);
        vault.setCashRules(cashRulesOfDesign({borrowCap: 0}));
        assertEq(engine.withdrawable(stranger, address(usdc)), 100_000e6);

        vm.prank(thief);
        clearinghouse.settleVariation(stranger);

        assertEq(engine.withdrawable(stranger, address(usdc)), 40_000e6, "all but the loss of 60 an ETH");
    }

    // Flags, and what is left

    /// @dev An account that was made good, unnoticed, is closed without delay when it falls again. The flag lasts a day
    /// after its delay, and goes when anybody finds the account with equity.
    function test_AFlagOutlivesAnUnnoticedRecovery() public {
        _sinkAmongTwoWinners(2_550e8);
        clearinghouse.flag(sinking);
        _fund(sinking, usdc, 1_000_000e6);
        uint256 snapshot = vm.snapshotState();
        clearinghouse.flag(sinking);
        assertEq(clearinghouse.flaggedAt(sinking), 0, "whoever notices removes it");

        vm.revertToState(snapshot);
        uint256 due = clearinghouse.flaggedAt(sinking) + 1 hours;
        _wait(1 hours + 1 days);
        _setPrice(ETH, 1_500e8);
        snapshot = vm.snapshotState();
        assertLt(_equityOf(sinking), 0, "bankrupt again");
        clearinghouse.deleverage(sinking, rising, ethPerpetual, 1e18);

        vm.revertToState(snapshot);
        _wait(1);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.DeleverageNotDue.selector, sinking, due));
        clearinghouse.deleverage(sinking, rising, ethPerpetual, 1e18);
    }

    /// @dev When its position is closed by others the owner keeps the collateral, with an equity of 0: he can take nothing of
    /// it, and anybody may take it over for what it is worth.
    function test_TheOwnerKeepsCollateralAtEquityZero() public {
        _fund(sinking, weth, 300e18);
        _fund(rising, usdc, 5_000_000e6);
        _trade(sinking, rising, btcPerpetual, 100e18, 60_000e18);
        _setPrice(BTC, 48_000e8);
        assertEq(_equityOf(sinking), -300_000e18);
        _flagAndWait(sinking);
        int256 winner = _equityOf(rising);
        clearinghouse.deleverage(sinking, rising, btcPerpetual, 100e18);

        assertApproxEqAbs(_equityOf(sinking), 0, 2, "others have borne the loss, and no more");
        // The haircut's cap is 240,000; of lenders' 56 M the winner has 5.
        int256 borne = 240_000e18 + (60_000e18 * int256(5)) / 56;
        assertApproxEqAbs(winner - _equityOf(rising), borne, 1e9, "the winner bears his part");
        assertEq(vault.collateralOf(sinking, address(weth)), 300e18, "the collateral is still his");
        assertEq(engine.withdrawable(sinking, address(weth)), 0, "and stays where it is");
        int256 before = _equityOf(honest);
        _liquidate(sinking, honest);
        assertEq(vault.collateralOf(sinking, address(weth)), 0, "anybody may have it");
        assertApproxEqAbs(_equityOf(honest), before, 2, "for its worth");
    }

    function _drawnByLegsOfDust(bool withSecondLeg) private returns (int256) {
        _setCaps({lendersCapBps: 0, fundDrawCapBps: 5_000});
        _insure(20_000e6);
        _sinkBorrower(withSecondLeg);
        _liquidate(sinking, honest);
        return 20_000e18 - vault.cashOf(fund);
    }

    /// @dev Of the 80,000 that two winners of the same size bear.
    function _assertLossOfTwoWinners(int256 winner, int256 other) private view {
        assertEq(clearinghouse.instrumentsOf(sinking).length, 0);
        assertApproxEqAbs(winner + other, 80_000e18, 1e9, "the sum is the same");
        assertGt(other, 40_000e18, "who is closed first bears less");
        assertLe(other, 55_452e18, "who stays bears ln 2 of it at most");
        assertLe(other, 125_000e18, "and never more than 5 % of the index price");
    }
}
