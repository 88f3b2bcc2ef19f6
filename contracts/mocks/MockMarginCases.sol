// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DynamicBufferLib} from "solady/src/utils/DynamicBufferLib.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {Delta} from "../types/Portfolio.sol";

/// @notice A feed that tests write, like MockV3Aggregator.
interface IWrittenFeed {
    function latestRound() external view returns (uint256);
    function updateRoundData(uint80 roundId, int256 answer, uint256 updatedAt, uint256 startedAt) external;
}

/// @title MockMarginCases
/// @notice Thousands of questions to the margin engine in few calls: each call sets feeds as a test wants them and asks. Meant
/// for `eth_call`: nothing stays set, so one state of the chain is seen at many prices.
contract MockMarginCases {
    using DynamicBufferLib for DynamicBufferLib.DynamicBuffer;

    /// @notice The call has too little gas for its questions.
    error OutOfGas();

    /// @notice What a feed answers, and since when; a time of 0 is the moment of the call.
    struct FeedAnswer {
        IWrittenFeed feed;
        int256 answer;
        /// [unix seconds]
        uint256 updatedAt;
    }

    /// @notice What-if, as `marginWith` is asked.
    struct Question {
        AccountId account;
        Delta[] deltas;
        /// [wad]
        int256 cash;
    }

    /// @notice How much of a token can be withdrawn.
    struct Withdrawal {
        AccountId account;
        address token;
    }

    /// @notice At which price an account would be liquidated.
    struct Search {
        AccountId account;
        InstrumentId instrument;
    }

    /// @notice All that is asked at some prices.
    struct Scene {
        FeedAnswer[] feeds;
        /// Whose prices are told: today's and the last.
        uint24[] underlyings;
        /// Whose liquidations are previewed.
        AccountId[] previews;
        Question[] questions;
        Withdrawal[] withdrawals;
        Search[] searches;
    }

    IMarginEngine private immutable ENGINE;
    IPriceOracle private immutable ORACLE;

    constructor(IMarginEngine engine, IPriceOracle oracle) {
        (ENGINE, ORACLE) = (engine, oracle);
    }

    /// @notice Words of 32 bytes: the time, then each answer in the order of the questions: 1 and its words, or 0 when the view
    /// reverted. A price and a last price are two answers.
    function ask(Scene calldata scene) external returns (bytes memory) {
        DynamicBufferLib.DynamicBuffer memory words;
        _set(scene.feeds);
        words.p(abi.encode(block.timestamp));
        for (uint256 i = 0; i < scene.underlyings.length; ++i) {
            _put(words, address(ORACLE), abi.encodeCall(IPriceOracle.price, (scene.underlyings[i])));
            _put(words, address(ORACLE), abi.encodeCall(IPriceOracle.lastPrice, (scene.underlyings[i])));
        }
        _askEngine(words, scene);
        return words.data;
    }

    function _askEngine(DynamicBufferLib.DynamicBuffer memory words, Scene calldata scene) private view {
        for (uint256 i = 0; i < scene.previews.length; ++i) {
            _put(words, address(ENGINE), abi.encodeCall(IMarginEngine.previewLiquidation, (scene.previews[i])));
        }
        for (uint256 i = 0; i < scene.questions.length; ++i) {
            Question calldata one = scene.questions[i];
            bytes memory call = abi.encodeCall(IMarginEngine.marginWith, (one.account, one.deltas, one.cash));
            _put(words, address(ENGINE), call);
        }
        for (uint256 i = 0; i < scene.withdrawals.length; ++i) {
            Withdrawal calldata one = scene.withdrawals[i];
            _put(words, address(ENGINE), abi.encodeCall(IMarginEngine.withdrawable, (one.account, one.token)));
        }
        for (uint256 i = 0; i < scene.searches.length; ++i) {
            Search calldata one = scene.searches[i];
            _put(words, address(ENGINE), abi.encodeCall(IMarginEngine.liquidationPrice, (one.account, one.instrument)));
        }
    }

    function _set(FeedAnswer[] calldata feeds) private {
        for (uint256 i = 0; i < feeds.length; ++i) {
            uint256 updatedAt = feeds[i].updatedAt == 0 ? block.timestamp : feeds[i].updatedAt;
            uint80 round = uint80(feeds[i].feed.latestRound()) + 1;
            feeds[i].feed.updateRoundData(round, feeds[i].answer, updatedAt, updatedAt);
        }
    }

    function _put(DynamicBufferLib.DynamicBuffer memory words, address target, bytes memory call) private view {
        (bool answered, bytes memory answer) = target.staticcall(call);
        // Every refusal has a reason, so this is gas that has run out: no answer at all.
        if (!answered && answer.length == 0) revert OutOfGas();
        words.p(abi.encode(answered));
        if (answered) words.p(answer);
    }
}
