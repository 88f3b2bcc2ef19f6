// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {CollateralParameters} from "../../contracts/types/CollateralRules.sol";
import {KIND_PERPETUAL} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";
import {BracketParameters, SizeBrackets} from "../../contracts/types/SizeBrackets.sol";

/// @title AnyRules
/// @notice Whatever parameters governance may set: every one that the Rules accept, from a seed.
abstract contract AnyRules is BaseTest {
    /// @dev The i-th number that follows from a seed.
    function _draw(uint256 seed, uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }

    /// @dev The same, within bounds.
    function _draw(uint256 seed, uint256 i, uint256 least, uint256 most) internal pure returns (uint256) {
        return bound(_draw(seed, i), least, most);
    }

    function _anyRates(uint256 seed) internal pure returns (UnderlyingParameters memory rates) {
        rates.maintenanceFloorBps = uint16(_draw(seed, 1, 1, 5_000));
        rates.maintenanceCapBps = uint16(_draw(seed, 2, rates.maintenanceFloorBps, 5_000));
        rates.maintenanceBaseBps = uint16(_draw(seed, 3, 0, rates.maintenanceCapBps));
        rates.maintenanceSlopeBps = uint16(_draw(seed, 4, 0, 10_000));
        rates.initialFloorBps = uint16(_draw(seed, 5, rates.maintenanceFloorBps, 10_000));
        rates.maintenanceToInitialBps = uint16(_draw(seed, 6, 1_000, 10_000));
        rates.priorSigmaPercent = uint8(_draw(seed, 7, 1, 255));
        rates.tradeBandBps = uint16(_draw(seed, 8, 1, 2_000));
        rates.leastTradeBandBps = uint16(_draw(seed, 9, 0, 500));
        rates.kinds = uint8(1 << KIND_PERPETUAL);
        rates.openInterestCap = uint40(_draw(seed, 10));
    }

    /// @dev Small ends as often as large ones: what matters is where they lie beside an account's notional.
    function _anyBrackets(uint256 seed) internal pure returns (BracketParameters memory brackets) {
        uint256 step = uint256(1) << _draw(seed, 0, 1, 38);
        brackets.firstEnd = uint40(_draw(seed, 1, 1, step));
        brackets.secondEnd = brackets.firstEnd + uint40(_draw(seed, 2, 1, step));
        brackets.thirdEnd = brackets.secondEnd + uint40(_draw(seed, 3, 1, step));
        brackets.secondFactorBps = uint24(_draw(seed, 4, 10_000, 200_000));
        brackets.thirdFactorBps = uint24(_draw(seed, 5, brackets.secondFactorBps, 200_000));
        brackets.lastFactorBps = uint24(_draw(seed, 6, brackets.thirdFactorBps, 200_000));
    }

    /// @dev The ends of one with the factors of the other.
    function _withEndsOf(
        BracketParameters memory factors,
        BracketParameters memory ends
    ) internal pure returns (BracketParameters memory) {
        return
            BracketParameters({
                firstEnd: ends.firstEnd,
                secondEnd: ends.secondEnd,
                thirdEnd: ends.thirdEnd,
                secondFactorBps: factors.secondFactorBps,
                thirdFactorBps: factors.thirdFactorBps,
                lastFactorBps: factors.lastFactorBps
            });
    }

    /// @dev Brackets by name, from their word.
    function _bracketsByName(SizeBrackets brackets) internal pure returns (BracketParameters memory) {
        uint256 word = SizeBrackets.unwrap(brackets);
        return
            BracketParameters({
                firstEnd: uint40(word),
                secondEnd: uint40(word >> 40),
                thirdEnd: uint40(word >> 80),
                secondFactorBps: uint24(word >> 120),
                thirdFactorBps: uint24(word >> 144),
                lastFactorBps: uint24(word >> 168)
            });
    }

    /// @dev Other ends or other factors than these, as the Rules take them in one act.
    function _otherBrackets(SizeBrackets current, uint256 seed) internal pure returns (BracketParameters memory) {
        BracketParameters memory named = _bracketsByName(current);
        BracketParameters memory drawn = _anyBrackets(_draw(seed, 0));
        return _draw(seed, 1) & 1 == 0 ? _withEndsOf(named, drawn) : _withEndsOf(drawn, named);
    }

    function _isSame(SizeBrackets one, SizeBrackets other) internal pure returns (bool) {
        return one.hasEndsOf(other) && one.hasFactorsOf(other);
    }

    function _anyCollateral(
        uint256 seed,
        uint24 underlying
    ) internal pure returns (CollateralParameters memory collateral) {
        collateral.underlying = underlying;
        collateral.maintenanceHaircutBps = uint16(_draw(seed, 1, 0, 9_999));
        collateral.initialHaircutBps = uint16(_draw(seed, 2, collateral.maintenanceHaircutBps, 9_999));
        collateral.accepted = _draw(seed, 3) & 1 == 1;
    }

    /// @param mostInstruments The number of today, which never falls.
    function _anyLiquidation(
        uint256 seed,
        uint8 mostInstruments
    ) internal pure returns (LiquidationParameters memory liquidation) {
        liquidation.leastIncentiveBps = uint16(_draw(seed, 1, 100, 5_000));
        liquidation.mostIncentiveBps = uint16(_draw(seed, 2, liquidation.leastIncentiveBps, 9_000));
        liquidation.insuranceFeeBps = uint16(_draw(seed, 3, 0, 4_999));
        liquidation.bufferBps = uint16(_draw(seed, 4, 100, 10_000));
        liquidation.gainsHaircutCapBps = uint16(_draw(seed, 5, 1, 2_000));
        liquidation.minimumMargin = uint16(_draw(seed, 6, 1, 10_000));
        liquidation.minimumMarginOfItem = uint16(_draw(seed, 7, 0, 1_000));
        liquidation.mostInstruments = uint8(_draw(seed, 8, mostInstruments, 64));
        liquidation.fundDrawCapBps = uint16(_draw(seed, 9, 100, 10_000));
        liquidation.openInterestBase = uint40(_draw(seed, 10, 1, type(uint40).max));
        liquidation.deleverageDelay = uint16(_draw(seed, 11, 10 minutes, 12 hours));
        liquidation.lendersCapBps = uint16(_draw(seed, 12, 0, 1_000));
        liquidation.fundFloorBps = uint16(_draw(seed, 13, 50, 2_000));
    }
}
