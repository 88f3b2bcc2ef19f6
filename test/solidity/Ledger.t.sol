// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {Ledger} from "../../contracts/clearing/Ledger.sol";
import {Position} from "../../contracts/types/Position.sol";

/// @title LedgerTest
/// @notice Proves section 1 of the design on a single position: a real or stored quote is never above the exact
/// rational value and less than 1 wei below it, so that a write costs at most 2 wei; a trade is antisymmetric and
/// undone exactly.
contract LedgerTest is BaseTest {
    int256 private constant WAD = 1e18;
    int256 private constant MOST_SIZE = 1e28;
    int256 private constant MOST_QUOTE = 1e35;
    int256 private constant MOST_INDEX = 1e24;

    function testFuzz_RealQuoteIsTheExactOneRoundedDown(int256 size, int256 quote, int256 index) public pure {
        (size, quote, index) = _bounded(size, quote, index);
        int256 real = Ledger.realQuote(size, quote, index);
        int256 exact = quote * WAD - size * index;

        assertLe(real * WAD, exact, "never above");
        assertGt((real + 1) * WAD, exact, "less than 1 wei below");
    }

    function testFuzz_StoredQuoteIsTheExactOneRoundedDown(int256 size, int256 real, int256 index) public pure {
        (size, real, index) = _bounded(size, real, index);
        Position memory position = Ledger.stored(size, real, index);
        int256 exact = real * WAD + size * index;

        assertEq(position.size, size);
        assertLe(position.quote * WAD, exact, "never above");
        assertGt((int256(position.quote) + 1) * WAD, exact, "less than 1 wei below");
    }

    function testFuzz_AWriteCostsAtMostTwoWei(int256 size, int256 real, int256 index) public pure {
        (size, real, index) = _bounded(size, real, index);
        int256 reread = Ledger.realQuote(size, Ledger.stored(size, real, index).quote, index);

        assertLe(reread, real, "nothing is won");
        assertGe(reread, real - 2, "2 wei at most are lost");
        if (index == 0) assertEq(reread, real, "nothing is lost while the index is 0");
    }

    function testFuzz_AnIndexMoveChargesSizeTimesTheMove(
        int256 size,
        int256 real,
        int256 index,
        int256 move
    ) public pure {
        (size, real, index) = _bounded(size, real, index);
        move = bound(move, -MOST_INDEX, MOST_INDEX);
        Position memory position = Ledger.stored(size, real, index);
        int256 charged =
            Ledger.realQuote(size, position.quote, index) - Ledger.realQuote(size, position.quote, index + move);

        assertGe((charged + 1) * WAD, size * move, "not less, but for the rounding of one read");
        assertLe((charged - 1) * WAD, size * move, "not more, but for the rounding of one read");
    }

    function testFuzz_TradeQuoteIsAntisymmetricAndRoundsTowardsZero(int256 size, uint256 price) public pure {
        size = bound(size, -MOST_SIZE, MOST_SIZE);
        price = bound(price, 0, 1e26);
        int256 quote = Ledger.tradeQuote(size, price);
        int256 exact = size * int256(price);

        assertEq(Ledger.tradeQuote(-size, price), -quote, "what one side pays the other receives");
        assertTrue(size >= 0 ? quote * WAD <= exact : quote * WAD >= exact, "towards 0");
        assertTrue(size >= 0 ? (quote + 1) * WAD > exact : (quote - 1) * WAD < exact, "by less than 1 wei");
    }

    /// @dev Undone means traded back at the same price: size and real quote are what they were, to the wei.
    function testFuzz_UndoingATradeIsExact(int256 size, int256 real, int256 traded, uint256 price) public pure {
        (size, real, ) = _bounded(size, real, 0);
        traded = bound(traded, -MOST_SIZE, MOST_SIZE);
        price = bound(price, 0, 1e24);
        int256 afterwards = real - Ledger.tradeQuote(traded, price);
        assertEq(afterwards - Ledger.tradeQuote(-traded, price), real);
    }

    function testFuzz_ValueIsTheExactOneRoundedDown(int256 size, int256 real, uint256 mark) public pure {
        (size, real, ) = _bounded(size, real, 0);
        mark = bound(mark, 0, 1e26);
        int256 value = Ledger.valueOf(size, real, mark);
        int256 exact = size * int256(mark) + real * WAD;

        assertLe(value * WAD, exact);
        assertGt((value + 1) * WAD, exact);
    }

    /// @dev After variation settlement a position is worth exactly 0.
    function testFuzz_SettledVariationLeavesNoValue(int256 size, int256 real, uint256 mark) public pure {
        (size, real, ) = _bounded(size, real, 0);
        mark = bound(mark, 0, 1e24);
        int256 value = Ledger.valueOf(size, real, mark);
        assertEq(Ledger.valueOf(size, real - value, mark), 0);
    }

    function _bounded(int256 size, int256 quote, int256 index) private pure returns (int256, int256, int256) {
        return (
            bound(size, -MOST_SIZE, MOST_SIZE),
            bound(quote, -MOST_QUOTE, MOST_QUOTE),
            bound(index, -MOST_INDEX, MOST_INDEX)
        );
    }
}
