// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {TradeHandler} from "./TradeHandler.sol";
import {IClearinghouse} from "../../../contracts/interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";

/// @title DefaultHandler
/// @notice Accounts that nobody takes over: flags, deleveraging, write-offs, and what goes in and out of the insurance
/// fund. Each error that stops one is justified by the state that it found (I7, sections 6.2, 6.4 and 6.5).
abstract contract DefaultHandler is TradeHandler {
    uint256 private constant DELAY = 1 hours;
    uint256 private constant FLAG_LIFE = 1 days;
    uint256 private constant FLOOR_BPS = 200;

    /// @dev What is asked of `deleverage`.
    struct Closing {
        uint256 bankrupt;
        uint256 counterparty;
        uint256 perpetual;
        uint256 size;
    }

    // ------------------------------------------------------------------ flags

    /// @dev An act: only of who is bankrupt, once until it is stale, and taken off who is not any more.
    function _flag(uint256 place) internal {
        Books memory before = _books();
        int256 equity = _equityIn(before, place);
        uint256 flagged = _flaggedAt[place];
        bool good = flagged != 0 && block.timestamp <= flagged + DELAY + FLAG_LIFE;
        try _system.clearinghouse.flag(_accounts[place]) {
            assertTrue(equity < 0 ? !good : flagged != 0, "6.4: flagged");
            _flaggedAt[place] = equity < 0 ? block.timestamp : 0;
            ++calls[equity < 0 ? bytes32("flag") : bytes32("flag removed")];
            _assertFlagged(place);
            _verify(before, false);
        } catch (bytes memory reason) {
            if (bytes4(reason) == IPriceOracle.StalePrice.selector) {
                assertTrue(_isShielded(before, place), "6.4: a flag waits for a price");
            } else if (equity < 0) {
                _expect(reason, IClearinghouse.AlreadyFlagged.selector);
                assertTrue(good, "6.4: a bankrupt account was not flagged");
            } else {
                _expect(reason, IClearinghouse.NotBankrupt.selector);
                assertEq(flagged, 0, "6.4: a flag was not removed");
            }
            _verifyRefused(before, "flag refused");
        }
    }

    /// @dev Somebody who was flagged and has equity again; else who was flagged, else anybody.
    function _flagged(uint256 seed) internal view returns (uint256 place) {
        Books memory books = _books();
        place = seed % ACTORS;
        for (uint256 i = 0; i < ACTORS; ++i) {
            uint256 other = (seed + i) % ACTORS;
            if (_flaggedAt[other] == 0) continue;
            place = other;
            if (_equityIn(books, other) >= 0) return other;
        }
    }

    function _assertFlagged(uint256 place) private view {
        assertEq(_system.clearinghouse.flaggedAt(_accounts[place]), _flaggedAt[place], "6.4: when");
    }

    /// @dev Most of its requirement hangs on a silent feed.
    function _isShielded(Books memory books, uint256 place) private view returns (bool) {
        (uint256 unread, uint256 rest) = _requirementsIn(books, place, silent);
        return unread * 10 > _wholeOf(books, place, unread + rest);
    }

    // ------------------------------------------------------------------ deleveraging

    /// @dev Flags a bankrupt account, waits, and closes its positions against whoever is on the other side.
    function _deleverageAll(uint256 place, uint256 seed) internal {
        _flag(place);
        // A quarter is too early, an eighth too late.
        uint256 wait = (seed >> 16) % 8;
        _passTime(
            wait < 2
                ? DELAY / 2
                : wait == 2
                    ? DELAY + FLAG_LIFE + 1
                    : DELAY
        );
        for (uint256 i = 0; i < 3; ++i) {
            uint256 perpetual = (seed + i) % 3;
            uint256 other = _oppositeTo(place, perpetual, (seed >> 24) % ACTORS);
            if (other == place) continue;
            uint256 most = _least(_magnitude(_sizeOf(place, perpetual)), _magnitude(_sizeOf(other, perpetual)));
            uint256 size = (seed >> (32 + i)) % 2 == 0 ? most : bound(seed >> 64, 1, most);
            _deleverage(Closing(place, other, perpetual, size));
        }
    }

    /// @dev Any two accounts, one or two the same, any size: nothing may pass that is not due.
    function _deleverageWrongly(uint256 seed) internal {
        Closing memory closing;
        (closing.bankrupt, closing.counterparty) = (seed % ACTORS, (seed >> 8) % ACTORS);
        closing.perpetual = (seed >> 16) % 3;
        closing.size = _magnitude(_sizeOf(closing.bankrupt, closing.perpetual)) + ((seed >> 24) % 3);
        if ((seed >> 32) % 2 == 0) {
            closing.bankrupt = _bankrupt(seed);
            if (_flaggedAt[closing.bankrupt] == 0) _flag(closing.bankrupt);
            _passTime(DELAY);
        }
        _deleverage(closing);
    }

    /// @dev An act: at the mark and without fees; the counterparty loses exposure and no value but what everyone on
    /// its side loses.
    function _deleverage(Closing memory closing) internal {
        Books memory before = _books();
        Weights memory weights = _weightsOf(before, closing.bankrupt);
        _takesPart(closing.bankrupt);
        _takesPart(closing.counterparty);
        try
            _system.clearinghouse.deleverage(
                _accounts[closing.bankrupt],
                _accounts[closing.counterparty],
                _system.perpetuals[closing.perpetual],
                uint128(closing.size)
            )
        {
            _assertDue(before, closing);
            closing.size = _least(closing.size, _mostClosable(before, closing));
            Books memory expected = abi.decode(abi.encode(before), (Books));
            uint256 paid = _expectDeleverage(expected, closing, weights);
            _assertBorne(before, closing, expected, paid);
            if (int256(paid) == -_equityIn(before, closing.bankrupt)) _flaggedAt[closing.bankrupt] = 0;
            _assertFlagged(closing.bankrupt);
            ++calls["deleverage"];
            _happened("deleveraged wholly", expected.positions[closing.bankrupt][closing.perpetual].size == 0);
            _verify(expected, false);
        } catch (bytes memory reason) {
            _assertNotDue(before, closing, reason);
            _verifyRefused(before, "deleverage refused");
        }
    }

    /// @dev The part of the loss that goes with what is closed goes down the waterfall; returns it [wad].
    function _expectDeleverage(
        Books memory books,
        Closing memory closing,
        Weights memory weights
    ) private returns (uint256 due) {
        uint256 mark = _answerOf(closing.perpetual);
        due = uint256(-_equityIn(books, closing.bankrupt));
        uint256 closed = _mulDivUp(closing.size, mark, WAD);
        if (closed < weights.total) due = _mulDivUp(due, closed, weights.total);
        uint256[3] memory was = _countsOfSteps();
        uint256 fundPays = _expectFundPayment(books, weights, due);
        _happened("deleverage paid by the fund", fundPays != 0);
        _expectSpread(books, closing.bankrupt, weights, due - fundPays);
        _countSteps(was);

        int256 size = int256(closing.size);
        if (books.positions[closing.bankrupt][closing.perpetual].size > 0) size = -size;
        int256 quote = int256((closing.size * mark) / WAD);
        if (size < 0) quote = -quote;
        int256 left = _change(books, closing.bankrupt, closing.perpetual, size, -quote);
        int256 right = _change(books, closing.counterparty, closing.perpetual, -size, quote);
        _post(books, closing.bankrupt, int256(due) + left);
        _post(books, closing.counterparty, right);
    }

    /// @dev What bears the rest of a deleveraging is counted by itself.
    function _countSteps(uint256[3] memory was) private {
        uint256[3] memory now_ = _countsOfSteps();
        _happened("deleverage with haircut", now_[0] != was[0]);
        _happened("deleverage with lenders", now_[1] != was[1]);
        _happened("deleverage with deficit", now_[2] != was[2]);
    }

    function _countsOfSteps() private view returns (uint256[3] memory) {
        return [calls["haircut"], calls["lenders charged"], calls["deficit"]];
    }

    function _assertDue(Books memory before, Closing memory closing) private view {
        uint256 from = _flaggedAt[closing.bankrupt] + DELAY;
        assertTrue(_flaggedAt[closing.bankrupt] != 0 && block.timestamp >= from, "6.4: closed too early");
        assertLe(block.timestamp, from + FLAG_LIFE, "6.4: closed too late");
        assertLt(_equityIn(before, closing.bankrupt), 0, "6.4: closed with equity");
        assertTrue(closing.perpetual != silent, "6.4: closed without a price");
        assertTrue(_isOpposite(before, closing), "6.4: closed against nobody");
    }

    /// @dev The account has neither gained nor lost but what the waterfall bore of its loss; the counterparty keeps
    /// all that others on its side keep.
    function _assertBorne(
        Books memory before,
        Closing memory closing,
        Books memory expected,
        uint256 due
    ) private view {
        int256 was = _equityIn(before, closing.bankrupt);
        int256 equity = _equityIn(expected, closing.bankrupt);
        assertGe(equity + 12, was + int256(due), "I6: the account's loss was borne");
        assertLe(equity, was + int256(due) + 12, "I6: and no more");
        assertLe(equity, 12, "6.4: nobody gains by being deleveraged");
        int256 size = before.positions[closing.counterparty][closing.perpetual].size;
        uint256 index = 2 * closing.perpetual + (size > 0 ? 0 : 1);
        if (before.indices[index] != expected.indices[index]) return;
        if (before.supplyIndex != expected.supplyIndex) return;
        int256 worth = _equityIn(before, closing.counterparty);
        if (_hasOtherHaircuts(before, expected)) return;
        assertApproxEqAbs(_equityIn(expected, closing.counterparty), worth, 12, "6.4: exposure, not value");
    }

    function _hasOtherHaircuts(Books memory before, Books memory expected) private pure returns (bool) {
        return keccak256(abi.encode(before.indices)) != keccak256(abi.encode(expected.indices));
    }

    function _isOpposite(Books memory books, Closing memory closing) private pure returns (bool) {
        int256 held = books.positions[closing.bankrupt][closing.perpetual].size;
        int256 other = books.positions[closing.counterparty][closing.perpetual].size;
        if (held == 0 || other == 0 || held > 0 == other > 0) return false;
        return closing.size != 0;
    }

    /// @dev No more than both hold is closed, whatever is asked for [wad].
    function _mostClosable(Books memory books, Closing memory closing) private pure returns (uint256) {
        int256 held = books.positions[closing.bankrupt][closing.perpetual].size;
        int256 other = books.positions[closing.counterparty][closing.perpetual].size;
        return _least(_magnitude(held), _magnitude(other));
    }

    function _assertNotDue(Books memory before, Closing memory closing, bytes memory reason) private {
        bytes4 selector = bytes4(reason);
        uint256 from = _flaggedAt[closing.bankrupt] + DELAY;
        if (selector == IClearinghouse.SelfDealing.selector) {
            assertEq(closing.bankrupt, closing.counterparty, "6.4: two accounts");
        } else if (selector == IClearinghouse.DeleverageNotDue.selector) {
            bool isTime = block.timestamp >= from && block.timestamp <= from + FLAG_LIFE;
            assertFalse(_flaggedAt[closing.bankrupt] != 0 && isTime, "6.4: it was time");
        } else if (selector == IClearinghouse.NotOpposite.selector) {
            assertFalse(_isOpposite(before, closing), "6.4: opposite");
        } else if (selector == IClearinghouse.NotBankrupt.selector) {
            assertGe(_equityIn(before, closing.bankrupt), 0, "6.4: bankrupt");
        } else if (selector == IPriceOracle.StalePrice.selector) {
            assertTrue(silent != NOTHING, "6.4: all feeds speak");
        } else {
            _expect(reason, IMarginEngine.RiskNotReduced.selector);
            ++calls["deleverage stopped by the gate"];
        }
        _happened("deleverage not due", selector == IClearinghouse.DeleverageNotDue.selector);
    }

    // ------------------------------------------------------------------ the end

    /// @dev An act: only a debt that nothing is left to pay.
    function _writeOff(uint256 place) internal {
        Books memory expected = _books();
        bool due = expected.cash[place] < 0 && !_hasAnything(expected, place);
        Books memory before = abi.decode(abi.encode(expected), (Books));
        _takesPart(place);
        try _system.clearinghouse.writeOff(_accounts[place]) {
            assertTrue(due, "6.5: written off");
            uint256 debt = uint256(-expected.cash[place]);
            Weights memory none;
            uint256 paid = _expectFundPayment(expected, none, debt);
            _expectSpread(expected, place, none, debt - paid);
            _post(expected, place, int256(debt));
            ++calls["writeOff"];
            _happened("write-off of some size", debt > WAD);
            _verify(expected, false);
        } catch (bytes memory reason) {
            _expect(reason, IClearinghouse.NothingToWriteOff.selector);
            assertFalse(due, "6.5: a debt was not written off");
            _verifyRefused(before, "write-off refused");
        }
    }

    function _hasAnything(Books memory books, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < PERPETUALS; ++i) if (books.positions[place][i].size != 0) return true;
        for (uint256 i = 1; i < TOKENS; ++i) if (books.collateral[place][i] != 0) return true;
        return false;
    }

    /// @dev An act: the fund repays as much as may be drawn without an instrument.
    function _repayDeficit() internal {
        Books memory expected = _books();
        uint256 paid = _expectRepayment(expected);
        _system.clearinghouse.repayDeficit();
        _happened("deficit repaid by the fund", paid != 0);
        ++calls["repayDeficit"];
        _verify(expected, false);
    }

    function _expectRepayment(Books memory expected) private returns (uint256 paid) {
        _expectDistribution(expected);
        Weights memory none;
        if (expected.deficit != 0) paid = _expectFundPayment(expected, none, expected.deficit);
        expected.deficit -= paid;
    }

    /// @dev An act of governance: never below the floor, never while there is a deficit (6.2).
    function _takeFromFund(uint256 place, uint256 cash) internal {
        Books memory before = _books();
        Books memory expected = abi.decode(abi.encode(before), (Books));
        uint256 floor = (_system.clearinghouse.openNotional() * FLOOR_BPS + 9_999) / 10_000;
        _takesPart(place);
        try _system.clearinghouse.takeFromFund(_accounts[place], cash) {
            _expectRepayment(expected);
            assertEq(expected.deficit, 0, "6.2: taken while there is a deficit");
            assertGe(expected.cash[FUND], int256(cash + floor), "6.2: taken below the floor");
            _post(expected, FUND, -int256(cash));
            _post(expected, place, int256(cash));
            ++calls["takeFromFund"];
            _verify(expected, false);
        } catch (bytes memory reason) {
            uint256 income = (before.reserve * 2) / 5 + before.interestReserve;
            if (bytes4(reason) == IClearinghouse.DeficitFirst.selector) {
                assertGe(before.deficit + 1e3, income, "6.2: there is no deficit");
            } else {
                _expect(reason, IClearinghouse.FundBelowFloor.selector);
                int256 has = before.cash[FUND] + int256(income) - int256(before.deficit);
                assertLt(has, int256(cash + floor + 1e3), "6.2: there was enough");
            }
            _verifyRefused(before, "taking from the fund refused");
        }
    }

    // ------------------------------------------------------------------ who is bankrupt

    /// @dev Somebody whose equity is below 0; if there is nobody, prices jump until there is. Any account when that
    /// does not help.
    function _bankrupt(uint256 seed) internal returns (uint256 place) {
        for (uint256 i = 0; i < 4; ++i) {
            Books memory books = _books();
            for (uint256 j = 0; j < ACTORS; ++j) {
                place = (seed + j) % ACTORS;
                if (_equityIn(books, place) < 0) return place;
            }
            if (!_moveAgainstRiskiest(3_000)) break;
        }
        return seed % ACTORS;
    }

    /// @dev Closes all that an account has at today's marks, without fees, against whoever is on the other side.
    function _closeAtMark(uint256 place) internal {
        for (uint256 i = 0; i < 2 * ACTORS; ++i) {
            uint256 perpetual = i % 3;
            int256 held = _sizeOf(place, perpetual);
            uint256 other = _oppositeTo(place, perpetual, i);
            if (perpetual == silent || other == place) continue;
            uint256 size = _least(_magnitude(held), _magnitude(_sizeOf(other, perpetual)));
            Deal memory deal = Deal(place, other, perpetual, int256(size), _answerOf(perpetual), 0, 0, 0, true);
            if (held > 0) deal.size = -deal.size;
            _clearOne(deal);
        }
    }

    /// @dev Who holds the other side; the account itself when nobody does.
    function _oppositeTo(uint256 taker, uint256 perpetual, uint256 seed) internal view returns (uint256 maker) {
        int256 held = _sizeOf(taker, perpetual);
        for (uint256 i = 0; i < ACTORS; ++i) {
            maker = (taker + seed + i) % ACTORS;
            int256 other = _sizeOf(maker, perpetual);
            if (held > 0 ? other < 0 : held < 0 && other > 0) return maker;
        }
        return taker;
    }

    /// @dev An account with a position and one on the other side; the same twice when there is none.
    function _oppositesOf(uint256 seed, uint256 perpetual) internal view returns (uint256 taker, uint256 maker) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            taker = (seed + i) % ACTORS;
            if (_sizeOf(taker, perpetual) != 0) break;
        }
        int256 held = _sizeOf(taker, perpetual);
        for (uint256 i = 1; i < ACTORS; ++i) {
            maker = (taker + i) % ACTORS;
            int256 other = _sizeOf(maker, perpetual);
            if (held > 0 ? other < 0 : held < 0 && other > 0) return (taker, maker);
        }
        return (taker, taker);
    }
}
