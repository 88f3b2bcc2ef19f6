// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RateRules} from "./RateRules.sol";
import {SizeBrackets} from "./SizeBrackets.sol";

/// @notice An underlying's margin rates of now, what they follow from, and where a ramp will bring them.
struct MarginRates {
    /// [wad of notional]
    uint256 initial;
    /// [wad of notional]
    uint256 maintenance;
    /// Volatility with the slow half-life [wad].
    uint256 slowSigma;
    /// Volatility with the fast half-life [wad].
    uint256 fastSigma;
    /// What is assumed where nothing is known [wad].
    uint256 priorSigma;
    /// When the last round that counts was written; 0 before the first [unix seconds].
    uint256 lastRoundAt;
    /// A, B, floor, cap, initial floor and maintenance to initial as they are now.
    RateRules rules;
    SizeBrackets brackets;
    /// Until then `rules` and `brackets` are on their way to those below, and sigma on its way from what a former volatility
    /// oracle said, if there is a new one [unix seconds].
    uint256 endOfRamp;
    RateRules targetRules;
    SizeBrackets targetBrackets;
    /// What the rates would be with these at today's volatility [wad of notional].
    uint256 targetInitial;
    /// [wad of notional]
    uint256 targetMaintenance;
}
