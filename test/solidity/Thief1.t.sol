// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashParameters} from "../../contracts/types/Cash.sol";
import {FundingParameters} from "../../contracts/types/FundingRules.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {Trade} from "../../contracts/types/Trade.sol";
import {console} from "hardhat/console.sol";

/// @title Thief1Test
/// @notice What somebody who was asked to steal from funding, the waterfall and the fund has found, in numbers.
contract Thief1Test is PlimsollSetup {
    address private _thief = makeAddr("thief");
    AccountId private _sinking = accountIdOf(_thief, 1);
    AccountId private _rising = accountIdOf(_thief, 2);
    AccountId private _hedge = accountIdOf(makeAddr("thief's friend"), 3);
    AccountId private _honest = accountIdOf(makeAddr("honest"), 0);
    AccountId private _victim = accountIdOf(makeAddr("victim"), 0);
    AccountId private _lender = accountIdOf(makeAddr("lender"), 0);

    function setUp() public {
        _deploy();
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 100;
        rules.setLiquidationRules(parameters);
        _fund(_honest, usdc, 50_000_000e6);
        _fund(_lender, usdc, 1_000_000e6);
    }

    /// @dev ETH alone falls. A leg in BTC lets the account draw the other half of the fund too; what the fund pays was
    /// found before lenders, of whom it is one, are charged: the fund ends in debt, and is "written off".
    function test_OneMarketEmptiesTheFundIntoDebt() public {
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_sinking, _honest, btcPerpetual, 5e18, 60_000e18);
        _setPrice(ETH, 1_500e8);
        _setPrice(BTC, 60_000e8);
        assertEq(vault.cashOf(fund), 100_000e18);

        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);

        _say("fund's cash after", vault.cashOf(fund) / 1e18);
        _say("deficit after", int256(clearinghouse.deficit() / 1e18));
        assertLt(vault.cashOf(fund), 0, "the fund is in debt");
        assertEq(vault.cashPool().debt, uint256(-vault.cashOf(fund)), "it is the pool's only debtor");
        clearinghouse.writeOff(fund);
        _say("fund's cash after its write-off", vault.cashOf(fund));
        _say("deficit after it", int256(clearinghouse.deficit() / 1e18));
    }

    /// @dev A fund in debt can be liquidated. The terms are those of the debt; then the fees that wait are posted to the
    /// fund, and the slice, the whole of it, is what the fund has now.
    function test_WhoLiquidatesTheFundTakesAllThatWaitsForIt() public {
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_sinking, _honest, btcPerpetual, 5e18, 60_000e18);
        _setPrice(ETH, 2_000e8);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        assertLt(vault.cashOf(fund), 0, "the fund is in debt");

        // Lenders could bear all: there is no deficit. Then fees wait for the fund, as on any day.
        _fund(_victim, usdc, 50_000_000e6);
        for (uint256 i = 0; i < 40; ++i) {
            _tradeWithFees(_victim, _honest, i % 2 == 0 ? int256(20_000e18) : -20_000e18, 2_000e18);
        }
        _say("deficit", int256(clearinghouse.deficit() / 1e18));
        _say("reserve", int256(clearinghouse.reserve() / 1e18));
        _say("fund's cash", vault.cashOf(fund) / 1e18);
        int256 before = vault.cashOf(_rising);
        vm.prank(_thief);
        clearinghouse.liquidate(fund, _rising, 1e18, type(int256).max);
        _say("thief's gain", (vault.cashOf(_rising) - before) / 1e18);
        _say("fund's cash after", vault.cashOf(fund) / 1e18);
        _say("deficit after", int256(clearinghouse.deficit() / 1e18));
        uint256 spare = engine.withdrawable(_rising, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_rising, address(usdc), spare, _thief);
        _say("thief brought nothing and has", int256(usdc.balanceOf(_thief) / 1e6));
        assertGt(usdc.balanceOf(_thief), 320_000e6, "the fund's whole share of fees");

        // The fund is in debt as before: so again, as often as fees have gathered.
        for (uint256 i = 0; i < 40; ++i) {
            _tradeWithFees(_victim, _honest, i % 2 == 0 ? int256(20_000e18) : -20_000e18, 2_000e18);
        }
        vm.prank(_thief);
        clearinghouse.liquidate(fund, _rising, 1e18, type(int256).max);
        _say("second harvest", vault.cashOf(_rising) / 1e18);
        assertGt(vault.cashOf(_rising), 320_000e18, "the fund's whole share of fees once more");
    }

    /// @dev Deleveraging leads there too.
    function test_DeleveragingBringsTheFundIntoDebt() public {
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_sinking, _honest, btcPerpetual, 5e18, 60_000e18);
        _setPrice(ETH, 2_000e8);
        clearinghouse.flag(_sinking);
        vm.warp(block.timestamp + 1 hours);
        _setPrice(ETH, 2_000e8);
        _setPrice(BTC, 60_000e8);
        clearinghouse.deleverage(_sinking, _honest, ethPerpetual, 1_000e18);
        _say("fund's cash after deleveraging", vault.cashOf(fund) / 1e18);
        assertLt(vault.cashOf(fund), 0, "the fund is in debt");
    }

    /// @dev One leg is enough where the Rules' bounds are used: a draw cap of 100 %.
    function test_OneLegBringsTheFundIntoDebtAtTheHighestDrawCap() public {
        LiquidationParameters memory parameters = _liquidationParameters();
        (parameters.lendersCapBps, parameters.fundDrawCapBps) = (1_000, 10_000);
        rules.setLiquidationRules(parameters);
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_000e8);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        _say("fund's cash, one leg", vault.cashOf(fund) / 1e18);
        assertLt(vault.cashOf(fund), 0, "the fund is in debt");
    }

    /// @dev A write-off of the fund asks lenders for what waits for it in fees.
    function test_WrittenOffFundChargesLendersThoughFeesWait() public {
        _bringFundIntoDebt();
        _fund(_victim, usdc, 50_000_000e6);
        _tradeWithFees(_victim, _honest, 500e18, 2_000e18);
        int256 cash = vault.cashOf(_lender);
        _say("waits for the fund", int256((clearinghouse.reserve() * 4) / 10) / 1e18);
        clearinghouse.writeOff(fund);
        _say("fund's cash after its write-off", vault.cashOf(fund) / 1e18);
        _say("lender of 1,000,000 lost [milli]", (cash - vault.cashOf(_lender)) / 1e15);
    }

    function _bringFundIntoDebt() private {
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_sinking, _honest, btcPerpetual, 5e18, 60_000e18);
        _setPrice(ETH, 2_000e8);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        assertLt(clearinghouse.deficit(), 1e9, "but for rounding, no deficit");
        vm.warp(block.timestamp + 1 days);
        _setPrice(ETH, 2_000e8);
        _setPrice(BTC, 60_000e8);
    }

    /// @dev The same loss with the leg in ETH only: the fund keeps one half.
    function test_WithoutTheLegTheFundKeepsHalf() public {
        _insure(100_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 1_500e8);

        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);

        _say("fund's cash after", vault.cashOf(fund) / 1e18);
        assertGt(vault.cashOf(fund), 48_000e18, "nearly half of the fund is left");
    }

    /// @dev The bankrupt account's own cash bears the lenders' loss between the terms and the slice.
    function test_LiquidatorPaysLendersLossOfTheBankrupt() public {
        int256 lossUnsettled = _liquidatorsResult(false);
        _say("liquidator's result, variation not settled", lossUnsettled / 1e18);
    }

    function test_LiquidatorPaysNothingAfterSettlement() public {
        int256 lossSettled = _liquidatorsResult(true);
        _say("liquidator's result, variation settled first", lossSettled / 1e18);
    }

    function _liquidatorsResult(bool settleFirst) private returns (int256) {
        AccountId keeper = accountIdOf(makeAddr("keeper"), 0);
        _fund(_sinking, weth, 0 + 1e18);
        _fund(_sinking, usdc, 2_000_000e6);
        _fund(keeper, weth, 1_000e18);
        _trade(_sinking, _honest, ethPerpetual, 2_000e18, 3_000e18);
        _setPrice(ETH, 1_500e8);
        if (settleFirst) clearinghouse.settleVariation(_sinking);
        int256 before = _equityOf(keeper);
        vm.prank(keeper.ownerOf());
        clearinghouse.liquidate(_sinking, keeper, 1e18, type(int256).max);
        return _equityOf(keeper) - before;
    }

    /// @dev The winner is on the other side with half of the open interest. It takes the bankrupt account over in slices
    /// and so leaves while the loss is charged.
    function test_WinnerTakesTheBankruptInSlices() public {
        int256 whole = _winnersCharge(1);
        _say("haircut of the winner, one slice", whole / 1e18);
    }

    function test_WinnerTakesTheBankruptInFiftySlices() public {
        int256 sliced = _winnersCharge(50);
        _say("haircut of the winner, 50 slices", sliced / 1e18);
    }

    function _winnersCharge(uint256 slices) private returns (int256) {
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        _fund(_victim, usdc, 3_000_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_honest, _victim, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_500e8);
        (int256 winner, int256 victim) = (_equityOf(_rising), _equityOf(_victim));
        for (uint256 i = 0; i < slices; ++i) {
            vm.prank(_thief);
            clearinghouse.liquidate(_sinking, _rising, 1e18 / (slices - i), type(int256).max);
        }
        assertEq(clearinghouse.instrumentsOf(_sinking).length, 0);
        _say("haircut of the victim", (_equityOf(_victim) - victim) / 1e18);
        return _equityOf(_rising) - winner;
    }

    /// @dev The same by deleveraging: the caller's friend is closed slice by slice.
    function test_FriendIsDeleveragedWhole() public {
        _say("haircut of the friend, one call", _friendsCharge(1) / 1e18);
    }

    function test_FriendIsDeleveragedInFiftySlices() public {
        _say("haircut of the friend, 50 calls", _friendsCharge(50) / 1e18);
    }

    function _friendsCharge(uint256 slices) private returns (int256) {
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        _fund(_victim, usdc, 3_000_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_honest, _victim, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_500e8);
        clearinghouse.flag(_sinking);
        vm.warp(block.timestamp + 1 hours);
        _setPrice(ETH, 2_500e8);
        (int256 winner, int256 victim) = (_equityOf(_rising), _equityOf(_victim));
        for (uint256 i = 0; i < slices; ++i) {
            clearinghouse.deleverage(_sinking, _rising, ethPerpetual, uint128(1_000e18 / slices));
        }
        assertEq(clearinghouse.instrumentsOf(_sinking).length, 0);
        _say("haircut of the victim", (_equityOf(_victim) - victim) / 1e18);
        return _equityOf(_rising) - winner;
    }

    /// @dev A flag of an account that was made good is kept for the next time: no delay then.
    function test_AFlagIsKeptForTheNextBankruptcy() public {
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        // Four dollars' worth of ETH at the minimum margin: one gap of 10 % in a tiny account is enough.
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_550e8);
        clearinghouse.flag(_sinking);
        _fund(_sinking, usdc, 3_000_000e6);
        _trade(_sinking, _honest, ethPerpetual, -1_000e18, 2_550e18);
        assertEq(clearinghouse.instrumentsOf(_sinking).length, 0);
        uint256 spare = engine.withdrawable(_sinking, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_sinking, address(usdc), spare - 420_000e6, _thief);

        vm.warp(block.timestamp + 20 hours);
        _setPrice(ETH, 2_550e8);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 2_550e18);
        _setPrice(ETH, 2_100e8);
        // In the same second in which it becomes bankrupt.
        clearinghouse.deleverage(_sinking, _rising, ethPerpetual, 1_000e18);
        assertEq(clearinghouse.instrumentsOf(_sinking).length, 0);
    }

    /// @dev Anything that makes either side smaller by a wei makes a call for the whole size revert.
    function test_ADeleveragingIsDodgedByAWei() public {
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_550e8);
        clearinghouse.flag(_sinking);
        vm.warp(block.timestamp + 1 hours);
        _setPrice(ETH, 2_550e8);
        // The friend pays a ten-thousandth above the mark for a millionth of an ETH: $0.0000003.
        _trade(_sinking, _honest, ethPerpetual, -1e12, 2_551e18);
        vm.expectRevert();
        clearinghouse.deleverage(_sinking, _rising, ethPerpetual, 1_000e18);
    }

    /// @dev After deleveraging the owner keeps the collateral at an equity of 0, with what it may still gain.
    function test_OwnerKeepsCollateralAsAFreeOption() public {
        _fund(_sinking, weth, 300e18);
        _fund(_rising, usdc, 5_000_000e6);
        _trade(_sinking, _rising, btcPerpetual, 100e18, 60_000e18);
        _setPrice(BTC, 48_000e8);
        _say("equity", _equityOf(_sinking) / 1e18);
        clearinghouse.flag(_sinking);
        vm.warp(block.timestamp + 1 hours);
        _setPrice(BTC, 48_000e8);
        _setPrice(ETH, 3_000e8);
        clearinghouse.deleverage(_sinking, _rising, btcPerpetual, 100e18);
        _say("equity after [milli]", _equityOf(_sinking) / 1e15);
        _say("its WETH", int256(vault.collateralOf(_sinking, address(weth)) / 1e18));
        (uint256 fraction, int256 payment, , ) = engine.previewLiquidation(_sinking);
        _say("a liquidator's payment (L) [milli]", payment / 1e15);
        _say("fraction [milli]", int256(fraction / 1e15));
    }

    /// @dev A loss settled at a low by a stranger costs interest until the owner settles the gain.
    function test_AStrangerSettlesAtALow() public {
        vault.setCashRules(CashParameters(200, 800, 8_500, 9_000, 20, 10_000_000));
        _fund(_victim, weth, 1_000e18);
        _trade(_victim, _honest, ethPerpetual, 3_000e18, 3_000e18);
        _setPrice(ETH, 2_850e8);
        vm.prank(_thief);
        clearinghouse.settleVariation(_victim);
        _say("debt", -vault.cashOf(_victim) / 1e18);
        _say("room left for loans", int256(vault.loanRoom() / 1e18));
        _setPrice(ETH, 3_000e8);
        vm.warp(block.timestamp + 30 days);
        _setPrice(ETH, 3_000e8);
        _say("victim lost in 30 days, its position flat", (3_000_000e18 - _equityOf(_victim)) / 1e18);
    }

    /// @dev A healthy owner's transfer, front-run by a stranger who settles.
    function test_AStrangerSettlesBeforeATransfer() public {
        _fund(_victim, weth, 1_000e18);
        _fund(_victim, usdc, 100_000e6);
        _trade(_victim, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_940e8);
        AccountId other = accountIdOf(_victim.ownerOf(), 1);
        uint256 withdrawable = engine.withdrawable(_victim, address(usdc));
        uint256 snapshot = vm.snapshotState();
        vm.prank(_victim.ownerOf());
        vault.transfer(_victim, other, address(usdc), 80_000e6);
        vm.revertToState(snapshot);
        vm.prank(_thief);
        clearinghouse.settleVariation(_victim);
        _say("withdrawable before [cents]", int256(withdrawable / 1e4));
        _say("withdrawable after [cents]", int256(engine.withdrawable(_victim, address(usdc)) / 1e4));
        vm.prank(_victim.ownerOf());
        vm.expectRevert();
        vault.transfer(_victim, other, address(usdc), 80_000e6);
    }

    /// @dev Cash that is taken out for the moment of a liquidation bears nothing of the lenders' loss.
    function test_CashLeavesForTheMomentOfTheLoss() public {
        _fund(_rising, usdc, 20_000_000e6);
        _fund(_sinking, usdc, 280_000e6);
        _trade(_sinking, _honest, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_400e8);
        uint256 snapshot = vm.snapshotState();
        int256 before = vault.cashOf(_lender);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        _say("lender of 1,000,000 loses while the thief stays", (before - vault.cashOf(_lender)) / 1e18);
        _say("the thief of 20,000,000 then loses", (20_000_000e18 - vault.cashOf(_rising)) / 1e18);
        vm.revertToState(snapshot);

        vm.prank(_thief);
        vault.withdraw(_rising, address(usdc), 20_000_000e6, _thief);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        vm.startPrank(_thief);
        usdc.approve(address(vault), 20_000_000e6);
        vault.deposit(_rising, address(usdc), 20_000_000e6);
        vm.stopPrank();
        _say("lender of 1,000,000 loses while the thief is away", (before - vault.cashOf(_lender)) / 1e18);
        _say("the thief then loses", (20_000_000e18 - vault.cashOf(_rising)) / 1e18);
    }

    /// @dev The bankrupt thief, alone on one side of ETH, closes it and leaves a millionth of a BTC: strangers in BTC pay.
    function test_BankruptPicksTheMarketThatPays() public {
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 420_000e6);
        _fund(_victim, usdc, 3_000_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _trade(_honest, _victim, btcPerpetual, 100e18, 60_000e18);
        _trade(_sinking, _victim, btcPerpetual, 1e12, 60_000e18);
        _setPrice(ETH, 2_400e8);
        (int256 rising, int256 victim) = (_equityOf(_rising), _equityOf(_victim));
        _trade(_sinking, _rising, ethPerpetual, -1_000e18, 2_400e18);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        _say("loss of the winner in ETH", (rising - _equityOf(_rising)) / 1e18);
        _say("loss of a stranger in BTC", (victim - _equityOf(_victim)) / 1e18);
    }

    /// @dev Known: who closes everything first is not charged by the haircut. Now lenders pay for him.
    function test_LendersPayForWhoClosedFirst() public {
        _insure(50_000e6);
        _fund(_sinking, usdc, 420_000e6);
        _fund(_rising, usdc, 420_000e6);
        _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, 2_400e8);
        _trade(_sinking, _rising, ethPerpetual, -1_000e18, 2_400e18);
        int256 cash = vault.cashOf(_lender);
        vm.prank(_thief);
        vault.withdraw(_rising, address(usdc), 1_020_000e6, _thief);
        clearinghouse.writeOff(_sinking);
        _say("lender of 1,000,000 lost", (cash - vault.cashOf(_lender)) / 1e18);
        _say("deficit", int256(clearinghouse.deficit() / 1e18));
        _say("fund", vault.cashOf(fund) / 1e18);
        _say("the thief of 840,000 has", int256(usdc.balanceOf(_thief) / 1e6));
    }

    function _say(string memory what, int256 value) private pure {
        console.log(what, vm.toString(value));
    }

    // Funding

    function _setFundingOf(uint24 underlying) private {
        rules.setFundingRules(underlying, FundingParameters(100, 500, 7_500, 3_200));
    }

    function _tradeWithFees(AccountId taker, AccountId maker, int256 size, uint256 price) private returns (uint256) {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = ethPerpetual;
        trades[0].size = int128(size);
        trades[0].price = uint128(price);
        trades[0].taker.account = taker;
        trades[0].maker.account = maker;
        uint256 notional = (uint256(size > 0 ? size : -size) * price) / 1e18;
        (trades[0].taker.fee, trades[0].maker.fee) = (
            uint128((notional * 3 + 9_999) / 10_000),
            uint128((notional * 2 + 9_999) / 10_000)
        );
        clearinghouse.clear(trades);
        return trades[0].taker.fee + trades[0].maker.fee;
    }

    /// @dev Buys and sells again in one run: no open interest arises that would add to the depth.
    function _washInOneRun(uint256 size, uint256 price) private returns (uint256) {
        Trade[] memory trades = new Trade[](2);
        uint256 notional = (size * price) / 1e18;
        for (uint256 i = 0; i < 2; ++i) {
            trades[i].instrument = ethPerpetual;
            trades[i].size = i == 0 ? int128(int256(size)) : -int128(int256(size));
            trades[i].price = uint128(price);
            (trades[i].taker.account, trades[i].maker.account) = (_sinking, _hedge);
            (trades[i].taker.fee, trades[i].maker.fee) = (
                uint128((notional * 3) / 10_000),
                uint128((notional * 2) / 10_000)
            );
        }
        clearinghouse.clear(trades);
        return notional / 1_000;
    }

    /// @dev The best of what was tried: the thief has all shorts, pushes the premium from its lowest to its highest with
    /// one trade, and renews the fade with dust.
    function test_FalsePremium() public {
        _setFundingOf(ETH);
        _fund(_rising, usdc, 20_000_000e6);
        _fund(_sinking, usdc, 20_000_000e6);
        _fund(_hedge, usdc, 20_000_000e6);
        _trade(_honest, _rising, ethPerpetual, 3_000e18, 3_000e18);
        // Now at its lowest, by what others pay.
        _fund(_victim, usdc, 20_000_000e6);
        _tradeWithFees(_victim, _lender, 10e18, 2_970e18);
        _tradeWithFees(_honest, _victim, 1_000e18, 2_970e18);
        _tradeWithFees(_victim, _honest, 1_000e18, 2_970e18);
        (, int256 premium, , int256 index) = clearinghouse.fundingOf(ethPerpetual);
        _say("premium before [bps per period]", (premium * 10_000) / 1095e18);
        int256 wealth = _equityOf(_rising) + _equityOf(_sinking) + _equityOf(_hedge);
        uint256 fees = _washInOneRun(480e18, 3_030e18);
        (, premium, , ) = clearinghouse.fundingOf(ethPerpetual);
        _say("premium after [bps per period]", (premium * 10_000) / 1095e18);
        for (uint256 i = 0; i < 240; ++i) {
            vm.warp(block.timestamp + 12);
            _setPrice(ETH, 3_000e8);
            _trade(_sinking, _rising, ethPerpetual, i % 2 == 0 ? int256(1e6) : -1e6, 3_000e18);
        }
        (, , , int256 indexAfter) = clearinghouse.fundingOf(ethPerpetual);
        _say("fees", int256(fees / 1e18));
        _say("funding of all shorts", ((indexAfter - index) * 3_000) / 1e18);
        _say("the thief's result", (_equityOf(_rising) + _equityOf(_sinking) + _equityOf(_hedge) - wealth) / 1e18);
    }
}
