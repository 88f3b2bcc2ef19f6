// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {Book, Sides} from "../../contracts/clearing/Book.sol";
import {Funding} from "../../contracts/clearing/Funding.sol";
import {FundingParameters, FundingRules, packFundingRules} from "../../contracts/types/FundingRules.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";

/// @title FundingTest
/// @notice Compares the arithmetic of funding with exact fractions, for any rules that the Rules accept, and proves that
/// nobody earns more by false premiums than they cost.
/// @dev Fractions are compared by multiplying out: all products here are far below 2^255.
contract FundingTest is BaseTest {
    int256 private constant UNIT = 1e15;
    int256 private constant MILLIONTH = 1e9;
    int256 private constant FADE = 300;
    int256 private constant PERIOD = 28_800;
    uint256 private constant MOST_MARK = type(uint96).max;
    uint256 private constant MOST_NOTIONAL = 1e33;
    InstrumentId private constant INSTRUMENT = InstrumentId.wrap((1 << 192) | (1 << 168));

    /// @dev What somebody who prints premiums has earned and paid.
    struct Printer {
        FundingRules rules;
        int256 cap;
        uint256 openNotional;
        int256 premium;
        /// [wad x 1e-15 x seconds per period]
        int256 earned;
        /// [wad]
        uint256 paid;
    }

    Book private _book;

    // Accrual

    function testFuzz_AccruedIsTheExactIntegral(
        uint256 mark,
        int256 premium,
        int256 interest,
        uint256 elapsed
    ) public pure {
        (mark, premium, interest) = _market(mark, premium, interest);
        elapsed = bound(elapsed, 0, type(uint32).max);
        int256 accrued = Funding.accrued(mark, premium, interest, elapsed);
        // The whole in units of 1 / (2 FADE x UNIT x PERIOD) wei.
        int256 exact = _exactAccrual(mark, premium, interest, elapsed);
        int256 unit = 2 * FADE * UNIT * PERIOD;
        int256 off = accrued * unit - exact;

        // The area is rounded to a unit of rate and second before the mark multiplies it.
        assertLt(_abs(off), uint256(unit) + mark * uint256(2 * FADE), "off by the two roundings at most");
        if (premium == 0) assertLt(_abs(off), uint256(unit), "without a premium by less than 1 wei");
        if (premium == 0 || interest == 0 || (premium > 0) == (interest > 0)) {
            assertLe(_abs(accrued * unit), _abs(exact), "towards 0 when all of it has one sign");
        }
    }

    function testFuzz_AccruedIsOddSoThatNeitherSideIsFavoured(
        uint256 mark,
        int256 premium,
        int256 interest,
        uint256 elapsed
    ) public pure {
        (mark, premium, interest) = _market(mark, premium, interest);
        elapsed = bound(elapsed, 0, type(uint32).max);
        int256 accrued = Funding.accrued(mark, premium, interest, elapsed);
        assertEq(accrued, -Funding.accrued(mark, -premium, -interest, elapsed));
    }

    function testFuzz_NothingIsAccruedInNoTime(uint256 mark, int256 premium, int256 interest) public pure {
        (mark, premium, interest) = _market(mark, premium, interest);
        assertEq(Funding.accrued(mark, premium, interest, 0), 0);
    }

    function testFuzz_OneSecondAccruesAtMostTheRateOfOneSecond(
        uint256 mark,
        int256 premium,
        int256 interest,
        uint256 elapsed
    ) public pure {
        (mark, premium, interest) = _market(mark, premium, interest);
        elapsed = bound(elapsed, 0, type(uint32).max - 1);
        int256 step =
            Funding.accrued(mark, premium, interest, elapsed + 1) - Funding.accrued(mark, premium, interest, elapsed);
        uint256 rate = _abs(interest) * uint256(MILLIONTH) + _abs(premium) + 1;
        assertLe(_abs(step), (mark * rate) / uint256(UNIT * PERIOD) + 1, "SQ3: no cliff at any second");
    }

    function testFuzz_AfterTheFadeOnlyInterestIsAccrued(
        uint256 mark,
        int256 premium,
        int256 interest,
        uint256 elapsed
    ) public pure {
        (mark, premium, interest) = _market(mark, premium, interest);
        elapsed = bound(elapsed, uint256(FADE), type(uint32).max);
        int256 with = Funding.accrued(mark, premium, interest, elapsed);
        int256 without = Funding.accrued(mark, 0, interest, elapsed);
        int256 ofPremium = Funding.accrued(mark, premium, 0, uint256(FADE));
        assertApproxEqAbs(with - without, ofPremium, 2);
        assertLe(_abs(ofPremium), (mark * _abs(premium) * uint256(FADE)) / (2 * uint256(UNIT * PERIOD)));
    }

    // Fading

    function testFuzz_FadedIsTheExactLineRoundedTowardsZero(int256 premium, uint256 elapsed) public pure {
        premium = bound(premium, -40_000 * MILLIONTH, 40_000 * MILLIONTH);
        elapsed = bound(elapsed, 0, 2 * uint256(FADE));
        int256 left = Funding.faded(premium, elapsed);
        int256 exact = int256(elapsed) >= FADE ? int256(0) : premium * (FADE - int256(elapsed));
        assertLe(_abs(left * FADE), _abs(exact));
        assertLt(_abs(left * FADE - exact), uint256(FADE));
        assertTrue(left == 0 || (left > 0) == (premium > 0), "never changes its sign");
    }

    /// @dev Trades that count nothing only renew the fade: e^-t instead of a line, which is one FADE in all.
    function testFuzz_RenewingTheFadeEarnsOneFadeAtMost(uint256 mark, int256 premium, uint256 seed) public pure {
        mark = bound(mark, 1, MOST_MARK);
        premium = bound(premium, -40_000 * MILLIONTH, 40_000 * MILLIONTH);
        int256 left = premium;
        int256 sum;
        for (uint256 i = 0; i < 40; ++i) {
            uint256 elapsed = _random(seed, i, 0, 200);
            sum += Funding.accrued(mark, left, 0, elapsed);
            left = Funding.faded(left, elapsed);
        }
        assertLe(_abs(sum), (mark * _abs(premium) * uint256(FADE)) / uint256(UNIT * PERIOD));
        assertTrue(sum == 0 || (sum > 0) == (premium > 0), "and always in its direction");
    }

    // What trades say

    function testFuzz_ObservedIsThePremiumBeyondTheDeadBand(uint256 seed, uint256 mark, uint256 price) public pure {
        (FundingRules rules, int256 cap) = _rules(seed);
        mark = bound(mark, 1e6, MOST_MARK);
        price = bound(price, mark - mark / 5, mark + mark / 5);
        int256 interest = int256(rules.interestMillionths()) * MILLIONTH;
        int256 band = int256(rules.deadBandMillionths()) * MILLIONTH;
        int256 said = Funding.observed(price, mark, rules);

        // Everything times the mark: (price - mark) / mark in the unit of rates is this over the mark.
        int256 beyond = (int256(price) - int256(mark)) * UNIT - interest * int256(mark);
        int256 edge = band * int256(mark);
        // A unit inwards or outwards of the edge is a matter of rounding, and says at most that unit.
        if (_abs(beyond) <= uint256(edge)) assertLe(_abs(said), 1, "nothing within the dead band");
        int256 exact =
            beyond > edge
                ? beyond - edge
                : beyond < -edge
                    ? beyond + edge
                    : int256(0);
        int256 least = (-cap - interest) * int256(mark);
        int256 most = (cap - interest) * int256(mark);
        exact =
            exact < least
                ? least
                : exact > most
                    ? most
                    : exact;
        assertLe(_abs(said * int256(mark) - exact), mark, "within one unit of the exact fraction");
    }

    function testFuzz_TheRateThatATradeSaysIsWithinTheCap(uint256 seed, uint256 mark, uint256 price) public pure {
        (FundingRules rules, int256 cap) = _rules(seed);
        mark = bound(mark, 1, MOST_MARK);
        price = bound(price, 0, type(uint128).max);
        int256 rate = Funding.rateOf(Funding.observed(price, mark, rules), rules.interestMillionths());
        assertLe(_abs(rate), uint256(cap));
    }

    function testFuzz_ADearerTradeNeverSaysLess(uint256 seed, uint256 mark, uint256 price, uint256 more) public pure {
        (FundingRules rules, ) = _rules(seed);
        mark = bound(mark, 1, MOST_MARK);
        price = bound(price, 0, type(uint104).max);
        more = bound(more, 0, type(uint104).max);
        assertGe(Funding.observed(price + more, mark, rules), Funding.observed(price, mark, rules));
    }

    function testFuzz_CountsAsFarAsFeesWerePaid(uint256 notional, uint256 fees) public pure {
        notional = bound(notional, 0, type(uint160).max);
        fees = bound(fees, 0, 2 * uint256(type(uint128).max));
        uint256 counted = Funding.countedNotional(notional, fees);
        assertLe(counted, notional, "never more than was traded");
        assertLe(counted * 500, fees * 1e6, "never more than 5 bps were paid for");
        if (counted < notional) assertGt((counted + 1) * 500, fees * 1e6, "and all of that, rounded down");
    }

    // Moving the premium

    function testFuzz_MovedStaysBetweenPremiumAndAverage(
        int256 premium,
        int256 average,
        uint256 counted,
        uint256 depth
    ) public pure {
        premium = bound(premium, -40_000 * MILLIONTH, 40_000 * MILLIONTH);
        average = bound(average, -40_000 * MILLIONTH, 40_000 * MILLIONTH);
        depth = bound(depth, Funding.LEAST_DEPTH, MOST_NOTIONAL);
        counted = bound(counted, 0, 2 * depth);
        int256 next = Funding.moved(premium, average, counted, depth);
        assertGe(next, premium < average ? premium : average);
        assertLe(next, premium < average ? average : premium);
        if (counted >= depth) {
            assertEq(next, average, "the whole depth sets it anew");
        } else {
            int256 off = (next - premium) * int256(depth) - (average - premium) * int256(counted);
            assertLt(_abs(off), depth, "within one unit of the exact fraction");
            assertLe(_abs(next - premium) * depth, _abs(average - premium) * counted, "and never further");
        }
    }

    function testFuzz_DepthIsTheShareOfOpenInterestRoundedUp(uint256 seed, uint256 openNotional) public pure {
        (FundingRules rules, ) = _rules(seed);
        openNotional = bound(openNotional, 0, MOST_NOTIONAL);
        uint256 depth = Funding.depthOf(openNotional, rules);
        uint256 exact = openNotional * rules.depthShareBps();
        assertGe(depth * 10_000, exact);
        assertGe(depth, 250_000e18);
        if (depth > 250_000e18) assertLt((depth - 1) * 10_000, exact);
    }

    // False premiums

    /// @dev The bound in the header of Funding, without any tolerance.
    function testFuzz_OneTradeMovesLessThanItPaid(
        uint256 seed,
        int256 premium,
        uint256 openNotional,
        uint256 notional,
        uint256 fees
    ) public pure {
        Printer memory printer = _printer(seed, openNotional);
        int256 interest = printer.rules.interestMillionths() * MILLIONTH;
        printer.premium = bound(premium, -printer.cap - interest, printer.cap - interest);
        // Where the bound is tightest: from one end of the cap, near the depth, at 5 bps.
        if (seed % 3 != 0) printer.premium = (seed % 3 == 1 ? printer.cap : -printer.cap) - interest;
        premium = printer.premium;
        notional = bound(notional, 1, 2 * Funding.depthOf(printer.openNotional, printer.rules));
        fees = fees % 2 == 0 ? (notional * 500) / 1e6 : bound(fees, 0, notional / 100);
        _print(printer, _priceOf(seed, 0), notional, fees);
        uint256 effect = printer.openNotional * _abs(printer.premium - premium) * uint256(FADE);
        assertLe(effect, fees * uint256(PERIOD * UNIT));
    }

    /// @dev Any number of prints at any prices and fees, of whole premiums and of dust, with any waiting between them:
    /// the side that receives never has more than was paid in fees. Interest is left out: nobody printed it.
    function testFuzz_NoScheduleOfPrintsEarnsItsFees(uint256 seed, uint256 openNotional) public pure {
        Printer memory printer = _printer(seed, openNotional);
        for (uint256 i = 0; i < 60; ++i) {
            uint256 draw = _random(seed, 4 * i, 0, 5);
            uint256 most = draw == 0 ? 1e18 : 2 * Funding.depthOf(printer.openNotional, printer.rules);
            uint256 notional = _random(seed, 4 * i + 1, 1, most);
            uint256 feeRate =
                draw == 1
                    ? 0
                    : draw == 3
                        ? 500
                        : _random(seed, 4 * i + 2, 0, 1_000);
            _print(printer, _priceOf(seed, i), notional, (notional * feeRate) / 1e6);
            _wait(printer, _random(seed, 4 * i + 3, 0, draw == 2 ? 1_000 : 60));
            // What is earned and what the premium will still earn, if it is renewed for ever.
            int256 all = printer.earned + int256(printer.openNotional) * printer.premium * FADE;
            int256 paid = int256(printer.paid) * PERIOD * UNIT;
            assertLe(all, paid, "shorts");
            all = -printer.earned - int256(printer.openNotional) * printer.premium * FADE;
            assertLe(all, paid, "longs");
        }
    }

    /// @dev As above while others open: printed while little is open, received on much. It holds where every trade pays
    /// both sides' fees of at least (cap + interest) x FADE / PERIOD, 0.8 bps at a cap of 0.75 %.
    function testFuzz_PrintingBeforeOthersOpenEarnsLessThanTheFees(uint256 seed) public pure {
        Printer memory printer = _printer(seed, 0);
        uint256 mostRate = uint256(printer.cap / MILLIONTH) + _abs(printer.rules.interestMillionths());
        uint256 leastFee = (mostRate * uint256(FADE)) / uint256(PERIOD) + 1;
        for (uint256 i = 0; i < 40; ++i) {
            uint256 notional = _random(seed, 3 * i, 1, 2 * printer.openNotional + 1e24);
            uint256 feeRate = i % 4 > 1 ? leastFee : _random(seed, 3 * i + 1, leastFee, leastFee + 700);
            if (i % 2 == 1) printer.openNotional += notional;
            _print(printer, _priceOf(seed, i), notional, (notional * feeRate) / 1e6 + 1);
            _wait(printer, _random(seed, 3 * i + 2, 0, 5));
            int256 all = printer.earned + int256(printer.openNotional) * printer.premium * FADE;
            assertLe(_abs(all), printer.paid * uint256(PERIOD * UNIT));
        }
    }

    function testFuzz_TheLeastDepthShareIsTheLeast(uint256 cap) public pure {
        cap = bound(cap, 1, 20_000);
        uint256 share = Funding.leastDepthShareBps(cap);
        uint256 effect = 2 * cap * uint256(FADE) * 10_000;
        assertGe(share * uint256(PERIOD) * 500, effect);
        assertLt((share - 1) * uint256(PERIOD) * 500, effect);
    }

    // The book

    /// @dev I10 and FI2: reads change nothing, so it does not matter who looked, when, or how often.
    function testFuzz_IndicesAreThoseOfTheTimeHoweverOftenAnybodyLooks(uint256 seed) public {
        (uint256 mark, int256 premium, int16 interest) = _start(seed);
        uint256 start = block.timestamp;
        uint256 elapsed;
        for (uint256 i = 0; i < 12; ++i) {
            elapsed += _random(seed, 10 + i, 0, i % 3 == 0 ? 1 : 400);
            vm.warp(start + elapsed);
            Sides memory sides = _book.sidesOf(INSTRUMENT);
            int256 accrued = Funding.accrued(mark, premium, interest, elapsed);
            assertEq(sides.longIndex, accrued + 7, "long");
            assertEq(sides.shortIndex, accrued - 9, "short");
        }
    }

    /// @dev Once the premium has faded, writing the indices anywhere between costs less than 1 wei for each write.
    function testFuzz_WritingBetweenChangesLessThanOneWeiEach(uint256 seed) public {
        (uint256 mark, int256 premium, int16 interest) = _start(seed);
        uint256 start = block.timestamp;
        uint256 elapsed = uint256(FADE);
        for (uint256 i = 1; i <= 10; ++i) {
            elapsed += _random(seed, 10 + i, 0, 30 days);
            vm.warp(start + elapsed);
            _book.setFunding(INSTRUMENT, _book.sidesOf(INSTRUMENT), mark, interest, 0);
            int256 once = Funding.accrued(mark, premium, interest, elapsed) + 7;
            assertLe(_abs(_book.sidesOf(INSTRUMENT).longIndex - once), i);
        }
    }

    function testFuzz_BothIndicesMoveByTheSame(uint256 seed) public {
        _start(seed);
        for (uint256 i = 0; i < 10; ++i) {
            vm.warp(block.timestamp + _random(seed, 10 + i, 0, 30 days));
            Sides memory sides = _book.sidesOf(INSTRUMENT);
            assertEq(sides.longIndex - sides.shortIndex, 16, "what longs pay shorts receive");
            int256 premium = int256(_random(seed, 30 + i, 0, 40e12)) - 20e12;
            _book.setFunding(INSTRUMENT, sides, _random(seed, 50 + i, 1, 1e24), 100, premium);
        }
    }

    // Internals

    /// @dev A market somewhere in its life, its two indices 16 wei apart.
    function _start(uint256 seed) private returns (uint256 mark, int256 premium, int16 interest) {
        vm.warp(1_790_000_000);
        mark = _random(seed, 1, 1, 1e27);
        premium = int256(_random(seed, 2, 0, 40e12)) - 20e12;
        interest = int16(int256(_random(seed, 3, 0, 40_000)) - 20_000);
        Sides memory sides = Sides({longIndex: 7, shortIndex: -9, openInterest: 0});
        _book.setFunding(INSTRUMENT, sides, mark, interest, premium);
    }

    function _printer(uint256 seed, uint256 openNotional) private pure returns (Printer memory printer) {
        (printer.rules, printer.cap) = _rules(seed);
        printer.openNotional = bound(openNotional, 0, MOST_NOTIONAL);
    }

    /// @dev A trade of one side with itself, at a price for a mark of 1.
    function _print(Printer memory printer, uint256 price, uint256 notional, uint256 fees) private pure {
        uint256 counted = Funding.countedNotional(notional, fees);
        uint256 depth = Funding.depthOf(printer.openNotional, printer.rules);
        int256 said = Funding.observed(price, 1e18, printer.rules);
        if (counted != 0) printer.premium = Funding.moved(printer.premium, said, counted, depth);
        printer.paid += fees;
    }

    /// @dev In half of the schedules always the upper edge of a band of 5 %, else either edge or anything between.
    function _priceOf(uint256 seed, uint256 place) private pure returns (uint256) {
        uint256 choice = (seed >> 8) % 2 == 0 ? 0 : _random(seed, 1_000 + place, 0, 2);
        if (choice == 2) return _random(seed, 2_000 + place, 0.95e18, 1.05e18);
        return choice == 0 ? 1.05e18 : 0.95e18;
    }

    function _wait(Printer memory printer, uint256 elapsed) private pure {
        // A mark of UNIT x PERIOD: what is accrued is the premium's integral itself.
        int256 accrued = Funding.accrued(uint256(UNIT * PERIOD), printer.premium, 0, elapsed);
        printer.earned += int256(printer.openNotional) * accrued;
        printer.premium = Funding.faded(printer.premium, elapsed);
    }

    /// @dev Any funding rules within the bounds of the Rules, and their cap in the unit of rates.
    function _rules(uint256 seed) private pure returns (FundingRules rules, int256 cap) {
        uint256 capMillionths = _random(seed, 100, 0, 20_000);
        uint256 share = _random(seed, 101, Funding.leastDepthShareBps(capMillionths), 65_535);
        // Half of the time the least that is allowed.
        if (seed % 2 == 0) share = Funding.leastDepthShareBps(capMillionths);
        int256 interest = int256(_random(seed, 102, 0, 2 * capMillionths)) - int256(capMillionths);
        // With the most that one side may be paid anyway, the premium has the widest way to go.
        if ((seed >> 4) % 2 == 0) interest = -int256(capMillionths);
        rules = packFundingRules(
            FundingParameters({
                interestMillionths: int16(interest),
                deadBandMillionths: uint16(_random(seed, 103, 0, 10_000)),
                capMillionths: uint16(capMillionths),
                depthShareBps: uint16(share)
            })
        );
        cap = int256(capMillionths) * MILLIONTH;
    }

    function _market(uint256 mark, int256 premium, int256 interest) private pure returns (uint256, int256, int256) {
        mark = bound(mark, 0, MOST_MARK);
        premium = bound(premium, -40_000 * MILLIONTH, 40_000 * MILLIONTH);
        interest = bound(interest, -20_000, 20_000);
        return (mark, premium, interest);
    }

    /// @dev mark x (2 FADE x interest x elapsed + premium x (2 FADE x t - t^2)), in 1 / (2 FADE x UNIT x PERIOD) wei.
    function _exactAccrual(
        uint256 mark,
        int256 premium,
        int256 interest,
        uint256 elapsed
    ) private pure returns (int256) {
        int256 time = int256(elapsed) < FADE ? int256(elapsed) : FADE;
        int256 ofInterest = 2 * FADE * interest * MILLIONTH * int256(elapsed);
        return int256(mark) * (ofInterest + premium * (2 * FADE * time - time * time));
    }

    function _random(uint256 seed, uint256 place, uint256 least, uint256 most) private pure returns (uint256) {
        return bound(uint256(keccak256(abi.encode(seed, place))), least, most);
    }

    function _abs(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }
}
