// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Plimsoll} from "../PlimsollSetup.sol";
import {LiquidationHandler} from "./LiquidationHandler.sol";
import {IClearinghouse} from "../../../contracts/interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {IVault} from "../../../contracts/interfaces/IVault.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {Trade} from "../../../contracts/types/Trade.sol";

/// @title PlimsollHandler
/// @notice Eight accounts that deposit, withdraw, trade, settle and liquidate while prices jump. Each act asserts its
/// own post-conditions, and those of everybody else (Observer); any error that the design does not name fails the
/// campaign.
/// @dev It is itself a registered venue. Every eighth act is preceded by a trade and a liquidation, brought about by a
/// jump of the price if nobody is below the line, so that no campaign is vacuous.
contract PlimsollHandler is LiquidationHandler {
    uint256 private constant HEARTBEAT = 8;

    /// @notice How often each act succeeded.
    mapping(bytes32 act => uint256 count) public calls;
    /// @notice Acts tried in all.
    uint256 public acts;
    /// @notice Sent to the vault by mistake [token].
    mapping(address token => uint256 amount) public donated;

    modifier act(uint64 roll) {
        uint256 seed = _diceOf(~roll);
        if (++acts % HEARTBEAT == 0) {
            _tradeSurely(seed);
            calls["liquidate"] += _bringDown(seed >> 24) ? 1 : 0;
        }
        _;
    }

    constructor(Plimsoll memory system) {
        _openAccounts(system);
        for (uint256 i = 0; i < ACTORS; ++i) {
            _give(i, 0, i == KEEPER ? 5_000_000e6 : 20_000e6);
            if (i % 2 == 1)
                _give(
                    i,
                    1 + i / 2,
                    i == 7
                        ? 100
                        : i == 1
                            ? 3e18
                            : i == 3
                                ? 0.1e8
                                : 50e24
                );
        }
        _look();
    }

    // ------------------------------------------------------------------ tokens

    function deposit(uint64 roll, uint256 amount) external act(roll) {
        uint256 seed = _diceOf(roll);
        uint256 place = seed % ACTORS;
        _takesPart(place);
        Margin memory before = _marginOf(place);
        _give(place, (seed >> 8) % 5, bound(amount, 1, _unitsOf((seed >> 8) % 5, 5_000)));
        assertGe(_marginOf(place).equity, before.equity, "a deposit never lowers equity");
        _done("deposit");
    }

    /// @dev I10: what the view says can be withdrawn, and a unit more cannot.
    function withdraw(uint64 roll, uint256 amount, bool tooMuch) external act(roll) {
        uint256 seed = _diceOf(roll);
        uint256 place = seed % ACTORS;
        MockToken token = _system.tokens[(seed >> 8) % 5];
        uint256 most = _system.engine.withdrawable(_accounts[place], address(token));
        if (!tooMuch && most == 0) return;
        _takesPart(place);
        address owner = _accounts[place].ownerOf();
        amount = tooMuch ? most + 1 : bound(amount, 1, most);

        vm.prank(owner);
        try _system.vault.withdraw(_accounts[place], address(token), amount, owner) {
            assertFalse(tooMuch, "I10: more than the view says was withdrawn");
            _done("withdraw");
        } catch (bytes memory reason) {
            assertTrue(tooMuch, "I10: less than the view says was refused");
            _expect(reason, IMarginEngine.BelowInitialMargin.selector, IVault.InsufficientBalance.selector);
        }
    }

    function transfer(uint64 roll, uint256 amount) external act(roll) {
        uint256 seed = _diceOf(roll);
        (uint256 from, uint256 to) = (seed % 3, (seed + 1 + ((seed >> 8) % 2)) % 3);
        MockToken token = _system.tokens[(seed >> 16) % 5];
        uint256 most = _system.engine.withdrawable(_accounts[from], address(token));
        if (most == 0) return;
        _takesPart(from);
        _takesPart(to);

        vm.prank(_accounts[from].ownerOf());
        _system.vault.transfer(_accounts[from], _accounts[to], address(token), bound(amount, 1, most));
        _done("transfer");
    }

    function insure(uint64 roll, uint256 amount) external act(roll) {
        amount = bound(amount, 1, 20_000e6);
        MockToken token = _system.tokens[0];
        token.mint(address(this), amount);
        token.approve(address(_system.vault), amount);
        _system.vault.deposit(_system.fund, address(token), amount);
        _done("insure");
    }

    function sendByMistake(uint64 roll, uint256 amount) external act(roll) {
        uint256 seed = _diceOf(roll);
        MockToken token = _system.tokens[seed % 5];
        amount = bound(amount, 1, 1e24);
        token.mint(address(_system.vault), amount);
        donated[address(token)] += amount;
        _done("sendByMistake");
    }

    // ------------------------------------------------------------------ positions

    function trade(uint64 roll, uint256 notional, int256 offsetBps) external act(roll) {
        uint256 seed = _diceOf(roll);
        offsetBps = bound(offsetBps, -600, 600);
        // Half of the trades are at the very edge of the band.
        if (offsetBps > 500) offsetBps = 500;
        if (offsetBps < -500) offsetBps = -500;
        _tradeNotional(seed, seed >> 8, seed >> 16, notional, offsetBps);
    }

    /// @dev The same by signed orders, at the Exchange's fees.
    function tradeSigned(uint64 roll, uint256 notional) external act(roll) {
        uint256 seed = _diceOf(roll);
        (uint256 taker, uint256 maker) = _pairOf(seed, seed >> 8);
        uint256 perpetual = (seed >> 16) % 3;
        Signed memory signed;
        (signed.taker, signed.takerKey) = (_accounts[taker], _keys[taker]);
        (signed.maker, signed.makerKey) = (_accounts[maker], _keys[maker]);
        signed.instrument = _system.perpetuals[perpetual];
        signed.price = uint128(_markOf(perpetual));
        signed.size = int128(int256(_sizeFor(taker, maker, perpetual, notional)));
        if ((seed >> 24) % 2 == 0) signed.size = -signed.size;
        _takesPart(taker);
        _takesPart(maker);
        try this.matchSigned(signed) {
            _wrote(2);
            _done("tradeSigned");
        } catch (bytes memory reason) {
            _expect(reason, IMarginEngine.RiskNotReduced.selector, bytes4(0));
            _verify(false);
        }
    }

    /// @dev External, so that the orders' making can be tried as a whole.
    function matchSigned(Signed memory signed) external {
        _matchSigned(_system.exchange, signed);
    }

    /// @dev Closes as much as the counterparty can take, never opening on either side.
    function close(uint64 roll, uint256 size, int256 offsetBps) external act(roll) {
        uint256 seed = _diceOf(roll);
        uint256 perpetual = (seed >> 8) % 3;
        uint256 taker = seed % ACTORS;
        int256 held = _sizeOf(taker, perpetual);
        uint256 maker = taker;
        for (uint256 i = 1; i < ACTORS && maker == taker; ++i) {
            int256 other = _sizeOf((taker + i) % ACTORS, perpetual);
            if (held > 0 ? other < 0 : held < 0 && other > 0) maker = (taker + i) % ACTORS;
        }
        if (maker == taker) return;
        uint256 most = _least(_magnitude(held), _magnitude(_sizeOf(maker, perpetual)));
        // A third closes what can be closed, and a third leaves a leg of 1 wei with all that it has won or lost.
        uint256 third = size % 3;
        size =
            third == 0 || most == 1
                ? most
                : third == 1
                    ? most - 1
                    : bound(size, 1, most);
        _clear(taker, maker, perpetual, held > 0 ? -int256(size) : int256(size), bound(offsetBps, -500, 500), true);
    }

    /// @dev The owner at any time, anyone when it is below initial margin; equity loses 2 wei for each position at
    /// most.
    function settleVariation(uint64 roll, bool byOwner) external act(roll) {
        uint256 seed = _diceOf(roll);
        uint256 place = seed % ACTORS;
        _takesPart(place);
        Margin memory before = _marginOf(place);
        if (byOwner) vm.prank(_accounts[place].ownerOf());
        try _system.clearinghouse.settleVariation(_accounts[place]) {
            int256 lost = before.equity - _marginOf(place).equity;
            assertTrue(lost >= 0 && lost <= 6, "I8: settling variation leaves equity as it is");
            _wrote(3);
            _done("settleVariation");
        } catch (bytes memory reason) {
            assertTrue(!byOwner && before.equity >= int256(before.initial), "due, but refused");
            _expect(reason, IClearinghouse.VariationNotDue.selector, bytes4(0));
        }
    }

    function liquidate(uint64 roll, uint256 maxFraction) external act(roll) {
        uint256 seed = _diceOf(roll);
        uint256 place = _firstBelow(seed);
        if (place == ACTORS) return;
        uint256 liquidator = (place + 1 + ((seed >> 8) % (ACTORS - 1))) % ACTORS;
        // Half of the slices are as large as they may be.
        maxFraction = maxFraction % 2 == 0 ? WAD : bound(maxFraction, 1e12, WAD);
        if (_liquidate(place, liquidator, maxFraction)) ++calls["liquidate"];
    }

    // ------------------------------------------------------------------ the world

    function movePrice(uint64 roll, uint256 factorBps) external act(roll) {
        uint256 seed = _diceOf(roll);
        _movePrice(seed % 4, bound(factorBps, 7_000, 13_000));
        ++calls["movePrice"];
    }

    function passTime(uint64 roll, uint256 interval) external act(roll) {
        vm.warp(block.timestamp + bound(interval, 1, 30 days));
        for (uint256 i = 0; i < 4; ++i) _system.feeds[i].updateAnswer(_system.feeds[i].latestAnswer());
        _done("passTime");
    }

    // ------------------------------------------------------------------ internals

    /// @dev Fuzzers prefer small and extreme numbers; who acts on what should be even.
    function _diceOf(uint64 roll) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(roll))) >> 32;
    }

    function _done(bytes32 name) private {
        ++calls[name];
        _verify(false);
    }

    /// @dev Mints for the account's owner and deposits; token 0 is the settlement token.
    function _give(uint256 place, uint256 which, uint256 amount) private {
        address owner = _accounts[place].ownerOf();
        MockToken token = _system.tokens[which];
        token.mint(owner, amount);
        vm.startPrank(owner);
        token.approve(address(_system.vault), amount);
        _system.vault.deposit(_accounts[place], address(token), amount);
        vm.stopPrank();
    }

    /// @dev So many dollars at the first prices [token].
    function _unitsOf(uint256 which, uint256 dollars) private view returns (uint256) {
        uint256[5] memory prices = [uint256(1), 3_000, 60_000, 150, 50];
        return (dollars * 10 ** _system.tokens[which].decimals()) / prices[which];
    }

    /// @dev A trade as large as both sides can carry; if that is refused, other sides and smaller trades until one
    /// clears.
    function _tradeSurely(uint256 seed) private {
        uint256 before = calls["trade"];
        uint256 notional = type(uint256).max;
        for (uint256 i = 0; i < 16 && calls["trade"] == before; ++i) {
            _tradeNotional(seed + i, seed >> 8, (seed >> 16) + i, notional, 0);
            notional = 12_800e18 >> i;
        }
    }

    function _tradeNotional(uint256 a, uint256 b, uint256 which, uint256 notional, int256 offsetBps) private {
        (uint256 taker, uint256 maker) = _pairOf(a, b);
        uint256 perpetual = which % 3;
        int256 size = int256(_sizeFor(taker, maker, perpetual, notional));
        _clear(taker, maker, perpetual, (which >> 8) % 2 == 0 ? size : -size, offsetBps, false);
    }

    /// @dev Clears one trade, with a fee of 5 bps for the taker and a builder's fee for the maker.
    function _clear(
        uint256 taker,
        uint256 maker,
        uint256 perpetual,
        int256 size,
        int256 offsetBps,
        bool reduceOnly
    ) private {
        uint256 price = (_markOf(perpetual) * uint256(10_000 + offsetBps)) / 10_000;
        if (offsetBps < 0) ++price;
        uint256 notional = (_magnitude(size) * price) / WAD;
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = _system.perpetuals[perpetual];
        (trades[0].size, trades[0].price) = (int128(size), uint128(price));
        (trades[0].taker.account, trades[0].maker.account) = (_accounts[taker], _accounts[maker]);
        (trades[0].taker.reduceOnly, trades[0].maker.reduceOnly) = (reduceOnly, reduceOnly);
        trades[0].taker.fee = uint128(notional / 2_000);
        trades[0].maker.builderFee = uint128(notional / 10_000);
        trades[0].maker.builder = _accounts[BUILDER].ownerOf();
        _takesPart(taker);
        _takesPart(maker);
        try _system.clearinghouse.clear(trades) {
            _wrote(2);
            ++calls[reduceOnly ? bytes32("close") : bytes32("trade")];
        } catch (bytes memory reason) {
            _expect(reason, IMarginEngine.RiskNotReduced.selector, bytes4(0));
        }
        _verify(false);
    }

    /// @dev From a hundred dollars to what both sides could just carry, so that most trades pass and some do not.
    function _sizeFor(
        uint256 taker,
        uint256 maker,
        uint256 perpetual,
        uint256 notional
    ) private view returns (uint256) {
        (int256 a, int256 b) = (_marginOf(taker).equity, _marginOf(maker).equity);
        int256 poorer = a < b ? a : b;
        uint256 most = poorer > 20e18 ? 14 * uint256(poorer) : 280e18;
        return (bound(notional, 100e18, most) * WAD) / _markOf(perpetual) + 1;
    }

    function _pairOf(uint256 a, uint256 b) private pure returns (uint256 taker, uint256 maker) {
        taker = a % ACTORS;
        maker = (taker + 1 + (b % (ACTORS - 1))) % ACTORS;
    }
}
