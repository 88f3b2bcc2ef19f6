// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {TokenHandler} from "./TokenHandler.sol";
import {IClearinghouse} from "../../../contracts/interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Delta, Margin} from "../../../contracts/types/Portfolio.sol";
import {Trade} from "../../../contracts/types/Trade.sol";

/// @title TradeHandler
/// @notice Trades, singly, in batches and by signed orders, and the settlement of variation. Section 1's ledger says
/// what they change (BooksModel); each error that stops one is justified by the state that it found.
abstract contract TradeHandler is TokenHandler {
    /// @dev A trade in the handler's words.
    struct Deal {
        uint256 taker;
        uint256 maker;
        uint256 perpetual;
        /// [wad]
        int256 size;
        uint256 price;
        uint256 takerFee;
        uint256 makerFee;
        uint256 builderFee;
        bool reduceOnly;
    }

    /// @dev A batch as far as it is worked out: what the taker's run adds up to, and the cash of all.
    struct Tally {
        int256 size;
        int256 quote;
        uint256 openBefore;
        uint256 counted;
        int256 premium;
        /// By account; it is posted at the end, once for each.
        int256[11] cash;
    }

    /// @dev Of the account with a fee tier of its own.
    uint256 internal constant FAVOURED = 3;

    /// @dev The mark at which each perpetual was last traded [wad].
    uint256[3] internal _lastMark;

    // ------------------------------------------------------------------ acts

    function _clearOne(Deal memory deal) internal {
        Deal[] memory deals = new Deal[](1);
        deals[0] = deal;
        _clear(deals);
    }

    /// @dev An act: one call of a venue, for any number of trades.
    function _clear(Deal[] memory deals) internal {
        Books memory before = _books();
        Books memory expected = _expectedOf(before, deals);
        Trade[] memory trades = new Trade[](deals.length);
        for (uint256 i = 0; i < deals.length; ++i) trades[i] = _tradeOf(deals[i]);
        Margin[2] memory foreseen;
        if (deals.length == 1 && silent == NOTHING) foreseen = _foreseenOf(deals[0]);

        try _system.clearinghouse.clear(trades) {
            _assertAllowed(before, expected, deals);
            if (deals.length == 1 && silent == NOTHING) _assertForeseen(deals[0], foreseen);
            for (uint256 i = 0; i < deals.length; ++i) {
                if (deals[i].perpetual != silent) _lastMark[deals[i].perpetual] = _answerOf(deals[i].perpetual);
                else ++calls["closed at the last mark"];
            }
            ++calls[
                deals.length > 1
                    ? bytes32("batch")
                    : deals[0].reduceOnly
                        ? bytes32("close")
                        : bytes32("trade")
            ];
            _verify(expected, false);
        } catch (bytes memory reason) {
            _assertJustified(before, expected, deals, reason);
            _verifyRefused(before, "trade refused");
        }
    }

    /// @dev A third have a trigger on one side: within 0.2 % of the index price, at times at it, so that most are due or
    /// nearly so.
    function _drawTrigger(Signed memory signed, uint256 seed) internal pure {
        if (seed % 3 != 0) return;
        signed.triggerPrice = uint128((uint256(signed.price) * (998 + ((seed >> 4) % 5))) / 1_000);
        signed.isTriggerAbove = (seed >> 8) % 2 == 0;
        signed.isTriggerOfTaker = (seed >> 9) % 2 == 0;
    }

    /// @dev What was filled was due, at a price that is fresh.
    function _assertTriggered(Signed memory signed, uint256 perpetual) internal {
        if (signed.triggerPrice == 0) return;
        assertTrue(_isTriggered(signed, _answerOf(perpetual)), "I4: an order before its price");
        assertNotEq(perpetual, silent, "5: a trigger at a price that is not fresh");
        ++calls["trigger filled"];
    }

    /// @dev Whether there is a price, and an order's trigger is not reached by it: nothing else may stop it then.
    function _waits(Signed memory signed, uint256 perpetual) internal returns (bool waits) {
        waits = perpetual != silent && !_isTriggered(signed, _answerOf(perpetual));
        _happened("trigger not reached", waits);
    }

    /// @dev Everyone pays the venue what its order says: the Exchange's rates on the notional, rounded up.
    function _expectSigned(Books memory books, Signed memory signed, uint256 taker, uint256 maker) internal {
        Deal memory deal;
        (deal.taker, deal.maker) = (taker, maker);
        (deal.perpetual, deal.size) = (signed.instrument.underlyingOf() - 1, signed.size);
        deal.price = signed.price;
        uint256 notional = (_magnitude(deal.size) * deal.price + WAD - 1) / WAD;
        deal.takerFee = (notional * (taker == FAVOURED ? 3 : 5) + 9_999) / 10_000;
        deal.makerFee = maker == FAVOURED ? 0 : (notional + 9_999) / 10_000;
        Deal[] memory deals = new Deal[](1);
        deals[0] = deal;
        _expectDeals(books, deals);
        _happened("fee tier", taker == FAVOURED || maker == FAVOURED);
    }

    /// @dev Who owns the account, or has TRADE, at any time; anyone when it is a loss, or the account is below initial
    /// margin. Equity stays as it is but for 2 wei a position, and everything that the positions had won is cash.
    function _settleVariation(uint256 place, uint256 seed) internal {
        Books memory before = _books();
        (address caller, bool allowed) = _callerOf(place, 0, seed);
        (bool priced, Margin memory margin) = _tryMarginOf(place);
        Books memory expected = abi.decode(abi.encode(before), (Books));
        int256 variation;
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            int256 size = before.positions[place][i].size;
            if (size == 0) continue;
            int256 value = _mulFloor(size, int256(_answerOf(i))) + _realQuote(before, place, i);
            _change(expected, place, i, 0, -value);
            variation += value;
        }
        _post(expected, place, variation);
        bool due = priced && (variation < 0 || margin.equity < int256(margin.initial));
        _takesPart(place);
        vm.prank(caller);
        try _system.clearinghouse.settleVariation(_accounts[place]) {
            assertTrue(allowed || due || _isRead(before, place), "I4: variation settled by a stranger");
            assertTrue(allowed || due || variation < 0, "I4: a gain was settled by a stranger");
            int256 lost = _equityIn(before, place) - _equityIn(expected, place);
            assertTrue(lost >= 0 && lost <= 10, "I8: settling variation leaves equity as it is");
            _happened("variation called by a stranger", !allowed);
            _happened("loss called by a stranger", !allowed && variation < 0);
            ++calls["settleVariation"];
            _verify(expected, false);
        } catch (bytes memory reason) {
            assertFalse(priced && (allowed || due), "variation is due, but refused");
            _expect(reason, priced ? IClearinghouse.VariationNotDue.selector : IPriceOracle.StalePrice.selector);
            _verifyRefused(before, "variation refused");
        }
    }

    /// @dev Whether the marks of all positions can be read: settling variation asks for no other price.
    function _isRead(Books memory books, uint256 place) private view returns (bool) {
        return silent >= PERPETUALS || books.positions[place][silent].size == 0;
    }

    function _distributeFees() internal {
        Books memory expected = _books();
        _expectDistribution(expected);
        _system.clearinghouse.distributeFees();
        ++calls["distributeFees"];
        _verify(expected, false);
    }

    // ------------------------------------------------------------------ what a trade does

    function _expectedOf(Books memory before, Deal[] memory deals) private returns (Books memory expected) {
        expected = abi.decode(abi.encode(before), (Books));
        for (uint256 i = 0; i < deals.length; ++i) {
            _takesPart(deals[i].taker);
            _takesPart(deals[i].maker);
        }
        _expectDeals(expected, deals);
    }

    /// @dev One figure with both signs: what one side pays, the other receives. Fees leave the real quote. Trades of
    /// one taker in one instrument that follow each other are one write for it. What closed positions leave, and
    /// builders' fees, are cash at the end.
    function _expectDeals(Books memory books, Deal[] memory deals) private {
        Tally memory tally;
        for (uint256 i = 0; i < deals.length; ++i) {
            Deal memory deal = deals[i];
            if (i == 0 || !_isOneRun(deals[i - 1], deal)) tally.openBefore = books.openInterest[deal.perpetual];
            else ++calls["run of one taker"];
            _expectDeal(books, deal, tally);
            if (i + 1 < deals.length && _isOneRun(deal, deals[i + 1])) continue;
            tally.cash[deal.taker] += _change(books, deal.taker, deal.perpetual, tally.size, tally.quote);
            uint256 open = books.openInterest[deal.perpetual];
            if (open < tally.openBefore) open = tally.openBefore;
            if (deal.perpetual != silent) {
                _expectFunding(books, deal.perpetual, tally.counted, tally.premium, open);
            }
            (tally.size, tally.quote, tally.counted, tally.premium) = (0, 0, 0, 0);
        }
        for (uint256 i = 0; i < PARTIES; ++i) _post(books, i, tally.cash[i]);
        for (uint256 i = 0; i < deals.length; ++i) _post(books, BUILDER, int256(deals[i].builderFee));
    }

    /// @dev The maker's side of a trade, and what it adds to the taker's run.
    function _expectDeal(Books memory books, Deal memory deal, Tally memory tally) private {
        uint256 notional = (_magnitude(deal.size) * deal.price) / WAD;
        int256 quote = deal.size < 0 ? -int256(notional) : int256(notional);
        uint256 fees = deal.takerFee + deal.makerFee;
        books.reserve += fees;
        tally.size += deal.size;
        tally.quote -= quote + int256(deal.takerFee);
        quote -= int256(deal.makerFee + deal.builderFee);
        tally.cash[deal.maker] += _change(books, deal.maker, deal.perpetual, -deal.size, quote);
        // A trade with oneself says nothing of the price, and one that paid less than 5 bps less than one that did.
        if (deal.perpetual == silent || _ownerOf(deal.taker) == _ownerOf(deal.maker)) return;
        uint256 counted = _least(notional, fees * 2_000);
        tally.counted += counted;
        if (counted != 0) {
            tally.premium += _observed(deal.perpetual, deal.price, _answerOf(deal.perpetual)) * int256(counted);
        }
    }

    function _isOneRun(Deal memory deal, Deal memory next) private pure returns (bool) {
        return deal.taker == next.taker && deal.perpetual == next.perpetual;
    }

    function _tradeOf(Deal memory deal) private view returns (Trade memory trade) {
        trade.instrument = _system.perpetuals[deal.perpetual];
        (trade.size, trade.price) = (int128(deal.size), uint128(deal.price));
        (trade.taker.account, trade.maker.account) = (_accounts[deal.taker], _accounts[deal.maker]);
        (trade.taker.reduceOnly, trade.maker.reduceOnly) = (deal.reduceOnly, deal.reduceOnly);
        (trade.taker.fee, trade.maker.fee) = (uint128(deal.takerFee), uint128(deal.makerFee));
        trade.maker.builderFee = uint128(deal.builderFee);
        trade.maker.builder = _ownerOf(BUILDER);
    }

    /// @dev I10: what the view says of both sides before the trade [taker, maker].
    function _foreseenOf(Deal memory deal) private view returns (Margin[2] memory foreseen) {
        Delta[] memory deltas = new Delta[](1);
        deltas[0] = Delta(_system.perpetuals[deal.perpetual], int128(deal.size), uint128(deal.price));
        foreseen[0] = _system.engine.marginWith(_accounts[deal.taker], deltas, -int256(deal.takerFee));
        deltas[0].size = -deltas[0].size;
        foreseen[1] = _system.engine.marginWith(
            _accounts[deal.maker],
            deltas,
            -int256(deal.makerFee + deal.builderFee)
        );
    }

    function _assertForeseen(Deal memory deal, Margin[2] memory foreseen) private view {
        for (uint256 i = 0; i < 2; ++i) {
            Margin memory margin = _marginOf(i == 0 ? deal.taker : deal.maker);
            assertApproxEqAbs(margin.equity, foreseen[i].equity, 6, "I10: equity foreseen");
            assertEq(margin.maintenance, foreseen[i].maintenance, "I10: maintenance foreseen");
        }
    }

    // ------------------------------------------------------------------ what may stop a trade

    /// @dev What cleared was within freezes, caps and marks; who is below initial margin now only reduced.
    function _assertAllowed(Books memory before, Books memory expected, Deal[] memory deals) private {
        for (uint256 i = 0; i < deals.length; ++i) {
            Deal memory deal = deals[i];
            assertFalse(deals.length == 1 && _exceedsCap(before, expected, deal.perpetual), "above the cap");
            if (deal.perpetual == silent) {
                assertEq(deal.price, _lastMark[deal.perpetual], "5: reductions at the last mark");
                assertEq(deal.builderFee, 0, "5: no builder's fee at the last mark");
            }
            bool mustReduce = _isFrozen(deal.perpetual) || deal.perpetual == silent || deal.reduceOnly;
            for (uint256 j = 0; j < 2; ++j) {
                uint256 place = j == 0 ? deal.taker : deal.maker;
                if (mustReduce) _assertReduced(before, expected, place, deal.perpetual);
                (bool priced, Margin memory margin) = _tryMarginOf(place);
                if (priced && margin.equity >= int256(margin.initial)) continue;
                for (uint256 k = 0; k < PERPETUALS; ++k) _assertReduced(before, expected, place, k);
                ++calls["reduced below initial"];
            }
            _happened("open interest add-on", _crowded(expected, deal.perpetual));
        }
    }

    function _assertReduced(Books memory before, Books memory expected, uint256 place, uint256 perpetual) private pure {
        (int256 was, int256 size) = (
            before.positions[place][perpetual].size,
            expected.positions[place][perpetual].size
        );
        assertTrue(was >= 0 ? size >= 0 && size <= was : size <= 0 && size >= was, "4: only reductions pass");
    }

    function _assertJustified(
        Books memory before,
        Books memory expected,
        Deal[] memory deals,
        bytes memory reason
    ) private {
        bytes4 selector = bytes4(reason);
        (bool frozen, bool exceeded, bool stale) = (false, false, silent != NOTHING);
        for (uint256 i = 0; i < deals.length; ++i) {
            frozen = frozen || _isFrozen(deals[i].perpetual) || deals[i].perpetual == silent;
            exceeded = exceeded || deals.length > 1 || _exceedsCap(before, expected, deals[i].perpetual);
        }
        if (selector == IClearinghouse.NotReducing.selector) {
            assertTrue(frozen, "not frozen");
            ++calls["frozen"];
        } else if (selector == IClearinghouse.OpenInterestCapExceeded.selector) {
            assertTrue(exceeded, "the cap has room");
            ++calls["open interest cap"];
        } else if (selector == IPriceOracle.StalePrice.selector) {
            assertTrue(stale, "no feed is silent");
            ++calls["trade waits for a price"];
        } else if (
            selector == IClearinghouse.PriceOutsideBand.selector ||
            selector == IClearinghouse.BuilderFeeAtLastMark.selector ||
            selector == IClearinghouse.BelowMaintenanceAtLastMark.selector
        ) {
            assertTrue(stale, "the mark is today's");
        } else {
            _expect(reason, IMarginEngine.RiskNotReduced.selector);
            ++calls["risk not reduced"];
        }
    }

    function _exceedsCap(Books memory before, Books memory expected, uint256 perpetual) private view returns (bool) {
        uint256 open = expected.openInterest[perpetual];
        return
            open > before.openInterest[perpetual] &&
            (open * _answerOf(perpetual) + WAD - 1) / WAD > _rulesOf(perpetual).openInterestCap();
    }

    /// @dev Section 9: initial margin rises where more than 10 times the fund, or governance's figure, is open.
    function _crowded(Books memory books, uint256 perpetual) private view returns (bool) {
        uint256 base = _system.rules.liquidationRules().openInterestBase();
        if (books.cash[FUND] > int256(base)) base = uint256(books.cash[FUND]);
        return (books.openInterest[perpetual] * _answerOf(perpetual)) / WAD > 10 * base;
    }
}
