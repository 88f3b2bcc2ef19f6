// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {FundingModel} from "./FundingModel.sol";
import {LiquidationTerms} from "../../../contracts/types/LiquidationTerms.sol";
import {OpenPosition} from "../../../contracts/types/Position.sol";

/// @title WaterfallModel
/// @notice Section 6 of the design a second time: what a loss does to the books (I7). The account pays first, then the
/// insurance fund within each instrument's draw cap, then the other side of the account's instruments within the cap of
/// an index move, then all who have cash within their cap for a day, and the rest is recorded.
abstract contract WaterfallModel is FundingModel {
    /// @dev The account's instruments in the clearinghouse's order, and what each weighs [wad].
    struct Weights {
        uint256[] perpetuals;
        uint256[] weights;
        uint256 total;
    }

    uint256 private constant FUND_SHARE = 0.4e18;
    uint256 private constant DRAW_CAP_BPS = 5_000;
    uint256 private constant HAIRCUT_CAP_BPS = 500;
    uint256 private constant LENDERS_CAP_BPS = 20;

    /// @dev When each account was flagged; 0 when it is not [unix seconds].
    uint256[11] internal _flaggedAt;
    /// @dev drawn[3] is that of accounts without a priced instrument [wad].
    uint256[4] private _drawn;
    uint256[4] private _drawnAt;
    /// @dev As the indices: what each has moved and is not forgotten [wad].
    uint256[6] private _moved;
    uint256[3] private _movedAt;
    /// @dev The share that lenders have lost and that is not forgotten [wad].
    uint256 private _lostShare;
    uint256 private _lostAt;

    /// @dev Does to the books what the liquidation must do; returns what the liquidator pays, the account receives and the
    /// fund receives [wad].
    function _expectLiquidation(
        Books memory books,
        uint256 place,
        uint256 liquidator,
        LiquidationTerms memory terms,
        Weights memory weights
    ) internal returns (int256 payment, int256 toAccount, int256 toInsurance) {
        int256 fraction = int256(terms.fraction);
        payment = _mulCeil(terms.payment, fraction);
        toAccount = _mulFloor(int256(terms.toAccount), fraction);
        toInsurance = payment - toAccount;
        if (payment < 0) (payment, toInsurance) = _expectLoss(books, place, terms, weights);

        int256[2] memory closed = _expectSlice(books, place, liquidator, fraction);
        uint256 repaid = toInsurance > 0 ? _least(books.deficit, uint256(toInsurance)) : 0;
        _happened("deficit repaid", repaid != 0);
        books.deficit -= repaid;
        int256 cash = _mulFloor(books.cash[place], fraction);
        _post(books, place, closed[0] + toAccount - cash);
        _post(books, liquidator, closed[1] - payment + cash);
        // A payout left the fund before anybody else was charged.
        if (toInsurance > 0) _post(books, FUND, toInsurance - int256(repaid));
        for (uint256 i = 1; i < TOKENS; ++i) {
            uint256 amount = (books.collateral[place][i] * terms.fraction) / WAD;
            books.collateral[place][i] -= amount;
            books.collateral[liquidator][i] += amount;
        }
    }

    /// @dev What `distributeFees` does: the fund's share of interest is all its own.
    function _expectDistribution(Books memory books) internal {
        uint256 toTreasury = (books.reserve * (WAD - FUND_SHARE)) / WAD;
        uint256 ofFund = books.reserve - toTreasury + books.interestReserve;
        uint256 repaid = _least(books.deficit, ofFund);
        _happened("deficit repaid", repaid != 0);
        _happened("interest for the fund", books.interestReserve != 0);
        uint256 owed = books.cash[FUND] < 0 ? uint256(-books.cash[FUND]) : 0;
        _post(books, FUND, int256(ofFund - repaid));
        _post(books, TREASURY, int256(toTreasury));
        // What repays a debt of the fund is nobody's positive cash.
        if (books.cash[FUND] < 0) owed -= uint256(-books.cash[FUND]);
        books.lent += ofFund - repaid + toTreasury - owed;
        books.deficit -= repaid;
        (books.reserve, books.interestReserve) = (0, 0);
    }

    /// @dev What the fund pays of a loss, with all that waits for it; it has left the fund when others are charged.
    function _expectFundPayment(
        Books memory books,
        Weights memory weights,
        uint256 due
    ) internal returns (uint256 paid) {
        paid = _expectDraws(weights, due, _fundCashIn(books));
        _expectDistribution(books);
        _post(books, FUND, -int256(paid));
        books.lent -= paid;
    }

    /// @dev Less what dividing that may round, once the supply index has moved [wad].
    function _fundCashIn(Books memory books) private pure returns (uint256) {
        uint256 toTreasury = (books.reserve * (WAD - FUND_SHARE)) / WAD;
        uint256 ofFund = books.reserve - toTreasury + books.interestReserve;
        int256 waiting = int256(_lessOrZero(ofFund, books.deficit));
        int256 rounding = waiting == 0 || books.supplyIndex == WAD ? int256(0) : int256(10_000);
        int256 cash = books.cash[FUND] + waiting - rounding;
        return cash > 0 ? uint256(cash) : 0;
    }

    /// @dev A loss that the fund did not pay: the gains haircut first, then lenders, then the deficit.
    function _expectSpread(Books memory books, uint256 place, Weights memory weights, uint256 loss) internal {
        if (loss == 0) return;
        uint256 left = loss - _expectHaircuts(books, place, weights, loss);
        if (left != 0) left -= _expectLenders(books, place, left);
        _happened("deficit", left > 1e12);
        books.deficit += left;
    }

    /// @dev Who bears what the account cannot: returns the liquidator's and the fund's figures [wad].
    function _expectLoss(
        Books memory books,
        uint256 place,
        LiquidationTerms memory terms,
        Weights memory weights
    ) private returns (int256, int256) {
        int256 payment = _mulCeil(terms.payment, int256(terms.fraction));
        uint256 due = uint256(-payment);
        uint256 fundPays = _expectFundPayment(books, weights, due);
        _happened("fund paid", fundPays != 0);
        _happened("fund capped", fundPays < due && books.cash[FUND] > 0);

        uint256 missing = due - fundPays;
        uint256 ownLoss = terms.equity < 0 ? uint256(_mulCeil(-terms.equity, int256(terms.fraction))) : 0;
        uint256 loss = _least(missing, ownLoss);
        _happened("incentive cut", missing > loss);
        _expectSpread(books, place, weights, loss);
        return (payment + int256(missing - loss), -int256(fundPays));
    }

    /// @dev Each instrument draws its part of the claim, within its share of the fund for a day [wad].
    function _expectDraws(Weights memory weights, uint256 due, uint256 cash) private returns (uint256 drawn) {
        for (uint256 i = 0; i < (weights.total == 0 ? 1 : weights.perpetuals.length); ++i) {
            uint256 which = weights.total == 0 ? 3 : weights.perpetuals[i];
            uint256 part = weights.total == 0 ? due : _mulDivUp(due, weights.weights[i], weights.total);
            uint256 elapsed = _least(block.timestamp - _drawnAt[which], 1 days);
            uint256 before = _mulDivUp(_drawn[which], 1 days - elapsed, 1 days);
            part = _least(part, _lessOrZero(((cash + before) * DRAW_CAP_BPS) / 10_000, before));
            part = _least(part, _least(due, cash) - drawn);
            drawn += part;
            (_drawn[which], _drawnAt[which]) = (before + part, block.timestamp);
        }
        if (weights.total == 0) return drawn;
        // All draws count against who has no instrument left, so that closing first draws no second share.
        uint256 passed = _least(block.timestamp - _drawnAt[3], 1 days);
        _drawn[3] = _mulDivUp(_drawn[3], 1 days - passed, 1 days) + drawn;
        _drawnAt[3] = block.timestamp;
    }

    /// @dev Each instrument's other side bears its part, within what its index may still move [wad].
    function _expectHaircuts(
        Books memory books,
        uint256 place,
        Weights memory weights,
        uint256 loss
    ) private returns (uint256 borne) {
        for (uint256 i = 0; i < weights.perpetuals.length; ++i) {
            if (weights.weights[i] == 0) continue;
            uint256 which = weights.perpetuals[i];
            uint256 part = (loss * weights.weights[i]) / weights.total;
            bool longsPay = books.positions[place][which].size < 0;
            uint256 move = _least(
                (part * WAD) / books.openInterest[which],
                _expectRoom(which, longsPay, (_answerOf(which) * HAIRCUT_CAP_BPS) / 10_000)
            );
            if (move == 0) continue;
            _moved[2 * which + (longsPay ? 0 : 1)] += move;
            books.indices[2 * which + (longsPay ? 0 : 1)] += longsPay ? int256(move) : -int256(move);
            borne += (move * books.openInterest[which]) / WAD;
            ++calls["haircut"];
        }
    }

    /// @dev The account's own cash stands aside while lenders are charged.
    function _expectLenders(Books memory books, uint256 place, uint256 loss) private returns (uint256 borne) {
        int256 own = books.cash[place] > 0 ? books.cash[place] : int256(0);
        _post(books, place, -own);
        borne = _expectCharge(books, loss, books.lent - uint256(own));
        _post(books, place, own);
    }

    /// @dev Everyone who has cash loses the same share of it, at most the cap at once and again in each day [wad].
    function _expectCharge(Books memory books, uint256 loss, uint256 lent) private returns (uint256 borne) {
        uint256 cap = (WAD * LENDERS_CAP_BPS) / 10_000;
        uint256 lost = _lessOrZero(_lostShare, (cap * (block.timestamp - _lostAt)) / 1 days);
        uint256 index = books.supplyIndex;
        if (lent == 0) return 0;
        uint256 share = _least((_least(loss, lent) * WAD) / lent, _lessOrZero(cap, lost));
        uint256 fall = (index * share) / WAD;
        borne = (lent * fall) / index;
        if (borne == 0) return 0;
        (_lostShare, _lostAt) = (lost + _mulDivUp(fall, WAD, index), block.timestamp);
        books.supplyIndex = index - fall;
        // The principal of cash is not known to the wei here.
        books.slack += 8;
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (books.cash[i] > 0) books.cash[i] = int256((uint256(books.cash[i]) * books.supplyIndex) / index);
        }
        ++calls["lenders charged"];
        _happened("lenders capped", borne + 1e12 < loss);
    }

    function _expectRoom(uint256 which, bool longsPay, uint256 cap) private returns (uint256) {
        uint256 forgotten = (cap * _least(block.timestamp - _movedAt[which], 1 hours)) / 1 hours;
        _movedAt[which] = block.timestamp;
        _moved[2 * which] = _lessOrZero(_moved[2 * which], forgotten);
        _moved[2 * which + 1] = _lessOrZero(_moved[2 * which + 1], forgotten);
        return _lessOrZero(cap, _moved[2 * which + (longsPay ? 0 : 1)]);
    }

    /// @dev Moves the fraction of every position; returns what that closed, for the account and the liquidator [wad].
    function _expectSlice(
        Books memory books,
        uint256 place,
        uint256 liquidator,
        int256 fraction
    ) private returns (int256[2] memory closed) {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            int256 size = _mulFloor(books.positions[place][i].size, fraction);
            int256 real = _mulFloor(_realQuote(books, place, i), fraction);
            if (size == 0 && real == 0) continue;
            closed[1] += _change(books, liquidator, i, size, real);
            closed[0] += _change(books, place, i, -size, -real);
        }
    }

    /// @dev |size| x price, nothing for an instrument that has no price now: nobody is charged by an old one.
    function _weightsOf(Books memory books, uint256 place) internal view returns (Weights memory weights) {
        OpenPosition[] memory open = _system.clearinghouse.openPositionsOf(_accounts[place]);
        weights.perpetuals = new uint256[](open.length);
        weights.weights = new uint256[](open.length);
        for (uint256 i = 0; i < open.length; ++i) {
            uint256 which = open[i].instrument.underlyingOf() - 1;
            weights.perpetuals[i] = which;
            if (which == silent) continue;
            weights.weights[i] = (_magnitude(books.positions[place][which].size) * _answerOf(which)) / WAD;
            weights.total += weights.weights[i];
        }
    }
}
