// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DynamicBufferLib} from "solady/src/utils/DynamicBufferLib.sol";
import {CashPool} from "../clearing/CashPool.sol";
import {Funding} from "../clearing/Funding.sol";
import {Interest} from "../clearing/Interest.sol";
import {Ledger} from "../clearing/Ledger.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {CashParameters} from "../types/Cash.sol";
import {FundingParameters, packFundingRules} from "../types/FundingRules.sol";

/// @title MockFormulas
/// @notice The formulas of cash and of funding alone, for thousands of cases in one call: what the mirrors of the SDK are
/// compared with. Answers are words of 32 bytes, one after another. Meant for `eth_call`: nothing stays stored.
contract MockFormulas {
    using DynamicBufferLib for DynamicBufferLib.DynamicBuffer;

    /// @notice A pool of cash, an account of it, and what happens to both; amounts are WADs.
    struct PoolCase {
        CashParameters rules;
        uint256 tokens;
        int104 net;
        uint104 debt;
        uint72 supplyIndex;
        uint80 borrowIndex;
        uint112 reserved;
        uint64 lostShare;
        /// Since it accrued, and since lenders lost [seconds].
        uint32 elapsed;
        uint32 lostAgo;
        /// The account's.
        int256 principal;
        int256 amount;
        int256 least;
        uint256 loss;
        uint256 capBps;
    }

    /// @notice An instrument, trades in it, and a position [wad unless said otherwise].
    struct FundingCase {
        FundingParameters rules;
        uint96 mark;
        /// [1e-15 per period]
        int48 premium;
        uint32 elapsed;
        uint128 price;
        uint256 venueFees;
        uint256 openNotional;
        int128 size;
        int128 quote;
        int104 index;
    }

    CashPool private _pool;

    /// @notice Of each case: time, the pool accrued, its figures, what is spare, the account's change, what lenders bear.
    function pools(PoolCase[] calldata cases) external returns (bytes memory) {
        DynamicBufferLib.DynamicBuffer memory words;
        words.p(abi.encode(block.timestamp));
        for (uint256 i = 0; i < cases.length; ++i) {
            _store(cases[i]);
            uint256 supplyIndex = cases[i].debt == 0 ? _pool.supplyIndex : _pool.accrue(cases[i].tokens);
            _putPool(words);
            _putViews(words, cases[i]);
            (int256 principal, int256 cash) = _pool.change(supplyIndex, cases[i].principal, cases[i].amount);
            words.p(abi.encode(principal, cash));
            words.p(abi.encode(_pool.charge(cases[i].tokens, cases[i].loss, cases[i].capBps)));
            _putPool(words);
        }
        return words.data;
    }

    /// @notice Of each case: what has accrued, the premium and the rate now, after a trade of it; then the position.
    function fundings(FundingCase[] calldata cases) external pure returns (bytes memory) {
        DynamicBufferLib.DynamicBuffer memory words;
        for (uint256 i = 0; i < cases.length; ++i) {
            _putFunding(words, cases[i]);
            _putPosition(words, cases[i]);
        }
        return words.data;
    }

    function _store(PoolCase calldata one) private {
        _pool.setRules(one.rules);
        (_pool.supplyIndex, _pool.borrowIndex) = (one.supplyIndex, one.borrowIndex);
        (_pool.net, _pool.debt, _pool.indebted) = (one.net, one.debt, one.debt != 0);
        (_pool.reserved, _pool.lostShare) = (one.reserved, one.lostShare);
        _pool.accruedAt = uint32(block.timestamp) - one.elapsed;
        _pool.lostAt = uint32(block.timestamp) - one.lostAgo;
    }

    function _putPool(DynamicBufferLib.DynamicBuffer memory words) private view {
        words.p(abi.encode(_pool.supplyIndex, _pool.borrowIndex, _pool.net, _pool.debt));
        words.p(abi.encode(_pool.reserved, _pool.lostShare));
    }

    function _putViews(DynamicBufferLib.DynamicBuffer memory words, PoolCase calldata one) private view {
        (Interest.Pool memory pool, ) = _pool.accrued(one.tokens);
        words.p(abi.encode(_pool.figures(pool)));
        words.p(abi.encode(_pool.spareOf(pool, one.principal, one.least), _pool.loanRoom(pool)));
    }

    function _putFunding(DynamicBufferLib.DynamicBuffer memory words, FundingCase calldata one) private pure {
        int16 interest = one.rules.interestMillionths;
        int256 left = Funding.faded(one.premium, one.elapsed);
        words.p(abi.encode(Funding.accrued(one.mark, one.premium, interest, one.elapsed), left));
        words.p(abi.encode(Funding.perYear(Funding.rateOf(left, interest))));
        uint256 notional = WadMath.abs(Ledger.tradeQuote(one.size, one.price));
        uint256 counted = Funding.countedNotional(notional, one.venueFees);
        int256 seen = Funding.observed(one.price, one.mark, packFundingRules(one.rules));
        uint256 depth = Funding.depthOf(one.openNotional, packFundingRules(one.rules));
        words.p(abi.encode(counted, seen, depth, counted == 0 ? left : Funding.moved(left, seen, counted, depth)));
    }

    function _putPosition(DynamicBufferLib.DynamicBuffer memory words, FundingCase calldata one) private pure {
        int256 real = Ledger.realQuote(one.size, one.quote, one.index);
        words.p(abi.encode(real, Ledger.stored(one.size, real, one.index).quote));
        words.p(abi.encode(Ledger.valueOf(one.size, real, one.mark), Ledger.tradeQuote(one.size, one.price)));
    }
}
