// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {Margin, Status} from "../../contracts/types/Portfolio.sol";

/// @title DustLegsTest
/// @notice Proves I2 and I6 for accounts with a leg of a few wei that carries any gain or loss, long or short, whatever
/// the slices: there rounding decides whether a leg stays, and nothing that it carries may vanish or appear.
contract DustLegsTest is PlimsollSetup {
    /// @dev A wei of size at its mark, for each of two legs, on either side of R' x M >= R x M' [wad].
    int256 private constant ROUNDING = 200_000;

    AccountId private _sinking = accountIdOf(makeAddr("owner"), 1);
    AccountId private _rising = accountIdOf(makeAddr("owner"), 2);
    AccountId private _honest = accountIdOf(makeAddr("honest"), 0);

    function setUp() public {
        _deploy();
        _fund(_honest, usdc, 20_000_000e6);
        _fund(_sinking, usdc, 3_000_000e6);
        _fund(_rising, usdc, 3_000_000e6);
        _insure(1_000e6);
    }

    function testFuzz_SlicesLoseNothingThatADustLegCarries(
        int256 dust,
        bool loses,
        uint256 trips,
        uint256 price,
        uint256[6] memory fractions,
        bool byOwner
    ) public {
        _carry(bound(dust, -5, 5), loses, bound(trips, 1, 8));
        _setPrice(BTC, bound(price, 50_000e8, 57_900e8));
        for (uint256 i = 0; i < fractions.length && engine.statusOf(_sinking) >= Status.Liquidatable; ++i) {
            _slice(byOwner ? _rising : _honest, bound(fractions[i], 1e12, WAD));
        }
    }

    /// @dev Round trips in the band leave a leg of a few wei with all that they won or lost; then a real position at the
    /// initial margin.
    function _carry(int256 dust, bool loses, uint256 trips) private {
        (uint256 opened, uint256 closed) = loses ? (3_010e18, 2_860e18) : (2_860e18, 3_010e18);
        for (uint256 i = 0; i < trips; ++i) {
            _trade(_sinking, _rising, ethPerpetual, i == 0 ? 1_000e18 + dust : int256(1_000e18), opened);
            _trade(_sinking, _rising, ethPerpetual, -1_000e18, closed);
        }
        _trade(_sinking, _honest, btcPerpetual, 20e18, 60_000e18);
        uint256 spare = engine.withdrawable(_sinking, address(usdc));
        vm.prank(_sinking.ownerOf());
        vault.withdraw(_sinking, address(usdc), spare, _sinking.ownerOf());
    }

    function _slice(AccountId liquidator, uint256 fraction) private {
        int256 claims = _claimsOf([_sinking, _rising, _honest]);
        Margin memory before = engine.marginOf(_sinking);
        vm.prank(liquidator.ownerOf());
        try clearinghouse.liquidate(_sinking, liquidator, fraction, type(int256).max) {
            assertLe(_claimsOf([_sinking, _rising, _honest]), claims, "I2: no claim appears");
            assertGe(_claimsOf([_sinking, _rising, _honest]), claims - 20, "I2: none vanishes but by rounding");
            _assertImproved(before, engine.marginOf(_sinking));
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            assertTrue(
                selector == IMarginEngine.MustCloseWhole.selector ||
                    selector == IMarginEngine.BelowInitialMargin.selector,
                "an error that the design names"
            );
        }
    }

    function _assertImproved(Margin memory before, Margin memory afterwards) private pure {
        if (before.equity < 0) {
            assertGe(afterwards.equity, before.equity - ROUNDING, "I6: equity does not fall");
            return;
        }
        int256 left = (afterwards.equity + ROUNDING) * int256(before.maintenance);
        assertGe(left, before.equity * (int256(afterwards.maintenance) - ROUNDING), "I6: health does not fall");
    }
}
