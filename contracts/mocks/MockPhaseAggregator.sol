// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MockPhaseAggregator
/// @notice One aggregator behind a feed's proxy, with rounds that can be written at will.
/// @dev Like Chainlink's OCR aggregators it answers a round that never was with zeros, or reverts like the older ones.
contract MockPhaseAggregator {
    /// @notice One slot, so that thousands of real rounds can be written.
    struct Round {
        int192 answer;
        /// [unix seconds]
        uint64 updatedAt;
    }

    error NoDataPresent(uint256 round);
    error RoundBroken(uint256 round);
    error NoLatestRound();

    /// @notice Whether a round that never was makes the read revert.
    bool public refusesEmpty;
    /// @notice Whether the aggregator keeps to itself which round is its latest.
    bool public isMute;

    uint256 private _latestRound;
    mapping(uint256 number => Round round) private _rounds;
    mapping(uint256 number => bool broken) private _broken;

    /// @notice Writes rounds of consecutive numbers; the last of them is the latest, unless a later one was before.
    /// @param first The number of the first one.
    function write(uint256 first, Round[] calldata rounds) external {
        for (uint256 i = 0; i < rounds.length; ++i) _rounds[first + i] = rounds[i];
        uint256 last = first + rounds.length - 1;
        if (last > _latestRound) _latestRound = last;
    }

    function setLatestRound(uint256 number) external {
        _latestRound = number;
    }

    function setBroken(uint256 number, bool broken) external {
        _broken[number] = broken;
    }

    function setRefusesEmpty(bool refuses) external {
        refusesEmpty = refuses;
    }

    function setMute(bool mute) external {
        isMute = mute;
    }

    function latestRound() external view returns (uint256) {
        if (isMute) revert NoLatestRound();
        return _latestRound;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(uint80(_latestRound));
    }

    function getRoundData(uint80 number) public view returns (uint80, int256, uint256, uint256, uint80) {
        if (_broken[number]) revert RoundBroken(number);
        Round memory round = _rounds[number];
        if (refusesEmpty && round.updatedAt == 0) revert NoDataPresent(number);
        return (number, round.answer, round.updatedAt, round.updatedAt, number);
    }
}
