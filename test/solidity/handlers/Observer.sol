// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books, Funded} from "./BooksModel.sol";
import {RatesModel} from "./RatesModel.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../../contracts/types/AccountId.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";

/// @title Observer
/// @notice Knows every account and looks at all of them after each act: the books to the wei, and what I8 says about
/// equity and health.
/// @dev An act names its parties by `_takesPart` and ends with `_verify`.
abstract contract Observer is RatesModel {
    /// @dev An account as it was after the last act.
    struct Seen {
        int256 equity;
        uint256 maintenance;
        /// Whether the engine could read all of its prices.
        bool priced;
    }

    uint256 internal constant NOTHING = type(uint256).max;

    uint256[] internal _keys;
    Seen[8] private _seen;
    mapping(uint256 place => bool takesPart) private _parties;
    int256[6] private _indices;
    uint256 private _supplyIndex = WAD;
    /// @notice The feed that is silent; NOTHING while all speak.
    uint256 public silent = NOTHING;

    /// @notice Moves of an instrument's index for a loss so far: each may round every holder by 1 wei.
    uint256 public indexMoves;
    /// @notice How often all was looked at: interest may have been counted or lenders charged once before each, which
    /// rounds every account's cash by 1 wei and the sums by a few.
    uint256 public looks;

    function _openAccounts(Plimsoll memory system) internal {
        _system = system;
        string[6] memory names = ["alice", "bob", "carol", "dave", "erin", "keeper"];
        for (uint256 i = 0; i < names.length; ++i) {
            (address owner, uint256 key) = makeAddrAndKey(names[i]);
            for (uint96 number = 0; number < (i == 0 ? 3 : 1); ++number) {
                _accounts.push(accountIdOf(owner, number));
                _keys.push(key);
            }
        }
        _accounts.push(system.treasury);
        _accounts.push(accountIdOf(makeAddr("builder"), 0));
        _accounts.push(system.fund);
    }

    // ------------------------------------------------------------------ views for invariants

    function accountCount() external view returns (uint256) {
        return _accounts.length;
    }

    function accountAt(uint256 place) external view returns (AccountId) {
        return _accounts[place];
    }

    // ------------------------------------------------------------------ before and after an act

    function _takesPart(uint256 place) internal {
        _parties[place] = true;
    }

    /// @dev What has happened outside of an act is taken as it is.
    function _look() internal {
        Books memory books = _books();
        for (uint256 i = 0; i < ACTORS; ++i) _seen[i] = _see(books, i);
    }

    /// @dev The act changed what it should have, and nothing else. With prices and time fixed, nobody healthy falls
    /// below the line and nobody else's equity changes, but by a gains haircut, which is size x index move, and a loss
    /// of all who have cash (I8).
    /// @param worldMoved Prices or time have.
    function _verify(Books memory expected, bool worldMoved) internal {
        Books memory books = _books();
        _assertBooks(books, expected);
        for (uint256 i = 0; i < PERPETUALS; ++i) _funded[i] = expected.funded[i];
        _assertFunding(books);
        _assertRates();
        ++looks;
        int256[7] memory moves = _indexMoves(books, worldMoved);
        for (uint256 i = 0; i < ACTORS; ++i) {
            Seen memory sees = _see(books, i);
            if (!worldMoved) _verifyHealth(books, i, sees, moves);
            _seen[i] = sees;
            _parties[i] = false;
        }
    }

    /// @dev Section 5: rate and premium of each perpetual are the model's, and so is the open interest of all at the
    /// marks of their last trades.
    function _assertFunding(Books memory books) private view {
        uint256 open;
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            Funded memory funded = _funded[i];
            int256 premium = _premiumNow(funded);
            (int256 rate, int256 stands, , ) = _system.clearinghouse.fundingOf(_system.perpetuals[i]);
            assertEq(stands, _perYear(premium), "5: premium");
            assertEq(rate, _perYear(premium + funded.interest * 1e9), "5: rate");
            open += ((books.openInterest[i] * funded.mark) / WAD / WAD) * WAD;
        }
        assertEq(_system.clearinghouse.openNotional(), open, "open notional");
    }

    /// @dev What is left of a premium: it fades evenly to nothing in five minutes [1e-15 per period].
    function _premiumNow(Funded memory funded) internal view returns (int256) {
        uint256 elapsed = block.timestamp - funded.since;
        return elapsed >= 5 minutes ? int256(0) : (funded.premium * int256(5 minutes - elapsed)) / 5 minutes;
    }

    /// @dev mark x (interest x time + premium x the area below its line) since the last trade [wad].
    function _accruedOf(Funded memory funded) internal view returns (int256) {
        int256 elapsed = int256(block.timestamp - funded.since);
        int256 time = elapsed < 5 minutes ? elapsed : int256(5 minutes);
        int256 area = funded.interest * 1e9 * elapsed;
        // Its mean over `time` is premium x (1 - time / 2 / FADE).
        area += (funded.premium * time * (10 minutes - time)) / 10 minutes;
        return (int256(funded.mark) * area) / (1e15 * 8 hours);
    }

    function _perYear(int256 rate) private pure returns (int256) {
        return (rate * 365 days * 1e18) / (8 hours * 1e15);
    }

    /// @dev Nothing may have changed at all: what was tried was refused.
    function _verifyRefused(Books memory before, bytes32 event_) internal {
        for (uint256 i = 0; i < ACTORS; ++i) _parties[i] = false;
        _verify(before, false);
        ++calls[event_];
    }

    function _verifyHealth(Books memory books, uint256 place, Seen memory sees, int256[7] memory moves) private view {
        Seen memory was = _seen[place];
        (bool isCharged, int256 charge) = _chargeOf(books, place, moves);
        if (!_parties[place]) {
            assertApproxEqAbs(was.equity - sees.equity, charge, isCharged ? 8 : 0, "I8: equity of who took no part");
        }
        if (isCharged || !was.priced || !sees.priced || was.equity < int256(was.maintenance)) return;
        // A write of cash in an interest-bearing pool costs its account up to two wei.
        assertGe(sees.equity + (_supplyIndex == WAD ? int256(0) : int256(8)), int256(sees.maintenance), "I8: health");
    }

    /// @dev What a loss takes from an account: size x index move, summed, and its share of what lenders lost [wad].
    function _chargeOf(
        Books memory books,
        uint256 place,
        int256[7] memory moves
    ) private pure returns (bool isCharged, int256 charge) {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            int256 size = books.positions[place][i].size;
            int256 move = moves[size > 0 ? 2 * i : 2 * i + 1];
            if (size == 0 || move == 0) continue;
            isCharged = true;
            charge += (size * move) / int256(WAD);
        }
        // Whoever had a wei or two may have none now.
        if (moves[6] == 0 || books.cash[place] < 0) return (isCharged, charge);
        return (true, charge + (books.cash[place] * moves[6]) / int256(books.supplyIndex));
    }

    /// @dev By how much each index has moved; last, by how much the supply index has fallen.
    function _indexMoves(Books memory books, bool worldMoved) private returns (int256[7] memory moves) {
        for (uint256 i = 0; i < 2 * PERPETUALS; ++i) {
            moves[i] = books.indices[i] - _indices[i];
            _indices[i] = books.indices[i];
            if (worldMoved || moves[i] == 0) continue;
            assertTrue(i % 2 == 0 ? moves[i] > 0 : moves[i] < 0, "I7: haircuts never fall");
            ++indexMoves;
        }
        moves[6] = int256(_supplyIndex) - int256(books.supplyIndex);
        assertTrue(worldMoved || moves[6] >= 0, "without time nobody earns interest");
        _supplyIndex = books.supplyIndex;
    }

    /// @dev I10: the engine's equity is that of the books, to the wei, whenever the prices can be read.
    function _see(Books memory books, uint256 place) private view returns (Seen memory sees) {
        sees.equity = _equityIn(books, place);
        try _system.engine.marginOf(_accounts[place]) returns (Margin memory margin) {
            assertEq(margin.equity, sees.equity, "I10: equity");
            assertLe(margin.maintenance, margin.initial, "maintenance is never above initial");
            (sees.maintenance, sees.priced) = (margin.maintenance, true);
        } catch {
            assertTrue(_dependsOn(books, place, silent), "I9: only a silent feed of its own hides an account's margin");
        }
        if (silent != NOTHING) assertEq(sees.priced, !_dependsOn(books, place, silent), "a silent price is no price");
    }

    function _dependsOn(Books memory books, uint256 place, uint256 which) internal pure returns (bool) {
        if (which == NOTHING) return false;
        if (which < PERPETUALS && books.positions[place][which].size != 0) return true;
        return books.collateral[place][which + 1] != 0;
    }

    // ------------------------------------------------------------------ words for handlers

    function _marginOf(uint256 place) internal view returns (Margin memory) {
        return _system.engine.marginOf(_accounts[place]);
    }

    /// @dev Whether all prices of the account can be read, and its margin then.
    function _tryMarginOf(uint256 place) internal view returns (bool priced, Margin memory margin) {
        try _system.engine.marginOf(_accounts[place]) returns (Margin memory read) {
            return (true, read);
        } catch {}
    }

    function _sizeOf(uint256 place, uint256 perpetual) internal view returns (int256) {
        return _system.clearinghouse.positionOf(_accounts[place], _system.perpetuals[perpetual]).size;
    }

    function _ownerOf(uint256 place) internal view returns (address) {
        return _accounts[place].ownerOf();
    }

    function _happened(bytes32 event_, bool did) internal {
        if (did) ++calls[event_];
    }

    /// @dev Only errors that the design names may stop an act; the unexpected reason itself, so that the trace names it.
    function _expect(bytes memory reason, bytes4 selector) internal pure {
        if (bytes4(reason) != selector) assertEq(reason, abi.encodePacked(selector), "unexpected error");
    }
}
