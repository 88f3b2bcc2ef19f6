// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NotedVolatility} from "./NotedVolatility.sol";

/// @notice All that a margin needs of an underlying, but for positions beyond the first size bracket, in one word.
/// @dev
///   bits     field                     unit
///   0-15     maintenance base (A)      [bps of notional]
///   16-31    maintenance slope (B)     [bps of notional for a sigma of 1]
///   32-47    maintenance floor         [bps of notional]
///   48-63    maintenance cap           [bps of notional]
///   64-79    initial floor             [bps of notional]
///   80-95    maintenance to initial    [bps: maintenance rate / initial rate]
///   96-103   prior sigma               [percent per year]
///   104-111  kinds                     bit k set: instruments of kind k are listed
///   112-151  end of bracket 1          as in SizeBrackets [whole settlement currency]; 0 before brackets were set
///   152-215  noted volatility          what the volatility oracle said last (NotedVolatility)
///   216-247  end of the ramp           until then the rates are on their way, or the brackets [unix seconds]
///   248      own volatility            in former rules: sigma is what these have noted, for there is a new oracle
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
    kinds,
    endOfFirstBracket,
    volatility,
    endOfRamp,
    hasOwnVolatility,
    withEndOfFirstBracket,
    withVolatility,
    withEndOfRamp,
    withOwnVolatility,
    hasRatesOf
} for RateRules global;

/// @dev What moves along a ramp: bits 0-103.
uint256 constant RATE_FIELDS = type(uint104).max;
uint256 constant OWN_VOLATILITY = 1 << 248;

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
    return uint8(RateRules.unwrap(rules) >> 96);
}

/// @notice A bit for each kind of instrument that is listed.
function kinds(RateRules rules) pure returns (uint256) {
    return uint8(RateRules.unwrap(rules) >> 104);
}

/// @notice Up to this notional a position is charged as it is; 0 before brackets were set [whole settlement currency].
function endOfFirstBracket(RateRules rules) pure returns (uint256) {
    return uint40(RateRules.unwrap(rules) >> 112);
}

/// @notice What the volatility oracle has noted last.
function volatility(RateRules rules) pure returns (NotedVolatility) {
    return NotedVolatility.wrap(uint64(RateRules.unwrap(rules) >> 152));
}

/// @notice When the last ramp ends or ended; 0 before the first [unix seconds].
function endOfRamp(RateRules rules) pure returns (uint256) {
    return uint32(RateRules.unwrap(rules) >> 216);
}

/// @notice Whether former rules go on with the volatility of a former oracle.
function hasOwnVolatility(RateRules rules) pure returns (bool) {
    return RateRules.unwrap(rules) & OWN_VOLATILITY != 0;
}

/// @notice The same word with another end of the first bracket [whole settlement currency].
function withEndOfFirstBracket(RateRules rules, uint40 end) pure returns (RateRules) {
    uint256 others = RateRules.unwrap(rules) & ~(uint256(type(uint40).max) << 112);
    return RateRules.wrap(others | (uint256(end) << 112));
}

/// @notice The same word with another volatility.
function withVolatility(RateRules rules, NotedVolatility noted) pure returns (RateRules) {
    uint256 others = RateRules.unwrap(rules) & ~(uint256(type(uint64).max) << 152);
    return RateRules.wrap(others | (uint256(NotedVolatility.unwrap(noted)) << 152));
}

/// @notice The same word with another end of the ramp [unix seconds].
function withEndOfRamp(RateRules rules, uint256 end) pure returns (RateRules) {
    uint256 others = RateRules.unwrap(rules) & ~(uint256(type(uint32).max) << 216);
    return RateRules.wrap(others | (uint256(uint32(end)) << 216));
}

/// @notice The same word, as former rules that go on with the volatility that they have noted.
function withOwnVolatility(RateRules rules) pure returns (RateRules) {
    return RateRules.wrap(RateRules.unwrap(rules) | OWN_VOLATILITY);
}

/// @notice Whether everything that moves along a ramp is the same in both.
function hasRatesOf(RateRules rules, RateRules other) pure returns (bool) {
    return (RateRules.unwrap(rules) ^ RateRules.unwrap(other)) & RATE_FIELDS == 0;
}

/// @notice An underlying's rules by name, as governance sets them.
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

/// @notice Packs rates, prior and kinds into their word; the bounds are the caller's to check.
function packRateRules(UnderlyingParameters memory parameters) pure returns (RateRules) {
    uint256 word = parameters.maintenanceBaseBps;
    word |= uint256(parameters.maintenanceSlopeBps) << 16;
    word |= uint256(parameters.maintenanceFloorBps) << 32;
    word |= uint256(parameters.maintenanceCapBps) << 48;
    word |= uint256(parameters.initialFloorBps) << 64;
    word |= uint256(parameters.maintenanceToInitialBps) << 80;
    word |= uint256(parameters.priorSigmaPercent) << 96;
    word |= uint256(parameters.kinds) << 104;
    return RateRules.wrap(word);
}

/// @notice Rules that ask for these rates whatever the volatility, rounded down to whole basis points.
/// @param initial Below 6.5536 [wad of notional].
/// @param maintenance Below 6.5536 [wad of notional].
function constantRates(uint256 initial, uint256 maintenance) pure returns (RateRules) {
    UnderlyingParameters memory parameters;
    uint16 maintenanceBps = uint16(maintenance / 1e14);
    parameters.maintenanceBaseBps = maintenanceBps;
    parameters.maintenanceFloorBps = maintenanceBps;
    parameters.maintenanceCapBps = maintenanceBps;
    parameters.initialFloorBps = uint16(initial / 1e14);
    parameters.maintenanceToInitialBps = 10_000;
    return packRateRules(parameters);
}
