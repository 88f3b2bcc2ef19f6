// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./BooksModel.sol";
import {LiquidationHandler} from "./LiquidationHandler.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";
import {IVault} from "../../../contracts/interfaces/IVault.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {TokenLimits} from "../../../contracts/types/TokenLimits.sol";

/// @title TokenHandler
/// @notice Deposits, withdrawals and transfers, against the caps and limits of section 7.
abstract contract TokenHandler is LiquidationHandler {
    /// @dev Withdrawn less deposited, forgotten evenly over a day, as of `_flowAt` [token].
    mapping(uint256 token => int256 flow) private _flow;
    mapping(uint256 token => uint256 time) private _flowAt;

    /// @notice Sent to the vault by mistake [token].
    mapping(address token => uint256 amount) public donated;

    /// @dev An act: anyone brings tokens, and exactly those are counted. Two errors may stop it, each when it should.
    function _deposit(uint256 place, uint256 which, uint256 amount, uint256 seed) internal {
        Books memory expected = _books();
        MockToken token = _system.tokens[which];
        address depositor = seed % 4 == 0 ? _stranger : _ownerOf(place);
        (bool refused, bool capped) = _depositFate(expected, place, which, amount, depositor);
        token.mint(depositor, amount);
        vm.prank(depositor);
        token.approve(address(_system.vault), amount);
        _takesPart(place);

        vm.prank(depositor);
        try _system.vault.deposit(_accounts[place], address(token), amount) {
            assertFalse(refused || capped, "a deposit should have been refused");
            expected.tracked[which] += amount;
            if (which == 0) _post(expected, place, int256(amount * 1e12));
            else expected.collateral[place][which] += amount;
            _flowed(which, -int256(amount));
            _happened("topped up above the cap", expected.tracked[which] > _limitsOf(which).depositCap);
            _happened("stranger deposited", depositor == _stranger);
            ++calls["deposit"];
            _verify(expected, false);
        } catch (bytes memory reason) {
            assertTrue(refused || capped, "I9: a deposit was refused");
            if (bytes4(reason) == IVault.DepositsStopped.selector) assertTrue(_isFrozen(which + 3), "not stopped");
            else if (bytes4(reason) == IPriceOracle.StalePrice.selector) {
                assertTrue(_lacksPrice(expected, place, which), "I9: a deposit waited for a price");
            } else if (refused) _expect(reason, IVault.StrangerDepositRefused.selector);
            else _expect(reason, IVault.DepositCapExceeded.selector);
            token.burn(depositor, amount);
            _verifyRefused(expected, refused ? bytes32("deposit refused") : bytes32("deposit cap"));
        }
    }

    /// @dev Collateral that cannot be valued is not added to an account at risk, which it would shield.
    function _lacksPrice(Books memory books, uint256 place, uint256 which) private view returns (bool) {
        return which != 0 && silent == which - 1 && !_isRiskless(books, place);
    }

    /// @dev Section 7: strangers bring only what is held already, frozen collateral is not taken, and the cap of the
    /// settlement token never keeps an account from defending itself with as much again as it requires (I9).
    function _depositFate(
        Books memory books,
        uint256 place,
        uint256 which,
        uint256 amount,
        address depositor
    ) private view returns (bool refused, bool capped) {
        if (which != 0) {
            refused =
                _isFrozen(which + 3) ||
                (depositor == _stranger && books.collateral[place][which] == 0) ||
                _lacksPrice(books, place, which);
        }
        capped = books.tracked[which] + amount > _limitsOf(which).depositCap;
        if (!capped || which != 0 || place >= ACTORS) return (refused, capped);
        (bool priced, Margin memory margin) = _tryMarginOf(place);
        capped = priced && (margin.equity >= int256(margin.initial) || amount * 1e12 > margin.initial);
    }

    /// @dev I10: what the view says can be withdrawn, and a unit more cannot. I4: only by who may.
    function _withdraw(uint256 place, uint256 which, uint256 amount, bool tooMuch, uint256 seed) internal {
        Books memory before = _books();
        (address caller, bool allowed) = _callerOf(place, 2, seed);
        (bool read, uint256 most) = _withdrawableOf(place, which);
        if (!allowed || !read) return _withdrawInVain(before, place, which, caller, allowed);
        _assertRoom(before, which);
        assertLe(most, before.tracked[which], "7: no more than the tokens that are there");
        if (!tooMuch && most == 0) return;
        amount = tooMuch ? most + 1 : bound(amount, 1, most);
        // Without the token altogether its price is not needed; for a part of it, it is.
        if (!tooMuch && _lacksPrice(before, place, which)) amount = most;
        _takesPart(place);
        if (!_tryWithdraw(place, which, amount, caller)) {
            assertTrue(tooMuch, "I10: less than the view says was refused");
            return _verifyRefused(before, "withdrew too much");
        }
        assertFalse(tooMuch, "I10: more than the view says was withdrawn");
        Books memory expected = before;
        expected.tracked[which] -= amount;
        if (which == 0) _post(expected, place, -int256(amount * 1e12));
        else expected.collateral[place][which] -= amount;
        _flowed(which, int256(amount));
        _happened("loan", which == 0 && expected.cash[place] < 0);
        _happened("operator withdrew", caller != _ownerOf(place));
        ++calls["withdraw"];
        _verify(expected, false);
    }

    /// @dev False when it was refused for a reason that the design gives.
    function _tryWithdraw(uint256 place, uint256 which, uint256 amount, address caller) private returns (bool) {
        MockToken token = _system.tokens[which];
        address to = makeAddr("wallet");
        uint256 had = token.balanceOf(to);
        uint256 room = _roomOf(which, _system.vault.trackedOf(address(token)));
        vm.prank(caller);
        try _system.vault.withdraw(_accounts[place], address(token), amount, to) {
            assertEq(token.balanceOf(to), had + amount, "the receiver is paid");
            assertLe(amount, room, "7: within the net outflow limit");
            return true;
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            if (selector == IVault.OutflowLimitExceeded.selector) {
                assertGt(amount, room, "7: stopped below the limit");
                ++calls["outflow limit"];
            } else if (selector == IVault.BorrowCapExceeded.selector) {
                ++calls["borrow cap"];
            } else if (selector == IVault.InsufficientTokens.selector) {
                assertGt(amount, _system.vault.trackedOf(address(token)), "7: the tokens are there");
            } else if (selector == IPriceOracle.StalePrice.selector) {
                // Without a debt it needed no price.
                assertTrue(which == 0 && silent != NOTHING, "9: a withdrawal waited for a price");
                ++calls["loan waits for a price"];
            } else if (selector != IVault.InsufficientBalance.selector) {
                _expect(reason, IMarginEngine.BelowInitialMargin.selector);
            }
            return false;
        }
    }

    /// @dev Without a right (I4), or without a price that the account depends on.
    function _withdrawInVain(Books memory before, uint256 place, uint256 which, address caller, bool allowed) private {
        if (before.cash[place] < 1e12) which = 1;
        vm.prank(caller);
        try _system.vault.withdraw(_accounts[place], address(_system.tokens[which]), 1, caller) {
            assertTrue(false, allowed ? "withdrawn without a price" : "I4: withdrawn without a right");
        } catch (bytes memory reason) {
            if (!allowed) _expect(reason, IVault.NotAuthorized.selector);
        }
        _verifyRefused(before, allowed ? bytes32("withdrawal waits") : bytes32("stranger refused"));
    }

    /// @dev Between the three accounts of one owner; nothing leaves the vault, and the outflow limit has no say.
    function _transfer(uint256 from, uint256 to, uint256 which, uint256 amount, uint256 seed) internal {
        Books memory before = _books();
        (address caller, bool allowed) = _callerOf(from, 1, seed);
        uint256 held = which == 0 ? uint256(_floorAtZero(before.cash[from])) / 1e12 : before.collateral[from][which];
        if (held == 0) return;
        amount = bound(amount, 1, held);
        _takesPart(from);
        _takesPart(to);
        vm.prank(caller);
        try _system.vault.transfer(_accounts[from], _accounts[to], address(_system.tokens[which]), amount) {
            assertTrue(allowed, "I4: transferred without a right");
            if (which == 0) {
                _post(before, from, -int256(amount * 1e12));
                _post(before, to, int256(amount * 1e12));
            } else {
                before.collateral[from][which] -= amount;
                before.collateral[to][which] += amount;
            }
            (bool priced, Margin memory margin) = _tryMarginOf(from);
            bool riskless = _isRiskless(before, from);
            assertTrue(riskless || (priced && margin.equity >= int256(margin.initial)), "transferred below initial");
            _happened("operator transferred", caller != _ownerOf(from));
            ++calls["transfer"];
            _verify(before, false);
        } catch (bytes memory reason) {
            if (!allowed) {
                _expect(reason, IVault.NotAuthorized.selector);
                return _verifyRefused(before, "stranger refused");
            }
            if (bytes4(reason) == IPriceOracle.StalePrice.selector) assertTrue(silent != NOTHING, "stale");
            else _expect(reason, IMarginEngine.BelowInitialMargin.selector);
            _verifyRefused(before, "transfer refused");
        }
    }

    /// @dev The keeper brings as many settlement tokens as the cap has room for.
    function _reachCap() internal {
        uint256 tracked = _system.vault.trackedOf(address(_system.tokens[0]));
        uint256 room = _lessOrZero(_limitsOf(0).depositCap, tracked);
        if (room != 0) _deposit(KEEPER, 0, room, 1);
    }

    function _insure(uint256 amount) internal {
        _deposit(FUND, 0, amount, 0);
    }

    function _sendByMistake(uint256 which, uint256 amount) internal {
        Books memory before = _books();
        MockToken token = _system.tokens[which];
        token.mint(address(_system.vault), amount);
        donated[address(token)] += amount;
        ++calls["sendByMistake"];
        _verify(before, false);
    }

    // ------------------------------------------------------------------ words

    function _isRiskless(Books memory books, uint256 place) internal pure returns (bool) {
        for (uint256 i = 0; i < PERPETUALS; ++i) if (books.positions[place][i].size != 0) return false;
        return books.cash[place] >= 0;
    }

    function _withdrawableOf(uint256 place, uint256 which) internal view returns (bool read, uint256 most) {
        try _system.engine.withdrawable(_accounts[place], address(_system.tokens[which])) returns (uint256 amount) {
            return (true, amount);
        } catch {}
    }

    function _limitsOf(uint256 which) internal view returns (TokenLimits memory) {
        return _system.vault.tokenLimitsOf(address(_system.tokens[which]));
    }

    function _floorAtZero(int256 x) internal pure returns (int256) {
        return x > 0 ? x : int256(0);
    }

    function _flowNow(uint256 which) private view returns (int256) {
        int256 left = int256(1 days - _least(block.timestamp - _flowAt[which], 1 days));
        return (_flow[which] * left) / 1 days;
    }

    function _flowed(uint256 which, int256 amount) internal {
        (_flow[which], _flowAt[which]) = (_flowNow(which) + amount, block.timestamp);
    }

    /// @dev Section 7: the larger of an amount and a share of what was there before the flows, less the outflow [token].
    function _roomOf(uint256 which, uint256 tracked) private view returns (uint256) {
        TokenLimits memory limits = _limitsOf(which);
        int256 flow = _flowNow(which);
        uint256 share = (uint256(_floorAtZero(int256(tracked) + flow)) * limits.outflowBps) / 10_000;
        uint256 most = share > limits.outflowAmount ? share : limits.outflowAmount;
        return uint256(_floorAtZero(int256(most) - flow));
    }

    function _assertRoom(Books memory books, uint256 which) private view {
        uint256 room = _least(books.tracked[which], _roomOf(which, books.tracked[which]));
        assertEq(_system.vault.releasableOf(address(_system.tokens[which])), room, "7: what may leave");
    }
}
