// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IWired} from "../interfaces/IWired.sol";
import {WadMath} from "../libraries/WadMath.sol";

/// @title ClearinghouseWiring
/// @notice Who works with the clearinghouse: the margin engine that is in charge, the venues that may clear, and the price
/// that stops new risk when the settlement token leaves its peg. See IClearinghouse.
abstract contract ClearinghouseWiring is IClearinghouse, IWired, AccessManaged {
    /// @dev One slot, read by every act.
    struct Wiring {
        IMarginEngine marginEngine;
        /// The settlement token's own price; 0 while there is none.
        uint24 pegUnderlying;
        /// How far it may be from 1 [bps].
        uint16 pegAllowedBps;
        /// It was found further from 1 when somebody last looked.
        bool depegged;
    }

    uint16 private constant LEAST_PEG_BPS = 10;
    uint16 private constant MOST_PEG_BPS = 2_000;

    Wiring internal _wiring;
    mapping(address venue => bool registered) internal _venues;

    // Governance

    /// @inheritdoc IClearinghouse
    function setPeg(uint24 underlying, uint16 allowedBps) external restricted {
        bool bounded = underlying == 0 ? allowedBps == 0 : allowedBps >= LEAST_PEG_BPS && allowedBps <= MOST_PEG_BPS;
        if (!bounded) revert PegOutOfBounds(underlying, allowedBps, LEAST_PEG_BPS, MOST_PEG_BPS);
        Wiring storage wiring = _wiring;
        (wiring.pegUnderlying, wiring.pegAllowedBps, wiring.depegged) = (underlying, allowedBps, false);
        emit PegSet(underlying, allowedBps);
    }

    /// @inheritdoc IClearinghouse
    function setVenue(address venue, bool registered) external restricted {
        if (registered && venue.code.length == 0) revert NotAContract(venue);
        _venues[venue] = registered;
        emit VenueSet(venue, registered);
    }

    /// @inheritdoc IClearinghouse
    function setMarginEngine(address successor) external restricted {
        if (successor.code.length == 0) revert NotAContract(successor);
        IMarginEngine engine = IMarginEngine(successor);
        IMarginEngine current = _wiring.marginEngine;
        // What succeeds another begins with its requirements, so those must stand still.
        if (address(engine.FORMER_ENGINE()) != address(current)) revert NotTheSuccessor(successor, address(current));
        uint256 end = address(current) == address(0) ? 0 : current.endOfBlend();
        if (block.timestamp < end) revert BlendNotOver(end);
        _wiring.marginEngine = engine;
        emit MarginEngineSet(successor);
        engine.begin();
    }

    // Views

    /// @inheritdoc IClearinghouse
    function marginEngine() external view returns (IMarginEngine) {
        return _engine();
    }

    /// @inheritdoc IClearinghouse
    function isVenue(address venue) external view returns (bool) {
        return _venues[venue];
    }

    /// @inheritdoc IClearinghouse
    function peg() external view returns (uint24 underlying, uint16 allowedBps, bool depegged) {
        Wiring memory wiring = _wiring;
        return (wiring.pegUnderlying, wiring.pegAllowedBps, wiring.depegged);
    }

    // Internals

    /// @param price Of the settlement token [wad].
    function _notePeg(uint256 price) internal {
        Wiring memory wiring = _wiring;
        bool depegged = FixedPointMathLib.dist(price, WadMath.WAD) > WadMath.bpsDown(WadMath.WAD, wiring.pegAllowedBps);
        if (depegged == wiring.depegged) return;
        _wiring.depegged = depegged;
        emit PegNoted(price, depegged);
    }

    function _engine() internal view returns (IMarginEngine engine) {
        engine = _wiring.marginEngine;
        if (address(engine) == address(0)) revert NotWired();
    }
}
