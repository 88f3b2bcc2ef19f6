// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Plimsoll} from "../PlimsollSetup.sol";
import {Books} from "./BooksModel.sol";
import {ParametersHandler} from "./ParametersHandler.sol";
import {IExchange, SignedOrder} from "../../../contracts/interfaces/IExchange.sol";
import {IMarginEngine} from "../../../contracts/interfaces/IMarginEngine.sol";
import {AccountId} from "../../../contracts/types/AccountId.sol";
import {Margin} from "../../../contracts/types/Portfolio.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {IClearinghouse} from "../../../contracts/interfaces/IClearinghouse.sol";
import {IPriceOracle} from "../../../contracts/interfaces/IPriceOracle.sol";

/// @title PlimsollHandler
/// @notice Eight accounts that deposit, withdraw, trade, settle and liquidate while prices jump and feeds fall silent.
/// Each act works out what it must change, and everything is compared with that to the wei; any error that the design
/// does not name fails the campaign.
/// @dev It is itself a registered venue and the guardian. Every eighth act is preceded by a trade and a liquidation,
/// brought about by a jump of the price if nobody is below the line, so that no campaign is vacuous. The arguments of an
/// act are one number each, so that a failing sequence is a list of (act, number) that can be replayed.
contract PlimsollHandler is ParametersHandler {
    uint256 private constant HEARTBEAT = 8;

    /// @notice Acts tried in all.
    uint256 public acts;

    modifier act() {
        if (++acts % HEARTBEAT == 0) _beat(_diceOf(uint64(acts), 0));
        _;
    }

    constructor(Plimsoll memory system) {
        _openAccounts(system);
        _openWorld();
        _openRates();
    }

    /// @notice First deposits, once the limits are set.
    function begin() external {
        for (uint256 i = 0; i < ACTORS; ++i) {
            _give(i, 0, i == KEEPER ? 5_000_000e6 : 20_000e6);
        }
        _give(1, 1, 1e18);
        _give(3, 2, 0.1e8);
        _give(5, 3, 10e24);
        _give(7, 4, 100);
        _look();
        _insure(5_000e6);
    }

    /// @notice A reduction that nothing may stop: both sides above the line, the perpetual's feed speaking; size 0 when
    /// there is none.
    function reductionOf(
        uint256 place,
        uint256 perpetual
    ) external view returns (AccountId account, AccountId other, int256 size) {
        if (perpetual == silent || _sizeOf(place, perpetual) == 0) return (account, other, 0);
        (uint256 taker, uint256 maker) = _oppositesOf(place, perpetual);
        if (taker != place || maker == place) return (account, other, 0);
        for (uint256 i = 0; i < 2; ++i) {
            (bool priced, Margin memory margin) = _tryMarginOf(i == 0 ? taker : maker);
            if (!priced || margin.equity < int256(margin.maintenance)) return (account, other, 0);
        }
        (account, other, size) = (_accounts[taker], _accounts[maker], _sizeOf(taker, perpetual));
        int256 opposite = -_sizeOf(maker, perpetual);
        if (size > 0 ? opposite < size : opposite > size) size = opposite;
    }

    // ------------------------------------------------------------------ tokens

    function deposit(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 1);
        uint256 which = (seed >> 8) % TOKENS;
        uint256 inDanger = (seed >> 24) % 2 == 0 ? _firstInDanger(seed) : ACTORS;
        if (inDanger != ACTORS) {
            bool isFull = (seed >> 28) % 4 != 0;
            if (isFull) _reachCap();
            // Above the cap an account may bring as much as it requires, so the amounts are small.
            return _deposit(inDanger, 0, bound(seed >> 32, 1, isFull ? 50e6 : 500e6), seed >> 16);
        }
        _deposit(seed % ACTORS, which, bound(seed >> 32, 1, _unitsOf(which, 5_000)), seed >> 16);
    }

    /// @dev A quarter borrow all that they can on collateral, or a unit more.
    function withdraw(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 2);
        if ((seed >> 32) % 4 == 0) {
            bool tooMuch = (seed >> 16) % 2 == 0;
            return _withdraw(2 * (seed % 4) + 1, 0, type(uint256).max, tooMuch, seed >> 24);
        }
        _withdraw(
            seed % ACTORS,
            (seed >> 8) % 8 < 4 ? 0 : (seed >> 12) % TOKENS,
            seed >> 64,
            (seed >> 16) % 3 == 0,
            seed >> 24
        );
    }

    function transfer(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 3);
        // Most have nothing but cash.
        uint256 which = (seed >> 48) % 4 == 0 ? (seed >> 16) % TOKENS : 0;
        _transfer(seed % 3, (seed + 1 + ((seed >> 8) % 2)) % 3, which, seed >> 64, seed >> 24);
    }

    function insure(uint64 roll) external act {
        _insure(bound(_diceOf(roll, 4), 1, 5_000e6));
    }

    function sendByMistake(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 5);
        _sendByMistake(seed % TOKENS, bound(seed >> 8, 1, 1e24));
    }

    // ------------------------------------------------------------------ positions

    function trade(uint64 roll) external act {
        _clearOne(_dealOf(_diceOf(roll, 6)));
    }

    /// @dev Two to four trades of one call, in several instruments and with several parties.
    function tradeBatch(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 7);
        Deal[] memory deals = new Deal[](2 + (seed % 3));
        for (uint256 i = 0; i < deals.length; ++i) {
            deals[i] = _dealOf(_diceOf(roll, 100 + i));
            // Half of the batches have one taker, and half are small enough for most to carry.
            if (seed % 2 == 0 && deals[i].maker != deals[0].taker) deals[i].taker = deals[0].taker;
            if ((seed >> 8) % 2 == 0) _shrink(deals[i], 16);
        }
        _clear(deals);
    }

    /// @dev By signed orders at the Exchange's fees; by the owner's key, an operator's, or one that has no right. A
    /// third are filled in two parts, and a third wait for a price. An order that is filled is never filled again.
    function tradeSigned(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 8);
        Deal memory deal = _dealOf(seed);
        if ((seed >> 56) % 2 == 0) _shrink(deal, 16);
        Signed memory signed;
        (signed.taker, signed.maker, signed.makerKey) = (
            _accounts[deal.taker],
            _accounts[deal.maker],
            _keys[deal.maker]
        );
        // A quarter are signed by the operator who has the right to, if nobody took it.
        (address signer, bool allowed) = _callerOf(deal.taker, 0, (seed >> 52) % 4 == 0 ? 10 : seed >> 128);
        signed.takerKey = _keyOf(deal.taker, signer);
        signed.instrument = _system.perpetuals[deal.perpetual];
        signed.price = uint128(_answerOf(deal.perpetual));
        signed.size = int128(deal.size);
        _drawTrigger(signed, seed >> 216);
        SignedOrder[2] memory orders = _signedPair(_system.exchange, signed);
        uint256 size = _magnitude(deal.size);
        uint256 first = (seed >> 192) % 3 == 0 ? bound(seed >> 200, 1, size) : size;

        if (!_fill(deal, signed, orders, first, allowed)) return;
        _happened("operator signed", signer != _ownerOf(deal.taker));
        if (first < size) {
            _assertPartlyFilled(orders, first, size - first);
            ++calls["partly filled"];
            if (!_fill(deal, signed, orders, size - first, allowed)) return;
            ++calls["filled in two parts"];
        }
        _assertUsed(orders, uint128(size));
    }

    /// @dev An act: fills so much of both orders; false when that is refused as the design wants it.
    function _fill(
        Deal memory deal,
        Signed memory signed,
        SignedOrder[2] memory orders,
        uint256 size,
        bool allowed
    ) private returns (bool) {
        Books memory before = _books();
        signed.size = deal.size > 0 ? int128(int256(size)) : -int128(int256(size));
        _takesPart(deal.taker);
        _takesPart(deal.maker);
        try this.matchPair(orders, uint128(size)) {
            assertTrue(allowed, "I4: an order without a right");
            _assertTriggered(signed, deal.perpetual);
            _expectSigned(before, signed, deal.taker, deal.maker);
            _lastMark[deal.perpetual] = signed.price;
            ++calls["tradeSigned"];
            _verify(before, false);
            return true;
        } catch (bytes memory reason) {
            if (!allowed) _expect(reason, IExchange.InvalidSignature.selector);
            else if (_waits(signed, deal.perpetual)) _expect(reason, IExchange.TriggerNotReached.selector);
            else _expectTradeError(reason, deal.perpetual);
            _verifyRefused(before, allowed ? bytes32("trade refused") : bytes32("stranger refused"));
            return false;
        }
    }

    /// @dev External, so that it can be tried.
    function matchPair(SignedOrder[2] memory orders, uint128 size) external {
        SignedOrder[] memory makers = new SignedOrder[](1);
        makers[0] = orders[1];
        uint128[] memory sizes = new uint128[](1);
        sizes[0] = size;
        _system.exchange.matchOrders(orders[0], makers, sizes);
    }

    /// @dev Closes as much as the counterparty can take, never opening on either side; at the last mark when the feed is
    /// silent.
    function close(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 9);
        uint256 perpetual = silent < 3 && (seed >> 16) % 2 == 0 ? silent : (seed >> 8) % 3;
        (uint256 taker, uint256 maker) = _oppositesOf(seed, perpetual);
        if (maker == taker) return;
        int256 held = _sizeOf(taker, perpetual);
        uint256 most = _least(_magnitude(held), _magnitude(_sizeOf(maker, perpetual)));
        // A third closes what can be closed, and a third leaves a leg of 1 wei with all that it has won or lost.
        uint256 third = (seed >> 24) % 3;
        if (third == 1 && most > 1) --most;
        if (third == 2) most = bound(seed >> 64, 1, most);
        Deal memory deal = Deal(taker, maker, perpetual, held > 0 ? -int256(most) : int256(most), 0, 0, 0, 0, true);
        _price(deal, int256((seed >> 32) % 1_001) - 500, seed >> 48);
        _clearOne(deal);
    }

    function settleVariation(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 10);
        uint256 inDanger = (seed >> 16) % 2 == 0 ? _firstInDanger(seed) : ACTORS;
        // A third are called by a stranger.
        _settleVariation(inDanger == ACTORS ? seed % ACTORS : inDanger, (seed >> 32) % 3 == 0 ? 15 : seed >> 8);
    }

    function liquidate(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 11);
        // While a feed is silent, half of them are against accounts that hang on it.
        uint256 place = (seed >> 32) % 2 == 0 ? _firstUnread(seed) : ACTORS;
        if (place == ACTORS) place = _firstBelow(seed);
        if (place == ACTORS) return;
        uint256 liquidator = (place + 1 + ((seed >> 8) % (ACTORS - 1))) % ACTORS;
        // Half of the slices are as large as they may be, and a quarter leave next to nothing.
        uint256 least = (seed >> 17) % 2 == 0 ? 1e12 : 0.98e18;
        _liquidate(place, liquidator, (seed >> 16) % 2 == 0 ? WAD : bound(seed >> 64, least, WAD), seed >> 24);
    }

    // ------------------------------------------------------------------ defaults

    /// @dev Half of the time of somebody who is bankrupt, brought about if nobody is; else of somebody who was flagged
    /// and pays its loss before.
    function flag(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 18);
        if (seed % 2 == 0) return _flag(_bankrupt(seed >> 8));
        uint256 place = _flagged(seed >> 8);
        int256 equity = _equityIn(_books(), place);
        if (_flaggedAt[place] != 0 && equity < 0) _deposit(place, 0, uint256(-equity) / 1e12 + 1e6, seed >> 24);
        _flag(place);
    }

    function deleverage(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 19);
        _deleverageAll(_bankrupt(seed >> 8), seed);
    }

    function deleverageWrongly(uint64 roll) external act {
        _deleverageWrongly(_diceOf(roll, 20));
    }

    function writeOff(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 21);
        uint256 place = seed % ACTORS;
        if ((seed >> 8) % 4 != 0) {
            place = _bankrupt(seed >> 16);
            _closeAtMark(place);
        }
        _writeOff(place);
    }

    function repayDeficit(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 22);
        if (seed % 2 == 0) _insure(bound(seed >> 8, 1, 20_000e6));
        _repayDeficit();
    }

    function takeFromFund(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 23);
        _takeFromFund(seed % ACTORS, bound(seed >> 64, 1, 8_000e18));
    }

    function distributeFees(uint64) external act {
        _distributeFees();
    }

    // ------------------------------------------------------------------ funding and interest

    function setFundingRules(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 24);
        _setInterest(seed % 3, int16(int256((seed >> 8) % 801)) - 400);
    }

    function accrueFunding(uint64 roll) external act {
        _accrueFunding(_diceOf(roll, 25) % 3);
    }

    function accrueInterest(uint64) external act {
        _accrueInterest();
    }

    // ------------------------------------------------------------------ requirements

    function pokeVolatility(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 27);
        if ((seed >> 64) % 4 == 0) return _agitate(seed >> 72);
        _pokeVolatility(seed % 3, (seed >> 8) % 4 == 0 ? (seed >> 16) % 8 : 1_000);
    }

    /// @dev Half of the time of somebody who is to be called; a quarter twice, with less than an hour or two between.
    function callMargin(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 28);
        uint256 place = seed % 2 == 0 ? _firstInDanger(seed >> 8) : ACTORS;
        if (place == ACTORS) place = (seed >> 8) % ACTORS;
        _callMargin(place);
        if ((seed >> 32) % 4 != 0) return;
        _passTime(bound(seed >> 64, 1, 2 hours));
        _callMargin(place);
    }

    function changeParameters(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 29);
        _changeParameters(seed % 4, (seed >> 8) % 12, _diceOf(roll, 30));
    }

    // ------------------------------------------------------------------ the world

    function movePrice(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 12);
        _movePrice(seed % 4, bound(seed >> 8, 7_000, 13_000));
        ++calls["movePrice"];
    }

    function passTime(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 13);
        uint256[4] memory most = [uint256(5 minutes), 2 hours, 2 days, 30 days];
        _passTime(bound(seed >> 8, 1, most[seed % 4]));
        ++calls["passTime"];
    }

    function silence(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 14);
        if (silent == NOTHING) _silence(seed % 4);
        else _revive();
    }

    function freeze(uint64 roll) external act {
        _freeze(_diceOf(roll, 15) % 8);
    }

    function notePrice(uint64 roll) external act {
        _notePrice(_diceOf(roll, 16) % 4);
    }

    /// @dev An operator's right ends, or begins for up to two days.
    function setOperator(uint64 roll) external act {
        uint256 seed = _diceOf(roll, 17);
        Books memory before = _books();
        _setOperator(
            _ownerOf(seed % ACTORS),
            (seed >> 8) % 4,
            (seed >> 16) % 2 == 0 ? 0 : block.timestamp + ((seed >> 24) % 2 days)
        );
        ++calls["setOperator"];
        _verify(before, false);
    }

    // ------------------------------------------------------------------ internals

    /// @dev Fuzzers prefer small and extreme numbers; who acts on what should be even.
    function _diceOf(uint64 roll, uint256 purpose) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(roll, purpose)));
    }

    /// @dev A trade, then a liquidation: in turn plainly, with a dead market among the collateral, after a crash, and a
    /// crash in which several are bankrupt one after the other.
    function _beat(uint256 seed) private {
        _revive();
        uint256 before = calls["trade"];
        for (uint256 i = 0; i < 12 && calls["trade"] == before; ++i) {
            Deal memory deal = _dealOf(_diceOf(uint64(seed), i));
            if (i < 4)
                deal.size =
                    (deal.size > 0 ? int256(1) : -1) *
                    int256(_sizeFor(deal.taker, deal.maker, deal.perpetual, type(uint256).max));
            else deal.size = deal.size / int256(4 ** (i - 3)) + 1;
            _clearOne(deal);
        }
        uint256 kind = (acts / HEARTBEAT) % 4;
        if (kind == 1) _silence(2);
        _bringDown(seed >> 24, kind >= 2 ? 2_500 : 1_000);
        if (kind == 3) _bringDown(seed >> 32, 2_500);
    }

    /// @dev Mints for the account's owner and deposits; token 0 is the settlement token.
    function _give(uint256 place, uint256 which, uint256 amount) private {
        address owner = _ownerOf(place);
        MockToken token = _system.tokens[which];
        token.mint(owner, amount);
        vm.startPrank(owner);
        token.approve(address(_system.vault), amount);
        _system.vault.deposit(_accounts[place], address(token), amount);
        vm.stopPrank();
        _flowed(which, -int256(amount));
    }

    /// @dev So many dollars at the first prices [token].
    function _unitsOf(uint256 which, uint256 dollars) private view returns (uint256) {
        uint256[5] memory prices = [uint256(1), 3_000, 60_000, 150, 50];
        return (dollars * 10 ** _system.tokens[which].decimals()) / prices[which];
    }

    /// @dev Any two accounts, any perpetual, at any price of the band, half of them at its edges, with a fee of 5 bps for
    /// the taker and a builder's fee for the maker.
    function _dealOf(uint256 seed) private view returns (Deal memory deal) {
        deal.taker = seed % ACTORS;
        deal.maker = (deal.taker + 1 + ((seed >> 8) % (ACTORS - 1))) % ACTORS;
        deal.perpetual = (seed >> 16) % 3;
        int256 size = int256(_sizeFor(deal.taker, deal.maker, deal.perpetual, seed >> 64));
        deal.size = (seed >> 24) % 2 == 0 ? size : -size;
        int256 offsetBps = int256((seed >> 32) % 2_001) - 1_000;
        if (offsetBps > 500) offsetBps = 500;
        if (offsetBps < -500) offsetBps = -500;
        _price(deal, offsetBps, seed >> 48);
    }

    /// @dev Makes a deal smaller, with its fees.
    function _shrink(Deal memory deal, uint256 divisor) private pure {
        deal.size = deal.size / int256(divisor) + (deal.size > 0 ? int256(1) : -1);
        deal.takerFee /= divisor;
        deal.builderFee /= divisor;
    }

    /// @dev Sets price and fees; in a silent market usually as the design wants them.
    function _price(Deal memory deal, int256 offsetBps, uint256 seed) private view {
        bool isLast = deal.perpetual == silent && seed % 4 != 0;
        deal.price = (_answerOf(deal.perpetual) * uint256(10_000 + offsetBps)) / 10_000;
        if (offsetBps < 0) ++deal.price;
        if (isLast && _lastMark[deal.perpetual] != 0) deal.price = _lastMark[deal.perpetual];
        uint256 notional = (_magnitude(deal.size) * deal.price) / WAD;
        deal.takerFee = notional / 2_000;
        deal.builderFee = deal.perpetual == silent && (seed >> 4) % 4 != 0 ? 0 : notional / 10_000;
    }

    /// @dev From a hundred dollars to what both sides could just carry, so that most trades pass and some do not.
    function _sizeFor(uint256 taker, uint256 maker, uint256 perpetual, uint256 roll) private view returns (uint256) {
        (int256 a, int256 b) = (_roughEquityOf(taker), _roughEquityOf(maker));
        int256 poorer = a < b ? a : b;
        uint256 most = poorer > 20e18 ? 14 * uint256(poorer) : 280e18;
        if (roll != type(uint256).max) roll = bound(roll, 100e18, most);
        return (_least(roll, most) * WAD) / _answerOf(perpetual) + 1;
    }

    function _roughEquityOf(uint256 place) private view returns (int256 equity) {
        equity = _system.vault.cashOf(_accounts[place]);
        for (uint256 i = 0; i < PERPETUALS; ++i) {
            equity += (_sizeOf(place, i) * int256(_answerOf(i))) / int256(WAD);
            equity += _system.clearinghouse.positionOf(_accounts[place], _system.perpetuals[i]).quote;
        }
    }

    function _keyOf(uint256 place, address signer) private returns (uint256 key) {
        if (signer == _ownerOf(place)) return _keys[place];
        for (uint256 i = 0; i < 4; ++i) {
            (address operator, uint256 found) = makeAddrAndKey(string.concat("operator", vm.toString(i)));
            if (operator == signer) return found;
        }
        (, key) = makeAddrAndKey("stranger");
    }

    /// @dev A filled order is used up, whoever brings it again.
    function _assertUsed(SignedOrder[2] memory orders, uint128 size) private {
        try this.matchPair(orders, size) {
            assertTrue(false, "I4: an order was filled twice");
        } catch (bytes memory reason) {
            _expect(reason, IExchange.NonceUsed.selector);
        }
    }

    /// @dev What is filled is remembered, and only the rest is left to fill.
    function _assertPartlyFilled(SignedOrder[2] memory orders, uint256 filled, uint256 left) private {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 hash = _system.exchange.hashOrder(orders[i].order);
            assertEq(_system.exchange.filledOf(hash), filled, "I4: filled");
        }
        try this.matchPair(orders, uint128(left + 1)) {
            assertTrue(false, "I4: an order was filled beyond its size");
        } catch (bytes memory reason) {
            _expect(reason, IExchange.InvalidFill.selector);
        }
    }

    function _expectTradeError(bytes memory reason, uint256 perpetual) private view {
        bytes4 selector = bytes4(reason);
        if (selector == IClearinghouse.NotReducing.selector) assertTrue(_isFrozen(perpetual), "not frozen");
        else if (selector == IPriceOracle.StalePrice.selector) assertTrue(silent != NOTHING, "not stale");
        else if (
            selector != IClearinghouse.OpenInterestCapExceeded.selector &&
            selector != IClearinghouse.PriceOutsideBand.selector &&
            selector != IClearinghouse.BelowMaintenanceAtLastMark.selector
        ) _expect(reason, IMarginEngine.RiskNotReduced.selector);
    }
}
