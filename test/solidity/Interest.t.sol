// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {CashPool, LEAST_SUPPLY_INDEX} from "../../contracts/clearing/CashPool.sol";
import {Interest} from "../../contracts/clearing/Interest.sol";
import {CashFigures, CashParameters} from "../../contracts/types/Cash.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Lending} from "./Lending.sol";
import {cashRulesOfDesign} from "./PlimsollSetup.sol";

/// @title InterestTest
/// @notice Section 7 of the design on a pool of cash alone: I2 from both sides while interest accrues, and nothing to be
/// won by splitting, by the time of accruals, by being alone in the pool, or by cutting a loss into slices.
contract InterestTest is BaseTest {
    int256 private constant WAD = 1e18;
    uint256 private constant ACCOUNTS = 6;
    uint256 private constant START = 1_790_000_000;

    function setUp() public {
        vm.warp(START);
    }

    // Conservation

    /// @notice I2: all cash and what waits for the fund are what is behind them, but for rounding, and never more.
    function testFuzz_I2_CashAndReserveAreBacked(uint256 seed) public {
        Lending pool = new Lending(_anyRules(seed));
        uint256 accruals;
        for (uint256 step = 0; step < 48; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 3 == 0) {
                vm.warp(block.timestamp + ((seed >> 8) % 60 days));
                ++accruals;
            }
            _act(pool, seed);
            _assertBacked(pool, accruals);
        }
    }

    /// @notice I10: what a view says is what an accrual in the same block stores.
    function testFuzz_I10_AViewSaysWhatAnAccrualStores(uint256 seed) public {
        Lending pool = _busyPool(seed);
        vm.warp(block.timestamp + (seed % 400 days));
        CashFigures memory seen = pool.figures();
        uint256 reserve = pool.reserve();
        int256 cash = pool.cashOf(0);
        int256 debt = pool.cashOf(1);

        pool.accrue();
        CashPool memory stored = pool.stored();
        assertEq(stored.supplyIndex, seen.supplyIndex);
        assertEq(stored.borrowIndex, seen.borrowIndex);
        assertEq(stored.reserved, reserve);
        assertEq(pool.cashOf(0), cash);
        assertEq(pool.cashOf(1), debt);
        assertEq(abi.encode(pool.figures()), abi.encode(seen));
    }

    /// @notice A change of cash takes less than index + 1 wei more than it should, and gives nothing.
    function testFuzz_AChangeRoundsAgainstTheAccount(uint256 seed, int256 amount) public {
        Lending pool = _busyPool(seed);
        vm.warp(block.timestamp + (seed % 4000 days));
        uint256 account = seed % ACCOUNTS;
        amount = bound(amount, -1e24, 1e24);
        int256 before = pool.cashOf(account);
        pool.post(account, amount);
        int256 afterwards = pool.cashOf(account);
        assertLe(afterwards, before + amount, "nothing is won");
        assertGe(afterwards, before + amount - _rounding(pool), "an index and a wei are lost at most");
    }

    // Time

    /// @notice At one rate it does not matter how often anybody accrues: less than 1e-8 of a debt in a month.
    function testFuzz_TheNumberOfAccrualsHardlyMatters(uint256 seed) public {
        CashParameters memory rules = _defaultRules();
        (rules.slopeBps, rules.slopeAboveBps, rules.baseBps) = (0, 0, 2_230);
        (int256 rarely, int256 often) = _rarelyAndOften(rules, seed);
        assertLe(often, rarely + 1e6, "more accruals never lower a debt, but by rounding");
        assertGe(often, rarely - int256(_abs(rarely) / 1e8) - 1e6, "what they add is small");
    }

    /// @notice With the rates of the defaults, whose rate moves while interest raises utilisation: less than 1e-4.
    function testFuzz_TheNumberOfAccrualsHardlyMattersWhileTheRateMoves(uint256 seed) public {
        (int256 rarely, int256 often) = _rarelyAndOften(_defaultRules(), seed);
        assertApproxEqAbs(often, rarely, _abs(rarely) / 1e4);
    }

    function test_DebtGrowsByTheExponentialOfTheRate() public {
        CashParameters memory rules = _defaultRules();
        (rules.slopeBps, rules.slopeAboveBps, rules.baseBps) = (0, 0, 2_000);
        Lending pool = new Lending(rules);
        pool.deposit(0, 2e24);
        pool.withdraw(1, 1e24);
        vm.warp(START + 365 days);
        // 1 + 0.2 + 0.02 + 0.001333...; e^0.2 is 1.221402...
        assertEq(pool.cashOf(1), -1_221_333_333_333_333_334 * 1e6);
        // The lender has four fifths of it, the fund the rest.
        assertApproxEqAbs(pool.cashOf(0), 2e24 + 177_066_666_666_666_667 * 1e6, 1e7);
        assertApproxEqAbs(pool.reserve(), 44_266_666_666_666_667 * 1e6, 1e7);
    }

    /// @notice The rate is continuous, grows with utilisation, and is what the design's section 9 says.
    function testFuzz_TheRateFollowsUtilisation(uint256 used) public pure {
        Interest.Curve memory curve = Interest.Curve({
            baseBps: 200,
            slopeBps: 800,
            kinkBps: 8_500,
            slopeAboveBps: 9_000
        });
        assertEq(Interest.borrowRate(curve, 0), 0.02e18);
        assertEq(Interest.borrowRate(curve, 0.5e18), 0.06e18);
        assertEq(Interest.borrowRate(curve, 0.85e18), 0.088e18);
        assertEq(Interest.borrowRate(curve, 1e18), 0.223e18);
        used = bound(used, 0, 1e18 - 1);
        uint256 step = Interest.borrowRate(curve, used + 1) - Interest.borrowRate(curve, used);
        assertLe(step, 2, "no jump");
    }

    function test_NothingAccruesWithoutDebt() public {
        Lending pool = new Lending(_defaultRules());
        pool.deposit(0, 1e24);
        vm.warp(START + 3650 days);
        pool.withdraw(1, 1e23);
        assertEq(pool.cashOf(0), 1e24, "the years before the first debt count for nobody");
        assertEq(pool.cashOf(1), -1e23);
        vm.warp(block.timestamp + 30 days);
        pool.post(1, -pool.cashOf(1));
        assertEq(pool.stored().indebted, false);
        int256 earned = pool.cashOf(0);
        assertGt(earned, 1e24);
        vm.warp(block.timestamp + 3650 days);
        assertEq(pool.cashOf(0), earned);
    }

    // Nothing to be won

    /// @notice Whoever divides cash or debt over several accounts has no more than with one.
    function testFuzz_SplittingEarnsNothing(uint256 seed, uint256 amount, uint256 parts) public {
        amount = bound(amount, 1e6, 1e24);
        parts = bound(parts, 2, 12);
        Lending pool = _busyPool(seed);
        pool.deposit(100, amount);
        pool.withdraw(200, amount);
        uint256 left = amount;
        for (uint256 i = 0; i < parts; ++i) {
            uint256 part = i + 1 == parts ? left : left / 2;
            left -= part;
            pool.deposit(101 + i, part);
            pool.withdraw(201 + i, part);
        }
        vm.warp(block.timestamp + (seed % 1000 days));
        int256 cash;
        int256 debt;
        for (uint256 i = 0; i < parts; ++i) {
            cash += pool.cashOf(101 + i);
            debt += pool.cashOf(201 + i);
        }
        int256 rounding = int256(parts + 1) * _rounding(pool);
        // One account rounds once, too: by less than an index.
        assertLe(cash, pool.cashOf(100) + _rounding(pool), "cash");
        assertGe(cash, pool.cashOf(100) - rounding, "cash");
        assertLe(debt, pool.cashOf(200) + _rounding(pool), "debt");
        assertGe(debt, pool.cashOf(200) - rounding, "debt");
    }

    /// @notice Cash that comes and goes at once wins nothing, whoever accrues in between.
    function testFuzz_ADepositForNoTimeEarnsNothing(uint256 seed, uint256 amount) public {
        amount = bound(amount, 1, 1e27);
        Lending pool = _busyPool(seed);
        vm.warp(block.timestamp + (seed % 1000 days));
        pool.deposit(100, amount);
        pool.accrue();
        assertLe(pool.cashOf(100), int256(amount));
        assertGe(pool.cashOf(100), int256(amount) - _rounding(pool));
    }

    /// @notice Who settles gains now and who does later: the rate may change, the sum of all is backed all the same,
    /// and the settling account has what it settled.
    function testFuzz_SettlingSelectivelyCreatesNothing(uint256 seed, uint256 gain) public {
        gain = bound(gain, 1, 1e25);
        Lending pool = _busyPool(seed);
        int256 before = pool.cashOf(0);
        pool.post(0, int256(gain));
        assertLe(pool.cashOf(0), before + int256(gain));
        _assertBacked(pool, 2);
        vm.warp(block.timestamp + (seed % 300 days));
        _assertBacked(pool, 3);
        pool.post(2, -int256(gain));
        _assertBacked(pool, 4);
    }

    // Pools at their ends

    function test_AnEmptyPoolGivesAllInterestToTheFund() public {
        Lending pool = new Lending(_defaultRules());
        pool.post(1, -1e24);
        vm.warp(START + 365 days);
        CashFigures memory figures = pool.figures();
        assertEq(figures.utilisation, 0);
        assertEq(figures.positiveCash, 0);
        assertEq(figures.supplyRate, 0);
        assertEq(figures.supplyIndex, 1e18);
        assertEq(int256(pool.reserve()), -pool.cashOf(1) - 1e24);
        assertGt(pool.reserve(), 0.02e24);
        assertEq(pool.charge(1e24, 10_000), 0, "there is nobody to charge");
        _assertBacked(pool, 1);
    }

    /// @notice The only cent in the pool earns the borrow rate, not what a million of debts pays.
    function testFuzz_ADustLenderEarnsAtMostTheBorrowRate(uint256 dust, uint256 elapsed) public {
        dust = bound(dust, 1, 1e16);
        elapsed = bound(elapsed, 1, 3650 days);
        Lending pool = new Lending(_defaultRules());
        pool.post(1, -1e24);
        pool.deposit(0, dust);
        vm.warp(START + elapsed);
        int256 paid = -pool.cashOf(1) - 1e24;
        int256 earned = pool.cashOf(0) - int256(dust);
        assertLe(earned * 1e24, paid * int256(dust), "no more than its part");
        _assertBacked(pool, 1);
    }

    function testFuzz_AWhollyLostPoolGoesOn(uint256 seed, uint256 amount) public {
        amount = bound(amount, 1e6, 1e26);
        Lending pool = _busyPool(seed);
        uint256 positive = pool.figures().positiveCash;
        uint256 borne = pool.charge(type(uint256).max, type(uint256).max);
        assertLe(borne, positive);
        assertEq(pool.figures().supplyIndex, LEAST_SUPPLY_INDEX, "the index stays at its least");
        vm.warp(block.timestamp + 2 days);
        pool.accrue();
        CashFigures memory figures = pool.figures();

        pool.deposit(50, amount);
        assertLe(pool.cashOf(50), int256(amount));
        assertGe(pool.cashOf(50), int256(amount) - 1, "new cash is new cash");
        pool.withdraw(51, amount / 2);
        vm.warp(block.timestamp + 30 days);
        assertGe(pool.figures().supplyIndex, figures.supplyIndex);
        pool.charge(1e40, 10_000);
        assertEq(pool.figures().supplyIndex, LEAST_SUPPLY_INDEX);
        assertEq(pool.charge(1e40, 10_000), 0, "nothing is left to charge");
        _assertBacked(pool, 4);
    }

    /// @notice After a century at the highest rate both indices stay at their types' ends, and every act works.
    function test_IndicesEndAtTheirTypes() public {
        CashParameters memory rules = _defaultRules();
        (rules.baseBps, rules.slopeBps, rules.slopeAboveBps) = (30_000, 0, 0);
        rules.reservePercent = 0;
        Lending pool = new Lending(rules);
        pool.deposit(0, 1e18);
        pool.withdraw(1, 1e18);
        for (uint256 i = 0; i < 4; ++i) {
            vm.warp(block.timestamp + 10 * 365 days);
            pool.accrue();
        }
        CashFigures memory figures = pool.figures();
        assertEq(figures.borrowIndex, type(uint80).max);
        assertEq(figures.supplyIndex, type(uint72).max);
        assertEq(pool.cashOf(0), int256(uint256(type(uint72).max)));
        pool.deposit(0, 1e24);
        pool.withdraw(0, 5e23);
        pool.post(1, -pool.cashOf(1));
        assertEq(pool.cashOf(1), 0);
        assertEq(pool.stored().indebted, false);
    }

    /// @notice No state that the slots can hold makes an accrual or a view revert.
    function testFuzz_NoStateStopsAnAccrual(CashPool memory state, uint256 tokens, uint256 elapsed) public {
        Lending pool = new Lending(_defaultRules());
        state.supplyIndex = uint72(bound(state.supplyIndex, LEAST_SUPPLY_INDEX, type(uint72).max));
        state.borrowIndex = uint80(bound(state.borrowIndex, 1e18, type(uint80).max));
        state.kinkBps = uint16(bound(state.kinkBps, 0, 10_000));
        state.reservePercent = uint8(bound(state.reservePercent, 0, 100));
        state.accruedAt = uint32(bound(state.accruedAt, 0, START));
        state.lostAt = uint32(bound(state.lostAt, 0, START));
        state.indebted = true;
        pool.become(state, bound(tokens, 0, uint256(type(uint112).max) * 1e18));
        vm.warp(bound(elapsed, START, type(uint32).max));
        pool.figures();
        pool.reserve();
        pool.loanRoom();
        pool.accrue();
        assertGe(pool.stored().supplyIndex, state.supplyIndex);
        assertGe(pool.stored().borrowIndex, state.borrowIndex);
        assertGe(pool.stored().reserved, state.reserved);
    }

    // Losses that lenders bear

    /// @notice What is borne is never more than the loss, the cap, or what cash fell by.
    function testFuzz_I7_AChargeIsWhatCashFallsBy(uint256 seed, uint256 loss, uint256 capBps) public {
        Lending pool = _busyPool(seed);
        loss = bound(loss, 0, 1e26);
        capBps = bound(capBps, 0, 10_000);
        uint256 positive = pool.figures().positiveCash;
        int256 before = _sumOf(pool);
        uint256 borne = pool.charge(loss, capBps);
        assertLe(borne, loss);
        assertLe(borne, (positive * capBps) / 10_000);
        // Rounding that is nobody's cash is in S and bears its share.
        assertGe(before - _sumOf(pool), int256(borne) - int256(ACCOUNTS + pool.writes()) * _rounding(pool));
        // Most of what may be charged is.
        uint256 expected = loss < (positive * capBps) / 10_000 ? loss : (positive * capBps) / 10_000;
        if (capBps < 10_000) assertApproxEqAbs(borne, expected, positive / 1e17 + 2);
        _assertBacked(pool, 2);
    }

    /// @notice However a loss is cut, and whoever calls when: at most the cap at once and again in each day.
    function testFuzz_I7_SlicesShareOneCap(uint256 seed, uint256 capBps, uint256 slices) public {
        Lending pool = _busyPool(seed);
        capBps = bound(capBps, 1, 3_000);
        slices = bound(slices, 2, 20);
        uint256 positive = pool.figures().positiveCash;
        uint256 begin = block.timestamp;
        CashPool memory stored = pool.stored();
        uint256 index = stored.supplyIndex;
        uint256 interest;
        for (uint256 i = 0; i < slices; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + (seed % 4 hours));
            pool.accrue();
            uint256 accrued = pool.figures().supplyIndex;
            interest += (accrued - index);
            pool.charge((seed >> 32) % positive, capBps);
            index = pool.figures().supplyIndex;
        }
        // Of what there was and what came: cap x (1 + days).
        uint256 elapsed = block.timestamp - begin;
        uint256 most = capBps + (capBps * elapsed) / 1 days + 1;
        uint256 whole = uint256(stored.supplyIndex) + interest;
        assertLe((whole - index) * 10_000, whole * most + slices * 1e5);
    }

    function test_TheCapOfLendersIsRegainedEvenlyOverADay() public {
        Lending pool = new Lending(_defaultRules());
        pool.deposit(0, 1e24);
        assertEq(pool.charge(1e24, 1_000), 1e23, "a tenth at once");
        assertEq(pool.charge(1e24, 1_000), 0, "and no more");
        vm.warp(block.timestamp + 6 hours);
        assertEq(pool.charge(1e24, 1_000), (0.25e23 * 9) / 10, "a quarter of a tenth of what is left");
        vm.warp(block.timestamp + 1 days);
        assertEq(pool.charge(1, 1_000), 0, "less than the index can say");
        uint256 left = uint256(pool.cashOf(0));
        assertEq(pool.charge(1e24, 1_000), left / 10);
    }

    // Loans

    /// @notice What can be taken is exact: one wei more breaks the least cash or the cap.
    function testFuzz_WhatCanBeTakenIsExact(uint256 seed, int256 least, uint256 cap) public {
        (Lending pool, Lending other) = (_busyPool(seed), _busyPool(seed));
        CashParameters memory rules = _defaultRules();
        rules.borrowCap = uint48(bound(cap, 0, 4e6));
        pool.setRules(rules);
        other.setRules(rules);
        vm.warp(block.timestamp + (seed % 3000 days));
        pool.deposit(77, 1e27);
        other.deposit(77, 1e27);
        uint256 account = seed % ACCOUNTS;
        int256 cash = pool.cashOf(account);
        least = bound(least, cash - 1e25, cash);

        uint256 spare = pool.spareOf(account, least);
        if (spare != 0) {
            pool.withdraw(account, spare);
            assertGe(pool.cashOf(account), least);
            if (pool.cashOf(account) < 0) assertLe(pool.figures().debt, uint256(rules.borrowCap) * 1e18);
        }
        try other.withdraw(account, spare + 1) {
            assertLt(other.cashOf(account), least, "one wei more is too much");
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), IVault.BorrowCapExceeded.selector);
        }
    }

    function test_LoanRoomIsWhatCanBeBorrowed() public {
        CashParameters memory rules = _defaultRules();
        rules.borrowCap = 1_000;
        Lending pool = new Lending(rules);
        pool.deposit(0, 1e24);
        assertEq(pool.loanRoom(), 1_000e18);
        pool.withdraw(1, 400e18);
        assertEq(pool.loanRoom(), 600e18);
        vm.expectRevert(abi.encodeWithSelector(IVault.BorrowCapExceeded.selector, 1_000e18 + 1, 1_000e18));
        pool.withdraw(2, 600e18 + 1);
        // A loss takes debts above the cap: no loan then, and no harm.
        pool.post(3, -5_000e18);
        assertEq(pool.loanRoom(), 0);
        vm.expectRevert(abi.encodeWithSelector(IVault.BorrowCapExceeded.selector, 5_400e18 + 1, 1_000e18));
        pool.withdraw(1, 1);
        pool.withdraw(0, 1e24 - 400e18);
        assertEq(pool.cashOf(0), 400e18);
    }

    // Helpers

    function _act(Lending pool, uint256 seed) private {
        uint256 account = (seed >> 16) % ACCOUNTS;
        uint256 other = (account + 1 + ((seed >> 24) % (ACCOUNTS - 1))) % ACCOUNTS;
        uint256 amount = (seed >> 32) % 10 ** (1 + ((seed >> 128) % 25));
        uint256 kind = (seed >> 160) % 9;
        if (kind < 3) pool.deposit(account, amount);
        else if (kind == 3 && amount <= pool.tokens()) pool.withdraw(account, amount);
        else if (kind == 4) pool.move(account, other, int256(amount));
        else if (kind == 5) pool.post(account, int256(amount));
        else if (kind == 6) pool.post(account, -int256(amount));
        else if (kind == 7) pool.collectFor(account);
        else pool.charge(amount, (seed >> 200) % 5_000);
    }

    /// @dev A pool with lenders, debts and some history, at default rates.
    function _busyPool(uint256 seed) private returns (Lending pool) {
        uint256 now_ = block.timestamp;
        vm.warp(START);
        pool = new Lending(_defaultRules());
        pool.deposit(0, 1e20 + (seed % 1e25));
        pool.deposit(2, 1e20 + ((seed >> 64) % 1e25));
        pool.withdraw(1, 1e18 + (pool.tokens() * ((seed >> 128) % 100)) / 100);
        pool.post(3, -int256(1e18 + ((seed >> 140) % 1e23)));
        pool.post(4, int256((seed >> 150) % 1e23));
        vm.warp(START + 1 + ((seed >> 200) % 500 days));
        pool.accrue();
        assertGe(block.timestamp, now_);
    }

    /// @dev The debt of two pools that are alike after a month: one that nobody touched, one that somebody did often.
    function _rarelyAndOften(CashParameters memory rules, uint256 seed) private returns (int256 rarely, int256 often) {
        (Lending quiet, Lending busy) = (new Lending(rules), new Lending(rules));
        uint256 used = 1 + (seed % 99);
        for (uint256 i = 0; i < 2; ++i) {
            Lending pool = i == 0 ? quiet : busy;
            pool.deposit(0, 1e24);
            pool.withdraw(1, used * 1e22);
        }
        uint256 count = 1 + ((seed >> 8) % 60);
        for (uint256 i = 1; i <= count; ++i) {
            vm.warp(START + (30 days * i) / count);
            busy.accrue();
        }
        vm.warp(START + 30 days);
        return (quiet.cashOf(1), busy.cashOf(1));
    }

    function _defaultRules() private pure returns (CashParameters memory) {
        return cashRulesOfDesign({borrowCap: type(uint48).max});
    }

    function _anyRules(uint256 seed) private pure returns (CashParameters memory) {
        return
            CashParameters({
                baseBps: uint16(seed % 5_000),
                slopeBps: uint16((seed >> 16) % 10_000),
                kinkBps: uint16((seed >> 32) % 10_001),
                slopeAboveBps: uint16((seed >> 48) % 15_001),
                reservePercent: uint8((seed >> 64) % 101),
                borrowCap: type(uint48).max
            });
    }

    function _sumOf(Lending pool) private view returns (int256 sum) {
        for (uint256 i = 0; i < ACCOUNTS; ++i) sum += pool.cashOf(i);
        sum += pool.cashOf(50) + pool.cashOf(51);
    }

    /// @dev What one write, or one look, may cost an account: an index and a wei of the larger index.
    function _rounding(Lending pool) private view returns (int256) {
        CashFigures memory figures = pool.figures();
        uint256 index = figures.supplyIndex > figures.borrowIndex ? figures.supplyIndex : figures.borrowIndex;
        return int256(index) / WAD + 2;
    }

    function _assertBacked(Lending pool, uint256 accruals) private view {
        int256 claims = _sumOf(pool) + int256(pool.reserve());
        int256 rounding = _rounding(pool) * int256(pool.writes() + ACCOUNTS + 2 + accruals);
        assertLe(claims, pool.backing(), "I2: claims are backed");
        assertGe(claims, pool.backing() - 2 * rounding, "I2: nothing is lost");
    }

    function _abs(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }
}
