// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An underlying's margin rates of now, and what may be traded on it, in one word.
/// @dev
///   bits     field                     unit
///   0-63     maintenance rate          [wad of notional]
///   64-127   initial rate              [wad of notional]
///   128-143  trade band                [bps of the mark]
///   144-159  least trade band          [bps of the underlying's price]
///   160-167  kinds                     bit k set: instruments of kind k are listed
///   168-207  open interest cap         [whole settlement currency], of each instrument
///   208-247  frozen until              last second of the guardian's freeze [unix seconds]
/// A word of 0 is an underlying that is not listed. The rates are worked out when the word is read: RateRules is what
/// governance has set.
type UnderlyingRules is uint256;

using {
    maintenanceRate,
    initialRate,
    tradeBandBps,
    leastTradeBandBps,
    lists,
    openInterestCap,
    frozen,
    frozenUntil
} for UnderlyingRules global;

/// @notice What keeping a position requires [wad of notional].
function maintenanceRate(UnderlyingRules rules) pure returns (uint256) {
    return uint64(UnderlyingRules.unwrap(rules));
}

/// @notice What adding to one requires [wad of notional].
function initialRate(UnderlyingRules rules) pure returns (uint256) {
    return uint64(UnderlyingRules.unwrap(rules) >> 64);
}

/// @notice How far from the mark a trade may be [bps of the mark].
function tradeBandBps(UnderlyingRules rules) pure returns (uint256) {
    return uint16(UnderlyingRules.unwrap(rules) >> 128);
}

/// @notice The band's least width [bps of the underlying's price].
function leastTradeBandBps(UnderlyingRules rules) pure returns (uint256) {
    return uint16(UnderlyingRules.unwrap(rules) >> 144);
}

/// @notice Whether instruments of a kind are listed on the underlying.
function lists(UnderlyingRules rules, uint8 kind) pure returns (bool) {
    return kind < 8 && (UnderlyingRules.unwrap(rules) >> (160 + kind)) & 1 == 1;
}

/// @notice The most notional that may be open in one instrument, on each of its two sides, which are equal [wad].
function openInterestCap(UnderlyingRules rules) pure returns (uint256) {
    // Unchecked: below 2^40 x 1e18.
    unchecked {
        return ((UnderlyingRules.unwrap(rules) >> 168) & 0xffffffffff) * 1e18;
    }
}

/// @notice Whether the guardian has stopped new risk: trades may only reduce both sides.
function frozen(UnderlyingRules rules) view returns (bool) {
    return block.timestamp <= rules.frozenUntil();
}

/// @notice The last second of the guardian's latest freeze; 0 when there was none [unix seconds].
function frozenUntil(UnderlyingRules rules) pure returns (uint256) {
    return uint40(UnderlyingRules.unwrap(rules) >> 208);
}

/// @notice The word with margin rates, above the half that governance has set as it is.
/// @param governed Bits 128-247 as they are stored.
/// @param initial The initial rate, below 2^64 [wad of notional].
/// @param maintenance The maintenance rate, below 2^64 [wad of notional].
function packUnderlyingRules(uint256 governed, uint256 initial, uint256 maintenance) pure returns (UnderlyingRules) {
    uint256 upper = governed & (uint256(type(uint120).max) << 128);
    return UnderlyingRules.wrap(upper | (initial << 64) | maintenance);
}
