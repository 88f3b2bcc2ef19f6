// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InstrumentId} from "../types/InstrumentId.sol";

/// @notice The instruments that an account holds: a short, unordered set without duplicates.
/// @dev An instrument's id leaves the upper 56 bits of a word free, so the first word carries the length as well:
///   word 0: length (bits 248-255) | instrument 0 (bits 0-199); word i: instrument i.
/// There is no index from instrument to place: whoever removes one has the whole set loaded by the margin check of
/// the same act, so looking for it costs next to nothing, and no index can go wrong.
struct InstrumentSet {
    mapping(uint256 place => uint256 word) words;
}

using {length, values, add, remove} for InstrumentSet global;

// What any account may hold, whatever its margin model; the Rules set less.
uint256 constant MOST_INSTRUMENTS = 64;
uint256 constant ONE_LONGER = 1 << 248;
uint256 constant ID_MASK = (1 << 200) - 1;

/// @notice How many instruments the set has.
function length(InstrumentSet storage self) view returns (uint256) {
    return self.words[0] >> 248;
}

/// @notice The instruments, in no particular order.
function values(InstrumentSet storage self) view returns (InstrumentId[] memory instruments) {
    uint256 first = self.words[0];
    uint256 count = first >> 248;
    instruments = new InstrumentId[](count);
    if (count == 0) return instruments;
    instruments[0] = InstrumentId.wrap(first & ID_MASK);
    for (uint256 i = 1; i < count; ++i) instruments[i] = InstrumentId.wrap(self.words[i]);
}

/// @notice Adds an instrument that is not in the set.
/// @return added False when the set is full.
function add(InstrumentSet storage self, InstrumentId instrument) returns (bool added) {
    uint256 first = self.words[0];
    uint256 count = first >> 248;
    if (count == MOST_INSTRUMENTS) return false;
    if (count == 0) {
        self.words[0] = ONE_LONGER | InstrumentId.unwrap(instrument);
    } else {
        self.words[count] = InstrumentId.unwrap(instrument);
        self.words[0] = first + ONE_LONGER;
    }
    return true;
}

/// @notice Removes an instrument that is in the set; the last one takes its place.
function remove(InstrumentSet storage self, InstrumentId instrument) {
    uint256 first = self.words[0];
    uint256 last = (first >> 248) - 1;
    if (last == 0) {
        delete self.words[0];
        return;
    }
    uint256 moved = self.words[last];
    delete self.words[last];
    if (first & ID_MASK == InstrumentId.unwrap(instrument)) {
        self.words[0] = (last << 248) | moved;
        return;
    }
    self.words[0] = first - ONE_LONGER;
    if (moved == InstrumentId.unwrap(instrument)) return;
    uint256 place = 1;
    while (self.words[place] != InstrumentId.unwrap(instrument)) ++place;
    self.words[place] = moved;
}
