// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books, Funded} from "./BooksModel.sol";
import {Observer} from "./Observer.sol";
import {CashFigures} from "../../../contracts/types/Cash.sol";

/// @title FundingModel
/// @notice Section 5 of the design a second time, and what time does to the books: funding moves both indices by the
/// same, debts and lenders' cash grow.
/// @dev Within an act time stands still, and so does all funding: only what it goes on from changes.
abstract contract FundingModel is Observer {
    int256 private constant PERIOD = 8 hours;
    int256 private constant FADE = 5 minutes;
    int256 private constant UNIT = 1e15;
    uint256 private constant LEAST_DEPTH = 250_000e18;

    /// @dev Governance's latest interest, which is in force from the next trade or accrual on [millionths per period].
    int256[3] internal _interest;

    /// @dev As `CampaignSetup` sets them, by perpetual [millionths of the mark, millionths per period, bps].
    function _fundingRulesOf(uint256 which) internal pure returns (int256 deadBand, int256 cap, uint256 depthShareBps) {
        if (which == 2) return (0, 500, 209);
        return (500, 7_500, 3_200);
    }

    // ------------------------------------------------------------------ trades

    /// @dev What a price says of the premium [1e-15 per period].
    function _observed(uint256 which, uint256 price, uint256 mark) internal view returns (int256) {
        (int256 deadBand, int256 cap, ) = _fundingRulesOf(which);
        int256 interest = _interest[which] * 1e9;
        int256 premium = ((int256(price) - int256(mark)) * UNIT) / int256(mark) - interest;
        deadBand *= 1e9;
        if (premium > deadBand) premium -= deadBand;
        else if (premium < -deadBand) premium += deadBand;
        else return 0;
        if (premium > cap * 1e9 - interest) return cap * 1e9 - interest;
        if (premium < -cap * 1e9 - interest) return -cap * 1e9 - interest;
        return premium;
    }

    /// @dev Trades of one taker have cleared: from now on funding goes on from here.
    /// @param counted How much of their notionals counts [wad].
    /// @param sum What each says times what counts of it.
    /// @param open The larger open interest of before and after [wad].
    function _expectFunding(Books memory books, uint256 which, uint256 counted, int256 sum, uint256 open) internal {
        Funded memory funded = books.funded[which];
        uint256 mark = _answerOf(which);
        int256 premium = _premiumNow(funded);
        if (counted != 0) {
            (, int256 cap, uint256 shareBps) = _fundingRulesOf(which);
            uint256 depth = _mulDivUp(_mulDivUp(open, mark, WAD), shareBps, 10_000);
            if (depth < LEAST_DEPTH) depth = LEAST_DEPTH;
            int256 average = sum / int256(counted);
            if (counted >= depth) premium = average;
            else premium += ((average - premium) * int256(counted)) / int256(depth);
            int256 rate = premium + _interest[which] * 1e9;
            _happened("premium at the cap", rate == cap * 1e9 || rate == -cap * 1e9);
        }
        books.funded[which] = Funded(mark, premium, _interest[which], block.timestamp, 0);
    }

    /// @dev New interest is in force from now on; mark and premium go on.
    function _expectInterest(Books memory books, uint256 which) internal view {
        Funded memory funded = books.funded[which];
        if (funded.interest == _interest[which]) return;
        int256 premium = _premiumNow(funded);
        books.funded[which] = Funded(funded.mark, premium, _interest[which], block.timestamp, 0);
    }

    // ------------------------------------------------------------------ time

    /// @dev Time has passed since `books`: does to them what it must have done, and verifies.
    /// @param was The pool before.
    function _passed(Books memory books, CashFigures memory was, uint256 elapsed) internal {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            Funded memory funded = books.funded[i];
            int256 accrued = _accruedOf(funded);
            int256 move = accrued - funded.accrued;
            books.indices[2 * i] += move;
            books.indices[2 * i + 1] += move;
            funded.accrued = accrued;
            if (books.openInterest[i] == 0) continue;
            _happened("longs paid funding", move > 0);
            _happened("shorts paid funding", move < 0);
        }
        CashFigures memory pool = _system.vault.cashPool();
        _assertGrowth(was, pool, elapsed);
        _assertShared(was, pool);
        _passedCash(books, pool);
        _verify(books, true);
    }

    /// @dev Everybody's cash follows from the two indices, which `_assertGrowth` and `_assertShared` judge.
    function _passedCash(Books memory books, CashFigures memory pool) private view {
        for (uint256 i = 0; i < PARTIES; ++i) {
            bool owes = books.cash[i] < 0;
            (int256 index, int256 before) = owes
                ? (int256(pool.borrowIndex), int256(books.borrowIndex))
                : (int256(pool.supplyIndex), int256(books.supplyIndex));
            books.cash[i] = (books.cash[i] * index) / before;
        }
        books.slack = 4;
        (books.supplyIndex, books.borrowIndex) = (pool.supplyIndex, pool.borrowIndex);
        uint256 reserved = _system.vault.interestReserve();
        assertGe(reserved, books.interestReserve, "I2: interest that waits");
        books.interestReserve = reserved;
    }

    /// @dev Debts grow by the borrow rate. It is that of the last accrual and moves with what has accrued since, so
    /// the bounds are the rates before and after with some room, and a quarter more for compounding.
    function _assertGrowth(CashFigures memory was, CashFigures memory pool, uint256 elapsed) private pure {
        assertGe(pool.borrowIndex, was.borrowIndex, "7: debts do not shrink");
        uint256 growth = ((pool.borrowIndex - was.borrowIndex) * WAD) / was.borrowIndex;
        if (was.debt == 0) return assertEq(growth, 0, "7: nothing accrues without a debt");
        uint256 least = _least(was.borrowRate, pool.borrowRate) * elapsed;
        uint256 most = was.borrowRate + pool.borrowRate - _least(was.borrowRate, pool.borrowRate);
        assertGe(growth + 10, (least * 19) / (20 * 365 days), "7: what debts pay at least");
        assertLe(growth, (most * elapsed * 5) / (4 * 365 days) + 10, "7: what debts pay at most");
    }

    /// @dev Lenders have four fifths of what debts pay, as far as they lent it; the rest is the fund's. An index is
    /// not finer than 1e-18 of all cash.
    function _assertShared(CashFigures memory was, CashFigures memory pool) private {
        assertGe(pool.supplyIndex, was.supplyIndex, "7: time takes nothing from lenders");
        if (pool.supplyIndex != was.supplyIndex) ++calls["interest earned by lenders"];
        uint256 paid = (_least(was.debt, was.positiveCash) * (pool.borrowIndex - was.borrowIndex)) / was.borrowIndex;
        uint256 earned = (was.positiveCash * (pool.supplyIndex - was.supplyIndex)) / was.supplyIndex;
        uint256 grain = was.positiveCash / WAD + 100;
        assertLe(earned, (paid * 808) / 1_000 + grain, "7: the fund keeps its share of interest");
        assertGe(earned + grain, (paid * 792) / 1_000, "7: lenders earn what debts pay");
    }
}
