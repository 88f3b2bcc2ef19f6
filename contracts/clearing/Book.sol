// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {InstrumentSet, MOST_INSTRUMENTS} from "./InstrumentSet.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition, Position} from "../types/Position.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What is kept for an instrument as a whole: two slots, and two that only losses touch.
struct Market {
    /// The size held long, which is the size held short [wad].
    uint128 openInterest;
    /// The mark at which a trade was last cleared: good for reductions while there is no other [wad].
    uint128 lastMark;
    /// What one unit of long size has been charged for losses of bankrupt shorts; never falls [wad].
    int128 haircutLong;
    /// What one unit of short size has been charged for losses of bankrupt longs; never falls [wad].
    int128 haircutShort;
    /// When an index last moved [unix seconds].
    uint40 movedAt;
    /// What the long side's index had moved by then and is not forgotten yet [wad].
    uint96 movedLong;
    /// The same of the short side [wad].
    uint96 movedShort;
    /// What its holders' losses have drawn from the insurance fund and is not forgotten yet [wad].
    uint128 drawn;
    /// When they last did [unix seconds].
    uint40 drawnAt;
}

/// @notice Every position of the clearinghouse.
struct Book {
    mapping(AccountId account => mapping(InstrumentId instrument => Position)) positions;
    mapping(AccountId account => InstrumentSet) instruments;
    mapping(InstrumentId instrument => Market) markets;
    /// Losses that nobody has borne yet [wad].
    uint128 deficit;
    /// Fees that are not divided between the insurance fund and the treasury yet [wad].
    uint128 reserve;
}

using {indexOf, openPositionOf, openPositionsOf, isReducing, change} for Book global;

/// @notice What a side has been charged for one unit of size; a short's size is negative, so what it is charged is
/// counted downwards [wad].
function indexOf(Book storage self, InstrumentId instrument, bool long) view returns (int256) {
    Market storage market = self.markets[instrument];
    return long ? int256(market.haircutLong) : -int256(market.haircutShort);
}

/// @notice An account's position with its real quote.
function openPositionOf(
    Book storage self,
    AccountId account,
    InstrumentId instrument
) view returns (OpenPosition memory open) {
    Position memory position = self.positions[account][instrument];
    open.instrument = instrument;
    open.size = position.size;
    open.openInterest = self.markets[instrument].openInterest;
    if (position.size != 0) {
        open.realQuote = Ledger.realQuote(position, self.indexOf(instrument, position.size > 0));
    }
}

/// @notice All positions of an account with their real quotes.
function openPositionsOf(Book storage self, AccountId account) view returns (OpenPosition[] memory open) {
    InstrumentId[] memory instruments = self.instruments[account].values();
    open = new OpenPosition[](instruments.length);
    for (uint256 i = 0; i < instruments.length; ++i) {
        open[i] = self.openPositionOf(account, instruments[i]);
    }
}

/// @notice Whether a change of size only brings a position closer to 0.
function isReducing(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    int256 sizeChange
) view returns (bool) {
    int256 size = self.positions[account][instrument].size;
    return size > 0 ? sizeChange < 0 && sizeChange >= -size : sizeChange > 0 && sizeChange <= -size;
}

/// @notice The one way in which a position changes. A position that is gone leaves its real quote as cash.
/// @param account Whose position.
/// @param instrument Of what.
/// @param size What the size changes by [wad].
/// @param quote What the real quote changes by [wad].
/// @return realised The real quote of a position that is gone: the caller owes it to the account as cash [wad].
function change(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    int256 size,
    int256 quote
) returns (int256 realised) {
    OpenPosition memory open = self.openPositionOf(account, instrument);
    bool held = open.size != 0;
    _moveOpenInterest(self.markets[instrument], open.size, open.size + size);
    open.size += size;
    open.realQuote += quote;

    Position memory position;
    if (open.size == 0) {
        realised = open.realQuote;
        if (held) self.instruments[account].remove(instrument);
    } else {
        position = Ledger.stored(open.size, open.realQuote, self.indexOf(instrument, open.size > 0));
        if (!held && !self.instruments[account].add(instrument)) {
            revert IClearinghouse.TooManyInstruments(account, MOST_INSTRUMENTS);
        }
    }
    self.positions[account][instrument] = position;
    emit IClearinghouse.PositionChanged(account, instrument, position.size, position.quote);
}

/// @dev Open interest is the sum of all long sizes; with both sides of an act done it is that of the short ones too.
function _moveOpenInterest(Market storage market, int256 size, int256 newSize) {
    int256 move = (newSize > 0 ? newSize : int256(0)) - (size > 0 ? size : int256(0));
    if (move == 0) return;
    market.openInterest = SafeCast.toUint128(SafeCast.toUint256(int256(uint256(market.openInterest)) + move));
}
