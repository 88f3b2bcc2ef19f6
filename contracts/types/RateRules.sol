// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {rampedField} from "./Ramp.sol";

/// @notice How an underlying's margin rates follow its volatility, as governance has set it, in one word.
/// @dev
///   bits     field                     unit
///   0-15     maintenance base (A)      [bps of notional]
///   16-31    maintenance slope (B)     [bps of notional for a sigma of 1]
///   32-47    maintenance floor         [bps of notional]
///   48-63    maintenance cap           [bps of notional]
///   64-79    initial floor             [bps of notional]
///   80-95    maintenance to initial    [bps: maintenance rate / initial rate]
///   96-127   end of the ramp           until then bits 0-95 and 248-255 are on their way, with the brackets [unix seconds]
///   128-247  as in UnderlyingRules     trade bands, kinds, open interest cap, frozen until
///   248-255  prior sigma               [percent per year]
/// A word of 0 is an underlying that is not listed.
type RateRules is uint256;

using {
    maintenanceBaseBps,
    maintenanceSlopeBps,
    maintenanceFloorBps,
    maintenanceCapBps,
    initialFloorBps,
    maintenanceToInitialBps,
    priorSigmaPercent,
    endOfRamp,
    onItsWayFrom,
    withRampEnd,
    withFreeze,
    hasRatesOf
} for RateRules global;

/// @dev What moves along the ramp: bits 0-95 and 248-255.
uint256 constant RAMPED_FIELDS = type(uint96).max | (uint256(0xff) << 248);

/// @notice A: the part of the maintenance rate that does not depend on volatility [bps].
function maintenanceBaseBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules));
}

/// @notice B: the maintenance rate for each unit of sigma [bps].
function maintenanceSlopeBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules) >> 16);
}

/// @notice The lowest maintenance rate [bps].
function maintenanceFloorBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules) >> 32);
}

/// @notice The highest maintenance rate [bps].
function maintenanceCapBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules) >> 48);
}

/// @notice The lowest initial rate [bps].
function initialFloorBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules) >> 64);
}

/// @notice The maintenance rate as a share of the initial rate [bps].
function maintenanceToInitialBps(RateRules rules) pure returns (uint256) {
    return uint16(RateRules.unwrap(rules) >> 80);
}

/// @notice The volatility that is assumed where nothing is known [percent per year].
function priorSigmaPercent(RateRules rules) pure returns (uint256) {
    return RateRules.unwrap(rules) >> 248;
}

/// @notice When the last ramp ends or ended; 0 before the first [unix seconds].
function endOfRamp(RateRules rules) pure returns (uint256) {
    return uint32(RateRules.unwrap(rules) >> 96);
}

/// @notice The rules of now: the ramped fields on their way from where they were when the ramp began.
function onItsWayFrom(RateRules rules, RateRules former) view returns (RateRules) {
    uint256 end = rules.endOfRamp();
    (uint256 word, uint256 from) = (RateRules.unwrap(rules), RateRules.unwrap(former));
    for (uint256 offset = 0; offset < 96; offset += 16) {
        word = rampedField({word: word, former: from, offset: offset, bits: 16, end: end});
    }
    return RateRules.wrap(rampedField({word: word, former: from, offset: 248, bits: 8, end: end}));
}

/// @notice The same word with another end of the ramp [unix seconds].
function withRampEnd(RateRules rules, uint256 end) pure returns (RateRules) {
    uint256 others = RateRules.unwrap(rules) & ~(uint256(type(uint32).max) << 96);
    return RateRules.wrap(others | (uint256(uint32(end)) << 96));
}

/// @notice The same word with another end of the freeze [unix seconds].
function withFreeze(RateRules rules, uint256 until) pure returns (RateRules) {
    uint256 others = RateRules.unwrap(rules) & ~(uint256(type(uint40).max) << 208);
    return RateRules.wrap(others | (uint256(uint40(until)) << 208));
}

/// @notice Whether everything that moves along the ramp is the same in both.
function hasRatesOf(RateRules rules, RateRules other) pure returns (bool) {
    return (RateRules.unwrap(rules) ^ RateRules.unwrap(other)) & RAMPED_FIELDS == 0;
}

/// @notice The same rules by name, as governance sets them; the fields are those of the word.
struct UnderlyingParameters {
    uint16 maintenanceBaseBps;
    uint16 maintenanceSlopeBps;
    uint16 maintenanceFloorBps;
    uint16 maintenanceCapBps;
    uint16 initialFloorBps;
    uint16 maintenanceToInitialBps;
    /// [percent per year]
    uint8 priorSigmaPercent;
    uint16 tradeBandBps;
    uint16 leastTradeBandBps;
    uint8 kinds;
    /// [whole settlement currency]
    uint40 openInterestCap;
}

/// @notice Packs the rules into their word, without ramp and freeze; the bounds are the caller's to check.
function packRateRules(UnderlyingParameters memory parameters) pure returns (RateRules) {
    uint256 word = parameters.maintenanceBaseBps;
    word |= uint256(parameters.maintenanceSlopeBps) << 16;
    word |= uint256(parameters.maintenanceFloorBps) << 32;
    word |= uint256(parameters.maintenanceCapBps) << 48;
    word |= uint256(parameters.initialFloorBps) << 64;
    word |= uint256(parameters.maintenanceToInitialBps) << 80;
    word |= uint256(parameters.tradeBandBps) << 128;
    word |= uint256(parameters.leastTradeBandBps) << 144;
    word |= uint256(parameters.kinds) << 160;
    word |= uint256(parameters.openInterestCap) << 168;
    word |= uint256(parameters.priorSigmaPercent) << 248;
    return RateRules.wrap(word);
}
