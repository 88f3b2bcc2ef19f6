// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Liquidation} from "./clearing/Liquidation.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IMarginModel} from "./interfaces/IMarginModel.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {AccountValuation} from "./margin/AccountValuation.sol";
import {SliceSearch} from "./margin/SliceSearch.sol";
import {StandardMargin} from "./margin/StandardMargin.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {CollateralRules} from "./types/CollateralRules.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {LiquidationRules} from "./types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "./types/LiquidationTerms.sol";
import {KnownMarket, MarketCache, cacheOf} from "./types/MarketCache.sol";
import {Acts, Delta, Margin, Status, statusOf as statusOfMargin} from "./types/Portfolio.sol";
import {OpenPosition} from "./types/Position.sol";
import {rampEnd} from "./types/Ramp.sol";

/// @title MarginEngine
/// @notice Values accounts and says what they may do. See IMarginEngine.
/// @dev Everything goes the same way: load what the account has, change it if the question is what-if, price it, ask the
/// model. See AccountValuation.
contract MarginEngine is AccountValuation, IMarginEngine {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev Which of its two margins an account is compared with.
    enum Line {
        Initial,
        Maintenance
    }

    /// @dev Slices below one millionth could not be told from rounding [wad].
    uint256 private constant LEAST_FRACTION = 1e12;

    /// @inheritdoc IMarginEngine
    IMarginModel public immutable MODEL;
    /// @inheritdoc IMarginEngine
    IMarginEngine public immutable FORMER_ENGINE;

    /// @param engine The engine that this one succeeds; the zero address for the first.
    constructor(
        IVault vault,
        IClearinghouse clearinghouse,
        IPriceOracle oracle,
        IRules rules,
        IMarginEngine engine
    )
        AccountValuation(
            vault,
            clearinghouse,
            oracle,
            rules,
            address(engine) == address(0) ? IMarginModel(address(0)) : engine.MODEL()
        )
    {
        FORMER_ENGINE = engine;
        MODEL = _newModel();
    }

    // The clearinghouse

    /// @inheritdoc IMarginEngine
    function begin() external {
        if (msg.sender != address(CLEARINGHOUSE)) revert IVault.NotClearinghouse(msg.sender);
        _endOfBlend = rampEnd();
    }

    // Margin

    /// @inheritdoc IMarginEngine
    function marginOf(AccountId account) public view returns (Margin memory) {
        return _marginNow(_load(account));
    }

    /// @inheritdoc IMarginEngine
    function statusOf(AccountId account) external view returns (Status) {
        return statusOfMargin(marginOf(account));
    }

    /// @inheritdoc IMarginEngine
    function marginWith(AccountId account, Delta[] calldata deltas, int256 cash) external view returns (Margin memory) {
        State memory state = _load(account);
        _apply(state, deltas, cash, false);
        return _marginNow(state);
    }

    /// @inheritdoc IMarginEngine
    function withdrawable(AccountId account, address token) external view returns (uint256) {
        State memory state = _load(account);
        if (token == VAULT.SETTLEMENT_TOKEN()) return _withdrawableCash(account, state);
        CollateralRules rules = RULES.collateralOf(token);
        uint256 held = VAULT.collateralOf(account, token);
        if (held == 0) return 0;
        uint256 place = _placeOf(state.tokens, rules.index());

        uint256 releasable = VAULT.releasableOf(token);
        // Without the token altogether its price is not needed, as in the withdrawal itself.
        if (releasable >= held && _isSpared(_without(state, rules.index(), place))) return held;

        // The requirement never grows when collateral leaves, but by how much it falls is the model's business: search.
        uint256 most;
        uint256 tooMuch = FixedPointMathLib.min(held, releasable + 1);
        while (tooMuch - most > 1) {
            uint256 middle = (most + tooMuch) / 2;
            state.amounts[place] = held - middle;
            if (_isSpared(state)) most = middle;
            else tooMuch = middle;
        }
        return most;
    }

    /// @inheritdoc IMarginEngine
    function endOfBlend() external view returns (uint256) {
        return _endOfBlend;
    }

    // Checks

    /// @inheritdoc IMarginEngine
    function belowInitial(AccountId[] calldata accounts, KnownMarket[] calldata known) external view returns (uint256) {
        return _which(accounts, known, Line.Initial);
    }

    /// @inheritdoc IMarginEngine
    function belowMaintenance(
        AccountId[] calldata accounts,
        KnownMarket[] calldata known
    ) external view returns (uint256) {
        return _which(accounts, known, Line.Maintenance);
    }

    /// @inheritdoc IMarginEngine
    function requireInitial(AccountId account) external view {
        State memory state = _load(account);
        if (_isRiskless(state)) return;
        Margin memory margin = _marginNow(state);
        if (_isBelowInitial(margin)) revert BelowInitialMargin(account, margin.equity, margin.initial);
    }

    /// @inheritdoc IMarginEngine
    function requirePriced(AccountId account, uint24 underlying) external view {
        if (!_isRiskless(_load(account))) ORACLE.price(underlying);
    }

    /// @inheritdoc IMarginEngine
    function requireInitialOfLiquidator(AccountId liquidator, KnownMarket[] calldata known) external view {
        State memory state = _load(liquidator);
        if (_isRiskless(state)) return;
        Valuation memory valuation = _valueForLiquidator(state, cacheOf(known));
        _requireFew(liquidator, state, valuation);
        Margin memory margin = _margin(valuation);
        if (_isBelowInitial(margin)) revert BelowInitialMargin(liquidator, margin.equity, margin.initial);
    }

    /// @inheritdoc IMarginEngine
    function requireSafer(AccountId account, Acts calldata acts, KnownMarket[] calldata known) external view {
        State memory state = _load(account);
        MarketCache memory cache = cacheOf(known);
        Valuation memory valuation = _value(state, cache, Purpose.Trade);
        bool isRead = _isRead(valuation);
        Margin memory afterwards = _margin(valuation);
        if (isRead && !_isBelowInitial(afterwards)) return;

        State memory undone = _load(account);
        _apply(undone, acts.trades, -(acts.venueFees + acts.builderFees).toInt256(), true);
        Margin memory before = _margin(_value(undone, cache, Purpose.Trade));
        bool isSafer =
            isRead
                ? _isSafer(before, afterwards, acts.trades.length)
                : _isNoGift(before, afterwards, acts.venueFees + acts.trades.length);
        if (!isSafer || !_isReduction(undone.positions, state.positions)) {
            revert RiskNotReduced(account, before, afterwards);
        }
    }

    // Liquidation

    /// @inheritdoc IMarginEngine
    function liquidationTermsOf(
        AccountId account,
        uint256 maxFraction
    ) external view returns (LiquidationTerms memory terms, KnownMarket[] memory known) {
        State memory state = _load(account);
        MarketCache memory cache = _cacheFor(state);
        Valuation memory valuation = _valueForLiquidation(state, cache);
        known = cache.known();
        Margin memory margin = _margin(valuation);
        if (!_isBelow(margin)) revert NotLiquidatable(account, margin.equity, margin.maintenance);

        SliceSearch.Account memory sinking;
        (terms, sinking) = _termsOf(valuation, margin);
        if (maxFraction >= terms.fraction) return (terms, known);
        if (maxFraction < LEAST_FRACTION) revert FractionTooSmall(maxFraction, LEAST_FRACTION);
        if (terms.fraction == WadMath.WAD && SliceSearch.leavesDust(sinking, maxFraction)) {
            revert MustCloseWhole(account, maxFraction);
        }
        terms.fraction = maxFraction;
    }

    /// @inheritdoc IMarginEngine
    function equityForLiquidation(AccountId account) external view returns (int256, KnownMarket[] memory) {
        State memory state = _load(account);
        MarketCache memory cache = _cacheFor(state);
        return (_valueForLiquidation(state, cache).equity, cache.known());
    }

    /// @inheritdoc IMarginEngine
    function previewLiquidation(
        AccountId account
    ) external view returns (uint256 maxFraction, int256 payment, int256 toAccount, int256 toInsurance) {
        State memory state = _load(account);
        Valuation memory valuation = _valueForLiquidation(state, _cacheFor(state));
        Margin memory margin = _margin(valuation);
        if (!_isBelow(margin)) return (0, 0, 0, 0);

        (LiquidationTerms memory terms, ) = _termsOf(valuation, margin);
        uint256 due = Liquidation.dueFromFund(terms);
        uint256 fundPays = due == 0 ? 0 : CLEARINGHOUSE.fundPaymentOf(account, due);
        LiquidationSettlement memory settlement = Liquidation.settlementOf(terms, fundPays);
        return (terms.fraction, settlement.payment, settlement.toAccount.toInt256(), settlement.toInsurance);
    }

    /// @inheritdoc IMarginEngine
    function liquidationPrice(AccountId account, InstrumentId instrument) external view returns (uint256) {
        State memory state = _load(account);
        uint24 underlying = instrument.underlyingOf();
        uint256 current = ORACLE.price(underlying);
        if (_isBelowAt(state, underlying, current)) return current;

        // Equity is linear in the price and the requirement convex, so the account is above its line in one interval of
        // prices: one end below the current price at most, and one above.
        uint256 lower = _isBelowAt(state, underlying, 1) ? _lineBetween(state, underlying, 1, current) : 0;
        uint256 upper = 0;
        uint256 safe = current;
        for (uint256 price = current * 2; price <= current << 10 && upper == 0; price *= 2) {
            if (_isBelowAt(state, underlying, price)) upper = _lineBetween(state, underlying, price, safe);
            else safe = price;
        }
        if (lower == 0 || upper == 0) return lower + upper;
        return current - lower <= upper - current ? lower : upper;
    }

    /// @dev The model of `_ownRequirementOf` as a contract of its own: an engine with other requirements replaces both.
    function _newModel() internal virtual returns (IMarginModel) {
        return new StandardMargin();
    }

    // The gate

    /// @dev A bit for each account whose margin is below a line.
    function _which(
        AccountId[] calldata accounts,
        KnownMarket[] calldata known,
        Line line
    ) private view returns (uint256 below) {
        if (accounts.length > 256) revert TooManyAccounts(accounts.length, 256);
        MarketCache memory cache = cacheOf(known);
        for (uint256 i = 0; i < accounts.length; ++i) {
            State memory state = _load(accounts[i]);
            if (_isRiskless(state)) continue;
            Valuation memory valuation = _value(state, cache, Purpose.Trade);
            _requireFew(accounts[i], state, valuation);
            Margin memory margin = _margin(valuation);
            bool isBelow = line == Line.Maintenance ? _isBelow(margin) : !_isRead(valuation) || _isBelowInitial(margin);
            if (isBelow) below |= 1 << i;
        }
    }

    /// @dev An account that holds more than a liquidator may hold could not be taken over; items that cannot be read now
    /// count as well.
    function _requireFew(AccountId account, State memory state, Valuation memory valuation) private pure {
        uint256 most = valuation.liquidationRules.mostInstruments();
        if (state.positions.length > most) revert IClearinghouse.TooManyInstruments(account, most);
    }

    function _isBelowInitial(Margin memory margin) private pure returns (bool) {
        return margin.equity < margin.initial.toInt256();
    }

    function _isBelow(Margin memory margin) private pure returns (bool) {
        return margin.equity < margin.maintenance.toInt256();
    }

    /// @dev No position is larger than before, on the other side, or new.
    function _isReduction(OpenPosition[] memory before, OpenPosition[] memory afterwards) private pure returns (bool) {
        for (uint256 i = 0; i < afterwards.length; ++i) {
            int256 size = afterwards[i].size;
            int256 sizeBefore = 0;
            for (uint256 j = 0; j < before.length; ++j) {
                if (before[j].instrument == afterwards[i].instrument) sizeBefore = before[j].size;
            }
            if (size > 0 ? sizeBefore < size : sizeBefore > size) return false;
        }
        return true;
    }

    /// @dev The gate of the design, without division: with equity, health R / M must not fall; without, equity must
    /// not, but for the wei by which each trade may round a value down.
    function _isSafer(Margin memory before, Margin memory afterwards, uint256 trades) private pure returns (bool) {
        if (before.maintenance == 0 || afterwards.maintenance > before.maintenance) return false;
        if (before.equity < 0) return afterwards.equity >= before.equity - trades.toInt256();
        return
            afterwards.equity >= 0 &&
            afterwards.equity * before.maintenance.toInt256() >= before.equity * afterwards.maintenance.toInt256();
    }

    /// @dev While an item cannot be read, nobody knows what the account is really worth: it may reduce, but at no price
    /// that is worse than the mark.
    function _isNoGift(Margin memory before, Margin memory afterwards, uint256 allowed) private pure returns (bool) {
        return afterwards.maintenance <= before.maintenance && afterwards.equity >= before.equity - allowed.toInt256();
    }

    /// @dev The terms with the largest slice, and what it takes to ask for a smaller one.
    function _termsOf(
        Valuation memory valuation,
        Margin memory margin
    ) private view returns (LiquidationTerms memory terms, SliceSearch.Account memory account) {
        LiquidationRules rules = valuation.liquidationRules;
        terms = Liquidation.termsOf(margin.equity, margin.maintenance, rules);
        account.requirementOf = _requirementOf;
        account.portfolio = valuation.portfolio;
        account.minimumMargin = valuation.minimumMargin;
        account.rules = rules;
        terms.fraction = SliceSearch.leastFraction(account, terms);
    }

    // Searches for views

    /// @dev An account that has neither position nor debt may have all its cash, whatever its collateral is worth; what it
    /// could borrow beyond is worked out as if it owed one wei, and is nothing while its collateral has no price.
    function _withdrawableCash(AccountId account, State memory state) private view returns (uint256) {
        if (state.cash <= 0 && VAULT.loanRoom() == 0) return 0;
        int256 least = 0;
        if (!_isRiskless(state)) {
            least = _leastCash(state.cash, _marginNow(state));
        } else {
            try this.marginWith(account, new Delta[](0), -1 - state.cash) returns (Margin memory margin) {
                least = FixedPointMathLib.min(_leastCash(-1, margin), int256(0));
            } catch {}
        }
        return VAULT.withdrawableAbove(account, least);
    }

    /// @dev What cash an account with such a margin needs at least [wad].
    function _leastCash(int256 cash, Margin memory margin) private pure returns (int256) {
        return cash - margin.equity + margin.initial.toInt256();
    }

    function _isSpared(State memory state) private view returns (bool) {
        return _isRiskless(state) || !_isBelowInitial(_marginNow(state));
    }

    /// @dev A state without the token of an index, which is at a place among those held.
    function _without(State memory state, uint256 index, uint256 place) private pure returns (State memory) {
        uint256[] memory amounts = new uint256[](state.amounts.length - 1);
        for (uint256 i = 0; i < amounts.length; ++i) amounts[i] = state.amounts[i < place ? i : i + 1];
        return
            State({
                cash: state.cash,
                positions: state.positions,
                tokens: state.tokens & ~(1 << index),
                amounts: amounts
            });
    }

    /// @dev The place of the index-th token among the set bits.
    function _placeOf(uint256 tokens, uint256 index) private pure returns (uint256 place) {
        for (uint256 i = 0; i < index; ++i) place += (tokens >> i) & 1;
    }

    function _isBelowAt(State memory state, uint24 underlying, uint256 price) private view returns (bool) {
        MarketCache memory cache = _cacheFor(state);
        cache.entryOf(underlying).price = price;
        return _isBelow(_margin(_value(state, cache, Purpose.View)));
    }

    /// @dev The price between one that is below the line and one that is not, on the safe side, to a millionth.
    function _lineBetween(
        State memory state,
        uint24 underlying,
        uint256 below,
        uint256 safe
    ) private view returns (uint256) {
        while (FixedPointMathLib.dist(below, safe) > safe / 1e6 + 1) {
            uint256 middle = (below + safe) / 2;
            if (_isBelowAt(state, underlying, middle)) below = middle;
            else safe = middle;
        }
        return safe;
    }
}
