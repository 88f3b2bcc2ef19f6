// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {InstrumentSet, MOST_INSTRUMENTS} from "./InstrumentSet.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition, Position} from "../types/Position.sol";
import {WadMath} from "../libraries/WadMath.sol";
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

using {indexOf, openPositionsOf, isReducing, change, movePart} for Book global;

/// @notice What a side has been charged for one unit of size; a short's size is negative, so what it is charged is
/// counted downwards [wad].
function indexOf(Book storage self, InstrumentId instrument, bool long) view returns (int256) {
    Market storage market = self.markets[instrument];
    return long ? int256(market.haircutLong) : -int256(market.haircutShort);
}

/// @notice All positions of an account with their real quotes.
function openPositionsOf(Book storage self, AccountId account) view returns (OpenPosition[] memory open) {
    InstrumentId[] memory instruments = self.instruments[account].values();
    open = new OpenPosition[](instruments.length);
    for (uint256 i = 0; i < open.length; ++i) {
        OpenPosition memory position = open[i];
        InstrumentId instrument = instruments[i];
        position.instrument = instrument;
        (position.size, position.realQuote) = _read(self, account, instrument);
        position.openInterest = self.markets[instrument].openInterest;
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
    (int256 held, int256 real) = _read(self, account, instrument);
    _moveOpenInterest(self.markets[instrument], _longer(held, size));
    return _write(self, account, instrument, held, held + size, real + quote);
}

/// @notice Moves a part of a position to another account, with the same part of its real quote. Sizes are rounded for
/// the account that gives, by less than one wei of size; quotes are rounded down for the one that takes, and follow the
/// part and not the size that moved: a position of one wei may carry any quote.
/// @param from Who gives.
/// @param to Who takes.
/// @param instrument Of what.
/// @param part Which part, at most 1 [wad].
/// @return toFrom The real quote of a position that this closed for the giver: owed to it as cash [wad].
/// @return toTo The same for the taker [wad].
function movePart(
    Book storage self,
    AccountId from,
    AccountId to,
    InstrumentId instrument,
    int256 part
) returns (int256 toFrom, int256 toTo) {
    (int256 held, int256 real) = _read(self, from, instrument);
    (int256 size, int256 quote) = (WadMath.mulDown(held, part), WadMath.mulDown(real, part));
    if (size == 0 && quote == 0) return (0, 0);
    toFrom = _write(self, from, instrument, held, held - size, real - quote);
    int256 longer = _longer(held, -size);
    (held, real) = _read(self, to, instrument);
    // Once for both: most slices leave it as it was.
    _moveOpenInterest(self.markets[instrument], longer + _longer(held, size));
    toTo = _write(self, to, instrument, held, held + size, real + quote);
}

/// @dev A position's size and real quote, 0 and 0 when there is none.
function _read(Book storage self, AccountId account, InstrumentId instrument) view returns (int256 size, int256 real) {
    Position storage position = self.positions[account][instrument];
    size = position.size;
    if (size != 0) real = Ledger.realQuote(size, position.quote, self.indexOf(instrument, size > 0));
}

/// @dev Stores a position, keeps the account's set of instruments, and announces it; returns the real quote of a
/// position that is gone.
function _write(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    int256 sizeBefore,
    int256 size,
    int256 real
) returns (int256 realised) {
    Position memory written;
    if (size == 0) {
        realised = real;
        if (sizeBefore != 0) self.instruments[account].remove(instrument);
    } else {
        written = Ledger.stored(size, real, self.indexOf(instrument, size > 0));
        if (sizeBefore == 0 && !self.instruments[account].add(instrument)) {
            revert IClearinghouse.TooManyInstruments(account, MOST_INSTRUMENTS);
        }
    }
    self.positions[account][instrument] = written;
    emit IClearinghouse.PositionChanged(account, instrument, written.size, written.quote);
}

/// @dev By how much more is held long after a change of a size [wad].
function _longer(int256 size, int256 sizeChange) pure returns (int256) {
    int256 newSize = size + sizeChange;
    return (newSize > 0 ? newSize : int256(0)) - (size > 0 ? size : int256(0));
}

/// @dev Open interest is the sum of all long sizes; with both sides of an act done it is that of the short ones too.
function _moveOpenInterest(Market storage market, int256 move) {
    if (move == 0) return;
    market.openInterest = SafeCast.toUint128(SafeCast.toUint256(int256(uint256(market.openInterest)) + move));
}
