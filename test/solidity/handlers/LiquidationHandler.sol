// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Observer} from "./Observer.sol";
import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";

/// @title LiquidationHandler
/// @notice Liquidations with the post-conditions of I6: health or, without equity, equity does not fall, no position
/// grows or flips, and a slightly smaller slice would not have reached the target.
abstract contract LiquidationHandler is Observer {
    uint256 internal constant KEEPER = 7;

    /// @dev Of R' and M' together: each is a sum of at most 8 terms rounded by 1 wei, weighted by the largest size
    /// factor 5 [wad].
    int256 private constant ROUNDING = 80;
    /// @dev Tolerance of the search for the least slice, as a share of the slice [bps].
    uint256 private constant SLICE_TOLERANCE_BPS = 20;

    /// @notice Slices taken that were less than the whole account.
    uint256 public partials;

    /// @dev An act: takes a slice and checks it; false when the design refuses it.
    function _liquidate(uint256 place, uint256 liquidator, uint256 maxFraction) internal returns (bool) {
        Margin memory before = _marginOf(place);
        int256[3] memory sizes = [_sizeOf(place, 0), _sizeOf(place, 1), _sizeOf(place, 2)];
        (uint256 largest, int256 payment, , ) = _system.engine.previewLiquidation(_accounts[place]);
        if (maxFraction >= largest) _assertLeast(place, liquidator, largest);
        _takesPart(place);
        _takesPart(liquidator);

        vm.prank(_accounts[liquidator].ownerOf());
        try
            _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], maxFraction, type(int256).max)
        returns (uint256 fraction, int256 paid) {
            assertEq(fraction, maxFraction < largest ? maxFraction : largest, "I10: the slice is the preview's");
            if (fraction == largest) assertEq(paid, payment, "I10: the payment is the preview's");
            if (fraction < WAD) ++partials;
            _assertImproved(place, before, sizes, fraction);
            _wrote(6);
            _verify(false);
            return true;
        } catch (bytes memory reason) {
            _expect(reason, IMarginEngine.BelowInitialMargin.selector, IMarginEngine.MustCloseWhole.selector);
            _verify(false);
            return false;
        }
    }

    /// @dev Liquidates somebody by all means: if nobody is below the line, the price is moved against the position with
    /// the most leverage.
    function _bringDown(uint256 seed) internal returns (bool) {
        for (uint256 i = 0; i < 6 && _firstBelow(seed) == ACTORS; ++i) {
            (uint256 riskiest, uint256 most) = (0, 0);
            for (uint256 j = 0; j < KEEPER * 3; ++j) {
                uint256 leverage = _leverageOf(j / 3, j % 3);
                if (leverage > most) (riskiest, most) = (j, leverage);
            }
            _movePrice(riskiest % 3, _sizeOf(riskiest / 3, riskiest % 3) > 0 ? 8_500 : 11_500);
        }
        uint256 place = _firstBelow(seed);
        return place < KEEPER && _liquidate(place, KEEPER, WAD);
    }

    /// @dev Notional over equity [wad].
    function _leverageOf(uint256 place, uint256 perpetual) private view returns (uint256) {
        uint256 magnitude = _magnitude(_sizeOf(place, perpetual));
        int256 equity = magnitude == 0 ? int256(0) : _marginOf(place).equity;
        return equity <= 0 ? 0 : (magnitude * _markOf(perpetual)) / uint256(equity);
    }

    /// @dev The first account below the line, counted from the seed; ACTORS when there is none.
    function _firstBelow(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            uint256 place = (seed + i) % ACTORS;
            if (_isBelow(place)) return place;
        }
        return ACTORS;
    }

    /// @dev An act: prices stay within a factor of 100 of where they began.
    function _movePrice(uint256 which, uint256 factorBps) internal {
        uint256[4] memory first = [uint256(3_000e8), 60_000e8, 150e8, 50e8];
        MockV3Aggregator feed = _system.feeds[which];
        uint256 price = (uint256(feed.latestAnswer()) * factorBps) / 10_000;
        feed.updateAnswer(int256(bound(price, first[which] / 100, first[which] * 100)));
        _verify(true);
    }

    function _magnitude(int256 size) internal pure returns (uint256) {
        return uint256(size < 0 ? -size : size);
    }

    function _least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    /// @dev I6 after a slice.
    function _assertImproved(
        uint256 place,
        Margin memory before,
        int256[3] memory sizes,
        uint256 fraction
    ) private view {
        Margin memory rest = _marginOf(place);
        if (before.equity >= 0) {
            assertGe(rest.equity, 0, "I6: equity is not turned into debt");
            int256 slack = _roundingOf(sizes) * (before.equity + int256(before.maintenance));
            assertGe(
                rest.equity * int256(before.maintenance) + slack,
                before.equity * int256(rest.maintenance),
                "I6: health does not fall"
            );
        } else {
            assertGe(rest.equity + ROUNDING, before.equity, "I6: equity below 0 does not fall");
        }
        for (uint256 i = 0; i < 3; ++i) {
            int256 size = _sizeOf(place, i);
            assertTrue(
                sizes[i] >= 0 ? size >= 0 && size <= sizes[i] : size <= 0 && size >= sizes[i],
                "I6: no leg grows"
            );
            if (fraction == WAD) assertEq(size, 0, "the whole account is taken");
        }
    }

    /// @dev A position keeps up to 1 wei of size more than its share, and a wei of size requires less than its price
    /// [wad].
    function _roundingOf(int256[3] memory sizes) private view returns (int256 rounding) {
        rounding = ROUNDING;
        for (uint256 i = 0; i < 3; ++i) {
            if (sizes[i] != 0) rounding += int256(_markOf(i) / WAD) + 1;
        }
    }

    /// @dev Tokens move in whole units: an account keeps up to one unit of each more than its share [wad].
    function _unitValuesOf(uint256 place) private view returns (int256 values) {
        for (uint256 i = 1; i < 5; ++i) {
            if (_system.vault.collateralOf(_accounts[place], address(_system.tokens[i])) == 0) continue;
            uint256 price = _system.oracle.price(uint24(i));
            values += int256(price / 10 ** _system.tokens[i].decimals()) + 1;
        }
    }

    /// @dev I6: unless the account is closed whole, a slice smaller by 0.2 % leaves it below (1 + buffer) x M.
    function _assertLeast(uint256 place, uint256 liquidator, uint256 largest) private {
        if (largest == WAD) return;
        int256 units = _unitValuesOf(place);
        uint256 snapshot = vm.snapshotState();
        vm.prank(_accounts[liquidator].ownerOf());
        uint256 smaller = largest - (largest * SLICE_TOLERANCE_BPS) / 10_000;
        try _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], smaller, type(int256).max) {
            Margin memory rest = _marginOf(place);
            int256 target = int256(rest.maintenance + (rest.maintenance * 1_500) / 10_000);
            assertLt(rest.equity, target + ROUNDING + units, "I6: a smaller slice would have done");
        } catch {}
        vm.revertToState(snapshot);
    }
}
