// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {IVolatilityOracle} from "../interfaces/IVolatilityOracle.sol";
import {AccountId} from "../types/AccountId.sol";
import {CashFigures} from "../types/Cash.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {MarginRates} from "../types/MarginRates.sol";
import {Margin} from "../types/Portfolio.sol";
import {Position} from "../types/Position.sol";

/// @title MockReader
/// @notice All that the views say, as one list of words, so that a test compares everything after every act with one
/// call. The order of the words is that of `wordsOf` in test/reference/scenario/words.ts.
contract MockReader {
    /// @notice `fundingOf` and `indicesOf` say different things.
    error ViewsDiffer(InstrumentId instrument);

    IVault private immutable VAULT;
    IClearinghouse private immutable CLEARINGHOUSE;
    IMarginEngine private immutable ENGINE;
    IRules private immutable RULES;
    IVolatilityOracle private immutable VOLATILITY;

    /// @dev In the last of all brackets: what it is charged depends on each of them [wad].
    uint256 private constant LARGE_NOTIONAL = 1_000_000e18;

    /// @notice What is asked of one account.
    struct Query {
        AccountId account;
        /// Whose `withdrawable` is asked.
        address[] tokens;
    }

    struct Words {
        uint256[] words;
        uint256 count;
    }

    constructor(
        IVault vault,
        IClearinghouse clearinghouse,
        IMarginEngine engine,
        IRules rules,
        IVolatilityOracle volatility
    ) {
        VAULT = vault;
        CLEARINGHOUSE = clearinghouse;
        ENGINE = engine;
        RULES = rules;
        VOLATILITY = volatility;
    }

    /// @notice Everything that is stored for tokens, instruments and accounts, and what the margin engine says of some.
    function read(
        address[] calldata tokens,
        InstrumentId[] calldata instruments,
        AccountId[] calldata accounts,
        Query[] calldata queries
    ) external view returns (uint256[] memory) {
        Words memory out;
        out.words = new uint256[](2_048);
        _put(out, block.timestamp);
        _put(out, CLEARINGHOUSE.reserve());
        _put(out, CLEARINGHOUSE.deficit());
        _put(out, CLEARINGHOUSE.openNotional());
        _readPool(out);
        for (uint256 i = 0; i < tokens.length; ++i) _readToken(out, tokens[i]);
        for (uint256 i = 0; i < instruments.length; ++i) _readInstrument(out, instruments[i]);
        for (uint256 i = 0; i < instruments.length; ++i) _readRates(out, instruments[i].underlyingOf());
        for (uint256 i = 0; i < accounts.length; ++i) _readAccount(out, accounts[i]);
        for (uint256 i = 0; i < queries.length; ++i) _readMargin(out, queries[i]);
        return _cut(out);
    }

    function _readPool(Words memory out) private view {
        CashFigures memory pool = VAULT.cashPool();
        _put(out, pool.supplyIndex);
        _put(out, pool.borrowIndex);
        _put(out, pool.utilisation);
        _put(out, pool.borrowRate);
        _put(out, pool.supplyRate);
        _put(out, pool.positiveCash);
        _put(out, pool.debt);
        _put(out, VAULT.loanRoom());
        _put(out, VAULT.interestReserve());
    }

    function _readToken(Words memory out, address token) private view {
        _put(out, VAULT.trackedOf(token));
        _put(out, VAULT.releasableOf(token));
        _put(out, IERC20(token).balanceOf(address(VAULT)));
    }

    function _readInstrument(Words memory out, InstrumentId instrument) private view {
        (int256 longIndex, int256 shortIndex) = CLEARINGHOUSE.indicesOf(instrument);
        (int256 rate, int256 premium, int256 ofLongs, int256 ofShorts) = CLEARINGHOUSE.fundingOf(instrument);
        if (ofLongs != longIndex || ofShorts != shortIndex) revert ViewsDiffer(instrument);
        _put(out, CLEARINGHOUSE.openInterestOf(instrument));
        _put(out, rate);
        _put(out, premium);
        _put(out, longIndex);
        _put(out, shortIndex);
    }

    /// @dev The rates of an underlying with what they follow from, and the rounds that were followed.
    function _readRates(Words memory out, uint24 underlying) private view {
        MarginRates memory rates = RULES.marginRatesOf(underlying);
        _put(out, rates.initial);
        _put(out, rates.maintenance);
        _put(out, rates.slowSigma);
        _put(out, rates.fastSigma);
        _put(out, rates.priorSigma);
        _put(out, rates.lastRoundAt);
        _put(out, rates.rules.initialFloorBps());
        _put(out, rates.rules.maintenanceCapBps());
        _put(out, rates.brackets.chargedNotional(LARGE_NOTIONAL));
        _put(out, rates.endOfRamp);
        _put(out, rates.targetBrackets.chargedNotional(LARGE_NOTIONAL));
        _put(out, rates.targetInitial);
        _put(out, rates.targetMaintenance);
        IVolatilityOracle.Volatility memory volatility = VOLATILITY.volatilityOf(underlying);
        _put(out, volatility.slowVariance);
        _put(out, volatility.fastVariance);
        _put(out, volatility.acceptedAt);
        _put(out, volatility.answer);
        _put(out, volatility.roundId);
    }

    function _readAccount(Words memory out, AccountId account) private view {
        (int256 cash, uint256 tokens, uint256[] memory amounts) = VAULT.balancesOf(account);
        _put(out, cash);
        _put(out, CLEARINGHOUSE.flaggedAt(account));
        _put(out, CLEARINGHOUSE.calledAt(account));
        _put(out, tokens);
        for (uint256 i = 0; i < amounts.length; ++i) _put(out, amounts[i]);
        InstrumentId[] memory instruments = CLEARINGHOUSE.instrumentsOf(account);
        _put(out, instruments.length);
        for (uint256 i = 0; i < instruments.length; ++i) {
            Position memory position = CLEARINGHOUSE.positionOf(account, instruments[i]);
            _put(out, InstrumentId.unwrap(instruments[i]));
            _put(out, position.size);
            _put(out, position.quote);
        }
    }

    /// @dev Each answer begins with 0, or is the error's selector alone.
    function _readMargin(Words memory out, Query calldata query) private view {
        AccountId account = query.account;
        try ENGINE.marginOf(account) returns (Margin memory margin) {
            _put(out, uint256(0));
            _put(out, margin.equity);
            _put(out, margin.initial);
            _put(out, margin.maintenance);
        } catch (bytes memory reason) {
            _put(out, uint32(bytes4(reason)));
        }
        try ENGINE.previewLiquidation(account) returns (uint256 fraction, int256 payment, int256 kept, int256 fee) {
            _put(out, uint256(0));
            _put(out, fraction);
            _put(out, payment);
            _put(out, kept);
            _put(out, fee);
        } catch (bytes memory reason) {
            _put(out, uint32(bytes4(reason)));
        }
        for (uint256 i = 0; i < query.tokens.length; ++i) {
            try ENGINE.withdrawable(account, query.tokens[i]) returns (uint256 amount) {
                _put(out, uint256(0));
                _put(out, amount);
            } catch (bytes memory reason) {
                _put(out, uint32(bytes4(reason)));
            }
        }
    }

    function _put(Words memory out, int256 word) private pure {
        _put(out, uint256(word));
    }

    function _put(Words memory out, uint256 word) private pure {
        out.words[out.count++] = word;
    }

    function _cut(Words memory out) private pure returns (uint256[] memory words) {
        words = new uint256[](out.count);
        for (uint256 i = 0; i < words.length; ++i) words[i] = out.words[i];
    }
}
