// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An underlying's margin rates in one word, so that a read of them is one SLOAD and one stack slot.
/// @dev
///   bits     field                     unit
///   0-15     maintenance base (A)      [bps of notional]
///   16-31    maintenance slope (B)     [bps of notional for a sigma of 1]
///   32-47    maintenance floor         [bps of notional]
///   48-63    maintenance cap           [bps of notional]
///   64-79    initial floor             [bps of notional]
///   80-95    maintenance to initial    [bps: maintenance rate / initial rate]
///   96-111   sigma, slow half-life     [bps per year], for maintenance and initial
///   112-127  sigma, fast half-life     [bps per year], for initial
///   128-143  trade band                [bps of the mark]
///   144-159  least trade band          [bps of the underlying's price]
///   160-167  kinds                     bit k set: instruments of kind k are listed
///   168-207  open interest cap         [whole settlement currency], of each instrument
///   208-247  frozen until              last second of the guardian's freeze [unix seconds]
/// A word of 0 is an underlying that is not listed.
type UnderlyingRules is uint256;

using {
    maintenanceBaseBps,
    maintenanceSlopeBps,
    maintenanceFloorBps,
    maintenanceCapBps,
    initialFloorBps,
    maintenanceToInitialBps,
    slowSigmaBps,
    fastSigmaBps,
    tradeBandBps,
    leastTradeBandBps,
    lists,
    openInterestCap,
    frozen,
    frozenUntil,
    withFreeze
} for UnderlyingRules global;

/// @notice A: the part of the maintenance rate that does not depend on volatility [bps].
function maintenanceBaseBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 0);
}

/// @notice B: the maintenance rate for each unit of sigma [bps].
function maintenanceSlopeBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 16);
}

/// @notice The lowest maintenance rate [bps].
function maintenanceFloorBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 32);
}

/// @notice The highest maintenance rate [bps].
function maintenanceCapBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 48);
}

/// @notice The lowest initial rate [bps].
function initialFloorBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 64);
}

/// @notice The maintenance rate as a share of the initial rate [bps].
function maintenanceToInitialBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 80);
}

/// @notice Volatility with the slow half-life [bps per year].
function slowSigmaBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 96);
}

/// @notice Volatility with the fast half-life [bps per year].
function fastSigmaBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 112);
}

/// @notice How far from the mark a trade may be [bps of the mark].
function tradeBandBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 128);
}

/// @notice The band's least width [bps of the underlying's price].
function leastTradeBandBps(UnderlyingRules rules) pure returns (uint256) {
    return _field(rules, 144);
}

/// @notice Whether instruments of a kind are listed on the underlying.
function lists(UnderlyingRules rules, uint8 kind) pure returns (bool) {
    return kind < 8 && (UnderlyingRules.unwrap(rules) >> (160 + kind)) & 1 == 1;
}

/// @notice The most notional that may be open in one instrument, on each of its two sides, which are equal [wad].
function openInterestCap(UnderlyingRules rules) pure returns (uint256) {
    return ((UnderlyingRules.unwrap(rules) >> 168) & 0xffffffffff) * 1e18;
}

/// @notice Whether the guardian has stopped new risk: trades may only reduce both sides.
function frozen(UnderlyingRules rules) view returns (bool) {
    return block.timestamp <= rules.frozenUntil();
}

/// @notice The last second of the guardian's latest freeze; 0 when there was none [unix seconds].
function frozenUntil(UnderlyingRules rules) pure returns (uint256) {
    return uint40(UnderlyingRules.unwrap(rules) >> 208);
}

/// @notice The same word with another end of the freeze [unix seconds].
function withFreeze(UnderlyingRules rules, uint256 until) pure returns (UnderlyingRules) {
    uint256 others = UnderlyingRules.unwrap(rules) & ~(uint256(type(uint40).max) << 208);
    return UnderlyingRules.wrap(others | (uint256(uint40(until)) << 208));
}

function _field(UnderlyingRules rules, uint256 offset) pure returns (uint256) {
    return (UnderlyingRules.unwrap(rules) >> offset) & 0xffff;
}

/// @notice The same rates by name, as governance sets them; the fields are those of the word.
struct UnderlyingParameters {
    uint16 maintenanceBaseBps;
    uint16 maintenanceSlopeBps;
    uint16 maintenanceFloorBps;
    uint16 maintenanceCapBps;
    uint16 initialFloorBps;
    uint16 maintenanceToInitialBps;
    uint16 slowSigmaBps;
    uint16 fastSigmaBps;
    uint16 tradeBandBps;
    uint16 leastTradeBandBps;
    uint8 kinds;
    /// [whole settlement currency]
    uint40 openInterestCap;
}

/// @notice Packs the rates into their word; the bounds are the caller's to check.
function packUnderlyingRules(UnderlyingParameters memory parameters) pure returns (UnderlyingRules) {
    uint256 word = parameters.maintenanceBaseBps;
    word |= uint256(parameters.maintenanceSlopeBps) << 16;
    word |= uint256(parameters.maintenanceFloorBps) << 32;
    word |= uint256(parameters.maintenanceCapBps) << 48;
    word |= uint256(parameters.initialFloorBps) << 64;
    word |= uint256(parameters.maintenanceToInitialBps) << 80;
    word |= uint256(parameters.slowSigmaBps) << 96;
    word |= uint256(parameters.fastSigmaBps) << 112;
    word |= uint256(parameters.tradeBandBps) << 128;
    word |= uint256(parameters.leastTradeBandBps) << 144;
    word |= uint256(parameters.kinds) << 160;
    word |= uint256(parameters.openInterestCap) << 168;
    return UnderlyingRules.wrap(word);
}
