// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {Observer} from "./Observer.sol";
import {LiquidationTerms} from "../../../contracts/types/LiquidationTerms.sol";
import {OpenPosition} from "../../../contracts/types/Position.sol";

/// @title WaterfallModel
/// @notice Sections 6.1 to 6.3 and 6.5 of the design a second time: what a liquidation does to the books (I7). The
/// account pays first, then the insurance fund within each instrument's draw cap, then the other side of the account's
/// instruments within the cap of an index move, and the rest is recorded.
abstract contract WaterfallModel is Observer {
    /// @dev The account's instruments in the clearinghouse's order, and what each weighs [wad].
    struct Weights {
        uint256[] perpetuals;
        uint256[] weights;
        uint256 total;
    }

    uint256 private constant FUND_SHARE = 0.4e18;
    uint256 private constant DRAW_CAP_BPS = 5_000;
    uint256 private constant HAIRCUT_CAP_BPS = 500;

    /// @dev drawn[3] is that of accounts without a priced instrument [wad].
    uint256[4] private _drawn;
    uint256[4] private _drawnAt;
    /// @dev As the indices: what each has moved and is not forgotten [wad].
    uint256[6] private _moved;
    uint256[3] private _movedAt;

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
        int256 cash = _mulFloor(books.cash[place], fraction);
        books.cash[place] += closed[0] + toAccount - cash;
        books.cash[liquidator] += closed[1] - payment + cash;
        for (uint256 i = 1; i < TOKENS; ++i) {
            uint256 amount = (books.collateral[place][i] * terms.fraction) / WAD;
            books.collateral[place][i] -= amount;
            books.collateral[liquidator][i] += amount;
        }
        uint256 repaid = toInsurance > 0 ? _least(books.deficit, uint256(toInsurance)) : 0;
        _happened("deficit repaid", repaid != 0);
        books.deficit -= repaid;
        books.cash[FUND] += toInsurance - int256(repaid);
    }

    /// @dev What `distributeFees` does.
    function _expectDistribution(Books memory books) internal {
        uint256 toTreasury = (books.reserve * (WAD - FUND_SHARE)) / WAD;
        uint256 repaid = _least(books.deficit, books.reserve - toTreasury);
        _happened("deficit repaid", repaid != 0);
        books.cash[TREASURY] += int256(toTreasury);
        books.cash[FUND] += int256(books.reserve - toTreasury - repaid);
        books.deficit -= repaid;
        books.reserve = 0;
    }

    /// @dev Who bears what the account cannot: returns the liquidator's and the fund's figures [wad].
    function _expectLoss(
        Books memory books,
        uint256 place,
        LiquidationTerms memory terms,
        Weights memory weights
    ) private returns (int256, int256) {
        _expectDistribution(books);
        int256 payment = _mulCeil(terms.payment, int256(terms.fraction));
        uint256 due = uint256(-payment);
        uint256 fundPays = _expectDraws(books, weights, due);
        _happened("fund paid", fundPays != 0);
        _happened("fund capped", fundPays < due && books.cash[FUND] > int256(fundPays));

        uint256 missing = due - fundPays;
        uint256 ownLoss = terms.equity < 0 ? uint256(_mulCeil(-terms.equity, int256(terms.fraction))) : 0;
        uint256 loss = _least(missing, ownLoss);
        _happened("incentive cut", missing > loss);
        if (loss != 0) _expectHaircuts(books, place, weights, loss);
        return (payment + int256(missing - loss), -int256(fundPays));
    }

    /// @dev Each instrument draws its part of the claim, within its share of the fund for a day [wad].
    function _expectDraws(Books memory books, Weights memory weights, uint256 due) private returns (uint256 drawn) {
        uint256 cash = books.cash[FUND] > 0 ? uint256(books.cash[FUND]) : 0;
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

    /// @dev Each instrument's other side bears its part, within what its index may still move; the rest is a deficit.
    function _expectHaircuts(Books memory books, uint256 place, Weights memory weights, uint256 loss) private {
        uint256 borne;
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
        _happened("deficit", loss - borne > 1e12);
        books.deficit += loss - borne;
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

    function _mulDivUp(uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        return (a * b + c - 1) / c;
    }
}
