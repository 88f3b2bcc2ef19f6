// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnyRules} from "./AnyRules.sol";
import {StandardRates} from "../../contracts/margin/StandardRates.sol";
import {CollateralParameters, CollateralRules, packCollateralRules} from "../../contracts/types/CollateralRules.sol";
import {FundingRules} from "../../contracts/types/FundingRules.sol";
import {
    LiquidationParameters,
    LiquidationRules,
    packLiquidationRules
} from "../../contracts/types/LiquidationRules.sol";
import {NotedVolatility, packNotedVolatility} from "../../contracts/types/NotedVolatility.sol";
import {RAMP_SECONDS, ramped, rampedField, rampEnd} from "../../contracts/types/Ramp.sol";
import {RateRules, UnderlyingParameters, constantRates, packRateRules} from "../../contracts/types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";
import {TradingLimits, packTradingLimits} from "../../contracts/types/TradingLimits.sol";
import {UnderlyingRules, packUnderlyingRules} from "../../contracts/types/UnderlyingRules.sol";

/// @title RampedWordsTest
/// @notice Words whose fields are on their way: each field moves by itself, disturbs no other, and what holds at both ends
/// of a ramp holds at every moment of it.
contract RampedWordsTest is AnyRules {
    uint256 private constant WAD = 1e18;

    function setUp() public {
        vm.warp(1_790_000_000);
    }

    // A value on its way

    function testFuzz_AValueMovesInAStraightLineRoundedTowardsItsBeginning(
        uint256 from,
        uint256 to,
        uint256 passed
    ) public {
        from = bound(from, 0, type(uint128).max);
        to = bound(to, 0, type(uint128).max);
        passed = bound(passed, 0, RAMP_SECONDS);
        uint256 end = rampEnd();
        assertEq(end, block.timestamp + RAMP_SECONDS);
        vm.warp(block.timestamp + passed);
        uint256 value = ramped(from, to, end);

        // |value - from| x ramp <= |to - from| x passed < (|value - from| + 1) x ramp
        uint256 moved = from < to ? value - from : from - value;
        uint256 way = from < to ? to - from : from - to;
        assertLe(moved * RAMP_SECONDS, way * passed);
        assertGt((moved + 1) * RAMP_SECONDS, way * passed);
    }

    function testFuzz_AValueIsThereFromTheEndOn(uint256 from, uint256 to, uint256 later) public {
        uint256 end = rampEnd();
        vm.warp(end + bound(later, 0, 1_000 days));
        assertEq(ramped(from, to, end), to);
        assertEq(ramped(from, to, 0), to, "without a ramp as well");
    }

    function testFuzz_AFieldMovesWithoutItsNeighbours(
        uint256 word,
        uint256 former,
        uint256 place,
        uint256 passed
    ) public {
        uint256 bits = _draw(place, 1, 1, 128);
        uint256 offset = _draw(place, 2, 0, 256 - bits);
        uint256 mask = ((uint256(1) << bits) - 1) << offset;
        uint256 end = rampEnd();
        vm.warp(block.timestamp + bound(passed, 0, 2 * RAMP_SECONDS));

        uint256 current = rampedField({word: word, former: former, offset: offset, bits: bits, end: end});
        assertEq(current & ~mask, word & ~mask, "neighbours");
        assertEq((current & mask) >> offset, ramped((former & mask) >> offset, (word & mask) >> offset, end), "itself");
    }

    // Brackets

    /// @notice Ends rise strictly and factors never fall, from 1 on, at every moment: so a charge never reverts and is never
    /// less than the notional.
    function testFuzz_BracketsKeepTheirOrderOnTheirWay(uint256 seed, uint256 passed) public {
        uint256 end = rampEnd();
        SizeBrackets from = packSizeBrackets(_anyBrackets(_draw(seed, 1)));
        SizeBrackets to = packSizeBrackets(_anyBrackets(_draw(seed, 2)));
        vm.warp(block.timestamp + bound(passed, 0, RAMP_SECONDS));
        uint256 word = SizeBrackets.unwrap(to.onItsWayFrom(from, end));

        uint256 formerEnd;
        uint256 formerFactor = 10_000;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 endOfBracket = (word >> (40 * i)) & 0xffffffffff;
            uint256 factor = (word >> (120 + 24 * i)) & 0xffffff;
            assertGt(endOfBracket, formerEnd, "ends");
            assertGe(factor, formerFactor, "factors");
            (formerEnd, formerFactor) = (endOfBracket, factor);
        }
        assertLe(formerFactor, 200_000, "within the bounds");
    }

    /// @notice A second ramp that begins in the middle of the first keeps it as well.
    function testFuzz_BracketsKeepTheirOrderFromRampToRamp(uint256 seed, uint256 passed, uint256 notional) public {
        SizeBrackets current = packSizeBrackets(_anyBrackets(_draw(seed, 0)));
        for (uint256 i = 1; i < 5; ++i) {
            uint256 end = rampEnd();
            vm.warp(block.timestamp + _draw(passed, i, 0, RAMP_SECONDS));
            current = packSizeBrackets(_anyBrackets(_draw(seed, i))).onItsWayFrom(current, end);
            notional = bound(notional, 0, 1e30);
            assertGe(current.chargedNotional(notional), notional);
        }
    }

    function testFuzz_AChargeIsConvexAndMonotoneAtEveryMoment(uint256 seed, uint256 a, uint256 b) public {
        uint256 end = rampEnd();
        SizeBrackets from = packSizeBrackets(_anyBrackets(_draw(seed, 1)));
        SizeBrackets to = packSizeBrackets(_anyBrackets(_draw(seed, 2)));
        vm.warp(block.timestamp + _draw(seed, 3, 0, RAMP_SECONDS));
        SizeBrackets current = to.onItsWayFrom(from, end);

        a = bound(a, 0, 1e30);
        b = bound(b, a, 1e30);
        // Three brackets round up by less than a wei each.
        assertGe(
            current.chargedNotional(a) + current.chargedNotional(b) + 6,
            2 * current.chargedNotional((a + b) / 2),
            "convex"
        );
        assertGe(current.chargedNotional(b) + 3, current.chargedNotional(a) + (b - a), "at least at a factor of 1");
    }

    function testFuzz_BracketsOnTheirWayKeepTheNewFundingRules(uint256 seed, uint64 funding, uint64 others) public {
        uint256 end = rampEnd();
        SizeBrackets from = packSizeBrackets(_anyBrackets(_draw(seed, 1))).withFundingRules(FundingRules.wrap(others));
        SizeBrackets to = packSizeBrackets(_anyBrackets(_draw(seed, 2))).withFundingRules(FundingRules.wrap(funding));
        vm.warp(block.timestamp + _draw(seed, 3, 0, RAMP_SECONDS));
        assertEq(FundingRules.unwrap(to.onItsWayFrom(from, end).fundingRules()), funding);
    }

    function testFuzz_EndsAndFactorsAreToldApart(uint256 seed, uint64 funding) public pure {
        BracketParameters memory one = _anyBrackets(_draw(seed, 1));
        BracketParameters memory other = _anyBrackets(_draw(seed, 2));
        SizeBrackets given = packSizeBrackets(one);
        SizeBrackets funded = given.withFundingRules(FundingRules.wrap(funding));
        assertTrue(given.hasEndsOf(funded) && given.hasFactorsOf(funded), "funding rules are neither");

        SizeBrackets ends = packSizeBrackets(_withEndsOf(one, other));
        assertTrue(given.hasFactorsOf(ends), "with other ends");
        assertEq(
            given.hasEndsOf(ends),
            one.firstEnd == other.firstEnd && one.secondEnd == other.secondEnd && one.thirdEnd == other.thirdEnd
        );
        SizeBrackets factors = packSizeBrackets(_withEndsOf(other, one));
        assertTrue(given.hasEndsOf(factors), "with other factors");
        assertEq(
            given.hasFactorsOf(factors),
            one.secondFactorBps == other.secondFactorBps &&
                one.thirdFactorBps == other.thirdFactorBps &&
                one.lastFactorBps == other.lastFactorBps
        );
    }

    /// @notice The end of the first bracket alone is enough up to it, and no further.
    function testFuzz_TheFirstEndSufficesUpToItself(uint256 seed, uint256 notional) public pure {
        SizeBrackets all = packSizeBrackets(_anyBrackets(seed));
        SizeBrackets alone = SizeBrackets.wrap(all.firstEnd());
        uint256 end = all.firstEnd() * WAD;
        assertTrue(all.suffices(bound(notional, 0, 1e58), WAD), "all of them are always enough");
        assertTrue(alone.suffices(bound(notional, 0, end), WAD), "within the first");
        assertFalse(alone.suffices(bound(notional, end + 1, 1e58), WAD), "above it");
        assertEq(alone.chargedNotional(end), all.chargedNotional(end));
        assertFalse(
            alone.withFundingRules(FundingRules.wrap(~uint64(0))).suffices(end + 1, WAD),
            "whatever the funding"
        );
    }

    // Rates

    function testFuzz_RatesComeOutOfTheirWordAsTheyWentIn(
        uint256 seed,
        uint32 end,
        uint40 firstEnd,
        uint64 noted
    ) public pure {
        UnderlyingParameters memory given = _anyRates(seed);
        RateRules plain = packRateRules(given);
        // Twice each: what is set again replaces what was.
        RateRules rules = plain.withEndOfRamp(~end).withEndOfFirstBracket(~firstEnd);
        rules = rules.withVolatility(NotedVolatility.wrap(~noted)).withOwnVolatility().withVolatility(
            NotedVolatility.wrap(noted)
        );
        rules = rules.withEndOfRamp(end).withEndOfFirstBracket(firstEnd);
        assertEq(rules.maintenanceBaseBps(), given.maintenanceBaseBps, "A");
        assertEq(rules.maintenanceSlopeBps(), given.maintenanceSlopeBps, "B");
        assertEq(rules.maintenanceFloorBps(), given.maintenanceFloorBps, "floor");
        assertEq(rules.maintenanceCapBps(), given.maintenanceCapBps, "cap");
        assertEq(rules.initialFloorBps(), given.initialFloorBps, "initial floor");
        assertEq(rules.maintenanceToInitialBps(), given.maintenanceToInitialBps, "maintenance to initial");
        assertEq(rules.priorSigmaPercent(), given.priorSigmaPercent, "prior");
        assertEq(rules.kinds(), given.kinds, "kinds");
        assertEq(rules.endOfFirstBracket(), firstEnd, "end of the first bracket");
        assertEq(NotedVolatility.unwrap(rules.volatility()), noted, "volatility");
        assertEq(rules.endOfRamp(), end, "end of the ramp");
        assertTrue(rules.hasOwnVolatility() && !plain.hasOwnVolatility(), "own volatility");
        assertEq(RateRules.unwrap(rules) >> 249, 0, "nothing else");
        assertTrue(rules.hasRatesOf(plain), "only rates and the prior are rates");
    }

    /// @notice Each of the seven fields counts as a rate, and the kinds do not.
    function testFuzz_AnyOtherRateIsSeen(uint256 seed, uint8 others) public pure {
        RateRules rules = packRateRules(_anyRates(seed));
        uint256 bit = uint256(1) << _draw(seed, 20, 0, 103);
        assertFalse(rules.hasRatesOf(RateRules.wrap(RateRules.unwrap(rules) ^ bit)), "one bit of a rate");
        UnderlyingParameters memory given = _anyRates(seed);
        given.kinds = others;
        (given.tradeBandBps, given.leastTradeBandBps, given.openInterestCap) = (0, 0, 0);
        assertTrue(rules.hasRatesOf(packRateRules(given)), "nor what only trades need");
    }

    /// @notice What is left of a moment asks for the rates of that moment, less than a basis point below, whatever the
    /// volatility.
    function testFuzz_ConstantRatesDependOnNoVolatility(uint256 seed, uint256 sigma) public pure {
        RateRules rules = packRateRules(_anyRates(seed));
        (uint256 initial, uint256 maintenance) = StandardRates.ratesOf(rules, _draw(seed, 30, 0, 7e18), 1e18);
        sigma = bound(sigma, 0, 7e18);
        RateRules left = constantRates(initial, maintenance);
        (uint256 leftInitial, uint256 leftMaintenance) = StandardRates.ratesOf(left, sigma, _draw(seed, 31, 0, 7e18));
        assertEq(leftMaintenance, (maintenance / 1e14) * 1e14, "maintenance");
        assertEq(leftInitial, (initial / 1e14) * 1e14, "initial");
        assertEq(left.kinds() + left.endOfFirstBracket() + left.endOfRamp(), 0, "nothing else");
    }

    function testFuzz_MarginRatesStandBelowWhatGovernanceHasSet(
        uint256 seed,
        uint64 initial,
        uint64 maintenance
    ) public {
        UnderlyingParameters memory given = _anyRates(seed);
        uint256 until = _draw(seed, 20, 0, type(uint40).max);
        TradingLimits limits = packTradingLimits(TradingLimits.wrap(0), given).withFreeze(until);
        UnderlyingRules rules = packUnderlyingRules(
            limits.withFundingRules(FundingRules.wrap(~uint64(0))).withNotedBy(255).upperHalf() |
                (uint256(given.kinds) << 160),
            initial,
            maintenance
        );
        assertEq(rules.initialRate(), initial, "initial");
        assertEq(rules.maintenanceRate(), maintenance, "maintenance");
        assertEq(rules.tradeBandBps(), given.tradeBandBps, "band");
        assertEq(rules.leastTradeBandBps(), given.leastTradeBandBps, "least band");
        assertEq(rules.openInterestCap(), given.openInterestCap * WAD, "cap");
        assertEq(rules.frozenUntil(), until, "freeze");
        for (uint8 kind = 0; kind < 8; ++kind) assertEq(rules.lists(kind), (given.kinds >> kind) & 1 == 1, "kinds");
        vm.warp(until);
        assertTrue(rules.frozen(), "to the last second");
        vm.warp(until + 1);
        assertFalse(rules.frozen(), "and no longer");
    }

    // What only trades need

    function testFuzz_LimitsComeOutOfTheirWordAsTheyWentIn(
        uint256 seed,
        uint64 funding,
        uint8 number,
        uint40 until
    ) public pure {
        UnderlyingParameters memory given = _anyRates(_draw(seed, 1));
        TradingLimits limits = packTradingLimits(TradingLimits.wrap(0), _anyRates(_draw(seed, 2)));
        limits = limits.withFundingRules(FundingRules.wrap(~funding)).withNotedBy(~number).withFreeze(~until);
        limits = limits.withFundingRules(FundingRules.wrap(funding)).withNotedBy(number).withFreeze(until);
        // What governance sets anew leaves the rest.
        TradingLimits again = packTradingLimits(limits, given);
        assertEq(FundingRules.unwrap(again.fundingRules()), funding, "funding rules");
        assertEq(again.notedBy(), number, "noted by");
        assertEq(again.frozenUntil(), until, "freeze");
        uint256 set = TradingLimits.unwrap(packTradingLimits(TradingLimits.wrap(0), given));
        TradingLimits bare = again.withFundingRules(FundingRules.wrap(0)).withNotedBy(0).withFreeze(0);
        assertEq(TradingLimits.unwrap(bare), set, "bands and cap");
        assertEq(again.upperHalf(), (TradingLimits.unwrap(again) >> 128) << 128, "without what is below");
    }

    // Volatility

    function testFuzz_WhatIsNotedComesOutAsItWentIn(uint16 slow, uint16 fast, uint32 roundAt) public pure {
        NotedVolatility noted = packNotedVolatility(slow, fast, roundAt);
        assertEq(noted.slowSigmaBps(), slow, "slow");
        assertEq(noted.fastSigmaBps(), fast, "fast");
        assertEq(noted.roundAt(), roundAt, "round");
        assertEq(NotedVolatility.unwrap(noted) == 0, slow == 0 && fast == 0 && roundAt == 0, "0 is nothing noted");
    }

    // Haircuts

    function testFuzz_HaircutsComeOutOfTheirWordAsTheyWentIn(uint256 seed, uint40 until, uint32 end) public pure {
        CollateralParameters memory given = _anyCollateral(_draw(seed, 1), uint24(_draw(seed, 2)));
        (uint8 decimals, uint8 place) = (uint8(_draw(seed, 3, 0, 24)), uint8(_draw(seed, 4, 0, 15)));
        CollateralRules plain = packCollateralRules(given, decimals, place);
        CollateralRules former = packCollateralRules(_anyCollateral(_draw(seed, 5), 1), 18, 0);
        CollateralRules rules = plain.withRamp(former, end).withFreeze(until);
        assertEq(rules.collateralUnderlying(), given.underlying, "underlying");
        assertEq(rules.tokenDecimals(), decimals, "decimals");
        assertEq(rules.maintenanceHaircutBps(), given.maintenanceHaircutBps, "maintenance");
        assertEq(rules.initialHaircutBps(), given.initialHaircutBps, "initial");
        assertEq(rules.index(), place, "index");
        assertEq(rules.accepted(), given.accepted, "accepted");
        assertTrue(rules.listed(), "listed");
        assertEq(rules.frozenUntil(), until, "freeze");
        assertEq(rules.endOfRamp(), end, "end of the ramp");
        assertTrue(rules.hasHaircutsOf(plain), "neither ramp nor freeze is a haircut");
        assertEq(CollateralRules.unwrap(plain.withRampOf(rules).withFreeze(until)), CollateralRules.unwrap(rules));
        assertEq(CollateralRules.unwrap(rules.withRampOf(plain).withFreeze(0)), CollateralRules.unwrap(plain));
    }

    function testFuzz_HaircutsOnTheirWayMoveAndTheRestIsNew(uint256 seed, uint256 passed) public {
        uint256 end = rampEnd();
        CollateralRules from = packCollateralRules(_anyCollateral(_draw(seed, 1), 1), 18, 3);
        CollateralRules to = packCollateralRules(_anyCollateral(_draw(seed, 2), 1), 18, 3).withRamp(from, end);
        vm.warp(block.timestamp + bound(passed, 0, 2 * RAMP_SECONDS));
        CollateralRules current = to.today();

        uint256 maintenance = ramped(from.maintenanceHaircutBps(), to.maintenanceHaircutBps(), end);
        assertEq(current.maintenanceHaircutBps(), maintenance, "maintenance");
        assertEq(current.initialHaircutBps(), ramped(from.initialHaircutBps(), to.initialHaircutBps(), end), "initial");
        uint256 rest = ~(uint256(0xffffffff) << 32);
        assertEq(CollateralRules.unwrap(current) & rest, CollateralRules.unwrap(to) & rest, "the rest");
        assertLe(current.maintenanceHaircutBps(), current.initialHaircutBps(), "initial above maintenance");

        CollateralRules frozen = to.withFreeze(block.timestamp).today();
        assertEq(frozen.maintenanceHaircutBps(), maintenance, "a freeze leaves maintenance");
        assertEq(frozen.initialHaircutBps(), 10_000, "and counts nothing for initial");
        assertEq(frozen.forLiquidator().initialHaircutBps(), maintenance, "but for a liquidator");
    }

    // Liquidation

    function testFuzz_LiquidationRulesComeOutAsTheyWentIn(uint256 seed, uint32 end) public pure {
        LiquidationParameters memory given = _anyLiquidation(seed, 1);
        LiquidationRules plain = packLiquidationRules(given);
        LiquidationRules rules = plain.withRampEnd(type(uint32).max).withRampEnd(end);
        assertEq(rules.leastIncentiveBps(), given.leastIncentiveBps, "rhoMin");
        assertEq(rules.mostIncentiveBps(), given.mostIncentiveBps, "rhoMax");
        assertEq(rules.insuranceFeeBps(), given.insuranceFeeBps, "kappa");
        assertEq(rules.bufferBps(), given.bufferBps, "buffer");
        assertEq(rules.gainsHaircutCapBps(), given.gainsHaircutCapBps, "gains haircut cap");
        assertEq(rules.minimumMargin(), given.minimumMargin * WAD, "minimum margin");
        assertEq(rules.minimumMarginOfItem(), given.minimumMarginOfItem * WAD, "of an item");
        assertEq(rules.mostInstruments(), given.mostInstruments, "most instruments");
        assertEq(rules.fundDrawCapBps(), given.fundDrawCapBps, "fund draw cap");
        assertEq(rules.openInterestBase(), given.openInterestBase * WAD, "open interest base");
        assertEq(rules.deleverageDelay(), given.deleverageDelay, "deleverage delay");
        assertEq(rules.lendersCapBps(), given.lendersCapBps, "lenders' cap");
        assertEq(rules.fundFloorBps(), given.fundFloorBps, "fund floor");
        assertEq(rules.endOfRamp(), end, "end of the ramp");
        assertEq(LiquidationRules.unwrap(rules.withRampEnd(0)), LiquidationRules.unwrap(plain));
        assertTrue(rules.hasMarginsOf(plain), "the end of the ramp is no margin");
    }

    function testFuzz_MinimumMarginsOnTheirWayMoveAndTheRestIsNew(uint256 seed, uint256 passed) public {
        uint256 end = rampEnd();
        LiquidationRules from = packLiquidationRules(_anyLiquidation(_draw(seed, 1), 1));
        LiquidationRules to = packLiquidationRules(_anyLiquidation(_draw(seed, 2), 1)).withRampEnd(end);
        vm.warp(block.timestamp + bound(passed, 0, 2 * RAMP_SECONDS));
        LiquidationRules current = to.onItsWayFrom(from);

        assertEq(current.minimumMargin() / WAD, ramped(from.minimumMargin() / WAD, to.minimumMargin() / WAD, end));
        uint256 formerOfItem = from.minimumMarginOfItem() / WAD;
        assertEq(current.minimumMarginOfItem() / WAD, ramped(formerOfItem, to.minimumMarginOfItem() / WAD, end));
        uint256 rest = ~(uint256(0xffffffff) << 80);
        assertEq(LiquidationRules.unwrap(current) & rest, LiquidationRules.unwrap(to) & rest, "the rest");
    }
}
