// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// solhint-disable avoid-low-level-calls, -- a random act may be refused, and its reason is looked at

import {PlimsollSetup, cashRulesOfDesign} from "./PlimsollSetup.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {FundingParameters} from "../../contracts/types/FundingRules.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";
import {Status} from "../../contracts/types/Portfolio.sol";
import {Trade} from "../../contracts/types/Trade.sol";

/// @title BooksThroughDefaultsTest
/// @notice Random lives of six accounts in two markets with funding, loans, gaps of the price and everything that happens
/// to a bankrupt account. After each act the books are flat (I1), claims are the tokens but for rounding (I2), and open
/// interest is what accounts hold.
contract BooksThroughDefaultsTest is PlimsollSetup {
    bytes4 private constant PANIC = 0x4e487b71;
    /// @dev More than rounding changes an equity by [wad].
    int256 private constant ROUNDING = 1e9;
    /// @dev Six accounts of traders; then a liquidator, the insurance fund and the treasury, whose claims count as well.
    uint256 private constant TRADERS = 6;
    uint256 private constant LIFE_WITH_EVERYTHING = 3;

    AccountId[9] private _accounts;
    AccountId private _keeper = accountIdOf(makeAddr("keeper"), 0);
    InstrumentId[2] private _perpetuals;
    /// @dev [8 decimals]
    uint256[2] private _prices = [uint256(3_000e8), 60_000e8];
    /// @dev Of the last trade in each market [wad].
    uint256[2] private _lastMarks;
    uint256 private _seed;
    /// @dev How often each act was done, by its selector.
    mapping(bytes4 act => uint256 times) private _done;

    function setUp() public {
        _deploy();
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 100;
        rules.setLiquidationRules(parameters);
        rules.setFundingRules(ETH, FundingParameters(100, 500, 7_500, 3_200));
        rules.setFundingRules(BTC, FundingParameters(-100, 500, 6_000, 2_500));
        vault.setCashRules(cashRulesOfDesign(10_000_000));
        _perpetuals = [ethPerpetual, btcPerpetual];
        for (uint256 i = 0; i < TRADERS; ++i) {
            _accounts[i] = accountIdOf(address(uint160(0xa000 + i)), 0);
            _fund(_accounts[i], usdc, 150_000e6);
        }
        (_accounts[6], _accounts[7], _accounts[8]) = (_keeper, fund, treasury);
        _fund(_accounts[0], weth, 100e18);
        _fund(_accounts[1], weth, 100e18);
        _insure(20_000e6);
    }

    function testFuzz_BooksStayWholeThroughDefaults(uint256 seed) public {
        _live(seed, 60);
    }

    /// @dev So that the test above is of something: one life has everything but the rare write-off.
    function test_ALifeHasEverything() public {
        _live(LIFE_WITH_EVERYTHING, 400);
        assertGt(_done[clearinghouse.clear.selector], 0, "trades");
        assertGt(_done[clearinghouse.liquidate.selector], 0, "liquidations");
        assertGt(_done[clearinghouse.flag.selector], 0, "flags");
        assertGt(_done[clearinghouse.deleverage.selector], 0, "deleveragings");
        assertGt(_done[clearinghouse.settleVariation.selector], 0, "settlements");
    }

    function _live(uint256 seed, uint256 acts) private {
        _seed = seed;
        for (uint256 i = 0; i < acts; ++i) {
            uint256 kind = _next(12);
            if (kind < 4) _clearSome();
            else if (kind < 6) _movePrices();
            else if (kind == 6) _liquidateSome();
            else if (kind == 7) _flagAll();
            else if (kind < 10) _deleverageAll();
            else if (kind == 10) _did(abi.encodeCall(clearinghouse.settleVariation, (_accounts[_next(TRADERS)])));
            else _endDebts();
            _checkBooks();
        }
    }

    /// @dev One call of the clearinghouse, which may refuse it, but never by a panic.
    function _did(bytes memory call) private returns (bool ok) {
        bytes memory reason;
        (ok, reason) = address(clearinghouse).call(call);
        if (ok) ++_done[bytes4(call)];
        else assertTrue(bytes4(reason) != PANIC, "a panic");
    }

    /// @dev One to three trades within 1 % of the mark, a quarter of them in dust.
    function _clearSome() private {
        Trade[] memory trades = new Trade[](1 + _next(3));
        uint256 taker = _next(TRADERS);
        for (uint256 i = 0; i < trades.length; ++i) {
            if (_next(4) == 0) taker = _next(TRADERS);
            uint256 market = _next(2);
            uint256 size = 1 + (_next(4) == 0 ? _next(3e9) : _next(market == 0 ? 400e18 : 20e18));
            trades[i].instrument = _perpetuals[market];
            trades[i].size = int128(_next(2) == 0 ? int256(size) : -int256(size));
            trades[i].price = uint128((_prices[market] * 1e10 * (9_900 + _next(200))) / 10_000);
            trades[i].taker.account = _accounts[taker];
            trades[i].maker.account = _accounts[(taker + 1 + _next(5)) % TRADERS];
            uint256 fee = (((size * trades[i].price) / WAD) * 5) / 10_000 + 1;
            (trades[i].taker.fee, trades[i].maker.fee) = (uint128(fee), uint128(fee / 3));
        }
        if (!_did(abi.encodeCall(clearinghouse.clear, (trades)))) return;
        for (uint256 i = 0; i < trades.length; ++i) {
            uint256 market = trades[i].instrument == ethPerpetual ? 0 : 1;
            _lastMarks[market] = _prices[market] * 1e10;
        }
    }

    /// @dev A third of the moves are gaps of up to a fifth.
    function _movePrices() private {
        vm.warp(block.timestamp + _next(3_000) + (_next(5) == 0 ? 5 hours : 0));
        for (uint256 i = 0; i < 2; ++i) {
            _prices[i] = (_prices[i] * (_next(3) == 0 ? 8_000 + _next(4_300) : 9_900 + _next(201))) / 10_000;
        }
        _refreshPrices();
    }

    function _refreshPrices() private {
        _setPrice(ETH, _prices[0]);
        _setPrice(BTC, _prices[1]);
    }

    function _liquidateSome() private {
        for (uint256 i = 0; i < TRADERS; ++i) {
            AccountId account = _accounts[i];
            if (_next(4) != 0 || engine.statusOf(account) < Status.Liquidatable) continue;
            _fund(_keeper, usdc, 1_000_000e6);
            int256 equity = _equityOf(account);
            vm.prank(_keeper.ownerOf());
            uint256 most = _next(2) == 0 ? WAD : 0.3e18;
            bool ok = _did(abi.encodeCall(clearinghouse.liquidate, (account, _keeper, most, type(int256).max)));
            if (ok && equity < 0) assertGe(_equityOf(account) + ROUNDING, equity, "I6: equity does not fall");
        }
    }

    function _flagAll() private {
        for (uint256 i = 0; i < TRADERS; ++i) _did(abi.encodeCall(clearinghouse.flag, (_accounts[i])));
    }

    /// @dev Everything that is flagged, against all who hold the other side.
    function _deleverageAll() private {
        for (uint256 i = 0; i < TRADERS; ++i) {
            uint256 flaggedAt = clearinghouse.flaggedAt(_accounts[i]);
            if (flaggedAt == 0) continue;
            if (block.timestamp < flaggedAt + 1 hours) {
                vm.warp(flaggedAt + 1 hours);
                _refreshPrices();
            }
            OpenPosition[] memory open = clearinghouse.openPositionsOf(_accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) {
                for (uint256 k = 0; k <= TRADERS; ++k) _deleverage(_accounts[i], _accounts[k], open[j].instrument);
            }
        }
    }

    function _deleverage(AccountId bankrupt, AccountId other, InstrumentId instrument) private {
        int256 held = clearinghouse.positionOf(bankrupt, instrument).size;
        if (held == 0) return;
        uint256 size = uint256(held > 0 ? held : -held);
        if (_next(2) == 0) size = 1 + _next(size);
        (int256 equity, int256 otherEquity) = (_equityOf(bankrupt), _equityOf(other));
        if (!_did(abi.encodeCall(clearinghouse.deleverage, (bankrupt, other, instrument, uint128(size))))) return;
        assertGe(_equityOf(bankrupt) + ROUNDING, equity, "I6: the bankrupt account is not worse off");
        // A product that is rounded down may be rounded less once the position is closed: seen, and had by nobody.
        assertLe(_equityOf(other), otherEquity + 2, "I8: nor its counterparty richer");
    }

    /// @dev Who was written off begins anew.
    function _endDebts() private {
        for (uint256 i = 0; i < TRADERS; ++i) {
            if (_did(abi.encodeCall(clearinghouse.writeOff, (_accounts[i])))) _fund(_accounts[i], usdc, 150_000e6);
        }
        clearinghouse.distributeFees();
        clearinghouse.repayDeficit();
    }

    function _checkBooks() private view {
        int256 claims = int256(clearinghouse.reserve() + vault.interestReserve()) - int256(clearinghouse.deficit());
        int256[2] memory sizes;
        uint256[2] memory longs;
        for (uint256 i = 0; i < _accounts.length; ++i) {
            claims += vault.cashOf(_accounts[i]);
            OpenPosition[] memory open = clearinghouse.openPositionsOf(_accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) {
                uint256 market = open[j].instrument == ethPerpetual ? 0 : 1;
                claims += open[j].realQuote;
                sizes[market] += open[j].size;
                if (open[j].size > 0) longs[market] += uint256(int256(open[j].size));
            }
        }
        int256 tokens = int256(vault.trackedOf(address(usdc)) * 1e12);
        assertLe(claims, tokens, "I2: claims are at most the tokens");
        assertGe(claims, tokens - 1e12, "I2: and less by rounding only");
        uint256 notional;
        for (uint256 market = 0; market < 2; ++market) {
            assertEq(sizes[market], 0, "I1: the book is flat");
            assertEq(longs[market], clearinghouse.openInterestOf(_perpetuals[market]), "I1: open interest");
            notional += (longs[market] * _lastMarks[market]) / 1e36;
        }
        assertEq(clearinghouse.openNotional(), notional * WAD, "open interest at the last marks");
    }

    function _next(uint256 below) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % below;
    }
}
