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
    SizeBrackets brackets;
    /// Volatility with the slow half-life, on its way to the prior that is set [wad].
    uint256 slowSigma;
    /// The same with the fast half-life [wad].
    uint256 fastSigma;
    /// What is assumed where nothing is known, on its way while a ramp of the rates runs [wad].
    uint256 priorSigma;
    /// When the last round that counts was written; 0 before the first [unix seconds].
    uint256 lastRoundAt;
    /// A, B, floor, cap, initial floor and maintenance to initial, as governance has set them.
    RateRules rules;
    /// What they were before, while the rates are on their way; else 0.
    RateRules formerRules;
    /// Until then rates or brackets are on their way; 0 before the first ramp [unix seconds].
    uint256 endOfRamp;
    /// What the rates would be at the end of the ramp, with the volatility of now [wad of notional].
    uint256 targetInitial;
    /// [wad of notional]
    uint256 targetMaintenance;
    SizeBrackets targetBrackets;
}
