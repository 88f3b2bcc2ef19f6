// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CampaignSetup} from "./CampaignSetup.sol";
import {MockToken} from "../../contracts/mocks/MockToken.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashFigures} from "../../contracts/types/Cash.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";
import {TokenLimits} from "../../contracts/types/TokenLimits.sol";

/// @title ConservationTest
/// @notice Proves I1, I2, I3, I5 and I9 of the design over random sequences of every act; I4, I6, I7, I8 and I10 are
/// post-conditions of each act and asserted by the handler. RareEvents.t.sol sees to it that something happens.
contract ConservationTest is CampaignSetup {
    /// @dev What a probe ends with.
    error Undone();

    /// @notice I1, I2, I3, I5 and I9 after every act; that each act changed what it should have and nothing else (I4, I6,
    /// I7, I8, I10) was asserted by the handler. One function, because each has a campaign of its own.
    function invariant_TheBooksBalanceTheLineIsExactAndNobodyIsLockedIn() public {
        _assertFlat();
        _assertConserved();
        _assertCustody();
        _probeOne();
    }

    /// @dev I1: sizes sum to 0, and longs as well as shorts to the open interest.
    function _assertFlat() private view {
        for (uint256 i = 0; i < 3; ++i) {
            InstrumentId perpetual = _plimsoll().perpetuals[i];
            (int256 longs, int256 shorts) = (0, 0);
            for (uint256 j = 0; j < _handler.accountCount(); ++j) {
                int256 size = clearinghouse.positionOf(_handler.accountAt(j), perpetual).size;
                if (size > 0) longs += size;
                else shorts += size;
            }
            assertEq(longs + shorts, 0, "I1: sizes sum to 0");
            assertEq(uint256(longs), clearinghouse.openInterestOf(perpetual), "I1: open interest");
        }
    }

    /// @dev I2: tracked tokens == cash + real quotes + reserve + interest that waits - deficit, never less, and more
    /// only by counted roundings.
    function _assertConserved() private view {
        int256 claims = int256(clearinghouse.reserve() + vault.interestReserve()) - int256(clearinghouse.deficit());
        uint256 open;
        (uint256 lent, uint256 owed) = (0, 0);
        for (uint256 i = 0; i < _handler.accountCount(); ++i) {
            AccountId account = _handler.accountAt(i);
            int256 cash = vault.cashOf(account);
            claims += cash;
            if (cash > 0) lent += uint256(cash);
            else owed += uint256(-cash);
            OpenPosition[] memory positions = clearinghouse.openPositionsOf(account);
            for (uint256 j = 0; j < positions.length; ++j) claims += positions[j].realQuote;
            open += positions.length;
        }
        int256 surplus = int256(vault.trackedOf(address(usdc)) * 1e12) - claims;
        // A write of cash with interest costs its account less than 1 wei and an index; the indices stay below 2.
        uint256 ofCash = 3 * _handler.cashWrites() + 16 * _handler.looks();
        // 2 wei for each position written, 1 for each read here, and 1 for each holder and index move.
        uint256 roundings = 2 * _handler.writes() + open + 8 * _handler.indexMoves() + ofCash;
        assertGe(surplus, 0, "I2: claims less deficit never exceed the balance");
        assertLe(surplus, int256(roundings), "I2: nothing is lost but by rounding");

        CashFigures memory pool = vault.cashPool();
        assertApproxEqAbs(owed, pool.debt, _handler.accountCount(), "7: the sum of debts");
        assertGe(pool.positiveCash, lent, "7: what lenders have is what bears");
        assertLe(pool.positiveCash, lent + ofCash, "7: and all of it");
    }

    /// @dev I3: the vault's books are the sum of its accounts', and its tokens are its books plus mistakes.
    function _assertCustody() private view {
        MockToken[] memory tokens = _plimsoll().tokens;
        for (uint256 i = 0; i < tokens.length; ++i) {
            address token = address(tokens[i]);
            uint256 tracked = vault.trackedOf(token);
            assertEq(tokens[i].balanceOf(address(vault)), tracked + _handler.donated(token), "I3: tokens held");
            if (i == 0) continue;
            uint256 sum;
            for (uint256 j = 0; j < _handler.accountCount(); ++j) {
                sum += vault.collateralOf(_handler.accountAt(j), token);
            }
            assertEq(tracked, sum, "I3: books");
        }
    }

    /// @dev I5: above the line nobody can liquidate, below it anybody with enough margin can. I9: nobody is locked in. One
    /// account a call, all in turn.
    function _probeOne() private {
        uint256 place = _handler.acts() % 8;
        AccountId account = _handler.accountAt(place);
        // What is tried is undone by a revert: snapshots of the whole chain would cost more than everything else.
        for (uint256 i = 0; i < 4; ++i) {
            try this.probe(account, place, i) {
                assertTrue(false, "a probe leaves nothing behind");
            } catch (bytes memory reason) {
                // The reason itself, so that the trace names it.
                if (bytes4(reason) != Undone.selector) assertEq(reason, abi.encodePacked(Undone.selector), "I5, I9");
            }
        }
    }

    /// @dev External, so that it can be undone.
    function probe(AccountId account, uint256 place, uint256 which) external {
        if (which == 0) _assertLine(account);
        if (which == 1) _assertTopUp(account);
        if (which == 2) _assertWithdrawal(account);
        if (which == 3) _assertReduction(place);
        revert Undone();
    }

    function _assertLine(AccountId account) private {
        vault.setTokenLimits(address(usdc), TokenLimits(type(uint112).max, type(uint112).max, 10_000));
        AccountId anybody = accountIdOf(makeAddr("anybody"), 0);
        _fund(anybody, usdc, 1e16);
        try engine.marginOf(account) returns (Margin memory margin) {
            if (margin.equity >= int256(margin.maintenance)) {
                vm.expectRevert(
                    abi.encodeWithSelector(
                        IMarginEngine.NotLiquidatable.selector,
                        account,
                        margin.equity,
                        margin.maintenance
                    )
                );
            }
        } catch {
            // What cannot be read is the handler's to judge (LiquidationHandler).
            return;
        }
        vm.prank(anybody.ownerOf());
        clearinghouse.liquidate(account, anybody, WAD, type(int256).max);
    }

    /// @dev I9: whoever is below initial margin, or cannot tell, is topped up by anyone, whatever the cap.
    function _assertTopUp(AccountId account) private {
        try engine.marginOf(account) returns (Margin memory margin) {
            if (margin.equity >= int256(margin.initial)) return;
        } catch {}
        _fund(account, usdc, 1e6);
    }

    /// @dev I9: what `withdrawable` says, leaves. Nothing but margin and the outflow limit holds cash back.
    function _assertWithdrawal(AccountId account) private {
        try engine.marginOf(account) returns (Margin memory margin) {
            uint256 most = engine.withdrawable(account, address(usdc));
            int256 spare = margin.equity - int256(margin.initial);
            int256 cash = vault.cashOf(account);
            if (clearinghouse.instrumentsOf(account).length == 0 && cash >= 0) spare = cash;
            if (cash < spare) spare = cash;
            // An amount is whole tokens, so a wei of rounding may cost one unit.
            uint256 free = spare > 1e12 ? uint256(spare) / 1e12 - 1 : 0;
            uint256 releasable = vault.releasableOf(address(usdc));
            assertGe(most, free < releasable ? free : releasable, "I9: withdrawable");
            assertLe(most, vault.trackedOf(address(usdc)), "7: no more than the tokens that are there");
            if (most == 0) return;
            vm.prank(account.ownerOf());
            vault.withdraw(account, address(usdc), most, account.ownerOf());
        } catch {}
    }

    /// @dev I9: whoever is healthy enough to stand at the mark may come closer to 0 there, whatever is frozen, capped or
    /// silent elsewhere.
    function _assertReduction(uint256 place) private {
        for (uint256 i = 0; i < 3; ++i) {
            (AccountId account, AccountId other, int256 size) = _handler.reductionOf(place, i);
            if (size == 0) continue;
            _trade(account, other, _plimsoll().perpetuals[i], -size, clearinghouse.markOf(_plimsoll().perpetuals[i]));
        }
    }
}
