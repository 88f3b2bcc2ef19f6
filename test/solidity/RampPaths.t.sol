// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnyRules} from "./AnyRules.sol";
import {PlimsollSetup} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CollateralParameters} from "../../contracts/types/CollateralRules.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {RAMP_SECONDS} from "../../contracts/types/Ramp.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";
import {BracketParameters, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";

/// @title RampPathsTest
/// @notice How a requirement gets from one end of a ramp to the other: never faster than its fields move, and straight
/// towards its end when one field moves alone.
/// @dev Between two moments a field moves by at most its part of the way, (elapsed / ramp) x |to - from|, and one unit of
/// its own for being rounded twice: 1 bps of a rate, a factor or a haircut, 1 % of the prior, 1 unit of the settlement
/// currency of a bracket's end or a minimum margin. A requirement is a sum of products of fields, so its bound follows.
contract RampPathsTest is AnyRules, PlimsollSetup {
    AccountId private _large = accountIdOf(makeAddr("large"), 0);
    AccountId private _house = accountIdOf(makeAddr("house"), 0);

    /// @dev Two moments of a ramp.
    struct Moments {
        uint256 begun;
        uint256 first;
        uint256 second;
    }

    function setUp() public {
        _deploy();
        _fund(_house, usdc, 100_000_000e6);
        _fund(_large, usdc, 20_000_000e6);
        _fund(_large, weth, 2_000e18);
        _trade(_large, _house, ethPerpetual, 8_000e18, 3_000e18);
    }

    // No faster than the fields

    function testFuzz_RatesMoveNoFasterThanTheirFields(uint256 seed) public {
        UnderlyingParameters memory from = _anyRates(_draw(seed, 100));
        UnderlyingParameters memory to = _anyRates(_draw(seed, 101));
        rules.setUnderlying(ETH, from);
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setUnderlying(ETH, to);

        (uint256 elapsed, uint256 before, uint256 afterwards) = _twoMoments(seed);
        uint256 charged = packSizeBrackets(_bracketParameters()).chargedNotional(24_000_000e18);
        uint256 most = (charged * _mostRateChange(from, to, elapsed)) / WAD + 2;
        assertLe(_distance(before, afterwards), most, "the charged notional x how far the rate can have moved");
    }

    function testFuzz_BracketsMoveNoFasterThanTheirFields(uint256 seed) public {
        BracketParameters memory from = _anyBrackets(_draw(seed, 100));
        BracketParameters memory to = _anyBrackets(_draw(seed, 101));
        rules.setBrackets(ETH, from);
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setBrackets(ETH, to);

        (uint256 elapsed, uint256 before, uint256 afterwards) = _twoMoments(seed);
        // 3.8 % of the charge.
        uint256 most = (_mostChargeChange(from, to, elapsed) * 38) / 1_000 + 6;
        assertLe(_distance(before, afterwards), most, "3.8 % of how far the charge can have moved");
    }

    function testFuzz_HaircutsMoveNoFasterThanTheirFields(uint256 seed) public {
        CollateralParameters memory from = _anyCollateral(_draw(seed, 100), ETH);
        CollateralParameters memory to = _anyCollateral(_draw(seed, 101), ETH);
        rules.setCollateral(address(weth), from);
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setCollateral(address(weth), to);

        (uint256 elapsed, uint256 before, uint256 afterwards) = _twoMoments(seed);
        uint256 bps = _part(from.maintenanceHaircutBps, to.maintenanceHaircutBps, elapsed, 1);
        assertLe(
            _distance(before, afterwards),
            (6_000_000e18 / uint256(10_000)) * bps,
            "the value x the haircut's move"
        );
    }

    function testFuzz_MinimumMarginsMoveNoFasterThanTheirFields(uint256 seed) public {
        AccountId small = accountIdOf(makeAddr("small"), 0);
        _fund(small, usdc, 100e6);
        _trade(small, _house, ethPerpetual, 0.001e18, 3_000e18);
        LiquidationParameters memory from = _anyLiquidation(_draw(seed, 100), 32);
        LiquidationParameters memory to = _anyLiquidation(_draw(seed, 101), from.mostInstruments);
        rules.setLiquidationRules(from);
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setLiquidationRules(to);

        Moments memory moments = _momentsOf(seed);
        uint256 before = _maintenanceAt(small, moments.first);
        uint256 afterwards = _maintenanceAt(small, moments.second);
        uint256 elapsed = moments.second - moments.first;
        uint256 dollars = _part(from.minimumMargin, to.minimumMargin, elapsed, 1);
        dollars += _part(from.minimumMarginOfItem, to.minimumMarginOfItem, elapsed, 1);
        assertLe(_distance(before, afterwards), dollars * WAD, "what the two fields moved");
    }

    // Straight to the end

    /// @notice When one field of rates, brackets or haircuts moves alone, both requirements move one way only and stay
    /// between those of the two ends.
    function testFuzz_OneFieldAloneMovesStraightToItsEnd(uint256 seed) public {
        UnderlyingParameters memory rates = _anyRates(_draw(seed, 100));
        BracketParameters memory brackets = _anyBrackets(_draw(seed, 101));
        rules.setUnderlying(ETH, rates);
        rules.setBrackets(ETH, brackets);
        vm.warp(block.timestamp + RAMP_SECONDS);
        uint256 field = _draw(seed, 102) % 13;
        uint256 draw = _draw(seed, 103);
        if (field < 7) rules.setUnderlying(ETH, _otherRate(rates, field, draw));
        else rules.setBrackets(ETH, _otherBracket(brackets, field - 7, draw));

        _requireStraight(seed);
    }

    /// @notice The same when all fields move at once, every one of them so that more is required, or every one so that less
    /// is. (Fields that move against each other may lead a requirement above both of its ends.)
    function testFuzz_FieldsThatAllTightenOrAllLoosenMoveStraightToTheirEnd(uint256 seed) public {
        (UnderlyingParameters memory loose, UnderlyingParameters memory tight) = _twoRates(seed);
        (BracketParameters memory wide, BracketParameters memory narrow) = _twoBrackets(seed);
        bool isTightened = seed & 1 == 1;
        rules.setUnderlying(ETH, isTightened ? loose : tight);
        rules.setBrackets(ETH, isTightened ? wide : narrow);
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setUnderlying(ETH, isTightened ? tight : loose);
        rules.setBrackets(ETH, isTightened ? narrow : wide);
        _requireStraight(seed);
    }

    /// @dev At any two moments of the ramp that begins now both requirements are nearer to their ends than before.
    function _requireStraight(uint256 seed) private {
        Moments memory moments = _momentsOf(seed);
        Margin[4] memory path = [
            _marginAt(_large, moments.begun),
            _marginAt(_large, moments.first),
            _marginAt(_large, moments.second),
            _marginAt(_large, moments.begun + RAMP_SECONDS)
        ];
        for (uint256 i = 1; i < 3; ++i) {
            _requireBetween(path[i].maintenance, path[i - 1].maintenance, path[3].maintenance);
            _requireBetween(path[i].initial, path[i - 1].initial, path[3].initial);
        }
    }

    /// @dev Two sets of rates, the second of which requires more by each of its fields.
    function _twoRates(
        uint256 seed
    ) private pure returns (UnderlyingParameters memory loose, UnderlyingParameters memory tight) {
        (loose, tight) = (_anyRates(_draw(seed, 100)), _anyRates(_draw(seed, 101)));
        (loose.maintenanceBaseBps, tight.maintenanceBaseBps) = _inOrder(
            loose.maintenanceBaseBps,
            tight.maintenanceBaseBps
        );
        (loose.maintenanceSlopeBps, tight.maintenanceSlopeBps) = _inOrder(
            loose.maintenanceSlopeBps,
            tight.maintenanceSlopeBps
        );
        (loose.maintenanceFloorBps, tight.maintenanceFloorBps) = _inOrder(
            loose.maintenanceFloorBps,
            tight.maintenanceFloorBps
        );
        (loose.maintenanceCapBps, tight.maintenanceCapBps) = _inOrder(loose.maintenanceCapBps, tight.maintenanceCapBps);
        (loose.initialFloorBps, tight.initialFloorBps) = _inOrder(loose.initialFloorBps, tight.initialFloorBps);
        (tight.maintenanceToInitialBps, loose.maintenanceToInitialBps) = _inOrder(
            tight.maintenanceToInitialBps,
            loose.maintenanceToInitialBps
        );
        (uint16 low, uint16 high) = _inOrder(loose.priorSigmaPercent, tight.priorSigmaPercent);
        (loose.priorSigmaPercent, tight.priorSigmaPercent) = (uint8(low), uint8(high));
    }

    /// @dev The same for brackets: nearer ends and larger factors.
    function _twoBrackets(
        uint256 seed
    ) private pure returns (BracketParameters memory wide, BracketParameters memory narrow) {
        BracketParameters memory a = _anyBrackets(_draw(seed, 102));
        BracketParameters memory b = _anyBrackets(_draw(seed, 103));
        wide.firstEnd = uint40(_max(a.firstEnd, b.firstEnd));
        wide.secondEnd = uint40(_max(a.secondEnd, b.secondEnd));
        wide.thirdEnd = uint40(_max(a.thirdEnd, b.thirdEnd));
        wide.secondFactorBps = uint24(_min(a.secondFactorBps, b.secondFactorBps));
        wide.thirdFactorBps = uint24(_min(a.thirdFactorBps, b.thirdFactorBps));
        wide.lastFactorBps = uint24(_min(a.lastFactorBps, b.lastFactorBps));
        narrow.firstEnd = uint40(_min(a.firstEnd, b.firstEnd));
        narrow.secondEnd = uint40(_min(a.secondEnd, b.secondEnd));
        narrow.thirdEnd = uint40(_min(a.thirdEnd, b.thirdEnd));
        narrow.secondFactorBps = uint24(_max(a.secondFactorBps, b.secondFactorBps));
        narrow.thirdFactorBps = uint24(_max(a.thirdFactorBps, b.thirdFactorBps));
        narrow.lastFactorBps = uint24(_max(a.lastFactorBps, b.lastFactorBps));
    }

    function _inOrder(uint16 a, uint16 b) private pure returns (uint16, uint16) {
        return a < b ? (a, b) : (b, a);
    }

    /// @dev Other rates, within the bounds, of which one field differs at most.
    function _otherRate(
        UnderlyingParameters memory rates,
        uint256 field,
        uint256 draw
    ) private pure returns (UnderlyingParameters memory) {
        uint256 floor = rates.maintenanceFloorBps;
        uint256 cap = rates.maintenanceCapBps;
        if (field == 0) rates.maintenanceBaseBps = uint16(bound(draw, 0, cap));
        if (field == 1) rates.maintenanceSlopeBps = uint16(bound(draw, 0, 10_000));
        if (field == 2) rates.maintenanceFloorBps = uint16(bound(draw, 1, _min(cap, rates.initialFloorBps)));
        if (field == 3) rates.maintenanceCapBps = uint16(bound(draw, _max(floor, rates.maintenanceBaseBps), 5_000));
        if (field == 4) rates.initialFloorBps = uint16(bound(draw, floor, 10_000));
        if (field == 5) rates.maintenanceToInitialBps = uint16(bound(draw, 1_000, 10_000));
        if (field == 6) rates.priorSigmaPercent = uint8(bound(draw, 1, 255));
        return rates;
    }

    /// @dev The same for brackets.
    function _otherBracket(
        BracketParameters memory brackets,
        uint256 field,
        uint256 draw
    ) private pure returns (BracketParameters memory) {
        if (field == 0) brackets.firstEnd = uint40(bound(draw, 1, brackets.secondEnd - 1));
        if (field == 1) brackets.secondEnd = uint40(bound(draw, brackets.firstEnd + 1, brackets.thirdEnd - 1));
        if (field == 2) brackets.thirdEnd = uint40(bound(draw, brackets.secondEnd + 1, type(uint40).max));
        if (field == 3) brackets.secondFactorBps = uint24(bound(draw, 10_000, brackets.thirdFactorBps));
        if (field == 4) {
            brackets.thirdFactorBps = uint24(bound(draw, brackets.secondFactorBps, brackets.lastFactorBps));
        }
        if (field == 5) brackets.lastFactorBps = uint24(bound(draw, brackets.thirdFactorBps, 200_000));
        return brackets;
    }

    /// @dev A charge rounds each bracket up by a wei, and a requirement is rounded up once more.
    function _requireBetween(uint256 value, uint256 former, uint256 end) private pure {
        assertGe(value + 4, _min(former, end), "below both");
        assertLe(value, _max(former, end) + 4, "above both");
    }

    // How far fields move

    /// @dev How far the maintenance rate can have moved: the clamp moves at most as far as the furthest of its three
    /// arguments [wad].
    function _mostRateChange(
        UnderlyingParameters memory from,
        UnderlyingParameters memory to,
        uint256 elapsed
    ) private pure returns (uint256 most) {
        // A + B x sigma [1e-2 bps].
        uint256 slope = _part(from.maintenanceSlopeBps, to.maintenanceSlopeBps, elapsed, 1);
        uint256 sigma = _part(from.priorSigmaPercent, to.priorSigmaPercent, elapsed, 1);
        most = slope * _max(from.priorSigmaPercent, to.priorSigmaPercent);
        most += sigma * _max(from.maintenanceSlopeBps, to.maintenanceSlopeBps);
        most += 100 * _part(from.maintenanceBaseBps, to.maintenanceBaseBps, elapsed, 1);
        most = _max(most, 100 * _part(from.maintenanceFloorBps, to.maintenanceFloorBps, elapsed, 1));
        most = _max(most, 100 * _part(from.maintenanceCapBps, to.maintenanceCapBps, elapsed, 1));
        return most * 1e12;
    }

    /// @dev How far the charge of 24 million can have moved: for each bracket the step of its factor x what lies above
    /// its start, each of which has moved [wad].
    function _mostChargeChange(
        BracketParameters memory from,
        BracketParameters memory to,
        uint256 elapsed
    ) private pure returns (uint256 most) {
        uint256[3][4] memory rows = [
            [uint256(from.firstEnd), from.secondEnd, from.thirdEnd],
            [uint256(to.firstEnd), to.secondEnd, to.thirdEnd],
            [uint256(from.secondFactorBps), from.thirdFactorBps, from.lastFactorBps],
            [uint256(to.secondFactorBps), to.thirdFactorBps, to.lastFactorBps]
        ];
        uint256[2] memory below = [uint256(10_000), 10_000];
        for (uint256 i = 0; i < 3; ++i) {
            uint256[2] memory step = [rows[2][i] - below[0], rows[3][i] - below[1]];
            below = [rows[2][i], rows[3][i]];
            uint256 start = _min(rows[0][i], rows[1][i]);
            uint256 above = start < 24_000_000 ? 24_000_000 - start : 0;
            uint256 moved = _min(_part(rows[0][i], rows[1][i], elapsed, 1), above);
            // A step is the difference of two factors, each of which is rounded.
            most += _part(step[0], step[1], elapsed, 2) * above * 1e14;
            most += (_max(step[0], step[1]) + 2) * moved * 1e14;
        }
    }

    /// @dev The part of a way that is done within a time, rounded up, and what roundings add.
    function _part(uint256 from, uint256 to, uint256 elapsed, uint256 roundings) private pure returns (uint256) {
        return (_distance(from, to) * elapsed + RAMP_SECONDS - 1) / RAMP_SECONDS + roundings;
    }

    // Moments

    function _momentsOf(uint256 seed) private view returns (Moments memory moments) {
        moments.begun = block.timestamp;
        moments.first = moments.begun + _draw(seed, 200, 0, RAMP_SECONDS);
        moments.second = moments.first + _draw(seed, 201, 0, moments.begun + RAMP_SECONDS - moments.first);
    }

    function _twoMoments(uint256 seed) private returns (uint256 elapsed, uint256 before, uint256 afterwards) {
        Moments memory moments = _momentsOf(seed);
        before = _maintenanceAt(_large, moments.first);
        afterwards = _maintenanceAt(_large, moments.second);
        elapsed = moments.second - moments.first;
    }

    function _maintenanceAt(AccountId account, uint256 time) private returns (uint256) {
        return _marginAt(account, time).maintenance;
    }

    function _marginAt(AccountId account, uint256 time) private returns (Margin memory) {
        vm.warp(time);
        _setPrice(ETH, 3_000e8);
        return engine.marginOf(account);
    }

    function _distance(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
