// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How far the rounds of a feed have been followed, and what came of it, in one word.
/// @dev
///   bits     field            unit
///   0-47     slow variance    [1e-12 per year]
///   48-95    fast variance    [1e-12 per year]
///   96-127   accepted at      when the last accepted round was written [unix seconds]
///   128-183  mantissa         its answer is mantissa x 2^shift, less what is below [feed's decimals]
///   184-191  shift
///   192-239  round            the last round that was looked at, in its phase
///   240-255  phase            the aggregator behind the feed's proxy
/// A word of 0 is a feed that is not followed.
type FollowedRound is uint256;

using {
    slowVariance,
    fastVariance,
    acceptedAt,
    answerOf,
    roundOf,
    phaseOf,
    withRound,
    withAnswer
} for FollowedRound global;

/// @dev Answers are kept with so many bits: exactly, up to 720,000,000 with 8 decimals.
uint256 constant MANTISSA_BITS = 56;

/// @notice With the slow half-life [1e-12 per year].
function slowVariance(FollowedRound followed) pure returns (uint256) {
    return uint48(FollowedRound.unwrap(followed));
}

/// @notice With the fast half-life [1e-12 per year].
function fastVariance(FollowedRound followed) pure returns (uint256) {
    return uint48(FollowedRound.unwrap(followed) >> 48);
}

/// @notice When the last accepted round was written [unix seconds].
function acceptedAt(FollowedRound followed) pure returns (uint256) {
    return uint32(FollowedRound.unwrap(followed) >> 96);
}

/// @notice Its answer, low bits of a long one dropped [feed's decimals].
function answerOf(FollowedRound followed) pure returns (uint256) {
    uint256 word = FollowedRound.unwrap(followed);
    return uint256(uint56(word >> 128)) << uint8(word >> 184);
}

/// @notice The last round that was looked at, in its phase.
function roundOf(FollowedRound followed) pure returns (uint256) {
    return uint48(FollowedRound.unwrap(followed) >> 192);
}

/// @notice The phase of that round.
function phaseOf(FollowedRound followed) pure returns (uint256) {
    return FollowedRound.unwrap(followed) >> 240;
}

/// @notice The same with another round that was looked at.
/// @param phase Below 2^16.
/// @param round Below 2^48.
function withRound(FollowedRound followed, uint256 phase, uint256 round) pure returns (FollowedRound) {
    uint256 others = FollowedRound.unwrap(followed) & ((uint256(1) << 192) - 1);
    return FollowedRound.wrap(others | (round << 192) | (phase << 240));
}

/// @notice The same with another accepted answer and what it made of the variances.
/// @param answer Above 0 [feed's decimals].
/// @param acceptedTime When it was written, below 2^32 [unix seconds].
/// @param slow Below 2^48 [1e-12 per year].
/// @param fast Below 2^48 [1e-12 per year].
function withAnswer(
    FollowedRound followed,
    uint256 answer,
    uint256 acceptedTime,
    uint256 slow,
    uint256 fast
) pure returns (FollowedRound) {
    uint256 shift;
    while (answer >> (MANTISSA_BITS + shift) != 0) ++shift;
    uint256 word = (FollowedRound.unwrap(followed) >> 192) << 192;
    word |= ((answer >> shift) << 128) | (shift << 184);
    return FollowedRound.wrap(word | (acceptedTime << 96) | (fast << 48) | slow);
}
