// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Book} from "./clearing/Book.sol";
import {DefaultProcess} from "./clearing/DefaultProcess.sol";
import {Ledger} from "./clearing/Ledger.sol";
import {Liquidation} from "./clearing/Liquidation.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {IWired} from "./interfaces/IWired.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {cachedPrice} from "./oracle/CachedPrice.sol";
import {AccountId, accountIdOf} from "./types/AccountId.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {LiquidationRules} from "./types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "./types/LiquidationTerms.sol";
import {LIQUIDATE, TRADE} from "./types/Permissions.sol";
import {Delta, KnownPrice, Margin} from "./types/Portfolio.sol";
import {OpenPosition, Position} from "./types/Position.sol";
import {PriceCache, newPriceCache} from "./types/PriceCache.sol";
import {Leg, Posting, Trade} from "./types/Trade.sol";
import {UnderlyingRules} from "./types/UnderlyingRules.sol";

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

    /// @dev What the trades of one call add up to.
    struct Batch {
        /// One entry for each account that trades.
        Posting[] parties;
        uint256 partyCount;
        /// Builders' fees.
        Posting[] builders;
        uint256 builderCount;
        /// Venue's fees [wad].
        uint256 fees;
        PriceCache cache;
        /// Positions may only come closer to 0.
        bool onlyReducing;
        /// The first price could not be read: reductions are at the last mark.
        bool atLastMark;
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
        Batch memory batch = _newBatch(trades.length);
        batch.onlyReducing = _wiring.depegged;
        uint256 mostInstruments = RULES.liquidationRules().mostInstruments();

        for (uint256 i = 0; i < trades.length; ++i) _novate(trades[i], batch, mostInstruments);

        VAULT.post(_postingsOf(batch));
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
        PriceCache memory cache = newPriceCache(open.length);
        int256 variation;
        for (uint256 i = 0; i < open.length; ++i) {
            uint256 mark = cachedPrice(ORACLE, cache, open[i].instrument.underlyingOf());
            int256 value = Ledger.valueOf(open[i].size, open[i].realQuote, mark);
            _book.change(account, open[i].instrument, 0, -value, open.length);
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
        LiquidationTerms memory terms = engine.liquidationTermsOf(account, maxFraction);
        LiquidationSettlement memory settlement = Liquidation.settlementOf(terms, _fundCash());
        if (settlement.payment > maxPayment) revert PaymentAboveMaximum(settlement.payment, maxPayment);

        (int256 closed, int256 closedOfLiquidator) = _takeOver(account, liquidator, terms.fraction, settlement.loss);
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
        engine.requireInitial(liquidator);
        return (terms.fraction, settlement.payment);
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

    function _newBatch(uint256 trades) private pure returns (Batch memory batch) {
        batch.parties = new Posting[](2 * trades);
        batch.builders = new Posting[](2 * trades);
        batch.cache = newPriceCache(trades);
    }

    /// @dev Puts one trade into the book and its cash into the batch.
    function _novate(Trade calldata trade, Batch memory batch, uint256 mostInstruments) private {
        if (trade.size == 0 || trade.price == 0) revert EmptyTrade(trade.instrument, trade.size, trade.price);
        if (trade.taker.account == trade.maker.account) revert SelfDealing(trade.taker.account);
        if (trade.taker.account == FUND || trade.maker.account == FUND) revert FundIsNoParty();
        (UnderlyingRules rules, ) = RULES.instrumentRules(trade.instrument);
        _requireInBand(trade, rules, _markFor(trade, batch), batch.atLastMark);

        int256 size = trade.size;
        // Computed once and applied with both signs: what one side pays, the other receives.
        int256 quote = Ledger.tradeQuote(size, trade.price);
        _fill(trade.taker, trade.instrument, size, -quote, batch, mostInstruments);
        _fill(trade.maker, trade.instrument, -size, quote, batch, mostInstruments);
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

    /// @dev One side of a trade: its position, its realised quote and its fees.
    function _fill(
        Leg calldata leg,
        InstrumentId instrument,
        int256 size,
        int256 quote,
        Batch memory batch,
        uint256 mostInstruments
    ) private {
        if (leg.reduceOnly || batch.onlyReducing) _requireReducing(leg.account, instrument, size);
        int256 cash = _book.change(leg.account, instrument, size, quote, mostInstruments);
        if (leg.fee != 0) {
            batch.fees += leg.fee;
            cash -= int256(uint256(leg.fee));
        }
        if (leg.builderFee != 0) {
            if (batch.atLastMark) revert BuilderFeeAtLastMark(leg.account, leg.builderFee);
            int256 builderFee = int256(uint256(leg.builderFee));
            batch.builders[batch.builderCount++] = Posting({account: accountIdOf(leg.builder, 0), cash: builderFee});
            cash -= builderFee;
        }
        _partyOf(batch, leg.account).cash += cash;
    }

    /// @dev The account's entry in the batch, made if there is none.
    function _partyOf(Batch memory batch, AccountId account) private pure returns (Posting memory party) {
        for (uint256 i = 0; i < batch.partyCount; ++i) {
            if (batch.parties[i].account == account) return batch.parties[i];
        }
        party = batch.parties[batch.partyCount++];
        party.account = account;
    }

    function _requireReducing(AccountId account, InstrumentId instrument, int256 change) private view {
        if (!_isReducing(account, instrument, change)) {
            revert NotReducing(account, instrument, _book.positions[account][instrument].size, change);
        }
    }

    function _isReducing(AccountId account, InstrumentId instrument, int256 change) private view returns (bool) {
        int256 size = _book.positions[account][instrument].size;
        return size > 0 ? change < 0 && change >= -size : change > 0 && change <= -size;
    }

    /// @dev The mark of a trade. Nobody is locked into a position because a feed is silent: a trade that reduces both
    /// sides uses the last accepted mark, and exactly that, for nobody knows what the accounts are really worth. Any
    /// other reverts with the oracle's reason. A caller cannot starve the oracle of gas to get there: what is left of
    /// the call needs many times the gas of a price.
    function _markFor(Trade calldata trade, Batch memory batch) private returns (uint256 mark) {
        uint24 underlying = trade.instrument.underlyingOf();
        mark = batch.cache.find(underlying);
        if (mark != 0) return mark;
        try ORACLE.price(underlying) returns (uint256 price) {
            mark = price;
            _book.markets[trade.instrument].lastMark = price.toUint128();
        } catch (bytes memory reason) {
            mark = _book.markets[trade.instrument].lastMark;
            // From the first trade on: what an earlier one added would be checked at this old mark.
            bool reducing =
                (batch.atLastMark || batch.partyCount == 0) &&
                    _isReducing(trade.taker.account, trade.instrument, trade.size) &&
                    _isReducing(trade.maker.account, trade.instrument, -int256(trade.size));
            if (mark == 0 || !reducing) Address.verifyCallResult(false, reason);
            (batch.onlyReducing, batch.atLastMark) = (true, true);
        }
        batch.cache.remember(underlying, mark);
    }

    /// @dev A price far from the mark would carry value from one side to the other, whoever signed it. A perpetual's
    /// mark is the index price.
    function _requireInBand(Trade calldata trade, UnderlyingRules rules, uint256 mark, bool isLastMark) private pure {
        uint256 bandBps = isLastMark ? 0 : FixedPointMathLib.max(rules.tradeBandBps(), rules.leastTradeBandBps());
        uint256 band = WadMath.bpsDown(mark, bandBps);
        if (FixedPointMathLib.dist(uint256(trade.price), mark) > band) {
            revert PriceOutsideBand(trade.instrument, trade.price, mark, band);
        }
    }

    /// @dev All cash of the batch: parties, builders, the insurance fund and the treasury. It sums to what the closed
    /// positions had as real quotes, less deficit repaid.
    function _postingsOf(Batch memory batch) private returns (Posting[] memory postings) {
        uint256 builders = batch.builderCount;
        uint256 count = batch.partyCount + builders;
        postings = new Posting[](count + 2);
        for (uint256 i = 0; i < batch.partyCount; ++i) postings[i] = batch.parties[i];
        for (uint256 i = 0; i < builders; ++i) postings[batch.partyCount + i] = batch.builders[i];

        address treasury = _treasury;
        uint256 toTreasury = treasury == address(0) ? 0 : WadMath.mulDown(batch.fees, WadMath.WAD - _fundShare);
        postings[count] = Posting({account: FUND, cash: _repayDeficit((batch.fees - toTreasury).toInt256())});
        postings[count + 1] = Posting({account: accountIdOf(treasury, 0), cash: toTreasury.toInt256()});
    }

    /// @dev Whoever is not worth its initial margin must at least be safer than before.
    function _checkParties(IMarginEngine engine, Trade[] calldata trades, Batch memory batch) private view {
        AccountId[] memory accounts = new AccountId[](batch.partyCount);
        for (uint256 i = 0; i < accounts.length; ++i) accounts[i] = batch.parties[i].account;
        KnownPrice[] memory known = batch.cache.known();
        if (batch.atLastMark) {
            // An old mark must not let an account that is worth nothing by it give value to another.
            uint256 unsafe = engine.belowMaintenance(accounts, known);
            if (unsafe != 0) revert BelowMaintenanceAtLastMark(accounts[FixedPointMathLib.log2(unsafe)]);
        }
        uint256 below = engine.belowInitial(accounts, known);
        for (uint256 i = 0; below >> i != 0; ++i) {
            if ((below >> i) & 1 == 0) continue;
            (Delta[] memory done, int256 fees) = _actsOf(accounts[i], trades);
            engine.requireSafer(accounts[i], done, fees, known);
        }
    }

    /// @dev What an account traded in a batch, and its fees (negative). Trades of others are left as changes of 0.
    function _actsOf(
        AccountId account,
        Trade[] calldata trades
    ) private pure returns (Delta[] memory done, int256 fees) {
        done = new Delta[](trades.length);
        for (uint256 i = 0; i < trades.length; ++i) {
            Trade calldata trade = trades[i];
            bool isTaker = trade.taker.account == account;
            if (!isTaker && trade.maker.account != account) continue;
            Leg calldata leg = isTaker ? trade.taker : trade.maker;
            fees -= int256(uint256(leg.fee) + leg.builderFee);
            done[i].instrument = trade.instrument;
            done[i].size = isTaker ? trade.size : -trade.size;
            done[i].price = trade.price;
        }
    }

    // Liquidation

    /// @dev Moves the positions of a slice and spreads what neither the account nor the fund can bear. Charged before
    /// the slice moves, while the flat book guarantees that the account's positions have another side.
    function _takeOver(
        AccountId account,
        AccountId liquidator,
        uint256 fraction,
        uint256 loss
    ) private returns (int256 closed, int256 closedOfLiquidator) {
        LiquidationRules rules = RULES.liquidationRules();
        if (loss != 0) {
            DefaultProcess.spreadLoss(_book, account, loss, _indexPricesOf(account), rules.gainsHaircutCapBps());
        }
        return
            DefaultProcess.takeSlice(
                _book,
                DefaultProcess.Slice({
                    account: account,
                    liquidator: liquidator,
                    fraction: fraction,
                    mostInstruments: rules.mostInstruments()
                })
            );
    }

    function _indexPricesOf(AccountId account) private view returns (uint256[] memory prices) {
        InstrumentId[] memory instruments = _book.instruments[account].values();
        prices = new uint256[](instruments.length);
        PriceCache memory cache = newPriceCache(instruments.length);
        for (uint256 i = 0; i < prices.length; ++i)
            prices[i] = cachedPrice(ORACLE, cache, instruments[i].underlyingOf());
    }

    // The insurance fund

    function _fundCash() private view returns (uint256) {
        int256 cash = VAULT.cashOf(FUND);
        return cash > 0 ? uint256(cash) : 0;
    }

    /// @dev What is left for the fund of an income after the recorded deficit; a payout passes through.
    function _repayDeficit(int256 income) private returns (int256) {
        if (income <= 0) return income;
        uint256 owed = _book.deficit;
        if (owed == 0) return income;
        uint256 repaid = FixedPointMathLib.min(owed, uint256(income));
        _book.deficit = owed - repaid;
        emit DeficitChanged(owed - repaid);
        return income - repaid.toInt256();
    }

    // Internals

    function _engine() private view returns (IMarginEngine engine) {
        engine = _wiring.marginEngine;
        if (address(engine) == address(0)) revert NotWired();
    }
}
