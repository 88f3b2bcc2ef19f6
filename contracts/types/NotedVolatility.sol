// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What the volatility oracle has noted of an underlying: 64 bits in the word of its rates, so that a margin
/// reads them for nothing.
/// @dev
///   bits     field         unit
///   0-15     slow sigma    [bps per year], with the slow half-life
///   16-31    fast sigma    [bps per year], with the fast half-life
///   32-63    round at      when the feed's last accepted round was written [unix seconds]
/// A word of 0: nothing was noted, and sigma is the prior.
type NotedVolatility is uint64;

using {slowSigmaBps, fastSigmaBps, roundAt} for NotedVolatility global;

/// @notice As of the last round [bps per year].
function slowSigmaBps(NotedVolatility noted) pure returns (uint256) {
    return uint16(NotedVolatility.unwrap(noted));
}

/// @notice As of the last round [bps per year].
function fastSigmaBps(NotedVolatility noted) pure returns (uint256) {
    return uint16(NotedVolatility.unwrap(noted) >> 16);
}

/// @notice When the last round that counts was written [unix seconds].
function roundAt(NotedVolatility noted) pure returns (uint256) {
    return NotedVolatility.unwrap(noted) >> 32;
}

/// @notice Packs what is noted into its word.
function packNotedVolatility(uint16 slowBps, uint16 fastBps, uint32 writtenAt) pure returns (NotedVolatility) {
    return NotedVolatility.wrap((uint64(writtenAt) << 32) | (uint64(fastBps) << 16) | slowBps);
}
