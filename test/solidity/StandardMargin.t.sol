// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {StandardMargin} from "../../contracts/margin/StandardMargin.sol";
import {CollateralParameters, packCollateralRules} from "../../contracts/types/CollateralRules.sol";
import {CollateralHolding, Holding, Portfolio} from "../../contracts/types/Portfolio.sol";
import {packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";
import {StandardRates} from "../../contracts/margin/StandardRates.sol";
import {RateRules, UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";
import {UnderlyingRules, packUnderlyingRules} from "../../contracts/types/UnderlyingRules.sol";

/// @title StandardMarginTest
/// @notice Proves of the standard model, for any rates that the Rules accept: initial is never below maintenance, both
/// are monotone and convex in size, symmetric in its sign, additive over holdings, and equal to the formula within
/// roundings.
contract StandardMarginTest is PlimsollSetup {
    uint256 private constant MOST_SIZE = 1e26;

    StandardMargin private _model = new StandardMargin();

    function testFuzz_InitialIsNeverBelowMaintenance(uint256 seed, uint256 size, uint256 price) public view {
        size = bound(size, 1, MOST_SIZE);
        (uint256 initial, uint256 maintenance) = _requirement(seed, int256(size), price);
        assertGe(initial, maintenance);
        assertGt(maintenance, 0, "every position has a requirement");
    }

    function testFuzz_RequirementIsMonotoneInSize(uint256 seed, uint256 size, uint256 more, uint256 price) public view {
        size = bound(size, 0, MOST_SIZE);
        more = bound(more, 0, MOST_SIZE);
        (uint256 initial, uint256 maintenance) = _requirement(seed, int256(size), price);
        (uint256 largerInitial, uint256 largerMaintenance) = _requirement(seed, int256(size + more), price);
        assertGe(largerInitial, initial);
        assertGe(largerMaintenance, maintenance);
    }

    /// @dev Each of the four roundings of a requirement is at most 1 wei x 20 (the largest factor).
    function testFuzz_RequirementIsConvexInSize(uint256 seed, uint256 a, uint256 b, uint256 price) public view {
        a = bound(a, 0, MOST_SIZE);
        b = bound(b, 0, MOST_SIZE);
        (uint256 initialA, uint256 maintenanceA) = _requirement(seed, int256(a), price);
        (uint256 initialB, uint256 maintenanceB) = _requirement(seed, int256(b), price);
        (uint256 initialMiddle, uint256 maintenanceMiddle) = _requirement(seed, int256((a + b) / 2), price);
        assertGe(initialA + initialB + 80, 2 * initialMiddle);
        assertGe(maintenanceA + maintenanceB + 80, 2 * maintenanceMiddle);
    }

    function testFuzz_LongAndShortRequireTheSame(uint256 seed, uint256 size, uint256 price) public view {
        size = bound(size, 0, MOST_SIZE);
        (uint256 long, uint256 longMaintenance) = _requirement(seed, int256(size), price);
        (uint256 short, uint256 shortMaintenance) = _requirement(seed, -int256(size), price);
        assertEq(long, short);
        assertEq(longMaintenance, shortMaintenance);
    }

    function testFuzz_NothingIsNetted(uint256 seed, uint256 size, uint256 price, uint256 quantity) public view {
        Portfolio memory both;
        both.positions = _positions(seed, int256(bound(size, 0, MOST_SIZE)), price);
        both.collateral = _collateral(seed, quantity, price);
        (uint256 initial, uint256 maintenance) = _model.requirement(both);
        (uint256 ofPosition, uint256 ofPositionMaintenance) = _requirement(seed, both.positions[0].size, price);
        both.positions = new Holding[](0);
        (uint256 ofCollateral, uint256 ofCollateralMaintenance) = _model.requirement(both);
        assertEq(initial, ofPosition + ofCollateral);
        assertEq(maintenance, ofPositionMaintenance + ofCollateralMaintenance);
    }

    /// @dev A haircut is less than the value: collateral is never worth less than nothing.
    function testFuzz_CollateralRequiresLessThanItsValue(uint256 seed, uint256 quantity, uint256 price) public view {
        Portfolio memory portfolio;
        portfolio.collateral = _collateral(seed, quantity, price);
        (uint256 initial, uint256 maintenance) = _model.requirement(portfolio);
        uint256 value = (portfolio.collateral[0].quantity * portfolio.collateral[0].price) / WAD;
        assertLe(initial, value + 1);
        assertLe(maintenance, initial);
    }

    /// @dev In the first bracket: notional x clamp(2 % + 3 % x 60 %) and its initial counterpart, with the design's
    /// numbers.
    function testFuzz_FirstBracketIsRateTimesNotional(uint256 notional) public view {
        notional = bound(notional, 0, 1_000_000e18);
        Portfolio memory portfolio;
        portfolio.positions = new Holding[](1);
        portfolio.positions[0].size = int256(notional);
        portfolio.positions[0].mark = WAD;
        portfolio.positions[0].rules = _rulesAt(_underlyingParameters(300, 500), 0.6e18, 0.7e18);
        portfolio.positions[0].brackets = packSizeBrackets(_bracketParameters());
        (uint256 initial, uint256 maintenance) = _model.requirement(portfolio);
        assertApproxEqAbs(maintenance, (notional * 380) / 10_000, 1);
        assertApproxEqAbs(initial, (notional * 410) / 6_000, notional / WAD + 2);
    }

    function _requirement(uint256 seed, int256 size, uint256 price) private view returns (uint256, uint256) {
        Portfolio memory portfolio;
        portfolio.positions = _positions(seed, size, price);
        return _model.requirement(portfolio);
    }

    function _positions(uint256 seed, int256 size, uint256 price) private pure returns (Holding[] memory positions) {
        positions = new Holding[](1);
        positions[0].size = size;
        positions[0].mark = bound(price, 1, 1e24);
        positions[0].rules = _rulesAt(_rates(seed), _draw(seed, 7, 0, 10e18), _draw(seed, 8, 0, 10e18));
        positions[0].brackets = packSizeBrackets(_bracketParameters());
    }

    function _collateral(
        uint256 seed,
        uint256 quantity,
        uint256 price
    ) private pure returns (CollateralHolding[] memory) {
        CollateralHolding[] memory collateral = new CollateralHolding[](1);
        CollateralParameters memory parameters;
        parameters.maintenanceHaircutBps = uint16(_draw(seed, 10, 0, 9_999));
        parameters.initialHaircutBps = uint16(_draw(seed, 11, parameters.maintenanceHaircutBps, 9_999));
        collateral[0].quantity = bound(quantity, 0, MOST_SIZE);
        collateral[0].price = bound(price, 1, 1e24);
        collateral[0].rules = packCollateralRules(parameters, 18, 0);
        return collateral;
    }

    /// @dev Any rates within the bounds of the Rules contract.
    function _rates(uint256 seed) private pure returns (UnderlyingParameters memory parameters) {
        parameters = _underlyingParameters(0, 0);
        uint256 floor = _draw(seed, 1, 1, 5_000);
        uint256 cap = _draw(seed, 2, floor, 5_000);
        parameters.maintenanceFloorBps = uint16(floor);
        parameters.maintenanceCapBps = uint16(cap);
        parameters.maintenanceBaseBps = uint16(_draw(seed, 3, 0, cap));
        parameters.maintenanceSlopeBps = uint16(_draw(seed, 4, 0, 10_000));
        parameters.initialFloorBps = uint16(_draw(seed, 5, floor, 10_000));
        parameters.maintenanceToInitialBps = uint16(_draw(seed, 6, 1_000, 10_000));
    }

    /// @dev The rules at a volatility.
    function _rulesAt(
        UnderlyingParameters memory parameters,
        uint256 slow,
        uint256 fast
    ) private pure returns (UnderlyingRules) {
        RateRules rules = packRateRules(parameters);
        (uint256 initial, uint256 maintenance) = StandardRates.ratesOf(rules, slow, fast);
        return packUnderlyingRules(RateRules.unwrap(rules), initial, maintenance);
    }

    function _draw(uint256 seed, uint256 field, uint256 least, uint256 most) private pure returns (uint256) {
        return bound(uint256(keccak256(abi.encode(seed, field))), least, most);
    }
}
