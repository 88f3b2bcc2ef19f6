// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What the volatility oracle has noted of an underlying, in one word, so that reading it is one SLOAD.
/// @dev
///   bits     field                  unit
///   0-47     slow variance          [1e-12 per year]
///   48-95    fast variance          [1e-12 per year]
///   96-127   last round             when the feed's last accepted round was written [unix seconds]
///   128-143  former slow sigma      what the former oracle said when this one first noted something [bps per year]
///   144-159  former fast sigma      [bps per year]
///   160-191  end of the ramp        until then sigma is on its way from there [unix seconds]
///   192-199  generation             number of the oracle that noted it
/// A word of 0: nothing was noted, and sigma is the prior.
type NotedVolatility is uint256;

using {
    slowVariance,
    fastVariance,
    lastRoundAt,
    formerSlowBps,
    formerFastBps,
    endOfBlend,
    generation,
    withVariances
} for NotedVolatility global;

/// @notice With the slow half-life [1e-12 per year].
function slowVariance(NotedVolatility noted) pure returns (uint256) {
    return uint48(NotedVolatility.unwrap(noted));
}

/// @notice With the fast half-life [1e-12 per year].
function fastVariance(NotedVolatility noted) pure returns (uint256) {
    return uint48(NotedVolatility.unwrap(noted) >> 48);
}

/// @notice When the last round that counts was written [unix seconds].
function lastRoundAt(NotedVolatility noted) pure returns (uint256) {
    return uint32(NotedVolatility.unwrap(noted) >> 96);
}

/// @notice What the former oracle said, slow half-life [bps per year].
function formerSlowBps(NotedVolatility noted) pure returns (uint256) {
    return uint16(NotedVolatility.unwrap(noted) >> 128);
}

/// @notice What the former oracle said, fast half-life [bps per year].
function formerFastBps(NotedVolatility noted) pure returns (uint256) {
    return uint16(NotedVolatility.unwrap(noted) >> 144);
}

/// @notice When the way from the former oracle's sigma ends or ended; 0 for the first oracle [unix seconds].
function endOfBlend(NotedVolatility noted) pure returns (uint256) {
    return uint32(NotedVolatility.unwrap(noted) >> 160);
}

/// @notice The number of the oracle that noted this.
function generation(NotedVolatility noted) pure returns (uint8) {
    return uint8(NotedVolatility.unwrap(noted) >> 192);
}

/// @notice The same word with other variances and another last round.
function withVariances(NotedVolatility noted, uint48 slow, uint48 fast, uint32 roundAt) pure returns (NotedVolatility) {
    uint256 others = (NotedVolatility.unwrap(noted) >> 128) << 128;
    return NotedVolatility.wrap(others | (uint256(roundAt) << 96) | (uint256(fast) << 48) | slow);
}

/// @notice What a new oracle begins with: the sigma of the former one, from which it departs until the end of the ramp.
/// @param number The new oracle's number.
/// @param slowBps The sigma of now, slow half-life; what does not fit is cut off [bps per year].
/// @param fastBps The same, fast half-life [bps per year].
/// @param end The end of the ramp; 0 for the first oracle [unix seconds].
function newGeneration(uint8 number, uint256 slowBps, uint256 fastBps, uint256 end) pure returns (NotedVolatility) {
    uint256 most = type(uint16).max;
    uint256 word = (slowBps < most ? slowBps : most) << 128;
    word |= (fastBps < most ? fastBps : most) << 144;
    word |= uint256(uint32(end)) << 160;
    word |= uint256(number) << 192;
    return NotedVolatility.wrap(word);
}
