// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnyRules} from "./AnyRules.sol";
import {PlimsollSetup} from "./PlimsollSetup.sol";
import {MarginEngine} from "../../contracts/MarginEngine.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {IRules} from "../../contracts/interfaces/IRules.sol";
import {MockStricterEngine} from "../../contracts/mocks/MockStricterEngine.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";

/// @title RampsTest
/// @notice GV1: no change of parameters makes a healthy account liquidatable in the block in which it is made, whatever
/// governance sets within the bounds of the Rules, at any moment of any ramp.
contract RampsTest is AnyRules, PlimsollSetup {
    uint256 private constant CHANGES = 7;

    /// @dev What an account is worth and requires before a change, and who it is.
    struct Watched {
        AccountId account;
        Margin before;
    }

    AccountId private _hedged = accountIdOf(makeAddr("hedged"), 0);
    AccountId private _large = accountIdOf(makeAddr("large"), 0);
    AccountId private _small = accountIdOf(makeAddr("small"), 0);
    AccountId private _house = accountIdOf(makeAddr("house"), 0);

    /// @dev One account with two perpetuals and two tokens, one in the highest bracket, one at the minimum margin.
    function setUp() public {
        _deploy();
        rules.setVolatilityOracle(address(this));
        // ETH as everybody has taken it until now, BTC otherwise: its first ramp is that of its first volatility.
        _note(ETH, 6_000, 6_000);
        _note(BTC, 4_473, 9_487);
        _fund(_house, usdc, 50_000_000e6);
        _fund(_hedged, usdc, 50_000e6);
        _fund(_hedged, weth, 100e18);
        _fund(_hedged, wbtc, 2e8);
        _fund(_large, usdc, 12_000_000e6);
        _fund(_small, usdc, 60e6);
        _trade(_hedged, _house, ethPerpetual, 200e18, 3_000e18);
        _trade(_hedged, _house, btcPerpetual, -3e18, 60_000e18);
        _trade(_large, _house, ethPerpetual, 8_000e18, 3_000e18);
        _trade(_small, _house, btcPerpetual, 0.001e18, 60_000e18);
    }

    /// @notice Six changes, each at any moment of the ramps of those before; prices stand where the account is worth most
    /// or least, and volatility brings news between the changes.
    function testFuzz_NoChangeRaisesMaintenanceInItsBlock(uint256 seed) public {
        for (uint256 i = 0; i < 6; ++i) {
            uint256 draw = _draw(seed, i);
            _passTime(_draw(draw, 1) % 5 == 0 ? 0 : _draw(draw, 2, 1, 4 days), draw);
            if (_draw(draw, 3) % 3 == 0) _news(draw);

            Watched[4] memory watched = _watch();
            _change(_draw(draw, 4) % CHANGES, _draw(draw, 5));
            for (uint256 j = 0; j < 4; ++j) _compare(watched[j]);
        }
    }

    /// @notice The same with two changes in one block, the second of which begins where the first one is, or is refused.
    function testFuzz_NoTwoChangesRaiseMaintenanceInTheirBlock(uint256 seed) public {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 draw = _draw(seed, i);
            _passTime(_draw(draw, 1, 0, 4 days), draw);

            Watched[4] memory watched = _watch();
            _change(_draw(draw, 2) % CHANGES, _draw(draw, 3));
            _change(_draw(draw, 4) % CHANGES, _draw(draw, 5));
            for (uint256 j = 0; j < 4; ++j) _compare(watched[j]);
        }
    }

    /// @notice An account exactly at its line stays there in the block, and one second later as well, but for what a unit
    /// of a field makes.
    function testFuzz_AnAccountAtItsLineIsNotLiquidatableInTheBlock(uint256 seed) public {
        _passTime(_draw(seed, 1, 0, 4 days), seed);
        _change(_draw(seed, 2) % 4, _draw(seed, 3));
        _passTime(_draw(seed, 4, 0, 4 days), 0);
        Margin memory margin = engine.marginOf(_large);
        vm.assume(margin.equity >= int256(margin.maintenance));

        // A price at which nothing of the equity is spare, to a millionth.
        uint256 line = engine.liquidationPrice(_large, ethPerpetual);
        vm.assume(line > 100e18 && line < 3_000e18);
        _setPrice(ETH, line / 1e10 + 1);
        margin = engine.marginOf(_large);
        vm.assume(margin.equity >= int256(margin.maintenance));

        _change(_draw(seed, 5) % CHANGES, _draw(seed, 6));
        _expectNotLiquidatable(_large);
    }

    // What governance does

    /// @dev One change of whatever could raise a maintenance requirement.
    function _change(uint256 kind, uint256 draw) private {
        uint24 underlying = draw & 1 == 0 ? ETH : BTC;
        if (kind == 0) {
            UnderlyingParameters memory rates = _anyRates(draw);
            bool isOther = !packRateRules(rates).hasRatesOf(rules.marginRatesOf(underlying).rules);
            if (isOther) _expectOneRampAtATime(underlying);
            rules.setUnderlying(underlying, rates);
        } else if (kind == 1) {
            SizeBrackets current = rules.marginRatesOf(underlying).targetBrackets;
            BracketParameters memory brackets = _otherBrackets(current, draw);
            if (!_isSame(packSizeBrackets(brackets), current)) _expectOneRampAtATime(underlying);
            rules.setBrackets(underlying, brackets);
        } else if (kind == 2) {
            rules.setCollateral(address(draw & 1 == 0 ? weth : wbtc), _anyCollateral(draw, underlying));
        } else if (kind == 3) {
            uint8 most = uint8(rules.liquidationRules().mostInstruments());
            rules.setLiquidationRules(_anyLiquidation(draw, most));
        } else if (kind == 4) {
            // The next oracle says something else at once, of one underlying.
            rules.setVolatilityOracle(address(this));
            _note(underlying, _draw(draw, 1, 0, 65_535), _draw(draw, 2, 0, 65_535));
        } else if (kind == 5) {
            _succeed(draw);
        } else {
            _freeze(underlying);
        }
    }

    /// @dev While an underlying's rates or brackets move, the next change is refused, and so changes nothing.
    function _expectOneRampAtATime(uint24 underlying) private {
        uint256 end = rules.marginRatesOf(underlying).endOfRamp;
        if (block.timestamp >= end) return;
        vm.expectRevert(abi.encodeWithSelector(IRules.RampNotOver.selector, underlying, end));
    }

    /// @dev Another engine, stricter or not, once the blend before is over.
    function _succeed(uint256 draw) private {
        if (block.timestamp < engine.endOfBlend()) return;
        engine =
            draw & 2 == 0
                ? new MarginEngine(vault, clearinghouse, oracle, rules, engine)
                : new MockStricterEngine(vault, clearinghouse, oracle, rules, engine);
        clearinghouse.setMarginEngine(address(engine));
    }

    /// @dev The guardian's freezes, where they are free.
    function _freeze(uint24 underlying) private {
        try rules.freezeUnderlying(underlying) {} catch {}
        try rules.freezeCollateral(address(underlying == ETH ? weth : wbtc)) {} catch {}
    }

    // The world

    function _passTime(uint256 elapsed, uint256 draw) private {
        vm.warp(block.timestamp + elapsed);
        _setPrice(ETH, 3_000e8 - (draw % 3) * 150e8);
        _setPrice(BTC, 60_000e8);
    }

    /// @dev The oracle of today says something else: that is the market's, not governance's.
    function _news(uint256 draw) private {
        _note(ETH, _draw(draw, 6, 0, 20_000), _draw(draw, 7, 0, 40_000));
    }

    function _note(uint24 underlying, uint256 slowBps, uint256 fastBps) private {
        rules.noteVolatility(underlying, uint16(slowBps), uint16(fastBps), uint32(block.timestamp));
    }

    // Before and after

    function _watch() private view returns (Watched[4] memory watched) {
        AccountId[4] memory accounts = [_hedged, _large, _small, _house];
        for (uint256 i = 0; i < 4; ++i) {
            watched[i] = Watched({account: accounts[i], before: engine.marginOf(accounts[i])});
        }
    }

    function _compare(Watched memory watched) private {
        Margin memory afterwards = engine.marginOf(watched.account);
        assertEq(afterwards.equity, watched.before.equity, "equity");
        // Not equal: where a new volatility oracle finds a ramp, it begins at the rates of now, cut off below a bps.
        assertLe(afterwards.maintenance, watched.before.maintenance, "GV1: maintenance");
        if (watched.before.equity < int256(watched.before.maintenance)) return;
        _expectNotLiquidatable(watched.account);
    }

    function _expectNotLiquidatable(AccountId account) private {
        (uint256 fraction, , , ) = engine.previewLiquidation(account);
        assertEq(fraction, 0, "GV1: preview");
        Margin memory margin = engine.marginOf(account);
        AccountId liquidator = accountIdOf(makeAddr("liquidator"), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IMarginEngine.NotLiquidatable.selector, account, margin.equity, margin.maintenance)
        );
        vm.prank(liquidator.ownerOf());
        clearinghouse.liquidate(account, liquidator, WAD, type(int256).max);
    }
}
