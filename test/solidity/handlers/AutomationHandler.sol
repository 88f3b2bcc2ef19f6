// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../../contracts/testing/BaseTest.t.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {LiquidationAutomation} from "../../../contracts/automation/LiquidationAutomation.sol";
import {ILiquidationAutomation} from "../../../contracts/interfaces/ILiquidationAutomation.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {AccountId, accountIdOf} from "../../../contracts/types/AccountId.sol";
import {KnownMarket} from "../../../contracts/types/MarketCache.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {Trade} from "../../../contracts/types/Trade.sol";

/// @title AutomationHandler
/// @notice Six accounts that trade with a house, prices that jump, and strangers who drive the automation with whatever
/// data they like. The handler is the automation's owner. Each perform is checked against what was before it.
contract AutomationHandler is BaseTest {
    /// @dev Before a perform.
    struct Before {
        int256 wealth;
        int256 own;
        int256[] cash;
        int256[] sizes;
        bool[] below;
    }

    uint256 private constant WAD = 1e18;
    uint256 private constant ACCOUNTS = 6;
    uint256 private constant HOUSE = 6;
    uint256 private constant OWN = 7;
    uint256 private constant MOST_GAS = 4_970_000;
    /// @dev Each write of cash and each move of a position may round by a wei [wad].
    int256 private constant ROUNDING = 1_000;

    Plimsoll private _system;
    LiquidationAutomation private _automation;
    /// @dev Those that trade, the house, the automation's own, and one that has nothing.
    AccountId[] private _accounts;
    /// @dev The list as it should be.
    mapping(AccountId account => bool watched) private _watched;
    uint256 private _count;

    /// @notice What happened, by name.
    mapping(bytes32 name => uint256 times) public calls;

    constructor(Plimsoll memory system, LiquidationAutomation automation) {
        _system = system;
        _automation = automation;
        for (uint96 i = 0; i < ACCOUNTS; ++i) _accounts.push(accountIdOf(makeAddr("trader"), i));
        _accounts.push(accountIdOf(makeAddr("house"), 0));
        _accounts.push(automation.account());
        _accounts.push(accountIdOf(makeAddr("nobody"), 0));
        for (uint256 i = 0; i < ACCOUNTS; ++i) _give(_accounts[i], 0, 4_000e6);
        _give(_accounts[HOUSE], 0, 50_000_000e6);
        _give(_accounts[OWN], 0, 20_000e6);
        _give(system.fund, 0, 5_000e6);
    }

    // Acts

    function open(uint256 place, uint256 market, int256 dollars) external {
        AccountId account = _accounts[place % ACCOUNTS];
        dollars = bound(dollars, -40_000, 40_000);
        uint256 mark = _system.oracle.price(uint24(market % 2) + 1);
        int256 size = (dollars * 1e36) / int256(mark);
        if (size == 0) return;
        Trade[] memory trades = new Trade[](1);
        (trades[0].instrument, trades[0].size) = (_system.perpetuals[market % 2], int128(size));
        (trades[0].price, trades[0].taker.account) = (uint128(mark), account);
        trades[0].maker.account = _accounts[HOUSE];
        try _system.clearinghouse.clear(trades) {
            ++calls["open"];
        } catch {}
    }

    function deposit(uint256 place, uint256 token, uint256 dollars) external {
        dollars = bound(dollars, 1, 2_000);
        uint256 amount = token % 3 == 0 ? dollars * 1e6 : (dollars * 1e18) / 3_000;
        _give(_accounts[place % ACCOUNTS], token % 3 == 0 ? 0 : 1, amount);
    }

    function movePrice(uint256 market, int256 bps) external {
        bps = bound(bps, -900, 900);
        int256 answer = (_system.feeds[market % 2].latestAnswer() * (10_000 + bps)) / 10_000;
        _system.feeds[market % 2].updateAnswer(answer < 10e8 ? int256(10e8) : answer);
        _refresh(1 - (market % 2));
    }

    function passTime(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 3_000));
        _refresh(0);
        _refresh(1);
    }

    /// @dev The owner takes money out, as far as it may, and says what stays free or stops all.
    function own(uint256 amount, uint256 least, uint256 seed) external {
        if (seed % 4 == 0) {
            uint256 most = _system.engine.withdrawable(_accounts[OWN], address(_system.tokens[0]));
            if (most != 0) {
                _system.vault.withdraw(_accounts[OWN], address(_system.tokens[0]), bound(amount, 1, most), address(1));
            }
        } else if (seed % 4 == 1) {
            _give(_accounts[OWN], 0, bound(amount, 1, 20_000) * 1e6);
        } else if (seed % 4 == 2) {
            _automation.setLeastFreeMargin(uint88(bound(least, 0, 5_000) * WAD * (least % 2)));
        } else {
            _automation.setTaking(seed % 8 != 3);
        }
    }

    function watch(uint256 seed) external {
        AccountId[] memory named = _named(seed);
        uint256 expected;
        for (uint256 i = 0; i < named.length; ++i) {
            if (_watched[named[i]] || named[i] == _accounts[OWN] || !_isExposed(named[i])) continue;
            _watched[named[i]] = true;
            ++expected;
        }
        assertEq(_automation.watch(named), expected, "GK3: added");
        _count += expected;
        calls["watched"] += expected;
        _assertList();
    }

    function forget(uint256 seed) external {
        AccountId[] memory named = _named(seed);
        uint256 expected;
        for (uint256 i = 0; i < named.length; ++i) {
            if (!_watched[named[i]] || _isExposed(named[i])) continue;
            _watched[named[i]] = false;
            ++expected;
        }
        assertEq(_automation.forget(named), expected, "GK3: removed");
        _count -= expected;
        calls["forgotten"] += expected;
        _assertList();
    }

    /// @dev One check and what it proposes, in the same block: the liquidator's own margin was estimated, so a slice may be
    /// smaller, but something is taken of what is whole.
    function runOnce() external {
        (bool needed, bytes memory data) = _automation.checkUpkeep("");
        assertEq(needed, data.length != 0, "something to do");
        if (!needed) return;
        ++calls["proposed"];
        _perform(data);
    }

    /// @dev Entries of anything: accounts that sink, healthy and unknown ones, the automation's own, the same twice.
    function perform(uint256 seed, uint256 count, uint256 shares) external {
        count = bound(count, 1, 8);
        bytes memory data;
        for (uint256 i = 0; i < count; ++i) {
            uint256 pick = (seed >> (8 * i)) % 12;
            bytes32 account =
                pick < _accounts.length ? AccountId.unwrap(_accounts[pick]) : keccak256(abi.encode(seed, i));
            data = bytes.concat(data, account, bytes2(uint16(shares >> (16 * i))));
        }
        _perform(data);
    }

    /// @dev Bytes of anything.
    function garbage(bytes calldata data) external {
        _perform(data);
    }

    // Checks

    function _perform(bytes memory data) private {
        Before memory before = _before();
        uint256 gas = gasleft();
        (bool done, bytes memory result) = address(_automation).call(
            abi.encodeCall(ILiquidationAutomation.onReport, ("", data))
        );
        assertLe(gas - gasleft(), MOST_GAS, "gas");
        if (done) {
            ++calls["taken"];
            _assertTaken(before);
            return;
        }
        bytes4 reason = bytes4(result);
        if (reason == ILiquidationAutomation.InvalidPerformData.selector) {
            assertTrue(data.length == 0 || data.length % 34 != 0 || data.length > 544, "a batch was refused");
        } else if (reason == ILiquidationAutomation.NotTaking.selector) {
            assertFalse(_automation.taking(), "taking");
        } else {
            assertEq(reason, ILiquidationAutomation.NothingTaken.selector, "no other reason");
            _assertNoneAlone(data);
        }
    }

    /// @dev If the batch took nothing, none of its entries would have been taken alone.
    function _assertNoneAlone(bytes memory data) private {
        for (uint256 i = 0; i < data.length; i += 34) {
            bytes memory entry = new bytes(34);
            for (uint256 j = 0; j < 34; ++j) entry[j] = data[i + j];
            try _automation.performUpkeep(entry) {
                fail();
            } catch {}
        }
        ++calls["nothing taken"];
    }

    function _before() private view returns (Before memory before) {
        (before.wealth, before.own) = (_wealth(), _equityOf(_accounts[OWN]));
        (before.cash, before.sizes) = (new int256[](_accounts.length), new int256[](_accounts.length));
        before.below = new bool[](_accounts.length);
        for (uint256 i = 0; i < _accounts.length; ++i) {
            Margin memory margin = _system.engine.marginOf(_accounts[i]);
            before.below[i] = margin.equity < int256(margin.maintenance);
            (before.cash[i], before.sizes[i]) = (_system.vault.cashOf(_accounts[i]), _sizesOf(_accounts[i]));
        }
    }

    function _assertTaken(Before memory before) private {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            if (i == OWN || before.below[i]) continue;
            assertEq(_system.vault.cashOf(_accounts[i]), before.cash[i], "I5: a healthy account's cash");
            assertEq(_sizesOf(_accounts[i]), before.sizes[i], "I5: a healthy account's positions");
        }
        _system.engine.requireInitialOfLiquidator(_accounts[OWN], new KnownMarket[](0));
        Margin memory margin = _system.engine.marginOf(_accounts[OWN]);
        assertGe(margin.equity, before.own - ROUNDING, "the incentive is never negative");
        uint256 least = _automation.leastFreeMargin();
        if (least != 0) assertGe(margin.equity - int256(margin.initial), int256(least), "what its owner wants free");
        assertApproxEqAbs(_wealth(), before.wealth, uint256(ROUNDING), "I8: the wealth of all");
        for (uint256 i = 0; i < _accounts.length; ++i) {
            AccountId account = _accounts[i];
            if (!_watched[account] || _automation.isWatched(account)) continue;
            assertFalse(_isExposed(account), "GK3: forgotten with something at risk");
            _watched[account] = false;
            --_count;
            ++calls["taken whole"];
        }
        _assertList();
    }

    function _assertList() private view {
        AccountId[] memory listed = _automation.watched(0, 1_000);
        assertEq(listed.length, _count, "GK3: count");
        assertEq(_automation.watchedCount(), _count, "GK3: watchedCount");
        for (uint256 i = 0; i < listed.length; ++i) {
            assertTrue(_watched[listed[i]], "GK3: listed");
            for (uint256 j = 0; j < i; ++j) assertTrue(listed[i] != listed[j], "GK3: once");
        }
    }

    // Internals

    function _named(uint256 seed) private view returns (AccountId[] memory named) {
        named = new AccountId[](1 + (seed % 4));
        for (uint256 i = 0; i < named.length; ++i) named[i] = _accounts[(seed >> (8 * i + 8)) % _accounts.length];
    }

    function _isExposed(AccountId account) private view returns (bool) {
        return _system.clearinghouse.instrumentsOf(account).length != 0 || _system.vault.cashOf(account) < 0;
    }

    function _sizesOf(AccountId account) private view returns (int256) {
        return
            _system.clearinghouse.positionOf(account, _system.perpetuals[0]).size +
            _system.clearinghouse.positionOf(account, _system.perpetuals[1]).size;
    }

    function _equityOf(AccountId account) private view returns (int256) {
        return _system.engine.marginOf(account).equity;
    }

    /// @dev What all accounts and the insurance fund are worth, less the recorded deficit [wad].
    function _wealth() private view returns (int256 sum) {
        for (uint256 i = 0; i < _accounts.length; ++i) sum += _equityOf(_accounts[i]);
        sum += _system.vault.cashOf(_system.fund) + int256(_system.clearinghouse.reserve());
        return sum - int256(_system.clearinghouse.deficit());
    }

    function _refresh(uint256 feed) private {
        _system.feeds[feed].updateAnswer(_system.feeds[feed].latestAnswer());
    }

    function _give(AccountId account, uint256 token, uint256 amount) private {
        MockToken given = _system.tokens[token];
        address owner = account.ownerOf();
        // For accounts without a key anyone may bring the settlement token.
        if (token == 0) owner = address(this);
        given.mint(owner, amount);
        vm.startPrank(owner);
        given.approve(address(_system.vault), amount);
        _system.vault.deposit(account, address(given), amount);
        vm.stopPrank();
    }
}
