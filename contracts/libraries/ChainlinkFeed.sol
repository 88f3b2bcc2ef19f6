// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

/// @dev What Chainlink's proxies and aggregators offer beside AggregatorV3Interface; its package declares it nowhere.
interface IChainlinkProxy {
    function aggregator() external view returns (address);

    function phaseAggregators(uint16 phase) external view returns (address);

    function latestRound() external view returns (uint256);
}

/// @dev What older aggregators offer; Chainlink's package declares it nowhere.
interface IClampedAggregator {
    function minAnswer() external view returns (int192);

    function maxAnswer() external view returns (int192);
}

/// @title ChainlinkFeed
/// @notice Reads of a Chainlink feed that cannot make the reader revert.
/// @dev Solidity's try/catch reverts in the caller when the target has no code or returns too little, and copies all
/// that is returned; these reads report all of that as "did not answer" and copy a fixed number of words. No gas is set
/// aside for the feed: a caller who starves a read has less than 1/63 of its cost left, too little for another source.
library ChainlinkFeed {
    /// @notice What stands for the decimals of a feed that does not say.
    uint256 internal constant UNKNOWN_DECIMALS = type(uint256).max;

    /// @notice The feed's latest round; all 0 when the feed does not answer.
    function latestRound(address feed) internal view returns (int256 answer, uint256 startedAt, uint256 updatedAt) {
        bytes4 selector = AggregatorV3Interface.latestRoundData.selector;
        // (bool success, bytes memory data) = feed.staticcall(abi.encodeWithSelector(selector));
        // if (success && data.length >= 160) (, answer, startedAt, updatedAt, ) = abi.decode(data, (...));
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(0x00, selector)
            let success := staticcall(gas(), feed, 0x00, 0x04, words, 0xa0)
            if and(success, gt(returndatasize(), 0x9f)) {
                answer := mload(add(words, 0x20))
                startedAt := mload(add(words, 0x40))
                updatedAt := mload(add(words, 0x60))
            }
        }
    }

    /// @notice The number of the feed's latest round; 0 when the feed does not answer. In a proxy's number the aggregator's
    /// phase stands above bit 64.
    function latestRoundId(address feed) internal view returns (uint256) {
        (bool answered, uint256 id) = _word(feed, AggregatorV3Interface.latestRoundData.selector);
        return answered ? id : 0;
    }

    /// @notice One of the feed's rounds; all 0 when there is none of this number.
    function roundAt(address feed, uint256 id) internal view returns (int256 answer, uint256 updatedAt) {
        bytes4 selector = AggregatorV3Interface.getRoundData.selector;
        // (bool success, bytes memory data) = feed.staticcall(abi.encodeWithSelector(selector, id));
        // if (success && data.length >= 160) (, answer, , updatedAt, ) = abi.decode(data, (...));
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, id)
            let success := staticcall(gas(), feed, 0x00, 0x24, words, 0xa0)
            if and(success, gt(returndatasize(), 0x9f)) {
                answer := mload(add(words, 0x20))
                updatedAt := mload(add(words, 0x60))
            }
        }
    }

    /// @notice The last round of an aggregator that a proxy once used; 0 when the feed does not say, as one without phases.
    function lastRoundOf(address feed, uint16 phase) internal view returns (uint256) {
        bytes4 selector = IChainlinkProxy.phaseAggregators.selector;
        address aggregator;
        // (bool success, bytes memory data) = feed.staticcall(abi.encodeWithSelector(selector, phase));
        // if (success && data.length >= 32) aggregator = abi.decode(data, (address));
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, phase)
            let success := staticcall(gas(), feed, 0x00, 0x24, 0x00, 0x20)
            if and(success, gt(returndatasize(), 0x1f)) {
                aggregator := shr(96, shl(96, mload(0x00)))
            }
        }
        (bool answered, uint256 round) = _word(aggregator, IChainlinkProxy.latestRound.selector);
        return answered ? round : 0;
    }

    /// @notice The feed's decimals, UNKNOWN_DECIMALS when the feed does not answer.
    function decimalsOf(address feed) internal view returns (uint256) {
        (bool answered, uint256 decimals) = _word(feed, AggregatorV3Interface.decimals.selector);
        return answered ? decimals : UNKNOWN_DECIMALS;
    }

    /// @notice Where the aggregator behind the feed clamps its answers, in the feed's decimals; the limits of int256
    /// where it names no clamp.
    function clampOf(address feed) internal view returns (int256 least, int256 most) {
        (bool isProxy, uint256 behind) = _word(feed, IChainlinkProxy.aggregator.selector);
        address aggregator = isProxy && behind <= type(uint160).max ? address(uint160(behind)) : feed;
        (bool hasLeast, uint256 leastWord) = _word(aggregator, IClampedAggregator.minAnswer.selector);
        (bool hasMost, uint256 mostWord) = _word(aggregator, IClampedAggregator.maxAnswer.selector);
        least = hasLeast ? int256(leastWord) : type(int256).min;
        most = hasMost ? int256(mostWord) : type(int256).max;
    }

    /// @notice An answer as a price: raw x 10^(18 - decimals), rounded down; 0 below zero and 2^256 - 1 where the product
    /// would not fit, both of which lie outside of every band.
    function toWad(int256 raw, uint256 decimals) internal pure returns (uint256) {
        if (raw <= 0) return 0;
        if (decimals >= 18) return uint256(raw) / 10 ** (decimals - 18);
        // Unchecked: the scale is at most 1e18, and a product that would not fit is compared first.
        unchecked {
            uint256 scale = 10 ** (18 - decimals);
            return uint256(raw) > type(uint256).max / scale ? type(uint256).max : uint256(raw) * scale;
        }
    }

    /// @dev The first word of the answer to a call without arguments.
    function _word(address target, bytes4 selector) private view returns (bool answered, uint256 word) {
        // (bool success, bytes memory data) = target.staticcall(abi.encodeWithSelector(selector));
        // answered = success && data.length >= 32; if (answered) word = abi.decode(data, (uint256));
        assembly ("memory-safe") {
            mstore(0x00, selector)
            answered := staticcall(gas(), target, 0x00, 0x04, 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            if answered {
                word := mload(0x00)
            }
        }
    }
}
