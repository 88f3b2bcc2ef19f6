// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InstrumentId, perpetualOf} from "../types/InstrumentId.sol";

/// @notice The instruments that an account holds: a short, unordered set without duplicates.
/// @dev Of a perpetual only the underlying is kept, so that nine share a word and most accounts have one:
///   word 0      called at (bits 232-255) | perpetuals (bits 224-231, number) | others (bits 216-223, number)
///               | underlyings 0 to 8, 24 bits each
///   word n      underlyings 9 n to 9 n + 8
///   word 8 + i  the i-th other instrument
/// There is no index from instrument to place: whoever removes one has the whole set loaded by the margin check of
/// the same act, so looking for it costs next to nothing, and no index can go wrong. The time of an account's last margin
/// call stands here because a margin call reads this word in any case.
struct InstrumentSet {
    mapping(uint256 place => uint256 word) words;
}

using {length, values, add, remove, calledAt} for InstrumentSet global;

// What any account may hold, whatever its margin model; the Rules set less.
uint256 constant MOST_INSTRUMENTS = 64;
uint256 constant ONE_PERPETUAL = 1 << 224;
uint256 constant ONE_OTHER = 1 << 216;
uint256 constant PERPETUALS_PER_WORD = 9;
uint256 constant UNDERLYING_BITS = 24;
uint256 constant UNDERLYING_MASK = (1 << 24) - 1;
uint256 constant FIRST_OTHER = 8;

/// @notice How many instruments the set has.
function length(InstrumentSet storage self) view returns (uint256) {
    (uint256 perpetuals, uint256 others) = _counts(self.words[0]);
    return perpetuals + others;
}

/// @notice The instruments, in no particular order.
function values(InstrumentSet storage self) view returns (InstrumentId[] memory instruments) {
    uint256 word = self.words[0];
    (uint256 perpetuals, uint256 others) = _counts(word);
    instruments = new InstrumentId[](perpetuals + others);
    for (uint256 i = 0; i < perpetuals; ++i) {
        if (i != 0 && i % PERPETUALS_PER_WORD == 0) word = self.words[i / PERPETUALS_PER_WORD];
        instruments[i] = perpetualOf(uint24(word));
        word >>= UNDERLYING_BITS;
    }
    for (uint256 i = 0; i < others; ++i) {
        instruments[perpetuals + i] = InstrumentId.wrap(self.words[FIRST_OTHER + i]);
    }
}

/// @notice When the account was last called for margin, rounded up to 256 seconds; 0 when it never was [unix seconds].
function calledAt(InstrumentSet storage self) view returns (uint256) {
    return calledAtIn(self.words[0]);
}

/// @notice The same, for whoever has read the first word [unix seconds].
function calledAtIn(uint256 first) pure returns (uint256) {
    return (first >> 232) << 8;
}

/// @notice The first word of an account that was called for margin now.
/// @param first What it was before.
function withCallNow(uint256 first) view returns (uint256) {
    return uint232(first) | (((block.timestamp + 255) >> 8) << 232);
}

/// @notice Adds an instrument that is not in the set.
/// @return added False when the set is full.
function add(InstrumentSet storage self, InstrumentId instrument) returns (bool added) {
    uint256 first = self.words[0];
    (uint256 perpetuals, uint256 others) = _counts(first);
    if (perpetuals + others == MOST_INSTRUMENTS) return false;
    if (instrument.isPerpetual()) {
        self.words[0] = first + ONE_PERPETUAL;
        _put(self, perpetuals, instrument.underlyingOf());
    } else {
        self.words[0] = first + ONE_OTHER;
        self.words[FIRST_OTHER + others] = InstrumentId.unwrap(instrument);
    }
    return true;
}

/// @notice Removes an instrument that is in the set; the last one of its sort takes its place.
function remove(InstrumentSet storage self, InstrumentId instrument) {
    uint256 first = self.words[0];
    (uint256 perpetuals, uint256 others) = _counts(first);
    if (instrument.isPerpetual()) {
        uint256 last = perpetuals - 1;
        uint24 moved = _at(self, last);
        uint256 place = 0;
        while (_at(self, place) != instrument.underlyingOf()) ++place;
        _put(self, place, moved);
        _put(self, last, 0);
        self.words[0] -= ONE_PERPETUAL;
    } else {
        uint256 last = FIRST_OTHER + others - 1;
        uint256 place = FIRST_OTHER;
        while (self.words[place] != InstrumentId.unwrap(instrument)) ++place;
        if (place != last) self.words[place] = self.words[last];
        delete self.words[last];
        self.words[0] = first - ONE_OTHER;
    }
}

function _counts(uint256 first) pure returns (uint256 perpetuals, uint256 others) {
    return (uint8(first >> 224), uint8(first >> 216));
}

/// @dev The underlying of the perpetual at a place.
function _at(InstrumentSet storage self, uint256 place) view returns (uint24) {
    return uint24(self.words[place / PERPETUALS_PER_WORD] >> ((place % PERPETUALS_PER_WORD) * UNDERLYING_BITS));
}

/// @dev Writes the underlying of the perpetual at a place; 0 is none.
function _put(InstrumentSet storage self, uint256 place, uint24 underlying) {
    uint256 offset = (place % PERPETUALS_PER_WORD) * UNDERLYING_BITS;
    uint256 word = self.words[place / PERPETUALS_PER_WORD] & ~(UNDERLYING_MASK << offset);
    self.words[place / PERPETUALS_PER_WORD] = word | (uint256(underlying) << offset);
}
