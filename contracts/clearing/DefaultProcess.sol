// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition} from "../types/Position.sol";
import {Book, Market} from "./Book.sol";

/// @title DefaultProcess
/// @notice What happens to the positions of an account below the line. An external library, linked into the
/// clearinghouse to keep it small: it works on the clearinghouse's storage and has none of its own.
library DefaultProcess {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev After this time a side's index may move by its whole cap again [seconds].
    uint256 private constant FORGETTING_SECONDS = 1 hours;
    /// @dev The same for what an instrument may draw from the insurance fund [seconds].
    uint256 private constant DRAW_WINDOW = 1 days;

    /// @notice What the insurance fund is asked to pay for an account.
    struct FundClaim {
        AccountId account;
        /// [wad]
        uint256 due;
        /// As for `spreadLoss`; an account without an instrument that has a price draws as instrument 0 [wad].
        uint256[] indexPrices;
        /// What the fund has [wad].
        uint256 fundCash;
        /// The most that one instrument may draw, at once and again in each day [bps of the fund].
        uint256 capBps;
    }

    /// @dev What one instrument draws from the insurance fund.
    struct Draw {
        InstrumentId instrument;
        /// Its part of what is due [wad].
        uint256 part;
        /// What it drew before and is not forgotten yet [wad].
        uint256 drawn;
    }

    /// @notice Moves a fraction of every position, with the same fraction of its real quote.
    /// @param book The clearinghouse's book.
    /// @param account Who gives.
    /// @param liquidator Who takes.
    /// @param fraction Which part of every position [wad].
    /// @return toAccount Real quotes of positions that the slice closed for the account: owed to it as cash [wad].
    /// @return toLiquidator The same for the liquidator [wad].
    function takeSlice(
        Book storage book,
        AccountId account,
        AccountId liquidator,
        uint256 fraction
    ) external returns (int256 toAccount, int256 toLiquidator) {
        InstrumentId[] memory instruments = book.instruments[account].values();
        for (uint256 i = 0; i < instruments.length; ++i) {
            (int256 given, int256 taken) = book.movePart(account, liquidator, instruments[i], fraction.toInt256());
            toAccount += given;
            toLiquidator += taken;
        }
    }

    /// @notice Divides a bankrupt account's loss over the other side of its instruments, by |size| x index price: each
    /// part moves that side's index. What is above the cap of an index move, or has no instrument, is recorded as
    /// deficit.
    /// @dev Called while the account still holds its positions: the book is flat, so each has another side of the same
    /// size.
    /// @param book The clearinghouse's book.
    /// @param account The bankrupt account.
    /// @param loss What is to be borne [wad].
    /// @param indexPrices Price of each position's underlying, in the order of the account's instruments; 0 where it
    /// cannot be read: such an instrument bears nothing [wad].
    /// @param capBps The most that an index may move at once, and again in each hour [bps of the index price].
    function spreadLoss(
        Book storage book,
        AccountId account,
        uint256 loss,
        uint256[] memory indexPrices,
        uint256 capBps
    ) external {
        OpenPosition[] memory open = book.openPositionsOf(account);
        (uint256[] memory weights, uint256 total) = _weightsOf(open, indexPrices);

        uint256 borne;
        for (uint256 i = 0; i < open.length; ++i) {
            if (weights[i] == 0) continue;
            uint256 part = FixedPointMathLib.fullMulDiv(loss, weights[i], total);
            borne += _haircut(book, open[i], part, WadMath.bpsDown(indexPrices[i], capBps));
        }
        if (borne < loss) {
            book.deficit += (loss - borne).toUint128();
            emit IClearinghouse.DeficitChanged(book.deficit);
        }
    }

    /// @notice How much of a claim the insurance fund may pay: each of the account's instruments draws its part of it, by
    /// |size| x index price, within its share of the fund for a day. So the failure of one market cannot empty the fund.
    /// @param book The clearinghouse's book.
    /// @param claim Who asks for what.
    function fundShareOf(Book storage book, FundClaim memory claim) external view returns (uint256 allowed) {
        Draw[] memory draws = _drawsOf(book, claim);
        for (uint256 i = 0; i < draws.length; ++i) allowed += draws[i].part;
    }

    /// @notice Records the draws of a claim that the insurance fund pays as far as `fundShareOf` allows.
    /// @dev Instrument 0 has all draws on its account: who has no instrument left may draw only what all of them together
    /// have left of one cap, so nobody draws twice by closing first.
    function drawFund(Book storage book, FundClaim memory claim) external {
        Draw[] memory draws = _drawsOf(book, claim);
        uint256 total;
        for (uint256 i = 0; i < draws.length; ++i) {
            Market storage market = book.markets[draws[i].instrument];
            market.drawn = (draws[i].drawn + draws[i].part).toUint128();
            market.drawnAt = uint40(block.timestamp);
            total += draws[i].part;
        }
        if (InstrumentId.unwrap(draws[0].instrument) == 0) return;
        Market storage all = book.markets[InstrumentId.wrap(0)];
        all.drawn = (_drawnNow(all) + total).toUint128();
        all.drawnAt = uint40(block.timestamp);
    }

    /// @dev What each instrument may draw: its part, rounded up, within its cap, and all within claim and fund.
    function _drawsOf(Book storage book, FundClaim memory claim) private view returns (Draw[] memory draws) {
        OpenPosition[] memory open = book.openPositionsOf(claim.account);
        (uint256[] memory weights, uint256 total) = _weightsOf(open, claim.indexPrices);
        draws = new Draw[](total == 0 ? 1 : open.length);
        uint256 left = FixedPointMathLib.min(claim.due, claim.fundCash);
        for (uint256 i = 0; i < draws.length; ++i) {
            Draw memory draw = draws[i];
            if (total != 0) draw.instrument = open[i].instrument;
            draw.part = total == 0 ? claim.due : FixedPointMathLib.fullMulDivUp(claim.due, weights[i], total);
            draw.drawn = _drawnNow(book.markets[draw.instrument]);
            // The cap is on what the fund had before the instrument's draws of the day.
            uint256 cap = WadMath.bpsDown(claim.fundCash + draw.drawn, claim.capBps);
            draw.part = FixedPointMathLib.min(draw.part, FixedPointMathLib.zeroFloorSub(cap, draw.drawn));
            draw.part = FixedPointMathLib.min(draw.part, left);
            left -= draw.part;
        }
    }

    function _drawnNow(Market storage market) private view returns (uint256) {
        uint256 elapsed = FixedPointMathLib.min(block.timestamp - market.drawnAt, DRAW_WINDOW);
        return FixedPointMathLib.fullMulDivUp(market.drawn, DRAW_WINDOW - elapsed, DRAW_WINDOW);
    }

    /// @dev |size| x index price of each position: what it weighs when a loss is divided.
    function _weightsOf(
        OpenPosition[] memory open,
        uint256[] memory indexPrices
    ) private pure returns (uint256[] memory weights, uint256 total) {
        weights = new uint256[](open.length);
        for (uint256 i = 0; i < open.length; ++i) {
            weights[i] = WadMath.mulDown(WadMath.abs(open[i].size), indexPrices[i]);
            total += weights[i];
        }
    }

    /// @dev Charges the side opposite to a position; returns what that side bears, at most `loss`.
    function _haircut(
        Book storage book,
        OpenPosition memory open,
        uint256 loss,
        uint256 cap
    ) private returns (uint256 borne) {
        Market storage market = book.markets[open.instrument];
        bool long = open.size < 0;
        uint256 openInterest = market.openInterest;
        uint256 move = FixedPointMathLib.min(WadMath.divDown(loss, openInterest), _roomFor(market, long, cap));
        if (move == 0) return 0;

        if (long) {
            market.haircutLong += move.toInt256().toInt128();
            market.movedLong += move.toUint96();
        } else {
            market.haircutShort += move.toInt256().toInt128();
            market.movedShort += move.toUint96();
        }
        borne = WadMath.mulDown(move, openInterest);
        emit IClearinghouse.GainsHaircut(open.instrument, long, borne, book.indexOf(open.instrument, long));
    }

    /// @dev How far a side's index may still move: the cap, less what it has moved, which is forgotten evenly over an
    /// hour. So the slices of an account share one cap, however they are cut.
    function _roomFor(Market storage market, bool long, uint256 cap) private returns (uint256) {
        uint256 elapsed = FixedPointMathLib.min(block.timestamp - market.movedAt, FORGETTING_SECONDS);
        uint256 forgotten = FixedPointMathLib.fullMulDiv(cap, elapsed, FORGETTING_SECONDS);
        market.movedAt = uint40(block.timestamp);
        market.movedLong = uint96(FixedPointMathLib.zeroFloorSub(market.movedLong, forgotten));
        market.movedShort = uint96(FixedPointMathLib.zeroFloorSub(market.movedShort, forgotten));
        return FixedPointMathLib.zeroFloorSub(cap, long ? market.movedLong : market.movedShort);
    }
}
