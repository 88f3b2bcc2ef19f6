// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Rules} from "../../contracts/Rules.sol";
import {IPriceOracle} from "../../contracts/interfaces/IPriceOracle.sol";
import {IVolatilityOracle} from "../../contracts/interfaces/IVolatilityOracle.sol";
import {MockPhaseAggregator} from "../../contracts/mocks/MockPhaseAggregator.sol";
import {MockPhasedFeed} from "../../contracts/mocks/MockPhasedFeed.sol";
import {PriceOracle} from "../../contracts/oracle/PriceOracle.sol";
import {RealisedVolatility} from "../../contracts/oracle/RealisedVolatility.sol";
import {VolatilityOracle} from "../../contracts/oracle/VolatilityOracle.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {MarginRates} from "../../contracts/types/MarginRates.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";
import {BracketParameters} from "../../contracts/types/SizeBrackets.sol";

/// @title VolatilityTest
/// @notice That volatility depends on the rounds of a feed alone: not on who brings them, when, or how many at a time.
/// @dev Three oracles follow one feed through random rounds, phases, zeros, gaps and failures. One is poked at random
/// all along, one round by round at every event, and one only at the end. A phase begins when the proxy moves to it:
/// while two aggregators spoke before that, a poke could not have known of the new one.
contract VolatilityTest is BaseTest {
    uint24 private constant ETH = 1;
    uint256 private constant EVENTS = 48;

    PriceOracle private _prices;
    Rules private _rules;
    MockPhasedFeed private _feed;
    VolatilityOracle private _often;
    VolatilityOracle private _always;
    VolatilityOracle private _once;

    uint256 private _seed;
    int192 private _price = 3_000e8;
    uint16 private _phase = 1;
    /// The round that the phase's aggregator writes next.
    uint256 private _next = 2;
    /// Whether the phase before has an aggregator that may go on to write.
    bool private _hasFormer;

    function setUp() public {
        vm.warp(1_790_000_000);
        AccessManager authority = new AccessManager(address(this));
        _prices = new PriceOracle(address(authority));
        _rules = new Rules(address(authority));
        _rules.setUnderlying(ETH, _parameters());
        _rules.setBrackets(ETH, BracketParameters(1_000_000, 5_000_000, 20_000_000, 15_000, 20_000, 30_000));
        _feed = new MockPhasedFeed(8, 1);
        _feed.write(1, 1, _round(_price, block.timestamp));
        IPriceOracle.Feed[] memory primary = new IPriceOracle.Feed[](1);
        primary[0] = IPriceOracle.Feed(address(_feed), 3_900, 30e18, 300_000e18);
        _prices.setSources(ETH, primary, new IPriceOracle.Feed[](0), 0);
        _often = new VolatilityOracle(_prices, _rules);
        _always = new VolatilityOracle(_prices, _rules);
        _once = new VolatilityOracle(_prices, _rules);
        _rules.setVolatilityOracle(address(_often));
        _often.follow(ETH);
        _always.follow(ETH);
        _once.follow(ETH);
    }

    function testFuzz_TheSameRoundsGiveTheSameWordHoweverTheyAreBrought(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < EVENTS; ++i) {
            _happens();
            if (_draw(2) == 0) _often.poke(ETH, _draw(7));
            while (_always.poke(ETH, 1) != 0) {}
        }
        _settle();
        _pokeAll(_often);
        _pokeAll(_always);
        _pokeAll(_once);

        bytes32 word = _wordOf(_once);
        assertEq(_wordOf(_often), word, "poked at random");
        assertEq(_wordOf(_always), word, "poked round by round");
        _assertNoted(_often.volatilityOf(ETH));
        _assertBounds();
    }

    /// @dev What is read moves to the prior and never past it, and a poke that finds nothing changes nothing.
    function testFuzz_SilenceLeadsToThePriorAndNotPastIt(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < 12; ++i) _happens();
        _settle();
        _pokeAll(_often);
        MarginRates memory before = _rules.marginRatesOf(ETH);
        for (uint256 i = 0; i < 8; ++i) {
            vm.warp(block.timestamp + _draw(20 days));
            _often.poke(ETH, _draw(300));
            MarginRates memory rates = _rules.marginRatesOf(ETH);
            _assertNearer(before.slowSigma, rates.slowSigma, rates.priorSigma);
            _assertNearer(before.fastSigma, rates.fastSigma, rates.priorSigma);
            before = rates;
        }
    }

    /// @dev A feed that comes back after a silence without a move is read no calmer than while it was silent, but for
    /// the longest time that a working feed may be silent.
    function testFuzz_ComingBackWithoutAMoveIsNoSignOfCalm(uint256 seed, uint256 gap) public {
        _seed = seed;
        for (uint256 i = 0; i < 6; ++i) _happens();
        _settle();
        _pokeAll(_often);
        gap = bound(gap, 3_901, 60 days);
        IVolatilityOracle.Volatility memory before = _often.volatilityOf(ETH);
        if (block.timestamp > before.acceptedAt + 3_900) gap += block.timestamp - before.acceptedAt;
        vm.warp(before.acceptedAt + gap);
        _price = int192(int256(before.answer));
        _feed.write(_phase, _next++, _round(_price, block.timestamp));
        _pokeAll(_often);

        IVolatilityOracle.Volatility memory known = _often.volatilityOf(ETH);
        assertEq(known.acceptedAt, block.timestamp, "the round counts");
        uint256 silent = gap - 3_900;
        assertGe(
            known.slowVariance * (373_947 + gap),
            373_947 * before.slowVariance + 0.36e12 * silent,
            "as the prior says for what is beyond an honest gap"
        );
        assertLt(
            known.slowVariance * (373_947 + gap),
            373_947 * before.slowVariance + 0.36e12 * silent + 373_947 + gap,
            "and no more, but for the rounding"
        );
    }

    // What happens to a feed

    /// @dev Time passes, and one of: a round, a wrong one, none, another phase, the former aggregator goes on.
    function _happens() private {
        // At least a second, so that no two aggregators speak in one.
        vm.warp(block.timestamp + 1 + _draw(_pick(60, 3_600, 3_900, 7_000, 2 days, 20 days)));
        uint256 what = _draw(16);
        if (what < 8) return _writeRound();
        if (what < 11) return _writeWrongRound();
        if (what == 11) return _skipRounds();
        if (what < 14) return _moveOn();
        if (what == 14 && _hasFormer) return _formerGoesOn();
        if (what == 15) _moveOverPhases();
    }

    function _writeRound() private {
        _movePrice();
        MockPhaseAggregator.Round[] memory rounds = new MockPhaseAggregator.Round[](1 + _draw(3));
        for (uint256 i = 0; i < rounds.length; ++i) {
            rounds[i] = MockPhaseAggregator.Round(_price + int192(int256(i)), uint64(block.timestamp));
        }
        _feed.write(_phase, _next, rounds);
        _next += rounds.length;
    }

    function _writeWrongRound() private {
        uint256 kind = _draw(7);
        int192 answer = _price;
        uint256 updatedAt = block.timestamp;
        if (kind == 0) answer = 0;
        if (kind == 1) answer = -_price;
        if (kind == 2) answer = 30e8;
        if (kind == 3) answer = _price * 1e6;
        if (kind == 4) answer = type(int192).max;
        if (kind == 5) updatedAt = 0;
        if (kind == 6) updatedAt -= 1 + _draw(1 days);
        _feed.write(_phase, _next, _round(answer, updatedAt));
        if (_draw(4) == 0) _feed.phaseAggregators(_phase).setBroken(_next, true);
        ++_next;
    }

    /// @dev Numbers that never get a round, and one that does.
    function _skipRounds() private {
        _next += 1 + _draw(5);
        if (_draw(2) == 0) _feed.phaseAggregators(_phase).setRefusesEmpty(true);
        _writeRound();
    }

    function _moveOn() private {
        _feed.prepare(++_phase);
        _next = 1;
        _writeRound();
        _feed.moveTo(_phase);
        _hasFormer = true;
    }

    function _moveOverPhases() private {
        _phase += uint16(1 + _draw(3));
        _moveOn();
        // Without a next phase's first round nobody can tell which rounds of the old aggregator are too late.
        _hasFormer = false;
    }

    function _formerGoesOn() private {
        MockPhaseAggregator former = _feed.phaseAggregators(_phase - 1);
        former.write(former.latestRound() + 1, _round(_price * 2, block.timestamp));
    }

    /// @dev Mostly by less than 2 %, at times by up to a third, inside the band.
    function _movePrice() private {
        uint256 most = uint256(int256(_price)) / _pick(1_000, 200, 50, 50, 10, 3);
        int192 change = int192(int256(_draw(most + 1)));
        _price += _draw(2) == 0 ? change : -change;
        if (_price < 100e8 || _price > 200_000e8) _price = 3_000e8;
    }

    // What must hold

    function _assertNoted(IVolatilityOracle.Volatility memory known) private view {
        MarginRates memory rates = _rules.marginRatesOf(ETH);
        assertEq(rates.lastRoundAt, known.acceptedAt, "the Rules have the last accepted round");
        uint256 elapsed = block.timestamp - known.acceptedAt;
        assertEq(rates.slowSigma, _readAfter(known.slowVariance, elapsed, 373_947), "and its slow sigma");
        assertEq(rates.fastSigma, _readAfter(known.fastVariance, elapsed, 124_649), "and its fast sigma");
        assertEq(rates.endOfRamp, 0, "what rounds say moves no ramp");
        assertLe(known.slowVariance, 1e14, "at most a sigma of 10");
        assertLe(known.fastVariance, 1e14, "at most a sigma of 10");
        assertLe(known.acceptedAt, block.timestamp, "nothing of the future");
    }

    function _assertBounds() private view {
        MarginRates memory rates = _rules.marginRatesOf(ETH);
        assertGt(rates.slowSigma, 0, "never zero");
        assertGt(rates.fastSigma, 0, "never zero");
        assertLe(rates.slowSigma, 6.5535e18, "never above what fits");
        assertLe(rates.fastSigma, 6.5535e18, "never above what fits");
        assertGe(rates.maintenance, 0.03e18, "at least the floor");
        assertLe(rates.maintenance, 0.2e18, "at most the cap");
        assertGe(rates.initial * 6_000, rates.maintenance * 10_000, "initial is maintenance / 0.6 at least");
    }

    function _assertNearer(uint256 before, uint256 sigma, uint256 prior) private pure {
        if (before >= prior) {
            assertLe(sigma, before, "down");
            assertGe(sigma, prior, "not past the prior");
        } else {
            assertGe(sigma, before, "up");
            assertLe(sigma, prior, "not past the prior");
        }
    }

    /// @dev What is noted is sigma in basis points; it goes from there to the prior. Both are rounded up [wad].
    function _readAfter(uint256 variance, uint256 elapsed, uint256 memorySeconds) private pure returns (uint256) {
        uint256 noted = uint256(RealisedVolatility.sigmaBpsOf(variance)) * 1e14;
        uint256 whole = memorySeconds + elapsed;
        return (memorySeconds * noted + 0.6e18 * elapsed + whole - 1) / whole;
    }

    // Helpers

    /// @dev A round that can be read: a feed whose latest one cannot says nothing at all.
    function _settle() private {
        vm.warp(block.timestamp + 1);
        _writeRound();
    }

    function _pokeAll(VolatilityOracle oracle) private {
        while (oracle.poke(ETH, 1 + _draw(300)) != 0) {}
    }

    /// @dev Everything that is kept of the feed: the first mapping of the contract.
    function _wordOf(VolatilityOracle oracle) private view returns (bytes32) {
        return vm.load(address(oracle), keccak256(abi.encode(uint256(ETH), uint256(0))));
    }

    function _round(int192 answer, uint256 updatedAt) private pure returns (MockPhaseAggregator.Round[] memory rounds) {
        rounds = new MockPhaseAggregator.Round[](1);
        rounds[0] = MockPhaseAggregator.Round(answer, uint64(updatedAt));
    }

    function _pick(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, uint256 f) private returns (uint256) {
        return [a, b, c, d, e, f][_draw(6)];
    }

    function _draw(uint256 end) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % end;
    }

    function _parameters() private pure returns (UnderlyingParameters memory) {
        return
            UnderlyingParameters({
                maintenanceBaseBps: 200,
                maintenanceSlopeBps: 300,
                maintenanceFloorBps: 300,
                maintenanceCapBps: 2_000,
                initialFloorBps: 500,
                maintenanceToInitialBps: 6_000,
                priorSigmaPercent: 60,
                tradeBandBps: 300,
                leastTradeBandBps: 50,
                kinds: 2,
                openInterestCap: 100_000_000
            });
    }
}
