// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Batch, Run, actsOf, newBatch} from "./clearing/Batch.sol";
import {Book, Market} from "./clearing/Book.sol";
import {DefaultProcess} from "./clearing/DefaultProcess.sol";
import {Ledger} from "./clearing/Ledger.sol";
import {Liquidation} from "./clearing/Liquidation.sol";
import {requireBelowCap, requireInBand} from "./clearing/TradeRules.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {IWired} from "./interfaces/IWired.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {cachedOrLastPrice, cachedPrice} from "./clearing/CachedPrice.sol";
import {AccountId, accountIdOf} from "./types/AccountId.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {LiquidationSettlement, LiquidationTerms} from "./types/LiquidationTerms.sol";
import {KnownMarket, MarketCache, cacheOf, newMarketCache} from "./types/MarketCache.sol";
import {LIQUIDATE, TRADE} from "./types/Permissions.sol";
import {Margin} from "./types/Portfolio.sol";
import {OpenPosition, Position} from "./types/Position.sol";
import {Posting, Trade} from "./types/Trade.sol";

/// @title Clearinghouse
/// @notice Holds every position. See IClearinghouse.
/// @dev Every act has the same skeleton: who may, what it is, change the book, post the cash, check the accounts.
/// Tokens are never moved here, and only contracts of governance's choice are called.
contract Clearinghouse is IClearinghouse, IWired, AccessManaged {
    using SafeCast for uint256;

    /// @dev One slot, read by every act.
    struct Wiring {
        IMarginEngine marginEngine;
        /// The settlement token's own price; 0 while there is none.
        uint24 pegUnderlying;
        /// How far it may be from 1 [bps].
        uint16 pegAllowedBps;
        /// It was found further from 1 when somebody last looked.
        bool depegged;
    }

    uint16 private constant LEAST_PEG_BPS = 10;
    uint16 private constant MOST_PEG_BPS = 2_000;

    IVault private immutable VAULT;
    IPriceOracle private immutable ORACLE;
    IRules private immutable RULES;
    AccountId private immutable FUND;

    Book private _book;
    Wiring private _wiring;
    /// @dev One slot: who receives fees, and the insurance fund's share of them [wad].
    address private _treasury;
    uint64 private _fundShare;
    mapping(address venue => bool registered) private _venues;

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

        if (batch.fees != 0) _reserve(batch.fees);
        VAULT.post(batch.postingsOf());
        _checkParties(engine, trades, batch);
    }

    // Owners and keepers

    /// @inheritdoc IClearinghouse
    function settleVariation(AccountId account) external {
        IMarginEngine engine = _engine();
        if (!VAULT.isAuthorized(account, msg.sender, TRADE)) {
            Margin memory margin = engine.marginOf(account);
            if (margin.equity >= margin.initial.toInt256()) {
                revert VariationNotDue(account, margin.equity, margin.initial);
            }
        }

        OpenPosition[] memory open = _book.openPositionsOf(account);
        MarketCache memory cache = newMarketCache(open.length);
        int256 variation;
        for (uint256 i = 0; i < open.length; ++i) {
            uint256 mark = cachedPrice(ORACLE, cache.entryOf(open[i].instrument.underlyingOf()));
            int256 value = Ledger.valueOf(open[i].size, open[i].realQuote, mark);
            _book.change(account, open[i].instrument, 0, -value);
            variation += value;
        }

        emit VariationSettled(account, variation);
        Posting[] memory postings = new Posting[](1);
        postings[0] = Posting({account: account, cash: variation});
        VAULT.post(postings);
    }

    /// @inheritdoc IClearinghouse
    function liquidate(
        AccountId account,
        AccountId liquidator,
        uint256 maxFraction,
        int256 maxPayment
    ) external returns (uint256, int256) {
        VAULT.requireAuthorized(liquidator, msg.sender, LIQUIDATE);
        if (account == liquidator) revert SelfDealing(account);
        if (liquidator == FUND) revert FundIsNoParty();

        IMarginEngine engine = _engine();
        (LiquidationTerms memory terms, KnownMarket[] memory known) = engine.liquidationTermsOf(account, maxFraction);
        LiquidationSettlement memory settlement = _settle(account, terms, known);
        if (settlement.payment > maxPayment) revert PaymentAboveMaximum(settlement.payment, maxPayment);

        _take(account, liquidator, terms, settlement);
        engine.requireInitialOfLiquidator(liquidator, known);
        return (terms.fraction, settlement.payment);
    }

    /// @inheritdoc IClearinghouse
    function distributeFees() external {
        _engine();
        if (_book.reserve != 0) _distributeFees();
    }

    /// @inheritdoc IClearinghouse
    function notePeg() external {
        Wiring memory wiring = _wiring;
        uint256 price = ORACLE.price(wiring.pegUnderlying);
        bool depegged = FixedPointMathLib.dist(price, WadMath.WAD) > WadMath.bpsDown(WadMath.WAD, wiring.pegAllowedBps);
        if (depegged == wiring.depegged) return;
        _wiring.depegged = depegged;
        emit PegNoted(price, depegged);
    }

    // Governance

    /// @inheritdoc IClearinghouse
    function setPeg(uint24 underlying, uint16 allowedBps) external restricted {
        bool bounded = underlying == 0 ? allowedBps == 0 : allowedBps >= LEAST_PEG_BPS && allowedBps <= MOST_PEG_BPS;
        if (!bounded) revert PegOutOfBounds(underlying, allowedBps, LEAST_PEG_BPS, MOST_PEG_BPS);
        Wiring storage wiring = _wiring;
        (wiring.pegUnderlying, wiring.pegAllowedBps, wiring.depegged) = (underlying, allowedBps, false);
        emit PegSet(underlying, allowedBps);
    }

    /// @inheritdoc IClearinghouse
    function setVenue(address venue, bool registered) external restricted {
        if (registered && venue.code.length == 0) revert NotAContract(venue);
        _venues[venue] = registered;
        emit VenueSet(venue, registered);
    }

    /// @inheritdoc IClearinghouse
    function setMarginEngine(address marginEngine) external restricted {
        if (marginEngine.code.length == 0) revert NotAContract(marginEngine);
        _wiring.marginEngine = IMarginEngine(marginEngine);
        emit MarginEngineSet(marginEngine);
    }

    /// @inheritdoc IClearinghouse
    function setFeeShares(address treasury, uint64 fundShare) external restricted {
        bool isSplit = fundShare < WadMath.WAD;
        if (fundShare > WadMath.WAD || (isSplit && treasury == address(0))) revert InvalidFeeShare(treasury, fundShare);
        // What was earned so far is divided as it was to be then.
        if (_book.reserve != 0) _distributeFees();
        (_treasury, _fundShare) = (treasury, fundShare);
        emit FeeSharesSet(treasury, fundShare);
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
        return (_book.indexOf(instrument, true), _book.indexOf(instrument, false));
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
        return DefaultProcess.fundShareOf(_book, _claimOf(account, due, _indexPricesOf(account, new KnownMarket[](0))));
    }

    /// @inheritdoc IClearinghouse
    function isVenue(address venue) external view returns (bool) {
        return _venues[venue];
    }

    /// @inheritdoc IClearinghouse
    function peg() external view returns (uint24 underlying, uint16 allowedBps, bool depegged) {
        Wiring memory wiring = _wiring;
        return (wiring.pegUnderlying, wiring.pegAllowedBps, wiring.depegged);
    }

    /// @inheritdoc IClearinghouse
    function feeShares() external view returns (address treasury, uint64 fundShare) {
        return (_treasury, _fundShare);
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
        run.quote -= quote;
        if (trade.taker.reduceOnly) run.onlyReducing = true;
        batch.charge(trade.taker, run.party);
        if (trade.maker.reduceOnly || batch.onlyReducing || market.rules.frozen()) {
            _requireReducing(trade.maker.account, trade.instrument, -size);
        }
        Posting memory maker = batch.partyOf(trade.maker.account);
        batch.charge(trade.maker, maker);
        maker.cash += _book.change(trade.maker.account, trade.instrument, -size, quote);
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
        (market.rules, market.brackets) = RULES.instrumentRules(trade.instrument);
        _price(trade, market, batch);
        run.taker = trade.taker.account;
        run.party = batch.partyOf(run.taker);
        run.instrument = trade.instrument;
        run.market = market;
        run.openBefore = _book.markets[trade.instrument].openInterest;
        run.onlyReducing = batch.onlyReducing || market.rules.frozen();
        return market;
    }

    /// @dev Writes the taker's side of a run once, and only then judges the open interest: now both sides are in the book.
    function _closeRun(Batch memory batch) private {
        Run memory run = batch.run;
        if (run.market.underlying == 0) return;
        if (run.onlyReducing) _requireReducing(run.taker, run.instrument, run.size);
        run.party.cash += _book.change(run.taker, run.instrument, run.size, run.quote);
        requireBelowCap(run.instrument, run.openBefore, _book.markets[run.instrument].openInterest, run.market);
        (run.size, run.quote) = (0, 0);
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
    function _price(Trade calldata trade, KnownMarket memory market, Batch memory batch) private {
        if (market.price != 0) return;
        Market storage stored = _book.markets[trade.instrument];
        try ORACLE.price(market.underlying) returns (uint256 price) {
            market.price = price;
            stored.lastMark = price.toUint128();
        } catch (bytes memory reason) {
            (market.price, market.isLast) = (stored.lastMark, true);
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

    // Liquidation

    /// @dev Finds who pays what for a slice, draws what the fund pays, and spreads what neither the account nor the fund
    /// can bear: before the slice moves, while the flat book guarantees that the account's positions have another side.
    function _settle(
        AccountId account,
        LiquidationTerms memory terms,
        KnownMarket[] memory known
    ) private returns (LiquidationSettlement memory settlement) {
        uint256 due = Liquidation.dueFromFund(terms);
        if (due == 0) return Liquidation.settlementOf(terms, 0);
        uint256[] memory prices = _indexPricesOf(account, known);
        settlement = Liquidation.settlementOf(terms, _drawFund(account, due, prices));
        if (settlement.loss != 0) {
            uint256 capBps = RULES.liquidationRules().gainsHaircutCapBps();
            DefaultProcess.spreadLoss(_book, account, settlement.loss, prices, capBps);
        }
    }

    /// @dev Moves a slice and posts the cash for it.
    function _take(
        AccountId account,
        AccountId liquidator,
        LiquidationTerms memory terms,
        LiquidationSettlement memory settlement
    ) private {
        (int256 closed, int256 closedOfLiquidator) = DefaultProcess.takeSlice(
            _book,
            account,
            liquidator,
            terms.fraction
        );
        emit Liquidated(
            account,
            liquidator,
            terms.fraction,
            terms.equity,
            terms.maintenance,
            settlement.payment,
            settlement.toAccount,
            settlement.toInsurance
        );
        Posting[] memory postings = new Posting[](3);
        postings[0] = Posting({account: account, cash: closed + settlement.toAccount.toInt256()});
        postings[1] = Posting({account: liquidator, cash: closedOfLiquidator - settlement.payment});
        postings[2] = Posting({account: FUND, cash: _repayDeficit(settlement.toInsurance)});
        VAULT.moveSlice(account, liquidator, terms.fraction);
        VAULT.post(postings);
    }

    /// @dev The price of each instrument of an account; 0 where there is none now: nobody is charged by an old one.
    function _indexPricesOf(
        AccountId account,
        KnownMarket[] memory known
    ) private view returns (uint256[] memory prices) {
        InstrumentId[] memory instruments = _book.instruments[account].values();
        prices = new uint256[](instruments.length);
        MarketCache memory cache = cacheOf(known);
        for (uint256 i = 0; i < prices.length; ++i) {
            KnownMarket memory market = cache.entryOf(instruments[i].underlyingOf());
            cachedOrLastPrice(ORACLE, market);
            if (!market.isLast) prices[i] = market.price;
        }
    }

    // The insurance fund

    /// @dev Divides the reserve, so that the fund has all that is its own, and draws what it may pay of a claim.
    function _drawFund(AccountId account, uint256 due, uint256[] memory prices) private returns (uint256 fundPays) {
        if (_book.reserve != 0) _distributeFees();
        DefaultProcess.FundClaim memory claim = _claimOf(account, due, prices);
        fundPays = DefaultProcess.fundShareOf(_book, claim);
        DefaultProcess.drawFund(_book, claim);
    }

    function _claimOf(
        AccountId account,
        uint256 due,
        uint256[] memory prices
    ) private view returns (DefaultProcess.FundClaim memory claim) {
        int256 cash = VAULT.cashOf(FUND);
        (uint256 toFund, , ) = _shares();
        claim.account = account;
        claim.due = due;
        claim.indexPrices = prices;
        claim.fundCash = (cash > 0 ? uint256(cash) : 0) + toFund;
        claim.capBps = RULES.liquidationRules().fundDrawCapBps();
    }

    function _reserve(uint256 fees) private {
        uint128 held = (_book.reserve + fees).toUint128();
        _book.reserve = held;
        emit FeesReserved(fees, held);
    }

    function _distributeFees() private {
        (uint256 toFund, uint256 toTreasury, uint256 repaid) = _shares();
        uint128 owed = _book.deficit - uint128(repaid);
        (_book.reserve, _book.deficit) = (0, owed);
        emit FeesDistributed(toFund, toTreasury, repaid);
        if (repaid != 0) emit DeficitChanged(owed);
        Posting[] memory postings = new Posting[](2);
        postings[0] = Posting({account: FUND, cash: toFund.toInt256()});
        postings[1] = Posting({account: accountIdOf(_treasury, 0), cash: toTreasury.toInt256()});
        VAULT.post(postings);
    }

    /// @dev How the reserve is divided: the treasury's share, and the fund's, of which a recorded deficit comes first.
    function _shares() private view returns (uint256 toFund, uint256 toTreasury, uint256 repaid) {
        uint256 fees = _book.reserve;
        toTreasury = _treasury == address(0) ? 0 : WadMath.mulDown(fees, WadMath.WAD - _fundShare);
        repaid = FixedPointMathLib.min(_book.deficit, fees - toTreasury);
        toFund = fees - toTreasury - repaid;
    }

    /// @dev What is left for the fund of an income after the recorded deficit; a payout passes through.
    function _repayDeficit(int256 income) private returns (int256) {
        if (income <= 0) return income;
        uint128 owed = _book.deficit;
        if (owed == 0) return income;
        uint128 repaid = uint128(FixedPointMathLib.min(owed, uint256(income)));
        _book.deficit = owed - repaid;
        emit DeficitChanged(owed - repaid);
        return income - int256(uint256(repaid));
    }

    // Internals

    function _engine() private view returns (IMarginEngine engine) {
        engine = _wiring.marginEngine;
        if (address(engine) == address(0)) revert NotWired();
    }
}
