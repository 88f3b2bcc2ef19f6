// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Batch, Run, actsOf, newBatch} from "./clearing/Batch.sol";
import {Book, Market, Sides, wholeNotional} from "./clearing/Book.sol";
import {cachedPrice} from "./clearing/CachedPrice.sol";
import {ClearinghouseWiring} from "./clearing/ClearinghouseWiring.sol";
import {DefaultProcess} from "./clearing/DefaultProcess.sol";
import {Funding} from "./clearing/Funding.sol";
import {calledAtIn, withCallNow} from "./clearing/InstrumentSet.sol";
import {Ledger} from "./clearing/Ledger.sol";
import {requireBelowCap, requireInBand} from "./clearing/TradeRules.sol";
import {Partners} from "./clearing/Waterfall.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId, accountIdOf} from "./types/AccountId.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {FundingRules} from "./types/FundingRules.sol";
import {KnownMarket, MarketCache, newMarketCache} from "./types/MarketCache.sol";
import {LIQUIDATE, TRADE} from "./types/Permissions.sol";
import {Margin} from "./types/Portfolio.sol";
import {OpenPosition, Position} from "./types/Position.sol";
import {SizeBrackets} from "./types/SizeBrackets.sol";
import {Posting, Trade} from "./types/Trade.sol";

/// @title Clearinghouse
/// @notice Holds every position. See IClearinghouse.
/// @dev Every act has the same skeleton: who may, what it is, change the book, post the cash, check the accounts.
/// Tokens are never moved here, and only contracts of governance's choice are called.
contract Clearinghouse is ClearinghouseWiring {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev The least time between two margin calls of an account [seconds].
    uint256 private constant CALL_INTERVAL = 1 hours;
    IVault private immutable VAULT;
    IPriceOracle private immutable ORACLE;
    IRules private immutable RULES;
    AccountId private immutable FUND;

    Book private _book;

    constructor(address authority, IVault vault, IPriceOracle oracle, IRules rules) AccessManaged(authority) {
        VAULT = vault;
        ORACLE = oracle;
        RULES = rules;
        // This contract never acts as an owner, so an account of its own has no key.
        FUND = accountIdOf(address(this), 0);
    }

    // Venues

    /// @inheritdoc IClearinghouse
    function clear(Trade[] calldata trades) external {
        if (!_venues[msg.sender]) revert NotVenue(msg.sender);
        IMarginEngine engine = _engine();
        Batch memory batch = newBatch(trades.length);
        batch.onlyReducing = _wiring.depegged;

        for (uint256 i = 0; i < trades.length; ++i) _novate(trades[i], batch);
        _closeRun(batch);

        _note(batch);
        Posting[] memory postings = batch.postingsOf();
        if (postings.length != 0) VAULT.post(postings);
        _checkParties(engine, trades, batch);
    }

    // Owners and keepers

    /// @inheritdoc IClearinghouse
    /// @dev A loss is due to everybody: who settled only gains would lend, at the others' cost, what nobody has borrowed.
    function settleVariation(AccountId account) external {
        IMarginEngine engine = _engine();
        OpenPosition[] memory open = _book.openPositionsOf(account);
        MarketCache memory cache = newMarketCache(open.length);
        int256[] memory values = new int256[](open.length);
        int256 variation;
        for (uint256 i = 0; i < open.length; ++i) {
            uint256 mark = cachedPrice(ORACLE, cache.entryOf(open[i].instrument.underlyingOf()));
            values[i] = Ledger.valueOf(open[i].size, open[i].realQuote, mark);
            variation += values[i];
        }
        if (variation >= 0 && !VAULT.isAuthorized(account, msg.sender, TRADE)) {
            Margin memory margin = engine.marginOf(account);
            if (margin.equity >= margin.initial.toInt256()) {
                revert VariationNotDue(account, margin.equity, margin.initial);
            }
        }

        for (uint256 i = 0; i < open.length; ++i) {
            InstrumentId instrument = open[i].instrument;
            _book.change(account, instrument, _book.sidesOf(instrument), 0, -values[i]);
        }
        emit VariationSettled(account, variation);
        Posting[] memory postings = new Posting[](1);
        postings[0] = Posting({account: account, cash: variation});
        VAULT.post(postings);
    }

    /// @inheritdoc IClearinghouse
    function accrueFunding(InstrumentId instrument) external {
        (, SizeBrackets brackets) = RULES.tradingRules(instrument);
        Market storage market = _book.markets[instrument];
        int16 interest = brackets.fundingRules().interestMillionths();
        if (interest == market.interest) return;
        _book.setFunding(instrument, _book.sidesOf(instrument), market.lastMark, interest, market.premiumNow());
    }

    /// @inheritdoc IClearinghouse
    function liquidate(
        AccountId account,
        AccountId liquidator,
        uint256 maxFraction,
        int256 maxPayment
    ) external returns (uint256, int256) {
        VAULT.requireAuthorized(liquidator, msg.sender, LIQUIDATE);
        DefaultProcess.Takeover memory takeover = DefaultProcess.Takeover({
            account: account,
            liquidator: liquidator,
            maxFraction: maxFraction,
            maxPayment: maxPayment
        });
        return DefaultProcess.liquidate(_book, _partners(), takeover);
    }

    /// @inheritdoc IClearinghouse
    function callMargin(AccountId account) external {
        // Read once: the margin is a view's, so nothing changes the word before it is written.
        mapping(uint256 place => uint256 word) storage words = _book.instruments[account].words;
        uint256 word = words[0];
        uint256 earliest = calledAtIn(word) + CALL_INTERVAL;
        if (block.timestamp < earliest) revert MarginCallTooSoon(account, earliest);
        Margin memory margin = _engine().marginOf(account);
        int256 shortfall = margin.initial.toInt256() - margin.equity;
        if (shortfall <= 0) revert NoMarginCall(account, margin.equity, margin.initial);

        words[0] = withCallNow(word);

        emit MarginCalled(account, margin.equity, margin.initial, margin.maintenance, uint256(shortfall));
    }

    /// @inheritdoc IClearinghouse
    function flag(AccountId account) external {
        DefaultProcess.flag(_book, _partners(), account);
    }

    /// @inheritdoc IClearinghouse
    function deleverage(AccountId bankrupt, AccountId counterparty, InstrumentId instrument, uint128 size) external {
        DefaultProcess.Closing memory closing = DefaultProcess.Closing({
            bankrupt: bankrupt,
            counterparty: counterparty,
            instrument: instrument,
            size: size
        });
        DefaultProcess.deleverage(_book, _partners(), closing);
    }

    /// @inheritdoc IClearinghouse
    function writeOff(AccountId account) external {
        DefaultProcess.writeOff(_book, _partners(), account);
    }

    /// @inheritdoc IClearinghouse
    function distributeFees() external {
        DefaultProcess.distributeFees(_book, _partners());
    }

    /// @inheritdoc IClearinghouse
    function repayDeficit() external {
        DefaultProcess.repayDeficit(_book, _partners());
    }

    /// @inheritdoc IClearinghouse
    function notePeg() external {
        _notePeg(ORACLE.price(_wiring.pegUnderlying));
    }

    // Governance

    /// @inheritdoc IClearinghouse
    function setFeeShares(address treasury, uint64 fundShare) external restricted {
        bool isSplit = fundShare < WadMath.WAD;
        if (fundShare > WadMath.WAD || (isSplit && treasury == address(0))) revert InvalidFeeShare(treasury, fundShare);
        // What was earned so far is divided as it was to be then.
        if (_book.reserve != 0) DefaultProcess.distributeFees(_book, _partners());
        (_book.treasury, _book.fundShare) = (treasury, fundShare);
        emit FeeSharesSet(treasury, fundShare);
    }

    /// @inheritdoc IClearinghouse
    function takeFromFund(AccountId to, uint256 cash) external restricted {
        DefaultProcess.takeFromFund(_book, _partners(), to, cash);
    }

    // Views

    /// @inheritdoc IClearinghouse
    function positionOf(AccountId account, InstrumentId instrument) external view returns (Position memory) {
        return _book.positions[account][instrument];
    }

    /// @inheritdoc IClearinghouse
    function instrumentsOf(AccountId account) external view returns (InstrumentId[] memory) {
        return _book.instruments[account].values();
    }

    /// @inheritdoc IClearinghouse
    function openPositionsOf(AccountId account) external view returns (OpenPosition[] memory) {
        return _book.openPositionsOf(account);
    }

    /// @inheritdoc IClearinghouse
    function markOf(InstrumentId instrument) external view returns (uint256) {
        RULES.instrumentRules(instrument);
        return ORACLE.price(instrument.underlyingOf());
    }

    /// @inheritdoc IClearinghouse
    function openInterestOf(InstrumentId instrument) external view returns (uint256) {
        return _book.markets[instrument].openInterest;
    }

    /// @inheritdoc IClearinghouse
    function indicesOf(InstrumentId instrument) external view returns (int256 longIndex, int256 shortIndex) {
        Sides memory sides = _book.sidesOf(instrument);
        return (sides.longIndex, sides.shortIndex);
    }

    /// @inheritdoc IClearinghouse
    function fundingOf(
        InstrumentId instrument
    ) external view returns (int256 rate, int256 premium, int256 longIndex, int256 shortIndex) {
        Market storage market = _book.markets[instrument];
        Sides memory sides = _book.sidesOf(instrument);
        int256 left = market.premiumNow();
        rate = Funding.perYear(Funding.rateOf(left, market.interest));
        return (rate, Funding.perYear(left), sides.longIndex, sides.shortIndex);
    }

    /// @inheritdoc IClearinghouse
    function insuranceFund() external view returns (AccountId) {
        return FUND;
    }

    /// @inheritdoc IClearinghouse
    function deficit() external view returns (uint256) {
        return _book.deficit;
    }

    /// @inheritdoc IClearinghouse
    function reserve() external view returns (uint256) {
        return _book.reserve;
    }

    /// @inheritdoc IClearinghouse
    function fundPaymentOf(AccountId account, uint256 due) external view returns (uint256) {
        return DefaultProcess.fundPaymentOf(_book, _partners(), account, due);
    }

    /// @inheritdoc IClearinghouse
    function flaggedAt(AccountId account) external view returns (uint256) {
        return _book.flags[account];
    }

    /// @inheritdoc IClearinghouse
    function calledAt(AccountId account) external view returns (uint256) {
        return _book.instruments[account].calledAt();
    }

    /// @inheritdoc IClearinghouse
    function openNotional() external view returns (uint256) {
        return uint256(_book.openNotional) * WadMath.WAD;
    }

    /// @inheritdoc IClearinghouse
    function feeShares() external view returns (address treasury, uint64 fundShare) {
        return (_book.treasury, _book.fundShare);
    }

    // Trades

    /// @dev Puts one trade into the book and its cash into the batch.
    function _novate(Trade calldata trade, Batch memory batch) private {
        if (trade.size == 0 || trade.price == 0) revert EmptyTrade(trade.instrument, trade.size, trade.price);
        if (trade.taker.account == trade.maker.account) revert SelfDealing(trade.taker.account);
        if (trade.maker.account == FUND) revert FundIsNoParty();
        KnownMarket memory market = _marketOf(trade, batch);
        requireInBand(trade, market);

        Run memory run = batch.run;
        int256 size = trade.size;
        // Computed once and applied with both signs: what one side pays, the other receives.
        int256 quote = Ledger.tradeQuote(size, trade.price);
        run.size += size;
        run.quote -= quote + batch.charge(trade.taker);
        if (trade.taker.reduceOnly) run.onlyReducing = true;
        if (trade.maker.reduceOnly || batch.onlyReducing || market.rules.frozen()) {
            _requireReducing(trade.maker.account, trade.instrument, -size);
        }
        if (!market.isLast) run.observe(trade, WadMath.abs(quote));
        quote -= batch.charge(trade.maker);
        batch.partyOf(trade.maker.account).cash += _book.change(
            trade.maker.account,
            trade.instrument,
            run.sides,
            -size,
            quote
        );
        emit TradeCleared(
            trade.instrument,
            trade.taker.account,
            trade.maker.account,
            size,
            trade.price,
            uint256(trade.taker.fee) + trade.taker.builderFee,
            uint256(trade.maker.fee) + trade.maker.builderFee
        );
    }

    /// @dev Rules and mark of a trade's instrument, the same for a run of trades. An id may break the rules though its
    /// underlying is known, so they are asked for every instrument.
    function _marketOf(Trade calldata trade, Batch memory batch) private returns (KnownMarket memory) {
        Run memory run = batch.run;
        if (trade.taker.account == run.taker && trade.instrument == run.instrument) return run.market;
        if (trade.taker.account == FUND) revert FundIsNoParty();
        _closeRun(batch);
        KnownMarket memory market = batch.cache.entryOf(trade.instrument.underlyingOf());
        (market.rules, market.brackets) = RULES.tradingRules(trade.instrument);
        _price(trade, market, batch);
        run.taker = trade.taker.account;
        run.party = batch.partyOf(run.taker);
        run.instrument = trade.instrument;
        run.market = market;
        run.sides = _book.sidesOf(trade.instrument);
        run.openBefore = run.sides.openInterest;
        run.onlyReducing = batch.onlyReducing || market.rules.frozen();
        return market;
    }

    /// @dev Writes the taker's side of a run once, and only then judges the open interest: now both sides are in the book.
    function _closeRun(Batch memory batch) private {
        Run memory run = batch.run;
        if (run.market.underlying == 0) return;
        if (run.onlyReducing) _requireReducing(run.taker, run.instrument, run.size);
        run.party.cash += _book.change(run.taker, run.instrument, run.sides, run.size, run.quote);
        requireBelowCap(run.instrument, run.openBefore, run.sides.openInterest, run.market);
        _writeMarket(run, batch);
        (run.size, run.quote, run.counted, run.premium) = (0, 0, 0, 0);
    }

    /// @dev Writes what a run has changed of its instrument: what is open, and from now on funding at the new mark and
    /// premium. At the last mark nobody knows the premium, and funding goes on as it was.
    function _writeMarket(Run memory run, Batch memory batch) private {
        Market storage market = _book.markets[run.instrument];
        (uint256 open, uint256 mark) = (run.sides.openInterest, run.market.price);
        batch.openNotional +=
            int256(wholeNotional(open, mark)) - int256(wholeNotional(run.openBefore, market.lastMark));
        if (run.market.isLast) {
            market.openInterest = open.toUint112();
            return;
        }
        FundingRules rules = run.market.brackets.fundingRules();
        int256 premium = market.premiumNow();
        if (run.counted != 0) {
            uint256 most = WadMath.mulUp(FixedPointMathLib.max(open, run.openBefore), mark);
            int256 average = run.premium / int256(run.counted);
            premium = Funding.moved(premium, average, run.counted, Funding.depthOf(most, rules));
        }
        _book.setFunding(run.instrument, run.sides, mark, rules.interestMillionths(), premium);
    }

    function _requireReducing(AccountId account, InstrumentId instrument, int256 change) private view {
        if (!_book.isReducing(account, instrument, change)) {
            revert NotReducing(account, instrument, _book.positions[account][instrument].size, change);
        }
    }

    /// @dev Finds the mark of a trade. Nobody is locked into a position because a feed is silent: a trade that reduces
    /// both sides uses the last accepted mark, and exactly that, for nobody knows what the accounts are really worth.
    /// Any other reverts with the oracle's reason. A caller cannot starve the oracle of gas to get there: what is left
    /// of the call needs many times the gas of a price.
    function _price(Trade calldata trade, KnownMarket memory market, Batch memory batch) private view {
        if (market.price != 0) return;
        try ORACLE.price(market.underlying) returns (uint256 price) {
            market.price = price;
        } catch (bytes memory reason) {
            (market.price, market.isLast) = (_book.markets[trade.instrument].lastMark, true);
            // From the first trade on: what an earlier one added would be checked at this old mark.
            bool reducing =
                (batch.atLastMark || batch.partyCount == 0) &&
                    _book.isReducing(trade.taker.account, trade.instrument, trade.size) &&
                    _book.isReducing(trade.maker.account, trade.instrument, -int256(trade.size));
            if (market.price == 0 || !reducing) Address.verifyCallResult(false, reason);
            (batch.onlyReducing, batch.atLastMark) = (true, true);
        }
    }

    /// @dev Whoever is not worth its initial margin must at least be safer than before.
    function _checkParties(IMarginEngine engine, Trade[] calldata trades, Batch memory batch) private view {
        AccountId[] memory accounts = batch.accountsOf();
        KnownMarket[] memory known = batch.cache.known();
        if (batch.atLastMark) {
            // An old mark must not let an account that is worth nothing by it give value to another.
            uint256 unsafe = engine.belowMaintenance(accounts, known);
            if (unsafe != 0) revert BelowMaintenanceAtLastMark(accounts[FixedPointMathLib.log2(unsafe)]);
        }
        uint256 below = engine.belowInitial(accounts, known);
        for (uint256 i = 0; below >> i != 0; ++i) {
            if ((below >> i) & 1 == 0) continue;
            engine.requireSafer(accounts[i], actsOf(accounts[i], trades), known);
        }
    }

    /// @dev Writes what a batch changes of the books' totals: one slot.
    function _note(Batch memory batch) private {
        if (batch.openNotional == 0 && batch.fees == 0) return;
        int256 openTotal = int256(uint256(_book.openNotional)) + batch.openNotional;
        uint256 held = _book.reserve + batch.fees;
        _book.openNotional = openTotal.toUint256().toUint40();
        _book.reserve = held.toUint112();
        if (batch.fees != 0) emit FeesReserved(batch.fees, held);
    }

    // Internals

    function _partners() private view returns (Partners memory) {
        return Partners({vault: VAULT, oracle: ORACLE, rules: RULES, engine: _engine(), fund: FUND});
    }
}
