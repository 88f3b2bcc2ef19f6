// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IPriceOracle} from "../../contracts/interfaces/IPriceOracle.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {Status} from "../../contracts/types/Portfolio.sol";
import {TokenLimits} from "../../contracts/types/TokenLimits.sol";

/// @title FoundByAttackTest
/// @notice Holes that people who were asked to steal have found, each with the numbers in which it paid. They stay
/// shut.
contract FoundByAttackTest is PlimsollSetup {
    address private _thief = makeAddr("thief");
    AccountId private _sinking = accountIdOf(_thief, 1);
    AccountId private _rising = accountIdOf(_thief, 2);
    AccountId private _honest = accountIdOf(makeAddr("honest"), 0);

    function setUp() public {
        _deploy();
        _fund(_honest, usdc, 200_000_000e6);
        _insure(1_000_000e6);
    }

    /// @dev The owner keeps 240,000 of losses in a leg of 1 wei, and takes slices of the rest. A slice that left the
    /// leg's quote behind took 150,000 from the insurance fund.
    function test_LossesOfADustLegAreSliced() public {
        _fund(_sinking, usdc, 400_000e6);
        _fund(_rising, usdc, 400_000e6);
        _washInto({loser: _sinking, winner: _rising});
        _trade(_sinking, _honest, btcPerpetual, 30e18, 60_000e18);
        _setPrice(BTC, 57_200e8);
        int256 wealth = _equityOf(_sinking) + _equityOf(_rising);
        int256 fundCash = vault.cashOf(fund);

        for (uint256 i = 0; i < 8 && engine.statusOf(_sinking) == Status.Liquidatable; ++i) {
            vm.prank(_thief);
            clearinghouse.liquidate(_sinking, _rising, 1e18, type(int256).max);
        }

        assertGe(_equityOf(_sinking), 0, "nothing is left for the fund to pay");
        assertGe(vault.cashOf(fund), fundCash, "the fund earns its fee");
        assertLe(_equityOf(_sinking) + _equityOf(_rising), wealth, "nobody gains by liquidating himself");
    }

    /// @dev The owner keeps his wealth in a leg of 1 wei. A slice that left the leg's quote behind cost an honest
    /// liquidator 48,000.
    function test_WealthOfADustLegIsSliced() public {
        _fund(_sinking, usdc, 400_000e6);
        _fund(_rising, usdc, 600_000e6);
        _washInto({loser: _rising, winner: _sinking});
        vm.prank(_thief);
        vault.withdraw(_sinking, address(usdc), 400_000e6, _thief);
        _trade(_sinking, _honest, btcPerpetual, 40e18, 60_000e18);
        _setPrice(BTC, 56_500e8);
        (int256 liquidator, int256 account) = (_equityOf(_honest), _equityOf(_sinking));

        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);

        assertGt(_equityOf(_honest), liquidator, "the liquidator earns its incentive");
        assertLt(_equityOf(_sinking), account, "the account pays it");
    }

    /// @dev A short of 1 wei is rounded up to a whole move by any slice, and so is closed. When its rest was forgotten,
    /// a slice of a millionth made 2,500,000 of losses vanish.
    function test_WhatRoundingClosesLeavesItsRestAsCash() public {
        _fund(_sinking, usdc, 3_000_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        for (uint256 i = 0; i < 17; ++i) {
            _trade(_sinking, _rising, ethPerpetual, i == 0 ? -1_000e18 - 1 : -1_000e18, 2_860e18);
            _trade(_sinking, _rising, ethPerpetual, 1_000e18, 3_010e18);
        }
        _trade(_sinking, _honest, btcPerpetual, 20e18, 60_000e18);
        uint256 spare = engine.withdrawable(_sinking, address(usdc));
        vm.prank(_thief);
        vault.withdraw(_sinking, address(usdc), spare, _thief);
        _setPrice(BTC, 57_900e8);
        assertEq(clearinghouse.positionOf(_sinking, ethPerpetual).size, -1);
        int256 wealth = _equityOf(_sinking) + _equityOf(_rising);
        int256 claims = _claimsOf([_sinking, _rising, _honest]);

        vm.prank(_thief);
        clearinghouse.liquidate(_sinking, _rising, 1e12, type(int256).max);

        assertEq(clearinghouse.positionOf(_sinking, ethPerpetual).size, 0, "the dust is gone");
        assertEq(_claimsOf([_sinking, _rising, _honest]), claims, "and its losses are not");
        assertLe(_equityOf(_sinking) + _equityOf(_rising), wealth);
    }

    /// @dev In the last bracket the requirement is linear: the first chord of the search meets the target exactly, and
    /// a wei of rounding made it take 32 % instead of 26 %.
    function test_ASliceIsTheLeastWhereverAChordMeetsTheTarget() public {
        _fund(_sinking, usdc, 28_000_000e6);
        _trade(_sinking, _honest, btcPerpetual, 1_500e18 + 123_456_789_012_345, 60_000e18);
        _setPrice(BTC, 4_801_222_844_321);
        (uint256 beside, , , ) = engine.previewLiquidation(_sinking);
        _setPrice(BTC, 4_801_222_844_320);
        (uint256 fraction, , , ) = engine.previewLiquidation(_sinking);

        assertApproxEqRel(fraction, beside, 0.002e18);
    }

    /// @dev A flash deposit raised what the outflow limit's share is of: 28 M left at once where 10 M were allowed.
    function test_AFlashDepositLiftsNoOutflowLimit() public {
        TokenLimits memory limits;
        limits.depositCap = type(uint112).max;
        limits.outflowAmount = 1_000_000e6;
        limits.outflowBps = 2_000;
        vault.setTokenLimits(address(usdc), limits);
        _fund(_rising, usdc, 100_000_000e6);
        vm.warp(block.timestamp + 1 days);
        uint256 room = vault.releasableOf(address(usdc));

        _fund(_rising, usdc, 200_000_000e6);

        assertEq(vault.releasableOf(address(usdc)), room + 200_000_000e6, "what came may leave, and no more");
    }

    /// @dev A unit of a token whose feed was dead already, put into a sinking account, kept it from being liquidated: a
    /// straddle that others paid for, 122,000 on 140,000.
    function test_NoDeadTokenShieldsASinkingAccount() public {
        _fund(_sinking, usdc, 70_000e6);
        _fund(_rising, wbtc, 1e8);
        _trade(_sinking, _honest, ethPerpetual, 300e18, 3_000e18);
        feeds[BTC - 1].updateAnswer(0);
        bytes memory reason = abi.encodeWithSelector(
            IPriceOracle.InvalidPrice.selector,
            BTC,
            address(feeds[BTC - 1]),
            int256(0)
        );

        wbtc.mint(_thief, 1);
        vm.startPrank(_thief);
        wbtc.approve(address(vault), 1);
        vm.expectRevert(reason);
        vault.deposit(_sinking, address(wbtc), 1);
        vm.expectRevert(reason);
        vault.transfer(_rising, _sinking, address(wbtc), 1);
        vm.stopPrank();

        _setPrice(ETH, 2_780e8);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
    }

    /// @dev With a dead token the fund paid what the liquidator was given for the doubt: 26,271 instead of 13,311.
    function test_TheFundPaysNothingForDoubt() public {
        int256 alive = _drawnWithToken({dead: false});
        int256 dead = _drawnWithToken({dead: true});
        assertGt(alive, 0, "the fund pays its floor");
        assertLe(dead, alive, "and no more because of what cannot be read");
    }

    /// @dev Accounts that closed first drew the fund as nobody's market after their market had drawn its share: 75 %.
    function test_OneMarketDrawsTheFundOnce() public {
        _fund(accountIdOf(_thief, 0), usdc, 20_000_000e6);
        for (uint96 i = 0; i < 10; ++i) {
            _fund(accountIdOf(_thief, 100 + i), usdc, 80_000e6);
            _fund(accountIdOf(_thief, 200 + i), usdc, 80_000e6);
            _trade(accountIdOf(_thief, 100 + i), accountIdOf(_thief, 200 + i), ethPerpetual, 333e18, 3_000e18);
        }
        int256 before = vault.cashOf(fund);
        _setPrice(ETH, 2_000e8);
        for (uint96 i = 0; i < 10; ++i) {
            AccountId account = accountIdOf(_thief, 100 + i);
            if (i >= 5) _trade(account, accountIdOf(_thief, 200 + i), ethPerpetual, -333e18, 2_000e18);
            vm.prank(_thief);
            clearinghouse.liquidate(account, accountIdOf(_thief, 0), 1e18, type(int256).max);
        }
        assertGe(vault.cashOf(fund), before / 2, "half of the fund at most in a day");
    }

    function _drawnWithToken(bool dead) private returns (int256 drawn) {
        uint256 snapshot = vm.snapshotState();
        _fund(_sinking, usdc, 1_000_000e6);
        _fund(_sinking, wbtc, 1.2e8);
        _trade(_sinking, _honest, ethPerpetual, 2_000e18, 3_000e18);
        _setPrice(ETH, 2_471.2e8);
        if (dead) {
            oracle.notePrice(BTC);
            feeds[BTC - 1].updateAnswer(0);
        }
        int256 before = vault.cashOf(fund);
        vm.prank(_honest.ownerOf());
        clearinghouse.liquidate(_sinking, _honest, 1e18, type(int256).max);
        drawn = before - vault.cashOf(fund);
        vm.revertToState(snapshot);
    }

    /// @dev Round trips between one owner's accounts at the two ends of the band; all but 1 wei of the loser's position
    /// is closed, so that the winner's gain and the loser's loss stay in quotes.
    function _washInto(AccountId loser, AccountId winner) private {
        bool isSinking = loser == _sinking;
        (uint256 high, uint256 low) = isSinking ? (3_010e18, 2_860e18) : (2_860e18, 3_010e18);
        int256 size = 800e18;
        _trade(_sinking, _rising, ethPerpetual, size, high);
        _trade(_sinking, _rising, ethPerpetual, -(size - 1), low);
        _trade(_sinking, _rising, ethPerpetual, size, high);
        _trade(_sinking, _rising, ethPerpetual, -size, low);
        assertEq(clearinghouse.positionOf(_sinking, ethPerpetual).size, 1);
        assertGt(_equityOf(winner), _equityOf(loser));
    }
}
