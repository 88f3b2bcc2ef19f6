// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {WaterfallModel} from "./WaterfallModel.sol";
import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";
import {IRules} from "../../../contracts/interfaces/IRules.sol";
import {CashFigures} from "../../../contracts/types/Cash.sol";
import {FundingParameters} from "../../../contracts/types/FundingRules.sol";
import {InstrumentId} from "../../../contracts/types/InstrumentId.sol";
import {UnderlyingRules} from "../../../contracts/types/UnderlyingRules.sol";

/// @title WorldHandler
/// @notice What happens to the accounts without their doing: prices jump, time passes, a feed falls silent and comes
/// back, the guardian freezes, keepers note prices, owners give and take operators' rights.
abstract contract WorldHandler is WaterfallModel {
    uint256 private constant FREEZE = 3 days;
    /// @dev Feeds may be silent for so long without an age beyond 3 days [seconds].
    uint256 private constant SILENT_AGE = 4_000;

    /// @dev operators[i] has the permission 1 << i and no other.
    address[4] internal _operators;
    address internal _stranger = makeAddr("stranger");
    /// @dev Last second of each operator's permission, by owner [unix seconds].
    mapping(address owner => uint256[4] until) private _untils;
    /// @dev frozen[0..2] are underlyings, frozen[4..7] the collateral tokens 1 to 4 [unix seconds].
    uint256[8] internal _frozenUntil;

    function _openWorld() internal {
        for (uint256 i = 0; i < 4; ++i) _operators[i] = makeAddr(string.concat("operator", vm.toString(i)));
        for (uint256 i = 2; i < ACTORS; ++i) {
            for (uint256 j = 0; j < 4; ++j) _setOperator(_ownerOf(i), j, type(uint40).max);
        }
    }

    // ------------------------------------------------------------------ acts

    /// @dev Prices stay within a factor of 100 of where they began; a feed that was silent speaks again.
    function _movePrice(uint256 which, uint256 factorBps) internal {
        Books memory before = _books();
        uint256[4] memory first = [uint256(3_000e8), 60_000e8, 150e8, 50e8];
        MockV3Aggregator feed = _system.feeds[which];
        uint256 price = (uint256(feed.latestAnswer()) * factorBps) / 10_000;
        feed.updateAnswer(int256(bound(price, first[which] / 100, first[which] * 100)));
        if (silent == which) silent = NOTHING;
        _verify(before, true);
    }

    /// @dev The feed stops; what it last said stays what it last said.
    function _silence(uint256 which) internal {
        if (silent != NOTHING) return;
        Books memory before = _books();
        CashFigures memory pool = _system.vault.cashPool();
        // Its last answer stays as old as it is: nobody could have noted a later price.
        silent = which;
        vm.warp(block.timestamp + SILENT_AGE);
        for (uint256 i = 0; i < 4; ++i) {
            if (i != which) _system.feeds[i].updateAnswer(_system.feeds[i].latestAnswer());
        }
        ++calls["silence"];
        _passed(before, pool, SILENT_AGE);
    }

    function _revive() internal {
        if (silent == NOTHING) return;
        _movePrice(silent, 10_000);
        ++calls["revive"];
    }

    /// @dev Time moves funding, interest, freezes and limits, and what is silent only becomes older.
    function _passTime(uint256 interval) internal {
        Books memory before = _books();
        CashFigures memory pool = _system.vault.cashPool();
        vm.warp(block.timestamp + interval);
        for (uint256 i = 0; i < 4; ++i) {
            if (i == silent) _stop(i);
            else _system.feeds[i].updateAnswer(_system.feeds[i].latestAnswer());
        }
        _passed(before, pool, interval);
    }

    /// @dev Governance changes an instrument's interest: in force from the next trade or accrual on.
    function _setInterest(uint256 which, int16 interest) internal {
        Books memory before = _books();
        (int256 deadBand, int256 cap, uint256 depthShareBps) = _fundingRulesOf(which);
        _system.rules.setFundingRules(
            uint24(which + 1),
            FundingParameters(interest, uint16(int16(deadBand)), uint16(int16(cap)), uint16(depthShareBps))
        );
        _interest[which] = interest;
        ++calls["setFundingRules"];
        _verify(before, false);
    }

    /// @dev An act: what is in force changes, and nothing else (5).
    function _accrueFunding(uint256 which) internal {
        Books memory expected = _books();
        _happened("interest changed", expected.funded[which].interest != _interest[which]);
        _expectInterest(expected, which);
        _system.clearinghouse.accrueFunding(_system.perpetuals[which]);
        ++calls["accrueFunding"];
        _verify(expected, false);
    }

    /// @dev An act: interest until now is counted already in everything that can be read (I10).
    function _accrueInterest() internal {
        Books memory expected = _books();
        _system.vault.accrueInterest();
        ++calls["accrueInterest"];
        _verify(expected, false);
    }

    /// @dev A freeze ends by itself, and the next begins only when as much time has passed again.
    function _freeze(uint256 which) internal {
        if (which == 3) return;
        Books memory before = _books();
        uint256 last = _frozenUntil[which];
        try this.freezeNow(which) {
            assertTrue(last == 0 || block.timestamp > last + FREEZE, "I9: frozen too soon");
            _frozenUntil[which] = block.timestamp + FREEZE;
            ++calls["freeze"];
        } catch (bytes memory reason) {
            _expect(reason, IRules.FreezeTooSoon.selector);
            assertTrue(last != 0 && block.timestamp <= last + FREEZE, "the guardian was refused");
        }
        _verify(before, true);
    }

    /// @dev External, so that it can be tried; the handler is the guardian.
    function freezeNow(uint256 which) external {
        if (which < PERPETUALS) _system.rules.freezeUnderlying(uint24(which + 1));
        else _system.rules.freezeCollateral(address(_system.tokens[which - 3]));
    }

    function _notePrice(uint256 which) internal {
        Books memory before = _books();
        try _system.oracle.notePrice(uint24(which + 1)) {
            assertTrue(which != silent, "a silent price was noted");
            ++calls["notePrice"];
        } catch (bytes memory reason) {
            assertTrue(which == silent, "a price was not noted");
            _expect(reason, IPriceOracle.StalePrice.selector);
        }
        _verify(before, false);
    }

    function _setOperator(address owner, uint256 which, uint256 until) internal {
        vm.prank(owner);
        _system.vault.setOperator(_operators[which], uint8(1 << which), uint40(until));
        _untils[owner][which] = until;
    }

    // ------------------------------------------------------------------ words for handlers

    /// @dev Half of the time the owner, else somebody who may have the right (I4): its operator, an operator with
    /// another right, or a stranger.
    function _callerOf(
        uint256 place,
        uint256 permission,
        uint256 seed
    ) internal view returns (address caller, bool allowed) {
        address owner = _ownerOf(place);
        uint256 die = seed % 16;
        if (die < 10) return (owner, true);
        if (die == 15) return (_stranger, false);
        uint256 which = die < 14 ? permission : (permission + 1 + ((seed >> 8) % 3)) % 4;
        return (_operators[which], which == permission && block.timestamp <= _untils[owner][which]);
    }

    function _isFrozen(uint256 which) internal view returns (bool) {
        return block.timestamp <= _frozenUntil[which];
    }

    function _rulesOf(uint256 perpetual) internal view returns (UnderlyingRules rules) {
        InstrumentId instrument = _system.perpetuals[perpetual];
        (rules, ) = _system.rules.tradingRules(instrument);
    }

    function _stop(uint256 which) private {
        MockV3Aggregator feed = _system.feeds[which];
        uint256 stoppedAt = block.timestamp - SILENT_AGE;
        feed.updateRoundData(uint80(feed.latestRound()), feed.latestAnswer(), stoppedAt, stoppedAt);
    }
}
