// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";

/// @title MockClampedAggregator
/// @notice Chainlink's mock with the clamp of an older aggregator, in the feed's decimals.
contract MockClampedAggregator is MockV3Aggregator {
    int192 public minAnswer;
    int192 public maxAnswer;

    constructor(
        uint8 decimals_,
        int256 answer,
        int192 minAnswer_,
        int192 maxAnswer_
    ) MockV3Aggregator(decimals_, answer) {
        minAnswer = minAnswer_;
        maxAnswer = maxAnswer_;
    }
}
