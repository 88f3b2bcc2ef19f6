// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId, accountIdOf} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition} from "../types/Position.sol";
import {Posting} from "../types/Trade.sol";
import {Book, Market} from "./Book.sol";

/// @notice The contracts that bear losses together, and the insurance fund's account.
struct Partners {
    IVault vault;
    IPriceOracle oracle;
    IRules rules;
    IMarginEngine engine;
    AccountId fund;
}

/// @notice A loss that its account cannot bear.
struct Loss {
    AccountId account;
    /// [wad]
    uint256 due;
    /// Price of each of the account's instruments, in their order; 0 where it cannot be read: nobody is charged by an old
    /// one [wad].
    uint256[] indexPrices;
}

/// @title Waterfall
/// @notice Who bears a loss after the account itself: sections 6.2, 6.3 and 6.5 of the design.
/// @dev
///   1. the insurance fund       each instrument draws its part, at most a share of the fund in a day
///   2. the gains haircut        the opposite side of each instrument, at most a share of its price in an hour
///   3. who has cash             by the supply index, at most a share of it in a day
///   4. the recorded deficit     which the fund's income repays before the fund receives any of it
/// Each step bears what it can and hands the rest down in the same call, so a loss is never left lying and never a reason
/// to revert. Steps are separate functions because a liquidator's incentive is paid by the first one only.
library Waterfall {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev What one instrument draws from the insurance fund.
    struct Draw {
        InstrumentId instrument;
        /// Its part of what is due [wad].
        uint256 part;
        /// What it drew before and is not forgotten yet [wad].
        uint256 drawn;
    }

    /// @dev How what waits for the insurance fund and the treasury is divided [wad].
    struct Division {
        uint256 toFund;
        uint256 toTreasury;
        /// Of the fund's part, what the recorded deficit takes first.
        uint256 repaid;
    }

    /// @dev After this time a side's index may move by its whole cap again [seconds].
    uint256 private constant HAIRCUT_WINDOW = 1 hours;
    /// @dev The same for what an instrument may draw from the insurance fund [seconds].
    uint256 private constant DRAW_WINDOW = 1 days;
    /// @dev More than a change of cash rounds away: 2 wei at the highest supply index, which is below 5,000 [wad].
    int256 private constant ROUNDING = 10_000;

    // The insurance fund

    /// @notice How much of a loss the insurance fund may pay now, with all that waits for it: each of the account's
    /// instruments draws its part, by |size| x index price, within its share of the fund for a day. So the failure of one
    /// market cannot empty the fund.
    function fundPaymentOf(
        Book storage book,
        Partners memory partners,
        Loss memory loss
    ) internal view returns (uint256 paid) {
        Draw[] memory draws = _drawsOf(book, partners, loss);
        for (uint256 i = 0; i < draws.length; ++i) paid += draws[i].part;
    }

    /// @notice Takes out of the insurance fund what it pays of a loss; the caller posts it to whom it is due. Before anybody
    /// else is charged: the fund is a lender as well, and must not lose what it has just paid.
    /// @dev What it pays is worked out before what waits for it is divided, as in `fundPaymentOf`.
    /// Instrument 0 has all draws on its account: who has no instrument left may draw only what all of them together
    /// have left of one cap, so nobody draws twice by closing first.
    function drawFund(Book storage book, Partners memory partners, Loss memory loss) internal returns (uint256 paid) {
        Draw[] memory draws = _drawsOf(book, partners, loss);
        distribute(book, partners);
        for (uint256 i = 0; i < draws.length; ++i) {
            _recordDraw(book, draws[i]);
            paid += draws[i].part;
        }
        if (paid != 0) post(partners, partners.fund, -paid.toInt256());
        if (InstrumentId.unwrap(draws[0].instrument) == 0) return paid;
        InstrumentId all = InstrumentId.wrap(0);
        _recordDraw(book, Draw({instrument: all, part: paid, drawn: _drawnNow(book.markets[all])}));
    }

    /// @notice Divides fees and the fund's share of interest: the fund gets its own, of which a recorded deficit comes
    /// first, and the treasury the rest.
    function distribute(Book storage book, Partners memory partners) internal {
        uint256 interest = partners.vault.interestReserve();
        if (interest == 0 && book.reserve == 0) return;
        if (interest != 0) interest = partners.vault.collectInterest();
        Division memory division = _divide(book, interest);
        book.reserve = 0;
        _repay(book, division.repaid);
        emit IClearinghouse.FeesDistributed(division.toFund, division.toTreasury, division.repaid);
        Posting[] memory postings = new Posting[](2);
        postings[0] = Posting({account: partners.fund, cash: division.toFund.toInt256()});
        postings[1] = Posting({account: accountIdOf(book.treasury, 0), cash: division.toTreasury.toInt256()});
        partners.vault.post(postings);
    }

    /// @notice What is left for the fund of an income after the recorded deficit; of a payout, which `drawFund` has posted,
    /// nothing [wad].
    function afterDeficit(Book storage book, int256 income) internal returns (int256) {
        if (income <= 0) return 0;
        uint256 repaid = FixedPointMathLib.min(book.deficit, uint256(income));
        _repay(book, repaid);
        return income - int256(repaid);
    }

    /// @notice Repays the recorded deficit from what the fund has, as far as it may pay for a loss without an instrument. So
    /// what anybody adds to the fund reaches the deficit, within the fund's share for a day.
    function repayFromFund(Book storage book, Partners memory partners) internal {
        distribute(book, partners);
        if (book.deficit == 0) return;
        Loss memory loss = Loss({account: partners.fund, due: book.deficit, indexPrices: new uint256[](0)});
        _repay(book, drawFund(book, partners, loss));
    }

    // Everybody else

    /// @notice Hands a loss down all steps; the caller posts what was due to its account.
    /// @return paid What the insurance fund paid of it [wad].
    function bear(Book storage book, Partners memory partners, Loss memory loss) internal returns (uint256 paid) {
        paid = drawFund(book, partners, loss);
        loss.due -= paid;
        spread(book, partners, loss);
    }

    /// @notice Divides what the fund did not pay over the other side of the account's instruments, by |size| x index
    /// price: each part moves that side's index. What is above the caps, or has no instrument, is for those who have cash
    /// and, in the end, recorded as deficit.
    /// @dev Called while the account still holds its positions: the book is flat, so each has another side of the same
    /// size.
    function spread(Book storage book, Partners memory partners, Loss memory loss) internal {
        if (loss.due == 0) return;
        OpenPosition[] memory open = book.openPositionsOf(loss.account);
        (uint256[] memory weights, uint256 total) = weightsOf(open, loss.indexPrices);
        uint256 capBps = partners.rules.liquidationRules().gainsHaircutCapBps();
        uint256 borne;
        for (uint256 i = 0; i < open.length; ++i) {
            if (weights[i] == 0) continue;
            uint256 part = FixedPointMathLib.fullMulDiv(loss.due, weights[i], total);
            borne += _haircut(book, open[i], part, WadMath.bpsDown(loss.indexPrices[i], capBps));
        }
        if (borne < loss.due) _chargeLenders(book, partners, loss.account, loss.due - borne);
    }

    /// @notice |size| x index price of each position: what it weighs when a loss is divided.
    function weightsOf(
        OpenPosition[] memory open,
        uint256[] memory indexPrices
    ) internal pure returns (uint256[] memory weights, uint256 total) {
        weights = new uint256[](open.length);
        for (uint256 i = 0; i < open.length; ++i) {
            weights[i] = WadMath.mulDown(WadMath.abs(open[i].size), indexPrices[i]);
            total += weights[i];
        }
    }

    /// @dev Cash lenders are the last resort; what they do not bear is recorded. The account itself lends nothing: what cash
    /// it has is spoken for by its losses, and stands aside meanwhile.
    function _chargeLenders(Book storage book, Partners memory partners, AccountId account, uint256 loss) private {
        int256 cash = partners.vault.cashOf(account);
        if (cash > 0) post(partners, account, -cash);
        uint256 borne = partners.vault.chargeLenders(loss, partners.rules.liquidationRules().lendersCapBps());
        if (cash > 0) post(partners, account, cash);
        if (borne == loss) return;
        book.deficit = (book.deficit + loss - borne).toUint104();
        emit IClearinghouse.DeficitChanged(book.deficit);
    }

    /// @notice Posts cash to one account.
    function post(Partners memory partners, AccountId account, int256 cash) internal {
        Posting[] memory postings = new Posting[](1);
        postings[0] = Posting({account: account, cash: cash});
        partners.vault.post(postings);
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
        _moveIndex(market, long, move);
        emit IClearinghouse.HaircutRoomUsed(open.instrument, market.movedLong, market.movedShort);
        if (move == 0) return 0;
        borne = WadMath.mulDown(move, openInterest);
        int256 index = book.sidesOf(open.instrument).indexOf(long);
        emit IClearinghouse.GainsHaircut(open.instrument, long, borne, index);
    }

    /// @dev A short's size is negative, so what it is charged is counted downwards.
    function _moveIndex(Market storage market, bool long, uint256 move) private {
        if (long) {
            market.longIndex = (market.longIndex + move.toInt256()).toInt104();
            market.movedLong += move.toUint96();
        } else {
            market.shortIndex = (market.shortIndex - move.toInt256()).toInt104();
            market.movedShort += move.toUint96();
        }
    }

    /// @dev How far a side's index may still move: the cap, less what it has moved, which is forgotten evenly over an
    /// hour. So the slices of an account share one cap, however they are cut.
    function _roomFor(Market storage market, bool long, uint256 cap) private returns (uint256) {
        uint256 elapsed = FixedPointMathLib.min(block.timestamp - market.movedAt, HAIRCUT_WINDOW);
        uint256 forgotten = FixedPointMathLib.fullMulDiv(cap, elapsed, HAIRCUT_WINDOW);
        market.movedAt = uint40(block.timestamp);
        market.movedLong = uint96(FixedPointMathLib.zeroFloorSub(market.movedLong, forgotten));
        market.movedShort = uint96(FixedPointMathLib.zeroFloorSub(market.movedShort, forgotten));
        return FixedPointMathLib.zeroFloorSub(cap, long ? market.movedLong : market.movedShort);
    }

    /// @dev What each instrument may draw: its part, rounded up, within its cap, and all within the loss and the fund.
    function _drawsOf(
        Book storage book,
        Partners memory partners,
        Loss memory loss
    ) private view returns (Draw[] memory draws) {
        OpenPosition[] memory open = book.openPositionsOf(loss.account);
        (uint256[] memory weights, uint256 total) = weightsOf(open, loss.indexPrices);
        draws = new Draw[](total == 0 ? 1 : open.length);
        uint256 fundCash = _fundCashOf(book, partners);
        uint256 capBps = partners.rules.liquidationRules().fundDrawCapBps();
        uint256 left = FixedPointMathLib.min(loss.due, fundCash);
        for (uint256 i = 0; i < draws.length; ++i) {
            Draw memory draw = draws[i];
            if (total != 0) draw.instrument = open[i].instrument;
            draw.part = total == 0 ? loss.due : FixedPointMathLib.fullMulDivUp(loss.due, weights[i], total);
            draw.drawn = _drawnNow(book.markets[draw.instrument]);
            // The cap is on what the fund had before the instrument's draws of the day.
            uint256 cap = WadMath.bpsDown(fundCash + draw.drawn, capBps);
            draw.part = FixedPointMathLib.min(draw.part, FixedPointMathLib.zeroFloorSub(cap, draw.drawn));
            draw.part = FixedPointMathLib.min(draw.part, left);
            left -= draw.part;
        }
    }

    /// @dev What the fund can pay with all that waits for it. Once the supply index has moved, less what dividing that may
    /// round: so that an act pays what its view says.
    function _fundCashOf(Book storage book, Partners memory partners) private view returns (uint256) {
        int256 cash = partners.vault.cashOf(partners.fund);
        uint256 waiting = _divide(book, partners.vault.interestReserve()).toFund;
        if (waiting != 0) {
            cash += waiting.toInt256();
            if (partners.vault.cashPool().supplyIndex != WadMath.WAD) cash -= ROUNDING;
        }
        return cash > 0 ? uint256(cash) : 0;
    }

    function _divide(Book storage book, uint256 interest) private view returns (Division memory division) {
        uint256 fees = book.reserve;
        if (book.treasury != address(0)) division.toTreasury = WadMath.mulDown(fees, WadMath.WAD - book.fundShare);
        uint256 ofFund = fees - division.toTreasury + interest;
        division.repaid = FixedPointMathLib.min(book.deficit, ofFund);
        division.toFund = ofFund - division.repaid;
    }

    function _repay(Book storage book, uint256 repaid) private {
        if (repaid == 0) return;
        book.deficit -= uint104(repaid);
        emit IClearinghouse.DeficitChanged(book.deficit);
    }

    function _recordDraw(Book storage book, Draw memory draw) private {
        Market storage market = book.markets[draw.instrument];
        uint256 drawn = draw.drawn + draw.part;
        market.drawn = drawn.toUint128();
        market.drawnAt = uint40(block.timestamp);
        emit IClearinghouse.FundDrawn(draw.instrument, draw.part, drawn);
    }

    function _drawnNow(Market storage market) private view returns (uint256) {
        uint256 elapsed = FixedPointMathLib.min(block.timestamp - market.drawnAt, DRAW_WINDOW);
        return FixedPointMathLib.fullMulDivUp(market.drawn, DRAW_WINDOW - elapsed, DRAW_WINDOW);
    }
}
