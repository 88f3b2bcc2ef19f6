// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Plimsoll} from "../PlimsollSetup.sol";
import {OrderSigner} from "../OrderSigner.sol";
import {AccountId, accountIdOf} from "../../../contracts/types/AccountId.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {Position} from "../../../contracts/types/Position.sol";

/// @title Observer
/// @notice Knows every account and looks at all of them after each act: what I4 and I8 say about those who took no
/// part.
/// @dev Eight actors, three of them sub-accounts of one owner; then the treasury, a builder and the insurance fund,
/// whose cash the rules move. An act names its parties by `_takesPart` and ends with `_verify`.
abstract contract Observer is OrderSigner {
    /// @dev An account as it was after the last act.
    struct Seen {
        /// Hash of cash, collateral and stored positions: an index move leaves it as it is.
        bytes32 holdings;
        int256 equity;
        uint256 maintenance;
    }

    uint256 internal constant WAD = 1e18;
    uint256 internal constant ACTORS = 8;
    uint256 internal constant TREASURY = 8;
    uint256 internal constant BUILDER = 9;
    uint256 internal constant FUND = 10;

    Plimsoll internal _system;
    AccountId[] internal _accounts;
    uint256[] internal _keys;
    Seen[11] private _seen;
    mapping(uint256 place => bool takesPart) private _parties;
    /// @dev indices[2 i] is the long index of perpetual i, indices[2 i + 1] the short one [wad].
    int256[6] private _indices;

    /// @notice Position writes so far: each may round 2 wei down.
    uint256 public writes;
    /// @notice Index moves so far: each may round every holder by 1 wei.
    uint256 public indexMoves;

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
        for (uint256 i = 0; i < _accounts.length; ++i) _seen[i] = _see(i);
    }

    /// @dev I4: who took no part keeps cash, collateral and positions. I8: with prices fixed nobody healthy falls below
    /// the line and nobody else's equity changes, but by a gains haircut, which is size x index move.
    function _verify(bool pricesMoved) internal {
        int256[6] memory moves = _indexMoves();
        for (uint256 i = 0; i < _accounts.length; ++i) {
            Seen memory was = _seen[i];
            Seen memory sees = _see(i);
            if (!_parties[i] && i < TREASURY) assertEq(sees.holdings, was.holdings, "I4: holdings of who took no part");
            if (!pricesMoved && i < TREASURY) _verifyHealth(i, was, sees, moves);
            _seen[i] = sees;
            _parties[i] = false;
        }
    }

    function _verifyHealth(uint256 place, Seen memory was, Seen memory sees, int256[6] memory moves) private view {
        (bool isCharged, int256 charge) = _chargeOf(place, moves);
        if (!_parties[place]) {
            assertApproxEqAbs(was.equity - sees.equity, charge, isCharged ? 6 : 0, "I8: equity of who took no part");
        }
        if (isCharged || was.equity < int256(was.maintenance)) return;
        assertGe(sees.equity, int256(sees.maintenance), "I8: the healthy stay above the line");
    }

    /// @dev What a gains haircut takes from an account: size x index move, summed [wad].
    function _chargeOf(uint256 place, int256[6] memory moves) private view returns (bool isCharged, int256 charge) {
        for (uint256 i = 0; i < 3; ++i) {
            int256 size = _sizeOf(place, i);
            int256 move = moves[size > 0 ? 2 * i : 2 * i + 1];
            if (size == 0 || move == 0) continue;
            isCharged = true;
            charge += (size * move) / int256(WAD);
        }
    }

    function _indexMoves() private returns (int256[6] memory moves) {
        for (uint256 i = 0; i < 3; ++i) {
            (int256 long, int256 short) = _system.clearinghouse.indicesOf(_system.perpetuals[i]);
            assertGe(long, _indices[2 * i], "haircuts never fall: longs");
            assertLe(short, _indices[2 * i + 1], "haircuts never fall: shorts");
            (moves[2 * i], moves[2 * i + 1]) = (long - _indices[2 * i], short - _indices[2 * i + 1]);
            if (moves[2 * i] != 0) ++indexMoves;
            if (moves[2 * i + 1] != 0) ++indexMoves;
            (_indices[2 * i], _indices[2 * i + 1]) = (long, short);
        }
    }

    function _see(uint256 place) private view returns (Seen memory sees) {
        AccountId account = _accounts[place];
        (int256 cash, uint256 tokens, uint256[] memory amounts) = _system.vault.balancesOf(account);
        Position[3] memory positions;
        for (uint256 i = 0; i < 3; ++i) {
            positions[i] = _system.clearinghouse.positionOf(account, _system.perpetuals[i]);
        }
        sees.holdings = keccak256(abi.encode(cash, tokens, amounts, positions));
        if (place >= TREASURY) return sees;
        Margin memory margin = _system.engine.marginOf(account);
        (sees.equity, sees.maintenance) = (margin.equity, margin.maintenance);
    }

    // ------------------------------------------------------------------ words for handlers

    function _marginOf(uint256 place) internal view returns (Margin memory) {
        return _system.engine.marginOf(_accounts[place]);
    }

    function _isBelow(uint256 place) internal view returns (bool) {
        Margin memory margin = _marginOf(place);
        return margin.equity < int256(margin.maintenance);
    }

    function _sizeOf(uint256 place, uint256 perpetual) internal view returns (int256) {
        return _system.clearinghouse.positionOf(_accounts[place], _system.perpetuals[perpetual]).size;
    }

    function _markOf(uint256 perpetual) internal view returns (uint256) {
        return _system.clearinghouse.markOf(_system.perpetuals[perpetual]);
    }

    function _wrote(uint256 positions) internal {
        writes += positions;
    }

    /// @dev Only errors that the design names may stop an act.
    function _expect(bytes memory reason, bytes4 one, bytes4 another) internal pure {
        bytes4 selector = bytes4(reason);
        if (selector == one || selector == another) return;
        // The unexpected reason itself, so that the trace names it.
        assertEq(reason, abi.encodePacked(one), "unexpected error");
    }
}
