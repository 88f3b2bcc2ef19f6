// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {LiquidationRules} from "../types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "../types/LiquidationTerms.sol";
import {KnownMarket, MarketCache, cacheOf} from "../types/MarketCache.sol";
import {Acts, Delta} from "../types/Portfolio.sol";
import {OpenPosition} from "../types/Position.sol";
import {Posting} from "../types/Trade.sol";
import {Book, Sides} from "./Book.sol";
import {cachedOrLastPrice, cachedPrice} from "./CachedPrice.sol";
import {Ledger} from "./Ledger.sol";
import {Liquidation} from "./Liquidation.sol";
import {Loss, Partners, Waterfall} from "./Waterfall.sol";

/// @title DefaultProcess
/// @notice What happens to an account below the line: somebody takes it over (`liquidate`), or it is closed against those on
/// the other side (`flag`, `deleverage`), and what debt is left at the end is written off (`writeOff`). An external
/// library, linked into the clearinghouse to keep it small: it works on the clearinghouse's storage, in its name, and has
/// none of its own. Its functions are documented in IClearinghouse.
library DefaultProcess {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @notice A liquidation that is asked for; see IClearinghouse.
    struct Takeover {
        AccountId account;
        AccountId liquidator;
        uint256 maxFraction;
        int256 maxPayment;
    }

    /// @notice A deleveraging that is asked for; see IClearinghouse.
    struct Closing {
        AccountId bankrupt;
        AccountId counterparty;
        InstrumentId instrument;
        uint256 size;
    }

    /// @dev So long after its delay a flag is good [seconds].
    uint256 private constant FLAG_LIFE = 1 days;

    // Liquidation

    /// @notice See IClearinghouse.
    function liquidate(
        Book storage book,
        Partners memory partners,
        Takeover memory takeover
    ) external returns (uint256, int256) {
        if (takeover.account == takeover.liquidator) revert IClearinghouse.SelfDealing(takeover.account);
        _requireNotFund(partners, takeover.account);
        _requireNotFund(partners, takeover.liquidator);

        (LiquidationTerms memory terms, KnownMarket[] memory known) = partners.engine.liquidationTermsOf(
            takeover.account,
            takeover.maxFraction
        );
        LiquidationSettlement memory settlement = _settle(book, partners, takeover.account, terms, known);
        if (settlement.payment > takeover.maxPayment) {
            revert IClearinghouse.PaymentAboveMaximum(settlement.payment, takeover.maxPayment);
        }
        _take(book, partners, takeover, terms, settlement);
        // Of a bankruptcy that is over nothing is left for the next one.
        if (terms.equity < 0 && terms.fraction == WadMath.WAD) _endFlag(book, takeover.account, terms.equity);
        partners.engine.requireInitialOfLiquidator(takeover.liquidator, known);
        return (terms.fraction, settlement.payment);
    }

    /// @dev Finds who pays what for a slice, draws what the fund pays, and spreads what neither the account nor the fund
    /// can bear: before the slice moves, while the flat book guarantees that the account's positions have another side.
    function _settle(
        Book storage book,
        Partners memory partners,
        AccountId account,
        LiquidationTerms memory terms,
        KnownMarket[] memory known
    ) private returns (LiquidationSettlement memory settlement) {
        uint256 due = Liquidation.dueFromFund(terms);
        if (due == 0) return Liquidation.settlementOf(terms, 0);
        Loss memory loss = Loss(account, due, _indexPricesOf(book, partners, account, known));
        settlement = Liquidation.settlementOf(terms, Waterfall.drawFund(book, partners, loss));
        loss.due = settlement.loss;
        Waterfall.spread(book, partners, loss);
    }

    /// @dev Moves a slice and posts the cash for it.
    function _take(
        Book storage book,
        Partners memory partners,
        Takeover memory takeover,
        LiquidationTerms memory terms,
        LiquidationSettlement memory settlement
    ) private {
        Posting[] memory postings = new Posting[](3);
        (postings[0].account, postings[1].account) = (takeover.account, takeover.liquidator);
        InstrumentId[] memory instruments = book.instruments[takeover.account].values();
        int256 fraction = terms.fraction.toInt256();
        for (uint256 i = 0; i < instruments.length; ++i) {
            (int256 given, int256 taken) = book.movePart(
                takeover.account,
                takeover.liquidator,
                instruments[i],
                fraction
            );
            postings[0].cash += given;
            postings[1].cash += taken;
        }
        emit IClearinghouse.Liquidated(
            takeover.account,
            takeover.liquidator,
            terms.fraction,
            terms.equity,
            terms.maintenance,
            settlement.payment,
            settlement.toAccount,
            settlement.toInsurance
        );
        postings[0].cash += settlement.toAccount.toInt256();
        postings[1].cash -= settlement.payment;
        postings[2] = Posting({account: partners.fund, cash: Waterfall.afterDeficit(book, settlement.toInsurance)});
        partners.vault.moveSlice(terms.fraction, postings);
    }

    // Deleveraging

    /// @notice See IClearinghouse.
    function flag(Book storage book, Partners memory partners, AccountId account) external {
        _requireNotFund(partners, account);
        uint256 flaggedAt = book.flags[account];
        (int256 equity, ) = partners.engine.equityForLiquidation(account);
        if (equity >= 0) {
            if (flaggedAt == 0) revert IClearinghouse.NotBankrupt(account, equity);
            _endFlag(book, account, equity);
            return;
        }
        // A flag that is good is not renewed, or somebody could keep its delay from ever ending.
        uint256 delay = partners.rules.liquidationRules().deleverageDelay();
        if (flaggedAt != 0 && block.timestamp <= flaggedAt + delay + FLAG_LIFE) {
            revert IClearinghouse.AlreadyFlagged(account, flaggedAt);
        }
        book.flags[account] = block.timestamp;
        emit IClearinghouse.Flagged(account, equity);
    }

    /// @notice See IClearinghouse.
    function deleverage(Book storage book, Partners memory partners, Closing memory closing) external {
        if (closing.bankrupt == closing.counterparty) revert IClearinghouse.SelfDealing(closing.bankrupt);
        _requireDue(book, partners, closing.bankrupt);
        int256 size = _closable(book, closing);
        closing.size = WadMath.abs(size);
        (int256 equity, KnownMarket[] memory known) = partners.engine.equityForLiquidation(closing.bankrupt);
        if (equity >= 0) revert IClearinghouse.NotBankrupt(closing.bankrupt, equity);

        Loss memory loss;
        loss.account = closing.bankrupt;
        loss.indexPrices = _indexPricesOf(book, partners, closing.bankrupt, known);
        uint256 mark = _markOf(partners, closing.instrument, known);
        loss.due = _shareOf(book, closing, loss, mark, uint256(-equity));

        Posting[] memory postings = new Posting[](2);
        postings[0] = Posting({account: closing.bankrupt, cash: loss.due.toInt256()});
        postings[1].account = closing.counterparty;
        emit IClearinghouse.Deleveraged(
            closing.bankrupt,
            closing.counterparty,
            closing.instrument,
            size,
            mark,
            loss.due
        );
        Waterfall.bear(book, partners, loss);
        if (postings[0].cash == -equity) _endFlag(book, closing.bankrupt, equity);
        _close(book, closing, size, mark, postings);
        partners.vault.post(postings);
        _requireGate(partners, closing, size, mark, known);
    }

    /// @dev The flag is as old as it must be, and not older than it may be.
    function _requireDue(Book storage book, Partners memory partners, AccountId account) private view {
        uint256 flaggedAt = book.flags[account];
        uint256 due = flaggedAt + partners.rules.liquidationRules().deleverageDelay();
        if (flaggedAt == 0 || block.timestamp < due || block.timestamp > due + FLAG_LIFE) {
            revert IClearinghouse.DeleverageNotDue(account, flaggedAt == 0 ? 0 : due);
        }
    }

    /// @dev What the bankrupt account's size changes by: as much as was asked for and both hold [wad]. So neither can
    /// make the call fail by a trade just before it.
    function _closable(Book storage book, Closing memory closing) private view returns (int256 size) {
        int256 held = book.positions[closing.bankrupt][closing.instrument].size;
        int256 opposite = book.positions[closing.counterparty][closing.instrument].size;
        uint256 most = FixedPointMathLib.min(WadMath.abs(held), WadMath.abs(opposite));
        size = FixedPointMathLib.min(closing.size, most).toInt256();
        if (held > 0) size = -size;
        bool opposed = held > 0 ? opposite < 0 : opposite > 0;
        if (size == 0 || !opposed) {
            revert IClearinghouse.NotOpposite(closing.instrument, held, opposite, closing.size);
        }
    }

    /// @dev Today's price, or a revert with the oracle's reason.
    function _markOf(
        Partners memory partners,
        InstrumentId instrument,
        KnownMarket[] memory known
    ) private view returns (uint256) {
        KnownMarket memory market = cacheOf(known).entryOf(instrument.underlyingOf());
        if (market.isLast) return partners.oracle.price(market.underlying);
        return cachedPrice(partners.oracle, market);
    }

    /// @dev The part of an account's loss that goes with what is closed, by |size| x index price, rounded up: all of it with
    /// the last position that has a price.
    function _shareOf(
        Book storage book,
        Closing memory closing,
        Loss memory loss,
        uint256 mark,
        uint256 whole
    ) private view returns (uint256) {
        OpenPosition[] memory open = book.openPositionsOf(loss.account);
        (, uint256 total) = Waterfall.weightsOf(open, loss.indexPrices);
        uint256 closed = WadMath.mulUp(closing.size, mark);
        return closed >= total ? whole : FixedPointMathLib.fullMulDivUp(whole, closed, total);
    }

    /// @dev A trade at the mark without fees, both sides reduced by the same.
    function _close(
        Book storage book,
        Closing memory closing,
        int256 size,
        uint256 mark,
        Posting[] memory postings
    ) private {
        InstrumentId instrument = closing.instrument;
        Sides memory sides = book.sidesOf(instrument);
        int256 quote = Ledger.tradeQuote(size, mark);
        postings[0].cash += book.change(closing.bankrupt, instrument, sides, size, -quote);
        postings[1].cash += book.change(closing.counterparty, instrument, sides, -size, quote);
        book.setOpenInterest(instrument, sides.openInterest);
    }

    /// @dev The counterparty loses exposure, not value; it passes the same gate as after a trade.
    function _requireGate(
        Partners memory partners,
        Closing memory closing,
        int256 size,
        uint256 mark,
        KnownMarket[] memory known
    ) private view {
        AccountId[] memory accounts = new AccountId[](1);
        accounts[0] = closing.counterparty;
        if (partners.engine.belowInitial(accounts, known) == 0) return;
        Acts memory acts;
        acts.trades = new Delta[](1);
        acts.trades[0] = Delta(closing.instrument, (-size).toInt128(), mark.toUint128());
        partners.engine.requireSafer(closing.counterparty, acts, known);
    }

    // The end

    /// @notice See IClearinghouse.
    function writeOff(Book storage book, Partners memory partners, AccountId account) external {
        _requireNotFund(partners, account);
        (int256 cash, uint256 tokens, ) = partners.vault.balancesOf(account);
        if (cash >= 0 || tokens != 0 || book.instruments[account].length() != 0) {
            revert IClearinghouse.NothingToWriteOff(account, cash);
        }
        uint256 debt = uint256(-cash);
        Loss memory loss = Loss({account: account, due: debt, indexPrices: new uint256[](0)});
        uint256 paid = Waterfall.bear(book, partners, loss);
        emit IClearinghouse.WrittenOff(account, debt, paid);
        Waterfall.post(partners, account, debt.toInt256());
    }

    // The insurance fund

    /// @notice See IClearinghouse.
    function distributeFees(Book storage book, Partners memory partners) external {
        Waterfall.distribute(book, partners);
    }

    /// @notice See IClearinghouse.
    function repayDeficit(Book storage book, Partners memory partners) external {
        Waterfall.repayFromFund(book, partners);
    }

    /// @notice See IClearinghouse.
    function takeFromFund(Book storage book, Partners memory partners, AccountId to, uint256 cash) external {
        _requireNotFund(partners, to);
        Waterfall.repayFromFund(book, partners);
        if (book.deficit != 0) revert IClearinghouse.DeficitFirst(book.deficit);
        LiquidationRules rules = partners.rules.liquidationRules();
        uint256 floor = WadMath.bpsUp(uint256(book.openNotional) * WadMath.WAD, rules.fundFloorBps());
        int256 left = partners.vault.cashOf(partners.fund) - cash.toInt256();
        if (left < floor.toInt256()) revert IClearinghouse.FundBelowFloor(left, floor);
        emit IClearinghouse.FundTaken(to, cash, uint256(left));
        Posting[] memory postings = new Posting[](2);
        postings[0] = Posting({account: partners.fund, cash: -cash.toInt256()});
        postings[1] = Posting({account: to, cash: cash.toInt256()});
        partners.vault.post(postings);
    }

    /// @notice See IClearinghouse.
    function fundPaymentOf(
        Book storage book,
        Partners memory partners,
        AccountId account,
        uint256 due
    ) external view returns (uint256) {
        uint256[] memory prices = _indexPricesOf(book, partners, account, new KnownMarket[](0));
        return Waterfall.fundPaymentOf(book, partners, Loss(account, due, prices));
    }

    // Internals

    /// @dev An account without a flag is not said to have lost one.
    function _endFlag(Book storage book, AccountId account, int256 equity) private {
        if (book.flags[account] == 0) return;
        delete book.flags[account];
        emit IClearinghouse.FlagRemoved(account, equity);
    }

    /// @dev The fund bears losses of others; it is no party itself, whatever it has.
    function _requireNotFund(Partners memory partners, AccountId account) private pure {
        if (account == partners.fund) revert IClearinghouse.FundIsNoParty();
    }

    /// @dev The price of each instrument of an account; 0 where there is none now: nobody is charged by an old one.
    function _indexPricesOf(
        Book storage book,
        Partners memory partners,
        AccountId account,
        KnownMarket[] memory known
    ) private view returns (uint256[] memory prices) {
        InstrumentId[] memory instruments = book.instruments[account].values();
        prices = new uint256[](instruments.length);
        MarketCache memory cache = cacheOf(known);
        for (uint256 i = 0; i < prices.length; ++i) {
            KnownMarket memory market = cache.entryOf(instruments[i].underlyingOf());
            cachedOrLastPrice(partners.oracle, market);
            if (!market.isLast) prices[i] = market.price;
        }
    }
}
