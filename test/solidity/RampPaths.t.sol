// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnyRules} from "./AnyRules.sol";
import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IRules} from "../../contracts/interfaces/IRules.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CollateralParameters} from "../../contracts/types/CollateralRules.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {MarginRates} from "../../contracts/types/MarginRates.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {RAMP_SECONDS} from "../../contracts/types/Ramp.sol";
import {UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";
import {UnderlyingRules} from "../../contracts/types/UnderlyingRules.sol";

/// @title RampPathsTest
/// @notice How a requirement gets from one end of a ramp to the other: rates in a straight line whatever is changed and
/// however volatile the price is, brackets never above the straight line, haircuts and minimum margins no faster than
/// their fields.
/// @dev Between two moments a field moves by at most its part of the way, (elapsed / ramp) x |to - from|, and one unit of
/// its own for being rounded twice: 1 bps of a haircut, 1 unit of the settlement currency of a minimum margin.
contract RampPathsTest is AnyRules, PlimsollSetup {
    AccountId private _large = accountIdOf(makeAddr("large"), 0);
    AccountId private _house = accountIdOf(makeAddr("house"), 0);

    /// @dev Times after which sigma has lost half of what parts it from the prior, / ln 2 [seconds].
    uint256 private constant SLOW_SECONDS = 373_947;
    uint256 private constant FAST_SECONDS = 124_649;

    /// @dev Two sets of rates and what is noted of volatility, 0 if nothing is.
    struct Change {
        UnderlyingParameters from;
        UnderlyingParameters to;
        uint256 slowBps;
        uint256 fastBps;
        uint256 notedAt;
    }

    /// @dev Both margin rates [wad].
    struct Rates {
        uint256 initial;
        uint256 maintenance;
    }

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

    // Rates: straight

    /// @notice Whatever is changed of rates and prior, both rates are on a straight line between what the old rules and what
    /// the new ones give for the volatility of the moment.
    function testFuzz_RatesMoveInAStraightLineAtAnyVolatility(uint256 seed) public {
        Change memory change = _anyChange(seed);
        uint256 begun = _begin(change, _draw(seed, 110, 0, 3 days));
        uint256 moment = begun;
        for (uint256 i = 0; i < 4; ++i) {
            vm.warp(moment);
            _requireOnTheLine(change, moment - begun);
            // News of the market in the middle of a ramp: both ends of the line move, and the rates with them.
            if (change.notedAt != 0 && _draw(seed, 120 + i) & 1 == 1) {
                _noteAnything(change, _draw(seed, 130 + i), 0);
                _requireOnTheLine(change, moment - begun);
            }
            moment += _draw(seed, 140 + i, 0, begun + RAMP_SECONDS - moment);
        }
        vm.warp(begun + RAMP_SECONDS);
        _requireOnTheLine(change, RAMP_SECONDS);
    }

    /// @notice The account's requirement is the charge of its size at that rate, and its tokens' haircut.
    function testFuzz_AnAccountsRequirementFollowsTheRate(uint256 seed) public {
        Change memory change = _anyChange(seed);
        uint256 begun = _begin(change, 0);
        Margin memory margin = _marginAt(_large, begun + _draw(seed, 110, 0, RAMP_SECONDS));
        MarginRates memory rates = rules.marginRatesOf(ETH);
        // 8,000 ETH of 3,000 each, and haircuts of 15 % and 20 % on 2,000 ETH.
        uint256 charged = rates.brackets.chargedNotional(24_000_000e18);
        assertApproxEqAbs(margin.maintenance, (charged * rates.maintenance) / WAD + 900_000e18, 2, "maintenance");
        assertGe(margin.initial + 2, (charged * rates.initial) / WAD + 1_200_000e18, "initial");
    }

    // Brackets: never above the line

    /// @notice Other ends, or other factors: what a size is charged is at or below the straight line, but for the whole units
    /// in which fields move.
    function testFuzz_BracketsNeverChargeMoreThanTheStraightLine(uint256 seed, uint256 notional) public {
        _setAllBrackets(_anyBrackets(_draw(seed, 100)));
        SizeBrackets from = rules.bracketsOf(ethPerpetual);
        BracketParameters memory given = _otherBrackets(from, _draw(seed, 101));
        rules.setBrackets(ETH, given);
        SizeBrackets to = packSizeBrackets(given);
        notional = bound(notional, 0, 1e30);
        uint256 passed = _draw(seed, 102, 0, RAMP_SECONDS);
        vm.warp(block.timestamp + passed);
        uint256 charged = rules.bracketsOf(ethPerpetual).chargedNotional(notional);

        (uint256 before, uint256 afterwards) = (from.chargedNotional(notional), to.chargedNotional(notional));
        uint256 line = (before * (RAMP_SECONDS - passed) + afterwards * passed) / RAMP_SECONDS;
        bool isOfEnds = from.hasFactorsOf(to);
        // Steps of factors add up to 19 at most, and each end is less than a unit from where it should be; a factor is less than
        // a basis point from where it should be.
        uint256 rounding = (isOfEnds ? 19e18 : notional / 10_000) + 4;
        assertLe(charged, line + rounding, "never above the line");
        assertLe(charged, _max(before, afterwards) + rounding, "nor above both ends");
        if (!isOfEnds) assertGe(charged + rounding, line, "factors move in a straight line");
        (, SizeBrackets first) = rules.instrumentRules(ethPerpetual);
        if (first.suffices(notional, WAD)) assertEq(first.chargedNotional(notional), charged, "as a margin reads it");
    }

    // One thing at a time

    /// @notice While rates or brackets move, neither may be set anew; what does not move may, and leaves the ramp alone.
    function testFuzz_NothingElseBeginsToMoveBeforeTheEnd(uint256 seed) public {
        UnderlyingParameters memory rates = _underlyingParameters(300, 500);
        BracketParameters memory brackets = _bracketParameters();
        if (_draw(seed, 1) & 1 == 0) rules.setUnderlying(ETH, rates = _anyRates(_draw(seed, 2)));
        else rules.setBrackets(ETH, brackets = _otherBrackets(packSizeBrackets(brackets), _draw(seed, 2)));
        uint256 end = block.timestamp + RAMP_SECONDS;
        assertEq(rules.marginRatesOf(ETH).endOfRamp, end);

        vm.warp(_draw(seed, 3, block.timestamp, end - 1));
        UnderlyingParameters memory otherRates = _anyRates(_draw(seed, 4));
        BracketParameters memory otherBrackets = _otherBrackets(packSizeBrackets(brackets), _draw(seed, 5));
        vm.assume(!_isSame(packSizeBrackets(otherBrackets), packSizeBrackets(brackets)));
        vm.assume(!packRateRules(otherRates).hasRatesOf(packRateRules(rates)));
        bytes memory refusal = abi.encodeWithSelector(IRules.RampNotOver.selector, ETH, end);
        vm.expectRevert(refusal);
        rules.setUnderlying(ETH, otherRates);
        vm.expectRevert(refusal);
        rules.setBrackets(ETH, otherBrackets);

        MarginRates memory before = rules.marginRatesOf(ETH);
        (rates.tradeBandBps, rates.leastTradeBandBps, rates.openInterestCap) = (77, 7, 7);
        rules.setUnderlying(ETH, rates);
        rules.setBrackets(ETH, brackets);
        MarginRates memory afterwards = rules.marginRatesOf(ETH);
        assertEq(keccak256(abi.encode(afterwards)), keccak256(abi.encode(before)), "the ramp is as it was");
        (UnderlyingRules traded, ) = rules.tradingRules(ethPerpetual);
        assertEq(traded.tradeBandBps() + traded.leastTradeBandBps(), 84, "and the rest is new");

        vm.warp(end);
        rules.setUnderlying(ETH, otherRates);
        assertEq(rules.marginRatesOf(ETH).endOfRamp, end + RAMP_SECONDS, "the next one");
    }

    /// @notice Ends and factors never move together.
    function testFuzz_EndsAndFactorsAreSetOneAfterTheOther(uint256 seed) public {
        BracketParameters memory given = _anyBrackets(seed);
        SizeBrackets current = rules.bracketsOf(ethPerpetual);
        vm.assume(!packSizeBrackets(given).hasEndsOf(current) && !packSizeBrackets(given).hasFactorsOf(current));
        vm.expectRevert(abi.encodeWithSelector(IRules.EndsAndFactors.selector, ETH));
        rules.setBrackets(ETH, given);
        _setAllBrackets(given);
        assertTrue(rules.bracketsOf(ethPerpetual).hasEndsOf(packSizeBrackets(given)), "ends");
        assertTrue(rules.bracketsOf(ethPerpetual).hasFactorsOf(packSizeBrackets(given)), "factors");
    }

    // No faster than the fields

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

    /// @notice Whatever changes of rates, and when one field of brackets moves alone, both requirements move one way only
    /// and stay between those of the two ends. (At the prior, which does not move by itself.)
    function testFuzz_RatesAndSingleFieldsMoveStraightToTheirEnd(uint256 seed) public {
        UnderlyingParameters memory rates = _anyRates(_draw(seed, 100));
        BracketParameters memory brackets = _anyBrackets(_draw(seed, 101));
        rules.setUnderlying(ETH, rates);
        vm.warp(block.timestamp + RAMP_SECONDS);
        _setAllBrackets(brackets);
        uint256 field = _draw(seed, 102) % 9;
        uint256 draw = _draw(seed, 103);
        if (field < 3) rules.setUnderlying(ETH, _anyRates(draw));
        else rules.setBrackets(ETH, _otherBracket(brackets, field - 3, draw));

        _requireStraight(seed);
    }

    /// @notice The same when all ends, or all factors, move at once so that more is required, or all so that less is.
    function testFuzz_BracketsThatAllTightenOrAllLoosenMoveStraightToTheirEnd(uint256 seed) public {
        (BracketParameters memory wide, BracketParameters memory narrow) = _twoBrackets(seed);
        bool isTightened = seed & 1 == 1;
        (BracketParameters memory from, BracketParameters memory to) = isTightened ? (wide, narrow) : (narrow, wide);
        _setAllBrackets(from);
        rules.setBrackets(ETH, seed & 2 == 2 ? _withEndsOf(from, to) : _withEndsOf(to, from));
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

    /// @dev Two sets of brackets, the second of which requires more by each of its fields: nearer ends and larger factors.
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

    /// @dev Other brackets, within the bounds, of which one field differs at most.
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

    // What rates should be

    /// @dev One in four without a volatility oracle.
    function _anyChange(uint256 seed) private pure returns (Change memory change) {
        (change.from, change.to) = (_anyRates(_draw(seed, 100)), _anyRates(_draw(seed, 101)));
        change.notedAt = _draw(seed, 102) & 3;
    }

    /// @dev The ramp from one to the other begins, some time after volatility was noted. Returns when it begins.
    function _begin(Change memory change, uint256 silence) private returns (uint256) {
        rules.setUnderlying(ETH, change.from);
        vm.warp(block.timestamp + RAMP_SECONDS);
        if (change.notedAt != 0) {
            rules.setVolatilityOracle(address(this));
            _noteAnything(change, uint256(keccak256(abi.encode(change))), 0);
            vm.warp(block.timestamp + RAMP_SECONDS);
            _noteAnything(change, uint256(keccak256(abi.encode(change))), silence);
        }
        rules.setUnderlying(ETH, change.to);
        return block.timestamp;
    }

    function _noteAnything(Change memory change, uint256 seed, uint256 age) private {
        // As often where the clamp has not bound yet as far above.
        uint256 most = _draw(seed, 0) & 1 == 0 ? 65_535 : 12_000;
        (change.slowBps, change.fastBps) = (_draw(seed, 1, 0, most), _draw(seed, 2, 0, most));
        change.notedAt = block.timestamp - age;
        rules.noteVolatility(ETH, uint16(change.slowBps), uint16(change.fastBps), uint32(change.notedAt));
    }

    /// @dev Rounded towards the old rates, by less than a wei.
    function _requireOnTheLine(Change memory change, uint256 passed) private view {
        Rates memory former = _ratesBy(change.from, change);
        Rates memory target = _ratesBy(change.to, change);
        MarginRates memory current = rules.marginRatesOf(ETH);
        assertEq(current.maintenance, _onTheLine(former.maintenance, target.maintenance, passed), "maintenance");
        assertEq(current.initial, _onTheLine(former.initial, target.initial, passed), "initial");
        assertEq(current.targetMaintenance, target.maintenance, "where maintenance goes");
        assertEq(current.targetInitial, target.initial, "where initial goes");
        (UnderlyingRules word, ) = rules.instrumentRules(ethPerpetual);
        assertEq(word.maintenanceRate(), current.maintenance, "as a margin reads it");
        assertEq(word.initialRate(), current.initial, "as a margin reads it");
    }

    function _onTheLine(uint256 from, uint256 to, uint256 passed) private pure returns (uint256) {
        uint256 way = (_distance(from, to) * passed) / RAMP_SECONDS;
        return to > from ? from + way : from - way;
    }

    /// @dev clamp(A + B x sigma, floor, cap) of both sigmas of now, with the prior of these rates.
    function _ratesBy(
        UnderlyingParameters memory given,
        Change memory change
    ) private view returns (Rates memory rates) {
        rates.maintenance = _rateAt(given, _sigmaNow(given, change, change.slowBps, SLOW_SECONDS));
        uint256 fast = _rateAt(given, _sigmaNow(given, change, change.fastBps, FAST_SECONDS));
        uint256 higher = _max(rates.maintenance, fast) * 10_000;
        uint256 ratio = given.maintenanceToInitialBps;
        rates.initial = _max((higher + ratio - 1) / ratio, uint256(given.initialFloorBps) * 1e14);
    }

    function _rateAt(UnderlyingParameters memory given, uint256 sigma) private pure returns (uint256) {
        uint256 rate = uint256(given.maintenanceBaseBps) * 1e14 + (given.maintenanceSlopeBps * sigma + 9_999) / 10_000;
        return _min(_max(rate, uint256(given.maintenanceFloorBps) * 1e14), uint256(given.maintenanceCapBps) * 1e14);
    }

    function _sigmaNow(
        UnderlyingParameters memory given,
        Change memory change,
        uint256 noted,
        uint256 memorySeconds
    ) private view returns (uint256) {
        uint256 prior = uint256(given.priorSigmaPercent) * 1e16;
        if (change.notedAt == 0) return prior;
        uint256 silence = block.timestamp - change.notedAt;
        uint256 sum = memorySeconds + silence;
        return (memorySeconds * noted * 1e14 + prior * silence + sum - 1) / sum;
    }

    /// @dev Ends and factors, one after the other, until both have arrived.
    function _setAllBrackets(BracketParameters memory given) private {
        BracketParameters memory current = _bracketsByName(rules.bracketsOf(ethPerpetual));
        rules.setBrackets(ETH, _withEndsOf(current, given));
        vm.warp(block.timestamp + RAMP_SECONDS);
        rules.setBrackets(ETH, given);
        vm.warp(block.timestamp + RAMP_SECONDS);
    }

    // How far fields move

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
