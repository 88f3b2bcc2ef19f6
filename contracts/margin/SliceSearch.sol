// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Liquidation} from "../clearing/Liquidation.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {LiquidationRules} from "../types/LiquidationRules.sol";
import {LiquidationTerms} from "../types/LiquidationTerms.sol";
import {CollateralHolding, Holding, Portfolio} from "../types/Portfolio.sol";

/// @title SliceSearch
/// @notice Finds the least slice of an account that brings what remains to its target, whatever the margin model.
/// @dev Where the requirement shrinks with the slice, the closed form of Liquidation is exact. With a convex
/// requirement it takes too much: the least fraction is then searched between one that does not suffice and one that
/// does, by chords, which are exact where the requirement is linear, and midpoints in turn. The result always suffices.
/// When even the closed form does not, the minimum margin is in the way and the whole account is taken.
library SliceSearch {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev What is cut.
    struct Account {
        /// The account's margin model.
        function(Portfolio memory) internal view returns (uint256, uint256) requirementOf;
        /// Sizes and quantities are those that a slice leaves, from the first slice that is looked at on.
        Portfolio portfolio;
        /// The whole sizes and quantities; empty until they are needed [wad].
        int256[] sizes;
        uint256[] quantities;
        /// [wad]
        uint256 minimumMargin;
        LiquidationRules rules;
    }

    /// @dev Where the search stands.
    struct Bracket {
        /// A fraction that does not suffice [wad].
        uint256 low;
        /// How far it misses the target [wad].
        uint256 gap;
        /// A fraction that suffices [wad].
        uint256 high;
        /// By how much [wad].
        uint256 surplus;
    }

    /// @dev Added to each fraction that would meet the target exactly, so that requirements rounded up stay covered
    /// [wad].
    uint256 private constant GUARD = 1e9;
    /// @dev The search stops when the account would end this close above its target [bps].
    uint256 private constant TOLERANCE_BPS = 10;
    /// @dev Five chords and five midpoints: at the worst 3 % of the closed form is left to search.
    uint256 private constant STEPS = 10;

    /// @notice The least fraction [wad].
    /// @param account What is cut.
    /// @param terms At which terms.
    function leastFraction(Account memory account, LiquidationTerms memory terms) internal view returns (uint256) {
        uint256 target = Liquidation.targetOf(terms.maintenance, account.rules);
        Bracket memory bracket;
        bracket.gap = (target.toInt256() - terms.equity).toUint256();
        bracket.high = Liquidation.proportionalFraction(terms, target) + GUARD;
        if (bracket.high >= WadMath.WAD) return WadMath.WAD;
        int256 surplus = _surplusAfter(account, terms, bracket.high);
        if (surplus < 0) return WadMath.WAD;
        bracket.surplus = uint256(surplus);

        uint256 enough = WadMath.bpsDown(target, TOLERANCE_BPS);
        for (uint256 i = 0; i < STEPS && bracket.surplus > enough; ++i) {
            uint256 next = i % 2 == 0 ? _chord(bracket) : (bracket.low + bracket.high) / 2;
            if (next >= bracket.high) break;
            surplus = _surplusAfter(account, terms, next);
            if (surplus < 0) (bracket.low, bracket.gap) = (next, uint256(-surplus));
            else (bracket.high, bracket.surplus) = (next, uint256(surplus));
        }
        return bracket.high;
    }

    /// @notice Whether a slice would leave an account whose requirement is below the minimum margin.
    function leavesDust(Account memory account, uint256 fraction) internal view returns (bool) {
        return _maintenanceOfRest(account, fraction) < account.minimumMargin;
    }

    /// @dev Where the straight line between the two ends of a bracket meets the target.
    function _chord(Bracket memory bracket) private pure returns (uint256) {
        uint256 width = bracket.high - bracket.low;
        return bracket.low + FixedPointMathLib.fullMulDivUp(width, bracket.gap, bracket.gap + bracket.surplus) + GUARD;
    }

    /// @dev How far what a slice leaves would be above its target [wad].
    function _surplusAfter(
        Account memory account,
        LiquidationTerms memory terms,
        uint256 fraction
    ) private view returns (int256) {
        uint256 maintenance = FixedPointMathLib.max(_maintenanceOfRest(account, fraction), account.minimumMargin);
        return Liquidation.surplusAfter(terms, fraction, Liquidation.targetOf(maintenance, account.rules));
    }

    /// @dev The model's maintenance requirement for what a slice leaves [wad].
    function _maintenanceOfRest(Account memory account, uint256 fraction) private view returns (uint256 maintenance) {
        Portfolio memory rest = account.portfolio;
        if (account.sizes.length + account.quantities.length == 0) _rememberWhole(account);
        int256 kept = (WadMath.WAD - fraction).toInt256();
        for (uint256 i = 0; i < account.sizes.length; ++i) {
            rest.positions[i].size = WadMath.mulUp(account.sizes[i], kept);
        }
        for (uint256 i = 0; i < account.quantities.length; ++i) {
            rest.collateral[i].quantity = WadMath.mulUp(account.quantities[i], uint256(kept));
        }
        (, maintenance) = account.requirementOf(rest);
    }

    function _rememberWhole(Account memory account) private pure {
        Holding[] memory positions = account.portfolio.positions;
        account.sizes = new int256[](positions.length);
        for (uint256 i = 0; i < positions.length; ++i) account.sizes[i] = positions[i].size;
        CollateralHolding[] memory collateral = account.portfolio.collateral;
        account.quantities = new uint256[](collateral.length);
        for (uint256 i = 0; i < collateral.length; ++i) account.quantities[i] = collateral[i].quantity;
    }
}
