// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";

/// @title SplitVarianceTest
/// @notice Proves RD1: closing, settling or liquidating in up to 64 parts never pays more than once in full; and LQ2:
/// no part of a liquidation lowers health. Each part is compared with the whole from one snapshot.
/// @dev A trade's quote is rounded towards 0 with both signs, so a split moves at most 1 wei (1e-18 dollars) a part
/// between the two sides, either way, and nothing in all; the settlement token's unit is 1e12 wei.
contract SplitVarianceTest is PlimsollSetup {
    AccountId private _trader = accountIdOf(makeAddr("trader"), 0);
    AccountId private _other = accountIdOf(makeAddr("other"), 0);
    AccountId private _keeper = accountIdOf(makeAddr("keeper"), 0);

    function setUp() public {
        _deploy();
        _insure(1_000_000e6);
        _fund(_trader, usdc, 10_000e6);
        _fund(_trader, weth, 1e18);
        _fund(_other, usdc, 10_000_000e6);
        _fund(_keeper, usdc, 10_000_000e6);
    }

    function testFuzz_ClosingInPartsPaysAsOnceInFull(uint256 size, bool long, uint256 price, uint256 parts) public {
        int256 opened = _open(size, long);
        parts = bound(parts, 1, 64);
        price = bound(price, 2_850e18, 3_150e18);
        uint256 snapshot = vm.snapshotState();
        _trade(_trader, _other, ethPerpetual, -opened, price);
        (int256 whole, int256 otherWhole) = (_equityOf(_trader), _equityOf(_other));
        vm.revertToState(snapshot);

        for (uint256 i = parts; i > 0; --i) {
            int256 left = clearinghouse.positionOf(_trader, ethPerpetual).size;
            int256 part = i == 1 ? left : left / int256(i);
            if (part != 0) _trade(_trader, _other, ethPerpetual, -part, price);
        }

        assertEq(clearinghouse.positionOf(_trader, ethPerpetual).size, 0);
        assertApproxEqAbs(_equityOf(_trader), whole, parts, "at most 1 wei a part, either way");
        assertEq(_equityOf(_trader) + _equityOf(_other), whole + otherWhole, "nothing in all");
    }

    function testFuzz_SettlingOftenPaysAsOnce(uint256 size, bool long, uint256 price, uint256 parts) public {
        _open(size, long);
        parts = bound(parts, 1, 64);
        _setPrice(ETH, bound(price, 2_900e8, 3_100e8));
        uint256 snapshot = vm.snapshotState();
        int256 before = _equityOf(_trader);
        _settle(_trader);
        int256 whole = vault.cashOf(_trader);
        assertEq(_equityOf(_trader), before, "equity is what it was");
        vm.revertToState(snapshot);

        for (uint256 i = 0; i < parts; ++i) _settle(_trader);
        assertEq(vault.cashOf(_trader), whole, "the second settlement finds nothing");
    }

    /// @dev With prices moving between, the parts sum to the whole.
    function testFuzz_SettlingOnTheWayPaysAsAtTheEnd(uint256 size, bool long, uint256 half, uint256 end) public {
        _open(size, long);
        (half, end) = (bound(half, 2_950e8, 3_050e8), bound(end, 2_900e8, 3_100e8));
        uint256 snapshot = vm.snapshotState();
        _setPrice(ETH, end);
        _settle(_trader);
        int256 whole = vault.cashOf(_trader);
        vm.revertToState(snapshot);

        _setPrice(ETH, half);
        _settle(_trader);
        _setPrice(ETH, end);
        _settle(_trader);
        assertEq(vault.cashOf(_trader), whole);
    }

    /// @dev The keeper earns no more by slices than by the largest slice, nor does the fund pay more.
    function testFuzz_LiquidatingInPartsPaysNoMoreThanOnce(
        uint256 size,
        bool long,
        uint256 depth,
        uint256 parts
    ) public {
        _sink(size, long, depth);
        parts = bound(parts, 2, 64);
        (uint256 largest, , , ) = engine.previewLiquidation(_trader);
        int256 before = _equityOf(_keeper);
        int256 fundBefore = vault.cashOf(fund);
        uint256 snapshot = vm.snapshotState();
        _liquidate(largest);
        int256 whole = _equityOf(_keeper) - before;
        int256 fundWhole = vault.cashOf(fund) - fundBefore;
        vm.revertToState(snapshot);

        for (uint256 i = parts; i > 0; --i) {
            (uint256 most, , , ) = engine.previewLiquidation(_trader);
            if (most == 0) break;
            if (!_tryLiquidate(i == 1 ? most : most / i)) _liquidate(most);
        }

        // 1 wei of size, cash and token for each part, at the largest price.
        int256 slack = int256(parts) * 6_000;
        assertLe(_equityOf(_keeper) - before, whole + slack, "the keeper");
        assertGe(vault.cashOf(fund) - fundBefore + slack, fundWhole < 0 ? fundWhole : int256(0), "the fund");
    }

    /// @notice LQ2.
    function testFuzz_NoPartOfALiquidationLowersHealth(
        uint256 size,
        bool long,
        uint256 depth,
        uint256 fraction
    ) public {
        _sink(size, long, depth);
        Margin memory before = engine.marginOf(_trader);
        if (!_tryLiquidate(bound(fraction, 1e12, WAD))) _liquidate(WAD);
        Margin memory rest = engine.marginOf(_trader);

        if (before.equity < 0) {
            assertGe(rest.equity, before.equity, "equity below 0 does not fall");
        } else {
            // A wei of size keeps less than its price as requirement; see LiquidationHandler.
            int256 slack = 6_000 * (before.equity + int256(before.maintenance));
            assertGe(rest.equity, 0);
            assertGe(
                rest.equity * int256(before.maintenance) + slack,
                before.equity * int256(rest.maintenance),
                "health does not fall"
            );
        }
    }

    // ------------------------------------------------------------------ words

    /// @dev Opens up to 90,000 dollars at 3,000, so that a change of 3 % is survived.
    function _open(uint256 size, bool long) private returns (int256 opened) {
        opened = int256(bound(size, 0.01e18, 30e18));
        if (!long) opened = -opened;
        _trade(_trader, _other, ethPerpetual, opened, 3_000e18);
    }

    /// @dev A leveraged account brought below its line, by little or by far beyond bankruptcy.
    function _sink(uint256 size, bool long, uint256 depth) private {
        int256 opened = int256(bound(size, 10e18, 45e18));
        _trade(_trader, _other, ethPerpetual, long ? opened : -opened, 3_000e18);
        uint256 line = engine.liquidationPrice(_trader, ethPerpetual) / 1e10;
        depth = bound(depth, 1, 1_500);
        uint256 price = long ? (line * (10_000 - depth)) / 10_000 : (line * (10_000 + depth)) / 10_000;
        _setPrice(ETH, price);
        Margin memory margin = engine.marginOf(_trader);
        vm.assume(margin.equity < int256(margin.maintenance));
    }

    function _settle(AccountId account) private {
        vm.prank(account.ownerOf());
        clearinghouse.settleVariation(account);
    }

    function _liquidate(uint256 maxFraction) private {
        vm.prank(_keeper.ownerOf());
        clearinghouse.liquidate(_trader, _keeper, maxFraction, type(int256).max);
    }

    /// @dev False when the slice would leave dust or cannot be told from rounding.
    function _tryLiquidate(uint256 maxFraction) private returns (bool) {
        vm.prank(_keeper.ownerOf());
        try clearinghouse.liquidate(_trader, _keeper, maxFraction, type(int256).max) {
            return true;
        } catch {
            return false;
        }
    }
}
