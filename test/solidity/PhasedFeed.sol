// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An aggregator behind a proxy; Chainlink's say something only to their proxy, and to people.
contract PhaseOfFeed {
    error NoAccess();

    address private immutable PROXY;
    uint256 private _latestRound;
    bool private _restricted;

    constructor() {
        PROXY = msg.sender;
    }

    function setLatestRound(uint256 round) external {
        _latestRound = round;
    }

    function setRestricted(bool restricted) external {
        _restricted = restricted;
    }

    function latestRound() external view returns (uint256) {
        if (_restricted && msg.sender != PROXY) revert NoAccess();
        return _latestRound;
    }
}

/// @title PhasedFeed
/// @notice A Chainlink proxy whose rounds a test writes: in phases, silent, or with an answer to everything.
contract PhasedFeed {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    error Silent();

    mapping(uint256 id => Round round) private _rounds;
    mapping(uint256 phase => PhaseOfFeed aggregator) private _phases;
    uint8 private immutable DECIMALS;
    uint256 private _phase;
    bool private _silent;
    /// @dev What odd and even rounds say when it answers everything.
    int256[2] private _always;

    modifier speaking() {
        if (_silent) revert Silent();
        _;
    }

    constructor(uint8 decimals_) {
        DECIMALS = decimals_;
    }

    function setSilent(bool silent) external {
        _silent = silent;
    }

    /// @notice The phase's aggregator talks to this proxy alone from now on.
    function restrict(uint256 phase) external {
        _aggregatorOf(phase).setRestricted(true);
    }

    function moveTo(uint256 phase) external {
        _phase = phase;
    }

    /// @notice Writes the next round of a phase; the proxy is in it, or was.
    function push(uint256 phase, int256 answer, uint256 updatedAt) external {
        _push(phase, answer, updatedAt);
    }

    /// @notice From now on every round has an answer and the time of now, up to the given one.
    function answerEverything(int256 odd, int256 even, uint64 latest) external {
        _always = [even, odd];
        _aggregatorOf(_phase).setLatestRound(latest);
    }

    function latestRoundData() external view speaking returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData((_phase << 64) | _phases[_phase].latestRound());
    }

    function getRoundData(uint80 id) external view speaking returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(id);
    }

    function decimals() external view speaking returns (uint8) {
        return DECIMALS;
    }

    function phaseAggregators(uint16 phase) external view speaking returns (address) {
        return address(_phases[phase]);
    }

    function _push(uint256 phase, int256 answer, uint256 updatedAt) private {
        PhaseOfFeed aggregator = _aggregatorOf(phase);
        uint256 round = aggregator.latestRound() + 1;
        aggregator.setLatestRound(round);
        _rounds[(phase << 64) | round] = Round(answer, updatedAt);
    }

    function _aggregatorOf(uint256 phase) private returns (PhaseOfFeed) {
        if (address(_phases[phase]) == address(0)) _phases[phase] = new PhaseOfFeed();
        return _phases[phase];
    }

    function _roundData(uint256 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = _rounds[id];
        if (round.updatedAt == 0 && _always[0] != 0) round = Round(_always[id % 2], block.timestamp);
        return (uint80(id), round.answer, round.updatedAt, round.updatedAt, uint80(id));
    }
}
