// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../../contracts/testing/BaseTest.t.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {AccountId, accountIdOf} from "../../../contracts/types/AccountId.sol";
import {InstrumentId} from "../../../contracts/types/InstrumentId.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {Trade} from "../../../contracts/types/Trade.sol";

/// @title FamilyHandler
/// @notice One owner with three accounts, and an outsider who holds the other side of what they held at the beginning
/// and then only watches. The family deposits, withdraws, transfers, trades with itself at the edges of the band
/// without fees, settles variation, liquidates and deleverages itself, and has its debts written off. A shock of prices
/// and time begin the count anew.
contract FamilyHandler is BaseTest {
    uint256 private constant WAD = 1e18;
    /// @dev Least incentive of the design: rhoMin x M is all that a liquidation may give to an account's friends.
    uint256 private constant FLOOR_BPS = 1_000;

    Plimsoll private _system;
    AccountId[] private _accounts;
    address private _owner = makeAddr("family");

    /// @notice Wealth after the last move of prices [wad].
    int256 public baseline;
    /// @notice What liquidations since then may have brought, and roundings [wad].
    int256 public allowance;
    /// @notice Slices that the family took of itself.
    uint256 public liquidations;
    /// @notice Times that somebody of the family was deleveraged.
    uint256 public deleveraged;

    constructor(Plimsoll memory system) {
        _system = system;
        for (uint96 i = 0; i < 3; ++i) _accounts.push(accountIdOf(_owner, i));
        _accounts.push(accountIdOf(makeAddr("outsider"), 0));
        for (uint256 i = 0; i < 4; ++i)
            _give(
                i,
                i == 0
                    ? 200_000e6
                    : i == 3
                        ? 5_000_000e6
                        : 20_000e6
            );
    }

    /// @notice Leveraged positions against the outsider, once the handler is a venue; then prices move until one
    /// account has little equity left and one has none.
    function begin() external {
        _clear(1, 3, 0, 80e18, 10_000);
        _clear(2, 3, 1, -4e18, 10_000);
        _system.feeds[0].updateAnswer(2_790e8);
        _system.feeds[1].updateAnswer(66_000e8);
        _rebase();
    }

    /// @notice Wallets and accounts of the family; an account below 0 is worth nothing to its owner [wad].
    function wealth() public view returns (int256 sum) {
        sum = int256(_system.tokens[0].balanceOf(_owner)) * 1e12;
        for (uint256 i = 0; i < 3; ++i) {
            int256 equity = _system.engine.marginOf(_accounts[i]).equity;
            if (equity > 0) sum += equity;
        }
    }

    function deposit(uint256 place, uint256 amount) external {
        uint256 held = _system.tokens[0].balanceOf(_owner);
        if (held == 0) return;
        vm.prank(_owner);
        _system.vault.deposit(_accounts[place % 3], address(_system.tokens[0]), bound(amount, 1, held));
    }

    function withdraw(uint256 place, uint256 amount) external {
        place = place % 3;
        uint256 most = _system.engine.withdrawable(_accounts[place], address(_system.tokens[0]));
        if (most == 0) return;
        vm.prank(_owner);
        _system.vault.withdraw(_accounts[place], address(_system.tokens[0]), bound(amount, 1, most), _owner);
    }

    function transfer(uint256 place, uint256 amount) external {
        place = place % 3;
        uint256 most = _system.engine.withdrawable(_accounts[place], address(_system.tokens[0]));
        // A transfer never borrows.
        int256 cash = _system.vault.cashOf(_accounts[place]);
        if (int256(most * 1e12) > cash) most = cash > 0 ? uint256(cash) / 1e12 : 0;
        if (most == 0) return;
        vm.prank(_owner);
        _system.vault.transfer(
            _accounts[place],
            _accounts[(place + 1) % 3],
            address(_system.tokens[0]),
            bound(amount, 1, most)
        );
    }

    /// @dev Half at the edges of the band; what the gate refuses is no act.
    function trade(uint256 pair, uint256 perpetual, int256 size, uint256 factorBps) external {
        (pair, perpetual) = (pair % 6, perpetual % 2);
        factorBps = bound(factorBps, 9_000, 11_000);
        if (factorBps > 10_500) factorBps = 10_500;
        if (factorBps < 9_500) factorBps = 9_500;
        size = perpetual == 0 ? bound(size, -90e18, 90e18) : bound(size, -5e18, 5e18);
        if (size == 0) return;
        uint256 taker = pair / 2;
        try this.clear(taker, (taker + 1 + (pair % 2)) % 3, perpetual, size, factorBps) {
            // A trade's quote is exact; two values and two requirements are rounded.
            allowance += 8;
        } catch {}
    }

    function liquidate(uint256 place, uint256 by, uint256 maxFraction) external {
        place = place % 3;
        by = (place + 1 + (by % 2)) % 3;
        Margin memory margin = _system.engine.marginOf(_accounts[place]);
        if (margin.equity >= int256(margin.maintenance)) return;
        maxFraction = bound(maxFraction, 1e12, 2 * WAD);
        vm.prank(_owner);
        try _system.clearinghouse.liquidate(_accounts[place], _accounts[by], maxFraction, type(int256).max) returns (
            uint256 fraction,
            int256
        ) {
            ++liquidations;
            int256 floor = int256((margin.maintenance * FLOOR_BPS) / 10_000);
            int256 own = margin.equity > 0 ? margin.equity : int256(0);
            if (floor > own) allowance += ((floor - own) * int256(fraction)) / int256(WAD);
            // A wei of two sizes at their prices, of quotes and of cash.
            allowance += 200_000;
        } catch {}
    }

    function settleVariation(uint256 place) external {
        place = place % 3;
        vm.prank(_owner);
        _system.clearinghouse.settleVariation(_accounts[place]);
        // Two positions written and one balance.
        allowance += 8;
    }

    /// @notice Who is bankrupt is flagged, and closed against one of the family or the outsider when it is due.
    function deleverage(uint256 place, uint256 other, uint256 perpetual, uint256 size) external {
        place = place % 3;
        other = (place + 1 + (other % 3)) % 4;
        perpetual = perpetual % 2;
        if (_system.engine.marginOf(_accounts[place]).equity >= 0) return;
        InstrumentId instrument = _system.perpetuals[perpetual];
        int256 held = _system.clearinghouse.positionOf(_accounts[place], instrument).size;
        if (held == 0) return;
        size = bound(size, 1, uint256(held > 0 ? held : -held));
        try _system.clearinghouse.flag(_accounts[place]) {} catch {}
        try _system.clearinghouse.deleverage(_accounts[place], _accounts[other], instrument, uint128(size)) {
            ++deleveraged;
            allowance += 16;
        } catch {}
    }

    function writeOff(uint256 place) external {
        try _system.clearinghouse.writeOff(_accounts[place % 3]) {
            allowance += 8;
        } catch {}
    }

    /// @notice An hour or two pass: funding and interest are earned, so the count begins anew.
    function wait(uint256 interval) external {
        for (uint256 i = 0; i < 3; ++i) {
            try _system.clearinghouse.flag(_accounts[i]) {} catch {}
        }
        vm.warp(block.timestamp + bound(interval, 1 hours, 2 hours));
        for (uint256 i = 0; i < 4; ++i) _system.feeds[i].updateAnswer(_system.feeds[i].latestAnswer());
        _rebase();
    }

    /// @notice A move of prices of up to 15 %: whoever wins or loses by it, the count begins anew.
    function shock(uint256 which, uint256 factorBps) external {
        which = which % 2;
        uint256[2] memory first = [uint256(3_000e8), 60_000e8];
        uint256 price = uint256(_system.feeds[which].latestAnswer()) * bound(factorBps, 8_500, 11_500);
        _system.feeds[which].updateAnswer(int256(bound(price / 10_000, first[which] / 10, first[which] * 10)));
        _rebase();
    }

    /// @dev External, so that it can be tried.
    function clear(uint256 taker, uint256 maker, uint256 perpetual, int256 size, uint256 factorBps) external {
        _clear(taker, maker, perpetual, size, factorBps);
    }

    function _rebase() private {
        baseline = wealth();
        allowance = 0;
    }

    function _clear(uint256 taker, uint256 maker, uint256 perpetual, int256 size, uint256 factorBps) private {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = _system.perpetuals[perpetual];
        trades[0].size = int128(size);
        trades[0].price = uint128((_system.clearinghouse.markOf(trades[0].instrument) * factorBps) / 10_000);
        (trades[0].taker.account, trades[0].maker.account) = (_accounts[taker], _accounts[maker]);
        _system.clearinghouse.clear(trades);
    }

    function _give(uint256 place, uint256 amount) private {
        MockToken token = _system.tokens[0];
        address owner = _accounts[place].ownerOf();
        token.mint(owner, amount);
        vm.startPrank(owner);
        token.approve(address(_system.vault), type(uint256).max);
        _system.vault.deposit(_accounts[place], address(token), amount);
        vm.stopPrank();
    }
}
