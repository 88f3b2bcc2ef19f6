// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {InstrumentSet, MOST_INSTRUMENTS} from "./InstrumentSet.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition, Position} from "../types/Position.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {Funding} from "./Funding.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What is kept for an instrument as a whole: two slots that every valuation reads, and two that only losses touch.
struct Market {
    /// The size held long, which is the size held short [wad].
    uint112 openInterest;
    /// The index price at which a trade was last cleared: funding is counted at it, and it is good for reductions while
    /// there is no other [wad].
    uint96 lastMark;
    /// What the premium of the last trades adds to the funding rate, as of `accruedAt` [1e-15 per period].
    int48 premium;
    /// What one unit of long size has been charged until `accruedAt`, by funding and for losses of bankrupt shorts [wad].
    int104 longIndex;
    /// The same of short size: funding less what losses of bankrupt longs have charged it [wad].
    int104 shortIndex;
    /// When a trade was last cleared, or the interest last changed [unix seconds].
    uint32 accruedAt;
    /// The constant part of the funding rate since then [millionths per period].
    int16 interest;
    /// When an index last moved for a loss [unix seconds].
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

/// @notice The two sides of an instrument as they are now.
struct Sides {
    /// What one unit of long size has been charged since the beginning [wad].
    int256 longIndex;
    /// The same of short size, which is negative: so what it is charged is counted downwards [wad].
    int256 shortIndex;
    /// [wad]
    uint256 openInterest;
}

/// @notice Every position of the clearinghouse, and what belongs to nobody yet.
struct Book {
    mapping(AccountId account => mapping(InstrumentId instrument => Position)) positions;
    mapping(AccountId account => InstrumentSet) instruments;
    mapping(InstrumentId instrument => Market) markets;
    /// Losses that nobody has borne yet [wad].
    uint104 deficit;
    /// Fees that are not divided between the insurance fund and the treasury yet [wad].
    uint112 reserve;
    /// Sum of all open interest, each at the mark of its last trade [whole settlement currency].
    uint40 openNotional;
    /// Who receives the fees that the insurance fund does not.
    address treasury;
    /// The insurance fund's share of fees [wad].
    uint64 fundShare;
    /// When a bankrupt account was last flagged; 0 when it is not [unix seconds].
    mapping(AccountId account => uint256 time) flags;
}

using {sidesOf, openPositionsOf, isReducing, change, movePart, setOpenInterest, setFunding} for Book global;
using {indexOf} for Sides global;
using {premiumNow} for Market global;

/// @notice What is left of the premium [1e-15 per period].
function premiumNow(Market storage self) view returns (int256) {
    return Funding.faded(self.premium, block.timestamp - self.accruedAt);
}

/// @notice An instrument's sides with all funding until now.
function sidesOf(Book storage self, InstrumentId instrument) view returns (Sides memory sides) {
    (sides.longIndex, sides.shortIndex, sides.openInterest) = _now(self.markets[instrument]);
}

/// @notice What a side has been charged for one unit of size [wad].
function indexOf(Sides memory self, bool long) pure returns (int256) {
    return long ? self.longIndex : self.shortIndex;
}

/// @notice All positions of an account with their real quotes.
function openPositionsOf(Book storage self, AccountId account) view returns (OpenPosition[] memory open) {
    InstrumentId[] memory instruments = self.instruments[account].values();
    open = new OpenPosition[](instruments.length);
    for (uint256 i = 0; i < open.length; ++i) {
        OpenPosition memory entry = open[i];
        InstrumentId instrument = instruments[i];
        Position storage position = self.positions[account][instrument];
        (int256 size, int256 quote) = (position.size, position.quote);
        (int256 longIndex, int256 shortIndex, uint256 openInterest) = _now(self.markets[instrument]);
        entry.instrument = instrument;
        entry.size = size;
        entry.realQuote = Ledger.realQuote(size, quote, size > 0 ? longIndex : shortIndex);
        entry.openInterest = openInterest;
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
/// @param sides The instrument's sides; their open interest is changed here, and the caller's to write.
/// @param size What the size changes by [wad].
/// @param quote What the real quote changes by [wad].
/// @return realised The real quote of a position that is gone: the caller owes it to the account as cash [wad].
function change(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    Sides memory sides,
    int256 size,
    int256 quote
) returns (int256 realised) {
    (int256 held, int256 real) = _read(self, account, instrument, sides);
    _moveOpenInterest(sides, _longer(held, size));
    return _write(self, account, instrument, sides, held, held + size, real + quote);
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
    Sides memory sides = self.sidesOf(instrument);
    int256 size;
    int256 quote;
    (size, quote, toFrom) = _givePart(self, from, instrument, sides, part);
    if (size == 0 && quote == 0) return (0, 0);
    toTo = self.change(to, instrument, sides, size, quote);
    self.setOpenInterest(instrument, sides.openInterest);
}

/// @notice Writes what is open in an instrument, its mark unchanged.
/// @param openInterest [wad]
function setOpenInterest(Book storage self, InstrumentId instrument, uint256 openInterest) {
    Market storage market = self.markets[instrument];
    (uint256 before, uint256 mark) = (market.openInterest, market.lastMark);
    // Most slices leave it as it was.
    if (openInterest == before) return;
    uint256 others = self.openNotional - wholeNotional(before, mark);
    self.openNotional = SafeCast.toUint40(others + wholeNotional(openInterest, mark));
    market.openInterest = SafeCast.toUint112(openInterest);
}

/// @notice Writes an instrument's sides as they are now, and what funding goes on from.
/// @param mark The index price [wad].
/// @param interest [millionths per period]
/// @param premium What the premium adds to it [1e-15 per period].
function setFunding(
    Book storage self,
    InstrumentId instrument,
    Sides memory sides,
    uint256 mark,
    int16 interest,
    int256 premium
) {
    Market storage market = self.markets[instrument];
    market.openInterest = SafeCast.toUint112(sides.openInterest);
    market.lastMark = SafeCast.toUint96(mark);
    // Within twice the highest cap, which is far below 2^47.
    market.premium = int48(premium);
    market.longIndex = SafeCast.toInt104(sides.longIndex);
    market.shortIndex = SafeCast.toInt104(sides.shortIndex);
    market.accruedAt = uint32(block.timestamp);
    market.interest = interest;
    emit IClearinghouse.FundingAccrued(instrument, sides.longIndex, sides.shortIndex, mark, interest, premium);
}

/// @notice A size at a mark, rounded down [whole settlement currency].
function wholeNotional(uint256 size, uint256 mark) pure returns (uint256) {
    // Unchecked: sizes and marks that are stored are below 2^112 and 2^96.
    unchecked {
        return (size * mark) / 1e36;
    }
}

/// @dev What an instrument's sides have been charged with all funding until now, and what is open [wad]. Everything that a
/// valuation needs of a market is read here, so that each of its two words is read once.
function _now(Market storage market) view returns (int256 longIndex, int256 shortIndex, uint256 openInterest) {
    openInterest = market.openInterest;
    // Unchecked: the time is past, an index is below 2^104, what is accrued below 2^200.
    unchecked {
        uint256 elapsed = block.timestamp - market.accruedAt;
        int256 funding = Funding.accrued(market.lastMark, market.premium, market.interest, elapsed);
        (longIndex, shortIndex) = (market.longIndex + funding, market.shortIndex + funding);
    }
}

/// @dev Takes a part of a position out of its account; returns what it is, and the real quote of a position that is gone.
function _givePart(
    Book storage self,
    AccountId from,
    InstrumentId instrument,
    Sides memory sides,
    int256 part
) returns (int256 size, int256 quote, int256 realised) {
    (int256 held, int256 real) = _read(self, from, instrument, sides);
    (size, quote) = (WadMath.mulDown(held, part), WadMath.mulDown(real, part));
    if (size == 0 && quote == 0) return (0, 0, 0);
    _moveOpenInterest(sides, _longer(held, -size));
    realised = _write(self, from, instrument, sides, held, held - size, real - quote);
}

/// @dev A position's size and real quote, 0 and 0 when there is none.
function _read(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    Sides memory sides
) view returns (int256 size, int256 real) {
    Position storage position = self.positions[account][instrument];
    size = position.size;
    if (size != 0) real = Ledger.realQuote(size, position.quote, sides.indexOf(size > 0));
}

/// @dev Stores a position, keeps the account's set of instruments, and announces it; returns the real quote of a
/// position that is gone.
function _write(
    Book storage self,
    AccountId account,
    InstrumentId instrument,
    Sides memory sides,
    int256 sizeBefore,
    int256 size,
    int256 real
) returns (int256 realised) {
    Position memory written;
    if (size == 0) {
        realised = real;
        if (sizeBefore != 0) self.instruments[account].remove(instrument);
    } else {
        written = Ledger.stored(size, real, sides.indexOf(size > 0));
        if (sizeBefore == 0 && !self.instruments[account].add(instrument)) {
            revert IClearinghouse.TooManyInstruments(account, MOST_INSTRUMENTS);
        }
    }
    self.positions[account][instrument] = written;
    emit IClearinghouse.PositionChanged(account, instrument, written.size, written.quote);
}

/// @dev By how much more is held long after a change of a size [wad].
function _longer(int256 size, int256 sizeChange) pure returns (int256) {
    // Unchecked: sizes are below 2^127 and so are their sums, or the position cannot be stored.
    unchecked {
        int256 newSize = size + sizeChange;
        return (newSize > 0 ? newSize : int256(0)) - (size > 0 ? size : int256(0));
    }
}

/// @dev Open interest is the sum of all long sizes; with both sides of an act done it is that of the short ones too.
function _moveOpenInterest(Sides memory sides, int256 move) pure {
    if (move != 0) sides.openInterest = SafeCast.toUint256(int256(sides.openInterest) + move);
}
