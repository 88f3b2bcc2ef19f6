// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {WorldHandler} from "./WorldHandler.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";
import {IVault} from "../../../contracts/interfaces/IVault.sol";
import {KnownMarket} from "../../../contracts/types/MarketCache.sol";
import {LiquidationTerms} from "../../../contracts/types/LiquidationTerms.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";

/// @title LiquidationHandler
/// @notice Liquidations, with what section 6 says of their terms, of what they do to the books (WaterfallModel), and of
/// the account afterwards (I6).
abstract contract LiquidationHandler is WorldHandler {
    uint256 internal constant KEEPER = 7;

    /// @dev Of R' and M' together: each is a sum of at most 8 terms rounded by 1 wei, weighted by the largest size
    /// factor 5, and some writes of cash with interest [wad].
    int256 internal constant ROUNDING = 100;
    /// @dev Tolerance of the search for the least slice, as a share of the slice [bps].
    uint256 private constant SLICE_TOLERANCE_BPS = 20;

    /// @dev What a probe answers [wad].
    error Surplus(int256 surplus);

    /// @dev What the preview promises for the whole of the largest slice.
    struct Preview {
        uint256 fraction;
        int256 payment;
        int256 toAccount;
        int256 toInsurance;
    }

    /// @dev An act: takes a slice and checks it; false when the design refuses it.
    function _liquidate(uint256 place, uint256 liquidator, uint256 maxFraction, uint256 seed) internal returns (bool) {
        Books memory before = _books();
        (address caller, bool allowed) = _callerOf(liquidator, 3, seed);
        if (!allowed) return _liquidateUnauthorized(before, place, liquidator, caller);
        (bool read, Preview memory preview) = _previewOf(place);
        if (!read) return _liquidateUnread(before, place, liquidator);
        if (maxFraction >= preview.fraction) _assertLeast(place, liquidator, preview.fraction);
        LiquidationTerms memory terms;
        try _system.engine.liquidationTermsOf(_accounts[place], maxFraction) returns (
            LiquidationTerms memory found,
            KnownMarket[] memory
        ) {
            terms = found;
        } catch (bytes memory reason) {
            _expect(reason, IMarginEngine.MustCloseWhole.selector);
            assertEq(preview.fraction, WAD, "only an account that is closed whole must be");
            _verifyRefused(before, "must close whole");
            return false;
        }
        _assertTerms(before, place, terms);
        return _take(before, place, liquidator, preview, terms, caller);
    }

    function _take(
        Books memory before,
        uint256 place,
        uint256 liquidator,
        Preview memory preview,
        LiquidationTerms memory terms,
        address caller
    ) private returns (bool) {
        _takesPart(place);
        _takesPart(liquidator);
        Weights memory weights = _weightsOf(before, place);
        vm.prank(caller);
        try
            _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], terms.fraction, type(int256).max)
        returns (uint256 fraction, int256 paid) {
            assertEq(fraction, terms.fraction, "I10: the slice is that of the terms");
            Books memory expected = abi.decode(abi.encode(before), (Books));
            Preview memory done;
            (done.payment, done.toAccount, done.toInsurance) = _expectLiquidation(
                expected,
                place,
                liquidator,
                terms,
                weights
            );
            assertEq(paid, done.payment, "I7: the payment");
            if (terms.equity < 0 && terms.fraction == WAD) _flaggedAt[place] = 0;
            if (fraction == preview.fraction) {
                assertEq(preview.payment, done.payment, "I10: the payment is the preview's");
                assertEq(preview.toAccount, done.toAccount, "I10: the account receives the preview's");
                assertEq(preview.toInsurance, done.toInsurance, "I10: the fund receives the preview's");
            }
            _assertImproved(before, expected, place, terms);
            _verify(expected, false);
            _count(place, liquidator, terms, caller);
            return true;
        } catch (bytes memory reason) {
            if (bytes4(reason) == IPriceOracle.StalePrice.selector) {
                assertTrue(silent != NOTHING, "stale, but no feed is silent");
            } else {
                _expect(reason, IMarginEngine.BelowInitialMargin.selector);
            }
            _verifyRefused(before, "liquidator refused");
            return false;
        }
    }

    function _count(uint256 place, uint256 liquidator, LiquidationTerms memory terms, address caller) private {
        ++calls["liquidate"];
        ++calls[terms.fraction < WAD ? bytes32("partial slice") : bytes32("whole account")];
        _happened("bankrupt account", terms.equity < 0);
        _happened("own liquidation", _ownerOf(place) == _ownerOf(liquidator));
        _happened("operator liquidated", caller != _ownerOf(liquidator));
        _happened("silent item moved", silent != NOTHING && !_tryPriced(liquidator));
    }

    function _tryPriced(uint256 place) private view returns (bool priced) {
        (priced, ) = _tryMarginOf(place);
    }

    /// @dev I4: nobody else can spend the liquidator's margin.
    function _liquidateUnauthorized(
        Books memory before,
        uint256 place,
        uint256 liquidator,
        address caller
    ) private returns (bool) {
        vm.prank(caller);
        try _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], WAD, type(int256).max) {
            assertTrue(false, "I4: liquidated without a right");
        } catch (bytes memory reason) {
            _expect(reason, IVault.NotAuthorized.selector);
        }
        _verifyRefused(before, "stranger refused");
        return false;
    }

    /// @dev I5: silence protects only an account most of whose requirement hangs on it.
    function _liquidateUnread(Books memory before, uint256 place, uint256 liquidator) private returns (bool) {
        (uint256 unread, uint256 rest) = _requirementsIn(before, place, silent);
        assertGt(unread * 10, _wholeOf(before, place, unread + rest), "I5: a speck shields nobody");
        vm.prank(_ownerOf(liquidator));
        try _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], WAD, type(int256).max) {
            assertTrue(false, "liquidated without a price");
        } catch (bytes memory reason) {
            _expect(reason, IPriceOracle.StalePrice.selector);
        }
        _verifyRefused(before, "silence shields");
        return false;
    }

    // ------------------------------------------------------------------ terms

    /// @dev Section 6.1, from equity and requirement as they are: the engine's for the requirement, the books' for the
    /// equity, less what unreadable items require.
    function _assertTerms(Books memory books, uint256 place, LiquidationTerms memory terms) private view {
        int256 equity = _equityIn(books, place);
        (bool priced, Margin memory margin) = _tryMarginOf(place);
        if (priced) {
            assertEq(terms.equity, equity, "6.1: R");
            assertEq(terms.maintenance, margin.maintenance, "6.1: M");
            (, uint256 required) = _requirementsIn(books, place, NOTHING);
            assertEq(margin.maintenance, _wholeOf(books, place, required), "4: M");
        } else {
            (uint256 unread, uint256 rest) = _requirementsIn(books, place, silent);
            assertLe(unread * 10, _wholeOf(books, place, unread + rest), "more than a tenth cannot be read");
            // Only the account pays for the doubt, with what it has beyond the least incentive.
            uint256 least = (rest > _minimumMarginIn(books, place) ? rest : _minimumMarginIn(books, place)) + 9;
            least /= 10;
            uint256 discount = equity > 0 ? _least(unread, _lessOrZero(uint256(equity), least)) : 0;
            assertEq(terms.equity, equity - int256(discount), "6.1: R without what cannot be read");
            assertGe(terms.maintenance, rest, "6.1: M of what can be read");
        }
        assertLt(terms.equity, int256(terms.maintenance), "I5: nobody above the line");

        uint256 missing = terms.equity <= 0 ? terms.maintenance : terms.maintenance - uint256(terms.equity);
        uint256 floor = terms.maintenance / 10;
        uint256 most = terms.equity > int256(floor) ? uint256(terms.equity) : floor;
        uint256 incentive = _least(floor + missing / 2, most);
        assertEq(terms.incentive, incentive, "6.1: I");
        assertEq(terms.payment, terms.equity - int256(incentive), "6.1: L");
        int256 received = terms.payment - int256((terms.maintenance + 9) / 10);
        assertEq(terms.toAccount, received > 0 ? uint256(received) : 0, "6.1: A");
    }

    /// @dev So much, and some for each item, of a token at most its value; nothing without position and debt [wad].
    function _minimumMarginIn(Books memory books, uint256 place) private view returns (uint256 minimum) {
        if (_isRisklessIn(books, place)) return 0;
        uint256[13] memory margins = _today(MARGINS);
        (minimum, margins[1]) = (margins[0] * WAD, margins[1] * WAD);
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            if (books.positions[place][i].size != 0) minimum += margins[1];
        }
        for (uint256 i = 1; i < TOKENS; ++i) minimum += _least(_valueIn(books, place, i), margins[1]);
    }

    function _isRisklessIn(Books memory books, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            if (books.positions[place][i].size != 0) return false;
        }
        return books.cash[place] >= 0;
    }

    /// @dev What unreadable items are compared with: all that is required, at least the minimum margin [wad].
    function _wholeOf(Books memory books, uint256 place, uint256 required) internal view returns (uint256) {
        uint256 minimum = _minimumMarginIn(books, place);
        return required > minimum ? required : minimum;
    }

    /// @dev Maintenance requirements of section 4: of the items that hang on a feed, and of the others [wad].
    function _requirementsIn(
        Books memory books,
        uint256 place,
        uint256 which
    ) internal view returns (uint256 unread, uint256 rest) {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            uint256 size = _magnitude(books.positions[place][i].size);
            uint256 charged = _chargedAt(_today(i), _mulDivUp(size, _answerOf(i), WAD));
            uint256 required = _mulDivUp(charged, _maintenanceRate(i), WAD);
            if (i == which) unread += required;
            else rest += required;
        }
        for (uint256 i = 1; i < TOKENS; ++i) {
            uint256 required = _mulDivUp(_valueIn(books, place, i), _today(i + 2)[0], 10_000);
            if (i - 1 == which) unread += required;
            else rest += required;
        }
    }

    function _previewOf(uint256 place) private view returns (bool read, Preview memory preview) {
        try _system.engine.previewLiquidation(_accounts[place]) returns (
            uint256 fraction,
            int256 payment,
            int256 toAccount,
            int256 toInsurance
        ) {
            return (true, Preview(fraction, payment, toAccount, toInsurance));
        } catch {}
    }

    // ------------------------------------------------------------------ who is below

    /// @dev Liquidates somebody by all means: if nobody is below the line, the price is moved against the position with
    /// the most leverage.
    function _bringDown(uint256 seed, uint256 jumpBps) internal {
        for (uint256 i = 0; i < 6 && _firstBelow(seed) == ACTORS; ++i) {
            if (!_moveAgainstRiskiest(jumpBps)) return;
        }
        uint256 place = _firstBelow(seed);
        if (place >= KEEPER) return;
        // An owner may take of its own account what its others can carry.
        if (place < 3) _liquidate(place, (place + 1) % 3, 0.02e18, 0);
        if (_firstBelow(place) != place) return;
        // With the keeper's money: a stranger, its operator, and if that has no right any more, the keeper.
        _liquidate(place, KEEPER, WAD, 15);
        if (!_liquidate(place, KEEPER, WAD, 10)) _liquidate(place, KEEPER, WAD, 0);
    }

    /// @dev Moves the price against the position with the most leverage; false when its feed is silent.
    function _moveAgainstRiskiest(uint256 jumpBps) internal returns (bool) {
        Books memory books = _books();
        (uint256 riskiest, uint256 most) = (0, 0);
        for (uint256 j = 0; j < KEEPER * 3; ++j) {
            uint256 leverage = j % 3 == silent ? 0 : _leverageIn(books, j / 3, j % 3);
            if (leverage > most) (riskiest, most) = (j, leverage);
        }
        if (riskiest % 3 == silent) return false;
        bool long = books.positions[riskiest / 3][riskiest % 3].size > 0;
        _movePrice(riskiest % 3, long ? 10_000 - jumpBps : 10_000 + jumpBps);
        return true;
    }

    /// @dev Notional over equity [wad].
    function _leverageIn(Books memory books, uint256 place, uint256 perpetual) private view returns (uint256) {
        uint256 magnitude = _magnitude(books.positions[place][perpetual].size);
        int256 equity = magnitude == 0 ? int256(0) : _equityIn(books, place);
        return equity <= 0 ? 0 : (magnitude * _answerOf(perpetual)) / uint256(equity);
    }

    /// @dev The first account that can be liquidated, counted from the seed; ACTORS when there is none.
    function _firstBelow(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            (, Preview memory preview) = _previewOf((seed + i) % ACTORS);
            if (preview.fraction != 0) return (seed + i) % ACTORS;
        }
        return ACTORS;
    }

    /// @dev The first account that nobody can judge while a feed is silent; ACTORS when there is none.
    function _firstUnread(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; silent != NOTHING && i < ACTORS; ++i) {
            (bool read, ) = _previewOf((seed + i) % ACTORS);
            if (!read) return (seed + i) % ACTORS;
        }
        return ACTORS;
    }

    /// @dev The first account below initial margin; ACTORS when there is none.
    function _firstInDanger(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            (bool priced, Margin memory margin) = _tryMarginOf((seed + i) % ACTORS);
            if (priced && margin.equity < int256(margin.initial)) return (seed + i) % ACTORS;
        }
        return ACTORS;
    }

    // ------------------------------------------------------------------ afterwards

    /// @dev I6 after a slice.
    function _assertImproved(
        Books memory before,
        Books memory expected,
        uint256 place,
        LiquidationTerms memory terms
    ) private view {
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            (int256 was, int256 size) = (before.positions[place][i].size, expected.positions[place][i].size);
            assertTrue(was >= 0 ? size >= 0 && size <= was : size <= 0 && size >= was, "I6: no leg grows");
            if (terms.fraction == WAD) assertEq(size, 0, "the whole account is taken");
        }
        (bool priced, Margin memory rest) = _tryMarginOf(place);
        if (!priced) return;
        if (terms.equity < 0) {
            assertGe(rest.equity + ROUNDING, terms.equity, "I6: equity below 0 does not fall");
            return;
        }
        assertGe(
            rest.equity + (before.supplyIndex == WAD ? int256(0) : int256(8)),
            0,
            "I6: equity is not turned into debt"
        );
        int256 slack = _roundingOf(before, place) * (terms.equity + int256(terms.maintenance));
        assertGe(
            rest.equity * int256(terms.maintenance) + slack,
            terms.equity * int256(rest.maintenance),
            "I6: health does not fall"
        );
    }

    /// @dev A position keeps up to 1 wei of size more than its share, and a wei of size requires less than its price
    /// [wad].
    function _roundingOf(Books memory before, uint256 place) private view returns (int256 rounding) {
        rounding = ROUNDING;
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            if (before.positions[place][i].size != 0) rounding += int256(_answerOf(i) / WAD) + 1;
        }
    }

    /// @dev Tokens move in whole units: an account keeps up to one unit of each more than its share [wad].
    function _unitValuesOf(uint256 place) private view returns (int256 values) {
        for (uint256 i = 1; i < TOKENS; ++i) {
            if (_system.vault.collateralOf(_accounts[place], address(_system.tokens[i])) == 0) continue;
            values += int256(_answerOf(i - 1) / 10 ** _system.tokens[i].decimals()) + 1;
        }
    }

    /// @dev I6: unless the account is closed whole, a slice smaller by 0.2 % leaves it below (1 + buffer) x M.
    function _assertLeast(uint256 place, uint256 liquidator, uint256 largest) private {
        if (largest == WAD || silent != NOTHING) return;
        int256 units = _unitValuesOf(place);
        uint256 smaller = largest - (largest * SLICE_TOLERANCE_BPS) / 10_000;
        try this.probeSlice(place, liquidator, smaller) {
            assertTrue(false, "a probe leaves nothing behind");
        } catch (bytes memory answer) {
            if (bytes4(answer) != Surplus.selector) return;
            int256 surplus = abi.decode(_argumentsOf(answer), (int256));
            assertLt(surplus, ROUNDING + units, "I6: a smaller slice would have done");
        }
    }

    /// @dev Takes a slice, says how far the account is above (1 + buffer) x M, and undoes everything.
    function probeSlice(uint256 place, uint256 liquidator, uint256 fraction) external {
        vm.prank(_ownerOf(liquidator));
        _system.clearinghouse.liquidate(_accounts[place], _accounts[liquidator], fraction, type(int256).max);
        Margin memory rest = _marginOf(place);
        revert Surplus(rest.equity - int256(rest.maintenance + (rest.maintenance * 1_500) / 10_000));
    }

    function _argumentsOf(bytes memory error_) private pure returns (bytes memory arguments) {
        arguments = new bytes(error_.length - 4);
        for (uint256 i = 0; i < arguments.length; ++i) arguments[i] = error_[i + 4];
    }
}
