// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";

/// @title MockFeedProxy
/// @notice Chainlink's mock with the name of an aggregator behind it, as a feed's proxy has.
contract MockFeedProxy is MockV3Aggregator {
    address public aggregator;

    constructor(uint8 decimals_, int256 answer, address aggregator_) MockV3Aggregator(decimals_, answer) {
        aggregator = aggregator_;
    }
}
