// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An instrument: the number says what it is, so no listing of single series is needed.
/// @dev
///   255      200 199   192 191       168 167        128 127              0
///   +-----------+---------+-------------+--------------+-----------------+
///   | 0         | kind    | underlying  | expiry       | strike          |
///   +-----------+---------+-------------+--------------+-----------------+
///                 1..4                    [unix seconds] [wad]
/// A perpetual has neither expiry nor strike.
type InstrumentId is uint256;

using {kindOf, underlyingOf, isPerpetual, equal as ==, notEqual as !=} for InstrumentId global;

// The kind of a perpetual. Kinds 2 to 4 (future, call, put) are numbered by the design and not yet listed.
uint8 constant KIND_PERPETUAL = 1;

/// @notice The perpetual on an underlying.
function perpetualOf(uint24 underlying) pure returns (InstrumentId) {
    return InstrumentId.wrap((uint256(KIND_PERPETUAL) << 192) | (uint256(underlying) << 168));
}

/// @notice Whether the instrument is a perpetual and nothing else: no bit that a perpetual has not.
function isPerpetual(InstrumentId instrument) pure returns (bool) {
    return instrument == perpetualOf(instrument.underlyingOf());
}

/// @notice The instrument's kind.
function kindOf(InstrumentId instrument) pure returns (uint8) {
    return uint8(InstrumentId.unwrap(instrument) >> 192);
}

/// @notice The number of the underlying whose price the instrument follows.
function underlyingOf(InstrumentId instrument) pure returns (uint24) {
    return uint24(InstrumentId.unwrap(instrument) >> 168);
}

function equal(InstrumentId a, InstrumentId b) pure returns (bool) {
    return InstrumentId.unwrap(a) == InstrumentId.unwrap(b);
}

function notEqual(InstrumentId a, InstrumentId b) pure returns (bool) {
    return InstrumentId.unwrap(a) != InstrumentId.unwrap(b);
}
