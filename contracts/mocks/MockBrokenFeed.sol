// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MockBrokenFeed
/// @notice A feed that states its decimals and fails every other call, in a way that can be chosen.
contract MockBrokenFeed {
    error Broken(bytes payload);

    enum Failure {
        Reverts,
        RevertsWithBomb,
        ReturnsTooLittle,
        ReturnsBomb
    }

    /// @dev Copying it would cost a reader more than 100,000 gas.
    uint256 private constant BOMB = 1 << 18;

    uint8 public decimals;
    Failure public failure;

    constructor(uint8 decimals_, Failure failure_) {
        decimals = decimals_;
        failure = failure_;
    }

    receive() external payable {
        revert Broken("");
    }

    fallback(bytes calldata) external payable returns (bytes memory) {
        if (failure == Failure.Reverts) revert Broken("");
        if (failure == Failure.RevertsWithBomb) revert Broken(new bytes(BOMB));
        if (failure == Failure.ReturnsBomb) return new bytes(BOMB);
        // Four of a round's five words, and each of them plausible.
        return abi.encode(1, 3_000 * 10 ** decimals, block.timestamp, block.timestamp);
    }
}
