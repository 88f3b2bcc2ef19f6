// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashParameters} from "../../contracts/types/Cash.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {Trade} from "../../contracts/types/Trade.sol";

/// @title Thief2Test
/// @notice What an attacker of cash, interest, loans and the end of the waterfall has found. Each test passes while its
/// hole is open and says in numbers what it is worth.
contract Thief2Test is PlimsollSetup {
    address private _thief = makeAddr("thief");
    AccountId private _sinking = accountIdOf(_thief, 1);
    AccountId private _rising = accountIdOf(_thief, 2);
    AccountId private _lender = accountIdOf(makeAddr("lender"), 0);
    AccountId private _honest = accountIdOf(makeAddr("honest"), 0);

    event Figure(string what, int256 value);

    function setUp() public {
        _deploy();
        vault.setCashRules(_cashParameters(10_000_000));
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 100;
        rules.setLiquidationRules(parameters);
        _fund(_lender, usdc, 10_000_000e6);
        _fund(_honest, usdc, 1_000_000e6);
    }

    /// @dev A borrower goes under with two legs of dust: each draws half of the fund, so all of it goes, and then lenders
    /// are charged before the fund's payment is posted: the fund owes. Whoever liquidates the fund then is given, with
    /// its cash, all that `distribute` brings it in the middle of the act.
    function test_TheFundIsLiquidatedForItsIncome() public {
        _insure(20_000e6);
        _sinkBorrowerWithDust();
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        int256 owed = vault.cashOf(fund);
        assertLt(owed, 0, "the fund is in debt");

        // A day's fees: 40,000 of 100,000 are the fund's.
        _payFees(100_000e18);
        int256 before = _equityOf(_rising);
        vm.prank(_thief);
        clearinghouse.liquidate(fund, _rising, 1e18, type(int256).max);
        int256 gain = _equityOf(_rising) - before;
        emit Figure("fund owed [wad]", owed);
        emit Figure("thief gained [wad]", gain);
        emit Figure("fund after [wad]", vault.cashOf(fund));
        assertGt(gain, 39_000e18, "the thief has the fund's income");
        assertLt(vault.cashOf(fund), 0, "and may come again");

        _payFees(100_000e18);
        before = _equityOf(_rising);
        vm.prank(_thief);
        clearinghouse.liquidate(fund, _rising, 1e18, type(int256).max);
        assertGt(_equityOf(_rising) - before, 39_000e18, "as he does");
    }

    /// @dev Lenders pay the debt of the fund, too, which is a party here though it should never be.
    function test_TheFundIsWrittenOff() public {
        _insure(20_000e6);
        _sinkBorrowerWithDust();
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        assertLt(vault.cashOf(fund), 0);
        int256 lender = vault.cashOf(_lender);

        clearinghouse.writeOff(fund);

        emit Figure("lender paid for the fund's debt [wad]", lender - vault.cashOf(_lender));
        assertLt(vault.cashOf(_lender), lender);
    }

    /// @dev The loss is that of WETH, but two legs of 3 dollars draw the whole fund.
    function test_LegsOfDustDrawTheWholeFund() public {
        _insure(20_000e6);
        _sinkBorrowerWithDust();
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        assertLe(vault.cashOf(fund), 0, "one account's collateral has emptied the fund");
    }

    /// @dev Terms are found before lenders are charged, and the slice moves after it: cash in the slice is worth less
    /// than what is paid for it.
    function test_TheLiquidatorPaysForLendersCharge() public {
        int256 asked = _liquidateBankruptWithCash(false);
        emit Figure("liquidator's gain, account's cash unsettled [wad]", asked);
        assertLt(asked, -9_000e18, "liquidating costs the liquidator a share of the account's cash");
    }

    function test_TheLiquidatorWhoSettlesFirstEarns() public {
        int256 asked = _liquidateBankruptWithCash(true);
        emit Figure("liquidator's gain, settled first [wad]", asked);
        assertGe(asked, -1e6, "and nothing when he settles the account's variation first");
    }

    /// @dev The whole loss is borne before a bankrupt account is closed against the other side, and yet it is left with a
    /// debt: lenders' share of its own cash. It takes a write-off, which charges lenders again.
    function test_ADeleveragedAccountStillOwes() public {
        AccountId other = accountIdOf(makeAddr("other"), 0);
        _fund(_sinking, usdc, 1_000_000e6);
        _fund(other, usdc, 5_000_000e6);
        _trade(_sinking, other, ethPerpetual, 2_000e18, 3_000e18);
        _setPrice(ETH, 2_100e8);
        clearinghouse.flag(_sinking);
        vm.warp(block.timestamp + 1 hours);
        _setPrice(ETH, 2_100e8);
        clearinghouse.deleverage(_sinking, other, ethPerpetual, 2_000e18);
        emit Figure("deleveraged account owes [wad]", vault.cashOf(_sinking));
        assertLt(vault.cashOf(_sinking), -9_000e18, "a debt is left");
    }

    /// @dev Hedged pairs of one owner and a gap of 15 %: by the rules the winner bears the gains haircut. Who closes the
    /// bankrupt account against it first keeps the gain, and lenders pay instead, who had no part in the market.
    function test_ClosedFirstLendersPayInsteadOfTheWinner() public {
        uint256 snapshot = vm.snapshotState();
        (int256 thief, int256 lender) = _gap(false);
        vm.revertToState(snapshot);
        (int256 thiefFirst, int256 lenderFirst) = _gap(true);
        emit Figure("thief has, by the rules [wad]", thief);
        emit Figure("thief has, closed first [wad]", thiefFirst);
        emit Figure("lender has, by the rules [wad]", lender);
        emit Figure("lender has, closed first [wad]", lenderFirst);
        assertGt(thiefFirst, thief + 60_000e18, "the thief keeps what the haircut takes");
        assertLt(lenderFirst, lender, "and lenders pay");
    }

    /// @dev Governance allows no loan, yet cash can be lost to a friend against collateral and withdrawn.
    function test_LossesAreLoansWithoutCap() public {
        vault.setCashRules(_cashParameters(0));
        _fund(_sinking, weth, 1_000e18);
        _fund(_rising, usdc, 400_000e6);
        uint256 lost;
        while (lost < 2_000_000e18) {
            _tradeWithFees(_sinking, _rising, 400e18, 3_149e18);
            _tradeWithFees(_sinking, _rising, -400e18, 2_851e18);
            lost += 400 * 298e18;
        }
        uint256 spare = engine.withdrawable(_rising, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_rising, address(usdc), spare, _thief);
        emit Figure("tokens taken beyond own [wad]", int256(spare * 1e12) - 400_000e18);
        emit Figure("debt [wad]", vault.cashOf(_sinking));
        emit Figure("fees [wad]", int256(clearinghouse.reserve()));
        assertGt(spare, 2_300_000e6, "2 M of others' tokens though nothing may be borrowed");
    }

    /// @dev Whoever charges lenders is not charged: it takes its cash out and brings it back.
    function test_WhoChargesLendersTakesHisCashOutFirst() public {
        _fund(_rising, usdc, 5_000_000e6);
        _sinkBorrowerWithDust();
        uint256 cash = 4_900_000e6;
        vm.startPrank(_thief);
        vault.withdraw(_rising, address(usdc), cash, _thief);
        clearinghouse.liquidate(_sinking, _rising, 1e18, type(int256).max);
        usdc.approve(address(vault), cash);
        vault.deposit(_rising, address(usdc), cash);
        vm.stopPrank();
        emit Figure("lender's loss [wad]", 10_000_000e18 - vault.cashOf(_lender));
        emit Figure("thief's change [wad]", _equityOf(_rising) - 5_000_000e18);
        assertLt(vault.cashOf(_lender), 10_000_000e18);
    }

    /// @dev The same, shown on one case.
    function test_ThePreviewedPaymentIsRefused() public {
        this.previewedPaymentIsRefused(5_127);
    }

    /// @dev I10: what the preview says is not to the wei what the act does, when income is divided in the act: the fund's
    /// principal is rounded once more. Whoever passes the preview as his maximum is refused.
    function previewedPaymentIsRefused(uint64 seed) public {
        _insure(1_000e6 + (seed % 20_000e6));
        _fund(_sinking, weth, 100e18);
        _trade(_sinking, _honest, ethPerpetual, 0.001e18, 3_000e18);
        uint256 loan = engine.withdrawable(_sinking, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_sinking, address(usdc), loan, _thief);
        vm.warp(block.timestamp + 1 + (seed % 30 days));
        for (uint24 i = 1; i < 5; ++i)
            _setPrice(
                i,
                i == ETH
                    ? 2_100e8
                    : i == BTC
                        ? 60_000e8
                        : 150e8
            );
        vault.accrueInterest();
        _payFees(1e18 + seed);
        (, int256 payment, , ) = engine.previewLiquidation(_sinking);
        vm.prank(_honest.ownerOf());
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.PaymentAboveMaximum.selector, payment + 1, payment));
        clearinghouse.liquidate(_sinking, _honest, 1e18, payment);
    }

    /// @dev A debt that nobody can pay bears interest to lenders, and the fund pays it to them when it is written off.
    function test_ABadDebtEarnsUntilItIsWrittenOff() public {
        _insure(200_000e6);
        _sinkBorrowerWithDust();
        _trade(_sinking, _honest, ethPerpetual, -0.001e18, 2_100e18);
        _trade(_sinking, _honest, btcPerpetual, -0.00005e18, 60_000e18);
        int256 lender = vault.cashOf(_lender);
        int256 debt = vault.cashOf(_sinking);
        vm.warp(block.timestamp + 30 days);
        emit Figure("lender earned [wad]", vault.cashOf(_lender) - lender);
        emit Figure("debt grew [wad]", debt - vault.cashOf(_sinking));
        assertGt(vault.cashOf(_lender), lender);
    }

    /// @dev A bankrupt account with one wei of size in a market without a price can be neither liquidated, nor written
    /// off, nor deleveraged, and owes interest that nobody will pay.
    function test_ALegOfOneWeiInADeadMarketKeepsADebt() public {
        _insure(200_000e6);
        _fund(_sinking, usdc, 250_000e6);
        _trade(_sinking, _honest, widePerpetual, 1, 150e18);
        _trade(_sinking, _honest, ethPerpetual, 900e18, 3_000e18);
        _setPrice(ETH, 2_600e8);
        _trade(_sinking, _honest, ethPerpetual, -900e18, 2_600e18);
        clearinghouse.settleVariation(_sinking);
        int256 debt = vault.cashOf(_sinking);
        assertLt(debt, -49_000e18, "a debt of 110,000");
        feeds[WIDE - 1].updateAnswer(0);
        vm.warp(block.timestamp + 1 hours);

        vm.expectRevert();
        clearinghouse.writeOff(_sinking);
        vm.prank(_honest.ownerOf());
        (bool done, ) = address(clearinghouse).call(
            abi.encodeCall(clearinghouse.liquidate, (_sinking, _honest, 1e18, type(int256).max))
        );
        emit Figure("liquidated", done ? int256(1) : int256(0));
        vm.expectRevert();
        clearinghouse.flag(_sinking);
        vm.expectRevert();
        clearinghouse.settleVariation(_sinking);
        assertFalse(done);
    }

    // Pieces

    function _cashParameters(uint48 cap) private pure returns (CashParameters memory) {
        return
            CashParameters({
                baseBps: 200,
                slopeBps: 800,
                kinkBps: 8_500,
                slopeAboveBps: 9_000,
                reservePercent: 20,
                borrowCap: cap
            });
    }

    /// @dev 100 WETH, all that can be borrowed on them, two legs of 3 dollars, and WETH falls by 30 %.
    function _sinkBorrowerWithDust() private {
        _fund(_sinking, weth, 100e18);
        _trade(_sinking, _honest, ethPerpetual, 0.001e18, 3_000e18);
        _trade(_sinking, _honest, btcPerpetual, 0.00005e18, 60_000e18);
        uint256 loan = engine.withdrawable(_sinking, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_sinking, address(usdc), loan, _thief);
        _setPrice(ETH, 2_100e8);
    }

    /// @dev An account with 1,000,000 of cash loses all of it and 800,000 more, and the fund is empty; returns what its
    /// liquidator gains beside his own share of what lenders lose.
    function _liquidateBankruptWithCash(bool settleFirst) private returns (int256) {
        AccountId other = accountIdOf(makeAddr("other"), 0);
        _fund(_sinking, usdc, 1_000_000e6);
        _fund(other, usdc, 5_000_000e6);
        _trade(_sinking, other, ethPerpetual, 2_000e18, 3_000e18);
        _setPrice(ETH, 2_100e8);
        if (settleFirst) clearinghouse.settleVariation(_sinking);
        // The liquidator has WETH, so nothing of his own is charged.
        AccountId liquidator = accountIdOf(makeAddr("liquidator"), 0);
        _fund(liquidator, weth, 1_000e18);
        int256 before = _equityOf(liquidator);
        vm.prank(liquidator.ownerOf());
        clearinghouse.liquidate(_sinking, liquidator, 1e18, type(int256).max);
        return _equityOf(liquidator) - before;
    }

    function _gap(bool closeFirst) private returns (int256 thief, int256 lender) {
        _fund(_sinking, usdc, 300_000e6);
        _fund(_rising, usdc, 700_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_550e8);
        if (closeFirst) {
            _trade(_sinking, _rising, ethPerpetual, -1_000e18, 2_550e18);
            uint256 all = engine.withdrawable(_rising, address(usdc));
            vm.prank(_thief);
            vault.withdraw(_rising, address(usdc), all, _thief);
            clearinghouse.writeOff(_sinking);
        } else {
            vm.prank(_honest.ownerOf());
            clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        }
        thief = _equityOf(_rising) + int256(usdc.balanceOf(_thief) * 1e12);
        lender = vault.cashOf(_lender);
    }

    function _payFees(uint128 fees) private {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = btcPerpetual;
        trades[0].size = 0.001e18;
        trades[0].price = 60_000e18;
        trades[0].taker.account = _lender;
        trades[0].taker.fee = fees;
        trades[0].maker.account = _honest;
        clearinghouse.clear(trades);
    }

    function _tradeWithFees(AccountId taker, AccountId maker, int128 size, uint128 price) private {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = ethPerpetual;
        trades[0].size = size;
        trades[0].price = price;
        trades[0].taker.account = taker;
        trades[0].maker.account = maker;
        uint256 notional = (uint256(uint128(size < 0 ? -size : size)) * price) / 1e18;
        trades[0].taker.fee = uint128((notional * 5) / 10_000);
        trades[0].maker.fee = uint128((notional * 2) / 10_000);
        clearinghouse.clear(trades);
    }
}
