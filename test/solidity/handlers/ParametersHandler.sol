// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {Books} from "./BooksModel.sol";
import {DefaultHandler} from "./DefaultHandler.sol";
import {IClearinghouse} from "../../../contracts/interfaces/IClearinghouse.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";
import {IRules} from "../../../contracts/interfaces/IRules.sol";
import {IVolatilityOracle} from "../../../contracts/interfaces/IVolatilityOracle.sol";
import {CollateralParameters} from "../../../contracts/types/CollateralRules.sol";
import {KIND_PERPETUAL} from "../../../contracts/types/InstrumentId.sol";
import {LiquidationParameters, LiquidationRules} from "../../../contracts/types/LiquidationRules.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {UnderlyingParameters} from "../../../contracts/types/RateRules.sol";
import {BracketParameters} from "../../../contracts/types/SizeBrackets.sol";
import {UnderlyingRules} from "../../../contracts/types/UnderlyingRules.sol";

/// @title ParametersHandler
/// @notice What moves requirements beside prices: rounds that somebody brings to the volatility oracle, and parameters
/// that governance sets. And the warning before the line: margin calls.
abstract contract ParametersHandler is DefaultHandler {
    uint256 private constant CALL_INTERVAL = 1 hours;

    /// @dev When each account was called last; 0 before the first time [unix seconds].
    uint256[8] private _calledAt;

    // ------------------------------------------------------------------ volatility

    /// @dev An act of anyone: volatility is what the rounds say, and nobody's equity moves. Requirements do.
    function _pokeVolatility(uint256 which, uint256 most) internal {
        Books memory before = _books();
        Margin[8] memory was = _margins();
        uint256 left = _system.feeds[which].latestRound() - _followed[which].looked;
        uint256 looked = _follow(which, most);
        (address volatility, ) = _system.rules.volatilityOracle();
        vm.prank(_stranger);
        uint256 answered = IVolatilityOracle(volatility).poke(uint24(which + 1), most);
        assertEq(answered, looked, "4: rounds that were looked at");
        _assertFollowed(IVolatilityOracle(volatility), which);

        Margin[8] memory margins = _margins();
        for (uint256 i = 0; i < ACTORS; ++i) {
            assertEq(margins[i].equity, was[i].equity, "I8: equity does not hang on volatility");
            bool isSunk =
                was[i].equity >= int256(was[i].maintenance) && margins[i].equity < int256(margins[i].maintenance);
            _happened("rounds bring down", isSunk);
        }
        ++calls["pokeVolatility"];
        _happened("several rounds", looked > 1);
        _happened("rounds left", looked < left);
        _happened("fast above slow", _followed[which].fast > _followed[which].slow);
        _happened("rate at its cap", _maintenanceRate(which) == _ways[which].to[CAP] * 1e14);
        _verify(before, true);
    }

    /// @dev In a market that has calmed down, half of the time, somebody comes near its line; then every price jumps there and
    /// back several times in a moment.
    function _agitate(uint256 seed) internal {
        if (seed % 2 == 0) _passTime(25 days);
        for (uint256 i = 0; i < 16 && !_isAnyNearItsLine(); ++i) {
            if (!_moveAgainstRiskiest(100)) break;
        }
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            if (i == silent) continue;
            MockV3Aggregator feed = _system.feeds[i];
            int256 answer = feed.latestAnswer();
            for (uint256 j = 0; j < 4; ++j) {
                feed.updateAnswer((answer * 5) / 4);
                feed.updateAnswer(answer);
            }
            _pokeVolatility(i, 1_000);
        }
    }

    /// @dev What the oracle keeps is what the model keeps.
    function _assertFollowed(IVolatilityOracle volatility, uint256 which) private view {
        IVolatilityOracle.Volatility memory kept = volatility.volatilityOf(uint24(which + 1));
        assertEq(kept.slowVariance, _followed[which].slow, "4: slow variance");
        assertEq(kept.fastVariance, _followed[which].fast, "4: fast variance");
        assertEq(kept.acceptedAt, _followed[which].acceptedAt, "4: accepted at");
        assertEq(kept.answer, _followed[which].answer, "4: answer");
        assertEq(kept.roundId, _followed[which].looked, "4: round");
    }

    // ------------------------------------------------------------------ margin calls

    /// @dev An act of anyone: of who is below initial margin, once an hour, and nothing changes.
    function _callMargin(uint256 place) internal {
        Books memory before = _books();
        (bool priced, Margin memory margin) = _tryMarginOf(place);
        uint256 next = _calledAt[place] == 0 ? 0 : _calledAt[place] + CALL_INTERVAL;
        if (block.timestamp >= next && priced && margin.equity < int256(margin.initial)) {
            uint256 shortfall = uint256(int256(margin.initial) - margin.equity);
            vm.expectEmit(address(_system.clearinghouse));
            emit IClearinghouse.MarginCalled(
                _accounts[place],
                margin.equity,
                margin.initial,
                margin.maintenance,
                shortfall
            );
            _system.clearinghouse.callMargin(_accounts[place]);
            // Kept in units of 256 seconds.
            _calledAt[place] = 256 * ((block.timestamp + 255) / 256);
            ++calls["callMargin"];
        } else {
            try _system.clearinghouse.callMargin(_accounts[place]) {
                assertTrue(false, "called without a reason");
            } catch (bytes memory reason) {
                bytes4 due = priced ? IClearinghouse.NoMarginCall.selector : IPriceOracle.StalePrice.selector;
                if (block.timestamp < next) due = IClearinghouse.MarginCallTooSoon.selector;
                _expect(reason, due);
                _happened("margin call too soon", block.timestamp < next);
                _happened("no margin call", due == IClearinghouse.NoMarginCall.selector);
            }
        }
        assertEq(_system.clearinghouse.calledAt(_accounts[place]), _calledAt[place], "6: called at");
        _verify(before, false);
    }

    // ------------------------------------------------------------------ parameters

    /// @dev An act of governance: in the block in which it is made nobody's requirement moves by a wei.
    function _changeParameters(uint256 kind, uint256 which, uint256 seed) internal {
        Books memory before = _books();
        Margin[8] memory was = _margins();
        if (kind == 0) _setRates(which % PERPETUALS, seed);
        else if (kind == 1) _setBrackets(which % PERPETUALS, seed);
        else if (kind == 2) _setHaircuts(1 + (which % 4), seed);
        else _setMinimumMargins(seed);
        assertEq(abi.encode(_margins()), abi.encode(was), "GV1: no margin moves in the block of a change");
        ++calls["changeParameters"];
        _verify(before, false);
    }

    function _setRates(uint256 which, uint256 seed) private {
        UnderlyingRules rules = _rulesOf(which);
        uint256 floor = bound(_part(seed, 0), 150, 500);
        UnderlyingParameters memory parameters = UnderlyingParameters({
            maintenanceBaseBps: uint16(bound(_part(seed, 1), 50, floor + 100)),
            maintenanceSlopeBps: uint16(bound(_part(seed, 2), 0, 120)),
            maintenanceFloorBps: uint16(floor),
            maintenanceCapBps: uint16(bound(_part(seed, 3), floor + 100, 900)),
            initialFloorBps: uint16(bound(_part(seed, 4), floor, 900)),
            maintenanceToInitialBps: uint16(bound(_part(seed, 5), 5_000, 9_000)),
            priorSigmaPercent: uint8(bound(_part(seed, 6), 20, 120)),
            tradeBandBps: uint16(rules.tradeBandBps()),
            leastTradeBandBps: uint16(rules.leastTradeBandBps()),
            kinds: uint8(1 << KIND_PERPETUAL),
            openInterestCap: uint40(rules.openInterestCap() / WAD)
        });
        uint256[13] memory to = _ways[which].to;
        (to[BASE], to[SLOPE]) = (parameters.maintenanceBaseBps, parameters.maintenanceSlopeBps);
        (to[FLOOR], to[CAP]) = (parameters.maintenanceFloorBps, parameters.maintenanceCapBps);
        (to[INITIAL_FLOOR], to[RATIO]) = (parameters.initialFloorBps, parameters.maintenanceToInitialBps);
        to[PRIOR] = parameters.priorSigmaPercent;
        if (_mayMove(which, to)) _direct(which, to);
        _system.rules.setUnderlying(uint24(which + 1), parameters);
    }

    /// @dev Whether such numbers may be set. Of an underlying one thing moves at a time: a change while another runs is refused.
    function _mayMove(uint256 which, uint256[13] memory to) private returns (bool) {
        uint256 end = _ways[which].end;
        if (block.timestamp >= end || !_differ(which, to, 0, 12)) return true;
        vm.expectRevert(abi.encodeWithSelector(IRules.RampNotOver.selector, uint24(which + 1), end));
        ++calls["ramp not over"];
        return false;
    }

    /// @dev Ends or factors, an eighth both. The last factor stays at most 5: see ROUNDING.
    function _setBrackets(uint256 which, uint256 seed) private {
        BracketParameters memory parameters;
        parameters.firstEnd = uint40(bound(_part(seed, 0), 20_000, 1_000_000));
        parameters.secondEnd = parameters.firstEnd + uint40(bound(_part(seed, 1), 1, 5_000_000));
        parameters.thirdEnd = parameters.secondEnd + uint40(bound(_part(seed, 2), 1, 20_000_000));
        parameters.secondFactorBps = uint24(bound(_part(seed, 3), 10_000, 20_000));
        parameters.thirdFactorBps = uint24(bound(_part(seed, 4), parameters.secondFactorBps, 30_000));
        parameters.lastFactorBps = uint24(bound(_part(seed, 5), parameters.thirdFactorBps, 50_000));
        uint256[13] memory to = _ways[which].to;
        (to[ENDS], to[ENDS + 1], to[ENDS + 2]) = (parameters.firstEnd, parameters.secondEnd, parameters.thirdEnd);
        (to[FACTORS], to[FACTORS + 1]) = (parameters.secondFactorBps, parameters.thirdFactorBps);
        to[FACTORS + 2] = parameters.lastFactorBps;
        uint256 kept = _part(seed, 6) % 8;
        if (kept != 0) _keep(which, kept % 2 == 0 ? ENDS : FACTORS, to);
        if (_differ(which, to, ENDS, ENDS + 2) && _differ(which, to, FACTORS, FACTORS + 2)) {
            vm.expectRevert(abi.encodeWithSelector(IRules.EndsAndFactors.selector, uint24(which + 1)));
            ++calls["ends and factors"];
        } else if (_mayMove(which, to)) {
            _direct(which, to);
        }
        _system.rules.setBrackets(uint24(which + 1), _bracketsIn(to));
    }

    /// @dev Three numbers stay what they are.
    function _keep(uint256 which, uint256 first, uint256[13] memory to) private view {
        for (uint256 i = first; i < first + 3; ++i) to[i] = _ways[which].to[i];
    }

    function _bracketsIn(uint256[13] memory to) private pure returns (BracketParameters memory parameters) {
        (parameters.firstEnd, parameters.secondEnd) = (uint40(to[ENDS]), uint40(to[ENDS + 1]));
        (parameters.thirdEnd, parameters.secondFactorBps) = (uint40(to[ENDS + 2]), uint24(to[FACTORS]));
        (parameters.thirdFactorBps, parameters.lastFactorBps) = (uint24(to[FACTORS + 1]), uint24(to[FACTORS + 2]));
    }

    function _setHaircuts(uint256 token, uint256 seed) private {
        uint256[13] memory to;
        to[0] = bound(_part(seed, 0), 500, 3_000);
        to[1] = bound(_part(seed, 1), to[0], 4_000);
        _direct(token + 2, to);
        // Token i is priced by underlying i.
        CollateralParameters memory parameters = CollateralParameters({
            underlying: uint24(token),
            maintenanceHaircutBps: uint16(to[0]),
            initialHaircutBps: uint16(to[1]),
            accepted: true
        });
        _system.rules.setCollateral(address(_system.tokens[token]), parameters);
    }

    function _setMinimumMargins(uint256 seed) private {
        uint256[13] memory to;
        (to[0], to[1]) = (bound(_part(seed, 0), 10, 60), bound(_part(seed, 1), 0, 10));
        _direct(MARGINS, to);
        LiquidationParameters memory parameters = _liquidationRulesNow();
        (parameters.minimumMargin, parameters.minimumMarginOfItem) = (uint16(to[0]), uint16(to[1]));
        _system.rules.setLiquidationRules(parameters);
    }

    /// @dev The rules of now by name: what is not changed stays.
    function _liquidationRulesNow() private view returns (LiquidationParameters memory parameters) {
        LiquidationRules rules = _system.rules.liquidationRules();
        parameters.leastIncentiveBps = uint16(rules.leastIncentiveBps());
        parameters.mostIncentiveBps = uint16(rules.mostIncentiveBps());
        parameters.insuranceFeeBps = uint16(rules.insuranceFeeBps());
        parameters.bufferBps = uint16(rules.bufferBps());
        parameters.gainsHaircutCapBps = uint16(rules.gainsHaircutCapBps());
        parameters.mostInstruments = uint8(rules.mostInstruments());
        parameters.fundDrawCapBps = uint16(rules.fundDrawCapBps());
        parameters.openInterestBase = uint40(rules.openInterestBase() / WAD);
        parameters.deleverageDelay = uint16(rules.deleverageDelay());
        parameters.lendersCapBps = uint16(rules.lendersCapBps());
        parameters.fundFloorBps = uint16(rules.fundFloorBps());
    }

    // ------------------------------------------------------------------ internals

    /// @dev Below initial margin, and not yet below maintenance.
    function _isAnyNearItsLine() private view returns (bool isAny) {
        Margin[8] memory margins = _margins();
        for (uint256 i = 0; i < ACTORS; ++i) {
            int256 equity = margins[i].equity;
            isAny = isAny || (equity >= int256(margins[i].maintenance) && equity < int256(margins[i].initial));
        }
    }

    /// @dev What every account that can be read is worth and requires.
    function _margins() private view returns (Margin[8] memory margins) {
        for (uint256 i = 0; i < ACTORS; ++i) (, margins[i]) = _tryMarginOf(i);
    }

    /// @dev One of eight numbers in a seed.
    function _part(uint256 seed, uint256 place) private pure returns (uint256) {
        return uint32(seed >> (32 * place));
    }
}
