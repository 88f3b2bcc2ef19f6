// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnyRules} from "./AnyRules.sol";
import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IRules} from "../../contracts/interfaces/IRules.sol";
import {CollateralParameters, CollateralRules} from "../../contracts/types/CollateralRules.sol";
import {perpetualOf} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters, LiquidationRules} from "../../contracts/types/LiquidationRules.sol";
import {UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";
import {UnderlyingRules} from "../../contracts/types/UnderlyingRules.sol";

/// @title ParametersInTheirBlockTest
/// @notice Proves that no change of parameters, and no new volatility oracle, moves a requirement in the block in which it
/// comes, in any order and at any time.
contract ParametersInTheirBlockTest is AnyRules, PlimsollSetup {
    function setUp() public {
        _deploy();
    }

    /// @dev Whatever governance sets, and however often: in the block in which it does, no rate, bracket, haircut or minimum
    /// margin is another, and all of them can be read at any time.
    function testFuzz_NoChangeOfParametersStepsInItsBlock(uint256[12] memory seeds, uint128 notional) public {
        rules.setUnderlying(5, _randomUnderlying(seeds[0]));
        rules.setBrackets(5, _randomBrackets(seeds[1]));
        for (uint256 i = 2; i < 12; ++i) {
            vm.warp(block.timestamp + ((seeds[i] >> 128) % 4 days));
            bytes32 before = _digestOfRules(notional);
            uint256 act = seeds[i] % 6;
            if (act == 0) _setUnderlying(seeds[i]);
            else if (act == 1) _setBrackets(seeds[i]);
            else if (act == 2) rules.setCollateral(address(weth), _randomCollateral(seeds[i]));
            else if (act == 3) rules.setLiquidationRules(_randomLiquidation(seeds[i]));
            else if (act == 4) try rules.freezeUnderlying(5) {} catch {}
            else vm.warp(block.timestamp + 1 hours);
            if (act < 5) assertEq(_digestOfRules(notional), before, "the same in this block");
        }
    }

    /// @dev The test is the volatility oracle, and succeeds itself. The first word of each generation changes nothing; but where
    /// it comes into a ramp, the rates of before are cut to whole basis points.
    function testFuzz_NoNewVolatilityOracleStepsInItsBlock(uint256[12] memory seeds) public {
        rules.setUnderlying(5, _randomUnderlying(seeds[0]));
        rules.setBrackets(5, _randomBrackets(seeds[1]));
        // The first one's first word is the prior.
        rules.setVolatilityOracle(address(this));
        uint256 priorBps = rules.marginRatesOf(5).priorSigma / 1e14;
        _note(priorBps, priorBps, 0);
        assertEq(rules.marginRatesOf(5).endOfRamp, 0, "nothing to blend");
        for (uint256 i = 2; i < 12; ++i) {
            vm.warp(block.timestamp + ((seeds[i] >> 128) % 4 days));
            uint256 act = seeds[i] % 4;
            uint256 before = rules.marginRatesOf(5).maintenance;
            bool isMoving = block.timestamp < rules.marginRatesOf(5).endOfRamp;
            if (act == 0) _setUnderlying(seeds[i]);
            else if (act == 1) rules.setVolatilityOracle(address(this));
            if (act < 2) assertEq(rules.marginRatesOf(5).maintenance, before, "nobody has said anything yet");
            if (act > 1) {
                if (act == 2) rules.setVolatilityOracle(address(this));
                _note(uint16(seeds[i] >> 8), uint16(seeds[i] >> 64), (seeds[i] >> 160) % 1 days);
            }
            uint256 afterwards = rules.marginRatesOf(5).maintenance;
            if (act == 2 && !isMoving) assertEq(afterwards, before, "the same in this block");
            if (act == 2 && isMoving) assertEq(afterwards, (before / 1e14) * 1e14, "but for less than a basis point");
            rules.instrumentRules(perpetualOf(5));
        }
    }

    /// @dev Nothing that the oracle may say keeps the rules from being read, at any time.
    function testFuzz_RulesAreReadWhateverIsNoted(uint16 slow, uint16 fast, uint32 roundAt, uint256 time) public {
        rules.setVolatilityOracle(address(this));
        rules.noteVolatility(ETH, slow, fast, uint32(bound(roundAt, 1, block.timestamp)));
        rules.setVolatilityOracle(address(this));
        vm.warp(block.timestamp + bound(time, 0, 70 * 365 days));
        rules.noteVolatility(ETH, fast, slow, uint32(bound(roundAt, 1, block.timestamp)));
        (UnderlyingRules word, ) = rules.instrumentRules(ethPerpetual);
        assertGe(word.maintenanceRate(), 0.03e18);
        assertLe(word.maintenanceRate(), 0.2e18);
        assertGe(word.initialRate(), word.maintenanceRate());
    }

    /// @dev Other rates, or the refusal of them while rates or brackets move.
    function _setUnderlying(uint256 seed) private {
        UnderlyingParameters memory given = _randomUnderlying(seed);
        if (!packRateRules(given).hasRatesOf(rules.marginRatesOf(5).rules)) _expectOneRampAtATime();
        rules.setUnderlying(5, given);
    }

    /// @dev Other ends or other factors, or the refusal of them.
    function _setBrackets(uint256 seed) private {
        SizeBrackets current = rules.marginRatesOf(5).targetBrackets;
        BracketParameters memory named = _bracketsByName(current);
        BracketParameters memory drawn = _randomBrackets(seed);
        BracketParameters memory given = (seed >> 4) & 1 == 0 ? _withEndsOf(named, drawn) : _withEndsOf(drawn, named);
        if (!_isSame(packSizeBrackets(given), current)) _expectOneRampAtATime();
        rules.setBrackets(5, given);
    }

    function _expectOneRampAtATime() private {
        uint256 end = rules.marginRatesOf(5).endOfRamp;
        if (block.timestamp >= end) return;
        vm.expectRevert(abi.encodeWithSelector(IRules.RampNotOver.selector, 5, end));
    }

    function _note(uint256 slowBps, uint256 fastBps, uint256 age) private {
        rules.noteVolatility(5, uint16(slowBps), uint16(fastBps), uint32(block.timestamp - age));
    }

    function _digestOfRules(uint256 notional) private view returns (bytes32) {
        (UnderlyingRules word, SizeBrackets first) = rules.instrumentRules(perpetualOf(5));
        SizeBrackets brackets = rules.bracketsOf(perpetualOf(5));
        assertEq(first.firstEnd(), brackets.firstEnd());
        CollateralRules collateral = rules.collateralOf(address(weth));
        LiquidationRules liquidation = rules.liquidationRules();
        assertLe(word.maintenanceRate(), word.initialRate());
        assertLe(collateral.maintenanceHaircutBps(), collateral.initialHaircutBps());
        bytes memory margins = abi.encode(liquidation.minimumMargin(), liquidation.minimumMarginOfItem());
        bytes memory haircuts = abi.encode(collateral.maintenanceHaircutBps(), collateral.initialHaircutBps());
        uint256 charged = brackets.chargedNotional(notional);
        return keccak256(abi.encode(word.initialRate(), word.maintenanceRate(), charged, margins, haircuts));
    }

    function _randomUnderlying(uint256 seed) private pure returns (UnderlyingParameters memory parameters) {
        parameters = _underlyingParameters(uint16(1 + ((seed >> 8) % 500)), 1);
        parameters.initialFloorBps = uint16(parameters.maintenanceFloorBps + ((seed >> 16) % 2_000));
        parameters.maintenanceCapBps = uint16(parameters.maintenanceFloorBps + ((seed >> 32) % 4_000));
        parameters.maintenanceBaseBps = uint16((seed >> 48) % (parameters.maintenanceCapBps + 1));
        parameters.maintenanceSlopeBps = uint16((seed >> 64) % 10_001);
        parameters.maintenanceToInitialBps = uint16(1_000 + ((seed >> 80) % 9_001));
        parameters.priorSigmaPercent = uint8(1 + ((seed >> 96) % 255));
    }

    function _randomBrackets(uint256 seed) private pure returns (BracketParameters memory parameters) {
        parameters.firstEnd = uint40(1 + ((seed >> 8) % 1e7));
        parameters.secondEnd = uint40(parameters.firstEnd + 1 + ((seed >> 32) % 1e7));
        parameters.thirdEnd = uint40(parameters.secondEnd + 1 + ((seed >> 56) % 1e7));
        parameters.secondFactorBps = uint24(10_000 + ((seed >> 80) % 60_000));
        parameters.thirdFactorBps = uint24(parameters.secondFactorBps + ((seed >> 96) % 60_000));
        parameters.lastFactorBps = uint24(parameters.thirdFactorBps + ((seed >> 112) % 60_000));
    }

    function _randomCollateral(uint256 seed) private pure returns (CollateralParameters memory parameters) {
        parameters.underlying = ETH;
        parameters.maintenanceHaircutBps = uint16((seed >> 8) % 10_000);
        parameters.initialHaircutBps = uint16(
            parameters.maintenanceHaircutBps + ((seed >> 32) % (10_000 - parameters.maintenanceHaircutBps))
        );
    }

    function _randomLiquidation(uint256 seed) private pure returns (LiquidationParameters memory parameters) {
        parameters = _liquidationParameters();
        parameters.minimumMargin = uint16(1 + ((seed >> 8) % 10_000));
        parameters.minimumMarginOfItem = uint16((seed >> 32) % 1_001);
    }
}
