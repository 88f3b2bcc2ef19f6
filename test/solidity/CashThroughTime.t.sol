// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// solhint-disable avoid-low-level-calls, -- a random act may be refused, and its reason is looked at

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashParameters} from "../../contracts/types/Cash.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";

/// @title CashThroughTimeTest
/// @notice Random acts on cash at extreme rates: no cash comes from nowhere, and what views promise can be had.
contract CashThroughTimeTest is PlimsollSetup {
    bytes4 private constant PANIC = 0x4e487b71;

    AccountId[4] private _accounts;
    uint256 private _seed;
    /// @dev [8 decimals]
    uint256 private _ethPrice = 3_000e8;

    function setUp() public {
        _deploy();
        vault.setCashRules(
            CashParameters({
                baseBps: 5_000,
                slopeBps: 10_000,
                kinkBps: 5_000,
                slopeAboveBps: 40_000,
                reservePercent: 0,
                borrowCap: 10_000_000
            })
        );
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 1_000;
        rules.setLiquidationRules(parameters);
        for (uint256 i = 0; i < 4; ++i) {
            _accounts[i] = accountIdOf(makeAddr("one"), uint96(i));
            _fund(_accounts[i], usdc, 1_000_000e6);
            if (i < 2) _fund(_accounts[i], weth, 100e18);
        }
    }

    function testFuzz_NoCashFromNowhere(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < 60; ++i) {
            bytes memory call = abi.encodeCall(this.act, ());
            _next(2);
            (bool ok, bytes memory reason) = address(this).call(call);
            assertTrue(ok || bytes4(reason) != PANIC, "a panic");
            _check();
        }
        _checkViews();
    }

    /// @dev I8: with prices and time fixed one owner of four accounts, at indices far from 1, is no richer by whatever he
    /// does, but by what the fund pays for incentives.
    function testFuzz_NobodyIsRicherByHisOwnActs(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < 20; ++i) {
            _next(2);
            (bool ok, bytes memory reason) = address(this).call(abi.encodeCall(this.act, ()));
            assertTrue(ok || bytes4(reason) != PANIC, "a panic");
        }
        _later(0);
        vault.accrueInterest();
        clearinghouse.distributeFees();
        int256 wealth = _wealth();
        for (uint256 i = 0; i < 4; ++i) if (_equityOf(_accounts[i]) < 0) return;
        int256 fundCash = vault.cashOf(fund);
        for (uint256 i = 0; i < 40; ++i) {
            _next(2);
            (bool ok, ) = address(this).call(abi.encodeCall(this.timeless, ()));
            if (!ok) continue;
            int256 wealthNow = _wealth();
            int256 fundNow = vault.cashOf(fund);
            // A product that is rounded down may be rounded less: that is seen, and never can be had.
            assertLe(wealthNow, wealth + 8 + (fundNow < fundCash ? fundCash - fundNow : int256(0)), "richer");
            if (wealthNow < wealth) wealth = wealthNow;
            fundCash = fundNow;
        }
    }

    /// @dev Of the owner of all four accounts, with what he has withdrawn [wad].
    function _wealth() private view returns (int256 wealth) {
        for (uint256 i = 0; i < 4; ++i) wealth += _equityOf(_accounts[i]);
        wealth += int256(usdc.balanceOf(_accounts[0].ownerOf()) * 1e12);
    }

    /// @dev One random act that takes no time; its reverts are the caller's to bear.
    function timeless() external {
        uint256 kind = _next(8);
        AccountId account = _accounts[_next(4)];
        AccountId other = _accounts[_next(4)];
        address owner = account.ownerOf();
        if (kind == 0) {
            uint256 has = usdc.balanceOf(owner);
            vm.startPrank(owner);
            usdc.approve(address(vault), has);
            vault.deposit(account, address(usdc), 1 + _next(has));
            vm.stopPrank();
        } else if (kind == 1) {
            uint256 most = engine.withdrawable(account, address(usdc));
            vm.prank(owner);
            vault.withdraw(account, address(usdc), 1 + _next(most), owner);
        } else if (kind == 2) {
            vm.prank(owner);
            vault.transfer(account, other, address(usdc), 1 + _next(_next(2) == 0 ? 2 : 500_000e6));
        } else if (kind <= 4) {
            int256 size = int256(_next(600e18)) - 300e18;
            if (_next(3) == 0) size = size % 10;
            _trade(account, other, ethPerpetual, size, (_ethPrice * 1e10 * (960 + _next(80))) / 1_000);
        } else if (kind == 5) {
            vm.prank(owner);
            clearinghouse.settleVariation(account);
        } else {
            vm.prank(owner);
            clearinghouse.liquidate(account, other, 1e12 + _next(1e18), type(int256).max);
        }
    }

    /// @dev One random act; its reverts are the caller's to bear.
    function act() external {
        uint256 kind = _next(14);
        AccountId account = _accounts[_next(4)];
        AccountId other = _accounts[_next(4)];
        address owner = account.ownerOf();
        if (kind == 0) _fund(account, usdc, 1 + _next(300_000e6));
        else if (kind <= 3) {
            uint256 most = engine.withdrawable(account, address(usdc));
            vm.prank(owner);
            vault.withdraw(account, address(usdc), kind == 1 ? most : 1 + _next(most + 1), owner);
        } else if (kind == 4) {
            vm.prank(owner);
            vault.transfer(account, other, address(usdc), 1 + _next(500_000e6));
        } else if (kind <= 6) {
            _trade(account, other, ethPerpetual, int256(_next(600e18)) - 300e18, _ethPrice * 1e10);
        } else if (kind == 7) {
            vm.prank(owner);
            clearinghouse.settleVariation(account);
        } else if (kind == 8) _later(_next(3) == 0 ? _next(400 days) : _next(3 hours));
        else if (kind == 9) {
            _ethPrice = (_ethPrice * (700 + _next(600))) / 1_000;
            if (_ethPrice < 300e8) _ethPrice = 300e8;
            if (_ethPrice > 30_000e8) _ethPrice = 30_000e8;
            _setPrice(ETH, _ethPrice);
        } else if (kind == 10) clearinghouse.writeOff(account);
        else if (kind == 11) clearinghouse.distributeFees();
        else if (kind == 12) {
            vm.prank(owner);
            clearinghouse.liquidate(account, other, 1e16 + _next(1e18), type(int256).max);
        } else {
            clearinghouse.repayDeficit();
        }
    }

    function _later(uint256 time) private {
        vm.warp(block.timestamp + time);
        _setPrice(ETH, _ethPrice);
        _setPrice(BTC, 60_000e8);
    }

    /// @dev Claims never exceed the tokens, and miss few wei of them: at indices far from 1 a wei of principal is more.
    function _check() private view {
        int256 claims = int256(clearinghouse.reserve()) - int256(clearinghouse.deficit());
        claims += int256(vault.interestReserve()) + vault.cashOf(fund) + vault.cashOf(treasury);
        for (uint256 i = 0; i < 4; ++i) {
            claims += vault.cashOf(_accounts[i]);
            OpenPosition[] memory open = clearinghouse.openPositionsOf(_accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) claims += open[j].realQuote;
        }
        int256 tokens = int256(vault.trackedOf(address(usdc)) * 1e12);
        assertLe(claims, tokens, "claims exceed tokens");
        assertGe(claims, tokens - 1e9, "claims are missing");
    }

    /// @dev What is withdrawable can be withdrawn, and one unit more cannot.
    function _checkViews() private {
        for (uint256 i = 0; i < 4; ++i) {
            address owner = _accounts[i].ownerOf();
            uint256 most = engine.withdrawable(_accounts[i], address(usdc));
            vm.prank(owner);
            (bool more, ) = address(vault).call(
                abi.encodeCall(vault.withdraw, (_accounts[i], address(usdc), most + 1, owner))
            );
            assertFalse(more, "more than withdrawable");
            if (most == 0) continue;
            vm.prank(owner);
            vault.withdraw(_accounts[i], address(usdc), most, owner);
        }
    }

    function _next(uint256 below) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % below;
    }
}
