// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {BooksModel} from "./BooksModel.sol";
import {CollateralRules} from "../../../contracts/types/CollateralRules.sol";
import {LiquidationRules} from "../../../contracts/types/LiquidationRules.sol";
import {MarginRates} from "../../../contracts/types/MarginRates.sol";
import {UnderlyingRules} from "../../../contracts/types/UnderlyingRules.sol";

/// @title RatesModel
/// @notice Margin rates a second time: parameters on their way along ramps, what the rounds of a feed make of volatility,
/// and the rates that follow from both.
/// @dev A way is a list of numbers that move together: 0 to 2 are the underlyings, 3 to 6 the haircuts of tokens 1 to 4, 7
/// the minimum margins.
abstract contract RatesModel is BooksModel {
    struct Way {
        uint256[13] from;
        uint256[13] to;
        /// [unix seconds]
        uint256 end;
    }

    /// @dev How far a feed's rounds were followed.
    struct Followed {
        /// [1e-12 per year]
        uint256 slow;
        uint256 fast;
        /// Of the last round that counts [unix seconds, 8 decimals].
        uint256 acceptedAt;
        uint256 answer;
        /// Number of the last round that was looked at.
        uint256 looked;
    }

    // Numbers of an underlying's way, as UnderlyingParameters and then BracketParameters have them.
    uint256 internal constant BASE = 0;
    uint256 internal constant SLOPE = 1;
    uint256 internal constant FLOOR = 2;
    uint256 internal constant CAP = 3;
    uint256 internal constant INITIAL_FLOOR = 4;
    uint256 internal constant RATIO = 5;
    uint256 internal constant PRIOR = 6;
    uint256 internal constant ENDS = 7;
    uint256 internal constant FACTORS = 10;

    uint256 internal constant MARGINS = 7;
    uint256 internal constant RAMP = 3 days;
    uint256 internal constant SLOW_SECONDS = 373_947;
    uint256 internal constant FAST_SECONDS = 124_649;
    /// @dev In the last of all brackets that governance may set here [wad].
    uint256 private constant LARGE_NOTIONAL = 50_000_000e18;

    Way[8] internal _ways;
    Followed[3] internal _followed;

    /// @dev As `CampaignSetup` sets them.
    function _openRates() internal {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            uint256[13] memory numbers = [uint256(344), 60, 300, 700, 500, 6_000, 60, 0, 0, 0, 0, 0, 0];
            if (i == 1) (numbers[FLOOR], numbers[INITIAL_FLOOR]) = (250, 400);
            (numbers[ENDS], numbers[ENDS + 1], numbers[ENDS + 2]) = (1_000_000, 5_000_000, 20_000_000);
            (numbers[FACTORS], numbers[FACTORS + 1], numbers[FACTORS + 2]) = (15_000, 25_000, 50_000);
            _ways[i].to = numbers;
            MockV3Aggregator feed = _system.feeds[i];
            uint256 prior = _varianceOf(60);
            _followed[i] = Followed(prior, prior, feed.getTimestamp(1), uint256(feed.getAnswer(1)), 1);
        }
        for (uint256 i = 3; i < MARGINS; ++i) {
            (_ways[i].to[0], _ways[i].to[1]) = i == 3 ? (1_500, 2_000) : (2_000, 2_500);
        }
        (_ways[MARGINS].to[0], _ways[MARGINS].to[1]) = (20, 5);
    }

    // ------------------------------------------------------------------ ramps

    /// @dev (from x time left + to x time passed) / 3 days, rounded towards `from`.
    function _today(uint256 which) internal view returns (uint256[13] memory numbers) {
        Way memory way = _ways[which];
        numbers = way.to;
        if (block.timestamp >= way.end) return numbers;
        uint256 left = way.end - block.timestamp;
        for (uint256 i = 0; i < 13; ++i) {
            uint256 sum = way.from[i] * left + way.to[i] * (RAMP - left);
            numbers[i] = (way.to[i] < way.from[i] ? sum + RAMP - 1 : sum) / RAMP;
        }
    }

    /// @dev All of a way begin to move from where they are; the same again changes nothing.
    function _direct(uint256 which, uint256[13] memory to) internal {
        uint256[13] memory was = _ways[which].to;
        if (keccak256(abi.encode(was)) == keccak256(abi.encode(to))) return;
        if (block.timestamp < _ways[which].end) ++calls["ramp turned"];
        _ways[which] = Way({from: _today(which), to: to, end: block.timestamp + RAMP});
    }

    // ------------------------------------------------------------------ volatility

    /// @dev Looks at so many rounds of the feed at most; returns how many there were.
    function _follow(uint256 which, uint256 most) internal returns (uint256 looked) {
        MockV3Aggregator feed = _system.feeds[which];
        uint256 latest = feed.latestRound();
        Followed memory followed = _followed[which];
        if (most > 256) most = 256;
        while (looked < most && followed.looked < latest) {
            ++looked;
            ++followed.looked;
            uint256 updatedAt = feed.getTimestamp(followed.looked);
            // Prices here are always inside of the band.
            if (updatedAt >= followed.acceptedAt)
                _accept(followed, which, uint256(feed.getAnswer(followed.looked)), updatedAt);
        }
        _followed[which] = followed;
    }

    /// @dev variance' = (T x variance + squared return x year) / (T + dt), rounded up.
    function _accept(Followed memory followed, uint256 which, uint256 answer, uint256 updatedAt) private view {
        uint256 before = followed.answer;
        uint256 dt = updatedAt - followed.acceptedAt;
        uint256 distance = (answer > before ? answer - before : before - answer) * WAD;
        uint256 squared = _least(((distance / before) * (distance / answer)) / WAD, 0.2e18 ** 2 / WAD);
        uint256 moved = _mulDivUp(squared, 365 days, 1e6);
        // Longer than an hour and five minutes a feed is silent only when it is broken.
        uint256 assumed = _varianceOf(_today(which)[PRIOR]) * _lessOrZero(dt, 65 minutes);
        if (assumed > moved) moved = assumed;
        followed.slow = _least(_mulDivUp(followed.slow * SLOW_SECONDS + moved, 1, SLOW_SECONDS + dt), 1e14);
        followed.fast = _least(_mulDivUp(followed.fast * FAST_SECONDS + moved, 1, FAST_SECONDS + dt), 1e14);
        (followed.acceptedAt, followed.answer) = (updatedAt, answer);
    }

    function _varianceOf(uint256 percent) private pure returns (uint256) {
        return (percent * 1e4) ** 2;
    }

    // ------------------------------------------------------------------ rates

    /// @dev Every rate and every parameter that is on its way is what it must be now.
    function _assertRates() internal view {
        for (uint256 i = 0; i < PERPETUALS; ++i) _assertRatesOf(i);
        for (uint256 i = 1; i < TOKENS; ++i) {
            uint256[13] memory today = _today(i + 2);
            CollateralRules rules = _system.rules.collateralOf(address(_system.tokens[i]));
            assertEq(rules.maintenanceHaircutBps(), today[0], "4: maintenance haircut");
            bool isFrozen = block.timestamp <= rules.frozenUntil();
            assertEq(rules.initialHaircutBps(), isFrozen ? 10_000 : today[1], "4: initial haircut");
        }
        LiquidationRules liquidation = _system.rules.liquidationRules();
        assertEq(liquidation.minimumMargin(), _today(MARGINS)[0] * WAD, "4: minimum margin");
        assertEq(liquidation.minimumMarginOfItem(), _today(MARGINS)[1] * WAD, "4: minimum margin of an item");
    }

    /// @dev Sigma is told by the root that it is, and the rates follow from it.
    function _assertRatesOf(uint256 which) private view {
        MarginRates memory rates = _system.rules.marginRatesOf(uint24(which + 1));
        uint256[13] memory today = _today(which);
        Followed memory followed = _followed[which];
        uint256 silence = block.timestamp - followed.acceptedAt;
        uint256 prior = _varianceOf(today[PRIOR]);
        assertEq(rates.lastRoundAt, followed.acceptedAt, "4: last round");
        assertEq(rates.priorSigma, today[PRIOR] * 1e16, "4: prior");
        _assertRoot(rates.slowSigma, followed.slow * SLOW_SECONDS + prior * silence, SLOW_SECONDS + silence);
        _assertRoot(rates.fastSigma, followed.fast * FAST_SECONDS + prior * silence, FAST_SECONDS + silence);
        uint256 maintenance = _rateAt(today, rates.slowSigma);
        uint256 fast = _rateAt(today, rates.fastSigma);
        uint256 initial = _mulDivUp(fast > maintenance ? fast : maintenance, 10_000, today[RATIO]);
        uint256 floor = today[INITIAL_FLOOR] * 1e14;
        assertEq(rates.maintenance, maintenance, "4: maintenance rate");
        assertEq(rates.initial, initial > floor ? initial : floor, "4: initial rate");
        assertEq(rates.endOfRamp, _ways[which].end, "4: end of the ramp");
        _assertAsTraded(which, rates, _chargedAt(today, LARGE_NOTIONAL));
    }

    /// @dev What the margin engine reads is the same.
    function _assertAsTraded(uint256 which, MarginRates memory rates, uint256 charged) private view {
        UnderlyingRules rules;
        (rules, rates.brackets) = _system.rules.instrumentRules(_system.perpetuals[which]);
        assertEq(rules.maintenanceRate(), rates.maintenance, "4: maintenance rate of the instrument");
        assertEq(rules.initialRate(), rates.initial, "4: initial rate of the instrument");
        assertEq(rates.brackets.chargedNotional(LARGE_NOTIONAL), charged, "4: brackets");
    }

    /// @dev sigma = sqrt(sum / weight), both divisions rounded up: the least whose square is not below.
    function _assertRoot(uint256 sigma, uint256 sum, uint256 weight) private pure {
        uint256 square = _mulDivUp(sum, 1, weight) * 1e24;
        assertGe(sigma * sigma, square, "4: sigma");
        assertLt((sigma - 1) * (sigma - 1), square, "4: sigma is no higher");
    }

    /// @dev clamp(A + B x sigma, floor, cap), rounded up [wad].
    function _rateAt(uint256[13] memory numbers, uint256 sigma) private pure returns (uint256 rate) {
        rate = _mulDivUp(numbers[BASE] * WAD + numbers[SLOPE] * sigma, 1, 10_000);
        if (rate < numbers[FLOOR] * 1e14) rate = numbers[FLOOR] * 1e14;
        if (rate > numbers[CAP] * 1e14) rate = numbers[CAP] * 1e14;
    }

    /// @dev What keeping a position's charged notional requires now [wad].
    function _maintenanceRate(uint256 which) internal view returns (uint256) {
        return _system.rules.marginRatesOf(uint24(which + 1)).maintenance;
    }

    /// @dev Each bracket's share of the notional at its factor: what lies above an end, at what the factor grows by [wad].
    function _chargedAt(uint256[13] memory numbers, uint256 notional) internal pure returns (uint256 charged) {
        charged = notional;
        uint256 below = 10_000;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 above = _lessOrZero(notional, numbers[ENDS + i] * WAD);
            charged += _mulDivUp(above, numbers[FACTORS + i] - below, 10_000);
            below = numbers[FACTORS + i];
        }
    }
}
