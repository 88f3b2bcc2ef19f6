// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OrderSigner} from "../OrderSigner.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {AccountId} from "../../../contracts/types/AccountId.sol";
import {CashFigures} from "../../../contracts/types/Cash.sol";
import {InstrumentId} from "../../../contracts/types/InstrumentId.sol";
import {Position} from "../../../contracts/types/Position.sol";

/// @notice What a perpetual's funding goes on from: section 5 of the design.
struct Funded {
    /// Of the last trade [wad].
    uint256 mark;
    /// As of that trade [1e-15 per 8 hours].
    int256 premium;
    /// In force since then [millionths per 8 hours].
    int256 interest;
    /// [unix seconds]
    uint256 since;
    /// What has moved the indices since then and is in `Books.indices` [wad].
    int256 accrued;
}

/// @notice Everything that an act may change, as plain numbers.
struct Books {
    /// [wad]
    int256[11] cash;
    /// collateral[account][token], token 0 unused [token].
    uint256[5][11] collateral;
    /// positions[account][perpetual], as stored [wad].
    Position[3][11] positions;
    /// [token]
    uint256[5] tracked;
    /// [wad]
    uint256[3] openInterest;
    /// indices[2 i] is the long index of perpetual i, indices[2 i + 1] the short one [wad].
    int256[6] indices;
    /// [wad]
    uint256 deficit;
    /// [wad]
    uint256 reserve;
    /// The insurance fund's share of interest, which it has not got yet [wad].
    uint256 interestReserve;
    /// What a unit of positive cash's principal is worth, and of debt's [wad].
    uint256 supplyIndex;
    uint256 borrowIndex;
    /// What bears a loss of lenders: all positive cash, with its roundings [wad].
    uint256 lent;
    /// Known by this model only.
    Funded[3] funded;
    /// By how many wei cash may differ from what is expected.
    uint256 slack;
}

/// @title BooksModel
/// @notice The books of the whole system as they are, and what each kind of write does to them: section 1 of the
/// design, written a second time. An act works out what it should change, and everything is then compared to the wei.
/// @dev Eight actors, three of them sub-accounts of one owner; then the treasury, a builder and the insurance fund.
abstract contract BooksModel is OrderSigner {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant ACTORS = 8;
    uint256 internal constant TREASURY = 8;
    uint256 internal constant BUILDER = 9;
    uint256 internal constant FUND = 10;
    uint256 internal constant PARTIES = 11;
    uint256 internal constant PERPETUALS = 3;
    uint256 internal constant TOKENS = 5;

    Plimsoll internal _system;
    AccountId[] internal _accounts;

    /// @notice How often each act, and each rare event, happened.
    mapping(bytes32 act => uint256 count) public calls;
    /// @notice Position writes so far: each may round 2 wei down.
    uint256 public writes;
    /// @notice Writes of cash in an interest-bearing pool: each may round by 1 wei and an index.
    uint256 public cashWrites;
    Funded[3] internal _funded;

    // ------------------------------------------------------------------ as they are

    function _books() internal view returns (Books memory books) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            AccountId account = _accounts[i];
            uint256 tokens;
            uint256[] memory amounts;
            (books.cash[i], tokens, amounts) = _system.vault.balancesOf(account);
            uint256 place;
            for (uint256 index = 0; tokens >> index != 0; ++index) {
                if ((tokens >> index) & 1 == 1) books.collateral[i][index + 1] = amounts[place++];
            }
            for (uint256 j = 0; j < PERPETUALS; ++j) {
                books.positions[i][j] = _system.clearinghouse.positionOf(account, _system.perpetuals[j]);
            }
        }
        for (uint256 i = 0; i < TOKENS; ++i) books.tracked[i] = _system.vault.trackedOf(address(_system.tokens[i]));
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            InstrumentId perpetual = _system.perpetuals[i];
            books.openInterest[i] = _system.clearinghouse.openInterestOf(perpetual);
            (books.indices[2 * i], books.indices[2 * i + 1]) = _system.clearinghouse.indicesOf(perpetual);
        }
        books.deficit = _system.clearinghouse.deficit();
        books.reserve = _system.clearinghouse.reserve();
        books.interestReserve = _system.vault.interestReserve();
        CashFigures memory pool = _system.vault.cashPool();
        (books.supplyIndex, books.borrowIndex, books.lent) = (pool.supplyIndex, pool.borrowIndex, pool.positiveCash);
        books.funded = _funded;
    }

    /// @dev An act did what it should have done, and nothing else, to the wei.
    function _assertBooks(Books memory actual, Books memory expected) internal pure {
        actual.funded = expected.funded;
        // The sum of debts is rounded as a whole: what is known of this one is said in `Observer`.
        actual.lent = expected.lent;
        if (keccak256(abi.encode(actual)) == keccak256(abi.encode(expected))) return;
        for (uint256 i = 0; i < PARTIES; ++i) {
            assertApproxEqAbs(actual.cash[i], expected.cash[i], expected.slack, "I4: cash");
            for (uint256 j = 1; j < TOKENS; ++j) {
                assertEq(actual.collateral[i][j], expected.collateral[i][j], "I4: collateral");
            }
            for (uint256 j = 0; j < PERPETUALS; ++j) {
                assertEq(actual.positions[i][j].size, expected.positions[i][j].size, "I4: size");
                assertEq(actual.positions[i][j].quote, expected.positions[i][j].quote, "I4: quote");
            }
        }
        for (uint256 i = 0; i < TOKENS; ++i) assertEq(actual.tracked[i], expected.tracked[i], "I3: tracked tokens");
        for (uint256 i = 0; i < 2 * PERPETUALS; ++i) {
            assertEq(actual.openInterest[i / 2], expected.openInterest[i / 2], "I1: open interest");
            assertEq(actual.indices[i], expected.indices[i], "I7: index");
        }
        assertEq(actual.deficit, expected.deficit, "I7: deficit");
        assertEq(actual.reserve, expected.reserve, "I2: reserve");
        assertEq(actual.interestReserve, expected.interestReserve, "I2: interest that waits");
        assertEq(actual.supplyIndex, expected.supplyIndex, "I7: supply index");
        assertEq(actual.borrowIndex, expected.borrowIndex, "7: borrow index");
    }

    // ------------------------------------------------------------------ what a write does

    function _realQuote(Books memory books, uint256 place, uint256 perpetual) internal pure returns (int256) {
        Position memory position = books.positions[place][perpetual];
        if (position.size == 0) return 0;
        return position.quote - _mulCeil(position.size, books.indices[2 * perpetual + (position.size > 0 ? 0 : 1)]);
    }

    /// @dev A change of size and real quote; what a position that is gone leaves is returned, to become cash.
    function _change(
        Books memory books,
        uint256 place,
        uint256 perpetual,
        int256 size,
        int256 quote
    ) internal returns (int256 realised) {
        ++writes;
        int256 held = books.positions[place][perpetual].size;
        int256 real = _realQuote(books, place, perpetual) + quote;
        int256 now_ = held + size;
        int256 open = int256(books.openInterest[perpetual]) + (now_ > 0 ? now_ : int256(0));
        books.openInterest[perpetual] = uint256(open - (held > 0 ? held : int256(0)));
        if (now_ == 0) {
            delete books.positions[place][perpetual];
            return real;
        }
        real += _mulFloor(now_, books.indices[2 * perpetual + (now_ > 0 ? 0 : 1)]);
        books.positions[place][perpetual] = Position({size: int128(now_), quote: int128(real)});
    }

    /// @dev Cash is a principal times an index: what lenders have is rounded down, debts are rounded up.
    function _post(Books memory books, uint256 place, int256 amount) internal {
        if (amount == 0) return;
        int256 cash = books.cash[place] + amount;
        if (books.supplyIndex != WAD || books.borrowIndex != WAD) ++cashWrites;
        if (cash >= 0) {
            uint256 principal = (uint256(cash) * WAD) / books.supplyIndex;
            books.cash[place] = int256((principal * books.supplyIndex) / WAD);
        } else {
            uint256 principal = _mulDivUp(uint256(-cash), WAD, books.borrowIndex);
            books.cash[place] = -int256(_mulDivUp(principal, books.borrowIndex, WAD));
        }
    }

    /// @dev What an account is worth at the feeds' answers, silent or not: section 1, without the engine [wad].
    function _equityIn(Books memory books, uint256 place) internal view returns (int256 equity) {
        equity = books.cash[place];
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            int256 size = books.positions[place][i].size;
            if (size == 0) continue;
            equity += _mulFloor(size, int256(_answerOf(i))) + _realQuote(books, place, i);
        }
        for (uint256 i = 1; i < TOKENS; ++i) equity += int256(_valueIn(books, place, i));
    }

    function _valueIn(Books memory books, uint256 place, uint256 token) internal view returns (uint256) {
        uint256 amount = books.collateral[place][token];
        if (amount == 0) return 0;
        uint256 decimals = _system.tokens[token].decimals();
        uint256 quantity = decimals > 18 ? amount / 10 ** (decimals - 18) : amount * 10 ** (18 - decimals);
        return (quantity * _answerOf(token - 1)) / WAD;
    }

    /// @dev What the feed says of underlying which + 1 [wad].
    function _answerOf(uint256 which) internal view returns (uint256) {
        return uint256(_system.feeds[which].latestAnswer()) * 1e10;
    }

    function _mulFloor(int256 a, int256 b) internal pure returns (int256 product) {
        product = (a * b) / int256(WAD);
        if (a * b < 0 && (a * b) % int256(WAD) != 0) --product;
    }

    function _mulCeil(int256 a, int256 b) internal pure returns (int256) {
        return -_mulFloor(-a, b);
    }

    function _mulDivUp(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        return (a * b + c - 1) / c;
    }

    function _magnitude(int256 size) internal pure returns (uint256) {
        return uint256(size < 0 ? -size : size);
    }

    function _least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _lessOrZero(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a - b : 0;
    }
}
