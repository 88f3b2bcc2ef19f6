// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {BooksModel} from "./BooksModel.sol";
import {CollateralRules} from "../../../contracts/types/CollateralRules.sol";
import {LiquidationRules} from "../../../contracts/types/LiquidationRules.sol";
import {MarginRates} from "../../../contracts/types/MarginRates.sol";
import {SizeBrackets} from "../../../contracts/types/SizeBrackets.sol";
import {UnderlyingRules} from "../../../contracts/types/UnderlyingRules.sol";

/// @title RatesModel
/// @notice Margin rates a second time: parameters on their way along ramps, what the rounds of a feed make of volatility,
/// and the rates that follow from both.
/// @dev A way is a list of numbers that are set together: 0 to 2 are the underlyings, 3 to 6 the haircuts of tokens 1 to 4, 7
/// the minimum margins. Each number moves by itself, but for an underlying's first seven: what follows from all of them
/// together moves, in a straight line from the rates of the former numbers to the rates of the new ones.
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

    /// @dev Each number on its own way.
    function _today(uint256 which) internal view returns (uint256[13] memory numbers) {
        Way memory way = _ways[which];
        numbers = way.to;
        for (uint256 i = 0; i < 13; ++i) numbers[i] = _onTheWay(way.from[i], way.to[i], way.end);
    }

    /// @dev (from x time left + to x time passed) / 3 days, rounded towards `from`.
    function _onTheWay(uint256 from, uint256 to, uint256 end) private view returns (uint256) {
        if (block.timestamp >= end) return to;
        uint256 left = end - block.timestamp;
        uint256 sum = from * left + to * (RAMP - left);
        return (to < from ? sum + RAMP - 1 : sum) / RAMP;
    }

    /// @dev Whether some of the numbers from `first` to `last` are other ones than those that are set.
    function _differ(
        uint256 which,
        uint256[13] memory to,
        uint256 first,
        uint256 last
    ) internal view returns (bool differ) {
        uint256[13] memory was = _ways[which].to;
        for (uint256 i = first; i <= last; ++i) differ = differ || was[i] != to[i];
    }

    /// @dev All of a way begin to move from where they are; the same again changes nothing.
    function _direct(uint256 which, uint256[13] memory to) internal {
        if (!_differ(which, to, 0, 12)) return;
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
        uint256 assumed = _varianceOf(_priorOf(_ways[which]) / 1e16) * _lessOrZero(dt, 65 minutes);
        if (assumed > moved) moved = assumed;
        followed.slow = _least(_mulDivUp(followed.slow * SLOW_SECONDS + moved, 1, SLOW_SECONDS + dt), 1e14);
        followed.fast = _least(_mulDivUp(followed.fast * FAST_SECONDS + moved, 1, FAST_SECONDS + dt), 1e14);
        (followed.acceptedAt, followed.answer) = (updatedAt, answer);
    }

    /// @dev On its way, so that nobody gains by filling an old gap with a new prior [wad].
    function _priorOf(Way memory way) private view returns (uint256) {
        return _onTheWay(way.from[PRIOR] * 1e16, way.to[PRIOR] * 1e16, way.end);
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

    /// @dev Sigma follows from the rounds, and the rates from both lists of numbers.
    function _assertRatesOf(uint256 which) private view {
        MarginRates memory rates = _system.rules.marginRatesOf(uint24(which + 1));
        Way memory way = _ways[which];
        (uint256 slow, uint256 fast) = _sigmasOf(which, way.to[PRIOR]);
        assertEq(rates.lastRoundAt, _followed[which].acceptedAt, "4: last round");
        assertEq(rates.priorSigma, _priorOf(way), "4: prior");
        assertEq(rates.slowSigma, slow, "4: slow sigma");
        assertEq(rates.fastSigma, fast, "4: fast sigma");
        (uint256 initial, uint256 maintenance) = _ratesAt(which, way.to);
        assertEq(rates.targetInitial, initial, "4: initial rate at the end");
        assertEq(rates.targetMaintenance, maintenance, "4: maintenance rate at the end");
        (uint256 formerInitial, uint256 formerMaintenance) = _ratesAt(which, way.from);
        assertEq(rates.maintenance, _onTheWay(formerMaintenance, maintenance, way.end), "4: maintenance rate");
        assertEq(rates.initial, _onTheWay(formerInitial, initial, way.end), "4: initial rate");
        assertEq(rates.endOfRamp, way.end, "4: end of the ramp");
        _assertAsTraded(which, rates, _chargedAt(_today(which), LARGE_NOTIONAL));
    }

    /// @dev What follows from such numbers, with their own prior, at the volatility of now; nothing from no numbers [wad].
    function _ratesAt(
        uint256 which,
        uint256[13] memory numbers
    ) private view returns (uint256 initial, uint256 maintenance) {
        if (numbers[RATIO] == 0) return (0, 0);
        (uint256 slow, uint256 fast) = _sigmasOf(which, numbers[PRIOR]);
        maintenance = _rateAt(numbers, slow);
        uint256 higher = _rateAt(numbers, fast);
        initial = _mulDivUp(higher > maintenance ? higher : maintenance, 10_000, numbers[RATIO]);
        uint256 floor = numbers[INITIAL_FLOOR] * 1e14;
        if (initial < floor) initial = floor;
    }

    /// @dev As they were noted in bps, on their way to a prior since the last round [wad].
    function _sigmasOf(uint256 which, uint256 percent) private view returns (uint256 slow, uint256 fast) {
        Followed memory followed = _followed[which];
        uint256 silence = block.timestamp - followed.acceptedAt;
        uint256 prior = percent * 1e16 * silence;
        slow = _mulDivUp(_bpsOf(followed.slow) * 1e14 * SLOW_SECONDS + prior, 1, SLOW_SECONDS + silence);
        fast = _mulDivUp(_bpsOf(followed.fast) * 1e14 * FAST_SECONDS + prior, 1, FAST_SECONDS + silence);
    }

    /// @dev The least sigma in bps whose square is not below the variance, as far as 16 bits go.
    function _bpsOf(uint256 variance) private pure returns (uint256 bps) {
        for (uint256 step = 1 << 15; step > 0; step >>= 1) if ((bps + step - 1) ** 2 * 1e4 < variance) bps += step;
    }

    /// @dev What a margin and a trade read is the same.
    function _assertAsTraded(uint256 which, MarginRates memory rates, uint256 charged) private view {
        (UnderlyingRules rules, SizeBrackets brackets) = _system.rules.instrumentRules(_system.perpetuals[which]);
        assertEq(rules.maintenanceRate(), rates.maintenance, "4: maintenance rate of the instrument");
        assertEq(rules.initialRate(), rates.initial, "4: initial rate of the instrument");
        assertEq(brackets.firstEnd(), rates.brackets.firstEnd(), "4: first bracket of the instrument");
        (rules, ) = _system.rules.tradingRules(_system.perpetuals[which]);
        assertEq(rules.maintenanceRate(), rates.maintenance, "4: maintenance rate of a trade");
        assertEq(rules.initialRate(), rates.initial, "4: initial rate of a trade");
        assertEq(rates.brackets.chargedNotional(LARGE_NOTIONAL), charged, "4: brackets");
        brackets = _system.rules.bracketsOf(_system.perpetuals[which]);
        assertEq(brackets.chargedNotional(LARGE_NOTIONAL), charged, "4: brackets of the instrument");
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
