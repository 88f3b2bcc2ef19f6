// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @notice A feed and, in the first feed of an underlying, what concerns all of its feeds: one word, one SLOAD.
/// @dev
///   bits      field                 unit
///   0-159     aggregator            the feed's proxy
///   160-191   maximum age           [seconds]
///   192-199   decimals              [0 to 24]
///   200-207   primary count         feeds of the primary source [1 to 3]
///   208-215   secondary count       feeds of the secondary source [0 to 3]
///   216-231   allowed deviation     [bps of the primary]
///   232       sequencer             whether the chain has a sequencer to ask first
///   233-240   low                   2^low is above the band's minimum
///   241-248   high                  2^high is not above its maximum
/// An answer from 2^low on and below 2^high is inside the band without a look at it, which spares its slot nearly always.
/// The fields from bit 200 to 232 are 0 but in the first feed. A first feed of 0 is an underlying without sources.
type FeedHead is uint256;

using {
    isSet,
    aggregator,
    maximumAge,
    feedDecimals,
    primaryCount,
    secondaryCount,
    hasOneFeed,
    allowedDeviationBps,
    hasSequencer,
    isWellInside,
    withSources,
    withSequencer
} for FeedHead global;

uint256 constant SEQUENCER_BIT = 1 << 232;

/// @notice Whether there is a feed.
function isSet(FeedHead head) pure returns (bool) {
    return FeedHead.unwrap(head) != 0;
}

/// @notice The feed's proxy.
function aggregator(FeedHead head) pure returns (address) {
    return address(uint160(FeedHead.unwrap(head)));
}

/// @notice How old the feed's answer may be [seconds].
function maximumAge(FeedHead head) pure returns (uint256) {
    return uint32(FeedHead.unwrap(head) >> 160);
}

/// @notice The feed's decimals.
function feedDecimals(FeedHead head) pure returns (uint256) {
    return uint8(FeedHead.unwrap(head) >> 192);
}

/// @notice How many feeds the primary source multiplies.
function primaryCount(FeedHead head) pure returns (uint256) {
    return uint8(FeedHead.unwrap(head) >> 200);
}

/// @notice How many feeds the secondary source multiplies; 0 when there is none.
function secondaryCount(FeedHead head) pure returns (uint256) {
    return uint8(FeedHead.unwrap(head) >> 208);
}

/// @notice Whether one feed of the primary source is all there is.
function hasOneFeed(FeedHead head) pure returns (bool) {
    return uint16(FeedHead.unwrap(head) >> 200) == 1;
}

/// @notice How far the two sources may be apart [bps of the primary].
function allowedDeviationBps(FeedHead head) pure returns (uint16) {
    return uint16(FeedHead.unwrap(head) >> 216);
}

/// @notice Whether the chain has a sequencer to ask first.
function hasSequencer(FeedHead head) pure returns (bool) {
    return FeedHead.unwrap(head) & SEQUENCER_BIT != 0;
}

/// @notice Whether an answer is so far inside the band that the band need not be read [wad].
function isWellInside(FeedHead head, uint256 answer) pure returns (bool) {
    uint256 word = FeedHead.unwrap(head);
    return answer >> uint8(word >> 233) != 0 && answer >> uint8(word >> 241) == 0;
}

/// @notice Packs a feed into its word; the bounds are the caller's to check.
/// @param minimum The band's minimum, above 0 [wad].
/// @param maximum The band's maximum, below 2^128 [wad].
function packFeedHead(
    address proxy,
    uint32 maximumAgeSeconds,
    uint8 decimals,
    uint256 minimum,
    uint256 maximum
) pure returns (FeedHead) {
    uint256 word = uint160(proxy);
    word |= (FixedPointMathLib.log2(minimum) + 1) << 233;
    word |= FixedPointMathLib.log2(maximum) << 241;
    word |= uint256(maximumAgeSeconds) << 160;
    word |= uint256(decimals) << 192;
    return FeedHead.wrap(word);
}

/// @notice Adds to a packed feed what the first feed of an underlying says about all of them.
function withSources(FeedHead head, uint8 primary, uint8 secondary, uint16 deviationBps) pure returns (FeedHead) {
    uint256 word = FeedHead.unwrap(head);
    word |= uint256(primary) << 200;
    word |= uint256(secondary) << 208;
    word |= uint256(deviationBps) << 216;
    return FeedHead.wrap(word);
}

/// @notice The same word with the sequencer's bit as given.
function withSequencer(FeedHead head, bool present) pure returns (FeedHead) {
    uint256 word = FeedHead.unwrap(head) & ~SEQUENCER_BIT;
    return FeedHead.wrap(present ? word | SEQUENCER_BIT : word);
}
