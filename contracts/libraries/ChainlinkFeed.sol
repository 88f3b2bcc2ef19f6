// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

/// @dev What older aggregators offer beside AggregatorV3Interface; Chainlink's package declares it nowhere.
interface IClampedAggregator {
    function aggregator() external view returns (address);

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

    /// @notice The feed's decimals, UNKNOWN_DECIMALS when the feed does not answer.
    function decimalsOf(address feed) internal view returns (uint256) {
        (bool answered, uint256 decimals) = _word(feed, AggregatorV3Interface.decimals.selector);
        return answered ? decimals : UNKNOWN_DECIMALS;
    }

    /// @notice Where the aggregator behind the feed clamps its answers, in the feed's decimals; the limits of int256
    /// where it names no clamp.
    function clampOf(address feed) internal view returns (int256 least, int256 most) {
        (bool isProxy, uint256 behind) = _word(feed, IClampedAggregator.aggregator.selector);
        address aggregator = isProxy && behind <= type(uint160).max ? address(uint160(behind)) : feed;
        (bool hasLeast, uint256 leastWord) = _word(aggregator, IClampedAggregator.minAnswer.selector);
        (bool hasMost, uint256 mostWord) = _word(aggregator, IClampedAggregator.maxAnswer.selector);
        least = hasLeast ? int256(leastWord) : type(int256).min;
        most = hasMost ? int256(mostWord) : type(int256).max;
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
