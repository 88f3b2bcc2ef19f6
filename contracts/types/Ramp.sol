// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev How long a parameter of maintenance margin takes from its old value to its new one [seconds].
/// As long as the slow half-life of volatility: governance moves a requirement no faster than the market does.
uint256 constant RAMP_SECONDS = 3 days;

/// @notice When a ramp that begins now ends [unix seconds].
function rampEnd() view returns (uint256) {
    return block.timestamp + RAMP_SECONDS;
}

/// @notice A value on its way: `from` at the beginning of the ramp, `to` from its end on, a straight line between them.
/// Rounded towards `from`.
/// @param end The end of the ramp; in the past when there is none [unix seconds].
function ramped(uint256 from, uint256 to, uint256 end) view returns (uint256) {
    if (block.timestamp >= end) return to;
    uint256 passed = RAMP_SECONDS - (end - block.timestamp);
    return to > from ? from + ((to - from) * passed) / RAMP_SECONDS : from - ((from - to) * passed) / RAMP_SECONDS;
}

/// @notice A word in which one packed field is on its way from its value in another word of the same layout.
/// @param word With the field's new value.
/// @param former With its old one.
/// @param offset The field's lowest bit.
/// @param bits Its width.
/// @param end The end of the ramp [unix seconds].
function rampedField(uint256 word, uint256 former, uint256 offset, uint256 bits, uint256 end) view returns (uint256) {
    uint256 mask = (uint256(1) << bits) - 1;
    uint256 value = ramped((former >> offset) & mask, (word >> offset) & mask, end);
    return (word & ~(mask << offset)) | (value << offset);
}
