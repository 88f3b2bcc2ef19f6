// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {LibBit} from "solady/src/utils/LibBit.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {cachedOrLastPrice, cachedPrice} from "../clearing/CachedPrice.sol";
import {Ledger} from "../clearing/Ledger.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginModel} from "../interfaces/IMarginModel.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {TokenUnits} from "../libraries/TokenUnits.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {LiquidationRules} from "../types/LiquidationRules.sol";
import {KnownMarket, MarketCache, newMarketCache} from "../types/MarketCache.sol";
import {CollateralHolding, Delta, Holding, Margin, Portfolio} from "../types/Portfolio.sol";
import {OpenPosition} from "../types/Position.sol";
import {ramped} from "../types/Ramp.sol";
import {UnderlyingRules} from "../types/UnderlyingRules.sol";
import {crowdingOf} from "./OpenInterestAddOn.sol";
import {StandardRequirement} from "./StandardRequirement.sol";

/// @title AccountValuation
/// @notice From what an account has to what it is worth and requires: load it (`_load`), change it if the question is
/// what-if (`_apply`), price it (`_value`), ask the model (`_margin`).
/// @dev A new engine comes with a new model. From the moment at which it is put in charge, requirements move in a straight
/// line from those of the former engine's model to its own.
abstract contract AccountValuation {
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

    /// @dev What a valuation is for.
    enum Purpose {
        /// Today's prices or none.
        View,
        /// The last accepted price where there is none now.
        Trade,
        /// The same, without the open-interest add-on on initial margin.
        Liquidation
    }

    /// @dev What it is worth, with all that a model needs.
    struct Valuation {
        /// [wad]
        int256 equity;
        Portfolio portfolio;
        /// The account's minimum margin; 0 without position and debt [wad].
        uint256 minimumMargin;
        LiquidationRules liquidationRules;
        /// Bit i: the price of the i-th position is the last accepted one.
        uint256 unreadPositions;
        /// Bit i: the price of the i-th collateral is.
        uint256 unreadCollateral;
        /// What these are worth at their last prices [wad].
        int256 unreadValue;
    }

    /// @dev Items that cannot be read are no obstacle to a liquidation up to this part of the requirement.
    uint256 private constant MOST_UNREAD_BPS = 1_000;

    IVault internal immutable VAULT;
    IClearinghouse internal immutable CLEARINGHOUSE;
    IPriceOracle internal immutable ORACLE;
    IRules internal immutable RULES;
    /// @dev The model of the engine that this one succeeds; none for the first.
    IMarginModel internal immutable FORMER_MODEL;

    /// @dev Until then requirements are on their way from the former model's; 0 before this engine is in charge, when they
    /// are the former model's [unix seconds].
    uint256 internal _endOfBlend;

    constructor(
        IVault vault,
        IClearinghouse clearinghouse,
        IPriceOracle oracle,
        IRules rules,
        IMarginModel formerModel
    ) {
        VAULT = vault;
        CLEARINGHOUSE = clearinghouse;
        ORACLE = oracle;
        RULES = rules;
        FORMER_MODEL = formerModel;
    }

    // From state to margin

    function _load(AccountId account) internal view returns (State memory state) {
        (state.cash, state.tokens, state.amounts) = VAULT.balancesOf(account);
        state.positions = CLEARINGHOUSE.openPositionsOf(account);
    }

    /// @dev Does trades and a change of cash to a state, or undoes them: the same arithmetic as a trade's, so undoing
    /// what was done gives the state before to the wei.
    function _apply(State memory state, Delta[] calldata deltas, int256 cash, bool undo) internal view {
        state.cash = undo ? state.cash - cash : state.cash + cash;
        for (uint256 i = 0; i < deltas.length; ++i) {
            if (deltas[i].size == 0) continue;
            int256 size = undo ? -int256(deltas[i].size) : int256(deltas[i].size);
            _trade(state, deltas[i].instrument, size, Ledger.tradeQuote(size, deltas[i].price));
        }
    }

    function _trade(State memory state, InstrumentId instrument, int256 size, int256 quote) internal view {
        OpenPosition[] memory positions = state.positions;
        uint256 count = positions.length;
        uint256 place;
        while (place < count && positions[place].instrument != instrument) ++place;
        if (place == count) {
            state.positions = new OpenPosition[](count + 1);
            for (uint256 i = 0; i < count; ++i) state.positions[i] = positions[i];
            state.positions[count] = OpenPosition({
                instrument: instrument,
                size: size,
                realQuote: -quote,
                openInterest: CLEARINGHOUSE.openInterestOf(instrument)
            });
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
    function _value(
        State memory state,
        MarketCache memory cache,
        Purpose purpose
    ) internal view returns (Valuation memory valuation) {
        OpenPosition[] memory positions = state.positions;
        uint256 count = positions.length;
        LiquidationRules rules = _liquidationRules(state, cache);
        valuation.liquidationRules = rules;
        valuation.equity = state.cash;
        valuation.portfolio.positions = new Holding[](count);
        for (uint256 i = 0; i < count; ++i) _valuePosition(positions[i], valuation, i, cache, purpose);

        uint256 minimumMarginOfItem;
        if (!_isRiskless(state)) {
            minimumMarginOfItem = rules.minimumMarginOfItem();
            // Unchecked: both margins are below 2^16 x 1e18, and no account has 2^64 positions.
            unchecked {
                valuation.minimumMargin = rules.minimumMargin() + count * minimumMarginOfItem;
            }
        }
        if (state.tokens != 0) _valueCollateral(state, valuation, cache, purpose, minimumMarginOfItem);
    }

    /// @dev The rules of liquidation, with those of the first position's instrument if both are to be read.
    function _liquidationRules(
        State memory state,
        MarketCache memory cache
    ) private view returns (LiquidationRules rules) {
        rules = cache.liquidationRules;
        if (LiquidationRules.unwrap(rules) != 0) return rules;
        if (cache.count == 0 && state.positions.length != 0) {
            InstrumentId instrument = state.positions[0].instrument;
            KnownMarket memory market = cache.entryOf(instrument.underlyingOf());
            (market.rules, market.brackets, rules) = RULES.marginRules(instrument);
        } else {
            rules = RULES.liquidationRules();
        }
        cache.liquidationRules = rules;
    }

    /// @dev Adds the i-th position to a valuation. A perpetual is marked at the index price.
    function _valuePosition(
        OpenPosition memory position,
        Valuation memory valuation,
        uint256 i,
        MarketCache memory cache,
        Purpose purpose
    ) internal view {
        KnownMarket memory market = cache.entryOf(position.instrument.underlyingOf());
        if (UnderlyingRules.unwrap(market.rules) == 0) {
            (market.rules, market.brackets) = RULES.instrumentRules(position.instrument);
        }
        _read(market, purpose);
        Holding memory holding = valuation.portfolio.positions[i];
        holding.instrument = position.instrument;
        holding.size = position.size;
        if (!market.brackets.suffices(WadMath.abs(position.size), market.price)) {
            market.brackets = RULES.bracketsOf(position.instrument);
        }
        holding.rules = market.rules;
        holding.brackets = market.brackets;
        holding.indexPrice = market.price;
        holding.mark = market.price;
        if (purpose != Purpose.Liquidation) {
            holding.crowding = _crowdingOf(position.openInterest, holding.mark, valuation.liquidationRules);
        }
        int256 value = Ledger.valueOf(position.size, position.realQuote, holding.mark);
        valuation.equity += value;
        if (market.isLast) {
            valuation.unreadPositions |= 1 << i;
            valuation.unreadValue += value;
        }
    }

    /// @dev Adds the collateral to a valuation. A token adds to the minimum margin at most what it adds to equity, so
    /// that no deposit, which asks for no price, can bring an account below its line.
    function _valueCollateral(
        State memory state,
        Valuation memory valuation,
        MarketCache memory cache,
        Purpose purpose,
        uint256 minimumMarginOfItem
    ) internal view {
        valuation.portfolio.collateral = new CollateralHolding[](state.amounts.length);
        uint256 place;
        for (uint256 index = 0; state.tokens >> index != 0; ++index) {
            if ((state.tokens >> index) & 1 == 0) continue;
            CollateralHolding memory holding = valuation.portfolio.collateral[place];
            (, holding.rules) = RULES.collateralAt(index);
            if (purpose == Purpose.Liquidation) holding.rules = holding.rules.forLiquidator();
            KnownMarket memory market = cache.entryOf(holding.rules.collateralUnderlying());
            _read(market, purpose);
            holding.price = market.price;
            holding.quantity = TokenUnits.toWadDown(state.amounts[place], holding.rules.tokenDecimals());
            uint256 value = WadMath.mulDown(holding.quantity, holding.price);
            valuation.equity += value.toInt256();
            if (market.isLast) {
                valuation.unreadCollateral |= 1 << place;
                valuation.unreadValue += value.toInt256();
            }
            ++place;
            valuation.minimumMargin += FixedPointMathLib.min(value, minimumMarginOfItem);
        }
    }

    /// @dev Sees to it that a market has a price: today's, or for some purposes the last.
    function _read(KnownMarket memory market, Purpose purpose) private view {
        if (purpose == Purpose.View) cachedPrice(ORACLE, market);
        else cachedOrLastPrice(ORACLE, market);
    }

    /// @dev The fund is only asked where it matters: while governance's figure suffices, it does not.
    function _crowdingOf(uint256 openInterest, uint256 mark, LiquidationRules rules) internal view returns (uint256) {
        uint256 notional = WadMath.mulUp(openInterest, mark);
        uint256 base = rules.openInterestBase();
        if (crowdingOf(notional, base) == 0) return 0;
        int256 fund = VAULT.cashOf(CLEARINGHOUSE.insuranceFund());
        return crowdingOf(notional, fund > base.toInt256() ? uint256(fund) : base);
    }

    // Items that cannot be read

    function _isRead(Valuation memory valuation) internal pure returns (bool) {
        return valuation.unreadPositions | valuation.unreadCollateral == 0;
    }

    /// @dev An account as a liquidation sees it: items that cannot be read are worth their last value less what they
    /// require, and require nothing more. R - M is the same as at the last prices, and so is the line. Only the account
    /// pays for the doubt, with what it has beyond the least incentive: the fund never does. Reverts with the oracle's
    /// reason when such items are too much of the whole requirement, which is at least the minimum margin: a speck beside
    /// a debt shields nobody.
    function _valueForLiquidation(
        State memory state,
        MarketCache memory cache
    ) internal view returns (Valuation memory valuation) {
        valuation = _value(state, cache, Purpose.Liquidation);
        if (_isRead(valuation)) return valuation;

        Portfolio memory unread = _setAside(valuation);
        (, uint256 aside) = _requirementOf(unread);
        (, uint256 rest) = _requirementOf(valuation.portfolio);
        uint256 whole = FixedPointMathLib.max(aside + rest, valuation.minimumMargin);
        if (aside > WadMath.bpsDown(whole, MOST_UNREAD_BPS)) {
            ORACLE.price(
                unread.positions.length == 0
                    ? unread.collateral[0].rules.collateralUnderlying()
                    : unread.positions[0].instrument.underlyingOf()
            );
        }
        uint256 spare = valuation.equity > 0 ? uint256(valuation.equity) : 0;
        spare = FixedPointMathLib.zeroFloorSub(
            spare,
            WadMath.bpsUp(
                FixedPointMathLib.max(rest, valuation.minimumMargin),
                valuation.liquidationRules.leastIncentiveBps()
            )
        );
        uint256 discount = FixedPointMathLib.min(aside, spare);
        valuation.equity -= discount.toInt256();
        valuation.minimumMargin = FixedPointMathLib.zeroFloorSub(valuation.minimumMargin, discount);
    }

    /// @dev An account as the taker of a slice: items that cannot be read give it nothing, and cost it what they would
    /// lose by their last price and their initial requirement.
    function _valueForLiquidator(
        State memory state,
        MarketCache memory cache
    ) internal view returns (Valuation memory valuation) {
        valuation = _value(state, cache, Purpose.Liquidation);
        if (_isRead(valuation)) return valuation;

        (uint256 initial, ) = _requirementOf(_setAside(valuation));
        int256 worst = valuation.unreadValue - initial.toInt256();
        valuation.equity += (worst < 0 ? worst : int256(0)) - valuation.unreadValue;
    }

    /// @dev Takes the items that cannot be read out of the portfolio that the model sees; returns them.
    function _setAside(Valuation memory valuation) private pure returns (Portfolio memory unread) {
        Portfolio memory whole = valuation.portfolio;
        unread = _part(whole, valuation.unreadPositions, valuation.unreadCollateral);
        valuation.portfolio = _part(whole, ~valuation.unreadPositions, ~valuation.unreadCollateral);
    }

    /// @dev The items of a portfolio whose bits are set.
    function _part(
        Portfolio memory whole,
        uint256 positions,
        uint256 collateral
    ) internal pure returns (Portfolio memory part) {
        part.positions = new Holding[](_countOf(positions, whole.positions.length));
        part.collateral = new CollateralHolding[](_countOf(collateral, whole.collateral.length));
        uint256 place;
        for (uint256 i = 0; i < whole.positions.length; ++i) {
            if ((positions >> i) & 1 == 1) part.positions[place++] = whole.positions[i];
        }
        place = 0;
        for (uint256 i = 0; i < whole.collateral.length; ++i) {
            if ((collateral >> i) & 1 == 1) part.collateral[place++] = whole.collateral[i];
        }
    }

    function _countOf(uint256 bits, uint256 length) internal pure returns (uint256) {
        return LibBit.popCount(bits & ((1 << length) - 1));
    }

    /// @dev What a state is worth and requires at today's prices.
    function _marginNow(State memory state) internal view returns (Margin memory) {
        return _margin(_value(state, _cacheFor(state), Purpose.View));
    }

    /// @dev Room for all that a state depends on.
    function _cacheFor(State memory state) internal pure returns (MarketCache memory) {
        return newMarketCache(state.positions.length + state.amounts.length);
    }

    function _margin(Valuation memory valuation) internal view returns (Margin memory margin) {
        margin.equity = valuation.equity;
        (margin.initial, margin.maintenance) = _requirementOf(valuation.portfolio);
        margin.maintenance = FixedPointMathLib.max(margin.maintenance, valuation.minimumMargin);
        margin.initial = FixedPointMathLib.max(margin.initial, margin.maintenance);
    }

    /// @dev What a portfolio requires now [wad].
    function _requirementOf(Portfolio memory portfolio) internal view returns (uint256 initial, uint256 maintenance) {
        (initial, maintenance) = _ownRequirementOf(portfolio);
        if (address(FORMER_MODEL) == address(0)) return (initial, maintenance);
        uint256 end = _endOfBlend;
        if (end != 0 && block.timestamp >= end) return (initial, maintenance);
        (uint256 formerInitial, uint256 formerMaintenance) = FORMER_MODEL.requirement(portfolio);
        if (end == 0) return (formerInitial, formerMaintenance);
        initial = ramped(formerInitial, initial, end);
        maintenance = ramped(formerMaintenance, maintenance, end);
    }

    /// @dev This engine's model, built in.
    function _ownRequirementOf(Portfolio memory portfolio) internal pure virtual returns (uint256, uint256) {
        return StandardRequirement.requirementOf(portfolio);
    }

    /// @dev Without position and debt there is nothing that a price could endanger: such an account needs no price.
    function _isRiskless(State memory state) internal pure returns (bool) {
        return state.positions.length == 0 && state.cash >= 0;
    }
}
