// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {InstrumentSet, MOST_INSTRUMENTS, withCallNow} from "../../contracts/clearing/InstrumentSet.sol";
import {InstrumentId, perpetualOf} from "../../contracts/types/InstrumentId.sol";

/// @title InstrumentSetTest
/// @notice Proves GK3: after any sequence of additions and removals the set is that of a reference kept beside it;
/// every order of emptying a set of up to five instruments leaves the right ones at every step.
contract InstrumentSetTest is BaseTest {
    /// @dev Perpetuals up to half of it, so that they need several words; other instruments above.
    uint256 private constant UNIVERSE = 80;
    uint256 private constant OPERATIONS = 160;

    InstrumentSet private _set;
    InstrumentSet[200] private _sets;
    uint256 private _nextSet;

    /// @dev 64 runs of 160 operations in the default profile: more than 10,000. Between some of them the account is called for
    /// margin: the time of it stays what it was when instruments come and go, and they when it changes.
    function testFuzz_SetEqualsAReferenceAfterEveryOperation(uint256 seed) public {
        uint256 held;
        uint256 calledAt;
        for (uint256 i = 0; i < OPERATIONS; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed >> 248 < 32) {
                vm.warp(bound(uint32(seed >> 200), 1, type(uint32).max - 255));
                _set.words[0] = withCallNow(_set.words[0]);
                calledAt = (block.timestamp + 255) & ~uint256(255);
                _assertEqual(_set, held);
            }
            uint256 bit = 1 << (seed % UNIVERSE);
            if (held & bit != 0) {
                _set.remove(_idOf(seed % UNIVERSE));
                held ^= bit;
            } else {
                bool fits = _countOf(held) < MOST_INSTRUMENTS;
                assertEq(_set.add(_idOf(seed % UNIVERSE)), fits, "added unless full");
                if (fits) held ^= bit;
            }
            _assertEqual(_set, held);
            assertEq(_set.calledAt(), calledAt, "when it was called stays");
        }
    }

    /// @dev Rounded up to 256 seconds, until 2106.
    function testFuzz_TheTimeOfACallIsRoundedUp(uint256 time) public {
        assertEq(_set.calledAt(), 0, "never");
        vm.warp(bound(time, 1, type(uint32).max - 255));
        _set.words[0] = withCallNow(_set.words[0]);
        assertEq(_set.calledAt() % 256, 0);
        assertGe(_set.calledAt(), block.timestamp);
        assertLt(_set.calledAt(), block.timestamp + 256);
    }

    function test_EveryRemovingOrderOfUpToFive() public {
        for (uint256 count = 1; count <= 5; ++count) {
            uint256 all = (1 << count) - 1;
            _removeInEveryOrder(new uint256[](0), all, all);
        }
        assertEq(_nextSet, 1 + 2 + 6 + 24 + 120, "every permutation was tried");
    }

    /// @dev An emptied set leaves nothing behind: it can be filled again from the start.
    function testFuzz_EmptiedSetLeavesNoWord(uint256 count) public {
        count = bound(count, 1, MOST_INSTRUMENTS);
        for (uint256 i = 0; i < count; ++i) _set.add(_idOf(i + 8));
        for (uint256 i = 0; i < count; ++i) _set.remove(_idOf(i + 8));
        for (uint256 i = 0; i < UNIVERSE; ++i) assertEq(_set.words[i], 0);
    }

    /// @dev GK1: from whichever sort they are, no more than 64.
    function testFuzz_AFullSetTakesNoMore(uint256 first) public {
        first = bound(first, 0, UNIVERSE - MOST_INSTRUMENTS - 1);
        for (uint256 i = 0; i < MOST_INSTRUMENTS; ++i) assertTrue(_set.add(_idOf(first + i)));
        uint256 held = ((1 << MOST_INSTRUMENTS) - 1) << first;
        assertFalse(_set.add(_idOf(first + MOST_INSTRUMENTS)));
        _assertEqual(_set, held);
    }

    function _removeInEveryOrder(uint256[] memory order, uint256 left, uint256 all) private {
        if (left == 0) {
            _removeInOrder(order, all);
            return;
        }
        for (uint256 i = 0; all >> i != 0; ++i) {
            if ((left >> i) & 1 == 0) continue;
            uint256[] memory longer = new uint256[](order.length + 1);
            for (uint256 j = 0; j < order.length; ++j) longer[j] = order[j];
            longer[order.length] = i;
            _removeInEveryOrder(longer, left ^ (1 << i), all);
        }
    }

    function _removeInOrder(uint256[] memory order, uint256 held) private {
        InstrumentSet storage set = _sets[_nextSet++];
        for (uint256 i = 0; i < order.length; ++i) assertTrue(set.add(_idOf(i)));
        _assertEqual(set, held);
        for (uint256 i = 0; i < order.length; ++i) {
            set.remove(_idOf(order[i]));
            held ^= 1 << order[i];
            _assertEqual(set, held);
        }
    }

    /// @dev As many values as the reference, each in it, none twice.
    function _assertEqual(InstrumentSet storage set, uint256 held) private view {
        InstrumentId[] memory values = set.values();
        assertEq(set.length(), _countOf(held), "length");
        assertEq(values.length, _countOf(held), "number of values");
        uint256 seen;
        for (uint256 i = 0; i < values.length; ++i) seen |= 1 << _placeOf(values[i]);
        assertEq(seen, held, "the same instruments");
    }

    /// @dev Ids at the edges of the 200 bits and underlyings at those of 24, so that a neighbour's bits would show. Places
    /// that are even below 16, and all up to the middle, are perpetuals.
    function _idOf(uint256 place) private pure returns (InstrumentId) {
        bool isPerpetual = place < 16 ? place % 2 == 0 : place < UNIVERSE / 2;
        if (isPerpetual) return perpetualOf(uint24(place % 4 == 0 ? 1 + place : type(uint24).max - place));
        return InstrumentId.wrap((uint256(1 + place) << 192) | (type(uint192).max >> place));
    }

    function _placeOf(InstrumentId instrument) private pure returns (uint256) {
        for (uint256 place = 0; place < UNIVERSE; ++place) {
            if (_idOf(place) == instrument) return place;
        }
        assertTrue(false, "an instrument that was never added");
        return UNIVERSE;
    }

    function _countOf(uint256 held) private pure returns (uint256 count) {
        for (; held != 0; held &= held - 1) ++count;
    }
}
