// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockPhaseAggregator} from "./MockPhaseAggregator.sol";

/// @title MockPhasedFeed
/// @notice A Chainlink feed as it is: a proxy that stays, and an aggregator for each of its phases.
/// @dev A round's number in the proxy is phase x 2^64 + its number in the aggregator. The aggregators can be reached at
/// `phaseAggregators`: what is written to them shows here, also after the proxy has moved on.
contract MockPhasedFeed {
    error NoSuchPhase(uint16 phase);

    uint8 public decimals;
    uint16 public phaseId;
    mapping(uint16 phase => MockPhaseAggregator aggregator) public phaseAggregators;

    /// @param firstPhase The phase at which this proxy's story begins.
    constructor(uint8 decimals_, uint16 firstPhase) {
        decimals = decimals_;
        prepare(firstPhase);
        phaseId = firstPhase;
    }

    /// @notice The proxy moves to a phase, with a new aggregator if it has none yet.
    function moveTo(uint16 phase) external {
        if (address(phaseAggregators[phase]) == address(0)) prepare(phase);
        phaseId = phase;
    }

    /// @notice The phase's aggregator writes rounds.
    /// @param first The number of the first one, in the aggregator.
    function write(uint16 phase, uint256 first, MockPhaseAggregator.Round[] calldata rounds) external {
        _aggregatorOf(phase).write(first, rounds);
    }

    function aggregator() external view returns (address) {
        return address(phaseAggregators[phaseId]);
    }

    function latestRound() external view returns (uint256) {
        return _idOf(phaseId, phaseAggregators[phaseId].latestRound());
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, ) = phaseAggregators[phaseId]
            .latestRoundData();
        uint80 id = _idOf(phaseId, round);
        return (id, answer, startedAt, updatedAt, id);
    }

    function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80) {
        (, int256 answer, uint256 startedAt, uint256 updatedAt, ) = _aggregatorOf(uint16(id >> 64)).getRoundData(
            uint64(id)
        );
        return (id, answer, startedAt, updatedAt, id);
    }

    /// @notice A phase gets its aggregator, which may write rounds before the proxy moves to it.
    function prepare(uint16 phase) public {
        phaseAggregators[phase] = new MockPhaseAggregator();
    }

    function _aggregatorOf(uint16 phase) private view returns (MockPhaseAggregator found) {
        found = phaseAggregators[phase];
        if (address(found) == address(0)) revert NoSuchPhase(phase);
    }

    function _idOf(uint16 phase, uint256 round) private pure returns (uint80) {
        return uint80((uint256(phase) << 64) | round);
    }
}
