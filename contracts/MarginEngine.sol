// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Ledger} from "./clearing/Ledger.sol";
import {Liquidation} from "./clearing/Liquidation.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IMarginModel} from "./interfaces/IMarginModel.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {SliceSearch} from "./margin/SliceSearch.sol";
import {cachedPrice} from "./oracle/CachedPrice.sol";
import {TokenUnits} from "./libraries/TokenUnits.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {CollateralRules} from "./types/CollateralRules.sol";
import {InstrumentId} from "./types/InstrumentId.sol";
import {LiquidationRules} from "./types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "./types/LiquidationTerms.sol";
import {CollateralHolding, Delta, Holding, KnownPrice, Margin, Portfolio, Status} from "./types/Portfolio.sol";
import {OpenPosition} from "./types/Position.sol";
import {PriceCache, newPriceCache} from "./types/PriceCache.sol";

/// @title MarginEngine
/// @notice Values accounts and says what they may do. See IMarginEngine.
/// @dev Everything goes the same way: load what the account has (`_load`), change it if the question is what-if
/// (`_apply`), price it (`_value`), ask the model (`_margin`).
contract MarginEngine is IMarginEngine {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev What an account has.
    struct State {
        /// [wad]
        int256 cash;
        OpenPosition[] positions;
        /// Bit i: the account holds the i-th token.
        uint256 tokens;
        /// For each set bit [token].
        uint256[] amounts;
    }

    /// @dev What it is worth, with all that a model needs.
    struct Valuation {
        /// [wad]
        int256 equity;
        Portfolio portfolio;
        /// The account's minimum margin; 0 without position and debt [wad].
        uint256 minimumMargin;
        LiquidationRules liquidationRules;
    }

    /// @dev At most so many different underlyings are kept in memory in one call; more are read again.
    uint256 private constant CACHED_PRICES = 32;
    /// @dev Slices below one millionth could not be told from rounding [wad].
    uint256 private constant LEAST_FRACTION = 1e12;

    IVault private immutable VAULT;
    IClearinghouse private immutable CLEARINGHOUSE;
    IPriceOracle private immutable ORACLE;
    IRules private immutable RULES;
    IMarginModel private immutable STANDARD_MARGIN;

    constructor(
        IVault vault,
        IClearinghouse clearinghouse,
        IPriceOracle oracle,
        IRules rules,
        IMarginModel standardMargin
    ) {
        VAULT = vault;
        CLEARINGHOUSE = clearinghouse;
        ORACLE = oracle;
        RULES = rules;
        STANDARD_MARGIN = standardMargin;
    }

    // Margin

    /// @inheritdoc IMarginEngine
    function marginOf(AccountId account) public view returns (Margin memory) {
        return _margin(_value(_load(account), newPriceCache(CACHED_PRICES)));
    }

    /// @inheritdoc IMarginEngine
    function statusOf(AccountId account) external view returns (Status) {
        Margin memory margin = marginOf(account);
        if (margin.equity < 0) return Status.Bankrupt;
        if (uint256(margin.equity) < margin.maintenance) return Status.Liquidatable;
        return uint256(margin.equity) < margin.initial ? Status.MarginCall : Status.Healthy;
    }

    /// @inheritdoc IMarginEngine
    function marginWith(AccountId account, Delta[] calldata deltas, int256 cash) external view returns (Margin memory) {
        State memory state = _load(account);
        _apply(state, deltas, cash, false);
        return _margin(_value(state, newPriceCache(CACHED_PRICES)));
    }

    /// @inheritdoc IMarginEngine
    function withdrawable(AccountId account, address token) external view returns (uint256) {
        State memory state = _load(account);
        if (token == VAULT.SETTLEMENT_TOKEN()) return _withdrawableCash(state, token);
        CollateralRules rules = RULES.collateralOf(token);
        uint256 held = VAULT.collateralOf(account, token);
        if (held == 0) return 0;
        uint256 place = _placeOf(state.tokens, rules.index());

        // The requirement never grows when collateral leaves, but by how much it falls is the model's business: search.
        uint256 least;
        uint256 most = FixedPointMathLib.min(held, VAULT.trackedOf(token));
        if (_canSpare(state, place, held, most)) return most;
        while (most - least > 1) {
            uint256 middle = (least + most) / 2;
            if (_canSpare(state, place, held, middle)) least = middle;
            else most = middle;
        }
        return least;
    }

    // Checks

    /// @inheritdoc IMarginEngine
    function belowInitial(AccountId[] calldata accounts, KnownPrice[] calldata known) external view returns (uint256) {
        return _which(accounts, known, _isBelowInitial);
    }

    /// @inheritdoc IMarginEngine
    function belowMaintenance(
        AccountId[] calldata accounts,
        KnownPrice[] calldata known
    ) external view returns (uint256) {
        return _which(accounts, known, _isBelow);
    }

    /// @inheritdoc IMarginEngine
    function requireInitial(AccountId account) external view {
        State memory state = _load(account);
        if (_isRiskless(state)) return;
        Margin memory margin = _margin(_value(state, newPriceCache(CACHED_PRICES)));
        if (_isBelowInitial(margin)) revert BelowInitialMargin(account, margin.equity, margin.initial);
    }

    /// @inheritdoc IMarginEngine
    function requireSafer(
        AccountId account,
        Delta[] calldata done,
        int256 cash,
        KnownPrice[] calldata known
    ) external view {
        State memory state = _load(account);
        PriceCache memory cache = _cacheOf(known);
        Margin memory afterwards = _margin(_value(state, cache));
        if (!_isBelowInitial(afterwards)) return;

        OpenPosition[] memory held = state.positions;
        State memory undone = _load(account);
        _apply(undone, done, cash, true);
        Margin memory before = _margin(_value(undone, cache));
        if (!_isReduction(undone.positions, held) || !_isSafer(before, afterwards, done.length)) {
            revert RiskNotReduced(account, before, afterwards);
        }
    }

    // Liquidation

    /// @inheritdoc IMarginEngine
    function liquidationTermsOf(
        AccountId account,
        uint256 maxFraction
    ) external view returns (LiquidationTerms memory terms) {
        Valuation memory valuation = _value(_load(account), newPriceCache(CACHED_PRICES));
        Margin memory margin = _margin(valuation);
        if (!_isBelow(margin)) revert NotLiquidatable(account, margin.equity, margin.maintenance);

        SliceSearch.Account memory sinking;
        (terms, sinking) = _termsOf(valuation, margin);
        if (maxFraction >= terms.fraction) return terms;
        if (maxFraction < LEAST_FRACTION) revert FractionTooSmall(maxFraction, LEAST_FRACTION);
        if (terms.fraction == WadMath.WAD && SliceSearch.leavesDust(sinking, maxFraction)) {
            revert MustCloseWhole(account, maxFraction);
        }
        terms.fraction = maxFraction;
    }

    /// @inheritdoc IMarginEngine
    function previewLiquidation(
        AccountId account
    ) external view returns (uint256 maxFraction, int256 payment, int256 toAccount, int256 toInsurance) {
        Valuation memory valuation = _value(_load(account), newPriceCache(CACHED_PRICES));
        Margin memory margin = _margin(valuation);
        if (!_isBelow(margin)) return (0, 0, 0, 0);

        (LiquidationTerms memory terms, ) = _termsOf(valuation, margin);
        int256 fundCash = VAULT.cashOf(CLEARINGHOUSE.insuranceFund());
        LiquidationSettlement memory settlement = Liquidation.settlementOf(terms, fundCash > 0 ? uint256(fundCash) : 0);
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

    // From state to margin

    function _load(AccountId account) private view returns (State memory state) {
        (state.cash, state.tokens, state.amounts) = VAULT.balancesOf(account);
        state.positions = CLEARINGHOUSE.openPositionsOf(account);
    }

    /// @dev Does trades and a change of cash to a state, or undoes them: the same arithmetic as a trade's, so undoing
    /// what was done gives the state before to the wei.
    function _apply(State memory state, Delta[] calldata deltas, int256 cash, bool undo) private pure {
        state.cash = undo ? state.cash - cash : state.cash + cash;
        for (uint256 i = 0; i < deltas.length; ++i) {
            if (deltas[i].size == 0) continue;
            int256 size = undo ? -int256(deltas[i].size) : int256(deltas[i].size);
            _trade(state, deltas[i].instrument, size, Ledger.tradeQuote(size, deltas[i].price));
        }
    }

    function _trade(State memory state, InstrumentId instrument, int256 size, int256 quote) private pure {
        OpenPosition[] memory positions = state.positions;
        uint256 count = positions.length;
        uint256 place;
        while (place < count && positions[place].instrument != instrument) ++place;
        if (place == count) {
            state.positions = new OpenPosition[](count + 1);
            for (uint256 i = 0; i < count; ++i) state.positions[i] = positions[i];
            state.positions[count] = OpenPosition({instrument: instrument, size: size, realQuote: -quote});
            return;
        }
        positions[place].size += size;
        positions[place].realQuote -= quote;
        if (positions[place].size != 0) return;
        state.cash += positions[place].realQuote;
        state.positions = new OpenPosition[](count - 1);
        for (uint256 i = 0; i + 1 < count; ++i) state.positions[i] = positions[i < place ? i : i + 1];
    }

    /// @dev Prices a state. Rounded down for the account.
    function _value(State memory state, PriceCache memory cache) private view returns (Valuation memory valuation) {
        uint256 count = state.positions.length;
        bool exposed = !_isRiskless(state);
        LiquidationRules rules = RULES.liquidationRules();
        valuation.liquidationRules = rules;
        valuation.equity = state.cash;
        valuation.portfolio.positions = new Holding[](count);
        for (uint256 i = 0; i < count; ++i) {
            OpenPosition memory position = state.positions[i];
            Holding memory holding = valuation.portfolio.positions[i];
            holding.instrument = position.instrument;
            holding.size = position.size;
            (holding.rules, holding.brackets) = RULES.instrumentRules(position.instrument);
            holding.indexPrice = cachedPrice(ORACLE, cache, position.instrument.underlyingOf());
            // A perpetual is marked at the index price.
            holding.mark = holding.indexPrice;
            valuation.equity += Ledger.valueOf(position.size, position.realQuote, holding.mark);
        }
        if (exposed) valuation.minimumMargin = rules.minimumMargin() + count * rules.minimumMarginOfItem();
        _valueCollateral(state, valuation, cache, exposed ? rules.minimumMarginOfItem() : 0);
    }

    /// @dev Adds the collateral to a valuation. A token adds to the minimum margin at most what it adds to equity, so
    /// that no deposit, which asks for no price, can bring an account below its line.
    function _valueCollateral(
        State memory state,
        Valuation memory valuation,
        PriceCache memory cache,
        uint256 minimumMarginOfItem
    ) private view {
        valuation.portfolio.collateral = new CollateralHolding[](state.amounts.length);
        uint256 place;
        for (uint256 index = 0; state.tokens >> index != 0; ++index) {
            if ((state.tokens >> index) & 1 == 0) continue;
            CollateralHolding memory holding = valuation.portfolio.collateral[place];
            (, holding.rules) = RULES.collateralAt(index);
            holding.quantity = TokenUnits.toWadDown(state.amounts[place++], holding.rules.tokenDecimals());
            holding.price = cachedPrice(ORACLE, cache, holding.rules.collateralUnderlying());
            uint256 value = WadMath.mulDown(holding.quantity, holding.price);
            valuation.equity += value.toInt256();
            valuation.minimumMargin += FixedPointMathLib.min(value, minimumMarginOfItem);
        }
    }

    function _margin(Valuation memory valuation) private view returns (Margin memory margin) {
        margin.equity = valuation.equity;
        (margin.initial, margin.maintenance) = STANDARD_MARGIN.requirement(valuation.portfolio);
        margin.maintenance = FixedPointMathLib.max(margin.maintenance, valuation.minimumMargin);
        margin.initial = FixedPointMathLib.max(margin.initial, margin.maintenance);
    }

    function _cacheOf(KnownPrice[] calldata known) private pure returns (PriceCache memory cache) {
        cache = newPriceCache(known.length + CACHED_PRICES);
        for (uint256 i = 0; i < known.length; ++i) cache.remember(known[i].underlying, known[i].price);
    }

    // The gate

    /// @dev A bit for each account whose margin is below a line.
    function _which(
        AccountId[] calldata accounts,
        KnownPrice[] calldata known,
        function(Margin memory) pure returns (bool) isBelow
    ) private view returns (uint256 below) {
        if (accounts.length > 256) revert TooManyAccounts(accounts.length, 256);
        PriceCache memory cache = _cacheOf(known);
        for (uint256 i = 0; i < accounts.length; ++i) {
            State memory state = _load(accounts[i]);
            if (!_isRiskless(state) && isBelow(_margin(_value(state, cache)))) below |= 1 << i;
        }
    }

    /// @dev Without position and debt there is nothing that a price could endanger: such an account needs no price.
    function _isRiskless(State memory state) private pure returns (bool) {
        return state.positions.length == 0 && state.cash >= 0;
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

    /// @dev The terms with the largest slice, and what it takes to ask for a smaller one.
    function _termsOf(
        Valuation memory valuation,
        Margin memory margin
    ) private view returns (LiquidationTerms memory terms, SliceSearch.Account memory account) {
        LiquidationRules rules = valuation.liquidationRules;
        terms = Liquidation.termsOf(margin.equity, margin.maintenance, rules);
        account = SliceSearch.Account({
            model: STANDARD_MARGIN,
            portfolio: valuation.portfolio,
            minimumMargin: valuation.minimumMargin,
            rules: rules
        });
        terms.fraction = SliceSearch.leastFraction(account, terms);
    }

    // Searches for views

    function _withdrawableCash(State memory state, address token) private view returns (uint256) {
        if (state.cash <= 0) return 0;
        int256 spare = state.cash;
        if (!_isRiskless(state)) {
            Margin memory margin = _margin(_value(state, newPriceCache(CACHED_PRICES)));
            spare = FixedPointMathLib.min(spare, margin.equity - margin.initial.toInt256());
            if (spare <= 0) return 0;
        }
        uint256 amount = TokenUnits.toAmountDown(uint256(spare), VAULT.SETTLEMENT_DECIMALS());
        return FixedPointMathLib.min(amount, VAULT.trackedOf(token));
    }

    /// @dev Whether the account stays at initial margin without `amount` of the token at `place`.
    function _canSpare(State memory state, uint256 place, uint256 held, uint256 amount) private view returns (bool) {
        if (_isRiskless(state)) return true;
        state.amounts[place] = held - amount;
        return !_isBelowInitial(_margin(_value(state, newPriceCache(CACHED_PRICES))));
    }

    /// @dev The place of the index-th token among the set bits.
    function _placeOf(uint256 tokens, uint256 index) private pure returns (uint256 place) {
        for (uint256 i = 0; i < index; ++i) place += (tokens >> i) & 1;
    }

    function _isBelowAt(State memory state, uint24 underlying, uint256 price) private view returns (bool) {
        PriceCache memory cache = newPriceCache(CACHED_PRICES);
        cache.remember(underlying, price);
        return _isBelow(_margin(_value(state, cache)));
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
