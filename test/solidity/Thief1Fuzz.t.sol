// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashParameters} from "../../contracts/types/Cash.sol";
import {FundingParameters} from "../../contracts/types/FundingRules.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";
import {Status} from "../../contracts/types/Portfolio.sol";
import {Trade} from "../../contracts/types/Trade.sol";
import {console} from "hardhat/console.sol";

/// @title Thief1FuzzTest
/// @notice Random lives of six accounts with funding, lenders and deleveraging: the books stay whole.
contract Thief1FuzzTest is PlimsollSetup {
    AccountId[6] private _accounts;
    AccountId private _keeper = accountIdOf(makeAddr("keeper"), 0);
    uint256[2] private _prices;
    uint256[2] private _lastMarks;
    uint256 private _seed;
    mapping(bytes4 => uint256) private _reverts;
    bytes4[] private _seen;
    uint256[8] private _done;

    function setUp() public {
        _deploy();
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 100;
        rules.setLiquidationRules(parameters);
        rules.setFundingRules(ETH, FundingParameters(100, 500, 7_500, 3_200));
        rules.setFundingRules(BTC, FundingParameters(-100, 500, 6_000, 2_500));
        vault.setCashRules(CashParameters(200, 800, 8_500, 9_000, 20, 10_000_000));
        for (uint256 i = 0; i < 6; ++i) {
            _accounts[i] = accountIdOf(address(uint160(0xa000 + i)), 0);
            _fund(_accounts[i], usdc, 150_000e6);
        }
        _fund(_accounts[0], weth, 100e18);
        _fund(_accounts[1], weth, 100e18);
        _insure(20_000e6);
    }

    function test_Lives() public {
        for (uint256 s = 1; s <= 6; ++s) {
            uint256 snapshot = vm.snapshotState();
            _seed = s;
            _life(400);
            for (uint256 i = 0; i < 8; ++i) console.log("did", i, _done[i]);
            for (uint256 i = 0; i < _seen.length; ++i) {
                console.log("revert", vm.toString(abi.encodePacked(_seen[i])), _reverts[_seen[i]]);
            }
            vm.revertToState(snapshot);
        }
    }

    function _next(uint256 n) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % n;
    }

    function _life(uint256 steps) private {
        _prices = [uint256(3_000e8), 60_000e8];
        for (uint256 i = 0; i < steps; ++i) {
            uint256 what = _next(12);
            if (what < 4) _tradeSome();
            else if (what < 6) _move();
            else if (what == 6) _liquidateSome();
            else if (what == 7) _flagAll();
            else if (what == 8 || what == 9) _deleverageSome();
            else if (what == 10) _settleSome();
            else _fundActs();
            _check();
        }
    }

    function _note(bytes memory reason) private {
        bytes4 selector = bytes4(reason);
        if (_reverts[selector]++ == 0) _seen.push(selector);
        assertTrue(selector != 0x4e487b71, "a panic");
    }

    function _tradeSome() private {
        Trade[] memory trades = new Trade[](1 + _next(3));
        uint256 taker = _next(6);
        for (uint256 i = 0; i < trades.length; ++i) {
            if (_next(4) == 0) taker = _next(6);
            uint256 market = _next(2);
            trades[i].instrument = market == 0 ? ethPerpetual : btcPerpetual;
            uint256 size = (_next(4) == 0 ? _next(3e9) : _next(market == 0 ? 400e18 : 20e18)) + 1;
            trades[i].size = int128(_next(2) == 0 ? int256(size) : -int256(size));
            trades[i].price = uint128((_prices[market] * 1e10 * (9_900 + _next(200))) / 10_000);
            trades[i].taker.account = _accounts[taker];
            trades[i].maker.account = _accounts[(taker + 1 + _next(5)) % 6];
            uint256 fee = (((size * trades[i].price) / 1e18) * 5) / 10_000 + 1;
            (trades[i].taker.fee, trades[i].maker.fee) = (uint128(fee), uint128(fee / 3));
        }
        try clearinghouse.clear(trades) {
            ++_done[0];
            for (uint256 i = 0; i < trades.length; ++i) {
                uint256 market = trades[i].instrument == ethPerpetual ? 0 : 1;
                _lastMarks[market] = _prices[market] * 1e10;
            }
        } catch (bytes memory reason) {
            _note(reason);
        }
    }

    function _move() private {
        vm.warp(block.timestamp + _next(3_000));
        if (_next(5) == 0) vm.warp(block.timestamp + 5 hours);
        for (uint256 i = 0; i < 2; ++i) {
            _prices[i] = (_prices[i] * (_next(3) == 0 ? 8_000 + _next(4_300) : 9_900 + _next(201))) / 10_000;
            _setPrice(uint24(i + 1), _prices[i]);
        }
    }

    function _liquidateSome() private {
        for (uint256 i = 0; i < 6; ++i) {
            if (_next(4) != 0) continue;
            Status status = engine.statusOf(_accounts[i]);
            if (status < Status.Liquidatable) continue;
            _fund(_keeper, usdc, 1_000_000e6);
            (int256 before, ) = (_equityOf(_accounts[i]), 0);
            vm.prank(_keeper.ownerOf());
            try clearinghouse.liquidate(_accounts[i], _keeper, _next(2) == 0 ? 1e18 : 3e17, type(int256).max) {
                ++_done[1];
                if (before < 0) assertGe(_equityOf(_accounts[i]) + 1e9, before, "I6");
            } catch (bytes memory reason) {
                _note(reason);
            }
        }
    }

    function _flagAll() private {
        for (uint256 i = 0; i < 6; ++i) {
            try clearinghouse.flag(_accounts[i]) {
                ++_done[2];
            } catch (bytes memory reason) {
                _note(reason);
            }
        }
    }

    function _deleverageSome() private {
        for (uint256 i = 0; i < 6; ++i) {
            uint256 time = clearinghouse.flaggedAt(_accounts[i]);
            if (time == 0) continue;
            if (block.timestamp < time + 1 hours) {
                vm.warp(time + 1 hours);
                _setPrice(1, _prices[0]);
                _setPrice(2, _prices[1]);
            }
            OpenPosition[] memory open = clearinghouse.openPositionsOf(_accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) {
                for (uint256 k = 0; k < 7; ++k) _deleverage(_accounts[i], k == 6 ? _keeper : _accounts[k], open[j]);
            }
        }
    }

    function _deleverage(AccountId bankrupt, AccountId other, OpenPosition memory open) private {
        int256 held = clearinghouse.positionOf(bankrupt, open.instrument).size;
        int256 opposite = clearinghouse.positionOf(other, open.instrument).size;
        if (held == 0 || opposite == 0 || (held > 0) == (opposite > 0)) return;
        uint256 size = uint256(held > 0 ? held : -held);
        uint256 most = uint256(opposite > 0 ? opposite : -opposite);
        if (most < size) size = most;
        if (_next(2) == 0) size = 1 + _next(size);
        int256 otherEquity = _equityOf(other);
        int256 equity = _equityOf(bankrupt);
        int256 index = 0;
        try clearinghouse.deleverage(bankrupt, other, open.instrument, uint128(size)) {
            ++_done[3];
            assertGe(_equityOf(bankrupt) + 1e9, equity, "bankrupt not worse");
            assertLe(_equityOf(other), otherEquity, "counterparty not richer");
            index;
        } catch (bytes memory reason) {
            _note(reason);
        }
    }

    function _settleSome() private {
        try clearinghouse.settleVariation(_accounts[_next(6)]) {
            ++_done[4];
        } catch (bytes memory reason) {
            _note(reason);
        }
    }

    function _fundActs() private {
        for (uint256 i = 0; i < 6; ++i) {
            try clearinghouse.writeOff(_accounts[i]) {
                ++_done[5];
                _fund(_accounts[i], usdc, 150_000e6);
            } catch (bytes memory reason) {
                _note(reason);
            }
        }
        clearinghouse.distributeFees();
        clearinghouse.repayDeficit();
        ++_done[6];
    }

    function _check() private view {
        int256 claims =
            int256(clearinghouse.reserve()) + int256(vault.interestReserve()) - int256(clearinghouse.deficit());
        int256[2] memory sizes;
        int256[2] memory longs;
        for (uint256 i = 0; i < 9; ++i) {
            AccountId account =
                i < 6
                    ? _accounts[i]
                    : i == 6
                        ? _keeper
                        : i == 7
                            ? fund
                            : treasury;
            claims += vault.cashOf(account);
            OpenPosition[] memory open = clearinghouse.openPositionsOf(account);
            for (uint256 j = 0; j < open.length; ++j) {
                uint256 market = open[j].instrument == ethPerpetual ? 0 : 1;
                claims += open[j].realQuote;
                sizes[market] += open[j].size;
                if (open[j].size > 0) longs[market] += open[j].size;
            }
        }
        int256 tokens = int256(vault.trackedOf(address(usdc)) * 1e12);
        assertLe(claims, tokens, "claims");
        assertGe(claims, tokens - 1e12, "nothing vanishes");
        assertEq(sizes[0], 0);
        assertEq(sizes[1], 0);
        assertEq(uint256(longs[0]), clearinghouse.openInterestOf(ethPerpetual));
        assertEq(uint256(longs[1]), clearinghouse.openInterestOf(btcPerpetual));
        uint256 whole = (uint256(longs[0]) * _lastMarks[0]) / 1e36 + (uint256(longs[1]) * _lastMarks[1]) / 1e36;
        assertEq(clearinghouse.openNotional(), whole * 1e18, "open notional");
    }
}
