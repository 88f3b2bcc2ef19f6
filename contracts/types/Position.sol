// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InstrumentId} from "./InstrumentId.sol";

/// @notice What an account holds of one instrument: one storage slot, nothing else is kept.
struct Position {
    /// Positive is long, negative is short, in units of the underlying [wad].
    int128 size;
    /// What the position has received less what it has paid, shifted by size x index(side) [wad].
    int128 quote;
}

/// @notice A position as it is valued: with the real quote, all index moves taken in.
struct OpenPosition {
    InstrumentId instrument;
    /// Signed size [wad].
    int256 size;
    /// quote - size x index(side), rounded down [wad].
    int256 realQuote;
    /// The instrument's open interest: the size held long, which is the size held short [wad].
    uint256 openInterest;
}
