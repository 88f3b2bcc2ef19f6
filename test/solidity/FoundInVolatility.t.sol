// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {DefaultsSetup} from "./DefaultsSetup.sol";
import {PhasedFeed} from "./PhasedFeed.sol";
import {MarginEngine} from "../../contracts/MarginEngine.sol";
import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {IPriceOracle} from "../../contracts/interfaces/IPriceOracle.sol";
import {IRules} from "../../contracts/interfaces/IRules.sol";
import {MockStricterEngine} from "../../contracts/mocks/MockStricterEngine.sol";
import {VolatilityOracle} from "../../contracts/oracle/VolatilityOracle.sol";
import {InstrumentId, perpetualOf} from "../../contracts/types/InstrumentId.sol";
import {Margin, Status} from "../../contracts/types/Portfolio.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";
import {BracketParameters} from "../../contracts/types/SizeBrackets.sol";

/// @title FoundInVolatilityTest
/// @notice Holes in volatility, ramps and succession that people who were asked to steal have found, each with the
/// numbers in which it paid. They stay shut.
contract FoundInVolatilityTest is DefaultsSetup {
    uint256 private constant HALF_A_RAMP = 36 hours;

    InstrumentId private _wholePerpetual = perpetualOf(WHOLE);
    VolatilityOracle private _volatility;

    function setUp() public {
        _deployWithLenders();
        _volatility = new VolatilityOracle(oracle, rules);
    }

    // Listing

    /// @dev The rates were set twice before the brackets: those then moved there from nothing. A short that grew beyond the
    /// first end made every valuation panic, so nobody could take it over while it lost 18,900 more than it had.
    function test_BracketsThatAreSetInARampOfRatesAreThereAtOnce() public {
        UnderlyingParameters memory parameters = _underlyingParameters(300, 500);
        rules.setUnderlying(WHOLE, parameters);
        parameters.maintenanceSlopeBps = 310;
        rules.setUnderlying(WHOLE, parameters);
        rules.setBrackets(WHOLE, _bracketParameters());
        _wait(6 hours);
        _fund(sinking, usdc, 6_000e6);
        _trade(sinking, honest, _wholePerpetual, -1_000e18, 50e18);
        _trade(sinking, lender, _wholePerpetual, -660e18, 50e18);

        _setPrice(WHOLE, 52e8);
        _liquidate(sinking, honest);
        _setPrice(WHOLE, 65e8);
        _liquidate(sinking, honest);

        assertGe(_equityOf(sinking), 0, "somebody took it over in time");
    }

    // Ramps

    /// @dev A tight cap gives way to a low slope: 4 % before, 3.8 % afterwards, and 8.9 % on the way.
    function test_RatesAreNeverHigherThanAtBothEndsOfARamp() public {
        UnderlyingParameters memory parameters = _underlyingParameters(300, 500);
        (parameters.maintenanceSlopeBps, parameters.maintenanceCapBps) = (2_000, 400);
        rules.setUnderlying(WHOLE, parameters);
        rules.setBrackets(WHOLE, _bracketParameters());
        _fund(sinking, usdc, 7_000e6);
        _trade(sinking, honest, _wholePerpetual, 2_000e18, 50e18);
        uint256 before = engine.marginOf(sinking).maintenance;

        rules.setUnderlying(WHOLE, _underlyingParameters(300, 500));
        assertEq(engine.marginOf(sinking).maintenance, before, "not in this block");
        _wait(HALF_A_RAMP);

        assertLe(engine.marginOf(sinking).maintenance, before, "nor on the way");
        _wait(HALF_A_RAMP);
        assertLe(engine.marginOf(sinking).maintenance, before, "nor at the end");
    }

    /// @dev The slope rises while the prior falls: 2.55 % and 2.5 % beside the base at the ends, 7.7 % between.
    function test_APriorAndASlopeThatChangeTogetherStayBetween() public {
        UnderlyingParameters memory parameters = _underlyingParameters(300, 500);
        (parameters.maintenanceSlopeBps, parameters.priorSigmaPercent) = (100, 255);
        rules.setUnderlying(WHOLE, parameters);
        rules.setBrackets(WHOLE, _bracketParameters());
        uint256 before = rules.marginRatesOf(WHOLE).maintenance;

        (parameters.maintenanceSlopeBps, parameters.priorSigmaPercent) = (1_000, 25);
        rules.setUnderlying(WHOLE, parameters);
        _wait(HALF_A_RAMP);

        assertLe(rules.marginRatesOf(WHOLE).maintenance, before);
    }

    /// @dev Later brackets with steeper factors: a position of 8 M is charged as 14.5 M before, as 8 M afterwards, and was as
    /// 27.6 M on the way. It had its initial margin all the time, and was taken over. Now ends move first, then factors.
    function test_BracketsNeverChargeMoreThanAtBothEndsOfARamp() public {
        rules.setUnderlying(WHOLE, _underlyingParameters(300, 500));
        BracketParameters memory brackets = _bracketParameters();
        rules.setBrackets(WHOLE, brackets);
        _fund(sinking, usdc, 950_000e6);
        _trade(sinking, honest, _wholePerpetual, 160_000e18, 50e18);
        uint256 before = engine.marginOf(sinking).maintenance;

        (brackets.firstEnd, brackets.secondEnd, brackets.thirdEnd) = (8_000_000, 9_000_000, 20_000_000);
        BracketParameters memory steeper = brackets;
        brackets = abi.decode(abi.encode(brackets), (BracketParameters));
        (steeper.secondFactorBps, steeper.thirdFactorBps, steeper.lastFactorBps) = (100_000, 150_000, 200_000);
        vm.expectRevert(abi.encodeWithSelector(IRules.EndsAndFactors.selector, WHOLE));
        rules.setBrackets(WHOLE, steeper);
        rules.setBrackets(WHOLE, brackets);
        for (uint256 i = 0; i < 4; ++i) {
            _wait(HALF_A_RAMP);
            if (i == 1) rules.setBrackets(WHOLE, steeper);
            assertLe(engine.marginOf(sinking).maintenance, before, "on the way");
            assertTrue(engine.statusOf(sinking) == Status.Healthy, "with its initial margin at both ends");
        }
    }

    // The first volatility oracle

    /// @dev It had followed two wild days before the Rules listened: who had 6.67 % was healthy (3.8 %) before its first
    /// word, and liquidatable (8 %) in the same block.
    function test_TheFirstVolatilityOracleMovesNothingInItsFirstBlock() public {
        _volatility.follow(ETH);
        _moveToAndFro(48, 1 hours);
        _volatility.poke(ETH, 256);
        _fund(sinking, usdc, 20_000e6);
        _trade(sinking, honest, ethPerpetual, 100e18, 3_000e18);
        rules.setVolatilityOracle(address(_volatility));
        _wait(1 hours);
        uint256 before = engine.marginOf(sinking).maintenance;

        _volatility.poke(ETH, 256);

        assertApproxEqRel(engine.marginOf(sinking).maintenance, before, 0.001e18);
    }

    // Feeds

    /// @dev The band was changed, and somebody followed in the moment in which the feed did not say its decimals. They were
    /// taken as 255, and every poke and follow panicked for ever.
    function test_AFeedThatIsSilentForAMomentIsNotLost() public {
        PhasedFeed feed = _usePhasedFeed();
        _setSources(address(feed), 2e10, 1e26);
        feed.setSilent(true);
        vm.prank(thief);
        try _volatility.follow(ETH) {} catch {}
        feed.setSilent(false);

        vm.warp(block.timestamp + 1 hours);
        feed.push(0, 3_030e8, block.timestamp);
        _volatility.poke(ETH, 256);

        assertEq(_volatility.volatilityOf(ETH).acceptedAt, block.timestamp);
    }

    /// @dev Governance threw out a feed that answered whatever it was asked. Its rounds came first, 256 in each call and
    /// without end, so nobody could follow the new one: the rate of maintenance stood at its cap of 20 %. Now one call's
    /// worth of them counts, as by a poke the moment before, and the feed is left.
    function test_AFeedThatWasThrownOutIsLeft() public {
        PhasedFeed feed = _usePhasedFeed();
        MockV3Aggregator better = new MockV3Aggregator(8, 3_000e8);
        _setSources(address(better), 1e10, 1e26);
        feed.answerEverything(2_400e8, 3_000e8, uint64(1) << 40);

        _volatility.follow(ETH);
        (address followed, , ) = _volatility.feedOf(ETH);
        assertEq(followed, address(better), "the new feed is followed");
        uint256 left = _volatility.volatilityOf(ETH).slowVariance;
        assertEq(_volatility.poke(ETH, 256), 0, "the old one has no word after it was left");
        for (uint256 i = 0; i < 48; ++i) {
            vm.warp(block.timestamp + 1 hours);
            better.updateAnswer(3_000e8);
            assertEq(_volatility.poke(ETH, 256), 1, "but the new one has");
        }
        assertLt(_volatility.volatilityOf(ETH).slowVariance, (left * 7) / 10, "and what it said fades");
    }

    /// @dev Chainlink's aggregators refuse contracts other than their proxy, so nobody said where the old phase ended, and all
    /// its rounds since the last poke were skipped.
    function test_RoundsOfAFormerPhaseCountThoughItsAggregatorIsSilent() public {
        PhasedFeed feed = _usePhasedFeed();
        uint256 start = block.timestamp;
        for (uint256 i = 1; i <= 24; ++i) {
            feed.push(0, i % 2 == 0 ? int256(3_000e8) : int256(3_120e8), start + i * 1 hours);
        }
        vm.warp(start + 25 hours);
        feed.push(1, 3_000e8, block.timestamp);
        feed.moveTo(1);
        uint256 snapshot = vm.snapshotState();
        _volatility.poke(ETH, 256);
        uint256 told = _volatility.volatilityOf(ETH).slowVariance;

        vm.revertToState(snapshot);
        feed.restrict(0);
        _volatility.poke(ETH, 256);

        assertEq(_volatility.volatilityOf(ETH).slowVariance, told);
    }

    // Engines

    /// @dev The first engine has no former one, and yet it said that it blended in, and could not be succeeded for three days.
    function test_TheFirstEngineBlendsWithNobody() public {
        MarginEngine successor = new MarginEngine(vault, clearinghouse, oracle, rules, engine);
        assertEq(engine.endOfBlend(), 0);
        clearinghouse.setMarginEngine(address(successor));
    }

    /// @dev Wired to the vault before it was in charge, the successor asked for all that it will ask for after its blend: who
    /// was healthy could not withdraw a dollar of 2,000 to spare.
    function test_AnEngineThatIsNotInChargeYetAsksForNothingMore() public {
        _wait(3 days);
        _fund(sinking, usdc, 21_000e6);
        _trade(sinking, honest, ethPerpetual, 100e18, 3_000e18);
        MockStricterEngine successor = new MockStricterEngine(vault, clearinghouse, oracle, rules, engine);
        vault.wire(address(clearinghouse), address(successor));

        vm.prank(thief);
        vault.withdraw(sinking, address(usdc), 1e6, thief);
    }

    // Known limits, with what they cost

    /// @dev Nobody poked for two days in which the price went 4 % to and fro each hour. An account with 6.67 % is healthy, at
    /// 3.8 %, until somebody pokes and takes it over in one transaction: 8.8 %, and it loses a fifth of what it has.
    function test_WhoBringsTheRoundsOfTwoDaysLiquidatesByThem() public {
        _listen();
        _moveToAndFro(48, 1 hours);
        _fund(sinking, usdc, 20_000e6);
        _trade(sinking, honest, ethPerpetual, 100e18, 3_000e18);
        assertTrue(engine.statusOf(sinking) == Status.Healthy, "as far as anybody has said");
        int256 equity = _equityOf(sinking);

        _volatility.poke(ETH, 256);
        assertTrue(engine.statusOf(sinking) == Status.Liquidatable, "at the same price in the same block");
        _liquidate(sinking, honest);

        assertApproxEqAbs(rules.marginRatesOf(ETH).maintenance, 0.0884e18, 0.0001e18, "more than its margin");
        assertApproxEqAbs(equity - _equityOf(sinking), 4_094e18, 10e18, "a fifth is gone");
    }

    /// @dev Two prints of one feed, 23 % up and back a minute later, of which the second source saved the price.
    /// Volatility has no second source: maintenance is at 10 % instead of 3.8 %, with a half-life of three days.
    function test_TwoWrongPrintsTripleTheRateThoughTheirPriceWasRefused() public {
        _listen();
        IPriceOracle.Feed[] memory primary = new IPriceOracle.Feed[](1);
        IPriceOracle.Feed[] memory secondary = new IPriceOracle.Feed[](1);
        primary[0] = IPriceOracle.Feed(address(feeds[0]), 3_900, 1e10, 1e26);
        secondary[0] = IPriceOracle.Feed(address(new MockV3Aggregator(8, 3_000e8)), 3_900, 1e10, 1e26);
        oracle.setSources(ETH, primary, secondary, 200);
        _fund(sinking, usdc, 20_000e6);
        _trade(sinking, honest, ethPerpetual, 100e18, 3_000e18);
        vm.warp(block.timestamp + 30 minutes);
        _setPrice(ETH, 3_700e8);
        vm.expectPartialRevert(IPriceOracle.PriceDeviation.selector);
        oracle.price(ETH);
        vm.warp(block.timestamp + 1 minutes);
        _setPrice(ETH, 3_000e8);

        _volatility.poke(ETH, 256);

        assertEq(oracle.price(ETH), 3_000e18, "the price never was another");
        assertTrue(engine.statusOf(sinking) == Status.Liquidatable, "and yet");
        assertApproxEqAbs(rules.marginRatesOf(ETH).maintenance, 0.0999e18, 0.0001e18);
    }

    /// @dev One round with a time of the year 2100 among good ones: the price is there, and volatility has no news until then,
    /// but decays to the prior. A round may be written a little ahead of the block, so it cannot be passed over; governance
    /// replaces the feed, whose next rounds then count.
    function test_ARoundOfTheFarFutureIsNotWaitedFor() public {
        PhasedFeed feed = _usePhasedFeed();
        uint256 followedAt = block.timestamp;
        vm.warp(block.timestamp + 1 hours);
        feed.push(0, 3_000e8, 4_102_444_800);
        feed.push(0, 3_030e8, block.timestamp);
        assertEq(oracle.price(ETH), 3_030e18, "there is a price");

        _volatility.poke(ETH, 256);
        assertEq(_volatility.volatilityOf(ETH).acceptedAt, followedAt, "but nothing of it counts");

        _setSources(address(feeds[0]), 1e10, 1e26);
        _setPrice(ETH, 3_030e8);
        _volatility.follow(ETH);
        vm.warp(block.timestamp + 10 minutes);
        _setPrice(ETH, 3_060e8);
        _volatility.poke(ETH, 256);
        assertEq(_volatility.volatilityOf(ETH).acceptedAt, block.timestamp, "until there is another feed");
    }

    /// @dev A new aggregator writes calm rounds for two days beside the old one, which is wild; then the proxy moves. Who
    /// poked every hour has the wild ones, who pokes afterwards the calm ones.
    function test_WherePhasesOverlapPokesChooseTheRounds() public {
        PhasedFeed feed = _usePhasedFeed();
        uint256 start = block.timestamp;
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 1; i <= 48; ++i) {
            vm.warp(start + i * 1 hours);
            feed.push(0, i % 2 == 0 ? int256(3_000e8) : int256(3_030e8), block.timestamp);
            feed.push(1, 3_000e8, block.timestamp);
            _volatility.poke(ETH, 256);
        }
        feed.moveTo(1);
        _volatility.poke(ETH, 256);
        uint256 diligent = _volatility.volatilityOf(ETH).slowVariance;

        vm.revertToState(snapshot);
        for (uint256 i = 1; i <= 48; ++i) {
            vm.warp(start + i * 1 hours);
            feed.push(0, i % 2 == 0 ? int256(3_000e8) : int256(3_030e8), block.timestamp);
            feed.push(1, 3_000e8, block.timestamp);
        }
        feed.moveTo(1);
        _volatility.poke(ETH, 256);

        assertApproxEqAbs(diligent, 0.547e12, 0.001e12, "a sigma of 74 %");
        assertApproxEqAbs(_volatility.volatilityOf(ETH).slowVariance, 0.227e12, 0.001e12, "a sigma of 48 %");
    }

    /// @dev A gap is filled with the prior of the block in which it is poked, not of the time of the gap. But the prior is on
    /// its way: who waits with a round until governance has doubled it moves nothing in the block of the change.
    function test_AGapCountsByThePriorOfWhoPokes() public {
        _listen();
        vm.warp(block.timestamp + 1 days);
        _setPrice(ETH, 3_000e8);
        UnderlyingParameters memory parameters = _underlyingParameters(300, 500);
        parameters.priorSigmaPercent = 120;
        rules.setUnderlying(ETH, parameters);
        uint256 snapshot = vm.snapshotState();
        _volatility.poke(ETH, 256);
        assertApproxEqAbs(_volatility.volatilityOf(ETH).fastVariance, 0.353e12, 0.001e12, "a sigma of 59 %");
        assertApproxEqAbs(rules.marginRatesOf(ETH).maintenance, 0.038e18, 0.0001e18, "the rate");

        vm.revertToState(snapshot);
        vm.warp(block.timestamp + 3 days);
        _volatility.poke(ETH, 256);
        assertApproxEqAbs(_volatility.volatilityOf(ETH).fastVariance, 0.776e12, 0.001e12, "a sigma of 88 %");
    }

    /// @dev A stranger calls an account for a cent. It then sinks below its line, and nobody may say so for an hour.
    function test_AMarginCallForACentHidesTheNext() public {
        _fund(sinking, usdc, 19_000.01e6);
        _trade(sinking, honest, ethPerpetual, 100e18, 3_000e18);
        _setPrice(ETH, 2_999.99e8);
        clearinghouse.callMargin(sinking);
        vm.warp(block.timestamp + 10 minutes);
        _setPrice(ETH, 2_900e8);
        assertTrue(engine.statusOf(sinking) == Status.Liquidatable);

        vm.expectPartialRevert(IClearinghouse.MarginCallTooSoon.selector);
        clearinghouse.callMargin(sinking);
    }

    // What was tried and holds

    /// @dev Whatever gas a poke has, it either fails or finds every round, also where the proxy has moved on.
    function test_NoAmountOfGasPassesARoundOver() public {
        PhasedFeed feed = _usePhasedFeed();
        vm.warp(block.timestamp + 1 hours);
        feed.push(0, 3_030e8, block.timestamp - 30 minutes);
        feed.push(0, 3_000e8, block.timestamp - 20 minutes);
        feed.push(1, 3_030e8, block.timestamp - 10 minutes);
        feed.push(1, 3_000e8, block.timestamp);
        feed.moveTo(1);
        uint256 snapshot = vm.snapshotState();
        _volatility.poke(ETH, 256);
        uint256 all = _volatility.volatilityOf(ETH).slowVariance;
        uint256 fewest;
        for (uint256 gas = 30_000; gas < 250_000; gas += 250) {
            vm.revertToState(snapshot);
            try _volatility.poke{gas: gas}(ETH, 256) {
                if (fewest == 0) fewest = gas;
                assertEq(_volatility.volatilityOf(ETH).slowVariance, all);
            } catch {}
        }
        assertGt(fewest, 30_000, "some were too few");
        assertLt(fewest, 250_000, "and some enough");
    }

    /// @dev A successor that asks for twice as much: nothing in its first block, half of it in the middle; and there a
    /// liquidation finds the least slice of the blend.
    function test_AStricterEngineTakesNobodyOverInItsFirstBlock() public {
        _wait(3 days);
        _fund(sinking, usdc, 1_300_000e6);
        _trade(sinking, honest, ethPerpetual, 3_000e18, 3_000e18);
        _fund(stranger, usdc, 4_000_000e6);
        uint256 before = engine.marginOf(sinking).maintenance;
        MockStricterEngine successor = new MockStricterEngine(vault, clearinghouse, oracle, rules, engine);
        clearinghouse.setMarginEngine(address(successor));
        vault.wire(address(clearinghouse), address(successor));
        assertEq(successor.marginOf(sinking).maintenance, before, "not at once");
        _wait(HALF_A_RAMP);
        assertApproxEqRel(successor.marginOf(sinking).maintenance, (before * 3) / 2, 1e9, "in a straight line");

        _setPrice(ETH, 2_870e8);
        (uint256 fraction, , , ) = successor.previewLiquidation(sinking);
        assertLt(fraction, WAD, "a part is enough");
        _liquidate(sinking, stranger);

        Margin memory margin = successor.marginOf(sinking);
        assertGe(margin.equity * 10_000, int256(margin.maintenance * 11_500), "restored");
        assertLe(margin.equity * 10_000, int256(margin.maintenance * 11_515), "and no more");
    }

    // Scenes

    /// @dev The Rules listen, and ETH is followed.
    function _listen() private {
        rules.setVolatilityOracle(address(_volatility));
        _volatility.follow(ETH);
    }

    /// @dev ETH is priced by a feed whose rounds the test writes, and followed.
    function _usePhasedFeed() private returns (PhasedFeed feed) {
        feed = new PhasedFeed(8);
        feed.push(0, 3_000e8, block.timestamp);
        _setSources(address(feed), 1e10, 1e26);
        _listen();
    }

    function _setSources(address aggregator, uint128 minimum, uint128 maximum) private {
        IPriceOracle.Feed[] memory primary = new IPriceOracle.Feed[](1);
        primary[0] = IPriceOracle.Feed(aggregator, 3_900, minimum, maximum);
        oracle.setSources(ETH, primary, new IPriceOracle.Feed[](0), 0);
    }

    /// @dev ETH goes 4 % up and back, in so many rounds, and ends where it was.
    function _moveToAndFro(uint256 rounds, uint256 apart) private {
        for (uint256 i = 1; i <= rounds; ++i) {
            vm.warp(block.timestamp + apart);
            _setPrice(ETH, i % 2 == 0 ? 3_000e8 : 3_120e8);
        }
        _wait(0);
    }
}
