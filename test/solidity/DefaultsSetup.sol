// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup, cashRulesOfDesign} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {Trade} from "../../contracts/types/Trade.sol";

/// @title DefaultsSetup
/// @notice The system with lenders who bear losses, two accounts of a thief, and the ways in which one of them goes
/// bankrupt.
abstract contract DefaultsSetup is PlimsollSetup {
    address internal thief = makeAddr("thief");
    AccountId internal sinking = accountIdOf(thief, 1);
    AccountId internal rising = accountIdOf(thief, 2);
    /// @dev Takes the other side and has 50,000,000 of cash.
    AccountId internal honest = accountIdOf(makeAddr("honest"), 0);
    /// @dev Has 1,000,000 of cash and no position.
    AccountId internal lender = accountIdOf(makeAddr("lender"), 0);
    /// @dev Has nothing yet.
    AccountId internal stranger = accountIdOf(makeAddr("stranger"), 0);

    /// @dev Lenders bear 1 % at once, one instrument draws half of the fund in a day, 10 M may be borrowed.
    function _deployWithLenders() internal {
        _deploy();
        vault.setCashRules(cashRulesOfDesign({borrowCap: 10_000_000}));
        _setCaps({lendersCapBps: 100, fundDrawCapBps: 5_000});
        _fund(honest, usdc, 50_000_000e6);
        _fund(lender, usdc, 1_000_000e6);
    }

    function _setCaps(uint16 lendersCapBps, uint16 fundDrawCapBps) internal {
        LiquidationParameters memory parameters = _liquidationParameters();
        (parameters.lendersCapBps, parameters.fundDrawCapBps) = (lendersCapBps, fundDrawCapBps);
        rules.setLiquidationRules(parameters);
    }

    /// @dev Long 1,000 ETH on 420,000, and 5 BTC whose price stays: worth -1,080,000 when ETH has halved.
    function _sinkInTwoMarkets() internal {
        _fund(sinking, usdc, 420_000e6);
        _trade(sinking, honest, ethPerpetual, 1_000e18, 3_000e18);
        _trade(sinking, honest, btcPerpetual, 5e18, 60_000e18);
        _setPrice(ETH, 1_500e8);
    }

    /// @dev 100 WETH, all that can be borrowed on them, two legs of 3 dollars (or one), and WETH falls by 30 %.
    function _sinkBorrower(bool withSecondLeg) internal {
        _fund(sinking, weth, 100e18);
        _trade(sinking, honest, ethPerpetual, 0.001e18, 3_000e18);
        if (withSecondLeg) _trade(sinking, honest, btcPerpetual, 0.00005e18, 60_000e18);
        _withdrawAll(sinking);
        _setPrice(ETH, 2_100e8);
    }

    /// @dev Two pairs of the same size in ETH: the bankrupt-to-be against the thief's other account, honest against a
    /// stranger. Then ETH falls to a price [8 decimals].
    function _sinkAmongTwoWinners(uint256 answer) internal {
        _fund(sinking, usdc, 420_000e6);
        _fund(rising, usdc, 3_000_000e6);
        _fund(stranger, usdc, 3_000_000e6);
        _trade(sinking, rising, ethPerpetual, 1_000e18, 3_000e18);
        _trade(honest, stranger, ethPerpetual, 1_000e18, 3_000e18);
        _setPrice(ETH, answer);
    }

    /// @dev Takes the whole of an account over, for the liquidator's owner.
    function _liquidate(AccountId account, AccountId liquidator) internal {
        vm.prank(liquidator.ownerOf());
        clearinghouse.liquidate(account, liquidator, WAD, type(int256).max);
    }

    /// @dev Flags an account and waits until it can be deleveraged.
    function _flagAndWait(AccountId account) internal {
        clearinghouse.flag(account);
        _wait(1 hours);
    }

    /// @dev Withdraws all that an account of the thief can [token].
    function _withdrawAll(AccountId account) internal returns (uint256 amount) {
        amount = engine.withdrawable(account, address(usdc));
        vm.prank(thief);
        vault.withdraw(account, address(usdc), amount, thief);
    }

    /// @dev Time passes, and all prices are fresh again [seconds].
    function _wait(uint256 time) internal {
        vm.warp(block.timestamp + time);
        for (uint24 i = 0; i < feeds.length; ++i) feeds[i].updateAnswer(feeds[i].latestAnswer());
    }

    /// @dev Others pay fees, of which 40 % are the fund's [wad].
    function _payFees(uint256 fees) internal {
        _tradeWithFee(lender, honest, 0.001e18, 60_000e18, fees);
    }

    /// @dev Clears one trade in BTC at 0.001, in ETH otherwise, whose taker pays a fee [wad].
    function _tradeWithFee(AccountId taker, AccountId maker, int256 size, uint256 price, uint256 fee) internal {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = size == 0.001e18 ? btcPerpetual : ethPerpetual;
        trades[0].size = int128(size);
        trades[0].price = uint128(price);
        (trades[0].taker.account, trades[0].maker.account) = (taker, maker);
        trades[0].taker.fee = uint128(fee);
        clearinghouse.clear(trades);
    }
}
